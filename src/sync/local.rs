//! What a device does when its user acts: rows and outbox, in one transaction or in several.
//!
//! It sends nothing; what follows an op is decided in `device.rs`.

use super::device::{Device, goal};
use super::message::Wire;
use super::policy::*;
use super::rows::{Live, Reported, forbidding, holder, redirect, references, subjects};
use super::statements::refers_to;
use crate::model::retail::{
    self, COMPLETE, COUNT, COUNT_BATCH, MOVE, PRODUCT, PRODUCT_BATCH, SALE_ITEM, STOCK_MOVEMENT, field, kind,
};
use crate::model::{Class, Effect, Entity, Key, Op, Row, RowState, Value};
use crate::sim::OpId;
use crate::store::{Action, Cell, Copy, Item, Status, Store};
use crate::system::{Context, Task, Why, Word};

/// An op that is being written in several transactions.
pub struct Writing {
    task: Task,
    op: Op,
    effects: Vec<Effect>,
    done: usize,
    items: Vec<Item>,
}

impl<St: Store> Device<St> {
    /// Takes an op, or refuses it. Returns whether it was written completely.
    pub(super) fn write_op(&mut self, store: &mut St, op: Op, cx: &mut Context<Wire>) -> bool {
        let Some((op, effects)) = self.plan(store, op, cx) else {
            cx.tell(op.id, Word::Refused);
            return false;
        };
        if self.policy.escrow != Escrow::Nothing && !self.is_covered(store, &effects) {
            if !self.ask_to_hold(store, op, &effects, cx) {
                cx.reach(goal::REFUSED_AT_TILL);
                cx.tell(op.id, Word::Refused);
            }
            return false;
        }
        let mut writing = Writing { task: Task(op.id.0), op, effects, done: 0, items: Vec::new() };
        match self.policy.local_write {
            LocalWrite::Atomic => {
                while !self.write_one(store, &mut writing, cx) {}
                true
            }
            LocalWrite::Separate => self.write_next(store, writing, cx),
        }
    }

    /// The next transaction of an op. Returns the op once it is complete.
    pub(super) fn write_more(&mut self, store: &mut St, task: Task, cx: &mut Context<Wire>) -> Option<Op> {
        let index = self.writing.iter().position(|writing| writing.task == task)?;
        let writing = self.writing.remove(index);
        let op = writing.op;
        self.write_next(store, writing, cx).then_some(op)
    }

    fn write_next(&mut self, store: &mut St, mut writing: Writing, cx: &mut Context<Wire>) -> bool {
        if self.write_one(store, &mut writing, cx) {
            return true;
        }
        cx.resume(writing.task);
        self.writing.push(writing);
        false
    }

    /// One row or one outbox entry. Returns whether the op is complete.
    fn write_one(&mut self, store: &mut St, writing: &mut Writing, cx: &mut Context<Wire>) -> bool {
        if let Some(effect) = writing.effects.get(writing.done).copied() {
            writing.done += 1;
            self.carry_out(store, &writing.op, effect, &mut writing.items, cx);
        } else if !writing.items.is_empty() {
            let mut item = writing.items.remove(0);
            item.seq = store.number(Cell::Seq) as u32 + 1;
            store.set_number(Cell::Seq, i64::from(item.seq));
            if self.policy.coalesce == Coalesce::LastWins {
                self.replace_queued(store, &item);
            }
            store.put_item(&item);
        }
        writing.done >= writing.effects.len() && writing.items.is_empty()
    }

    /// An op that is still being written refers to a row whose identity has changed meanwhile.
    pub(super) fn redirect_writing(&mut self, entity: Entity, from: Key, to: Key) {
        for item in self.writing.iter_mut().flat_map(|writing| &mut writing.items) {
            redirect(self.domain, &mut item.row, entity, from, to);
            if (item.row.entity, item.row.key) == (entity, from) {
                item.row.key = to;
            }
        }
    }

    /// What an op will change here; `None` if the app cannot take it.
    fn plan(&self, store: &St, mut op: Op, cx: &mut Context<Wire>) -> Option<(Op, Vec<Effect>)> {
        if store.number(Cell::Ready) == 0 {
            return None;
        }
        let about = subjects(self.domain, &op);
        if self.policy.identity == Identity::Server {
            for (entity, key) in &about {
                let local = self.local_key(store, *entity, *key);
                if op.target == *key && *entity == about[0].0 {
                    op.target = local;
                }
                op.lines_mut().iter_mut().filter(|line| line.key == *key).for_each(|line| line.key = local);
            }
        }
        let live = Live(store);
        use crate::model::Rows;
        let gone = |entity, key| live.row(entity, key).is_none() && !self.is_revivable(store, entity, key);
        if subjects(self.domain, &op).iter().any(|(entity, key)| gone(*entity, *key)) {
            return None;
        }
        let mut effects = Vec::new();
        (self.domain.transition)(&op, &live, &mut effects);
        let gone = |effect: &Effect| match effect {
            Effect::Delete { entity, key } => live.row(*entity, *key).is_none(),
            _ => false,
        };
        if effects.is_empty() || effects.iter().any(gone) {
            return None;
        }
        if effects.iter().any(|effect| self.is_hopeless(store, effect)) {
            return None;
        }
        if op.verb == COMPLETE {
            let (_, prices) = self.carts.iter().find(|(cart, _)| *cart == op.earlier)?;
            charge(&mut effects, prices);
        }
        if self.policy.lines_move == LinesMove::First {
            only_first_line_moves(&mut effects);
        }
        if self.policy.till_check == TillCheck::Refuses && oversells(store, &effects) {
            cx.reach(goal::REFUSED_AT_TILL);
            return None;
        }
        Some((op, effects))
    }

    /// Whether the device shows that the server could only refuse a change: it would refer to a row that is deleted, or
    /// make one anew that is there, or take what somebody has.
    fn is_hopeless(&self, store: &St, effect: &Effect) -> bool {
        let there = |entity, key| store.row(Copy::Visible, entity, key);
        let wanted = match *effect {
            Effect::Create(row) => {
                let looks = self.policy.permissions != Permissions::Unchecked;
                if looks && forbidding(self.domain, store, &row).is_some() {
                    return true;
                }
                let gone = |(entity, key)| there(entity, key).is_some_and(|row| row.deleted);
                let differs = |there: Row| !there.deleted && there.fields != row.fields;
                if refers_to(self.domain, &row).into_iter().any(gone) || there(row.entity, row.key).is_some_and(differs)
                {
                    return true;
                }
                row
            }
            Effect::Set { entity, key, field, value } => match there(entity, key) {
                Some(row) => row.with(field, value),
                None => return false,
            },
            Effect::Add { .. } | Effect::Delete { .. } => return false,
        };
        self.policy.till_check == TillCheck::Refuses && holder(self.domain, store, &wanted).is_some()
    }

    /// The identity that a row made here by an op has now.
    fn local_key(&self, store: &St, entity: Entity, key: Key) -> Key {
        if !key.is_made() {
            return key;
        }
        self.present_identity(store, entity, key)
    }

    fn carry_out(&self, store: &mut St, op: &Op, effect: Effect, items: &mut Vec<Item>, cx: &mut Context<Wire>) {
        let now = self.now(store, cx);
        let told = if self.policy.tie == Tie::EachKeepsOwn { now - now % 1_000_000 } else { now };
        let stamp = told << 12 | i64::from(self.me.0);
        let mut rows = Reported { store, cx };
        // A queue in the order of the wall clock is stamped by it.
        let queued = if self.policy.order == OutboxOrder::DeviceClock { rows.cx.wall() } else { now };
        let item = |action, row, mask, base| Item {
            seq: 0,
            op: op.id,
            action,
            row,
            mask,
            base,
            queued,
            status: Status::Pending,
            tries: 0,
            request: 0,
            commit: 0,
        };
        match effect {
            Effect::Create(mut row) => {
                if self.policy.identity == Identity::Server {
                    self.make_temporary(rows.store, &mut row, op.id, now);
                }
                if self.policy.numbers == Numbers::LocalSequence {
                    self.number(rows.store, &mut row);
                }
                row.created = now;
                row.stamp = now;
                row.state = RowState::Pending;
                let base = self.count_base(&rows, &row);
                if row.entity == STOCK_MOVEMENT && row.get(field::MOVED_KIND) == Value::int(kind::COUNT) {
                    row.stamps[field::MOVED_QUANTITY as usize] = stamp;
                }
                if !row.key.is_made() {
                    // Somebody else may make the same row: what its author wrote is then held against theirs.
                    let fields = self.domain.fields(row.entity).iter().zip(&mut row.stamps);
                    fields.filter(|(spec, _)| spec.class == Class::Plain).for_each(|(_, set)| *set = stamp);
                    if let Some(there) = rows.live(row.entity, row.key) {
                        // The same row again, and it is here already: it stays as old as it was.
                        row.stamps = there.stamps;
                    }
                }
                rows.put(&row, op.id, Why::Effect);
                if row.entity != PRODUCT_BATCH || self.policy.batches != BatchPush::Never {
                    let mut sent = row;
                    if row.entity == PRODUCT && self.policy.product_row != ProductRow::WithStock {
                        sent.fields[field::STOCK as usize] = Value::int(0);
                    }
                    if row.entity == STOCK_MOVEMENT && self.policy.batches == BatchPush::Never {
                        // The server has never heard of the batch.
                        sent.fields[field::MOVED_BATCH as usize] = Value::NULL;
                    }
                    items.push(item(Action::Create, sent, 0xff, base));
                }
            }
            Effect::Set { entity, key, field, value } => {
                let revived = if self.is_revivable(rows.store, entity, key) { rows.get(entity, key) } else { None };
                let Some(mut row) = rows.live(entity, key).or(revived) else { return };
                row.deleted = false;
                let acked = match self.policy.edit_base {
                    EditBase::LastAcked => rows.store.row(Copy::Base, entity, key),
                    EditBase::Chained => None,
                };
                let base = super::resolve::witness(self.policy.detection, &acked.unwrap_or(row), field as usize);
                row.set(field, value, op.id);
                row.stamps[field as usize] = stamp;
                row.stamp = now;
                row.state = RowState::Pending;
                rows.put(&row, op.id, Why::Effect);
                items.push(item(Action::Update, row, 1 << field, base));
            }
            Effect::Add { entity, key, field: quantity, delta } => {
                let key = if self.policy.identity == Identity::Server && key.maker().is_some_and(|(id, _)| id == op.id)
                {
                    self.local_key(rows.store, entity, key)
                } else {
                    key
                };
                let Some(mut row) = rows.live(entity, key) else { return };
                let base = row.stamps[quantity as usize];
                row.set(quantity, Value::int(row.get(quantity).or_zero() + delta), op.id);
                if matches!(op.verb, COUNT | COUNT_BATCH) && (op.verb == COUNT || entity == PRODUCT_BATCH) {
                    row.stamps[quantity as usize] = stamp;
                }
                if self.policy.product_row != ProductRow::NotSent {
                    row.stamp = now;
                }
                row.state = RowState::Pending;
                rows.put(&row, op.id, Why::Effect);
                if self.policy.by_op() || self.policy.merge == Merge::Rebase {
                    let mut change = row;
                    change.fields[quantity as usize] = Value::int(delta);
                    if self.policy.stock_from != StockFrom::Movements && entity == PRODUCT {
                        change.fields[super::flaws::ABSOLUTE] = row.get(quantity);
                    }
                    if self.policy.product_row != ProductRow::NotSent && entity == PRODUCT {
                        items.push(item(Action::Update, row, !1, base));
                    }
                    items.push(item(Action::Add, change, 1 << quantity, base));
                } else if entity == PRODUCT
                    && self.policy.product_row != ProductRow::NotSent
                    && items.iter().all(|item| (item.row.entity, item.row.key) != (entity, key))
                {
                    let mask = if self.policy.product_row == ProductRow::WithStock { 0xff } else { !1 };
                    items.push(item(Action::Update, row, mask, base));
                } else if entity == PRODUCT_BATCH && self.policy.batches == BatchPush::Rows {
                    items.push(item(Action::Update, row, 1 << quantity, base));
                }
            }
            Effect::Delete { entity, key } => {
                let Some(mut row) = rows.live(entity, key) else { return };
                let mut seen = row;
                if self.policy.edit_base == EditBase::LastAcked
                    && let Some(acked) = rows.store.row(Copy::Base, entity, key)
                {
                    seen.stamps = acked.stamps;
                }
                items.push(item(Action::Delete, seen, 0, row.stamps[0]));
                if self.policy.deletion != Deletion::Removed {
                    row.deleted = true;
                    row.stamp = now;
                    row.state = RowState::Pending;
                    rows.put(&row, op.id, Why::Effect);
                } else {
                    rows.remove(entity, key, op.id, Why::Effect);
                }
            }
        }
    }

    fn make_temporary(&self, store: &mut St, row: &mut Row, op: OpId, now: i64) {
        let own = |key: Key| key.maker().is_some_and(|(id, _)| id == op);
        if own(row.key) {
            row.key = self.temporary_identity(store, row.entity, row.key, now);
        }
        for (field, entity) in references(self.domain, row.entity) {
            if let Some(key) = row.get(field).as_key()
                && own(key)
            {
                let key = self.temporary_identity(store, entity, key, now);
                row.fields[field as usize] = Value::key(key);
            }
        }
    }

    /// Numbers from a sequence of the device's own.
    fn number(&self, store: &mut St, row: &mut Row) {
        for (index, field) in self.domain.fields(row.entity).iter().enumerate() {
            if field.class == Class::Number {
                let next = store.number(Cell::Sequence) + 1;
                store.set_number(Cell::Sequence, next);
                row.fields[index] = Value::int(next);
            }
        }
    }

    /// When the counted quantity had last been counted, as this device sees it.
    fn count_base(&self, rows: &Reported<'_, St>, row: &Row) -> i64 {
        if row.entity != STOCK_MOVEMENT || row.get(field::MOVED_KIND) != Value::int(kind::COUNT) {
            return 0;
        }
        let (entity, key, quantity) = match row.get(field::MOVED_BATCH).as_key() {
            Some(batch) => (PRODUCT_BATCH, Some(batch), field::BATCH_QUANTITY),
            None => (PRODUCT, row.get(field::MOVED_PRODUCT).as_key(), field::STOCK),
        };
        key.and_then(|key| rows.live(entity, key)).map_or(0, |row| row.stamps[quantity as usize])
    }

    /// The device's clock of choice, in microseconds since 1970.
    pub(super) fn now(&self, store: &St, cx: &Context<Wire>) -> i64 {
        match self.policy.clock {
            Clock::Wall | Clock::Shared => cx.wall(),
            Clock::Estimate => cx.uptime().0 as i64 + store.number(Cell::Offset),
        }
    }

    /// Puts what the user sees of a row together again: the server's value and what is pending.
    pub(super) fn derive(&self, store: &mut St, entity: Entity, key: Key, op: OpId, why: Why, cx: &mut Context<Wire>) {
        let mut row = store.row(Copy::Base, entity, key);
        // A row of the server's holds everything up to its version; of two pages one may be newer than the other.
        let holds = row.map_or(0, |row| row.version);
        let was = store.row(Copy::Visible, entity, key);
        let mut pending = false;
        store.each_item(&mut |item| {
            let included = item.status == Status::Synced && row.is_some() && item.commit <= holds;
            if (item.row.entity, item.row.key) != (entity, key) || included {
                return;
            }
            pending |= item.status != Status::Synced;
            match (item.action, &mut row) {
                (Action::Create, None) => row = Some(item.row),
                (Action::Create, Some(row)) if row.deleted || row.fields != item.row.fields => *row = item.row,
                (Action::Update, Some(row)) => {
                    for (index, _) in self.domain.fields(entity).iter().enumerate() {
                        if item.mask & 1 << index != 0 {
                            row.set(index as u8, item.row.fields[index], item.op);
                            row.stamps[index] = item.row.stamps[index];
                        }
                    }
                }
                (Action::Add, Some(row)) => {
                    let index = item.mask.trailing_zeros() as usize;
                    let sum = row.fields[index].or_zero() + item.row.fields[index].or_zero();
                    row.set(index as u8, Value::int(sum), item.op);
                    row.stamps[index] = row.stamps[index].max(item.row.stamps[index]);
                }
                (Action::Delete, Some(row)) => row.deleted = true,
                _ => {}
            }
        });
        let mut rows = Reported { store, cx };
        match row {
            Some(mut row) => {
                row.state = if pending { RowState::Pending } else { RowState::Synced };
                rows.put(&row, op, why);
            }
            None if was.is_some() => rows.remove(entity, key, op, why),
            None => {}
        }
    }

    /// The price of each line when it went into the cart.
    pub(super) fn fill_cart(&mut self, store: &St, op: &Op) {
        let price = |key: Key| {
            let key = self.local_key(store, PRODUCT, key);
            store.row(Copy::Visible, PRODUCT, key).map_or(0, |row| row.get(field::PRICE).or_zero())
        };
        let prices = op.lines().iter().map(|line| price(line.key)).collect();
        self.carts.push((op.id, prices));
    }
}

/// A completed cart charges what it showed.
fn charge(effects: &mut [Effect], prices: &[i64]) {
    let mut total = 0;
    for effect in effects.iter_mut() {
        if let Effect::Create(row) = effect
            && row.entity == SALE_ITEM
        {
            let price = prices.get((row.part - retail::LINE) as usize).copied().unwrap_or(0);
            row.fields[field::ITEM_PRICE as usize] = Value::int(price);
            total += price * row.get(field::ITEM_QUANTITY).or_zero();
        }
    }
    if let Some(Effect::Create(sale)) = effects.first_mut() {
        sale.fields[field::SALE_TOTAL as usize] = Value::int(total);
    }
}

fn only_first_line_moves(effects: &mut Vec<Effect>) {
    let mut past = false;
    effects.retain(|effect| match effect {
        Effect::Create(row) if row.entity == STOCK_MOVEMENT => {
            past = row.part > MOVE;
            !past
        }
        Effect::Add { entity, .. } if *entity == PRODUCT => !past,
        _ => true,
    });
}

fn oversells<St: Store>(store: &St, effects: &[Effect]) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Add { entity, key, field, delta } if *delta < 0 => {
            let same =
                |other: &&Effect| matches!(other, Effect::Add { entity: e, key: k, .. } if (e, k) == (entity, key));
            let sum: i64 = effects
                .iter()
                .filter(same)
                .map(|other| if let Effect::Add { delta, .. } = other { *delta } else { 0 })
                .sum();
            store.row(Copy::Visible, *entity, *key).is_none_or(|row| row.get(*field).or_zero() + sum < 0)
        }
        _ => false,
    })
}

/// The classes whose fields a whole-row update carries.
pub fn travels(class: Class) -> bool {
    matches!(class, Class::Plain | Class::Quantity | Class::Reference(_))
}
