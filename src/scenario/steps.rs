//! Reads what users do: each step one op, written as its verb's shape says.
//!
//! Two passes: first every op gets its number and its name, so that a step may refer to any other; then ops are read.

use super::format::{CONTINUATION, DECISION, HIGHEST_OP, LARGEST_AMOUNT, MOST_STEPS, STEP, keys};
use super::json::{At, Checked, Fields, Json, Member, Value as J, mistake, unknown};
use super::names::{Cast, check_name};
use crate::model::domain::{Shape, VerbSpec};
use crate::model::op::LINES;
use crate::model::{Entity, Key, Op, Step, Verb};
use crate::sim::{OpId, Time};

/// Reads the steps and names their ops in the cast.
pub fn read(json: &Json, cast: &mut Cast) -> Checked<Vec<Step>> {
    let list = json.list("a list of steps")?;
    if list.len() > MOST_STEPS {
        return Err(mistake(&list[MOST_STEPS].at, "too many steps", format!("a story has at most {MOST_STEPS} steps")));
    }
    let mut verbs = Vec::with_capacity(list.len());
    for json in list {
        verbs.push(verb(cast, json)?);
    }
    cast.ops = name_ops(cast, list, &verbs)?;
    let mut steps: Vec<Step> = Vec::with_capacity(list.len());
    let mut made: Vec<Made> = Vec::new();
    for (index, json) in list.iter().enumerate() {
        let (verb, member) = verbs[index];
        let device = json.object("a step")?.iter().find(|member| member.name == "device");
        let Some(device) = device.map(|member| &member.json) else { return Err(missing(json, "device")) };
        let node = cast.device(&device.at, device.text("the name of a device")?)?;
        let mut op = Op::new(cast.ops[index].1, node, verb);
        for member in json.object("a step")? {
            if member.name == "user" {
                op.user = member.json.whole("a user", 0..=u16::MAX)?;
            }
        }
        let spec = cast.domain.verb_spec(verb);
        let mut reader = Reader { cast, made: &mut made, before: &steps };
        let op = reader.shape(op, spec, &member.json)?;
        let at = json.object("a step")?.iter().find(|member| member.name == "at");
        let Some(at) = at else { return Err(missing(json, "at")) };
        steps.push(Step { at: Time(at.json.span("a time")?.0), op });
    }
    check_made(cast, &steps, &made)?;
    Ok(steps)
}

fn missing(step: &Json, what: &str) -> Box<super::json::Mistake> {
    mistake(&(step.at.start..step.at.start + 1), format!("`{what}` is missing"), format!("a step needs `{what}`"))
}

/// The one key of a step that is a verb.
fn verb<'a>(cast: &Cast, json: &'a Json) -> Checked<(Verb, &'a Member)> {
    let mut found: Option<(Verb, &Member)> = None;
    for member in json.object("a step")? {
        if keys(&STEP).contains(&member.name.as_str()) {
            continue;
        }
        let Some((verb, _)) = cast.domain.verb_named(&member.name) else {
            return Err(unknown(&member.at, "verb", &member.name, cast.domain.verb_specs().map(|(_, verb)| verb.name)));
        };
        if let Some((_, first)) = found {
            let message = format!("a step with two verbs, `{}` and `{}`", first.name, member.name);
            return Err(mistake(&member.at, message, "write one step for each"));
        }
        found = Some((verb, member));
    }
    found.ok_or_else(|| {
        let names: Vec<String> = cast.domain.verb_specs().map(|(_, verb)| format!("`{}`", verb.name)).collect();
        let expected = format!("say what the user does: one of {}", names.join(", "));
        mistake(&(json.at.start..json.at.start + 1), "a step without a verb", expected)
    })
}

fn name_ops(cast: &Cast, list: &[Json], verbs: &[(Verb, &Member)]) -> Checked<Vec<(String, OpId)>> {
    let mut counts = std::collections::BTreeMap::new();
    let mut ops: Vec<(String, OpId)> = Vec::with_capacity(list.len());
    let mut numbers = std::collections::BTreeSet::new();
    let mut names = std::collections::BTreeSet::new();
    for (index, json) in list.iter().enumerate() {
        let (verb, member) = &verbs[index];
        let stem = cast.domain.verb_spec(*verb).stem;
        let count = counts.entry(stem).or_insert(0);
        *count += 1;
        let (mut name, mut at) = (format!("{stem}-{count}"), &member.at);
        let (mut number, mut number_at) = (index as u32 + 1, &member.at);
        for member in json.object("a step")? {
            if member.name == "id" {
                (name, at) = (member.json.text("the id of the op")?.to_string(), &member.json.at);
                check_name(at, "an op", &name)?;
            } else if member.name == "number" {
                number = member.json.whole("the number of an op", 1..=HIGHEST_OP)?;
                number_at = &member.json.at;
            }
        }
        if !names.insert(name.clone()) {
            return Err(mistake(at, format!("two ops are called `{name}`"), "give this one another `id`"));
        }
        if cast.rows.iter().any(|(row, _)| *row == name) {
            return Err(mistake(at, format!("`{name}` is also an opening row"), "give this op another `id`"));
        }
        if !numbers.insert(number) {
            return Err(mistake(
                number_at,
                format!("two ops have the number {number}"),
                "give this one another `number`",
            ));
        }
        ops.push((name, OpId(number)));
    }
    Ok(ops)
}

/// A row that an op was said to make.
struct Made {
    at: At,
    entity: Entity,
    key: Key,
}

/// Whether each op that was taken for the maker of a row makes one.
fn check_made(cast: &Cast, steps: &[Step], made: &[Made]) -> Checked<()> {
    let mut pieces = Vec::new();
    for Made { at, entity, key } in made {
        let Some((maker, part)) = key.maker() else { continue };
        let Some(step) = steps.iter().find(|step| step.op.id == maker) else { continue };
        pieces.clear();
        (cast.domain.pieces)(&step.op, &mut pieces);
        if !pieces.iter().any(|piece| piece.entity == *entity && piece.part == part) {
            let name = cast.ops.iter().find(|(_, id)| *id == maker).map_or("?", |(name, _)| name);
            let entity = cast.domain.entity_name(*entity);
            let expected = format!("write the name of a {entity}, or the id of an op that makes one");
            return Err(mistake(at, format!("`{name}` makes no {entity}"), expected));
        }
    }
    Ok(())
}

struct Reader<'a> {
    cast: &'a Cast,
    made: &'a mut Vec<Made>,
    before: &'a [Step],
}

impl Reader<'_> {
    fn shape(&mut self, op: Op, spec: &VerbSpec, json: &Json) -> Checked<Op> {
        let name = spec.name;
        match spec.shape {
            Shape::Lines { entity, signed } => self.lines(op, entity, signed, json),
            Shape::Set { entity } => {
                let what = format!("one {} and its value", self.cast.domain.entity_name(entity));
                let [member] = json.object(&what)? else {
                    return Err(mistake(&json.at, format!("`{name}` is about one row"), format!("expected {what}")));
                };
                let key = self.row(&member.at, entity, &member.name)?;
                Ok(op.on(key).line(Key::NONE, member.json.amount(&format!("the value of `{name}`"))?))
            }
            Shape::Record { target, values, lines } => {
                let known: Vec<&str> = target.iter().map(|(name, _)| *name).chain(values.iter().copied()).collect();
                let known: Vec<&str> = known.into_iter().chain(lines.iter().map(|(name, _)| *name)).collect();
                let quoted = format!("`{name}`");
                let fields = Fields::of(json, &quoted, &known)?;
                let mut op = op;
                if let Some((name, entity)) = target {
                    op = op.on(self.named(entity, fields.need(name)?)?);
                }
                for value in values {
                    op = op.line(Key::NONE, fields.need(value)?.amount(&format!("`{value}`"))?);
                }
                match lines {
                    Some((name, entity)) => self.lines(op, entity, false, fields.need(name)?),
                    None => Ok(op),
                }
            }
            Shape::Pair { target, other } => {
                let quoted = format!("`{name}`");
                let fields = Fields::of(json, &quoted, &[target.0, other.0])?;
                let key = self.named(target.1, fields.need(target.0)?)?;
                let other = self.named(other.1, fields.need(other.0)?)?;
                Ok(op.on(key).line(other, 0))
            }
            Shape::Form { rows, needed, values } => {
                let known: Vec<&str> = rows.iter().map(|(name, _)| *name).chain(values.iter().copied()).collect();
                let quoted = format!("`{name}`");
                let fields = Fields::of(json, &quoted, &known)?;
                let mut keys = Vec::new();
                for (place, (name, entity)) in rows.iter().enumerate() {
                    keys.push(match fields.get(name) {
                        None if place >= needed => Key::NONE,
                        _ => self.named(*entity, fields.need(name)?)?,
                    });
                }
                let mut op = op.on(keys.remove(0));
                for line in 0..keys.len().max(values.len()) {
                    let value = match values.get(line) {
                        Some(value) => fields.need(value)?.amount(&format!("`{value}`"))?,
                        None => 0,
                    };
                    op = op.line(keys.get(line).copied().unwrap_or(Key::NONE), value);
                }
                Ok(op)
            }
            Shape::Target(entity) => Ok(op.on(self.named(entity, json)?)),
            Shape::Earlier(verb) => self.earlier(op, verb, json),
            Shape::Decision(words) => self.decision(op, words, json),
            Shape::Word(words) => {
                let word = json.text("a word")?;
                match words.iter().position(|known| *known == word) {
                    Some(index) => Ok(op.line(Key::NONE, index as i64)),
                    None => Err(unknown(&json.at, "word", word, words.iter().copied())),
                }
            }
        }
    }

    fn row(&mut self, at: &At, entity: Entity, name: &str) -> Checked<Key> {
        let key = self.cast.row(at, entity, name)?;
        self.made.push(Made { at: at.clone(), entity, key });
        Ok(key)
    }

    fn named(&mut self, entity: Entity, json: &Json) -> Checked<Key> {
        let what = format!("the name of a {}", self.cast.domain.entity_name(entity));
        self.row(&json.at, entity, json.text(&what)?)
    }

    fn lines(&mut self, mut op: Op, entity: Entity, signed: bool, json: &Json) -> Checked<Op> {
        let what = format!("an object of {} names and amounts", self.cast.domain.entity_name(entity));
        let members = json.object(&what)?;
        let most = LINES - op.lines().len();
        if members.is_empty() || members.len() > most {
            return Err(mistake(&json.at, format!("{} lines", members.len()), format!("write 1 to {most} lines")));
        }
        let low = if signed { -LARGEST_AMOUNT } else { 1 };
        for member in members {
            let key = self.row(&member.at, entity, &member.name)?;
            op = op.line(key, member.json.whole("an amount", low..=LARGEST_AMOUNT)?);
        }
        Ok(op)
    }

    /// `"cart-1"`, or `{ "of": "cart-1", "lines": {…} }` where its lines are not those of the cart.
    fn earlier(&mut self, op: Op, verb: &'static str, json: &Json) -> Checked<Op> {
        let short = matches!(json.value, J::Text(_));
        let fields =
            if short { None } else { Some(Fields::of(json, "the id of an earlier op", &keys(&CONTINUATION))?) };
        let of = fields.as_ref().map_or(Ok(json), |fields| fields.need("of"))?;
        let name = of.text("the id of an earlier op")?;
        let lines = fields.as_ref().and_then(|fields| fields.get("lines"));
        let known = super::format::removed_op(name);
        if let (Some((number, _)), Some(lines)) = (known, lines) {
            return self.own_lines(op.after(OpId(number)), verb, lines);
        }
        let earlier = self.cast.op(&of.at, name)?;
        let done = self.before.iter().map(|step| step.op).find(|done| done.id == earlier);
        let fits = |done: &Op| done.node == op.node && self.cast.domain.verb(done).name == verb;
        let Some(done) = done.filter(fits) else {
            let expected = format!("write the id of an earlier `{verb}` on the same device");
            return Err(mistake(&of.at, format!("`{name}` cannot be continued here"), expected));
        };
        let op = op.after(earlier).on(done.target);
        match lines {
            Some(lines) => self.own_lines(op, verb, lines),
            None => Ok(done.lines().iter().fold(op, |op, line| op.line(line.key, line.value))),
        }
    }

    /// `{ "of": "status-1", "take": "mine" }`.
    fn decision(&mut self, op: Op, words: &[&str], json: &Json) -> Checked<Op> {
        let fields = Fields::of(json, "a decision", &keys(&DECISION))?;
        let (of, take) = (fields.need("of")?, fields.need("take")?);
        let name = of.text("the id of an earlier op")?;
        let word = take.text("whose edit is taken")?;
        let Some(index) = words.iter().position(|known| *known == word) else {
            return Err(unknown(&take.at, "choice", word, words.iter().copied()));
        };
        let earlier = match super::format::removed_op(name) {
            Some((number, _)) => OpId(number),
            None => {
                let earlier = self.cast.op(&of.at, name)?;
                let own = |step: &&Step| step.op.id == earlier && step.op.node == op.node;
                if self.before.iter().find(own).is_none() {
                    let expected = "write the id of an earlier op on the same device";
                    return Err(mistake(&of.at, format!("`{name}` cannot be decided here"), expected));
                }
                earlier
            }
        };
        Ok(op.after(earlier).line(Key::NONE, index as i64))
    }

    fn own_lines(&mut self, op: Op, verb: &str, lines: &Json) -> Checked<Op> {
        let spec = self.cast.domain.verb_named(verb);
        match spec.map(|(_, spec)| spec.shape) {
            Some(Shape::Lines { entity, signed }) => self.lines(op, entity, signed, lines),
            _ => Err(mistake(&lines.at, format!("`{verb}` has no lines"), "leave `lines` out")),
        }
    }
}
