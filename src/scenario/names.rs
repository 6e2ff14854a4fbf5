//! Who is who in a story: devices, ops, opening rows, and what may be called what.
//!
//! It resolves names and refuses bad ones; it reads no steps and no schedule.

use super::format::{LONGEST_NAME, REMOVED_OP, REMOVED_ROW, removed_op, removed_row};
use super::json::{At, Checked, mistake, unknown};
use crate::model::{Domain, Entity, Key, Row};
use crate::sim::{NodeId, OpId};

/// The names of a story as far as they are known.
pub struct Cast {
    /// The business.
    pub domain: &'static Domain,
    /// Device names by node, from 1.
    pub devices: Vec<String>,
    /// Opening rows.
    pub rows: Vec<(String, Row)>,
    /// Ops with their names, in file order.
    pub ops: Vec<(String, OpId)>,
}

impl Cast {
    /// The device of this name.
    pub fn device(&self, at: &At, name: &str) -> Checked<NodeId> {
        match self.devices.iter().position(|device| device == name) {
            Some(index) => Ok(NodeId(index as u16 + 1)),
            None => Err(unknown(at, "device", name, self.devices.iter().map(String::as_str))),
        }
    }

    /// The op of this name.
    pub fn op(&self, at: &At, name: &str) -> Checked<OpId> {
        match self.ops.iter().find(|(known, _)| known == name) {
            Some((_, id)) => Ok(*id),
            None => Err(unknown(at, "op", name, self.ops.iter().map(|(name, _)| name.as_str()))),
        }
    }

    /// The entity of this name; bookkeeping entities too, where they are allowed.
    pub fn entity(&self, at: &At, name: &str, bookkeeping: bool) -> Checked<Entity> {
        let own = [Entity::CONFLICT, Entity::AUDIT];
        let extra = own.into_iter().filter(|_| bookkeeping);
        let found = self.domain.entity(name).or_else(|| extra.clone().find(|e| self.domain.entity_name(*e) == name));
        found.ok_or_else(|| {
            let known = self.domain.entities.iter().map(|spec| spec.name);
            unknown(at, "entity", name, known.chain(extra.map(|entity| self.domain.entity_name(entity))))
        })
    }

    /// The row of this name: an opening row, the row that an op makes, or one that is gone from the story.
    pub fn row(&self, at: &At, entity: Entity, name: &str) -> Checked<Key> {
        if let Some((_, row)) = self.rows.iter().find(|(known, row)| row.entity == entity && known == name) {
            return Ok(row.key);
        }
        if let Some((_, id)) = self.ops.iter().find(|(known, _)| known == name) {
            return Ok(Key::made(*id, 0));
        }
        if let Some((op, part)) = removed_op(name) {
            return Ok(Key::made(OpId(op), part));
        }
        if let Some(key) = removed_row(name) {
            return Ok(Key(key));
        }
        let opening = self.rows.iter().filter(|(_, row)| row.entity == entity).map(|(name, _)| name.as_str());
        Err(unknown(at, self.domain.entity_name(entity), name, opening.chain(self.ops.iter().map(|op| op.0.as_str()))))
    }
}

/// Refuses a name that is too long, has other characters than letters, digits, `_` and `-`, or means something else.
pub fn check_name(at: &At, what: &str, name: &str) -> Checked<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        let expected = format!("{what} has 1 to {LONGEST_NAME} letters, digits, `_` and `-`");
        return Err(mistake(at, format!("`{name}` cannot be the name of {what}"), expected));
    }
    let numbered = |stem: &str| {
        let rest = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let reserved = ["server", "count", "missing"].contains(&name)
        || numbered("try")
        || name.starts_with(REMOVED_OP)
        || name.starts_with(REMOVED_ROW);
    if reserved {
        return Err(mistake(at, format!("`{name}` is a reserved name"), format!("choose another name for {what}")));
    }
    Ok(())
}
