//! The systems that come with squall: every preset of our engine on every store, with single knobs set by name.
//!
//! Here, and nowhere else, the engine and the harness meet.

use crate::harness::{Subject, Unknown};
use crate::model::DOMAINS;
use crate::model::Domain;
#[cfg(feature = "sqlite")]
use crate::store::Sqlite;
use crate::store::{Memory, Store};
use crate::sync::catalogue::CANARIES;
pub use crate::sync::catalogue::Canary;
use crate::sync::presets::PRESETS;
use crate::sync::{Engine, Fleet, Policy};
use std::sync::Arc;

/// The knob that names no mechanism of a policy but what a node keeps its state in.
pub const STORE: &str = "store";

/// The knob that names no mechanism of a policy but the business that it runs.
pub const DOMAIN: &str = "domain";

/// Every preset, on the default business and the store in memory.
pub fn presets() -> impl Iterator<Item = Arc<dyn Subject>> {
    PRESETS.iter().map(|(name, _, policy)| subject::<Memory>(name, *policy, *policy, DOMAINS[0]))
}

/// What a preset is, in a sentence.
pub fn about(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, ..)| *known == name).map(|(_, about, _)| *about)
}

/// The catalogue of bugs planted on purpose.
pub fn canaries() -> &'static [Canary] {
    CANARIES
}

fn subject<St: Store + 'static>(name: &str, policy: Policy, base: Policy, domain: &'static Domain) -> Arc<dyn Subject> {
    Arc::new(Engine::<St>::new(name, policy, domain).held_to(base))
}

/// Devices on different versions against one server: `seri-week-1,seri-sound@seri-sound`, each a preset with or without
/// knobs; devices take the versions in turn. `None` if the name has no `@`.
pub fn fleet(name: &str) -> Option<Result<Arc<dyn Subject>, Unknown>> {
    let (versions, server) = name.split_once('@')?;
    Some(set_fleet(versions, server))
}

fn set_fleet(versions: &str, server: &str) -> Result<Arc<dyn Subject>, Unknown> {
    let unknown = |part: &str, what: &str, known: Vec<String>| Unknown { part: part.into(), what: what.into(), known };
    let found = |name: &str| {
        let names = || PRESETS.iter().map(|(name, ..)| name.to_string()).collect();
        policy(name).ok_or_else(|| unknown(name, "version", names()))
    };
    let (server, domain) = match server.rsplit_once("+domain=") {
        Some((server, name)) => {
            let known = || DOMAINS.iter().map(|domain| domain.name.to_string()).collect();
            let domain = DOMAINS.into_iter().find(|domain| domain.name == name);
            (server, domain.ok_or_else(|| unknown(name, "domain", known()))?)
        }
        None => (server, DOMAINS[0]),
    };
    let fleet = Fleet::new(versions.split(',').map(found).collect::<Result<Vec<Policy>, Unknown>>()?);
    let (shown, policy) = (format!("{versions}@{server}"), found(server)?);
    match server.rsplit_once("+store=").map_or(Memory::NAME, |(_, store)| store) {
        Memory::NAME => Ok(Arc::new(Engine::<Memory>::new(shown, policy, domain).with_fleet(fleet))),
        #[cfg(feature = "sqlite")]
        Sqlite::NAME => Ok(Arc::new(Engine::<Sqlite>::new(shown, policy, domain).with_fleet(fleet))),
        store => Err(unknown(store, "store", stores().iter().map(|store| store.to_string()).collect())),
    }
}

/// A preset with knobs set: `seri-week-1+idempotency=same-transaction+store=sqlite+domain=clinic`. `None` if the name has
/// no `+`. The business is no part of the system's name.
pub fn with_knobs(name: &str) -> Option<Result<Arc<dyn Subject>, Unknown>> {
    let (base, knobs) = name.split_once('+').filter(|_| !name.contains('@'))?;
    Some(set_knobs(base, knobs))
}

/// The policy behind a name with or without knobs; `None` if it names nothing.
pub fn policy(name: &str) -> Option<Policy> {
    let mut parts = name.split('+');
    let base = parts.next()?;
    let preset = PRESETS.iter().find(|(known, ..)| *known == base).map(|(_, _, policy)| *policy)?;
    parts.filter(|setting| !setting.starts_with("store=") && !setting.starts_with("domain=")).try_fold(
        preset,
        |policy, setting| {
            let (knob, value) = setting.split_once('=')?;
            policy.with(knob, value).ok()
        },
    )
}

fn set_knobs(base: &str, knobs: &str) -> Result<Arc<dyn Subject>, Unknown> {
    let unknown = |part: &str, what: &str, known: Vec<String>| Unknown { part: part.into(), what: what.into(), known };
    let names = || PRESETS.iter().map(|(name, ..)| name.to_string()).collect();
    let Some(preset) = PRESETS.iter().find(|(known, ..)| *known == base).map(|(_, _, policy)| *policy) else {
        return Err(unknown(base, "system", names()));
    };
    let (mut policy, mut store, mut domain) = (preset, Memory::NAME, DOMAINS[0]);
    let mut shown = base.to_string();
    for setting in knobs.split('+') {
        let Some((knob, value)) = setting.split_once('=') else {
            return Err(unknown(setting, "setting (written knob=value)", Vec::new()));
        };
        if knob == DOMAIN {
            let known = || DOMAINS.iter().map(|domain| domain.name.to_string()).collect();
            let found = DOMAINS.into_iter().find(|domain| domain.name == value);
            domain = found.ok_or_else(|| unknown(value, "domain", known()))?;
            continue;
        }
        shown += &format!("+{setting}");
        if knob == STORE {
            store = stores()
                .into_iter()
                .find(|known| *known == value)
                .ok_or_else(|| unknown(value, "store", stores().iter().map(|s| s.to_string()).collect()))?;
            continue;
        }
        policy = policy.with(knob, value).map_err(|bad| {
            if bad.knob {
                unknown(knob, "knob", bad.known)
            } else {
                unknown(value, &format!("value of {knob}"), bad.known)
            }
        })?;
    }
    #[cfg(feature = "sqlite")]
    if store == Sqlite::NAME {
        return Ok(subject::<Sqlite>(&shown, policy, preset, domain));
    }
    debug_assert_eq!(store, Memory::NAME);
    Ok(subject::<Memory>(&shown, policy, preset, domain))
}

/// Names of the stores.
pub fn stores() -> Vec<&'static str> {
    vec![
        Memory::NAME,
        #[cfg(feature = "sqlite")]
        Sqlite::NAME,
    ]
}
