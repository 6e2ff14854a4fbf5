//! What picks the next schedule, and what makes a failing one small.
//!
//! Luck by seed: [`Profile`] → [`Conditions`] of one seed → [`generate()`]. A drawn run becomes a scenario with
//! [`explicit()`], a failing scenario becomes a story with [`shrink()`], and [`steps`] says how long the story is. What a
//! story needs, how little would have saved it, and what would have mended it: `necessity`, `passing_twin`,
//! `repairs` (with the feature `cli`).
//! Which runs are done, and what is reported of them, is the campaign's business.

pub(crate) mod canonical;
pub(crate) mod conditions;
pub(crate) mod cost;
mod edit;
pub(crate) mod explicit;
pub(crate) mod generate;
#[cfg(feature = "cli")]
pub(crate) mod necessity;
#[cfg(feature = "cli")]
pub(crate) mod passing;
pub(crate) mod profile;
mod reduce_business;
mod reduce_luck;
mod reduce_time;
#[cfg(feature = "cli")]
pub(crate) mod repairs;
pub(crate) mod shrink;
pub(crate) mod story;

#[cfg(test)]
pub(crate) mod test_shop;

pub use conditions::Conditions;
pub use edit::{without_device, without_ops};
pub use explicit::explicit;
pub use generate::{device_name, generate, weather};
#[cfg(feature = "cli")]
pub use necessity::{Necessity, necessity};
#[cfg(feature = "cli")]
pub use passing::{Change, NoTwin, Twin, passing_twin};
pub use profile::{ALL as PROFILES, Profile, UnknownProfile};
#[cfg(feature = "cli")]
pub use repairs::{Repair, repairs};
pub use shrink::{SHRINK_BUDGET, Shrunk, shrink};
pub use story::{signature, steps};
