//! Each kind of mistake is refused at its place, with what was expected and the nearest valid name.

use super::super::{LARGEST_FILE, read as read_file};
use super::{LAST_FIVE, read, with};

/// The file is refused with this message, at the place where `marked` begins.
#[track_caller]
fn refuses(text: &str, marked: &str, message: &str) {
    let report = read(text).expect_err("the file is wrong");
    assert_eq!(report.message, message);
    let line = text.lines().nth(report.line.expect("a line") as usize - 1).expect("a line of the file");
    let rest: String = line.chars().skip(report.column.expect("a column") as usize - 1).collect();
    assert!(rest.starts_with(marked), "it points at {rest}");
}

#[test]
fn an_unknown_device_shows_its_place_the_devices_and_the_nearest() {
    let text = with(r#""device": "abdoulaye", "sell""#, r#""device": "abdulaye", "sell""#);
    insta::assert_snapshot!(read(&text).unwrap_err().render(false), @r#"
    error: unknown device `abdulaye`
      ╭▸ story.json:9:29
      │
    9 │     { "at": "1s", "device": "abdulaye", "sell": { "X": 5 } },
      │                             ━━━━━━━━━━ devices here are `abdoulaye`, `fatoumata`
      │
      ╰ help: did you mean `abdoulaye`?
    "#);
}

#[test]
fn an_unknown_part_of_a_label_is_marked_within_the_label() {
    let text = with("fatoumata.push.late-sale", "fatoumata.posh.late-sale");
    insta::assert_snapshot!(read(&text).unwrap_err().render(false), @r#"
    error: unknown channel `posh`
       ╭▸ story.json:13:28
       │
    13 │   "schedule": { "fatoumata.posh.late-sale.try-1.send": { "delay": "3s" } },
       │                            ━━━━ channels here are `push`, `pull`, `push-tick`
       │
       ╰ help: did you mean `push`?
    "#);
}

#[test]
fn an_unknown_invariant_shows_the_nearest() {
    let text = with(r#"["stock-never-negative"]"#, r#"["stock-never-negativ"]"#);
    insta::assert_snapshot!(read(&text).unwrap_err().render(false), @r#"
    error: unknown invariant `stock-never-negativ`
       ╭▸ story.json:15:32
       │
    15 │     "as-found": { "violates": ["stock-never-negativ"], "server": { "product": { "X": { "stock": -5 } } } },
       │                                ━━━━━━━━━━━━━━━━━━━━━ invariants here are `stock-never-negative`, `one-effect-per-op`, `conflicts-decided`
       │
       ╰ help: did you mean `stock-never-negative`?
    "#);
}

#[test]
fn a_negative_duration_says_that_time_does_not_run_backwards() {
    let text = with(r#""at": "2s""#, r#""at": "-2s""#);
    insta::assert_snapshot!(read(&text).unwrap_err().render(false), @r#"
    error: `-2s` is not a time
       ╭▸ story.json:10:13
       │
    10 │     { "at": "-2s", "device": "fatoumata", "sell": { "X": 5 }, "id": "late-sale" },
       ╰╴            ━━━━━ time does not run backwards: write a duration of zero or more
    "#);
}

#[test]
fn an_unknown_version_says_which_is_read() {
    insta::assert_snapshot!(read(&with(r#""squall": 1"#, r#""squall": 2"#)).unwrap_err().render(false), @r#"
    error: unknown version 2
      ╭▸ story.json:3:13
      │
    3 │   "squall": 2,
      ╰╴            ━ this program reads version 1: `"squall": 1`
    "#);
}

#[test]
fn a_fate_that_cannot_befall_its_label_says_which_can() {
    let text = with(r#"{ "delay": "3s" }"#, r#"{ "late": "3s" }"#);
    insta::assert_snapshot!(read(&text).unwrap_err().render(false), @r#"
    error: `late` does not fit `send`
       ╭▸ story.json:13:58
       │
    13 │   "schedule": { "fatoumata.push.late-sale.try-1.send": { "late": "3s" } },
       ╰╴                                                         ━━━━━━ what fits `send` is drop, delay, duplicate, corrupt, truncate
    "#);
}

#[test]
fn a_missing_comma_is_shown_where_it_belongs() {
    insta::assert_snapshot!(read(&with("\"domain\": \"retail\",", "\"domain\": \"retail\"")).unwrap_err().render(false), @r#"
    error: not JSON: expected comma
      ╭▸ story.json:5:21
      │
    5 │   "domain": "retail"
      ╰╴                    ━ this has to be JSON; comments are allowed
    "#);
}

#[test]
fn colour_changes_no_word_of_a_report() {
    let report = read(&with(r#""squall": 1"#, r#""squall": 2"#)).unwrap_err();
    let colored = report.render(true);
    let words: String =
        colored.split('\u{1b}').map(|part| part.split_once('m').map_or(part, |(_, rest)| rest)).collect();
    assert_ne!(colored, words);
    assert_eq!(words, report.render(false));
}

#[test]
fn a_file_that_cannot_be_opened_is_reported_without_a_line() {
    let report = read_file(std::path::Path::new("no/such/story.json")).unwrap_err();
    assert_eq!((report.line, report.column), (None, None));
    assert!(report.render(false).starts_with("error: cannot read the file"), "{report}");
    assert!(report.render(false).contains("no/such/story.json"), "{report}");
}

#[test]
fn unknown_names_are_refused_where_they_stand() {
    refuses(&with(r#""title""#, r#""titel""#), r#""titel""#, "unknown field `titel`");
    refuses(&with(r#""domain": "retail""#, r#""domain": "retial""#), r#""retial""#, "unknown domain `retial`");
    refuses(
        &with(r#"{ "product": { "X": { "stock": 5,"#, r#"{ "prodct": { "X": { "stock": 5,"#),
        r#""prodct""#,
        "unknown entity `prodct`",
    );
    refuses(&with(r#""price": 5000"#, r#""prize": 5000"#), r#""prize""#, "unknown field `prize`");
    refuses(&with(r#""sync": "push""#, r#""synk": "push""#), r#""synk""#, "unknown verb `synk`");
    refuses(&with(r#""sync": "push""#, r#""sync": "pusch""#), r#""pusch""#, "unknown word `pusch`");
    refuses(&with(r#""sell": { "X": 5 } },"#, r#""sell": { "Y": 5 } },"#), r#""Y""#, "unknown product `Y`");
    refuses(&with(r#""as-found":"#, r#""as-fond":"#), r#""as-fond""#, "unknown system `as-fond`");
    refuses(&with(r#""told": { "late-sale""#, r#""told": { "late-sail""#), r#""late-sail""#, "unknown op `late-sail`");
    refuses(&with(r#""rejected""#, r#""rejektet""#), r#""rejektet""#, "unknown word `rejektet`");
    refuses(&with(r#"{ "delay": "3s" }"#, r#""dropp""#), r#""dropp""#, "unknown fate `dropp`");
}

#[test]
fn every_part_of_a_label_is_refused_where_it_stands() {
    let label = |text: &str| with("fatoumata.push.late-sale.try-1.send", text);
    refuses(&label("fatou.push.late-sale.try-1.send"), "fatou.push", "unknown node `fatou`");
    refuses(&label("fatoumata.push.lost-sale.try-1.send"), "lost-sale", "unknown cause `lost-sale`");
    refuses(&label("fatoumata.push.late-sale.try-1.sent"), r#"sent""#, "unknown point `sent`");
    refuses(&label("fatoumata.push.late-sale.try-0x.send"), "try-0x", "`try-0x` is not a try (1 to 255)");
    refuses(&label("server.offline-1"), r#""server.offline-1""#, "the server cannot suffer `offline`");
}

#[test]
fn a_label_that_could_mean_an_op_or_something_else_is_refused() {
    let named = |name: &str| LAST_FIVE.replace("late-sale", name);
    for name in ["boot-2", "push-tick-3", "finish"] {
        refuses(&named(name), "\"fatoumata.push", &format!("`{name}` is an op and also another cause"));
    }
    assert!(read(&named("push-tick")).is_ok());
}

#[test]
fn the_nearest_name_is_offered_only_when_one_is_near() {
    let help = |name: &str| read(&with("\"as-found\":", &format!("\"{name}\":"))).unwrap_err().help;
    assert_eq!(help("as-fond").as_deref(), Some("did you mean `as-found`?"));
    assert_eq!(help("postgres"), None);
}

#[test]
fn wrong_types_say_what_stands_there_and_what_belongs_there() {
    refuses(
        &with(r#"["abdoulaye", "fatoumata"]"#, r#""abdoulaye""#),
        r#""abdoulaye""#,
        "a text where a list of device names belongs",
    );
    refuses(&with(r#""at": "1s""#, r#""at": 1"#), "1,", "a number where a time belongs");
    refuses(
        &with(r#""stock": 5,"#, r#""stock": "five","#),
        r#""five""#,
        "a text where a number, null or \"missing\" belongs",
    );
    refuses(&with(r#""holds": true"#, r#""holds": 1"#), "1,", "a number where true or false belongs");
    refuses("[]", "[]", "a list where an object belongs");
}

#[test]
fn numbers_are_whole_and_within_their_bounds() {
    let stock = |number: &str| with(r#""stock": 5,"#, &format!(r#""stock": {number},"#));
    refuses(&stock("-5"), "-5", "`stock` is -5");
    refuses(&stock("1.5"), "1.5", "`1.5` is not a whole number");
    refuses(&stock("1e3"), "1e3", "`1e3` is not a whole number");
    refuses(&stock("1000000000001"), "1000000000001", "1000000000001 is too large");
    refuses(&stock("99999999999999999999"), "9999", "99999999999999999999 is too large");
    refuses(&stock("-99999999999999999999"), "-9999", "-99999999999999999999 is too low");
    let sold = |number: &str| with(r#""sell": { "X": 5 } },"#, &format!(r#""sell": {{ "X": {number} }} }},"#));
    refuses(&sold("0"), "0 }", "0 is too low");
    refuses(&sold("-3"), "-3", "-3 is too low");
    refuses(&with(r#""at": "1s""#, r#""at": "10001d""#), r#""10001d""#, "`10001d` is not a time");
}

#[test]
fn names_that_stand_twice_or_mean_something_else_are_refused() {
    refuses(
        &with(r#""abdoulaye", "fatoumata"]"#, r#""fatoumata", "fatoumata"]"#),
        r#""fatoumata"],"#,
        "two devices are called `fatoumata`",
    );
    refuses(
        &with(r#""abdoulaye", "fatoumata"]"#, r#""server", "fatoumata"]"#),
        r#""server""#,
        "`server` is a reserved name",
    );
    refuses(
        &with(r#""abdoulaye", "fatoumata"]"#, r#""tante M.", "fatoumata"]"#),
        r#""tante"#,
        "`tante M.` cannot be the name of a device",
    );
    refuses(&with(r#""id": "late-sale""#, r#""id": "sale-1""#), r#""sale-1""#, "two ops are called `sale-1`");
    refuses(&with(r#""id": "late-sale""#, r#""id": "X""#), r#""X""#, "`X` is also an opening row");
    refuses(&with(r#""id": "late-sale""#, r#""id": "try-2""#), r#""try-2""#, "`try-2` is a reserved name");
    refuses(&with(r#""price": 5000"#, r#""stock": 4"#), r#""stock": 4"#, "`stock` stands twice");
    refuses(&with(r#""id": "late-sale""#, r#""number": 1"#), "1 }", "two ops have the number 1");
}

#[test]
fn an_op_that_makes_no_such_row_is_not_taken_for_one() {
    let text = with(r#""sell": { "X": 5 } },"#, r#""sell": { "late-sale": 5 } },"#);
    refuses(&text, r#""late-sale": 5"#, "`late-sale` makes no product");
}

#[test]
fn a_step_has_exactly_one_verb_and_a_continuation_something_to_continue() {
    refuses(&with(r#""sync": "push""#, r#""user": 3"#), r#"{ "at": "4s""#, "a step without a verb");
    refuses(
        &with(r#""sync": "push""#, r#""sync": "push", "refresh": "now""#),
        r#""refresh""#,
        "a step with two verbs, `sync` and `refresh`",
    );
    refuses(&with(r#""sync": "push""#, r#""complete": "sale-1""#), r#""sale-1""#, "`sale-1` cannot be continued here");
}

#[test]
fn an_expectation_either_holds_or_says_what_breaks() {
    refuses(&with(r#""holds": true, "#, ""), r#""sound""#, "neither holds nor violates");
    refuses(
        &with(r#""holds": true"#, r#""holds": true, "violates": ["one-effect-per-op"]"#),
        r#""sound""#,
        "it both holds and violates",
    );
}

#[test]
fn an_op_cannot_be_due_before_it_may_come() {
    let text =
        with(r#""holds": true"#, r#""holds": true, "on-server": { "late-sale": { "after": "9s", "by": "1s" } }"#);
    refuses(&text, r#""1s" } }"#, "by 1s is before after 9s");
}

#[test]
fn systems_whose_labels_mean_different_things_do_not_share_a_file() {
    let message = "`as-found` and `stranger` name their channels differently";
    refuses(&with(r#""sound":"#, r#""stranger":"#), r#""stranger""#, message);
}

#[test]
fn an_interference_needs_what_gives_it_a_meaning() {
    let shift = |fate: &str| {
        with(r#""fatoumata.push.late-sale.try-1.send": { "delay": "3s" }"#, &format!(r#""fatoumata.{fate}"#))
    };
    refuses(&shift(r#"offline-1": { "at": "2s" }"#), r#"{ "at""#, "`for` is missing");
    refuses(&shift(r#"offline-1": { "at": "2s", "for": "1s", "by": 3 }"#), "3 }", "`by` has no meaning for `offline`");
    refuses(&shift(r#"clock-jump-1": { "at": "2s" }"#), r#"{ "at""#, "`by` is missing");
    refuses(&shift(r#"offline-1": "drop""#), r#""drop""#, "`drop` does not fit `offline`");
    refuses(&shift(r#"boot-1.boot": "drop""#), r#""drop""#, "`drop` does not fit `boot`");
}

#[test]
fn too_much_of_anything_is_refused() {
    let devices: Vec<String> = (0..65).map(|n| format!("\"till-{n}\"")).collect();
    let text = with(r#"["abdoulaye", "fatoumata"]"#, &format!("[{}]", devices.join(", ")));
    refuses(&text, r#"["till-0""#, "65 devices");
    let step = r#"{ "at": "1s", "device": "abdoulaye", "sync": "both" },"#;
    let text = with("\"steps\": [", &format!("\"steps\": [{}", step.repeat(2_000)));
    assert_eq!(read(&text).unwrap_err().message, "too many steps");
    let fates = vec!["\"drop\""; 5_001].join(",");
    refuses(&with(r#"{ "delay": "3s" }"#, &format!("[{fates}]")), r#""drop"]"#, "too many deviations");
    let report = read(&" ".repeat(LARGEST_FILE + 1)).unwrap_err();
    assert_eq!(report.message, "the file is too large");
}

#[test]
fn nesting_without_end_is_refused_before_it_is_followed() {
    refuses(&"[".repeat(1_000_000), "[", "nested too deep");
    refuses(&format!("{{ \"a[[\": /* [[ */ {}", "[{\"a\":".repeat(40)), r#"{"a":"#, "nested too deep");
}

#[test]
fn a_file_that_is_not_utf_8_shows_the_line_of_the_first_bad_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.json");
    std::fs::write(&path, b"{\n  \"title\": \"caf\xe9\"\n}").unwrap();
    let report = read_file(&path).unwrap_err();
    assert_eq!((report.line, report.column, report.message.as_str()), (Some(2), Some(16), "the file is not UTF-8"));
    std::fs::write(&path, vec![b' '; LARGEST_FILE + 1]).unwrap();
    assert_eq!(read_file(&path).unwrap_err().message, "the file is too large");
    std::fs::write(&path, format!("\u{feff}{LAST_FIVE}")).unwrap();
    assert!(read(&read_file(&path).unwrap()).is_ok());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]
    #[test]
    fn no_damage_to_a_file_makes_the_reader_or_the_report_panic(at in 0usize..LAST_FIVE.len(), cut in 0usize..9, put in "\\PC{0,3}") {
        let end = (at + cut).min(LAST_FIVE.len());
        let text = format!("{}{put}{}", &LAST_FIVE[..at], &LAST_FIVE[end..]);
        if let Err(report) = read(&text) {
            proptest::prop_assert!(report.render(false).starts_with("error: "));
        }
    }
}
