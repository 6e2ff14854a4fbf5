//! A push taken op by op: everything of an op in one transaction, with its key, its verdict and its log entries.
//!
//! The sound way. How an edit is held against what is there and who wins is in `resolve.rs`; here the op that lost is
//! named in a durable conflict record.

use super::allocate::Taken;
use super::device::goal;
use super::message::{ItemResult, Wire};
use super::policy::*;
use super::resolve::witness;
use super::rows::{Reported, forbidding, holder, redirect};
use super::server::{PushTask, Server};
use super::statements::{Statement, account, refers_to};
use crate::model::domain::SPLIT;
use crate::model::retail::*;
use crate::model::{Entity, Key, Row, Value};
use crate::sim::{NodeId, OpId, Span};
use crate::store::{Action, Answer, Copy, Item, Store};
use crate::system::{Audit, Context, Metric, Rule, Verdict, Why};

/// A conflict that was decided: the losing op, the winning one, and the field.
pub struct Decision {
    pub(super) loser: OpId,
    pub(super) loser_device: u16,
    pub(super) winner: OpId,
    pub(super) field: u8,
    /// Where a human has still to decide: what was sent, what is there, and the row.
    pub(super) open: Option<[Value; 4]>,
}

impl Decision {
    /// The op takes a field of the row from whoever had set it.
    pub(super) fn over(row: &Row, field: u8, winner: OpId) -> Decision {
        let loser_device = (row.stamps[field as usize] & 0xfff) as u16;
        Decision { loser: row.set_by[field as usize], loser_device, winner, field, open: None }
    }
}

impl<St: Store> Server<St> {
    /// The next transaction of an op, or of the whole push. Returns whether others may come in after it.
    pub(super) fn next_op(
        &mut self,
        store: &mut St,
        task: &mut PushTask,
        from: NodeId,
        cx: &mut Context<Wire>,
    ) -> bool {
        if self.policy.atomicity == Atomicity::Batch {
            return self.all_at_once(store, task, from, cx);
        }
        if self.policy.version_check == VersionCheck::Before && task.compared.is_none() {
            task.compared = Some(self.compare(store, &task.items));
            return true;
        }
        let op = task.items[task.at].op;
        let until = end_of_op(&task.items, task.at);
        let mut items: Vec<Item> = task.items[task.at..until].to_vec();
        let key = self.key_of_op(&items[0]);
        let keyed = self.is_keyed_op(&items);
        let decision = self.decision_in(&items);
        if let Statement::Written(_, commit) = task.statement {
            let verdict = task.results.pop().map_or(Verdict::Accepted, |result| result.verdict);
            let key = decision.map_or(key, |record| self.key_of_decision(&record, verdict));
            self.remember(store, key, op, from, commit, verdict, cx);
            return op_done(task, until, op, verdict, commit);
        }
        if task.statement == Statement::Start {
            if self.policy.mapped_by == Mapped::Device {
                // Each op by itself: what it refers to the device should have replaced.
                task.made.clear();
            }
            if self.policy.checks == Checks::ValidationFirst
                && let Some(verdict) = self.too_little(store, &items)
            {
                let commit = self.commit(store);
                self.record(store, op, verdict, &[], commit, cx);
                cx.decide(op, verdict);
                return op_done(task, until, op, verdict, commit);
            }
            let version_first = self.policy.checks == Checks::VersionFirst && self.meets_conflict(store, &items);
            if keyed && !version_first {
                task.work += Span::millis(10);
                let stored = self.decided_before(store, &items);
                let first = stored.or_else(|| store.answer(key).filter(|_| decision.is_none()));
                let known = first.map(|answer| (answer.verdict, answer.commit));
                if let Some((verdict, commit)) = known.or_else(|| self.about_to_be_stored(op)) {
                    cx.count(Metric::KeyHits);
                    cx.reach(goal::KEY_HIT);
                    cx.decide(op, verdict);
                    self.recall(store, &items, &mut task.made);
                    if self.policy.key_covers == KeyCovers::Sales && verdict == Verdict::Accepted {
                        self.uncovered(store, op, &items, task, cx);
                    }
                    return op_done(task, until, op, verdict, commit);
                }
                task.statement = Statement::KeyChecked;
                if self.policy.idempotency == Idempotency::CheckThenStore {
                    return true;
                }
            }
        }
        if self.policy.cursor == Cursor::AtStart && task.number.is_none() {
            task.number = Some(self.commit(store));
            return true;
        }
        if let ([item], Some(record)) = (&items[..], decision) {
            let (verdict, commit) = self.give_way(store, item, cx);
            let key = self.key_of_decision(&record, verdict);
            self.remember(store, key, op, from, commit, verdict, cx);
            return op_done(task, until, op, verdict, commit);
        }
        if task.compared.as_ref().is_some_and(|compared| compared.contains(&op)) {
            self.as_compared(store, &mut items);
        }
        if !matches!(task.statement, Statement::Read(_)) && self.looks_first(&items) {
            task.read = self.look(store, &items, &task.made);
            task.statement = Statement::Read(0);
            return true;
        }
        if items.iter().any(|item| item.row.entity == SALE) {
            task.work += Span::millis(50);
        }
        if self.policy.stock_from == StockFrom::Both {
            // The product row is pushed before its movements.
            items.sort_by_key(|item| item.action != Action::Add);
        }
        self.read = std::mem::take(&mut task.read);
        self.number = task.number.take();
        let (verdict, commit) = self.transact(store, op, &items, &mut task.made, cx);
        self.read.clear();
        let key = decision.map_or(key, |record| self.key_of_decision(&record, verdict));
        if verdict == Verdict::Manual && self.asks_device() {
            return self.leave_to_device(store, task, &items, until);
        }
        if keyed && matches!(self.policy.idempotency, Idempotency::CheckThenStore | Idempotency::KeyAfter) {
            task.statement = Statement::Written(Key::NONE, commit);
            task.results.push(ItemResult { seq: 0, op, verdict, key: Key::NONE, commit });
            return true;
        }
        if keyed {
            self.remember(store, key, op, from, commit, verdict, cx);
        }
        op_done(task, until, op, verdict, commit)
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn remember(
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

    /// All of an op or nothing; or its parts, each all or nothing.
    fn transact(
        &mut self,
        store: &mut St,
        op: OpId,
        items: &[Item],
        made: &mut Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) -> (Verdict, u32) {
        let mut decisions = Vec::new();
        let (verdict, commit) = if self.policy.atomicity == Atomicity::Op {
            self.transaction(store, items, &mut decisions, made, cx)
        } else {
            self.one_by_one(store, items, &mut decisions, made, cx)
        };
        if let Verdict::Rejected { rule: Rule::Quantity, .. } = verdict {
            cx.count(Metric::ValidationFailures);
            cx.count(Metric::StockConflicts);
        }
        if verdict == Verdict::Manual && self.asks_device() {
            return (verdict, commit);
        }
        decisions.extend(self.loss(store, items, verdict));
        self.record(store, op, verdict, &decisions, commit, cx);
        cx.decide(op, verdict);
        (verdict, commit)
    }

    /// The parts that an op falls into, each all or nothing: the first refusal is the verdict.
    fn one_by_one(
        &mut self,
        store: &mut St,
        items: &[Item],
        decisions: &mut Vec<Decision>,
        made: &mut Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) -> (Verdict, u32) {
        let mut outcome = (Verdict::Accepted, 0);
        for part in self.parts(items) {
            let (verdict, commit) = self.transaction(store, &part, decisions, made, cx);
            if outcome.0 == Verdict::Accepted {
                outcome = (verdict, commit);
            }
        }
        outcome
    }

    /// The same without a verdict of its own.
    pub(super) fn transact_quietly(
        &mut self,
        store: &mut St,
        op: OpId,
        items: &[Item],
        made: &mut Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) -> Verdict {
        let mut decisions = Vec::new();
        let (verdict, commit) = self.transaction(store, items, &mut decisions, made, cx);
        if verdict == Verdict::Accepted {
            self.record(store, op, verdict, &decisions, commit, cx);
        }
        verdict
    }

    fn transaction(
        &mut self,
        store: &mut St,
        items: &[Item],
        decisions: &mut Vec<Decision>,
        made: &mut Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) -> (Verdict, u32) {
        store.begin();
        let (mark, known, decided) = (cx.written(), made.len(), decisions.len());
        let number = self.number.take();
        let commit = number.unwrap_or_else(|| self.commit(store));
        match self.take_all(store, items, commit, decisions, made, cx) {
            Ok(()) => {
                store.commit();
                (Verdict::Accepted, commit)
            }
            Err(verdict) => {
                store.rollback();
                cx.unwrite(mark);
                made.truncate(known);
                // Nobody lost to an op that is not taken; its own defeat stays recorded.
                let mut own = decisions.split_off(decided);
                own.retain(|decision| items.first().is_some_and(|item| item.op == decision.loser));
                decisions.append(&mut own);
                (verdict, number.unwrap_or_else(|| self.commit(store)))
            }
        }
    }

    pub(super) fn take_all(
        &mut self,
        store: &mut St,
        items: &[Item],
        commit: u32,
        decisions: &mut Vec<Decision>,
        made: &mut Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) -> Result<(), Verdict> {
        if self.policy.batches == BatchPush::Rows && self.merges_lot(store, items, commit, cx) {
            return Ok(());
        }
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
                store.put_identity(item.row.entity, sent.row.key, item.row.key);
                made.push((item.row.entity, sent.row.key, item.row.key));
            }
            self.take(store, &item, commit, decisions, cx)?;
        }
        Ok(())
    }

    pub(super) fn record(
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
            let row = match decision.open {
                Some(open) => (3..).zip(open).fold(row, |row, (field, value)| row.with(field, value)),
                None => row,
            };
            Reported { store, cx }.put(&row, decision.winner, Why::Effect);
            log.push(cx.audit_row(decision.loser, Audit::Conflict, commit));
        }
        if self.policy.audit == AuditTrail::WithoutConflicts {
            let lost = matches!(verdict, Verdict::Superseded { .. } | Verdict::Manual);
            log.truncate(usize::from(!lost));
        }
        if self.policy.audit != AuditTrail::None {
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
            Action::Update if item.row.entity == Entity::CONFLICT => {
                self.close(store, item, commit, cx);
                Ok(())
            }
            Action::Update => self.take_edit(store, item, commit, stamp, decisions, cx),
            Action::Delete => {
                let mut rows = Reported { store, cx };
                let Some(mut row) = rows.get(item.row.entity, item.row.key) else {
                    return Err(refused(Rule::Missing, item.row.key));
                };
                self.rule_deletion(&row, item, decisions, rows.cx)?;
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
            Action::Add => {
                self.take_absolute(store, item, commit, cx);
                Ok(())
            }
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
        if self.policy.permissions == Permissions::AtPush
            && let Some(permission) = forbidding(self.domain, store, &row)
        {
            return Err(refused(Rule::Forbidden, permission));
        }
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
        if let Some(there) = there
            && there.origin == op
            && row.key.is_made()
        {
            if self.policy.same_row == SameRow::Conflicts && self.policy.key_made == KeyMade::Once {
                return Err(Verdict::Superseded { by: op });
            }
            // Nothing told the server that it has done this op before: it makes the row again.
            let again = Row { key: self.identity(store), ..row };
            return self.take_creation(store, &Item { row: again, ..*item }, commit, stamp, decisions, cx);
        }
        if let Some(mut there) = there
            && !there.deleted
        {
            if self.was_absent(&row) {
                let key = self.identity(store);
                self.insert(store, &Row { key, ..row }, commit, stamp, op, cx);
                return Ok(());
            }
            let differs = |index: &usize| there.fields[*index] != row.fields[*index];
            if let Some(first) = (0..self.domain.fields(row.entity).len()).find(differs) {
                // Two devices made the same row, and not alike: the first stays.
                let winner = there.set_by[first];
                decisions.push(Decision { loser: op, loser_device: row.actor, winner, field: first as u8, open: None });
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
        let read = self.was_read(entity, key);
        let there = read.unwrap_or_else(|| held.get(quantity).or_zero());
        if self.validates(&row, amount) {
            if there + amount < 0 || self.policy.validation == Validation::RefusesAll {
                return Err(short_of(key, there, -amount));
            }
            if let Some(available) = short {
                return Err(short_of(key, available, -amount));
            }
        }
        if self.policy.stock_from != StockFrom::ProductRows || entity != PRODUCT {
            held.set(quantity, Value::int(there + amount), op);
            held.version = commit;
            Reported { store: &mut *store, cx: &mut *cx }.put(&held, op, Why::Effect);
            if self.policy.escrow != Escrow::Nothing {
                self.use_grant(store, &row, commit, cx);
            }
        }
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
                    loser_device: (present & 0xfff) as u16,
                    winner,
                    field: quantity,
                    open: None,
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
        let movement = batch.get(field::BATCH_LAST_COUNT).as_key().and_then(|key| rows.get(STOCK_MOVEMENT, key));
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
}

/// The part of the movement that undoes a count which lost: no split of a count reaches it.
const REVERSAL: u8 = MOVE + 6 * SPLIT;

/// What a count changed in all: its own movement and what it undid.
fn counted_change<St: Store>(store: &St, movement: &Row) -> i64 {
    let reversal = store.row(Copy::Visible, STOCK_MOVEMENT, Key::made(movement.origin, REVERSAL));
    let amount = |row: &Row| row.get(field::MOVED_QUANTITY).or_zero();
    amount(movement) + reversal.map_or(0, |row| amount(&row))
}

pub(super) fn refused(rule: Rule, about: Key) -> Verdict {
    Verdict::Rejected { rule, about, available: 0, requested: 0 }
}

fn short_of(about: Key, available: i64, requested: i64) -> Verdict {
    Verdict::Rejected { rule: Rule::Quantity, about, available, requested }
}

pub(super) fn end_of_op(items: &[Item], at: usize) -> usize {
    let op = items[at].op;
    items[at..].iter().position(|item| item.op != op).map_or(items.len(), |n| at + n)
}

pub(super) fn op_done(task: &mut PushTask, until: usize, op: OpId, verdict: Verdict, commit: u32) -> bool {
    let seq = task.items[task.at].seq;
    for item in &task.items[task.at..until] {
        let real = task.made.iter().find(|(entity, from, _)| (*entity, *from) == (item.row.entity, item.row.key));
        if let Some((_, _, key)) = real.filter(|_| item.action == Action::Create) {
            task.results.push(ItemResult { seq: item.seq, op, verdict, key: *key, commit });
        }
    }
    task.results.push(ItemResult { seq, op, verdict, key: Key::NONE, commit });
    if verdict != Verdict::Accepted {
        let (done, rest) = task.items.split_at_mut(until);
        for refused in &done[task.at..] {
            for item in rest.iter_mut() {
                unchain(item, refused);
            }
        }
    }
    task.at = until;
    task.statement = Statement::Start;
    true
}

/// An edit that was made over one that has been refused stands over what that one stood over.
pub(super) fn unchain(item: &mut Item, refused: &Item) -> bool {
    let field = refused.mask.trailing_zeros() as usize % refused.row.stamps.len();
    if item.action == Action::Delete
        && refused.action == Action::Update
        && (item.row.entity, item.row.key) == (refused.row.entity, refused.row.key)
        && item.row.stamps[field] == refused.row.stamps[field]
    {
        item.row.stamps[field] = refused.base;
        return true;
    }
    let chained = item.action == Action::Update
        && refused.action == Action::Update
        && (item.row.entity, item.row.key, item.mask) == (refused.row.entity, refused.row.key, refused.mask)
        && [Detection::BaseVersion, Detection::Hash].map(|way| witness(way, &refused.row, field)).contains(&item.base);
    if chained {
        item.base = refused.base;
    }
    chained
}
