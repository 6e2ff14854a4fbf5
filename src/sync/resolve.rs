//! When an edit meets a value that its author had not seen: whether that is a conflict, and how it is decided.
//!
//! One ruling for each edit, in the transaction that takes it. It sends nothing: under a policy that leaves the decision
//! to the device the ruling is [`Verdict::Manual`], and `requeue.rs` says what the device does with it. Counts are not
//! ruled here: a count is a measurement, and of two the later is right.

use super::device::goal;
use super::group::{Decision, refused};
use super::message::{Met, Wire};
use super::policy::*;
use super::rows::Reported;
use super::rows::holder;
use super::server::{PushTask, Server};
use super::statements::{Statement, set_references};
use crate::model::{Class, Row, RowState, Severity, Value};
use crate::sim::OpId;
use crate::sim::luck::mix;
use crate::store::{Action, Copy, Item, Store};
use crate::system::{Context, Metric, Rule, Verdict};

/// What becomes of an edit that is a conflict.
enum Ruling {
    /// It is taken.
    Take,
    /// It is dropped, and nobody is told.
    Drop,
    /// It is refused.
    Refuse(Verdict),
}

/// What an edit names as the state of a field that its author saw: when it was last set, or a hash of what it holds.
pub(super) fn witness(detection: Detection, row: &Row, field: usize) -> i64 {
    match detection {
        Detection::Hash => mix(row.fields[field].bits() as u64 ^ (field as u64) << 56) as i64,
        _ => row.stamps[field],
    }
}

impl<St: Store> Server<St> {
    pub(super) fn take_edit(
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
        let mut row = match rows.get(item.row.entity, item.row.key) {
            // Of a deleted row every field is missing.
            Some(row) if row.deleted && self.policy.on_deleted == OnDeleted::Refused && !self.adds_missing() => {
                return Err(refused(Rule::Deleted, item.row.key));
            }
            Some(row) => row,
            None if self.policy.deletion == Deletion::Purged => item.row,
            None => return Err(refused(Rule::Missing, item.row.key)),
        };
        if self.policy.edits == EditRule::LastWrite && item.row.stamp <= row.stamp {
            return Ok(());
        }
        let unseen = self.unseen(&row, item);
        if unseen != 0 {
            rows.cx.count(Metric::PriceConflicts);
            rows.cx.reach(goal::EDIT_CONFLICT);
            match self.rule(&row, item, unseen) {
                Ruling::Take => {}
                Ruling::Drop => return Ok(()),
                Ruling::Refuse(verdict) => return Err(verdict),
            }
        }
        self.empty_left_out(&mut row, item.mask, op);
        let fields = self.domain.fields(row.entity).len();
        // Where an edit joined others, the op that lost has to be named all the same.
        let replaced = if item.commit > 0 { item.mask } else { unseen & item.mask };
        let mut losses = Vec::new();
        for index in (0..fields).filter(|index| item.mask & 1 << index != 0) {
            let travels = super::local::travels(self.domain.class(row.entity, index as u8));
            let value = item.row.fields[index];
            if !travels || unseen != 0 && self.is_returned(value, row.fields[index]) {
                continue;
            }
            if item.row.set_by[index] != op {
                // The op sends a row of which it has not set this field.
                row.set(index as u8, value, op);
                continue;
            }
            if replaced & 1 << index != 0 && row.fields[index] != value && self.policy.loser == Loser::Told {
                losses.push(Decision::over(&row, index as u8, op));
            }
            row.set(index as u8, value, op);
            row.stamps[index] = item.row.stamps[index];
        }
        if unseen != 0 && self.merges() {
            self.add_missing(&mut row, item);
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
        decisions.append(&mut losses);
        row.deleted = false;
        if self.policy.created == Created::Overwritten {
            row.created = stamp;
        }
        row.stamp = stamp;
        row.version = commit;
        row.state = RowState::Synced;
        rows.put(&row, op, crate::system::Why::Effect);
        Ok(())
    }

    /// The fields that make the edit a conflict, one bit each: those that it sets, or any field of the row where rows are
    /// merged or have one version.
    fn unseen(&self, row: &Row, item: &Item) -> u8 {
        // After the edit was applied there is nothing left that differs from it.
        if self.policy.edits != EditRule::ByField || self.policy.version_check == VersionCheck::After {
            return 0;
        }
        let whole = self.merges() || self.policy.detection == Detection::RowVersion;
        let fields = 0..self.domain.fields(row.entity).len();
        let differs = |index: &usize| match self.policy.detection {
            Detection::EditTime => row.stamp > item.row.stamp && row.fields[*index] != item.row.fields[*index],
            _ if item.mask & 1 << index != 0 => {
                item.row.set_by[*index] == item.op && witness(self.policy.detection, row, *index) != item.base
            }
            Detection::Hash => row.fields[*index] != item.row.fields[*index],
            _ => row.stamps[*index] != item.row.stamps[*index],
        };
        fields
            .filter(|index| whole || item.mask & 1 << index != 0)
            .filter(differs)
            .fold(0, |bits, index| bits | 1 << index)
    }

    /// The fields that others edited and that the author of a deletion had not seen, one bit each. Where the author has
    /// seen a later edit than there is, the server was restored, and nothing here is new to them.
    fn unseen_by_deletion(&self, row: &Row, item: &Item) -> u8 {
        if self.policy.stale_deletion == StaleDeletion::Taken || row.deleted {
            return 0;
        }
        let fields = self.domain.fields(row.entity).iter().enumerate();
        fields
            .filter(|(_, spec)| matches!(spec.class, Class::Plain | Class::Reference(_)))
            .filter(|(index, _)| row.stamps[*index] > item.row.stamps[*index])
            .fold(0, |bits, (index, _)| bits | 1 << index)
    }

    /// A deletion meets edits that its author had not seen: it is refused, or they are recorded as the losers.
    pub(super) fn rule_deletion(
        &self,
        row: &Row,
        item: &Item,
        decisions: &mut Vec<Decision>,
        cx: &mut Context<Wire>,
    ) -> Result<(), Verdict> {
        let unseen = self.unseen_by_deletion(row, item);
        if unseen == 0 {
            return Ok(());
        }
        cx.reach(goal::EDIT_CONFLICT);
        if self.policy.resolution == Resolution::ServerWins {
            return Err(Verdict::Superseded { by: row.set_by[unseen.trailing_zeros() as usize] });
        }
        let lost = (0..row.fields.len() as u8).filter(|index| unseen & 1 << index != 0);
        decisions.extend(lost.map(|index| Decision::over(row, index, item.op)));
        Ok(())
    }

    fn merges(&self) -> bool {
        matches!(self.policy.resolution, Resolution::TwoWayMerge | Resolution::ThreeWayMerge)
    }

    /// How a conflict ends.
    fn rule(&self, row: &Row, item: &Item, unseen: u8) -> Ruling {
        // The field that both set, or else the one that has changed beside it.
        let both = unseen & item.mask;
        let met = if both != 0 { both } else { unseen }.trailing_zeros() as usize;
        let superseded = Verdict::Superseded { by: row.set_by[met] };
        let ruling = match self.policy.resolution {
            _ if self.policy.strategy == Strategy::PerDevice => return Ruling::Refuse(Verdict::Manual),
            Resolution::ClientWins | Resolution::ClientWinsOldBase => return Ruling::Refuse(Verdict::Manual),
            Resolution::LaterEdit => self.later(row, item, met),
            Resolution::ServerWins => Ruling::Refuse(superseded),
            Resolution::Manual | Resolution::TwoWayMerge | Resolution::ThreeWayMerge => {
                match self.clashes(row, item, unseen) {
                    0 => Ruling::Take,
                    clashes if self.is_minor(row, clashes) => self.later(row, item, clashes.trailing_zeros() as usize),
                    _ => Ruling::Refuse(Verdict::Manual),
                }
            }
        };
        match ruling {
            Ruling::Refuse(_) if self.policy.loser == Loser::SaysOk => Ruling::Drop,
            ruling => ruling,
        }
    }

    /// The fields of a conflict that a strategy which asks a human cannot join by itself, one bit each.
    fn clashes(&self, row: &Row, item: &Item, unseen: u8) -> u8 {
        let differs = |index: &usize| {
            let (there, sent) = (row.fields[*index], item.row.fields[*index]);
            match self.policy.resolution {
                Resolution::TwoWayMerge => there != sent && !self.lacks(there) && !self.lacks(sent),
                Resolution::ThreeWayMerge => {
                    unseen & item.mask & 1 << index != 0 && there != sent && !self.is_addition(there, sent)
                }
                _ => unseen & 1 << index != 0,
            }
        };
        (0..row.fields.len()).filter(differs).fold(0, |bits, index| bits | 1 << index)
    }

    /// Whether every one of these fields is of a severity that is decided without a human.
    fn is_minor(&self, row: &Row, fields: u8) -> bool {
        let most = match self.policy.decider {
            Decider::Severity => Severity::Low,
            Decider::UpToMedium => Severity::Medium,
            Decider::UpToHigh => Severity::High,
            Decider::Nothing => return false,
        };
        let minor = |index: u8| self.domain.severity(row.entity, index) <= most;
        (0..8).filter(|index| fields & 1 << index != 0).all(minor)
    }

    /// The later edit of the field is taken.
    fn later(&self, row: &Row, item: &Item, met: usize) -> Ruling {
        let (present, sent) = (row.stamps[met], item.row.stamps[item.mask.trailing_zeros() as usize]);
        if self.policy.tie == Tie::EachKeepsOwn && present >> 12 == sent >> 12 {
            return Ruling::Drop;
        }
        if sent > present { Ruling::Take } else { Ruling::Refuse(Verdict::Superseded { by: row.set_by[met] }) }
    }

    /// Whether one side does not have the field.
    fn lacks(&self, value: Value) -> bool {
        value == Value::MISSING || self.policy.missing_field == MissingField::Addition && value == Value::NULL
    }

    /// Whether the field passes for one that only one side has added.
    fn is_addition(&self, there: Value, sent: Value) -> bool {
        self.policy.missing_field == MissingField::Addition && (self.lacks(there) || self.lacks(sent))
    }

    fn adds_missing(&self) -> bool {
        self.merges() && self.policy.missing_field == MissingField::Addition
    }

    /// Whether a merge gives back what the edit has emptied.
    fn is_returned(&self, sent: Value, there: Value) -> bool {
        self.adds_missing() && self.lacks(sent) && !self.lacks(there)
    }

    /// What only the sender's row has is added to the server's, whoever had put it there.
    fn add_missing(&self, row: &mut Row, item: &Item) {
        if self.policy.resolution == Resolution::ThreeWayMerge && self.policy.missing_field == MissingField::Deletion {
            return;
        }
        for (index, spec) in self.domain.fields(row.entity).iter().enumerate() {
            let sent = item.row.fields[index];
            if spec.class == Class::Plain && self.lacks(row.fields[index]) && !self.lacks(sent) {
                row.set(index as u8, sent, item.row.set_by[index]);
                row.stamps[index] = item.row.stamps[index];
            }
        }
    }

    /// Whether an edit of the op is a conflict with what is there now.
    pub(super) fn meets_conflict(&self, store: &St, items: &[Item]) -> bool {
        self.met_by(store, items).is_some()
    }

    fn met_by(&self, store: &St, items: &[Item]) -> Option<(Item, Row, u8)> {
        items.iter().find_map(|item| {
            let row = store.row(Copy::Visible, item.row.entity, item.row.key)?;
            let unseen = match item.action {
                Action::Update => self.unseen(&row, item),
                Action::Delete => self.unseen_by_deletion(&row, item),
                Action::Create | Action::Add => 0,
            };
            (unseen != 0).then_some((*item, row, unseen))
        })
    }

    /// The record of the op's own defeat.
    pub(super) fn loss(&self, store: &St, items: &[Item], verdict: Verdict) -> Option<Decision> {
        if !matches!(verdict, Verdict::Superseded { .. } | Verdict::Manual) {
            return None;
        }
        let (item, row, unseen) = self.met_by(store, items)?;
        let both = unseen & item.mask;
        let met = if both != 0 { both } else { unseen }.trailing_zeros() as u8;
        let deletes = item.action == Action::Delete;
        let field = if deletes { met } else { item.mask.trailing_zeros() as u8 };
        let mut decision = Decision::over(&row, met, item.op);
        decision.winner = decision.loser;
        decision.loser = item.op;
        let own = (item.row.stamps[field as usize] & 0xfff) as u16;
        decision.loser_device = if deletes { self.sender.0.0 } else { own };
        decision.field = field;
        let about = [Value::int(i64::from(row.entity.0)), Value::key(row.key)];
        decision.open = (verdict == Verdict::Manual).then(|| [item.row.get(field), row.get(field), about[0], about[1]]);
        Some(decision)
    }

    /// The edits of a push that are no conflict with what is there now, before any of them is taken.
    pub(super) fn compare(&self, store: &St, items: &[Item]) -> Vec<OpId> {
        let edits = items.iter().filter(|item| item.action == Action::Update);
        edits.filter(|item| self.met_by(store, &[**item]).is_none()).map(|item| item.op).collect()
    }

    /// The versions were right in the statement before: nobody looks again.
    pub(super) fn as_compared(&self, store: &St, items: &mut [Item]) {
        for item in items.iter_mut().filter(|item| item.action == Action::Update) {
            if let Some(row) = store.row(Copy::Visible, item.row.entity, item.row.key) {
                item.base = witness(self.policy.detection, &row, item.mask.trailing_zeros() as usize);
                item.row.stamp = item.row.stamp.max(row.stamp);
                for index in (0..row.stamps.len()).filter(|index| item.mask & 1 << index == 0) {
                    item.row.stamps[index] = row.stamps[index];
                }
            }
        }
    }

    /// Whether the device decides what the server has only found to be a conflict.
    pub(super) fn asks_device(&self) -> bool {
        self.policy.strategy == Strategy::PerDevice
            || matches!(self.policy.resolution, Resolution::ClientWins | Resolution::ClientWinsOldBase)
    }

    /// The op is answered with the row that it met; nothing is decided.
    pub(super) fn leave_to_device(&self, store: &St, task: &mut PushTask, items: &[Item], until: usize) -> bool {
        if let Some((item, row, _)) = self.met_by(store, items) {
            task.met.push(Met { op: item.op, row });
        }
        task.at = until;
        task.statement = Statement::Start;
        true
    }
}
