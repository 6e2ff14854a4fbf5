//! Reads a whole scenario file: all of it or nothing, and the first mistake with its place.
//!
//! The order is that of dependence, not of the file: domain and devices, rows, steps, systems, schedule, expectations.

use super::format::{LARGEST_FILE, MOST_DEVICES, NETWORK, STORY, VERSION, default_heal, keys};
use super::json::{self, Checked, Fields, Json, Value as J, mistake, unknown};
use super::names::{Cast, check_name};
use super::report::too_large;
use super::{Report, Story, expect, rows, schedule, steps};
use crate::harness::Systems;
use crate::model::{Domain, Network, Scenario};
use crate::sim::{Names, Time};

/// What names in a file may refer to.
pub struct Vocabulary<'a> {
    /// Systems under test.
    pub systems: &'a dyn Systems,
    /// Names of invariants.
    pub invariants: &'a [&'a str],
    /// Businesses.
    pub domains: &'a [&'static Domain],
}

/// Reads a scenario file; `name` is only used to say where a mistake is.
///
/// # Errors
/// The first mistake, with line, column, what was expected and the nearest valid name.
pub fn parse(name: &str, text: &str, vocabulary: &Vocabulary<'_>) -> Result<Story, Report> {
    if text.len() > LARGEST_FILE {
        return Err(too_large(name));
    }
    story(text, vocabulary).map_err(|mistake| Report::new(name, text, *mistake))
}

/// The systems that a scenario file names, in `expect` and in `found`: enough to tell whose story it is. Nothing else in
/// it is looked at.
///
/// # Errors
/// If the text is no JSON object.
pub fn systems_named(name: &str, text: &str) -> Result<Vec<String>, Report> {
    if text.len() > LARGEST_FILE {
        return Err(too_large(name));
    }
    named(text).map_err(|mistake| Report::new(name, text, *mistake))
}

fn named(text: &str) -> Checked<Vec<String>> {
    let json = json::read(text)?;
    let member = |of: &[json::Member], name: &str| of.iter().position(|member| member.name == name);
    let members = json.object("an object")?;
    let mut names = Vec::new();
    if let Some(J::Object(expected)) = member(members, "expect").map(|n| &members[n].json.value) {
        names.extend(expected.iter().map(|one| one.name.clone()));
    }
    if let Some(J::Object(found)) = member(members, "found").map(|n| &members[n].json.value)
        && let Some(J::Text(system)) = member(found, "system").map(|n| &found[n].json.value)
    {
        names.push(system.clone());
    }
    Ok(names)
}

fn story(text: &str, vocabulary: &Vocabulary<'_>) -> Checked<Story> {
    let json = json::read(text)?;
    check_version(&json)?;
    let fields = Fields::of(&json, "a story", &keys(&STORY))?;
    let title = expect::text(fields.need("title")?, "a title")?;
    let about = fields.get("about").map(|json| expect::text(json, "an explanation")).transpose()?;
    let business = fields.need("domain")?;
    let name = business.text("the name of a domain")?;
    let domain = vocabulary.domains.iter().copied().find(|domain| domain.name == name);
    let domain = domain
        .ok_or_else(|| unknown(&business.at, "domain", name, vocabulary.domains.iter().map(|domain| domain.name)))?;

    let mut cast = Cast { domain, devices: devices(fields.need("devices")?)?, rows: Vec::new(), ops: Vec::new() };
    if let Some(json) = fields.get("rows") {
        rows::read(json, &mut cast)?;
    }
    let steps = steps::read(fields.need("steps")?, &mut cast)?;

    let expectations = fields.get("expect").map_or(Ok(&[][..]), |json| json.object("an object of systems"))?;
    let channels = expect::channels(expectations, domain, vocabulary.systems)?;
    let found = fields.get("found").map(|json| expect::found(json, domain, vocabulary.systems)).transpose()?;

    let op_names = cast.ops.iter().map(|(name, id)| (*id, name.clone())).collect();
    let nodes = std::iter::once("server".to_string()).chain(cast.devices.iter().cloned()).collect();
    let names = Names { nodes, ops: op_names, channels };
    let schedule = fields.get("schedule").map_or(Ok(Vec::new()), |json| schedule::read(json, &names))?;
    let expect = expectations
        .iter()
        .map(|member| expect::expectation(member, &cast, vocabulary.invariants))
        .collect::<Checked<_>>()?;

    let heal = match fields.get("heal") {
        Some(json) if matches!(&json.value, J::Text(text) if text == "never") => Time::NEVER,
        Some(json) => Time(json.span("a time")?.0),
        None => default_heal(&steps, &schedule),
    };
    let network = fields.get("network").map_or(Ok(Network::default()), network)?;
    let empty_devices = fields.get("devices-start-empty").map_or(Ok(false), Json::boolean)?;
    let Cast { devices, rows, .. } = cast;
    let op_names = names.ops;
    let scenario = Scenario { domain, devices, rows, steps, op_names, schedule, heal, network, empty_devices };
    Ok(Story { title, about, scenario, channels, expect, found })
}

fn check_version(json: &Json) -> Checked<()> {
    let members = json.object("an object")?;
    let expected = format!("this program reads version {VERSION}: `\"squall\": {VERSION}`");
    let Some(member) = members.iter().find(|member| member.name == "squall") else {
        return Err(mistake(&(json.at.start..json.at.start + 1), "`squall` is missing", expected));
    };
    match &member.json.value {
        J::Number(digits) if digits.parse() == Ok(VERSION) => Ok(()),
        J::Number(digits) => Err(mistake(&member.json.at, format!("unknown version {digits}"), expected)),
        _ => Err(member.json.not("the version of the format")),
    }
}

fn devices(json: &Json) -> Checked<Vec<String>> {
    let list = json.list("a list of device names")?;
    if list.is_empty() || list.len() > MOST_DEVICES {
        let expected = format!("a story has 1 to {MOST_DEVICES} devices");
        return Err(mistake(&json.at, format!("{} devices", list.len()), expected));
    }
    let mut devices: Vec<String> = Vec::with_capacity(list.len());
    for json in list {
        let name = json.text("the name of a device")?;
        check_name(&json.at, "a device", name)?;
        if devices.iter().any(|device| device == name) {
            return Err(mistake(&json.at, format!("two devices are called `{name}`"), "give this one another name"));
        }
        devices.push(name.into());
    }
    Ok(devices)
}

fn network(json: &Json) -> Checked<Network> {
    if let J::Text(name) = &json.value {
        let known = "3g";
        return if name == known { Ok(Network::THREE_G) } else { Err(unknown(&json.at, "network", name, [known])) };
    }
    let fields = Fields::of(json, "\"3g\" or an object with latency and bandwidth", &keys(&NETWORK))?;
    let mut network = Network::default();
    if let Some(latency) = fields.get("latency") {
        network.latency = latency.span("a latency")?;
    }
    if let Some(bandwidth) = fields.get("bandwidth") {
        network.bandwidth = bandwidth.whole("a bandwidth", 0..=1_000_000_000_000)?;
    }
    Ok(network)
}
