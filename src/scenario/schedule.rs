//! Reads the schedule: labels and their fates.
//!
//! A fate that its label can never have is refused here; whether a label ever comes up is only known after the run.

use super::format::{
    INTERFERENCE, LARGEST_AMOUNT, MOST_DEVIATIONS, NUMBER_FATES, PLAIN_FATES, SPAN_FATES, Strength, fates_of,
    hits_server, keys, lasts, strength_of,
};
use super::json::{At, Checked, Fields, Json, Member, Mistake, Value as J, mistake, unknown};
use super::nearest::nearest;
use crate::sim::{Cause, Deviation, Fate, Label, Names, Point, Span, Time};
use std::collections::BTreeMap;

/// Reads the schedule in file order.
pub fn read(json: &Json, names: &Names) -> Checked<Vec<Deviation>> {
    let mut schedule = Vec::new();
    let nameless = Names { ops: BTreeMap::new(), ..names.clone() };
    for member in json.object("an object of labels and fates")? {
        let label = label(member, names, &nameless)?;
        let fates = match &member.json.value {
            J::List(list) => list.as_slice(),
            _ => std::slice::from_ref(&member.json),
        };
        for json in fates {
            schedule.push(Deviation { label, fate: fate(label, json)? });
            if schedule.len() > MOST_DEVIATIONS {
                let expected = format!("a story has at most {MOST_DEVIATIONS} deviations");
                return Err(mistake(&json.at, "too many deviations", expected));
            }
        }
    }
    Ok(schedule)
}

/// `nameless` knows no ops: a text that it can read too could mean either.
fn label(member: &Member, names: &Names, nameless: &Names) -> Checked<Label> {
    let label = names.parse(&member.name).map_err(|error| {
        let offset = member.name.find(&error.part).unwrap_or(0);
        let plain = member.at.len() == member.name.len() + 2;
        let start = member.at.start + 1 + offset;
        let at = if plain { start..start + error.part.len() } else { member.at.clone() };
        let simple = ["node", "point", "channel", "cause"].contains(&error.what);
        if simple {
            return unknown(&at, error.what, &error.part, error.known.iter().map(String::as_str));
        }
        let help = nearest(&error.part, error.known.iter().map(String::as_str));
        Box::new(Mistake {
            at: Some(at),
            message: format!("`{}` is not a {}", error.part, error.what),
            expected: "a label is written like till-1.push.sale-2.try-1.send or till-1.offline-1".into(),
            help: help.map(|near| format!("did you mean `{near}`?")),
        })
    })?;
    if let Cause::Op(op) = label.cause()
        && nameless.parse(&member.name).is_ok()
    {
        let message = format!("`{}` is an op and also another cause", names.op(op));
        return Err(mistake(&member.at, message, "give the op another `id`"));
    }
    let (node, point) = (label.node(), label.get_point());
    if point.is_interference() && node.is_server() && !hits_server(point) {
        let expected = "the server can suffer kill, overload, restore, clock-offset, clock-drift and clock-jump";
        return Err(mistake(&member.at, format!("the server cannot suffer `{}`", point.name()), expected));
    }
    if point == Point::Restore && !node.is_server() {
        let expected = "only the server has a backup: write `server.restore-1`";
        return Err(mistake(&member.at, "a device cannot be restored".to_string(), expected));
    }
    Ok(label)
}

fn fate(label: Label, json: &Json) -> Checked<Fate> {
    let point = label.get_point();
    match &json.value {
        J::Text(name) => {
            fits(&json.at, point, name)?;
            Ok(if name == "drop" { Fate::Drop } else { Fate::Truncate })
        }
        J::Object(members) if members.iter().any(|member| keys(&INTERFERENCE).contains(&member.name.as_str())) => {
            fits(&json.at, point, "at")?;
            interference(point, json)
        }
        J::Object(members) => {
            let [member] = members.as_slice() else { return Err(json.not("one fate")) };
            fits(&member.at, point, &member.name)?;
            let value = &member.json;
            let span = || value.span("a span");
            Ok(match member.name.as_str() {
                "delay" => Fate::Delay(span()?),
                "duplicate" => Fate::Duplicate(span()?),
                "late" => Fate::Late(span()?),
                "pause" => Fate::Pause(span()?),
                "kill-before" => Fate::KillBefore(span()?),
                "kill-after" => Fate::KillAfter(span()?),
                "corrupt" => Fate::Corrupt(value.whole("a damage", 0..=u32::MAX)?),
                "value" => Fate::Value(value.whole("a draw", 0..=u64::MAX)?),
                name => {
                    let help = Some(format!("write it as a word: \"{name}\""));
                    let expected = "this fate has no value".to_string();
                    let message = format!("`{name}` with a value");
                    return Err(Box::new(Mistake { at: Some(member.at.clone()), message, expected, help }));
                }
            })
        }
        _ => Err(json.not("a fate, such as \"drop\" or { \"delay\": \"3s\" }")),
    }
}

/// Refuses a fate that is unknown or that the point of the label can never have.
fn fits(at: &At, point: Point, name: &str) -> Checked<()> {
    let fitting = fates_of(point);
    if fitting.contains(&name) {
        return Ok(());
    }
    let all = || keys(&PLAIN_FATES).into_iter().chain(keys(&SPAN_FATES)).chain(keys(&NUMBER_FATES));
    if name != "at" && all().all(|fate| fate != name) {
        return Err(match fitting {
            [] | ["at"] => unknown(at, "fate", name, all()),
            _ => unknown(at, "fate", name, fitting.iter().copied()),
        });
    }
    let name = if name == "at" { "an interference".to_string() } else { format!("`{name}`") };
    let expected = match fitting {
        [] => format!("nothing is chosen at `{}`: name a send, reply, timer, step or draw", point.name()),
        ["at"] => format!("`{}` is an interference: {{ \"at\": \"2s\", \"for\": \"10s\" }}", point.name()),
        _ => format!("what fits `{}` is {}", point.name(), fitting.join(", ")),
    };
    Err(mistake(at, format!("{name} does not fit `{}`", point.name()), expected))
}

fn interference(point: Point, json: &Json) -> Checked<Fate> {
    let fields = Fields::of(json, "an interference", &keys(&INTERFERENCE))?;
    let at = Time(fields.need("at")?.span("a time")?.0);
    let lasting = match fields.get("for") {
        Some(json) => json.span("a span")?,
        None if lasts(point) => fields.need("for")?.span("a span")?,
        None => Span::ZERO,
    };
    let by = match strength_of(point) {
        Strength::None => match fields.get("by") {
            Some(by) => {
                let message = format!("`by` has no meaning for `{}`", point.name());
                return Err(mistake(&by.at, message, "leave `by` out"));
            }
            None => 0,
        },
        Strength::Shift => shift(fields.need("by")?)?,
        Strength::Drift => fields.need("by")?.whole("a drift in ppm", -1_000_000..=1_000_000)?,
        Strength::Bandwidth => fields.need("by")?.whole("a bandwidth in bytes a second", 1..=LARGEST_AMOUNT)?,
    };
    Ok(Fate::During(at, lasting, by))
}

/// A span forward, or back where it begins with a minus.
fn shift(json: &Json) -> Checked<i64> {
    let text = json.text("a span forward or back, such as \"-2h\"")?;
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let size = Span::parse(size).map_err(|why| mistake(&json.at, format!("`{text}` is not a span"), why))?;
    Ok(sign * size.0 as i64)
}
