//! Outcomes as tables and JSON.
