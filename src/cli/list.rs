//! `squall list`: systems, domains, invariants, faults, goals, profiles, scenarios, canaries.

use super::args::{List, Listed};
use super::exit::Exit;
use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::{builtin, select};
use crate::explore::profile;
use crate::harness::Subject;
use crate::model::Domain;
use crate::scenario::files;
use crate::sim::choice::FAULTS;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Runs the command.
pub fn list(registry: &Registry, args: &List, out: &mut Out) -> Result<Exit, Failure> {
    let (rows, exit) = match args.what {
        Listed::Scenarios => scenarios(registry, args, out)?,
        what => {
            if what == Listed::Canaries {
                super::program::needs_engine(registry, "canaries are bugs planted in squall's own systems")?;
            }
            (rows(registry, what), Exit::Held)
        }
    };
    if out.is_json() {
        let values: Vec<Value> = rows.iter().map(|(name, about)| json!({ "name": name, "about": about })).collect();
        out.json(&Value::Array(values))?;
        return Ok(exit);
    }
    let wide = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, about) in rows {
        out.line(format!("{name:<wide$}  {about}").trim_end())?;
    }
    Ok(exit)
}

type Rows = Vec<(String, String)>;

fn rows(registry: &Registry, what: Listed) -> Rows {
    let pair = |name: &str, about: &str| (name.to_string(), about.to_string());
    match what {
        Listed::Systems => {
            let about = |system: &dyn Subject| {
                let domain = format!("domain {}", system.domain().name);
                builtin::about(&system.name())
                    .filter(|_| registry.has_engine())
                    .map_or(domain.clone(), |about| format!("{about} · {domain}"))
            };
            registry.all().iter().map(|system| (system.name(), about(&**system))).collect()
        }
        Listed::Domains => {
            let about = |domain: &Domain| {
                let names: Vec<&str> = domain.entities.iter().map(|entity| entity.name).collect();
                names.join(", ")
            };
            registry.domains().into_iter().map(|domain| pair(domain.name, &about(domain))).collect()
        }
        Listed::Invariants => registry.invariants().iter().map(|one| pair(one.name(), one.promise())).collect(),
        Listed::Faults => FAULTS.iter().map(|(_, name, about)| pair(name, about)).collect(),
        Listed::Profiles => profile::ALL.iter().map(|one| pair(one.name, one.about)).collect(),
        Listed::Goals => {
            let mut goals: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
            for system in registry.all() {
                for goal in system.facts().goals {
                    goals.entry(goal).or_default().push(system.name());
                }
            }
            let all = registry.all().len();
            let whose = |systems: Vec<String>| match systems.len() == all {
                true => String::new(),
                false => format!("of {}", systems.join(", ")),
            };
            goals.into_iter().map(|(goal, systems)| (goal.to_string(), whose(systems))).collect()
        }
        Listed::Canaries => {
            let about =
                |one: &builtin::Canary| format!("breaks {} · {} · {}", one.invariant, one.system(), one.mechanism);
            builtin::canaries().iter().map(|one| (one.id.to_string(), about(one))).collect()
        }
        Listed::Scenarios => Vec::new(),
    }
}

fn scenarios(registry: &Registry, args: &List, out: &Out) -> Result<(Rows, Exit), Failure> {
    let (mut rows, mut exit) = (Vec::new(), Exit::Held);
    for path in files(std::slice::from_ref(&args.folder))? {
        match select::story(registry, &path) {
            Ok(story) => rows.push((path.display().to_string(), story.title)),
            Err(failure) => {
                exit = exit.and(failure.exit());
                failure.complain(out.color_errors);
            }
        }
    }
    Ok((rows, exit))
}
