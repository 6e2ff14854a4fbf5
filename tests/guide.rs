//! Holds `docs/guide.md` against the examples: every piece of code in it stands in one of them as it is, and its table is
//! what the smallest of them prints.

use std::fs;
use std::path::Path;

#[allow(dead_code)]
#[path = "../examples/minimal_till.rs"]
mod minimal_till;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every block of code in this language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split_once("\n```").expect("the block ends").0).collect()
}

#[test]
fn every_piece_of_code_stands_in_the_example_that_it_names() {
    let guide = text("docs/guide.md");
    let pieces = blocks(&guide, "rust");
    let quoted: Vec<_> = pieces.iter().filter_map(|piece| piece.strip_prefix("// ")?.split_once('\n')).collect();
    assert!(quoted.len() >= 6 && quoted.len() + 1 == pieces.len(), "all but the test of the reader's own are quoted");
    for (path, code) in quoted {
        assert!(text(path).contains(code), "not in {path}:\n{code}");
    }
}

#[test]
fn the_table_is_what_the_minimal_till_prints() {
    assert_eq!(blocks(&text("docs/guide.md"), "text")[0], minimal_till::finding().trim_end());
}

#[test]
fn the_readme_shows_the_story_of_the_minimal_till() {
    let readme = text("README.md");
    let story = blocks(&readme, "text till");
    assert!(story.len() == 1 && minimal_till::finding().contains(story[0]), "{}", minimal_till::finding());
}

#[test]
fn every_section_stands_in_the_list_and_every_file_that_is_linked_exists() {
    let guide = text("docs/guide.md");
    let anchor = |title: &str| title.to_lowercase().replace(['\'', ','], "").replace(' ', "-");
    let titles = guide.lines().filter_map(|line| line.strip_prefix("## "));
    let listed: Vec<&str> = guide.lines().filter_map(|line| line.split_once("](#")?.1.strip_suffix(')')).collect();
    assert_eq!(titles.map(anchor).collect::<Vec<_>>(), listed);
    for link in guide.split("](../").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(), "{link}");
    }
}
