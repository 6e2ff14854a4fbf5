//! The story table: a column for each device and one for the server, if there is one, from the opening rows to rest.
//!
//! ```text
//!     time  till-1                    till-2                    server
//!    0.000  X 5                       X 5                       X 5
//!    1.000  sells 5 X (5 → 0) · saved ·                         ·
//!    4.000  push sale-1 ──────────────────────────────────────▶ +sale-1 · X 5 → 0 · accepted
//! ```
//! What stands on a line is decided in [`super::lines`], where it stands in [`super::layout`].

use super::{layout, lines};
use crate::harness::Outcome;
use crate::model::Scenario;
use crate::system::Facts;

/// How a table is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether ANSI colours may be used.
    pub color: bool,
    /// Whether every atomic step is shown, heartbeats included, with the labels of messages.
    pub steps: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 100, color: false, steps: false }
    }
}

/// The story of a run whose trace was kept; each line ends with a line break.
pub fn table(scenario: &Scenario, facts: &Facts, outcome: &Outcome, style: Style) -> String {
    let mut names = scenario.devices.clone();
    if facts.server {
        names.push("server".into());
    }
    layout::render(&names, &lines::lines(scenario, facts, outcome, style.steps), style)
}
