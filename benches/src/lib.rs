//! What the benchmarks measure on and against: [`workload`] makes the documents, [`bound`] is the least work that any
//! reader of YAML has to do. The comparison with other tools is `benches/compare`; start reading at [`workload::values`].

pub mod bound;
pub mod workload;
