//! Ctrl-C and time limits: the first asks the command to end and report, a second Ctrl-C ends at once.

use super::exit::Exit;
use super::failure::{Failure, to_stderr};
use crate::sim::Span;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// What tells a command to end early.
#[derive(Clone, Default)]
pub struct Stop {
    /// Set when the command should end, for whatever reason.
    pub flag: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Stop {
    /// Listens to Ctrl-C and to termination.
    ///
    /// # Errors
    /// If the operating system does not let us listen.
    pub fn listen() -> Result<Stop, Failure> {
        let stop = Stop::default();
        let (flag, interrupted) = (stop.flag.clone(), stop.interrupted.clone());
        let listening = ctrlc::set_handler(move || {
            if interrupted.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            flag.store(true, Ordering::SeqCst);
            to_stderr("ending: what was found so far is being reported (again to end at once)\n");
        });
        listening.map_err(|error| Failure::Usage(format!("cannot listen to Ctrl-C: {error}")))?;
        Ok(stop)
    }

    /// Whether Ctrl-C was the reason.
    pub fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Sets the flag after this span of wall time, unless the returned value is dropped before.
    pub fn after(&self, span: Span) -> TimeLimit {
        let (sender, receiver) = mpsc::channel();
        let flag = self.flag.clone();
        std::thread::spawn(move || {
            if receiver.recv_timeout(Duration::from_micros(span.0)) == Err(mpsc::RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::SeqCst);
            }
        });
        TimeLimit { _sender: sender }
    }
}

/// A time limit that is running.
pub struct TimeLimit {
    _sender: mpsc::Sender<()>,
}
