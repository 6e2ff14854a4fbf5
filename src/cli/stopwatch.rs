//! Wall time, for rates and limits; no result depends on it.

/// Measures from when it was made.
#[allow(clippy::disallowed_types)]
pub struct Stopwatch(std::time::Instant);

#[allow(clippy::disallowed_types)]
impl Stopwatch {
    /// Starts.
    pub fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }
    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// So many a second.
pub fn rate(n: u64, seconds: f64) -> u64 {
    if seconds > 0.0 { (n as f64 / seconds).round() as u64 } else { 0 }
}
