//! Panics inside the system under test, told apart from our own.
//!
//! The world says when it enters the system's code, on this thread and for which node; a panic in between is the
//! system's, and what it said is kept instead of printed. Any other panic goes on as if nobody had looked: it is a bug
//! of squall. A process that aborts on a panic, and a stack that overflows, cannot be caught.

use crate::invariants::running::Doing;
use crate::sim::NodeId;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whose code this thread is in, if it is in the system's.
    static INSIDE: Cell<Option<(NodeId, Doing)>> = const { Cell::new(None) };
    /// What the last panic inside a system said.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic of the system under test.
pub(super) struct Panic {
    /// On which node.
    pub(super) node: NodeId,
    /// What it was doing.
    pub(super) doing: Doing,
    /// What it said, and where.
    pub(super) text: String,
}

/// From here on this thread is in the system's code, until [`leave`].
#[inline]
pub(super) fn enter(node: NodeId, doing: Doing) {
    INSIDE.set(Some((node, doing)));
}

/// The system's code came to its end.
#[inline]
pub(super) fn leave() {
    INSIDE.set(None);
}

/// Runs code of the system under test.
#[inline]
pub(super) fn inside<T>(node: NodeId, doing: Doing, work: impl FnOnce() -> T) -> T {
    enter(node, doing);
    let result = work();
    leave();
    result
}

/// Once it is dropped, this thread is no longer in a system's code: whatever a run came to, the next panic on its thread
/// is somebody else's.
pub(super) struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(None));
    }
}

/// Does something that enters the system's code with [`inside`]: its result, or the system's panic.
pub(super) fn within<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    watch_panics();
    SAID.take();
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        // What panicked outside of the system is ours, and must not pass for a finding.
        let Some((node, doing)) = INSIDE.take() else { resume_unwind(payload) };
        let said = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        let text = SAID.take().unwrap_or_else(|| one_line(said.unwrap_or("no message")));
        Panic { node, doing, text }
    })
}

/// From now on a panic inside a system under test is not printed; any other is still shown by the hook that was there.
/// Runs do this by themselves.
pub fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !is_the_system_s(info) {
                before(info);
            }
        }));
    });
}

/// Whether a panic is the system's; what it says is then kept for its run. For panic hooks.
pub fn is_the_system_s(info: &PanicHookInfo<'_>) -> bool {
    let inside = INSIDE.try_with(|inside| inside.get().is_some()).unwrap_or(false);
    if inside {
        let said = one_line(info.payload_as_str().unwrap_or("no message"));
        let place = info.location().map(|at| format!(" ({}:{})", source(at.file()), at.line()));
        let _ = SAID.try_with(|kept| kept.replace(Some(said + &place.unwrap_or_default())));
    }
    inside
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A source file without what differs between machines: from its crate's folder on.
fn source(file: &str) -> String {
    let file = file.replace('\\', "/");
    let is_absolute = file.starts_with('/') || file.as_bytes().get(1) == Some(&b':');
    let parts: Vec<&str> = file.split('/').collect();
    match parts.iter().rposition(|part| *part == "src") {
        _ if !is_absolute => file,
        Some(at) if at > 0 => parts[at - 1..].join("/"),
        _ => parts[parts.len() - 1].to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILL: NodeId = NodeId(1);

    #[test]
    fn a_panic_inside_is_caught_with_its_message_and_its_place() {
        let panic = within(|| inside(TILL, Doing::Booted, || panic!("no\n  luck"))).expect_err("it panicked");
        assert_eq!((panic.node, panic.doing), (TILL, Doing::Booted));
        assert!(panic.text.starts_with("no luck (src/harness/panics.rs:"), "{}", panic.text);
    }

    #[test]
    fn a_panic_outside_goes_on() {
        let ours = catch_unwind(|| {
            within(|| {
                inside(TILL, Doing::Booted, || ());
                resume_unwind(Box::new("ours"));
            })
            .is_ok()
        });
        assert_eq!(ours.unwrap_err().downcast_ref::<&str>(), Some(&"ours"));
    }

    #[test]
    fn a_panic_that_a_system_catches_itself_is_none() {
        let result = within(|| inside(TILL, Doing::Booted, || catch_unwind(|| panic!("caught")).is_err()));
        assert!(matches!(result, Ok(true)));
    }

    #[test]
    fn after_a_run_the_next_panic_on_its_thread_is_not_the_system_s() {
        let gone = catch_unwind(|| {
            let _left = Left;
            inside(TILL, Doing::Scope, || resume_unwind(Box::new("nobody looked")))
        });
        assert!(gone.is_err());
        assert_eq!(INSIDE.get(), None);
    }

    #[test]
    fn a_place_names_no_folder_of_the_machine() {
        assert_eq!(source("src/engine.rs"), "src/engine.rs");
        assert_eq!(source("/rustc/0123/library/core/src/option.rs"), "core/src/option.rs");
        assert_eq!(source(r"C:\work\till-2.1.0\src\engine.rs"), "till-2.1.0/src/engine.rs");
        assert_eq!(source("/work/build.rs"), "build.rs");
    }
}
