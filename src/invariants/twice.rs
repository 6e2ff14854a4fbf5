//! A quantity that no entries keep: an op changes it in one handler of the server and never again.
//!
//! Why: where each change of a stock has its entry, a second entry of the same op shows. A business that keeps a number
//! and no more has nothing to count but the changes themselves. An op taken back may change it anew.

use super::{Breach, History, Log, Moment};
use crate::model::{Class, Domain, Entity, Key};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Why, Write};
use std::collections::BTreeMap;

/// A change of a quantity: by which op, and the row and field that changed.
type Change = (OpId, Entity, Key, u8);

/// Which ops changed which quantities on the server.
#[derive(Default)]
pub struct Changes {
    /// In handlers that are over, and when each was over.
    done: BTreeMap<Change, Time>,
    /// In handlers that may not be over yet.
    now: Vec<Change>,
}

fn is_kept_by_entries(domain: &Domain, entity: Entity, field: u8) -> bool {
    domain.ledgers.iter().any(|law| (law.account, law.quantity) == (entity, field))
        || domain.parts.iter().any(|law| law.whole == (entity, field) || law.part == (entity, field))
}

impl Changes {
    /// Looks at what happens on the server.
    pub fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Wrote(NodeId::SERVER, write) => self.wrote(history, write, log),
            Moment::Between(NodeId::SERVER) => self.done.extend(self.now.drain(..).map(|change| (change, history.now))),
            _ => {}
        }
    }

    /// The server knows again what it knew when its backup was made.
    pub fn restored(&mut self, made: Time) {
        self.done.retain(|_, over| *over <= made);
        self.now.clear();
    }

    fn wrote(&mut self, history: &History<'_>, write: &Write, log: &mut Log) {
        let Write { before: Some(before), after: Some(after), op, why } = write else { return };
        if !op.is_some() || after.entity.is_bookkeeping() {
            return;
        }
        for (field, spec) in (0u8..).zip(history.domain.fields(after.entity)) {
            let (was, is, key) = (before.get(field), after.get(field), after.key);
            if spec.class != Class::Quantity || was == is || is_kept_by_entries(history.domain, after.entity, field) {
                continue;
            }
            let change = (*op, after.entity, key, field);
            match why {
                Why::RolledBack => {
                    self.done.remove(&change);
                    self.now.retain(|one| *one != change);
                }
                Why::Effect if self.done.contains_key(&change) => {
                    let (entity, ops) = (after.entity, [*op]);
                    let breach = Breach { kind: "changed-twice", entity, node: NodeId::SERVER, ops: &ops, at: None };
                    log.broke(history.domain, breach, || {
                        let (row, op) = (history.scenario.row_name(entity, key), history.scenario.op_name(*op));
                        format!("{op} changed the server's {} of {row} once more, from {was} to {is}", spec.name)
                    });
                }
                Why::Effect => self.now.push(change),
                _ => {}
            }
        }
    }
}
