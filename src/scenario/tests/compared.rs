//! Each difference between an outcome and its expectation is said in words, and nothing else is.

use super::super::{Story, check};
use super::{read, with};
use crate::harness::{End, Outcome};
use crate::invariants::Violation;
use crate::model::{Key, Row, Value, retail};
use crate::sim::{NodeId, OpId, Span, Time};
use crate::system::{Pending, PendingState, Verdict, Word};

fn violation(invariant: &'static str) -> Violation {
    let text = "the server's stock of X went to -5".into();
    Violation { invariant, kind: "below", entity: "product", at: Time(5_000_000), node: NodeId(0), ops: vec![], text }
}

/// The server sold ten of five, and one sale is still on its till.
fn outcome() -> Outcome {
    let product = Row::new(retail::PRODUCT, Key(1)).with(0, Value::int(-5)).with(1, Value::int(5_000));
    let mut sale = Row::new(retail::SALE, Key(77));
    (sale.origin, sale.part) = (OpId(1), 0);
    let mut item = Row::new(retail::SALE_ITEM, Key(78)).with(retail::field::ITEM_SALE, Value::key(Key(77)));
    (item.origin, item.part) = (OpId(1), 1);
    let mut gone = Row::new(retail::SALE, Key(79));
    (gone.origin, gone.deleted) = (OpId(2), true);
    let end = End {
        rows: vec![vec![product, sale, item, gone], vec![product], vec![]],
        ops: vec![
            (OpId(1), vec![(Time(1), Word::Saved), (Time(2), Word::Synced)], Some(Verdict::Accepted)),
            (OpId(2), vec![(Time(1), Word::Saved)], None),
        ],
        delays: vec![(OpId(1), Span::secs(59))],
        pending: vec![
            (NodeId(1), vec![]),
            (
                NodeId(2),
                vec![
                    Pending { op: OpId(2), state: PendingState::Queued },
                    Pending { op: OpId(3), state: PendingState::DeadLetter },
                ],
            ),
        ],
        outbox: Vec::new(),
    };
    let violations = vec![violation("stock-never-negative")];
    Outcome { violations, end: Some(Box::new(end)), ..Outcome::default() }
}

fn expecting(text: &str) -> Story {
    read(&with(r#""holds": true, "told": { "late-sale": "rejected" }"#, text))
        .unwrap_or_else(|report| panic!("{report}"))
}

fn differences(text: &str, outcome: &Outcome) -> Vec<String> {
    let story = expecting(text);
    check(&story.expect[1], &story, outcome)
}

#[test]
fn an_outcome_as_expected_has_no_differences() {
    let text = r#""violates": ["stock-never-negative"], "only": true, "told": { "sale-1": "synced" },
        "decided": { "sale-1": "accepted" }, "pending": { "abdoulaye": 0, "fatoumata": 1 },
        "server": {
          "product": { "count": 1, "X": { "stock": -5, "price": 5000, "threshold": "missing" } },
          "sale": { "count": 1, "sale-1": {}, "late-sale": null },
          "sale_item": { "sale-1": { "sale": "sale-1" } }
        },
        "devices": { "fatoumata": { "product": { "count": 0, "X": null } } }"#;
    assert_eq!(differences(text, &outcome()), Vec::<String>::new());
}

#[test]
fn each_difference_names_node_row_and_field() {
    let text = r#""violates": ["one-effect-per-op"], "only": true, "told": { "late-sale": "rejected" },
        "decided": { "sale-1": "rejected", "late-sale": "accepted" }, "pending": { "fatoumata": 0 },
        "server": { "product": { "count": 2, "X": { "stock": 0 } }, "sale": { "sale-1": null, "late-sale": {} },
          "sale_item": { "sale-1": { "sale": "late-sale" } } }"#;
    assert_eq!(
        differences(text, &outcome()),
        [
            "expected one-effect-per-op to break, but it held",
            "stock-never-negative broke at 5s: the server's stock of X went to -5",
            "late-sale told: expected rejected, got saved",
            "sale-1 decided: expected rejected, got accepted",
            "late-sale decided: expected accepted, got no verdict",
            "server product count: expected 2, got 1",
            "server product X stock: expected 0, got -5",
            "server sale sale-1: expected to be gone, but it is there",
            "server sale late-sale: expected to be there, but it is not",
            "server sale_item sale-1 sale: expected late-sale, got sale-1",
            "fatoumata pending: expected 0, got 1",
        ]
    );
}

#[test]
fn an_op_that_reaches_the_server_too_soon_too_late_or_never_is_a_difference() {
    let on_server = |delays: &str| {
        differences(&format!(r#""holds": true, "on-server": {delays}"#), &Outcome { violations: vec![], ..outcome() })
    };
    assert!(on_server(r#"{ "sale-1": { "after": "59s", "by": "59s" } }"#).is_empty());
    assert_eq!(
        on_server(r#"{ "sale-1": { "after": "60s", "by": "61s" } }"#),
        ["sale-1 on the server: expected after 1m to 61s, got after 59s"]
    );
    assert_eq!(
        on_server(r#"{ "sale-1": { "by": "1s" }, "late-sale": { "by": "1s" } }"#),
        [
            "sale-1 on the server: expected after 0s to 1s, got after 59s",
            "late-sale on the server: expected after 0s to 1s, got never",
        ]
    );
}

#[test]
fn what_else_breaks_matters_only_where_the_file_says_so() {
    let mut both = outcome();
    both.violations.push(violation("conflicts-decided"));
    assert!(differences(r#""violates": ["stock-never-negative"]"#, &both).is_empty());
    assert_eq!(differences(r#""violates": ["stock-never-negative"], "only": true"#, &both).len(), 1);
    assert_eq!(differences(r#""holds": true"#, &both).len(), 2);
}

#[test]
fn a_result_in_which_no_deviation_came_up_is_vacuous_unless_that_is_known() {
    let mut outcome = Outcome::default();
    assert!(differences(r#""holds": true"#, &outcome).is_empty());
    let known = differences(r#""holds": true, "vacuous": true"#, &outcome);
    assert_eq!(known, ["expected to be vacuous, but 1 of 1 deviations came up"]);
    outcome.unused = expecting(r#""holds": true"#).scenario.schedule;
    assert_eq!(differences(r#""holds": true"#, &outcome), ["vacuous: none of the 1 deviations came up"]);
    assert!(differences(r#""holds": true, "vacuous": true"#, &outcome).is_empty());
}

#[test]
fn a_deviation_must_come_up_on_the_system_where_it_was_found() {
    let mut text =
        with(r#"{ "delay": "3s" } }"#, r#"{ "delay": "3s" }, "abdoulaye.offline-1": { "at": "1s", "for": "1s" } }"#);
    text = text.replace(r#""expect""#, r#""found": { "system": "sound", "seed": 7, "profile": "default" }, "expect""#);
    text = text.replace(r#", "told": { "late-sale": "rejected" }"#, "");
    let story = read(&text).unwrap();
    let outcome = Outcome { unused: vec![story.scenario.schedule[1]], ..Outcome::default() };
    let found = check(&story.expect[1], &story, &outcome);
    assert_eq!(found, ["abdoulaye.offline-1 never came up, on the system where it was found"]);
    let violated = Outcome { violations: vec![violation("stock-never-negative")], ..outcome };
    let mut elsewhere = story.expect[0].clone();
    elsewhere.nodes.clear();
    assert!(check(&elsewhere, &story, &violated).is_empty());
}
