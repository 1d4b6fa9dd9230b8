//! What a person reads: tables, progress, the verdict.

mod progress;
mod summary;
mod table;

pub use progress::Progress;
pub use summary::{Summary, quantile};
pub use table::Table;
