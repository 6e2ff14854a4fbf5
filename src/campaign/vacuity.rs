//! A green campaign that tested nothing is no green campaign (promise P2).
//!
//! It looks at what never happened: no op on the server (or, without one, on another device), a fault that never fired,
//! an invariant whose antecedent never occurred, an op, message or device that the system was silent about. Goals that
//! were never reached are listed and fail nothing: whether one can be reached is the system's word.

use super::report::Report;
use super::run::guarded;
use crate::explore::{Profile, device_name, generate};
use crate::harness::Subject;
use crate::invariants::{Invariant, Reach};
use crate::model::{Domain, Op, Row};
use crate::sim::Fault;
use crate::sim::choice::FAULTS;
use crate::system::Facts;

/// From so many runs on, what never happened counts as a failure.
pub const ENOUGH_RUNS: u64 = 1_000;

/// Days that are looked at to learn what can come up in a business.
const DAYS: u64 = 100;

/// What a campaign's result is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything that applies happened at least once.
    Enough,
    /// Something that applies never happened, in too few runs to hold that against the campaign.
    TooFewRuns,
    /// The result means nothing: no op reached the server (or, without one, another device), or something that applies never happened in many runs.
    Vacuous,
}

/// What never happened in a campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vacuity {
    /// No op took effect on any server or, without one, on another device.
    pub empty: bool,
    /// Users did something durable and no op of theirs was ever answered.
    pub deaf: bool,
    /// Faults of the profile that never fired.
    pub faults_never: Vec<&'static str>,
    /// Invariants that apply and whose antecedent never occurred.
    pub invariants_never: Vec<&'static str>,
    /// Invariants that do not apply, and why.
    pub not_applicable: Vec<(&'static str, &'static str)>,
    /// Goals of the system that no run reached.
    pub goals_never: Vec<&'static str>,
    /// Durable verbs that users did and of which no op was ever answered.
    pub ops_never_answered: Vec<&'static str>,
    /// Channels on which messages arrived and nothing ever came of one.
    pub messages_never_answered: Vec<&'static str>,
    /// Devices whose users did something and that never sent anything.
    pub devices_never_sent: Vec<String>,
    /// The day on which the business could not say what its ops bring about, and what it said instead: a mistake.
    pub mistake: Option<(u64, String)>,
    /// What follows.
    pub verdict: Verdict,
}

/// What can come up in a business, as far as a few of the campaign's own days show.
pub(super) fn reach_of(domain: &'static Domain, profile: &Profile) -> Result<Reach, (u64, String)> {
    let damage = profile.faults() >> Fault::Corrupt as u32 & 1 == 1;
    let mut reach = Reach { damage, trouble: profile.faults() != 0, ..Reach::new(domain) };
    for seed in 0..DAYS {
        let look = || {
            let scenario = generate(domain, profile, seed).0;
            let rows: Vec<Row> = scenario.rows.iter().map(|(_, row)| *row).collect();
            let ops: Vec<Op> = scenario.steps.iter().map(|step| step.op).collect();
            reach.see(domain, &rows, &ops);
        };
        guarded(look).map_err(|text| (seed, format!("what its ops bring about: the business {text}")))?;
    }
    Ok(reach)
}

/// Looks for what never happened.
pub fn vacuity(report: &Report, profile: &Profile, subject: &dyn Subject) -> Vacuity {
    of_invariants(report, profile, &subject.facts(), subject.domain(), &subject.invariants())
}

fn of_invariants(
    report: &Report,
    profile: &Profile,
    facts: &Facts,
    domain: &'static Domain,
    invariants: &[Box<dyn Invariant>],
) -> Vacuity {
    let applies = |fault: usize| facts.server || !FAULTS[fault].0.needs_server();
    let never = |fault: usize| profile.faults() >> fault & 1 == 1 && applies(fault) && report.faults[fault] == 0;
    let faults_never: Vec<_> = (0..FAULTS.len()).filter(|n| never(*n)).map(|n| FAULTS[n].1).collect();
    let mut invariants_never = Vec::new();
    let mut not_applicable = Vec::new();
    let (mut reach, mut mistake) = (None, None);
    let mut look = || match reach_of(domain, profile) {
        Ok(reach) => reach,
        Err(said) => {
            mistake = Some(said);
            Reach::unknown()
        }
    };
    for (index, invariant) in invariants.iter().enumerate() {
        match invariant.not_checked(facts, domain) {
            Some(why) => not_applicable.push((invariant.name(), why)),
            None if report.exercised >> index & 1 == 1 => {}
            None => match invariant.out_of_reach(reach.get_or_insert_with(&mut look)) {
                Some(why) => not_applicable.push((invariant.name(), why)),
                None => invariants_never.push(invariant.name()),
            },
        }
    }
    let reached = |goal: usize| report.goals.get(goal).is_some_and(|runs| *runs > 0);
    let possible = |goal: usize| facts.out_of_reach >> goal & 1 == 0;
    let missed = facts.goals.iter().enumerate().filter(|(n, _)| possible(*n) && !reached(*n));
    let goals_never = missed.map(|(_, goal)| *goal).collect();
    let heard = &report.heard;
    let verb = |n: usize| domain.verbs.get(n).map_or("?", |verb| verb.name);
    let ops_never_answered: Vec<_> = heard.silent_verbs().map(verb).collect();
    let channel = |n: usize| n.checked_sub(1).and_then(|n| facts.channels.get(n)).copied().unwrap_or("?");
    let messages_never_answered: Vec<_> = heard.silent_channels().map(channel).collect();
    let devices_never_sent: Vec<_> = heard.silent_devices().map(device_name).collect();
    let silent =
        !(ops_never_answered.is_empty() && messages_never_answered.is_empty() && devices_never_sent.is_empty());
    let empty = report.reached_server == 0;
    let deaf = heard.verbs_done != 0 && heard.verbs_answered == 0;
    let complete = faults_never.is_empty() && invariants_never.is_empty() && !silent;
    let verdict = match (empty || deaf, complete) {
        (true, _) => Verdict::Vacuous,
        (false, true) => Verdict::Enough,
        (false, false) if report.runs >= ENOUGH_RUNS => Verdict::Vacuous,
        (false, false) => Verdict::TooFewRuns,
    };
    Vacuity {
        empty,
        deaf,
        faults_never,
        invariants_never,
        not_applicable,
        goals_never,
        ops_never_answered,
        messages_never_answered,
        devices_never_sent,
        mistake,
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Campaign;
    use crate::explore::test_shop::TestShop;
    use crate::invariants::{History, Log, Moment};
    use std::sync::Arc;

    fn judged(profile: &str, runs: u64, change: impl Fn(&mut Report)) -> Vacuity {
        let (shop, profile) = (TestShop::repaired(), Profile::find(profile).unwrap());
        let (facts, domain) = (shop.facts(), shop.domain());
        let mut report = Campaign::new(Arc::new(shop), profile, 0..runs).run(&|_| {});
        // The test shop sells and does nothing else.
        report.heard.verbs_done = report.heard.verbs_answered;
        change(&mut report);
        let invariants: Vec<Box<dyn Invariant>> = vec![Box::new(Held("first")), Box::new(Held("second"))];
        of_invariants(&report, &profile, &facts, domain, &invariants)
    }

    struct Held(&'static str);
    impl Invariant for Held {
        fn name(&self) -> &'static str {
            self.0
        }
        fn promise(&self) -> &'static str {
            "holds"
        }
        fn wants(&self) -> u8 {
            0
        }
        fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    }

    #[test]
    fn a_thousand_default_runs_fire_every_fault_and_the_unreached_goal_is_named() {
        let found = judged("default", 1_000, |report| report.exercised = 3);
        assert_eq!((found.verdict, found.empty), (Verdict::Enough, false), "{found:?}");
        assert_eq!(found.goals_never, ["a sale took nothing"]);
    }

    #[test]
    fn an_invariant_that_was_never_exercised_is_a_note_below_a_thousand_runs_and_a_failure_from_there() {
        let few = judged("polite", 50, |report| report.exercised = 1);
        assert_eq!((few.verdict, few.invariants_never.as_slice()), (Verdict::TooFewRuns, ["second"].as_slice()));
        let many = judged("polite", 50, |report| (report.exercised, report.runs) = (1, 1_000));
        assert_eq!(many.verdict, Verdict::Vacuous);
    }

    #[test]
    fn a_campaign_in_which_no_op_reached_the_server_is_vacuous_however_short() {
        let found = judged("polite", 3, |report| (report.exercised, report.reached_server) = (3, 0));
        assert_eq!(found.verdict, Verdict::Vacuous);
    }

    #[test]
    fn a_silent_channel_is_a_note_below_a_thousand_runs_and_a_failure_from_there() {
        let silent = |runs| {
            judged("default", 300, move |report| {
                (report.exercised, report.runs, report.heard.channels_answered) = (3, runs, 0);
            })
        };
        let few = silent(999);
        assert_eq!((few.verdict, few.messages_never_answered.as_slice()), (Verdict::TooFewRuns, ["push"].as_slice()));
        assert_eq!(silent(1_000).verdict, Verdict::Vacuous);
    }

    #[test]
    fn a_system_that_never_answered_any_op_is_vacuous_at_once() {
        let found = judged("default", 3, |report| (report.exercised, report.heard.verbs_answered) = (3, 0));
        assert_eq!((found.verdict, found.empty), (Verdict::Vacuous, false));
    }

    #[test]
    fn a_fault_that_never_fired_in_a_thousand_runs_is_a_failure() {
        let found = judged("default", 30, |report| (report.exercised, report.runs, report.faults[0]) = (3, 1_000, 0));
        assert!(found.faults_never.contains(&"drop"));
        assert_eq!(found.verdict, Verdict::Vacuous);
    }
}
