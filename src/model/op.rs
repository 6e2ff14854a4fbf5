//! What users do: ops with an id that the harness gave them.
//!
//! It does not say what an op changes: that is the domain's pure transition.

use super::row::Key;
use crate::sim::{NodeId, OpId};

/// Most lines of an op.
pub const LINES: usize = 4;

/// What kind of op: an index into [`super::Domain::verbs`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Verb(pub u8);

/// One line of an op: a row and a number, whose meaning the verb's shape gives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Line {
    /// A row, or none.
    pub key: Key,
    /// A quantity, a price, a value.
    pub value: i64,
}

/// What a user did on a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Op {
    /// The id that the harness gave it.
    pub id: OpId,
    /// The device.
    pub node: NodeId,
    /// The user.
    pub user: u16,
    /// What kind.
    pub verb: Verb,
    /// The row that it is about, or none.
    pub target: Key,
    /// An earlier op that it continues (a cart that is completed), or none.
    pub earlier: OpId,
    lines: [Line; LINES],
    count: u8,
}

impl Op {
    /// An op without lines.
    pub fn new(id: OpId, node: NodeId, verb: Verb) -> Op {
        Op {
            id,
            node,
            user: node.0,
            verb,
            target: Key::NONE,
            earlier: OpId::NONE,
            lines: [Line::default(); LINES],
            count: 0,
        }
    }

    /// The same op as another kind.
    pub fn doing(mut self, verb: Verb) -> Op {
        self.verb = verb;
        self
    }

    /// The same as the continuation of an earlier op.
    pub fn after(mut self, earlier: OpId) -> Op {
        self.earlier = earlier;
        self
    }

    /// The same with a target.
    pub fn on(mut self, target: Key) -> Op {
        self.target = target;
        self
    }

    /// The same with one more line.
    ///
    /// # Panics
    /// If there are already [`LINES`] of them.
    pub fn line(mut self, key: Key, value: i64) -> Op {
        assert!((self.count as usize) < LINES, "an op has at most {LINES} lines");
        self.lines[self.count as usize] = Line { key, value };
        self.count += 1;
        self
    }

    /// The lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines[..self.count as usize]
    }

    /// The lines, to change them.
    pub fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines[..self.count as usize]
    }

    /// Takes line `index` out; those behind it move up.
    ///
    /// # Panics
    /// If there is no such line.
    pub fn remove_line(&mut self, index: usize) {
        assert!(index < self.count as usize, "only a line that is there can be taken out");
        self.lines.copy_within(index + 1..self.count as usize, index);
        self.count -= 1;
        self.lines[self.count as usize] = Line::default();
    }

    /// The value of line `index`, or 0.
    pub fn value(&self, index: usize) -> i64 {
        self.lines().get(index).map_or(0, |line| line.value)
    }
}
