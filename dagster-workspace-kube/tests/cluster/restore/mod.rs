//! Recording in the flow, and installations rebuilt out of what was recorded: the command with real helm and charts, histories in
//! a directory and in S3.

mod account;
mod docs;
mod held;
mod kept;
mod pruned;
mod rebuilt;
mod record;
mod rollback;
mod s3;
