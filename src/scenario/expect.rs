//! Reads how a story ends on each system.
//!
//! It finds the systems, because their channels give labels their meaning, and they must agree on it.

use super::Found;
use super::format::{DELAY, EXPECTATION, FOUND, LONGEST_TEXT, keys};
use super::json::{At, Checked, Fields, Json, Member, Value as J, mistake, unknown};
use super::names::Cast;
use super::rows;
use super::{Delay, EntityExpectation, Expectation, NodeExpectation, RowExpectation, VerdictName};
use crate::harness::Systems;
use crate::model::Domain;
use crate::sim::{NodeId, Span};
use crate::system::Word;
use std::collections::BTreeMap;

/// The channels of the systems that the story names, or of the first system that runs its domain.
pub fn channels(expect: &[Member], domain: &'static Domain, systems: &dyn Systems) -> Checked<&'static [&'static str]> {
    let mut agreed: Option<(&str, &'static [&'static str])> = None;
    for member in expect {
        let channels = system(&member.at, &member.name, domain, systems)?;
        match agreed {
            Some((first, known)) if known != channels => {
                let message = format!("`{first}` and `{}` name their channels differently", member.name);
                return Err(mistake(&member.at, message, "write one file for each of them"));
            }
            _ => agreed = Some((&member.name, channels)),
        }
    }
    if let Some((_, channels)) = agreed {
        return Ok(channels);
    }
    let first = systems.names().into_iter().find_map(|name| {
        let subject = systems.find_on(&name, domain).ok()?;
        (subject.domain().name == domain.name).then(|| subject.facts().channels)
    });
    Ok(first.unwrap_or(&[]))
}

fn system(at: &At, name: &str, domain: &'static Domain, systems: &dyn Systems) -> Checked<&'static [&'static str]> {
    let subject = systems
        .find_on(name, domain)
        .map_err(|missing| unknown(at, &missing.what, &missing.part, missing.known.iter().map(String::as_str)))?;
    let runs = subject.domain().name;
    if runs != domain.name {
        let message = format!("`{name}` runs {runs}, and this story is about {}", domain.name);
        return Err(mistake(at, message, format!("name systems that run {}", domain.name)));
    }
    Ok(subject.facts().channels)
}

/// Reads where the story was found.
pub fn found(json: &Json, domain: &'static Domain, systems: &dyn Systems) -> Checked<Found> {
    let fields = Fields::of(json, "the provenance", &keys(&FOUND))?;
    let name = fields.need("system")?;
    system(&name.at, name.text("the name of a system")?, domain, systems)?;
    Ok(Found {
        system: name.text("the name of a system")?.into(),
        seed: fields.need("seed")?.whole("a seed", 0..=u64::MAX)?,
        profile: text(fields.need("profile")?, "the name of a profile")?,
    })
}

/// A text of bearable length.
pub fn text(json: &Json, what: &str) -> Checked<String> {
    let text = json.text(what)?;
    if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
        let expected = format!("{what} has 1 to {LONGEST_TEXT} characters");
        return Err(mistake(&json.at, "a text that is empty or too long", expected));
    }
    Ok(text.into())
}

/// Reads the expectation for one system.
pub fn expectation(member: &Member, cast: &Cast, invariants: &[&str]) -> Checked<Expectation> {
    let json = &member.json;
    let fields = Fields::of(json, "an expectation", &keys(&EXPECTATION))?;
    let mut expectation = Expectation { system: member.name.clone(), ..Expectation::default() };
    let flag = |name| fields.get(name).map_or(Ok(false), Json::boolean);
    (expectation.holds, expectation.only, expectation.vacuous) = (flag("holds")?, flag("only")?, flag("vacuous")?);
    if let Some(list) = fields.get("violates") {
        for json in list.list("a list of invariants")? {
            let name = json.text("the name of an invariant")?;
            if !invariants.contains(&name) {
                return Err(unknown(&json.at, "invariant", name, invariants.iter().copied()));
            }
            if expectation.violates.iter().any(|known| known == name) {
                return Err(mistake(&json.at, format!("`{name}` stands twice"), "each invariant may stand once"));
            }
            expectation.violates.push(name.into());
        }
    }
    if expectation.holds != expectation.violates.is_empty() {
        let message = if expectation.holds { "it both holds and violates" } else { "neither holds nor violates" };
        let expected = "say either `\"holds\": true` or which invariants it `violates`";
        return Err(mistake(&member.at, message, expected));
    }
    for (member, op) in by_op(&fields, "told", cast)? {
        let word = one_of(&member.json, "word", Word::ALL.map(|word| (word.name(), word)))?;
        expectation.told.push((op, word));
    }
    for (member, op) in by_op(&fields, "decided", cast)? {
        let verdict = one_of(&member.json, "verdict", VerdictName::ALL.map(|verdict| (verdict.name(), verdict)))?;
        expectation.verdicts.push((op, verdict));
    }
    for (member, op) in by_op(&fields, "on-server", cast)? {
        expectation.delays.push((op, delay(&member.json)?));
    }
    expectation.nodes = nodes(&fields, cast)?;
    expectation.note = fields.get("note").map(|json| text(json, "a note")).transpose()?;
    Ok(expectation)
}

fn by_op<'a>(fields: &Fields<'a>, name: &str, cast: &Cast) -> Checked<Vec<(&'a Member, crate::sim::OpId)>> {
    let Some(json) = fields.get(name) else { return Ok(Vec::new()) };
    let members = json.object("an object of ops")?;
    members.iter().map(|member| Ok((member, cast.op(&member.at, &member.name)?))).collect()
}

fn one_of<T: Copy, const N: usize>(json: &Json, what: &str, known: [(&'static str, T); N]) -> Checked<T> {
    let name = json.text(&format!("a {what}"))?;
    let found = known.iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| *value).ok_or_else(|| unknown(&json.at, what, name, known.iter().map(|(name, _)| *name)))
}

fn delay(json: &Json) -> Checked<Delay> {
    let fields = Fields::of(json, "a delay", &keys(&DELAY))?;
    let after = fields.get("after").map_or(Ok(Span::ZERO), |json| json.span("a span"))?;
    let by = fields.need("by")?;
    let delay = Delay { after, by: by.span("a span")? };
    if delay.by < delay.after {
        return Err(mistake(
            &by.at,
            format!("by {} is before after {after}", delay.by),
            "`by` is no earlier than `after`",
        ));
    }
    Ok(delay)
}

fn nodes(fields: &Fields<'_>, cast: &Cast) -> Checked<Vec<NodeExpectation>> {
    let mut nodes: BTreeMap<NodeId, NodeExpectation> = BTreeMap::new();
    if let Some(json) = fields.get("server") {
        nodes.entry(NodeId::SERVER).or_default().entities = entities(json, cast)?;
    }
    for (name, rows) in [("devices", true), ("pending", false)] {
        let Some(json) = fields.get(name) else { continue };
        for member in json.object("an object of devices")? {
            let expected = nodes.entry(cast.device(&member.at, &member.name)?).or_default();
            if rows {
                expected.entities = entities(&member.json, cast)?;
            } else {
                expected.pending = Some(member.json.whole("a number of ops", 0..=1_000_000)?);
            }
        }
    }
    Ok(nodes.into_iter().map(|(node, expected)| NodeExpectation { node, ..expected }).collect())
}

fn entities(json: &Json, cast: &Cast) -> Checked<Vec<EntityExpectation>> {
    let mut entities = Vec::new();
    for member in json.object("an object of entities")? {
        let entity = cast.entity(&member.at, &member.name, true)?;
        let mut expected = EntityExpectation { entity, ..EntityExpectation::default() };
        for member in member.json.object("an object of rows, or `count`")? {
            if member.name == "count" {
                expected.count = Some(member.json.whole("a number of rows", 0..=1_000_000)?);
                continue;
            }
            let key = cast.row(&member.at, entity, &member.name)?;
            let mut row = RowExpectation { key, ..RowExpectation::default() };
            match &member.json.value {
                J::Null => row.absent = true,
                _ => {
                    for field in member.json.object("an object of fields, or null for a row that is not there")? {
                        row.fields.push(rows::field(cast, entity, field)?);
                    }
                }
            }
            expected.rows.push(row);
        }
        entities.push(expected);
    }
    Ok(entities)
}
