//! Scenario files: reading, checking, writing.
