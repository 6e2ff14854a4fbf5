//! A push taken op by op: everything of an op in one transaction, with its key, its verdict and its log entries.
//!
//! The sound way. An edit is decided by field: if the author saw the present value it is taken; if not, the later of
//! the two is taken and the other is named in a durable conflict record.

use super::allocate::Taken;
use super::device::goal;
use super::message::{ItemResult, Wire};
use super::policy::*;
use super::rows::{Reported, holder, redirect};
use super::server::{PushTask, Server};
use super::statements::{Statement, account, refers_to, set_references};
use crate::model::domain::SPLIT;
use crate::model::retail::*;
use crate::model::{Entity, Key, Row, RowState, Value};
use crate::sim::{NodeId, OpId, Span};
use crate::store::{Action, Answer, Copy, Item, Store};
use crate::system::{Audit, Context, Metric, Rule, Verdict, Why};

/// A conflict that was decided: the losing op, the winning one, and the field.
struct Decision {
    loser: OpId,
    loser_device: u16,
    winner: OpId,
    field: u8,
}

impl<St: Store> Server<St> {
    /// One transaction of an op. Returns whether the op is done.
    pub(super) fn next_op(
        &mut self,
        store: &mut St,
        task: &mut PushTask,
        from: NodeId,
        cx: &mut Context<Wire>,
    ) -> bool {
        let op = task.items[task.at].op;
        let until =
            task.items[task.at..].iter().position(|item| item.op != op).map_or(task.items.len(), |n| task.at + n);
        let key = 1 << 40 | u64::from(op.0);
        let keyed = match (self.policy.idempotency, self.policy.key_covers) {
            (Idempotency::None, _) => false,
            (_, KeyCovers::Everything) => true,
            (_, KeyCovers::Sales) => task.items[task.at..until].iter().any(|item| item.row.entity == SALE),
        };
        let apart = self.policy.idempotency == Idempotency::CheckThenStore;
        if task.statement == Statement::Start && keyed {
            task.work += Span::millis(10);
            if let Some(answer) = store.answer(key) {
                cx.count(Metric::KeyHits);
                cx.reach(goal::KEY_HIT);
                cx.decide(op, answer.verdict);
                return op_done(task, until, op, answer.verdict, answer.commit);
            }
            task.statement = Statement::KeyChecked;
            if apart {
                return false;
            }
        }
        if let Statement::Written(_, commit) = task.statement {
            let verdict = task.results.pop().map_or(Verdict::Accepted, |result| result.verdict);
            self.remember(store, key, op, from, commit, verdict, cx);
            return op_done(task, until, op, verdict, commit);
        }
        let items: Vec<Item> = task.items[task.at..until].to_vec();
        if items.iter().any(|item| item.row.entity == SALE) {
            task.work += Span::millis(50);
        }
        let (verdict, commit) = self.transact(store, op, &items, &mut task.made, cx);
        if keyed && apart {
            task.statement = Statement::Written(Key::NONE, commit);
            task.results.push(ItemResult { seq: 0, op, verdict, key: Key::NONE, commit });
            return false;
        }
        if keyed {
            self.remember(store, key, op, from, commit, verdict, cx);
        }
        op_done(task, until, op, verdict, commit)
    }

    #[allow(clippy::too_many_arguments)]
    fn remember(
        &self,
        store: &mut St,
        key: u64,
        op: OpId,
        device: NodeId,
        commit: u32,
        verdict: Verdict,
        cx: &Context<Wire>,
    ) {
        let expires = match self.policy.key_life {
            0 => i64::MAX,
            hours => cx.wall() + Span::hours(hours).0 as i64,
        };
        let answer = Answer { key, op, device, commit, expires, verdict, row: Key::NONE };
        // With the check in another transaction a second copy may have stored it already.
        let _already_there = store.insert_answer(&answer);
    }

    /// All of an op or nothing.
    fn transact(
        &mut self,
        store: &mut St,
        op: OpId,
        items: &[Item],
        made: &mut Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) -> (Verdict, u32) {
        store.begin();
        let mark = cx.written();
        let commit = self.commit(store);
        let mut decisions = Vec::new();
        let mut refused = None;
        let known = made.len();
        for sent in items {
            let mut item = *sent;
            for (entity, temporary, real) in made.iter() {
                redirect(self.domain, &mut item.row, *entity, *temporary, *real);
                if (item.row.entity, item.row.key) == (*entity, *temporary) {
                    item.row.key = *real;
                }
            }
            if item.action == Action::Create && item.row.key.is_temporary() {
                item.row.key = self.identity(store);
                made.push((item.row.entity, sent.row.key, item.row.key));
            }
            if let Err(verdict) = self.take(store, &item, commit, &mut decisions, cx) {
                refused = Some(verdict);
                // Nobody lost to an op that is not taken.
                decisions.retain(|decision: &Decision| decision.loser == op);
                made.truncate(known);
                break;
            }
        }
        let commit = match refused {
            None => {
                store.commit();
                commit
            }
            Some(_) => {
                store.rollback();
                cx.unwrite(mark);
                self.commit(store)
            }
        };
        let verdict = refused.unwrap_or(Verdict::Accepted);
        if let Verdict::Rejected { rule: Rule::Quantity, .. } = verdict {
            cx.count(Metric::ValidationFailures);
            cx.count(Metric::StockConflicts);
        }
        self.record(store, op, verdict, &decisions, commit, cx);
        cx.decide(op, verdict);
        (verdict, commit)
    }

    fn record(
        &self,
        store: &mut St,
        op: OpId,
        verdict: Verdict,
        decisions: &[Decision],
        commit: u32,
        cx: &mut Context<Wire>,
    ) {
        let mut log = Vec::new();
        let what = if verdict == Verdict::Accepted { Audit::Change } else { Audit::Rejection };
        log.push(cx.audit_row(op, what, commit));
        for decision in decisions {
            cx.count(Metric::ConflictsRecorded);
            cx.reach(goal::EDIT_CONFLICT);
            let key =
                Key(u64::from(decision.loser.0) << 24 | u64::from(decision.winner.0) << 4 | u64::from(decision.field));
            let mut row = Row::new(Entity::CONFLICT, key);
            row.origin = decision.winner;
            row.actor = decision.loser_device;
            row.version = commit;
            let row = row
                .with(0, Value::int(i64::from(decision.loser.0)))
                .with(1, Value::int(i64::from(decision.winner.0)))
                .with(2, Value::int(i64::from(decision.field)));
            Reported { store, cx }.put(&row, decision.winner, Why::Effect);
            log.push(cx.audit_row(decision.loser, Audit::Conflict, commit));
        }
        if self.policy.audit == AuditTrail::Complete {
            for mut row in log {
                row.version = commit;
                Reported { store, cx }.put(&row, op, Why::Effect);
            }
        }
    }

    fn take(
        &self,
        store: &mut St,
        item: &Item,
        commit: u32,
        decisions: &mut Vec<Decision>,
        cx: &mut Context<Wire>,
    ) -> Result<(), Verdict> {
        let stamp = if self.policy.server_stamp == ServerStamp::Server { cx.wall() } else { item.row.stamp };
        match item.action {
            Action::Create => self.take_creation(store, item, commit, stamp, decisions, cx),
            Action::Update => self.take_edit(store, item, commit, stamp, decisions, cx),
            Action::Delete => {
                let mut rows = Reported { store, cx };
                let Some(mut row) = rows.get(item.row.entity, item.row.key) else {
                    return Err(refused(Rule::Missing, item.row.key));
                };
                if self.policy.deletion == Deletion::Removed {
                    rows.remove(row.entity, row.key, item.op, Why::Effect);
                } else if !row.deleted {
                    row.deleted = true;
                    row.version = commit;
                    row.stamp = stamp;
                    rows.put(&row, item.op, Why::Effect);
                }
                Ok(())
            }
            Action::Add if item.row.entity == PRODUCT_BATCH => self.count_batch(store, item, commit, cx),
            Action::Add => Ok(()),
        }
    }

    fn take_creation(
        &self,
        store: &mut St,
        item: &Item,
        commit: u32,
        stamp: i64,
        decisions: &mut Vec<Decision>,
        cx: &mut Context<Wire>,
    ) -> Result<(), Verdict> {
        let op = item.op;
        let row = item.row;
        if self.policy.references == References::Checked {
            for (entity, key) in refers_to(self.domain, &row) {
                match store.row(Copy::Visible, entity, key) {
                    None => return Err(refused(Rule::Missing, key)),
                    Some(parent) if parent.deleted => return Err(refused(Rule::Deleted, key)),
                    Some(_) => {}
                }
            }
        }
        let there = store.row(Copy::Visible, row.entity, row.key);
        if let Some(mut there) = there
            && !there.deleted
        {
            let differs = |index: &usize| there.fields[*index] != row.fields[*index];
            if let Some(first) = (0..self.domain.fields(row.entity).len()).find(differs) {
                // Two devices made the same row, and not alike: the first stays.
                let winner = there.set_by[first];
                decisions.push(Decision { loser: op, loser_device: row.actor, winner, field: first as u8 });
                return Err(Verdict::Superseded { by: winner });
            }
            // Two devices linked the same pair: the first row stays, and this op is known to mean the same.
            // Whoever saw what the first wrote in a plain field has seen what this one means.
            for (index, spec) in self.domain.fields(row.entity).iter().enumerate() {
                if spec.class != crate::model::Class::Plain {
                    there.set_by[index] = row.set_by[index];
                }
            }
            there.version = commit;
            Reported { store, cx }.put(&there, op, Why::Effect);
            return Ok(());
        }
        if self.keeps_unique()
            && let Some(other) = holder(self.domain, store, &row)
        {
            return Err(refused(Rule::Taken, other));
        }
        let Some((entity, key, quantity, _)) = account(self.domain, &row) else {
            if row.entity == PRODUCT_BATCH {
                self.box_loose_stock(store, &row, commit, cx);
            }
            self.insert(store, &row, commit, stamp, op, cx);
            return Ok(());
        };
        let undone = self.decide_count(store, item, &row, commit, decisions, cx)?;
        let amount = account(self.domain, &row).map_or(0, |(.., amount)| amount) + undone;
        let Some(mut held) = store.row(Copy::Visible, entity, key) else {
            return Err(refused(Rule::Missing, key));
        };
        let Taken { splits, short } = self.allocate(store, &row, amount, cx);
        if self.validates(&row, amount) {
            let there = held.get(quantity).or_zero();
            if there + amount < 0 {
                return Err(short_of(key, there, -amount));
            }
            if let Some(available) = short {
                return Err(short_of(key, available, -amount));
            }
        }
        held.set(quantity, Value::int(held.get(quantity).or_zero() + amount), op);
        held.version = commit;
        Reported { store: &mut *store, cx: &mut *cx }.put(&held, op, Why::Effect);
        if splits.len() > 1 {
            cx.reach(goal::BATCH_SPLIT);
        }
        self.change_batches(store, &row, &splits, commit, cx);
        if row.entity == STOCK_MOVEMENT && row.get(field::MOVED_KIND) == Value::int(kind::SALE) {
            self.insert_splits(store, &row, &splits, commit, stamp, cx);
        } else {
            self.insert(store, &row, commit, stamp, op, cx);
        }
        if undone != 0 {
            let mut reversal = row;
            reversal.part = REVERSAL;
            reversal.key = Key::made(op, REVERSAL);
            reversal.set(field::MOVED_QUANTITY, Value::int(undone), op);
            self.insert(store, &reversal, commit, stamp, op, cx);
        }
        Ok(())
    }

    /// A count that did not see the last one: the later count is taken, whichever it is. Returns what must be undone of
    /// the earlier one.
    fn decide_count(
        &self,
        store: &mut St,
        item: &Item,
        row: &Row,
        commit: u32,
        decisions: &mut Vec<Decision>,
        cx: &mut Context<Wire>,
    ) -> Result<i64, Verdict> {
        if row.entity != STOCK_MOVEMENT || row.get(field::MOVED_KIND) != Value::int(kind::COUNT) {
            return Ok(0);
        }
        let mut undone = 0;
        let (entity, key, quantity, last) = match row.get(field::MOVED_BATCH).as_key() {
            Some(batch) => (PRODUCT_BATCH, batch, field::BATCH_QUANTITY, field::BATCH_LAST_COUNT),
            None => {
                let product = row.get(field::MOVED_PRODUCT).as_key().unwrap_or(Key::NONE);
                (PRODUCT, product, field::STOCK, field::LAST_COUNT)
            }
        };
        let Some(mut counted) = store.row(Copy::Visible, entity, key) else { return Ok(0) };
        let present = counted.stamps[quantity as usize];
        let stamp = row.stamps[field::MOVED_QUANTITY as usize];
        if self.policy.edits == EditRule::ByField && present != item.base {
            let earlier = counted.get(last).as_key().and_then(|key| store.row(Copy::Visible, STOCK_MOVEMENT, key));
            if let Some(earlier) = earlier {
                let decision = |loser: &Row, winner| Decision {
                    loser: loser.origin,
                    loser_device: loser.actor,
                    winner,
                    field: quantity,
                };
                if stamp <= present {
                    return Err(Verdict::Superseded { by: earlier.origin });
                }
                decisions.push(decision(&earlier, item.op));
                undone = -counted_change(store, &earlier);
            }
        }
        counted.stamps[quantity as usize] = stamp;
        counted.set(last, Value::key(row.key), item.op);
        counted.version = commit;
        Reported { store, cx }.put(&counted, item.op, Why::Effect);
        Ok(undone)
    }

    /// The count of a batch changes the batch as well; its movement has been taken already.
    fn count_batch(&self, store: &mut St, item: &Item, commit: u32, cx: &mut Context<Wire>) -> Result<(), Verdict> {
        let mut rows = Reported { store, cx };
        let Some(mut batch) = rows.get(PRODUCT_BATCH, item.row.key) else {
            return Err(refused(Rule::Missing, item.row.key));
        };
        let movement = rows.get(STOCK_MOVEMENT, Key::made(item.op, MOVE));
        let amount = movement.map_or(0, |row| counted_change(rows.store, &row));
        let there = batch.get(field::BATCH_QUANTITY).or_zero();
        if there + amount < 0 {
            return Err(short_of(batch.key, there, -amount));
        }
        batch.set(field::BATCH_QUANTITY, Value::int(there + amount), item.op);
        batch.version = commit;
        rows.put(&batch, item.op, Why::Effect);
        Ok(())
    }

    fn take_edit(
        &self,
        store: &mut St,
        item: &Item,
        commit: u32,
        stamp: i64,
        decisions: &mut Vec<Decision>,
        cx: &mut Context<Wire>,
    ) -> Result<(), Verdict> {
        let op = item.op;
        let mut rows = Reported { store, cx };
        let Some(mut row) = rows.get(item.row.entity, item.row.key) else {
            return Err(refused(Rule::Missing, item.row.key));
        };
        if row.deleted {
            return Err(refused(Rule::Deleted, item.row.key));
        }
        if self.policy.edits == EditRule::LastWrite && item.row.stamp <= row.stamp {
            return Ok(());
        }
        for index in 0..self.domain.fields(row.entity).len() {
            let carried =
                item.mask & 1 << index != 0 && super::local::travels(self.domain.class(row.entity, index as u8));
            if !carried {
                continue;
            }
            let (present, sent) = (row.stamps[index], item.row.stamps[index]);
            if self.policy.edits == EditRule::ByField && present != item.base {
                rows.cx.count(Metric::PriceConflicts);
                let (loser, winner) = if sent > present { (row.set_by[index], op) } else { (op, row.set_by[index]) };
                if loser == op {
                    return Err(Verdict::Superseded { by: winner });
                }
                let loser_device = (present & 0xfff) as u16;
                decisions.push(Decision { loser, loser_device, winner, field: index as u8 });
            }
            row.set(index as u8, item.row.fields[index], op);
            row.stamps[index] = sent;
        }
        let checked = self.policy.references == References::Checked;
        for (entity, key) in set_references(self.domain, item).filter(|_| checked) {
            match rows.get(entity, key) {
                None => return Err(refused(Rule::Missing, key)),
                Some(target) if target.deleted => return Err(refused(Rule::Deleted, key)),
                Some(_) => {}
            }
        }
        if self.keeps_unique()
            && let Some(other) = holder(self.domain, rows.store, &row)
        {
            return Err(refused(Rule::Taken, other));
        }
        row.stamp = stamp;
        row.version = commit;
        row.state = RowState::Synced;
        rows.put(&row, op, Why::Effect);
        Ok(())
    }
}

/// The part of the movement that undoes a count which lost: no split of a count reaches it.
const REVERSAL: u8 = MOVE + 6 * SPLIT;

/// What a count changed in all: its own movement and what it undid.
fn counted_change<St: Store>(store: &St, movement: &Row) -> i64 {
    let reversal = store.row(Copy::Visible, STOCK_MOVEMENT, Key::made(movement.origin, REVERSAL));
    let amount = |row: &Row| row.get(field::MOVED_QUANTITY).or_zero();
    amount(movement) + reversal.map_or(0, |row| amount(&row))
}

fn refused(rule: Rule, about: Key) -> Verdict {
    Verdict::Rejected { rule, about, available: 0, requested: 0 }
}

fn short_of(about: Key, available: i64, requested: i64) -> Verdict {
    Verdict::Rejected { rule: Rule::Quantity, about, available, requested }
}

fn op_done(task: &mut PushTask, until: usize, op: OpId, verdict: Verdict, commit: u32) -> bool {
    let seq = task.items[task.at].seq;
    for item in &task.items[task.at..until] {
        let real = task.made.iter().find(|(entity, from, _)| (*entity, *from) == (item.row.entity, item.row.key));
        if let Some((_, _, key)) = real.filter(|_| item.action == Action::Create) {
            task.results.push(ItemResult { seq: item.seq, op, verdict, key: *key, commit });
        }
    }
    task.results.push(ItemResult { seq, op, verdict, key: Key::NONE, commit });
    task.at = until;
    task.statement = Statement::Start;
    true
}
