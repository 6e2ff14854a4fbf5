//! The door to squall is small and stands in the guide: every item of the prelude has its line there, and no line is about
//! something that is not at the door.
//!
//! Why: a type that nobody explains is one that nobody dares to use. It reads text; the compiler holds the rest.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What stands at the door beside the prelude.
const BESIDE: [&str; 5] = ["check", "Check", "strategies", "cli::run", "cli::Registry"];
/// More than this is no small door.
const MOST: usize = 64;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names that the prelude re-exports.
fn prelude() -> BTreeSet<String> {
    let text = text("src/prelude.rs");
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let uses = code.split("pub use ").skip(1).map(|one| one.split(';').next().unwrap_or_default());
    uses.flat_map(|one| {
        let names = one.rsplit_once("::{").map_or_else(
            || one.rsplit("::").next().unwrap_or_default().to_string(),
            |(_, group)| group.trim_end_matches('}').to_string(),
        );
        names.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect::<Vec<_>>()
    })
    .collect()
}

/// Names in the first column of the guide's last table.
fn door() -> BTreeSet<String> {
    let guide = text("docs/guide.md");
    let (_, section) = guide.split_once("\n## The door\n").expect("the guide has a section of this name");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    rows.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`').to_string()).collect::<Vec<_>>()).collect()
}

#[test]
fn every_item_at_the_door_has_its_line_in_the_guide_and_every_line_an_item() {
    let there: BTreeSet<String> = prelude().into_iter().chain(BESIDE.map(String::from)).collect();
    let told = door();
    assert_eq!(there.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not in docs/guide.md");
    assert_eq!(told.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "not in src/prelude.rs");
}

#[test]
fn the_door_is_small() {
    assert!((30..=MOST).contains(&prelude().len()), "{} items", prelude().len());
}
