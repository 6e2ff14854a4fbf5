//! What a system never comes to, as its test says by name, so that its absence is no failure.
//!
//! A name must mean one thing: a business may call a verb as a channel is called, and excusing both would hide one. What
//! makes a whole check worthless, that no op arrived or none was answered, cannot be excused.

use crate::campaign::{Vacuity, Verdict};
use crate::explore::device_name;
use crate::harness::Subject;
use crate::sim::choice::FAULTS;

/// Most devices of an invented day.
const DEVICES: usize = 3;

/// What can be excused, in the words that stand before a name that would mean two things: `verb:push`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Invariant,
    Fault,
    Verb,
    Channel,
    Device,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Invariant, Kind::Fault, Kind::Verb, Kind::Channel, Kind::Device];

    fn word(self) -> &'static str {
        match self {
            Kind::Invariant => "invariant",
            Kind::Fault => "fault",
            Kind::Verb => "verb",
            Kind::Channel => "channel",
            Kind::Device => "device",
        }
    }

    fn names(self, subject: &dyn Subject) -> Vec<String> {
        let owned = |name: &'static str| name.to_string();
        match self {
            Kind::Invariant => subject.invariants().iter().map(|one| owned(one.name())).collect(),
            Kind::Fault => FAULTS.iter().map(|one| owned(one.1)).collect(),
            Kind::Verb => subject.domain().verbs.iter().map(|verb| owned(verb.name)).collect(),
            Kind::Channel => subject.facts().channels.iter().copied().map(owned).collect(),
            Kind::Device => (1..=DEVICES).map(device_name).collect(),
        }
    }
}

/// What a check leaves out of what never happened.
pub(super) struct Excused(Vec<(Kind, String)>);

impl Excused {
    /// Looks the names up in a system.
    ///
    /// # Errors
    /// A name that means nothing, with those that mean something; one that means several things, with how to say which.
    pub(super) fn of(subject: &dyn Subject, names: &[String]) -> Result<Excused, String> {
        let known: Vec<(Kind, Vec<String>)> = Kind::ALL.iter().map(|kind| (*kind, kind.names(subject))).collect();
        names.iter().map(|name| one(&known, name)).collect::<Result<_, _>>().map(Excused)
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        self.0.iter().any(|(excused, known)| *excused == kind && known == name)
    }

    /// Takes what is excused out of what never happened, and judges the rest.
    pub(super) fn apply(&self, vacuity: &mut Vacuity) {
        vacuity.invariants_never.retain(|name| !self.has(Kind::Invariant, name));
        vacuity.faults_never.retain(|name| !self.has(Kind::Fault, name));
        vacuity.ops_never_answered.retain(|name| !self.has(Kind::Verb, name));
        vacuity.messages_never_answered.retain(|name| !self.has(Kind::Channel, name));
        vacuity.devices_never_sent.retain(|name| !self.has(Kind::Device, name));
        let never = vacuity.faults_never.len() + vacuity.invariants_never.len() + vacuity.ops_never_answered.len();
        let silent = vacuity.messages_never_answered.len() + vacuity.devices_never_sent.len();
        if !vacuity.empty && !vacuity.deaf && never + silent == 0 {
            vacuity.verdict = Verdict::Enough;
        }
    }
}

/// What one name means: `drop`, or `fault:drop`.
fn one(known: &[(Kind, Vec<String>)], name: &str) -> Result<(Kind, String), String> {
    let (word, plain) = name.split_once(':').map_or((None, name), |(word, plain)| (Some(word), plain));
    let meant = known.iter().filter(|(kind, names)| {
        word.is_none_or(|word| word == kind.word()) && names.iter().any(|known| known == plain)
    });
    let meant: Vec<Kind> = meant.map(|(kind, _)| *kind).collect();
    match meant[..] {
        [kind] => Ok((kind, plain.to_string())),
        [] => {
            let all: Vec<&str> = known.iter().flat_map(|(_, names)| names).map(String::as_str).collect();
            Err(format!(
                "there is no invariant, fault, verb, channel or device `{name}`: choose from {}",
                all.join(", ")
            ))
        }
        _ => {
            let words: Vec<&str> = meant.iter().map(|kind| kind.word()).collect();
            let full: Vec<String> = words.iter().map(|word| format!("`{word}:{plain}`")).collect();
            Err(format!("`{name}` is a {}: say which, {}", words.join(" and a "), full.join(" or ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<(Kind, Vec<String>)> {
        let names = |all: &[&str]| all.iter().map(ToString::to_string).collect();
        vec![(Kind::Fault, names(&["drop"])), (Kind::Verb, names(&["push", "sell"])), (Kind::Channel, names(&["push"]))]
    }

    #[test]
    fn a_name_that_means_two_things_is_refused_until_it_is_said_which() {
        let refused = one(&known(), "push").unwrap_err();
        assert_eq!(refused, "`push` is a verb and a channel: say which, `verb:push` or `channel:push`");
        assert_eq!(one(&known(), "channel:push"), Ok((Kind::Channel, "push".into())));
        assert_eq!(one(&known(), "sell"), Ok((Kind::Verb, "sell".into())));
        for wrong in ["fault:push", "verbs:push", "pull"] {
            assert!(one(&known(), wrong).unwrap_err().contains("choose from drop, push, sell"), "{wrong}");
        }
    }

    #[test]
    fn that_no_op_was_answered_cannot_be_excused() {
        let never = |deaf| Vacuity {
            empty: false,
            deaf,
            faults_never: vec!["drop"],
            invariants_never: Vec::new(),
            not_applicable: Vec::new(),
            goals_never: Vec::new(),
            ops_never_answered: vec!["sell"],
            messages_never_answered: Vec::new(),
            devices_never_sent: vec![device_name(2)],
            mistake: None,
            verdict: Verdict::Vacuous,
        };
        let excused =
            Excused(vec![(Kind::Fault, "drop".into()), (Kind::Verb, "sell".into()), (Kind::Device, device_name(2))]);
        for (deaf, verdict) in [(false, Verdict::Enough), (true, Verdict::Vacuous)] {
            let mut vacuity = never(deaf);
            excused.apply(&mut vacuity);
            assert_eq!((vacuity.verdict, vacuity.faults_never.len()), (verdict, 0));
        }
        let mut vacuity = never(false);
        Excused(vec![(Kind::Channel, "sell".into())]).apply(&mut vacuity);
        assert_eq!(vacuity.ops_never_answered, ["sell"], "that was a channel");
    }
}
