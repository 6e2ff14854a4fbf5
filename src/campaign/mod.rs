//! Many runs with one report.
//!
//! [`Campaign::run`] does the runs of a range of seeds on several threads, shrinks the first failures of each kind, and
//! adds everything up in a [`Report`] that depends on neither threads nor order. [`vacuity()`] says whether a green
//! report means anything. with the command line, `hunt` looks for a bug that was planted on purpose. Nothing here prints or reads a clock.

#[cfg(feature = "cli")]
pub(crate) mod blindness;
#[cfg(feature = "cli")]
pub(crate) mod compare;
pub(crate) mod divergence;
#[cfg(feature = "cli")]
pub(crate) mod estimate;
#[cfg(feature = "cli")]
pub(crate) mod figure;
pub(crate) mod finding;
#[cfg(feature = "cli")]
pub(crate) mod hunt;
pub(crate) mod report;
pub(crate) mod run;
mod tally;
pub(crate) mod twin;
pub(crate) mod vacuity;

#[cfg(feature = "cli")]
pub use blindness::{Attempt, Sight, sight};
#[cfg(feature = "cli")]
pub use compare::{Cell, Compared, Comparison, Fixed, Standing, Tested};
pub use divergence::{Divergence, Nondeterminism};
#[cfg(feature = "cli")]
pub use estimate::{Estimate, Quantile};
#[cfg(feature = "cli")]
pub use figure::{FIGURES, Figure};
pub use finding::{Breadth, Finding};
#[cfg(feature = "cli")]
pub use hunt::{Hunt, Quarry, Size, Tale, hunt, shortest};
pub use report::{Progress, Report};
pub use run::{Campaign, guarded, in_parallel};
pub use tally::Broken;
pub use twin::{ClockTwin, Compare};
pub use vacuity::{Vacuity, Verdict, vacuity};
