//! Many runs with one report.
//!
//! [`Campaign::run`] does the runs of a range of seeds on several threads, shrinks the first failures of each kind, and
//! adds everything up in a [`Report`] that depends on neither threads nor order. [`vacuity()`] says whether a green
//! report means anything. [`hunt()`] looks for a bug that was planted on purpose. Nothing here prints or reads a clock.

pub mod blindness;
pub mod compare;
pub mod estimate;
pub mod figure;
pub mod finding;
pub mod hunt;
pub mod report;
pub mod run;
mod tally;
pub mod twin;
pub mod vacuity;

pub use blindness::{Attempt, Sight, sight};
pub use compare::{Cell, Compared, Comparison, Fixed, Standing, Tested};
pub use estimate::{Estimate, Quantile};
pub use figure::{FIGURES, Figure};
pub use finding::{Breadth, Finding};
pub use hunt::{Hunt, Quarry, Size, Tale, hunt, shortest};
pub use report::{Nondeterminism, Progress, Report};
pub use run::{Campaign, guarded, in_parallel};
pub use tally::Broken;
pub use twin::{ClockTwin, Compare};
pub use vacuity::{Vacuity, Verdict, vacuity};
