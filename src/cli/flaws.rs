//! What can be changed about squall's own systems, as data: the single settings that would repair one, and those that
//! break it on purpose.
//!
//! Why beside the presets: a scenario that no flaw changes shows nothing, and a story is understood once it is known
//! which one setting would have saved the day. Which changes matter for a scenario is not decided here.

use super::builtin;
use crate::sync::Policy;
use crate::sync::presets::PRESETS;

/// One way to break a policy, for each family of mechanisms: what it means, and the settings. Most are one knob. Where
/// the flaw would show in every run by a side effect, a second knob takes the side effect away, so that a scenario
/// notices the flaw only by what it is about.
pub const FLAWS: [(&str, &[(&str, &str)]); 26] = [
    ("the server validates nothing", &[("validation", "none")]),
    ("only sales are validated", &[("validates", "sales")]),
    ("a retry is not recognised", &[("idempotency", "none")]),
    ("only sales have keys", &[("key-covers", "sales")]),
    ("keys are forgotten after an hour", &[("key-life", "1")]),
    ("a whole batch is marked as sent, whatever the answer", &[("marking", "by-batch")]),
    ("a refused sale is not taken back", &[("rollback-on", "never")]),
    ("a refused sale is taken back in part", &[("rollback-scope", "sale-and-lines")]),
    ("a refused sale adds its stock back", &[("rollback-stock", "add-back")]),
    // Items taken one by one leave no audit trail, which is a flaw of its own.
    ("each item is taken by itself", &[("atomicity", "item"), ("isolation", "statements"), ("audit", "none")]),
    ("a device writes in several transactions", &[("local-write", "separate")]),
    ("a download overwrites what is pending", &[("merge", "overwrite")]),
    ("nothing is ever downloaded", &[("pull", "never")]),
    ("what was being sent is stuck after a restart", &[("restart", "leave")]),
    ("an error answer counts as a success", &[("error-answer", "ignored")]),
    ("a failed op is given up for good", &[("retries", "1"), ("exhausted", "final")]),
    ("updates are sent before creates", &[("order", "updates-first")]),
    ("the last edit to arrive is taken", &[("edits", "last-arrival")]),
    ("the device's clock decides", &[("clock", "wall"), ("edits", "last-write"), ("server-stamp", "device")]),
    ("only the first line of a sale moves stock", &[("lines-move", "first")]),
    ("batches are never sent", &[("batches", "never")]),
    ("downloading everything drops the outbox", &[("refresh", "drops-outbox")]),
    ("damage on the way is not noticed", &[("integrity", "none")]),
    ("downloads are not kept to a practice", &[("scope", "pulls-everything")]),
    ("the client's word says which practice it is", &[("scope", "client-word")]),
    (
        "a device sends only when its user asks",
        &[("after-sale", "nothing"), ("after-edit", "nothing"), ("push-every", "0"), ("reconnect", "nothing")],
    ),
];

/// The sound preset of the same app: presets are called `<app>` or `<app>-<which>`.
fn sound(name: &str) -> Option<Policy> {
    let app = name.split(['-', '+']).next()?;
    let wanted = format!("{app}-sound");
    PRESETS.iter().find(|(known, ..)| *known == wanted).map(|(_, _, policy)| *policy)
}

/// Every single knob in which a system differs from the sound preset of its app: `knob=value`, and the system's name
/// with it.
pub fn repairs(name: &str) -> Vec<(String, String)> {
    let (Some(policy), Some(sound)) = (builtin::policy(name), sound(name)) else { return Vec::new() };
    let settings = policy.settings().into_iter().zip(sound.settings());
    settings
        .filter(|(own, better)| own != better)
        .map(|(_, (knob, value))| (format!("{knob}={value}"), format!("{name}+{knob}={value}")))
        .collect()
}

/// Every flaw that a system does not have yet: what it means, and the system's name with it.
pub fn flaws(name: &str) -> Vec<(String, String)> {
    let Some(policy) = builtin::policy(name) else { return Vec::new() };
    let with = |settings: &[(&str, &str)]| {
        settings.iter().fold(policy, |policy, (knob, value)| policy.with(knob, value).expect("a flaw names its knobs"))
    };
    let new = FLAWS.iter().filter(|(_, settings)| with(&settings[..1]) != policy);
    new.map(|(about, settings)| {
        let knobs: String = settings.iter().map(|(knob, value)| format!("+{knob}={value}")).collect();
        (about.to_string(), format!("{name}{knobs}"))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Registry;
    use crate::harness::Systems;
    use crate::model::retail::RETAIL;

    #[test]
    fn a_repair_is_one_knob_of_the_sound_preset_and_the_sound_preset_needs_none() {
        let offered = repairs("seri-week-1+store=memory");
        assert!(offered.iter().any(|(text, name)| {
            (text.as_str(), name.as_str())
                == ("validation=conditional", "seri-week-1+store=memory+validation=conditional")
        }));
        assert!(!repairs("paytrack").is_empty());
        assert_eq!(repairs("seri-sound"), []);
        assert_eq!(repairs("somebody-else"), []);
    }

    #[test]
    fn a_system_is_not_broken_in_a_way_in_which_it_is_broken_already() {
        let about = |name: &str| flaws(name).into_iter().map(|(about, _)| about).collect::<Vec<_>>();
        assert_eq!(about("seri-sound").len(), FLAWS.len());
        assert!(!about("seri-2026-01-16").contains(&"the server validates nothing".to_string()));
        assert!(about("seri-week-1").contains(&"the server validates nothing".to_string()));
        assert!(!about("seri-sound+validation=none").contains(&"the server validates nothing".to_string()));
    }

    #[test]
    fn every_change_that_is_offered_leads_to_a_system() {
        let registry = Registry::builtin().on_store("memory");
        for (name, ..) in PRESETS {
            for variant in registry.flaws(name, &RETAIL).into_iter().chain(registry.repairs(name, &RETAIL)) {
                assert!(variant.system.name().starts_with(name), "{}", variant.text);
            }
        }
    }
}
