//! What `explain` says below stories of the documents, and which scenarios `replay --vacuous` calls vacuous.
//!
//! The searches have their own tests on a tiny shop; here are real findings, word for word as a user sees them.

use serde_json::Value;
use std::process::{Command, Output};

fn squall(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("COLUMNS")
        .args(args)
        .output()
        .expect("the program runs")
}

/// What stands between the broken promises and the figures.
fn why(scenario: &str) -> String {
    let output = squall(&["explain", &format!("scenarios/{scenario}.json"), "--width", "100"]);
    let text = String::from_utf8(output.stdout).expect("the program writes UTF-8");
    let (_, below) = text.split_once("\nwhy ").unwrap_or_else(|| panic!("{scenario} has reasons:\n{text}"));
    below.split_once("\n\n").expect("figures follow").0.to_string()
}

#[test]
fn a_late_answer_would_have_been_early_enough_after_two_point_nine_seconds() {
    insta::assert_snapshot!(why("guide/a-late-answer"));
}

#[test]
fn two_tills_that_sell_the_same_five_units_need_no_bad_luck() {
    insta::assert_snapshot!(why("seri/01-two-tills-sell-the-same-five-units"));
}

#[test]
fn a_price_is_not_reverted_by_a_cart_that_is_completed_before_the_price_arrives() {
    insta::assert_snapshot!(why("seri/02-a-sale-reverts-a-price"));
}

#[test]
fn a_key_outlives_an_app_that_is_away_for_a_millisecond_less_than_a_day() {
    insta::assert_snapshot!(why("fixes/B28-the-key-has-expired"));
}

#[test]
fn a_server_that_dies_before_it_stores_the_key_must_die_there() {
    insta::assert_snapshot!(why("fixes/B26-crash-before-the-key"));
}

#[test]
fn syncing_twice_is_vacuous_its_honest_twin_is_not_and_no_other_scenario_is_without_saying_so() {
    let output = squall(&["replay", "--vacuous", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON value on stdout");
    let of = |name: &str| {
        let all = report["scenarios"].as_array().expect("a list");
        all.iter().find(|one| one["file"].as_str().unwrap().contains(name)).expect("it was judged").clone()
    };
    assert_eq!(of("seri/08-syncing-twice")["verdict"], "known to be vacuous");
    assert_eq!(of("seri/08-syncing-twice")["noticed"], Value::Array(Vec::new()));
    assert_eq!(of("seri/03-a-lost-answer")["noticed"][0], "a retry is not recognised");
    let unmarked: Vec<Value> = report["scenarios"].as_array().expect("a list").clone();
    let unmarked: Vec<&Value> =
        unmarked.iter().filter(|one| one["verdict"] == "vacuous").map(|one| &one["file"]).collect();
    assert!(unmarked.is_empty(), "no flaw changes how these end, and they do not say so: {unmarked:?}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_readme_shows_reasons_and_vacuous_scenarios_as_the_program_does() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("there is a README");
    let reasons = format!("```text\nwhy {}\n```", why("guide/a-late-answer"));
    assert!(readme.contains(&reasons), "README.md lacks\n{reasons}");
    let line = readme.lines().find_map(|line| line.strip_prefix("$ squall ")).expect("a command that it names");
    let shown =
        String::from_utf8(squall(&line.split(' ').collect::<Vec<_>>()).stdout).expect("the program writes UTF-8");
    assert!(readme.contains(&shown), "README.md lacks\n{shown}");
}
