//! Seeded workloads and the comparison with other tools.
