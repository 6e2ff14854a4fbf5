//! A system under test with its types erased: what explorers, reports and the command line hold.
//!
//! The run inside is still compiled for the concrete system.

use super::outcome::Outcome;
use super::world::{self, Luck, Plan};
use crate::invariants::Invariant;
use crate::model::{Domain, Scenario};
use crate::system::{Facts, System};
use std::sync::Arc;

/// A system that can be run.
pub trait Subject: Send + Sync {
    /// Its name.
    fn name(&self) -> String;
    /// The business it runs.
    fn domain(&self) -> &'static Domain;
    /// What it declares about itself.
    fn facts(&self) -> Facts;
    /// The invariants that its runs are held against, fresh for one run: the catalogue, then the system's own.
    fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        crate::invariants::all()
    }
    /// Runs a scenario against every invariant. `record` keeps the trace and the end state.
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome;
}

impl<S: System + Send + Sync> Subject for S {
    fn name(&self) -> String {
        System::name(self).to_string()
    }
    fn domain(&self) -> &'static Domain {
        System::domain(self)
    }
    fn facts(&self) -> Facts {
        System::facts(self)
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        world::run(self, scenario, luck, Plan { invariants: Subject::invariants(self), record })
    }
}

/// A system that is held against invariants of its own besides the catalogue; see [`with_invariants`].
pub struct WithInvariants<S> {
    system: S,
    own: fn() -> Vec<Box<dyn Invariant>>,
}

/// Holds a system against invariants of its own besides the catalogue. `own` makes them afresh for every run, always the
/// same ones in the same order.
///
/// # Panics
/// A run panics if there are more than 64 invariants in all, or if one is not named in kebab-case: lower-case letters,
/// digits and `-`. Reports, scenario files and the names of files are made of it.
pub fn with_invariants<S: System + Send + Sync>(system: S, own: fn() -> Vec<Box<dyn Invariant>>) -> WithInvariants<S> {
    WithInvariants { system, own }
}

impl<S: System + Send + Sync> Subject for WithInvariants<S> {
    fn name(&self) -> String {
        Subject::name(&self.system)
    }
    fn domain(&self) -> &'static Domain {
        Subject::domain(&self.system)
    }
    fn facts(&self) -> Facts {
        Subject::facts(&self.system)
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        let mut all = Subject::invariants(&self.system);
        all.extend((self.own)());
        if let Some(wrong) = all.iter().map(|one| one.name()).find(|name| !is_kebab_case(name)) {
            panic!("an invariant is named in lower-case letters, digits and `-`, not `{wrong}`");
        }
        assert!(all.len() <= 64, "a system is held against at most 64 invariants, not {}", all.len());
        all
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        world::run(&self.system, scenario, luck, Plan { invariants: self.invariants(), record })
    }
}

fn is_kebab_case(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// A system from a registry is a system like any other.
impl<S: Subject + ?Sized> Subject for Arc<S> {
    fn name(&self) -> String {
        (**self).name()
    }
    fn domain(&self) -> &'static Domain {
        (**self).domain()
    }
    fn facts(&self) -> Facts {
        (**self).facts()
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        (**self).invariants()
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        (**self).run(scenario, luck, record)
    }
}

/// A system that somebody else owns: for whoever holds systems behind an [`Arc`]. A reference cannot be a `Subject` itself,
/// because it could be a [`System`] in another crate.
pub struct Borrowed<'a>(pub &'a dyn Subject);

impl Subject for Borrowed<'_> {
    fn name(&self) -> String {
        self.0.name()
    }
    fn domain(&self) -> &'static Domain {
        self.0.domain()
    }
    fn facts(&self) -> Facts {
        self.0.facts()
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        self.0.invariants()
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        self.0.run(scenario, luck, record)
    }
}

/// Where systems are found by name.
pub trait Systems: Sync {
    /// The system of this name; a preset may be followed by repairs: `seri-week-1+push.idempotency=same-transaction`.
    ///
    /// # Errors
    /// What is wrong with the name, and the nearest valid ones, in words.
    fn find(&self, name: &str) -> Result<Arc<dyn Subject>, Unknown>;
    /// The same on a business, where the system has a choice of them.
    ///
    /// # Errors
    /// As [`Systems::find`].
    fn find_on(&self, name: &str, domain: &'static Domain) -> Result<Arc<dyn Subject>, Unknown> {
        let _ = domain;
        self.find(name)
    }
    /// All names without repairs.
    fn names(&self) -> Vec<String>;
    /// This system with one setting each taken from a sound counterpart, on a business where it has a choice of them; none
    /// where no counterpart is known.
    fn repairs(&self, name: &str, domain: &'static Domain) -> Vec<Variant> {
        let _ = (name, domain);
        Vec::new()
    }
    /// The same broken on purpose, in one way each; none where nobody has said how it can be broken.
    fn flaws(&self, name: &str, domain: &'static Domain) -> Vec<Variant> {
        let _ = (name, domain);
        Vec::new()
    }
}

/// A system that differs from another in what its text says.
#[derive(Clone)]
pub struct Variant {
    /// What differs: `validation=conditional`.
    pub text: String,
    /// The system.
    pub system: Arc<dyn Subject>,
}

/// A name that names nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown {
    /// The part that names nothing.
    pub part: String,
    /// What it should name: "system", "knob", "value of push.order".
    pub what: String,
    /// Valid names.
    pub known: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::is_kebab_case;

    #[test]
    fn a_name_that_could_be_a_path_is_none() {
        assert!(is_kebab_case("taken-once") && is_kebab_case("rule-17"));
        for wrong in ["", "a/b", "..", "Taken-once", "taken once", "prêt"] {
            assert!(!is_kebab_case(wrong), "{wrong}");
        }
    }
}
