//! Reads the opening rows of a story: entity, then row name, then fields.
//!
//! Rows keep the order in which they stand in the file, because their keys are counted in it.

use super::format::{HIGHEST_KEY, LARGEST_AMOUNT, MOST_ROWS, ROW_KEY};
use super::json::{At, Checked, Json, Member, Value as J, mistake, unknown};
use super::names::{Cast, check_name};
use crate::model::{Class, Entity, Key, Row, Value};

/// Reads the opening rows into the cast.
pub fn read(json: &Json, cast: &mut Cast) -> Checked<()> {
    let mut fields: Vec<(usize, &[Member])> = Vec::new();
    for entity in json.object("an object of entities")? {
        let kind = cast.entity(&entity.at, &entity.name, false)?;
        let rows = entity.json.object("an object of rows by name")?;
        let first = cast.rows.len();
        for (index, row) in rows.iter().enumerate() {
            check_name(&row.at, "a row", &row.name)?;
            let members = row.json.object("an object of fields")?;
            let key = match members.iter().find(|member| member.name == ROW_KEY.0) {
                Some(member) => member.json.whole("a key", 1..=HIGHEST_KEY)?,
                None => index as u64 + 1,
            };
            if let Some((other, _)) = cast.rows[first..].iter().find(|(_, row)| row.key == Key(key)) {
                let message = format!("`{other}` and `{}` have the same key {key}", row.name);
                return Err(mistake(&row.at, message, "give one of them another `key`"));
            }
            fields.push((cast.rows.len(), members));
            cast.rows.push((row.name.clone(), Row::new(kind, Key(key))));
        }
        if cast.rows.len() > MOST_ROWS {
            return Err(mistake(&entity.at, "too many rows", format!("a story has at most {MOST_ROWS} opening rows")));
        }
    }
    // Fields come second, so that a row may refer to one that stands further down.
    for (index, members) in fields {
        let mut row = empty(cast, cast.rows[index].1);
        for member in members.iter().filter(|member| member.name != ROW_KEY.0) {
            let (field, value) = field(cast, row.entity, member)?;
            if cast.domain.class(row.entity, field) == Class::Quantity && value.get().is_none_or(|n| n < 0) {
                return Err(mistake(
                    &member.json.at,
                    format!("`{}` is {value}", member.name),
                    "nobody starts below zero",
                ));
            }
            row = row.with(field, value);
        }
        cast.rows[index].1 = row;
    }
    Ok(())
}

/// Quantities start at zero, everything else at null.
fn empty(cast: &Cast, mut row: Row) -> Row {
    for field in 0..cast.domain.fields(row.entity).len() as u8 {
        let quantity = cast.domain.class(row.entity, field) == Class::Quantity;
        row = row.with(field, if quantity { Value::int(0) } else { Value::NULL });
    }
    row
}

/// Reads one field of a row: an amount, null, `missing`, or the name of the row that it refers to.
pub fn field(cast: &Cast, entity: Entity, member: &Member) -> Checked<(u8, Value)> {
    let specs = cast.domain.fields(entity);
    let Some(index) = specs.iter().position(|spec| spec.name == member.name) else {
        return Err(unknown(&member.at, "field", &member.name, specs.iter().map(|spec| spec.name)));
    };
    let at: &At = &member.json.at;
    let value = match (&member.json.value, specs[index].class) {
        (J::Null, _) => Value::NULL,
        (J::Text(text), _) if text == "missing" => Value::MISSING,
        (J::Text(name), Class::Reference(target)) => Value::key(cast.row(at, target, name)?),
        (_, Class::Reference(target)) => {
            return Err(member.json.not(&format!("the name of a {}, or null,", cast.domain.entity_name(target))));
        }
        (J::Number(_), _) => Value::int(member.json.whole("an amount", -LARGEST_AMOUNT..=LARGEST_AMOUNT)?),
        _ => return Err(member.json.not("a number, null or \"missing\"")),
    };
    Ok((index as u8, value))
}
