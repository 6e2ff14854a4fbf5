//! The later decision of a conflict that was left to a human: the device's command, and what the server does with it.
//!
//! The record of the conflict stays open until its author says whose edit is taken. "Mine" sends the op again over the
//! value that is shown now; "theirs" sends word that it gives way. Either carries the record, which is closed in the
//! same transaction. What an edit that is sent again meets is ruled in `resolve.rs`, like any other.

use super::device::Device;
use super::drain::items_of;
use super::group::refused;
use super::message::Wire;
use super::rows::Reported;
use super::server::Server;
use crate::model::{Entity, Key, Op, Row, RowState, Value};
use crate::sim::OpId;
use crate::store::{Action, Answer, Cell, Copy, Item, Status, Store};
use crate::system::{Context, Rule, Verdict, Why, Word};

/// Fields of a conflict record beside the two ops and the field: what was sent, the row, and what was decided.
mod field {
    pub const LOSER: u8 = 0;
    pub const WINNER: u8 = 1;
    pub const EDITED: u8 = 2;
    pub const SENT: u8 = 3;
    pub const ENTITY: u8 = 5;
    pub const KEY: u8 = 6;
    pub const TAKEN: u8 = 7;
}

/// The key under which the last word on an op is kept, beside the one that it was first given.
const SETTLED: u64 = 1 << 41;

/// The key of a decision, by its record.
fn key_of(record: &Row) -> u64 {
    1 << 62 | record.key.0
}

/// Whether a conflict record still waits for a human.
pub(super) fn is_open(record: &Row) -> bool {
    record.get(field::SENT) != Value::MISSING && record.get(field::TAKEN) == Value::MISSING
}

/// Whether a human has taken the edit that a conflict record calls the loser.
pub(super) fn is_overruled(record: &Row) -> bool {
    record.get(field::TAKEN) == Value::int(0)
}

fn loser_of(record: &Row) -> OpId {
    OpId(record.get(field::LOSER).or_zero() as u32)
}

/// The latest open record of an op.
fn open_record<St: Store>(store: &St, op: OpId) -> Option<Row> {
    let mut found: Option<Row> = None;
    store.each_of(Copy::Visible, Entity::CONFLICT, &mut |record| {
        if is_open(record) && loser_of(record) == op && found.is_none_or(|found| found.version <= record.version) {
            found = Some(*record);
        }
    });
    found
}

impl<St: Store> Device<St> {
    /// The user decides the conflict of an earlier op. Returns whether there was anything to decide.
    pub(super) fn decide(&self, store: &mut St, op: &Op, cx: &mut Context<Wire>) -> bool {
        let Some(mut record) = open_record(store, op.earlier).filter(|_| items_of(store, op.earlier).is_empty()) else {
            return false;
        };
        let now = self.now(store, cx);
        let takes_mine = op.value(0) == 0;
        let entity = Entity(record.get(field::ENTITY).or_zero() as u8);
        let key = record.get(field::KEY).as_key().unwrap_or(Key::NONE);
        let row = store.row(Copy::Visible, entity, key).filter(|row| !row.deleted);
        record.set(field::TAKEN, Value::int(op.value(0)), op.earlier);
        let item = |seq, row: Row, edited: u8, base, commit| Item {
            seq,
            op: op.earlier,
            action: Action::Update,
            row,
            mask: 1 << edited,
            base,
            queued: now,
            status: Status::Pending,
            tries: 0,
            request: 0,
            commit,
        };
        let mut seq = store.number(Cell::Seq) as u32;
        if takes_mine {
            let Some(mut row) = row else { return false };
            let edited = record.get(field::EDITED).or_zero() as u8;
            let base = super::resolve::witness(self.policy.detection, &row, edited as usize);
            let commit = row.version.max(record.version).max(1);
            row.set(edited, record.get(field::SENT), op.earlier);
            row.stamps[edited as usize] = now << 12 | i64::from(self.me.0);
            row.stamp = now;
            row.state = RowState::Pending;
            seq += 1;
            store.put_item(&item(seq, row, edited, base, commit));
            Reported { store, cx }.put(&row, op.earlier, Why::Effect);
        }
        seq += 1;
        store.put_item(&item(seq, record, field::TAKEN, 0, record.version.max(1)));
        store.set_number(Cell::Seq, i64::from(seq));
        cx.tell(op.earlier, Word::Saved);
        true
    }

    /// Whether a verdict is older than the decision that is on its way.
    pub(super) fn is_overtaken(&self, items: &[Item], answer: &Answer) -> bool {
        let decision = |item: &Item| item.row.entity == Entity::CONFLICT && item.status != Status::Synced;
        answer.verdict == Verdict::Manual && items.iter().any(|item| decision(item) && item.commit >= answer.commit)
    }

    /// The last word on an op that was left to a human takes the place of the notice that it was: the app may start again.
    pub(super) fn keep_settled(&self, store: &mut St, op: OpId, verdict: Verdict) {
        if verdict == Verdict::Manual
            || store.answer(u64::from(op.0)).is_none_or(|kept| kept.verdict != Verdict::Manual)
        {
            return;
        }
        let key = SETTLED | u64::from(op.0);
        let notice = Answer { key, op, device: self.me, commit: 1, expires: i64::MAX, verdict, row: Key::NONE };
        // The same word again changes nothing.
        let _already_kept = store.insert_answer(&notice);
    }

    /// Whether a notice is not to be shown again: a later one took its place, or it says no more than that all is well,
    /// which a server that was restored since may not know.
    pub(super) fn is_settled_since(&self, store: &St, notice: &Answer) -> bool {
        match notice.key & SETTLED {
            0 => store.answer(SETTLED | notice.key).is_some(),
            _ => notice.verdict == Verdict::Accepted,
        }
    }
}

impl<St: Store> Server<St> {
    /// The conflict record that an op carries, if it carries a decision.
    pub(super) fn decision_in(&self, items: &[Item]) -> Option<Row> {
        items.iter().find(|item| item.row.entity == Entity::CONFLICT).map(|item| item.row)
    }

    /// The stored verdict on an op that was left to a human, or on this decision of it.
    pub(super) fn decided_before(&self, store: &St, items: &[Item]) -> Option<Answer> {
        let settled = store.answer(SETTLED | u64::from(items[0].op.0));
        settled.or_else(|| store.answer(key_of(&self.decision_in(items)?)))
    }

    /// The key under which the verdict on a decision is stored.
    pub(super) fn key_of_decision(&self, record: &Row, verdict: Verdict) -> u64 {
        if verdict == Verdict::Manual { key_of(record) } else { SETTLED | u64::from(loser_of(record).0) }
    }

    /// The edit gives way: the record is closed and the other edit stands.
    pub(super) fn give_way(&mut self, store: &mut St, item: &Item, cx: &mut Context<Wire>) -> (Verdict, u32) {
        let commit = self.commit(store);
        let there = store.row(Copy::Visible, Entity::CONFLICT, item.row.key).filter(is_open);
        let verdict = match there {
            Some(record) => Verdict::Superseded { by: OpId(record.get(field::WINNER).or_zero() as u32) },
            None => refused(Rule::Conflict, item.row.key),
        };
        if there.is_some() {
            self.close(store, item, commit, cx);
        }
        self.record(store, item.op, verdict, &[], commit, cx);
        cx.decide(item.op, verdict);
        (verdict, commit)
    }

    /// Every open record of the op is closed: an edit that is sent again may have met another value.
    pub(super) fn close(&self, store: &mut St, item: &Item, commit: u32, cx: &mut Context<Wire>) {
        let mut open = Vec::new();
        store.each_of(Copy::Visible, Entity::CONFLICT, &mut |record| {
            if is_open(record) && loser_of(record) == item.op {
                open.push(*record);
            }
        });
        for mut record in open {
            record.set(field::TAKEN, item.row.get(field::TAKEN), item.op);
            record.version = commit;
            Reported { store, cx }.put(&record, item.op, Why::Effect);
        }
    }
}
