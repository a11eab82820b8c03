//! Floor 3: what an answer cost. Usage times price in whole numbers, the Claude-only baseline, budgets, the daily
//! summary of the seeds. Pure: books come from `catalog`, rows from `journal`.

mod budget;
mod price;
mod reserve;
mod steps;
mod summary;

pub use budget::{Budget, Level, Verdict};
pub use price::{BASELINE_MODEL, Missing, Parts, Priced, baseline, price};
pub use reserve::{Booked, Budgets, Charge, Entry, Estimate, Hold, Limits, Reserve, Scope, Standing};
pub use steps::Steps;
pub use summary::{CostSummary, percentages, shares};
