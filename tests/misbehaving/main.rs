//! What happens when a stranger's system misbehaves: it panics, goes round for ever, differs from run to run, says
//! nothing, or holds what it does not report. Each is named for what it is, and the campaign goes on.
//!
//! The same through the command line is in `src/cli/misbehaving.rs`.

mod stranger;

use squall::campaign::{Campaign, Comparison, Finding, Report, Vacuity, Verdict, vacuity};
use squall::explore::Profile;
use squall::harness::{Luck, Subject};
use squall::report::{Style, divergence, table};
use std::sync::Arc;
use stranger::{Manner, Stranger};

fn campaign(manner: Manner, profile: &str, runs: u64) -> Campaign<'static> {
    Campaign::new(Arc::new(Stranger(manner)), Profile::find(profile).unwrap(), 0..runs)
}

fn fuzzed(manner: Manner, profile: &str, runs: u64) -> Report {
    campaign(manner, profile, runs).run(&|_| {})
}

fn judged(manner: Manner, profile: &str, runs: u64) -> Vacuity {
    let campaign = campaign(manner, profile, runs);
    vacuity(&campaign.run(&|_| {}), &campaign.profile, &*campaign.subject)
}

/// The one story of how it stopped; and that no bug of squall is seen in it.
fn stopped(report: &Report, kind: &str) -> Finding {
    let of_its_own = |finding: &&Finding| finding.invariant == "nodes-keep-running";
    let found: Vec<&Finding> = report.findings.iter().filter(of_its_own).collect();
    assert_eq!(found.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [kind], "{:?}", report.broken);
    assert_eq!((report.mistakes.len(), report.model_mistakes.len(), &report.nondeterministic), (0, 0, &None));
    found[0].clone()
}

fn story(finding: &Finding, manner: Manner) -> String {
    let facts = Subject::facts(&Stranger(manner));
    table(&finding.scenario, &facts, &finding.outcome, Style { width: 100, color: false, steps: false })
}

#[test]
fn a_good_stranger_keeps_running_and_is_silent_about_nothing() {
    let report = fuzzed(Manner::Good, "heavy", 200);
    assert!(report.broken.iter().all(|broken| broken.identity.invariant != "nodes-keep-running"));
    let found = judged(Manner::Good, "heavy", 200);
    assert!(found.ops_never_answered.is_empty() && found.messages_never_answered.is_empty(), "{found:?}");
    assert!(found.devices_never_sent.is_empty() && !found.invariants_never.contains(&"nodes-keep-running"));
    assert_eq!((report.mistakes.len(), report.model_mistakes.len(), report.nondeterministic), (0, 0, None));
}

#[test]
fn a_panic_on_a_message_that_comes_twice_shrinks_to_one_sale_and_one_copy() {
    let report = fuzzed(Manner::PanicsOnACopy, "default", 400);
    assert_eq!(report.runs, 400, "the campaign goes on");
    let finding = stopped(&report, "panics");
    let text = &finding.violation.text;
    let said =
        "server panicked while handling a message on push: index out of bounds: the len is 0 but the index is 3 (";
    assert!(text.starts_with(said) && text.contains("stranger.rs:"), "{text}");
    assert!(!text.contains("(/"), "{text} names a folder of the machine");
    assert_eq!((finding.devices, finding.ops, finding.deviations), (1, 1, 1), "{}", finding.signature);
    assert_eq!(finding.faults, ["duplicate"]);
    let story = story(&finding, Manner::PanicsOnACopy);
    assert!(story.contains("✗ nodes-keep-running") && !story.contains("at rest"), "{story}");
}

#[test]
fn a_stopped_run_replays_to_the_same_end_and_is_not_judged_at_rest() {
    let finding = stopped(&fuzzed(Manner::PanicsOnACopy, "default", 400), "panics");
    let again = Subject::run(&Stranger(Manner::PanicsOnACopy), &finding.scenario, Luck::Replay, false);
    assert_eq!((again.fingerprint, &again.violations), (finding.outcome.fingerprint, &finding.outcome.violations));
    assert!(again.was_stopped() && !again.rested && again.mistake.is_none());
    assert!(again.broken().iter().all(|name| *name != "outbox-drains"), "{:?}", again.broken());
}

#[test]
fn a_panic_at_a_second_boot_in_its_rows_or_for_want_of_a_disk_says_what_it_was_doing() {
    let boots = stopped(&fuzzed(Manner::PanicsAtItsSecondBoot, "heavy", 100), "panics").violation.text;
    assert!(
        boots.starts_with("till-1 panicked while handling its boot: the first process left its lock behind ("),
        "{boots}"
    );
    let rows = stopped(&fuzzed(Manner::PanicsWhenItShowsItsRows, "polite", 30), "panics").violation.text;
    assert!(rows.starts_with("till-1 panicked while showing its rows: sold out ("), "{rows}");
    let disk = stopped(&fuzzed(Manner::HasNoDisk, "polite", 5), "panics");
    assert!(
        disk.violation.text.starts_with("server panicked while getting a fresh disk: no room left ("),
        "{}",
        disk.violation.text
    );
    assert!(story(&disk, Manner::HasNoDisk).contains("✗ nodes-keep-running"));
}

#[test]
fn a_panic_over_where_a_row_belongs_stops_the_run_at_its_opening_and_at_its_end() {
    let opening = stopped(&fuzzed(Manner::PanicsInScopeAtTheOpening, "polite", 5), "panics");
    let text = &opening.violation.text;
    assert!(text.starts_with("till-1 panicked while saying which rows belong on it: whose is it? ("), "{text}");
    let report = fuzzed(Manner::PanicsInScopeAtTheEnd, "polite", 30);
    let end = stopped(&report, "panics");
    let text = &end.violation.text;
    assert!(text.starts_with("till-1 panicked while saying which rows belong on it: whose is it now? ("), "{text}");
    assert_eq!(report.broken.len(), 1, "nothing else is judged of its end: {:?}", report.broken);
    assert!(end.outcome.was_stopped() && !end.outcome.rested && report.unrested > 0);
    assert!(story(&end, Manner::PanicsInScopeAtTheEnd).contains("✗ nodes-keep-running"));
}

#[test]
fn a_timer_of_no_span_is_cut_named_and_shrunk() {
    // A late timer would break the round up: this is the first seed of a day without any.
    let campaign = Campaign { seeds: 21..23, ..campaign(Manner::LooksWithoutWaiting, "default", 0) };
    let report = campaign.run(&|_| {});
    let finding = stopped(&report, "goes-round");
    assert_eq!(
        finding.violation.text,
        "till-1 went round without time passing: timer push-tick, again and again (10,000 events within 1 s)"
    );
    assert_eq!((finding.devices, finding.deviations), (1, 1), "{}", finding.signature);
    let story = story(&finding, Manner::LooksWithoutWaiting);
    assert!(story.contains("✗ nodes-keep-running") && story.lines().count() < 20, "{story}");
}

#[test]
fn two_tasks_that_ask_for_each_other_are_named_in_turn() {
    let finding = stopped(&fuzzed(Manner::DoesTwoTasksInTurn, "default", 40), "goes-round");
    let text = &finding.violation.text;
    let said = "server went round without time passing: task 3, task 4, again and again (";
    assert!(text.starts_with(said) && text.ends_with(" steps of one handler)"), "{text}");
    assert_eq!((finding.devices, finding.ops, finding.deviations), (1, 1, 1), "{}", finding.signature);
    let story = story(&finding, Manner::DoesTwoTasksInTurn);
    assert!(story.contains("✗ nodes-keep-running") && story.lines().count() < 20, "{story}");
}

#[test]
fn a_moody_system_is_not_deterministic_and_the_first_event_that_differs_is_named() {
    for seeds in [0..1, 1_001..1_011] {
        let campaign = Campaign { seeds, ..campaign(Manner::IsMoody, "polite", 0) };
        let report = campaign.run(&|_| {});
        assert_eq!((report.mistakes.len(), report.model_mistakes.len()), (0, 0), "{:?}", report.mistakes);
        let found = report.nondeterministic.expect("the first seed always runs twice");
        assert_ne!(found.first, found.second);
        let parted = found.divergence.as_deref().expect("no two of its runs are alike");
        let (scenario, _) = campaign.scenario(found.seed);
        let text = divergence::text(&scenario, &Subject::facts(&*campaign.subject), Some(parted));
        assert!(text.contains("the first that differs, at ") && text.contains("till-"), "{text}");
        let lines: Vec<&str> = text.lines().map(|line| line.trim()).collect();
        let [once, again] = [lines[1].strip_prefix("once").unwrap(), lines[2].strip_prefix("again").unwrap()];
        assert_ne!(once.trim(), again.trim());
    }
}

#[test]
fn a_moody_system_that_also_fails_is_shrunk_without_being_called_a_bug_of_squall() {
    let report = fuzzed(Manner::IsMoody, "heavy", 150);
    assert!(report.failed > 0, "the test needs failing runs");
    assert!(report.nondeterministic.is_some());
    assert_eq!(report.mistakes, []);
}

#[test]
fn ops_that_are_never_answered_are_named_by_their_verb() {
    let found = judged(Manner::SellsOnly, "default", 100);
    assert!(found.ops_never_answered.contains(&"spend") && !found.ops_never_answered.contains(&"sell"), "{found:?}");
    assert!(found.messages_never_answered.is_empty() && found.devices_never_sent.is_empty(), "{found:?}");
    assert_ne!(found.verdict, Verdict::Enough);
}

#[test]
fn a_system_that_answers_no_op_at_all_is_vacuous_at_once() {
    let found = judged(Manner::IsDeafToUsers, "default", 20);
    assert_eq!(found.verdict, Verdict::Vacuous);
    assert!(found.ops_never_answered.contains(&"sell") && found.devices_never_sent.len() > 1, "{found:?}");
}

#[test]
fn messages_of_which_nothing_comes_are_named_by_their_channel() {
    let found = judged(Manner::IsDeafOnTheServer, "default", 50);
    assert_eq!(found.messages_never_answered, ["push"]);
    assert!(found.ops_never_answered.is_empty() && found.devices_never_sent.is_empty(), "{found:?}");
}

#[test]
fn a_till_that_never_sends_is_named() {
    let found = judged(Manner::HasAMuteTill, "default", 50);
    assert_eq!(found.devices_never_sent, ["till-1"]);
    assert!(found.ops_never_answered.is_empty() && found.messages_never_answered.is_empty(), "{found:?}");
}

#[test]
fn a_till_that_only_answers_the_server_is_not_called_mute() {
    let found = judged(Manner::AnswersWhenAsked, "default", 50);
    assert!(found.devices_never_sent.is_empty() && !found.empty, "{found:?}");
    assert!(!found.invariants_never.contains(&"outbox-drains"), "{found:?}");
}

#[test]
fn an_acknowledgement_on_its_own_channel_may_lead_to_nothing_that_shows() {
    let found = judged(Manner::ForgetsWhenAcknowledged, "default", 50);
    assert_eq!(found.messages_never_answered, [""; 0]);
}

#[test]
fn a_system_that_does_not_say_which_ops_its_messages_carry_is_not_blamed_for_it() {
    let found = judged(Manner::ListsNoOps, "default", 100);
    for name in ["outbox-drains", "one-effect-per-op"] {
        assert!(!found.invariants_never.contains(&name), "{name}: {found:?}");
    }
}

#[test]
fn a_day_that_cannot_be_made_up_costs_its_own_seed_alone() {
    let report = fuzzed(Manner::CannotMakeUpADay, "default", 20);
    let said = "its day could not be made up: the business panicked: a couple?";
    assert!(!report.mistakes.is_empty() && report.mistakes.iter().all(|(_, text)| text == said), "{report:?}");
    assert!(report.runs == 20 && report.events > 0, "the other days are run");
    let shop: Arc<dyn Subject> = Arc::new(Stranger(Manner::CannotMakeUpADay));
    let compared = Comparison::new(vec![shop.clone(), shop], Profile::find("default").unwrap(), 0..20).run(&|_| {});
    assert_eq!(compared.runs, 20);
    assert!(compared.standings.iter().all(|standing| standing.report.mistakes == report.mistakes));
}

#[test]
fn a_business_that_cannot_say_what_its_ops_do_loses_no_report() {
    let found = judged(Manner::CannotSayWhatOpsDo, "polite", 3);
    let (seed, text) = found.mistake.as_ref().expect("nobody could say");
    assert!(text.starts_with("what its ops bring about: the business panicked: what is Verb("), "{seed}: {text}");
    assert!(found.invariants_never.contains(&"op-all-or-nothing"), "nothing is out of reach then");
}

#[test]
fn a_write_that_nobody_reports_is_a_mistake_in_the_model_with_its_node_row_and_field() {
    let report = fuzzed(Manner::HidesAWrite, "polite", 30);
    assert_eq!(report.mistakes, []);
    let (_, text) = report.model_mistakes.first().expect("a sale was made");
    let parts = ["till-", " shows product ", " with stock ", "its reported writes amount to stock ", "Context::wrote"];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn a_channel_or_a_node_that_is_not_there_is_named_with_those_that_are() {
    let channel = stopped(&fuzzed(Manner::SpeaksOnNoChannel, "polite", 20), "panics").violation.text;
    assert!(channel.contains("Channel(9) is not declared") && channel.contains("push-tick"), "{channel}");
    let node = stopped(&fuzzed(Manner::SpeaksToNobody, "polite", 20), "panics").violation.text;
    assert!(node.contains("there is no node 40"), "{node}");
}

#[test]
fn a_declaration_that_cannot_be_is_a_mistake_in_the_model_and_nothing_is_run() {
    let report = fuzzed(Manner::DeclaresNoPeriod, "polite", 3);
    let said: Vec<&str> = report.model_mistakes.iter().map(|(_, text)| text.as_str()).collect();
    assert!(said.len() == 3 && said.iter().all(|text| text.contains("`Facts::longest_period`")), "{said:?}");
    assert_eq!((report.events, report.failed, report.mistakes.len()), (0, 0, 0));
}

#[test]
fn a_report_that_begins_elsewhere_than_the_last_one_ended_is_named_at_its_step_and_no_promise_is_blamed() {
    let report = fuzzed(Manner::ReportsHalf, "polite", 20);
    let (_, text) = &report.model_mistakes[0];
    assert!(text.contains("till-") && text.contains("reported product ") && text.contains(" as changed"), "{text}");
    assert!(text.contains("its reported writes amount to stock") && text.contains("Context::wrote"), "{text}");
    // What a wrong report makes of a promise is worth nothing: a run that has one is judged by nobody.
    let wrong = report.model_mistakes.len() as u64;
    assert!(report.mistakes.is_empty() && wrong > 0 && report.failed <= report.runs - wrong, "{:?}", report.broken);
}

#[test]
fn a_row_of_an_entity_that_there_is_not_is_answered_with_those_that_there_are() {
    let report = fuzzed(Manner::InventsAnEntity, "polite", 20);
    let (_, text) = &report.model_mistakes[0];
    assert!(text.contains("server reported a row of Entity(17)") && text.contains("0 (product)"), "{text}");
}
