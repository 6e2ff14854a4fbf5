//! What picks the next schedule, and what makes a failing one small.
