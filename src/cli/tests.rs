//! Commands from arguments to output, on a small shop that sells twice when an answer is late.

use super::args::{Cli, Command};
use super::exit::Exit;
use super::failure::Failure;
use super::output::{Format, Out};
use super::registry::{Changes, Registry};
use super::{ablate, canaries, compare, diff, explain, fuzz, list, program, replay, vacuous};
use crate::explore::Profile;
use crate::explore::test_shop::TestShop;
use crate::harness::{Luck, Outcome, Subject};
use crate::model::retail::RETAIL;
use crate::model::{Domain, Scenario};
use crate::system::Facts;
use clap::Parser;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A page that is written to and read back.
#[derive(Clone, Default)]
pub struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    /// What stands on it.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn registry() -> Registry {
    let change = |from: &'static str, to: &'static str, text: &'static str| -> Changes {
        Box::new(move |name| if name == from { vec![(text.to_string(), to.to_string())] } else { Vec::new() })
    };
    Registry::empty()
        .with(TestShop::forgetful())
        .with(TestShop::repaired())
        .with_flaws(change("repaired-shop", "forgetful-shop", "it forgets what it has seen"))
        .with_repairs(change("forgetful-shop", "repaired-shop", "it remembers"))
}

/// What a command line prints and how it ends.
fn squall(args: &[&str]) -> (String, Result<Exit, Failure>) {
    squall_on(&registry(), args)
}

/// The same with other systems.
fn squall_on(registry: &Registry, args: &[&str]) -> (String, Result<Exit, Failure>) {
    let cli = Cli::try_parse_from([&["squall"], args].concat()).unwrap();
    let page = Page::default();
    let mut out = Out::onto(Box::new(page.clone()), cli.format);
    out.width = cli.width.map_or(out.width, usize::from);
    let ended = match &cli.command {
        Command::Replay(args) if args.vacuous => vacuous::vacuous(registry, args, &mut out),
        Command::Replay(args) => replay::replay(registry, args, &mut out),
        Command::Fuzz(args) => fuzz::campaign(registry, args, &Default::default(), &mut out),
        Command::Compare(args) => compare::comparison(registry, args, &Default::default(), &mut out),
        Command::Explain(args) => explain::explain(registry, args, &mut out),
        Command::Diff(args) => diff::diff(registry, args, &mut out),
        Command::List(args) => list::list(registry, args, &mut out),
        Command::Canaries(args) => canaries::listed(registry, args, &Default::default(), &mut out),
        other => panic!("no test runs {other:?}"),
    };
    assert_eq!(out.format == Format::Json, cli.format == Format::Json);
    (page.text(), ended)
}

fn fuzzed(folder: &Path, more: &[&str]) -> (String, Exit) {
    let save = folder.to_str().unwrap();
    let args = [&["fuzz", "forgetful-shop", "--seeds", "0..200", "-j", "2", "--save", save], more].concat();
    let (text, ended) = squall(&args);
    (text, ended.unwrap())
}

#[test]
fn a_finding_is_shown_as_a_story_saved_and_repeated_by_the_command_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let (text, exit) = fuzzed(folder.path(), &[]);
    assert_eq!(exit, Exit::Broken, "{text}");
    assert!(text.contains("sale") && text.contains("✗ "), "{text}");
    let again = text.lines().find_map(|line| line.trim().strip_prefix("again")).unwrap();
    let file = again.trim().strip_prefix("squall explain ").unwrap();
    assert!(Path::new(file).is_file(), "{again}");
}

#[test]
fn a_campaign_in_json_is_one_object_with_every_promised_key() {
    let folder = tempfile::tempdir().unwrap();
    let (text, _) = fuzzed(folder.path(), &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in [
        "system",
        "profile",
        "seeds",
        "runs",
        "seconds",
        "runs_per_second",
        "events",
        "digest",
        "goals",
        "faults_fired",
        "exercised",
        "metrics",
        "findings",
    ] {
        assert!(value.get(key).is_some(), "{key}");
    }
    let finding = &value["findings"][0];
    for key in
        ["invariant", "signature", "seed", "first_run", "devices", "ops", "deviations", "faults", "steps", "scenario"]
    {
        assert!(finding.get(key).is_some(), "{key}");
    }
    assert_eq!(value["runs"], 200);
    assert!(finding["first_run"].as_u64().unwrap() >= 1);
}

#[test]
fn a_second_campaign_says_that_its_findings_are_saved_already() {
    let folder = tempfile::tempdir().unwrap();
    fuzzed(folder.path(), &[]);
    let count = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = count();
    let (text, _) = fuzzed(folder.path(), &[]);
    assert!(text.contains("already saved as"), "{text}");
    assert_eq!(count(), before);
}

#[test]
fn findings_are_printed_even_if_they_cannot_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (text, exit) = fuzzed(&file.join("findings"), &[]);
    assert_eq!(exit, Exit::Usage);
    assert!(text.contains("not saved") && text.contains("squall explain forgetful-shop --seed"), "{text}");
}

#[test]
fn the_story_of_a_seed_is_the_same_every_time() {
    let (text, ended) = squall(&["explain", "forgetful-shop", "--seed", "3"]);
    assert!(ended.is_ok());
    assert!(text.contains("what users were told") && text.contains("fingerprint"), "{text}");
    assert_eq!(squall(&["explain", "forgetful-shop", "--seed", "3"]).0, text);
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let (text, ended) = squall(&["diff", "repaired-shop@4", "repaired-shop@4"]);
    assert_eq!(ended.unwrap(), Exit::Held);
    assert!(text.starts_with("no difference"), "{text}");
}

#[test]
fn two_seeds_part_at_a_named_event() {
    let (text, ended) = squall(&["diff", "repaired-shop@4", "repaired-shop@5"]);
    assert_eq!(ended.unwrap(), Exit::Broken);
    assert!(text.contains("the first that differs, at") && text.contains("what follows from it"), "{text}");
}

#[test]
fn an_unknown_system_is_answered_with_the_nearest() {
    let message = squall(&["explain", "forgetfull-shop", "--seed", "1"]).1.unwrap_err().message(false).unwrap();
    assert!(message.contains("did you mean `forgetful-shop`?"), "{message}");
}

#[test]
fn replaying_an_empty_folder_tests_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (text, ended) = squall(&["replay", folder.path().to_str().unwrap()]);
    assert_eq!(ended.unwrap(), Exit::Vacuous);
    assert!(text.contains("nothing was run"), "{text}");
}

const TWO_SALES: &str = r#"{
  "squall": 1, "title": "One till sells once", "domain": "retail", "devices": ["till"],
  "rows": { "product": { "X": { "stock": 5, "price": 1000 } } },
  "steps": [ { "at": "1s", "device": "till", "sell": { "X": 2 }, "id": "sale-1" } ],
  "expect": { "repaired-shop": { "holds": true, "server": { "product": { "X": { "stock": STOCK } } } } }
}"#;

#[test]
fn a_wrong_end_says_what_was_expected_and_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let replayed = |stock: &str| {
        std::fs::write(folder.path().join("a.json"), TWO_SALES.replace("STOCK", stock)).unwrap();
        let (text, ended) = squall(&["replay", folder.path().to_str().unwrap()]);
        (text, ended.unwrap())
    };
    let (text, exit) = replayed("3");
    assert_eq!(exit, Exit::Held, "{text}");
    assert!(text.contains("as expected   holds"), "{text}");
    let (text, exit) = replayed("4");
    assert_eq!(exit, Exit::Broken, "{text}");
    assert!(text.contains("NOT AS EXPECTED") && text.contains("happened  holds"), "{text}");
    assert!(text.contains("squall explain") && text.contains("--system repaired-shop"), "{text}");
}

#[test]
fn a_broken_file_does_not_keep_the_others_from_being_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{ \"squall\": 1, ").unwrap();
    std::fs::write(folder.path().join("b.json"), TWO_SALES.replace("STOCK", "3")).unwrap();
    let (text, ended) = squall(&["replay", folder.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(ended.unwrap(), Exit::Usage);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["files"], &value["passed"]), (&2.into(), &1.into()));
    assert_eq!(value["failed"][0]["exit"], 2);
}

#[test]
fn lists_name_faults_and_systems() {
    assert!(squall(&["list", "faults"]).0.contains("server-kill"));
    assert_eq!(squall(&["list", "systems"]).0, "forgetful-shop  domain retail\nrepaired-shop   domain retail\n");
}

/// What `compare` prints about the two shops, without the line that says how long it took.
fn compared(more: &[&str]) -> (String, Exit) {
    let args = [&["compare", "forgetful-shop", "repaired-shop", "--seeds", "0..128", "-j", "2"], more].concat();
    let (text, ended) = squall(&args);
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains(" a second)")).collect();
    (kept.join("\n"), ended.unwrap())
}

#[test]
fn two_shops_on_the_same_days_differ_in_the_planted_bug() {
    let (text, exit) = compared(&[]);
    assert_eq!(exit, Exit::Broken);
    insta::assert_snapshot!(text);
}

#[test]
fn a_comparison_in_json_has_a_figure_with_its_bounds_for_every_system() {
    let (text, exit) = compared(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(exit, Exit::Broken);
    assert_eq!((&value["domain"], &value["groups"][0]["runs"]), (&"retail".into(), &128.into()));
    let [forgetful, repaired] = [0, 1].map(|n| &value["groups"][0]["systems"][n]);
    let cell = |system: &serde_json::Value, key: &str| system["invariants"]["one-effect-per-op"][key].as_u64();
    assert!(cell(forgetful, "runs").unwrap() > 0 && cell(forgetful, "first_seed").is_some());
    assert_eq!((cell(repaired, "runs"), cell(repaired, "newly_held")), (Some(0), cell(forgetful, "runs")));
    let bytes = &repaired["figures"]["bytes_per_op"];
    let bound = |key: &str| bytes[key].as_i64().unwrap();
    assert!(bound("low_ppm") < bound("value_ppm") && bound("value_ppm") < bound("high_ppm"));
    assert!(repaired["sale_to_server"]["p50"]["value_us"].is_u64());
}

#[test]
fn a_cell_s_story_is_told_saved_and_repeated_by_the_command_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().to_str().unwrap();
    let (text, _) = compared(&["--story", "forgetful-shop/one-effect-per-op", "--save", save]);
    assert!(text.contains("forgetful-shop / one-effect-per-op") && text.contains("✗ one-effect-per-op"), "{text}");
    let again = text.lines().find_map(|line| line.trim().strip_prefix("again")).unwrap();
    assert!(Path::new(again.trim().strip_prefix("squall explain ").unwrap()).is_file(), "{again}");
}

#[test]
fn a_sweep_has_a_row_for_each_value_and_system() {
    let (text, _) = compared(&["--sweep", "loss=0..20%/3", "--width", "200"]);
    for row in ["loss 0 % forgetful-shop", "loss 10 % forgetful-shop", "loss 20 % repaired-shop"] {
        assert!(text.lines().filter(|line| line.starts_with(row)).count() > 0, "{row}:\n{text}");
    }
}

#[test]
fn with_one_till_no_sale_is_awaited_on_another() {
    let (text, _) = compared(&["--sweep", "devices=1..2", "--width", "300"]);
    let row = |name: &str| text.lines().rfind(|line| line.starts_with(name)).unwrap().to_string();
    assert!(row("devices 1 repaired-shop").trim_end().ends_with("–"), "{text}");
    assert!(row("devices 2 repaired-shop").trim_end().ends_with("never"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_answered_with_what_to_write() {
    let said = |args: &[&str]| squall(&[&["compare"], args].concat()).1.unwrap_err().message(false).unwrap();
    assert!(said(&["--story", "repaired-shop"]).contains("write SYSTEM/INVARIANT"));
    assert!(said(&["--story", "repaired-shop/one-efect-per-op"]).contains("did you mean `one-effect-per-op`?"));
    assert!(said(&["--story", "repared-shop/one-effect-per-op"]).contains("did you mean `repaired-shop`?"));
    assert!(said(&["--domain", "retial"]).contains("did you mean `retail`?"));
    assert!(said(&["--ablate", "repaired-shop"]).contains("only presets"));
    let ablated = ablate::groups(&Registry::builtin(), "seri-2026-01-16", "retail", Profile::find("default").unwrap());
    assert!(ablated.err().unwrap().message(false).unwrap().contains("none of the five fixes"));
    assert!(said(&["no-such-shop"]).contains("unknown system `no-such-shop`"));
}

#[test]
fn the_commands_that_the_readme_compares_with_can_be_parsed() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Comparing systems\n").expect("there is a section on it");
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let lines = section.lines().filter_map(|line| line.strip_prefix("squall "));
    let commands: Vec<Vec<&str>> =
        lines.map(|line| line.split(" #").next().unwrap_or_default().split_whitespace().collect()).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        let parsed = Cli::try_parse_from([&["squall"][..], &command].concat());
        assert!(matches!(parsed.map(|cli| cli.command), Ok(Command::Compare(_))), "{command:?}");
    }
}

/// A scenario with one lost answer: the till sends its sale again.
fn with_a_lost_answer(system: &str) -> String {
    let lost = r#""schedule": { "till.push.sale-1.try-1.reply": "drop" }, "heal": "1m", "expect": { "SYSTEM""#;
    let text = TWO_SALES.replace("STOCK", "3").replace("\"expect\": { \"repaired-shop\"", lost);
    text.replace("SYSTEM", system)
}

#[test]
fn a_scenario_that_no_flaw_changes_is_vacuous_until_its_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let judged = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let (shown, ended) = squall(&["replay", "--vacuous", path.to_str().unwrap()]);
        (shown, ended.unwrap())
    };
    let polite = TWO_SALES.replace("STOCK", "3");
    let (text, exit) = judged(&polite);
    assert_eq!(exit, Exit::Vacuous, "{text}");
    assert!(text.contains("0 of 1  VACUOUS"), "{text}");
    let (text, exit) = judged(&polite.replace("\"holds\": true", "\"holds\": true, \"vacuous\": true"));
    assert_eq!(exit, Exit::Held, "{text}");
    assert!(text.contains("0 of 1  vacuous, as the file says"), "{text}");
    let (text, exit) = judged(&with_a_lost_answer("repaired-shop"));
    assert_eq!(exit, Exit::Held, "{text}");
    assert!(text.contains("1 of 1  it forgets what it has seen"), "{text}");
    let (text, exit) = judged(&with_a_lost_answer("forgetful-shop"));
    assert_eq!(exit, Exit::Vacuous, "{text}");
    assert!(text.contains("not judged"), "{text}");
}

#[test]
fn a_story_says_what_it_needs_how_little_would_have_saved_it_and_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, with_a_lost_answer("forgetful-shop")).unwrap();
    let (text, ended) = squall(&["explain", path.to_str().unwrap()]);
    assert_eq!(ended.unwrap(), Exit::Broken);
    let (_, why) = text.split_once("why ").expect("there is a reason");
    insta::assert_snapshot!(why.split_once("\n\n").unwrap().0);
    let (text, _) = squall(&["explain", path.to_str().unwrap(), "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["why"]["needs"][0]["necessary"], true);
    assert_eq!(value["why"]["holds_when"][0]["change"], "it remembers");
}

#[test]
fn a_green_campaign_names_what_never_happened_and_is_vacuous_once_it_was_long_enough() {
    let folder = tempfile::tempdir().unwrap();
    let fuzzed = |seeds: &str| {
        let save = folder.path().to_str().unwrap();
        let (text, ended) = squall(&["fuzz", "repaired-shop", "--seeds", seeds, "-j", "2", "--save", save]);
        (text, ended.unwrap())
    };
    let never = |text: &str, what: &str| {
        let line = text.lines().find(|line| line.starts_with(what)).expect("the report has this line").to_string();
        line.split_once("never: ").map(|(_, names)| names.to_string())
    };
    let (text, exit) = fuzzed("0..3");
    assert_eq!(exit, Exit::Held, "{text}");
    assert!(text.contains("too few runs to say"), "{text}");
    assert!(never(&text, "faults fired").is_some(), "{text}");
    assert_eq!(never(&text, "goals reached").as_deref(), Some("a sale took nothing"), "{text}");
    let (text, exit) = fuzzed("0..1000");
    assert_eq!(exit, Exit::Vacuous, "{text}");
    assert!(text.contains("VACUOUS: what is listed as `never`"), "{text}");
    assert_eq!(never(&text, "goals reached").as_deref(), Some("a sale took nothing"), "{text}");
}

#[test]
fn a_program_of_somebody_else_s_shows_its_own_name_and_systems_and_hides_what_it_has_not_got() {
    let mut own = program::command(&registry().called("cargo run --example shop --")).term_width(100);
    own.build();
    let help = own.render_long_help().to_string();
    assert!(help.contains("Usage: cargo run --example shop -- ") && !help.contains("canaries"), "{help}");
    assert!(!help.contains("--store") && !help.contains("--domain"), "{help}");
    for command in own.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        let help = command.render_long_help().to_string();
        assert!(!help.contains("seri") && !help.contains("  squall "), "{help}");
    }
    let fuzz = own.find_subcommand_mut("fuzz").unwrap().render_long_help().to_string();
    assert!(fuzz.contains("[default: forgetful-shop]") && fuzz.contains("-- fuzz forgetful-shop"), "{fuzz}");
}

#[test]
fn what_only_squall_s_own_systems_have_is_refused_in_other_programs() {
    for args in [&["canaries"][..], &["list", "canaries"], &["compare", "--ablate", "forgetful-shop"]] {
        let message = squall(args).1.unwrap_err().message(false).unwrap();
        assert!(message.contains("this program has none of them"), "{message}");
    }
}

#[test]
fn where_none_is_named_the_first_system_is_fuzzed_and_those_of_its_business_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().to_str().unwrap();
    let (text, _) = squall(&["fuzz", "--seeds", "0..2", "--save", save]);
    assert!(text.contains("forgetful-shop"), "{text}");
    let (text, _) = squall(&["compare", "--seeds", "0..2", "--save", save]);
    assert!(text.contains("forgetful-shop") && text.contains("repaired-shop"), "{text}");
}

/// Devices without a server that never talk to each other.
struct Silent;

impl Subject for Silent {
    fn name(&self) -> String {
        "silent".into()
    }
    fn domain(&self) -> &'static Domain {
        &RETAIL
    }
    fn facts(&self) -> Facts {
        Facts { server: false, ..Facts::new(&[]) }
    }
    fn run(&self, _: &Scenario, _: Luck, _: bool) -> Outcome {
        Outcome { rested: true, ..Outcome::default() }
    }
}

#[test]
fn devices_without_a_server_that_never_talk_to_each_other_are_no_success() {
    let systems = Registry::empty().with(Silent);
    let (text, ended) = squall_on(&systems, &["fuzz", "silent", "--seeds", "0..5", "-j", "1"]);
    assert_eq!(ended.unwrap(), Exit::Vacuous);
    assert!(text.contains("VACUOUS: no op ever reached another device, so nothing was tested"), "{text}");
    assert!(text.contains("stock-never-negative") && text.contains("there is no server"), "{text}");
}
