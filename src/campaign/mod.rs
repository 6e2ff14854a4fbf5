//! Many runs with one report.
