//! The systems that the command line knows by name.
//!
//! A stranger builds the whole command line around an own system with
//! `squall::cli::run(Registry::empty().with(MySystem))`; with `Registry::builtin()` it stands beside squall's own.

use crate::harness::{Subject, Systems, Unknown, Variant};
use crate::invariants::Invariant;
use crate::model::{DOMAINS, Domain};
use std::sync::Arc;

/// Makes systems from names that carry settings: `None` if the name is not one of its.
pub type Hook = Box<dyn Fn(&str) -> Option<Result<Arc<dyn Subject>, Unknown>> + Send + Sync>;

/// Says for a system's name what can be changed about it: what differs, and the changed system's name.
pub type Changes = Box<dyn Fn(&str) -> Vec<(String, String)> + Send + Sync>;

/// Systems by name.
#[derive(Default)]
pub struct Registry {
    systems: Vec<Arc<dyn Subject>>,
    hooks: Vec<Hook>,
    repairs: Vec<Changes>,
    flaws: Vec<Changes>,
    store: Option<String>,
    domain: Option<&'static Domain>,
    called: Option<String>,
    engine: bool,
}

impl Registry {
    /// No system at all.
    pub fn empty() -> Registry {
        Registry::default()
    }

    /// The systems that come with squall.
    pub fn builtin() -> Registry {
        let mut registry = Registry::empty()
            .with_hook(Box::new(super::builtin::fleet))
            .with_hook(Box::new(super::builtin::with_knobs))
            .with_repairs(Box::new(super::flaws::repairs))
            .with_flaws(Box::new(super::flaws::flaws));
        super::builtin::presets().for_each(|system| registry.add(system));
        registry.engine = true;
        registry
    }

    /// With the command that starts this program, as help and replay lines name it: `cargo run --example book --`. By
    /// default `squall`.
    pub fn called(mut self, command: impl Into<String>) -> Registry {
        self.called = Some(command.into());
        self
    }

    /// The command that starts this program.
    pub(crate) fn command(&self) -> &str {
        self.called.as_deref().unwrap_or("squall")
    }

    /// Whether squall's own systems are among them, with their stores, knobs and canaries.
    pub(crate) fn has_engine(&self) -> bool {
        self.engine
    }

    /// With one more system; of two with the same name the later counts.
    pub fn with(mut self, system: impl Subject + 'static) -> Registry {
        self.add(Arc::new(system));
        self
    }

    /// Adds a system; of two with the same name the later counts.
    pub fn add(&mut self, system: Arc<dyn Subject>) {
        let name = system.name();
        self.systems.retain(|known| known.name() != name);
        self.systems.push(system);
    }

    /// With everything that has a choice of stores on this one.
    pub fn on_store(mut self, store: &str) -> Registry {
        self.store = Some(store.to_string());
        self
    }

    /// With everything that has a choice of businesses on this one.
    pub fn on_domain(mut self, domain: &'static Domain) -> Registry {
        self.domain = Some(domain);
        self
    }

    /// The business that was chosen, if one was.
    pub fn domain(&self) -> Option<&'static Domain> {
        self.domain
    }

    /// With names that carry settings: `seri-week-1+push.idempotency=same-transaction`.
    pub fn with_hook(mut self, hook: Hook) -> Registry {
        self.hooks.push(hook);
        self
    }

    /// With repairs of systems: what `explain` tries one by one to say under which a story would hold.
    pub fn with_repairs(mut self, repairs: Changes) -> Registry {
        self.repairs.push(repairs);
        self
    }

    /// With flaws of systems: what `replay --vacuous` breaks one by one to see which scenarios notice.
    pub fn with_flaws(mut self, flaws: Changes) -> Registry {
        self.flaws.push(flaws);
        self
    }

    /// The changed systems; a change whose name leads to no system is a mistake of whoever offered it.
    fn changed(&self, changes: &[Changes], name: &str, domain: &'static Domain) -> Vec<Variant> {
        let offered = changes.iter().flat_map(|change| change(name));
        offered
            .map(|(text, name)| {
                let found = self.find_on(&name, domain);
                let system = found.unwrap_or_else(|unknown| panic!("a change offered as `{name}` exists: {unknown:?}"));
                Variant { text, system }
            })
            .collect()
    }

    /// All systems without settings.
    pub fn all(&self) -> &[Arc<dyn Subject>] {
        &self.systems
    }

    /// The name of the system that is taken where none is named.
    ///
    /// # Panics
    /// If there is no system at all.
    pub(crate) fn first(&self) -> String {
        self.systems.first().expect("a program without systems says so before it runs a command").name()
    }

    /// The invariants of the catalogue, then those of single systems, each once.
    pub fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        let mut all = crate::invariants::all();
        for own in self.systems.iter().flat_map(|system| system.invariants()) {
            if all.iter().all(|known| known.name() != own.name()) {
                all.push(own);
            }
        }
        all
    }

    /// The businesses of the systems; where squall's own systems are among them, all that these can run.
    pub fn domains(&self) -> Vec<&'static Domain> {
        let mut domains: Vec<&'static Domain> = if self.engine { DOMAINS.to_vec() } else { Vec::new() };
        for system in &self.systems {
            if domains.iter().all(|known| known.name != system.domain().name) {
                domains.push(system.domain());
            }
        }
        domains
    }
}

impl Registry {
    /// A system of this name on the chosen store and on this business, where it has a choice of them.
    fn set(&self, name: &str, domain: Option<&str>) -> Option<Arc<dyn Subject>> {
        let mut set = name.to_string();
        for (knob, value) in [("store", self.store.as_deref()), ("domain", domain)] {
            if let Some(value) = value.filter(|_| !name.contains(&format!("+{knob}="))) {
                set += &format!("+{knob}={value}");
            }
        }
        if set == name {
            return None;
        }
        self.hooks.iter().find_map(|hook| hook(&set)?.ok())
    }
}

impl Systems for Registry {
    fn find(&self, name: &str) -> Result<Arc<dyn Subject>, Unknown> {
        let domain = self.domain.map(|domain| domain.name);
        if let Some(system) = self.set(name, domain) {
            return Ok(system);
        }
        if let Some(system) = self.systems.iter().find(|system| system.name() == name) {
            return Ok(system.clone());
        }
        let made = self.hooks.iter().find_map(|hook| hook(name));
        made.unwrap_or_else(|| Err(Unknown { part: name.into(), what: "system".into(), known: self.names() }))
    }

    fn find_on(&self, name: &str, domain: &'static Domain) -> Result<Arc<dyn Subject>, Unknown> {
        let found = self.find(name)?;
        let other = found.domain().name != domain.name;
        Ok(other.then(|| self.set(name, Some(domain.name))).flatten().unwrap_or(found))
    }

    fn names(&self) -> Vec<String> {
        self.systems.iter().map(|system| system.name()).collect()
    }

    fn repairs(&self, name: &str, domain: &'static Domain) -> Vec<Variant> {
        self.changed(&self.repairs, name, domain)
    }

    fn flaws(&self, name: &str, domain: &'static Domain) -> Vec<Variant> {
        self.changed(&self.flaws, name, domain)
    }
}
