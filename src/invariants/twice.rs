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
    /// The same as it was whenever the server was restored, and when that was.
    before: Vec<(Time, BTreeMap<Change, Time>)>,
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

    /// The server knows again what it knew when its backup was made, though another restore may have taken that away
    /// meanwhile.
    pub fn restored(&mut self, now: Time, made: Time) {
        self.before.push((now, std::mem::take(&mut self.done)));
        let then = self.before.iter().find(|(until, _)| *until > made).map(|(_, done)| done.iter());
        self.done = then.into_iter().flatten().filter(|(_, over)| **over <= made).map(|(of, at)| (*of, *at)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::domain::{EntitySpec, FieldSpec};
    use crate::model::{Row, Scenario, Value};
    use crate::sim::Span;
    use crate::system::Facts;

    const TIN: Entity = Entity(0);

    static TINS: [EntitySpec; 1] = [EntitySpec::new("tin", &[FieldSpec::new("stock", Class::Quantity)])];
    static SHELF: Domain = Domain::new("shelf", &TINS, &[]);

    /// The server of a shop that keeps a number of tins and no entries.
    struct Shelf {
        history: History<'static>,
        changes: Changes,
        log: Log,
    }

    impl Shelf {
        fn new() -> Shelf {
            let scenario = Box::leak(Box::new(Scenario::new(&SHELF)));
            let mut log = Log::default();
            log.speaker(0, "one-effect-per-op", Time::ZERO);
            let history = History::new(scenario, Facts::new(&[]), &|_, _| true);
            Shelf { history, changes: Changes::default(), log }
        }

        /// In one handler of the server the op takes so many, one after the other.
        fn takes(&mut self, op: u32, often: usize, why: Why) -> &mut Shelf {
            for _ in 0..often {
                let before = Row::new(TIN, Key(1)).with(0, Value::int(5));
                let write =
                    Write { before: Some(before), after: Some(before.with(0, Value::int(4))), op: OpId(op), why };
                self.changes.observe(&self.history, &Moment::Wrote(NodeId::SERVER, &write), &mut self.log);
            }
            self.changes.observe(&self.history, &Moment::Between(NodeId::SERVER), &mut self.log);
            self.history.now = self.history.now + Span::secs(1);
            self
        }

        fn restored(&mut self, made: u64) -> &mut Shelf {
            self.history.now = self.history.now + Span::secs(1);
            self.changes.restored(self.history.now, Time::ZERO + Span::secs(made));
            self
        }

        fn take(&mut self) -> Shelf {
            std::mem::replace(self, Shelf::new())
        }

        fn broke(&self) -> usize {
            self.log.violations.len()
        }
    }

    #[test]
    fn an_op_changes_a_quantity_in_one_handler_and_not_in_a_later_one() {
        assert_eq!(Shelf::new().takes(1, 2, Why::Effect).takes(2, 1, Why::Effect).broke(), 0);
        assert_eq!(Shelf::new().takes(1, 1, Why::Effect).takes(1, 1, Why::Effect).broke(), 1);
    }

    #[test]
    fn an_op_taken_back_may_change_it_anew() {
        let mut shelf = Shelf::new();
        shelf.takes(1, 1, Why::Effect).takes(1, 1, Why::RolledBack).takes(1, 1, Why::Effect);
        assert_eq!(shelf.broke(), 0);
    }

    #[test]
    fn what_a_restore_took_back_is_due_again_and_what_the_backup_held_is_not() {
        // The first op is over at 0 s, the second at 1 s.
        let day = || Shelf::new().takes(1, 1, Why::Effect).takes(2, 1, Why::Effect).restored(0).take();
        assert_eq!(day().takes(2, 1, Why::Effect).broke(), 0);
        assert_eq!(day().takes(1, 1, Why::Effect).broke(), 1);
    }

    #[test]
    fn a_backup_that_another_restore_made_stale_gives_back_all_that_it_held() {
        let day = || Shelf::new().takes(1, 1, Why::Effect).takes(2, 1, Why::Effect).restored(0).restored(1).take();
        assert_eq!(day().takes(2, 1, Why::Effect).broke(), 1);
        // The same where the op came again in between: in the epoch of the backup it was there already.
        let mut again = Shelf::new();
        again.takes(1, 1, Why::Effect).takes(2, 1, Why::Effect).restored(0).takes(2, 1, Why::Effect).restored(1);
        assert_eq!(again.takes(2, 1, Why::Effect).broke(), 1);
    }
}
