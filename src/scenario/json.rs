//! JSON with comments as a tree that remembers where everything stands, and the first mistake found in it.
//!
//! Why not straight into structs: a mistake must be shown at its line and column with what was expected there, and a key
//! that stands twice must be noticed. It knows nothing of stories.

use super::format::{LARGEST_AMOUNT, MOST_DEPTH};
use super::nearest::nearest;
use crate::sim::Span;
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use std::ops::{Range, RangeInclusive};

/// Bytes of the text.
pub type At = Range<usize>;

/// A value and where it stands.
#[derive(Debug)]
pub struct Json {
    /// Where it stands.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<Member>),
}

/// A key of an object and its value.
#[derive(Debug)]
pub struct Member {
    /// The key.
    pub name: String,
    /// Where the key stands.
    pub at: At,
    /// The value.
    pub json: Json,
}

/// What is wrong, where, what was expected, and what to try.
#[derive(Debug)]
pub struct Mistake {
    /// Where; `None` for the whole file.
    pub at: Option<At>,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub expected: String,
    /// What to try.
    pub help: Option<String>,
}

/// A value, or the first mistake.
pub type Checked<T> = Result<T, Box<Mistake>>;

/// A mistake at a place.
pub fn mistake(at: &At, message: impl Into<String>, expected: impl Into<String>) -> Box<Mistake> {
    Box::new(Mistake { at: Some(at.clone()), message: message.into(), expected: expected.into(), help: None })
}

/// A name that names nothing, with the valid ones and the nearest.
pub fn unknown<'a>(at: &At, what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Box<Mistake> {
    let known: Vec<&str> = known.into_iter().collect();
    let mut found = mistake(at, format!("unknown {what} `{name}`"), listed(&plural(what), &known));
    found.help = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
    found
}

/// "device" to "devices", "value of push.order" to "values of push.order".
fn plural(what: &str) -> String {
    let (noun, rest) = what.split_once(' ').map_or((what, String::new()), |(noun, rest)| (noun, format!(" {rest}")));
    match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies{rest}"),
        None if noun.ends_with('h') => format!("{noun}es{rest}"),
        None => format!("{noun}s{rest}"),
    }
}

/// "devices here are `abdoulaye`, `fatoumata`", cut after a dozen.
fn listed(plural: &str, known: &[&str]) -> String {
    const MOST: usize = 12;
    if known.is_empty() {
        return format!("there are no {plural} here");
    }
    let names: Vec<String> = known.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let more = known.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{plural} here are {}{more}", names.join(", "))
}

/// Reads JSON with comments; trailing commas are allowed, a key that stands twice is not.
///
/// # Errors
/// The first mistake of syntax, nesting deeper than [`MOST_DEPTH`], or a repeated key.
pub fn read(text: &str) -> Checked<Json> {
    check_depth(text)?;
    let options = jsonc_parser::ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &options).map_err(|error| {
        let range = error.range();
        let at = range.start..range.end.max(range.start);
        mistake(
            &at,
            format!("not JSON: {}", lower(&error.kind().to_string())),
            "this has to be JSON; comments are allowed",
        )
    })?;
    match parsed.value {
        Some(value) => tree(value),
        None => Err(mistake(&(0..0), "the file is empty", "an object is expected: `{ \"squall\": 1, … }`")),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Walks over the brackets without recursion, so that no file can exhaust the stack.
fn check_depth(text: &str) -> Checked<()> {
    let bytes = text.as_bytes();
    let (mut depth, mut i) = (0, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'"' => {
                i += 1;
                while i < bytes.len() && bytes[i] != b'"' {
                    i += 1 + usize::from(bytes[i] == b'\\');
                }
            }
            b'/' if bytes.get(i + 1) == Some(&b'/') => {
                while i + 1 < bytes.len() && !matches!(bytes[i + 1], b'\n' | b'\r') {
                    i += 1;
                }
            }
            b'/' if bytes.get(i + 1) == Some(&b'*') => {
                i += 2;
                while i + 1 < bytes.len() && (bytes[i], bytes[i + 1]) != (b'*', b'/') {
                    i += 1;
                }
                i += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MOST_DEPTH {
                    let expected = format!("at most {MOST_DEPTH} brackets may be open");
                    return Err(mistake(&(i..i + 1), "nested too deep", expected));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        i += 1;
    }
    Ok(())
}

fn tree(value: ast::Value<'_>) -> Checked<Json> {
    let range = value.range();
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(lit) => Value::Bool(lit.value),
        ast::Value::NumberLit(lit) => Value::Number(lit.value.to_string()),
        ast::Value::StringLit(lit) => Value::Text(lit.value.into_owned()),
        ast::Value::Array(array) => Value::List(array.elements.into_iter().map(tree).collect::<Checked<_>>()?),
        ast::Value::Object(object) => {
            let mut members: Vec<Member> = Vec::with_capacity(object.properties.len());
            let mut names = std::collections::BTreeSet::new();
            for property in object.properties {
                let range = property.name.range();
                let (at, name) = (range.start..range.end, property.name.into_string());
                if !names.insert(name.clone()) {
                    return Err(mistake(&at, format!("`{name}` stands twice"), "each key may stand once in an object"));
                }
                members.push(Member { name, at, json: tree(property.value)? });
            }
            Value::Object(members)
        }
    };
    Ok(Json { at: range.start..range.end, value })
}

impl Json {
    fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// The mistake that this is not what it should be.
    pub fn not(&self, expected: &str) -> Box<Mistake> {
        mistake(&self.at, format!("{} where {expected} belongs", self.kind()), format!("expected {expected}"))
    }
    /// The text, which is `what`: "the name of a device".
    pub fn text(&self, what: &str) -> Checked<&str> {
        if let Value::Text(text) = &self.value { Ok(text) } else { Err(self.not(what)) }
    }
    /// The members of the object.
    pub fn object(&self, what: &str) -> Checked<&[Member]> {
        if let Value::Object(members) = &self.value { Ok(members) } else { Err(self.not(what)) }
    }
    /// The elements of the list.
    pub fn list(&self, what: &str) -> Checked<&[Json]> {
        if let Value::List(list) = &self.value { Ok(list) } else { Err(self.not(what)) }
    }
    /// True or false.
    pub fn boolean(&self) -> Checked<bool> {
        if let Value::Bool(is) = self.value { Ok(is) } else { Err(self.not("true or false")) }
    }
    /// A whole number within a range.
    pub fn whole<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        what: &str,
        range: RangeInclusive<N>,
    ) -> Checked<N> {
        let Value::Number(digits) = &self.value else { return Err(self.not(what)) };
        let expected = || format!("{what} is a whole number from {} to {}", range.start(), range.end());
        if digits.contains(['.', 'e', 'E']) {
            return Err(mistake(&self.at, format!("`{digits}` is not a whole number"), expected()));
        }
        let number = digits.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let low = digits.parse().map_or(digits.starts_with('-'), |number: N| number < *range.start());
            let message = format!("{digits} is too {}", if low { "low" } else { "large" });
            mistake(&self.at, message, expected())
        })
    }
    /// An amount of zero or more.
    pub fn amount(&self, what: &str) -> Checked<i64> {
        self.whole(what, 0..=LARGEST_AMOUNT)
    }
    /// A span such as `1.5s`.
    pub fn span(&self, what: &str) -> Checked<Span> {
        let text = self.text(what)?;
        Span::parse(text).map_err(|why| mistake(&self.at, format!("`{text}` is not {what}"), why))
    }
}

/// The members of an object by name; whatever is not in the table is refused.
pub struct Fields<'a> {
    members: &'a [Member],
    at: At,
    what: &'a str,
}

impl<'a> Fields<'a> {
    /// The members of `json`, which is `what`, all of them among `known` names.
    pub fn of(json: &'a Json, what: &'a str, known: &[&str]) -> Checked<Fields<'a>> {
        let members = json.object(what)?;
        if let Some(stray) = members.iter().find(|member| !known.contains(&member.name.as_str())) {
            return Err(unknown(&stray.at, "field", &stray.name, known.iter().copied()));
        }
        Ok(Fields { members, at: json.at.start..json.at.start + 1, what })
    }
    /// The value of a member that may be left out.
    pub fn get(&self, name: &str) -> Option<&'a Json> {
        self.members.iter().find(|member| member.name == name).map(|member| &member.json)
    }
    /// The value of a member that must be there.
    pub fn need(&self, name: &str) -> Checked<&'a Json> {
        self.get(name)
            .ok_or_else(|| mistake(&self.at, format!("`{name}` is missing"), format!("{} needs `{name}`", self.what)))
    }
}
