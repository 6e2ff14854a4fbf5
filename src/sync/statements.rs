//! A push taken item by item, as a sequence of database statements that other pushes can come between.
//!
//! This is how the described systems work: check the key, read the stock, write the row, store the key. Whether two
//! pushes may interleave here is the isolation knob.

use super::device::goal;
use super::message::ItemResult;
use super::policy::*;
use super::rows::{Reported, holder, redirect, references};
use super::server::{PushTask, Server};
use crate::model::retail::*;
use crate::model::{Entity, Key, Row, RowState, Value};
use crate::sim::luck::mix;
use crate::sim::{NodeId, OpId, Span};
use crate::store::{Action, Answer, Copy, Item, Store};
use crate::system::{Context, Metric, Rule, Verdict, Why};

use super::message::Wire;

/// Where the handling of the present item stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statement {
    /// Before its first statement.
    Start,
    /// Its key was not found.
    KeyChecked,
    /// Its quantity was read.
    Read(i64),
    /// Its row was read, and the edit is newer.
    Compared,
    /// It has taken effect; its key is still to be stored.
    Written(Key, u32),
}

/// What an item's statement came to.
enum Step {
    Next(Statement),
    Done(Verdict, Key, u32),
}

impl<St: Store> Server<St> {
    /// One statement. Returns whether it was the last of an item.
    pub(super) fn next_statement(
        &mut self,
        store: &mut St,
        task: &mut PushTask,
        from: NodeId,
        cx: &mut Context<Wire>,
    ) -> bool {
        let mut item = task.items[task.at];
        for (entity, temporary, real) in &task.made {
            redirect(self.domain, &mut item.row, *entity, *temporary, *real);
            if (item.row.entity, item.row.key) == (*entity, *temporary) {
                item.row.key = *real;
            }
        }
        let one_transaction = self.policy.idempotency == Idempotency::SameTransaction && self.is_keyed(&item);
        let writes = matches!(task.statement, Statement::Read(_) | Statement::Compared);
        let done_meanwhile = (one_transaction && writes).then(|| store.answer(key_of(&item))).flatten();
        if let Some(answer) = done_meanwhile {
            self.item_done(task, &item, answer.verdict, answer.row, answer.commit, cx);
            return true;
        }
        let step = match task.statement {
            Statement::Start if self.is_keyed(&item) => {
                task.work += Span::millis(10);
                let age = cx.wall() - item.queued;
                if self.policy.key_life > 0 && age > Span::hours(self.policy.key_life).0 as i64 && item.tries > 0 {
                    cx.reach(goal::KEY_EXPIRED);
                }
                match store.answer(key_of(&item)) {
                    Some(answer) => {
                        cx.count(Metric::KeyHits);
                        cx.reach(goal::KEY_HIT);
                        Step::Done(answer.verdict, answer.row, answer.commit)
                    }
                    None => Step::Next(Statement::KeyChecked),
                }
            }
            Statement::Start | Statement::KeyChecked => self.read(store, task, &item),
            Statement::Read(quantity) => self.write(store, task, &item, Some(quantity), cx),
            Statement::Compared => self.write(store, task, &item, None, cx),
            Statement::Written(key, commit) => {
                let expires = match self.policy.key_life {
                    0 => i64::MAX,
                    hours => cx.wall() + Span::hours(hours).0 as i64,
                };
                let (op, verdict) = (item.op, Verdict::Accepted);
                let answer = Answer { key: key_of(&item), op, device: from, commit, expires, verdict, row: key };
                // A second copy finds the key taken; the row it made stays.
                let _already_there = store.insert_answer(&answer);
                Step::Done(verdict, key, commit)
            }
        };
        match step {
            Step::Next(Statement::Written(key, commit)) if !self.is_keyed(&item) => {
                self.item_done(task, &item, Verdict::Accepted, key, commit, cx);
                true
            }
            Step::Next(statement) => {
                task.statement = statement;
                self.policy.idempotency == Idempotency::SameTransaction
                    && matches!(statement, Statement::Written(..))
                    && self.next_statement(store, task, from, cx)
            }
            Step::Done(verdict, key, commit) => {
                self.item_done(task, &item, verdict, key, commit, cx);
                true
            }
        }
    }

    fn item_done(
        &self,
        task: &mut PushTask,
        item: &Item,
        verdict: Verdict,
        key: Key,
        commit: u32,
        cx: &mut Context<Wire>,
    ) {
        let sent = task.items[task.at];
        if verdict != Verdict::Accepted {
            if let Verdict::Rejected { rule: Rule::Quantity, .. } = verdict {
                cx.count(Metric::ValidationFailures);
                cx.count(Metric::StockConflicts);
            }
            if task.results.iter().all(|result| result.op != item.op || result.verdict == Verdict::Accepted) {
                cx.decide(item.op, verdict);
            }
        }
        if verdict == Verdict::Accepted && sent.row.key.is_temporary() && key != Key::NONE {
            task.made.push((sent.row.entity, sent.row.key, key));
        }
        task.results.push(ItemResult { seq: sent.seq, op: item.op, verdict, key, commit });
        task.at += 1;
        task.statement = Statement::Start;
        // The lines of a sale travel inside it: they share its fate.
        if item.row.entity == SALE && item.action == Action::Create {
            while let Some(line) = task.items.get(task.at)
                && line.row.entity == SALE_ITEM
                && line.op == item.op
            {
                let made = task.made.iter().find(|(e, k, _)| (*e, *k) == (SALE_ITEM, line.row.key));
                let key = made.map_or(Key::NONE, |(_, _, real)| *real);
                task.results.push(ItemResult { seq: line.seq, op: line.op, verdict, key, commit });
                task.at += 1;
            }
        }
    }

    fn is_keyed(&self, item: &Item) -> bool {
        self.policy.idempotency != Idempotency::None
            && match self.policy.key_covers {
                KeyCovers::Sales | KeyCovers::SaleOps => item.row.entity == SALE,
                KeyCovers::Everything => item.action == Action::Create,
            }
    }

    /// The statement that looks before it writes, where there is one.
    fn read(&self, store: &St, task: &mut PushTask, item: &Item) -> Step {
        let refused = |rule, about, available, requested| {
            Step::Done(Verdict::Rejected { rule, about, available, requested }, Key::NONE, 0)
        };
        if item.row.entity == PRODUCT_BATCH {
            task.work += Span::millis(10);
        }
        if item.action == Action::Create {
            let missing = self.missing_parent(store, &item.row).or_else(|| self.missing_in_lines(store, task, item));
            if let Some((_, parent)) = missing {
                return refused(Rule::Missing, parent, 0, 0);
            }
            if self.keeps_unique()
                && let Some(other) = holder(self.domain, store, &item.row)
            {
                return refused(Rule::Taken, other, 0, 0);
            }
            if let Some((entity, key, quantity, amount)) = account(self.domain, &item.row) {
                let held = store.row(Copy::Visible, entity, key).map_or(0, |row| row.get(quantity).or_zero());
                if self.validates(&item.row, amount) {
                    task.work += Span::millis(50);
                    if held + amount < 0 {
                        return refused(Rule::Quantity, key, held, -amount);
                    }
                    if self.policy.validation == Validation::Conditional {
                        return Step::Next(Statement::Compared);
                    }
                    return Step::Next(Statement::Read(held));
                }
            }
            return Step::Next(Statement::Compared);
        }
        let Some(row) = self.lookup(store, &item.row) else {
            return refused(Rule::Missing, item.row.key, 0, 0);
        };
        let missing = set_references(self.domain, item)
            .filter(|_| self.policy.references == References::Checked)
            .find(|(entity, key)| store.row(Copy::Visible, *entity, *key).is_none());
        if let Some((_, target)) = missing {
            return refused(Rule::Missing, target, 0, 0);
        }
        let wanted = edited(self.domain, row, item);
        if item.action == Action::Update
            && self.keeps_unique()
            && let Some(other) = holder(self.domain, store, &wanted)
        {
            return refused(Rule::Taken, other, 0, 0);
        }
        let newer = match self.policy.edits {
            EditRule::LastWrite => item.row.stamp > row.stamp,
            EditRule::LastArrival | EditRule::ByField => true,
        };
        if item.action == Action::Update && !newer {
            return Step::Done(Verdict::Accepted, row.key, row.version);
        }
        Step::Next(Statement::Compared)
    }

    /// The first product that a line of this sale refers to and that is not there.
    fn missing_in_lines(&self, store: &St, task: &PushTask, sale: &Item) -> Option<(Entity, Key)> {
        if sale.row.entity != SALE || self.policy.references == References::Unchecked {
            return None;
        }
        let lines =
            task.items[task.at + 1..].iter().take_while(|line| line.row.entity == SALE_ITEM && line.op == sale.op);
        lines.copied().find_map(|mut line| {
            for (entity, from, to) in &task.made {
                redirect(self.domain, &mut line.row, *entity, *from, *to);
            }
            let product = line.row.get(field::ITEM_PRODUCT).as_key()?;
            store.row(Copy::Visible, PRODUCT, product).is_none().then_some((PRODUCT, product))
        })
    }

    /// Whether what only one row may have is given to one only.
    pub(super) fn keeps_unique(&self) -> bool {
        self.policy.validation != Validation::None
            && self.policy.validates == Validates::All
            && self.policy.natural_key == NaturalKey::Unique
    }

    pub(super) fn validates(&self, row: &Row, amount: i64) -> bool {
        let sale = row.entity != STOCK_MOVEMENT || row.get(field::MOVED_KIND) == Value::int(kind::SALE);
        self.policy.validation != Validation::None
            && amount < 0
            && match self.policy.validates {
                Validates::All => true,
                Validates::Sales => sale,
                Validates::Stock => row.entity == STOCK_MOVEMENT,
            }
    }

    /// A row by its identity, or, for a batch, by lot and product.
    fn lookup(&self, store: &St, sent: &Row) -> Option<Row> {
        let found = store.row(Copy::Visible, sent.entity, sent.key);
        if found.is_some() || sent.entity != PRODUCT_BATCH {
            return found;
        }
        let mut same = None;
        store.each_of(Copy::Visible, PRODUCT_BATCH, &mut |row| {
            let key = |row: &Row| (row.get(field::BATCH_PRODUCT), row.get(field::BATCH_LOT));
            if same.is_none() && key(row) == key(sent) {
                same = Some(*row);
            }
        });
        same
    }

    /// The statement that writes.
    fn write(
        &self,
        store: &mut St,
        task: &mut PushTask,
        item: &Item,
        read: Option<i64>,
        cx: &mut Context<Wire>,
    ) -> Step {
        let op = item.op;
        let stamp = if self.policy.server_stamp == ServerStamp::Server { cx.wall() } else { item.row.stamp };
        match item.action {
            Action::Create => self.create(store, task, item, read, stamp, cx),
            Action::Delete => {
                let commit = self.commit(store);
                let mut rows = Reported { store, cx };
                match (self.policy.deletion, rows.get(item.row.entity, item.row.key)) {
                    (Deletion::Tombstone, Some(mut row)) => {
                        row.deleted = true;
                        row.version = commit;
                        rows.put(&row, op, Why::Effect);
                    }
                    _ => rows.remove(item.row.entity, item.row.key, op, Why::Effect),
                }
                Step::Next(Statement::Written(item.row.key, commit))
            }
            Action::Update | Action::Add => {
                let Some(mut row) = self.lookup(store, &item.row) else {
                    return Step::Done(
                        Verdict::Rejected { rule: Rule::Missing, about: item.row.key, available: 0, requested: 0 },
                        Key::NONE,
                        0,
                    );
                };
                let commit = self.commit(store);
                let stock = matches!(self.policy.stock_from, StockFrom::ProductRows | StockFrom::Both);
                for index in 0..self.domain.fields(row.entity).len() {
                    let carried = item.mask & 1 << index != 0
                        && super::local::travels(self.domain.class(row.entity, index as u8))
                        && (row.entity != PRODUCT || index != field::STOCK as usize || stock);
                    if carried && row.fields[index] != item.row.fields[index] {
                        if index == field::PRICE as usize && row.entity == PRODUCT {
                            cx.count(Metric::PriceConflicts);
                        }
                        row.set(index as u8, item.row.fields[index], op);
                    } else if carried && item.row.set_by[index] == op {
                        row.set_by[index] = op;
                    }
                }
                self.empty_left_out(&mut row, item.mask, op);
                row.stamp = stamp;
                row.version = commit;
                let key = row.key;
                Reported { store, cx }.put(&row, op, Why::Effect);
                Step::Next(Statement::Written(key, commit))
            }
        }
    }

    fn create(
        &self,
        store: &mut St,
        task: &mut PushTask,
        item: &Item,
        read: Option<i64>,
        stamp: i64,
        cx: &mut Context<Wire>,
    ) -> Step {
        let op = item.op;
        if let Some(found) = self.lookup(store, &item.row)
            && item.row.entity == PRODUCT_BATCH
        {
            // The same lot again: it counts as an update of the batch that is there, and the later one wins.
            if item.row.stamp <= found.stamp {
                return Step::Done(Verdict::Accepted, found.key, found.version);
            }
            let update = Item { action: Action::Update, mask: 1 << field::BATCH_QUANTITY, ..*item };
            return self.write(store, task, &update, None, cx);
        }
        let commit = self.commit(store);
        let account = account(self.domain, &item.row);
        if let Some((entity, key, quantity, amount)) = account
            && self.policy.stock_from != StockFrom::ProductRows
        {
            let mut rows = Reported { store: &mut *store, cx: &mut *cx };
            if let Some(mut row) = rows.get(entity, key) {
                let held = row.get(quantity).or_zero();
                if read.is_none() && self.validates(&item.row, amount) && held + amount < 0 {
                    return Step::Done(
                        Verdict::Rejected { rule: Rule::Quantity, about: key, available: held, requested: -amount },
                        Key::NONE,
                        0,
                    );
                }
                row.set(quantity, Value::int(read.unwrap_or(held) + amount), op);
                row.stamp = stamp;
                row.version = commit;
                rows.put(&row, op, Why::Effect);
            }
        }
        let key = self.insert(store, &item.row, commit, stamp, op, cx);
        if item.row.entity == SALE {
            self.insert_lines(store, task, (item.row.key, key), commit, cx);
        }
        Step::Next(Statement::Written(key, commit))
    }

    /// The lines of a sale are made in the statement that makes the sale.
    fn insert_lines(
        &self,
        store: &mut St,
        task: &mut PushTask,
        (sent, sale): (Key, Key),
        commit: u32,
        cx: &mut Context<Wire>,
    ) {
        let op = task.items[task.at].op;
        let lines = task.items[task.at + 1..].iter().take_while(|line| line.row.entity == SALE_ITEM && line.op == op);
        for mut line in lines.copied().collect::<Vec<Item>>() {
            let temporary = line.row.key;
            redirect(self.domain, &mut line.row, SALE, sent, sale);
            for (entity, from, to) in &task.made {
                redirect(self.domain, &mut line.row, *entity, *from, *to);
            }
            let stamp = line.row.stamp;
            let key = self.insert(store, &line.row, commit, stamp, op, cx);
            task.made.push((SALE_ITEM, temporary, key));
        }
    }

    /// Makes a row under an identity of the server's, unless it brings its own.
    pub(super) fn insert(
        &self,
        store: &mut St,
        sent: &Row,
        commit: u32,
        stamp: i64,
        op: OpId,
        cx: &mut Context<Wire>,
    ) -> Key {
        let mut row = *sent;
        row.state = RowState::Synced;
        row.version = commit;
        row.stamp = stamp;
        if row.key.is_temporary() {
            row.key = self.identity(store);
        }
        if self.policy.server_created == ServerStamp::Server {
            row.created = cx.wall();
        }
        Reported { store, cx }.put(&row, op, Why::Effect);
        row.key
    }
}

/// The account that an entry changes: entity, key, field of the quantity, signed amount.
pub(super) fn account(domain: &crate::model::Domain, row: &Row) -> Option<(Entity, Key, u8, i64)> {
    let ledger = domain.ledgers.iter().find(|ledger| ledger.entry == row.entity)?;
    let key = row.get(ledger.reference).as_key()?;
    Some((ledger.account, key, ledger.quantity, row.get(ledger.amount).or_zero()))
}

/// The idempotency key of an item: made on the device when the item is queued, so a retry carries the same one.
fn key_of(item: &Item) -> u64 {
    mix(u64::from(item.op.0) << 16 | u64::from(item.row.part) << 8 | u64::from(item.row.entity.0))
}

/// A row with what an item sets.
fn edited(domain: &crate::model::Domain, mut row: Row, item: &Item) -> Row {
    for index in (0..domain.fields(row.entity).len()).filter(|index| item.mask & 1 << index != 0) {
        row.fields[index] = item.row.fields[index];
    }
    row
}

/// The rows that an update makes its row refer to.
pub(super) fn set_references(
    domain: &crate::model::Domain,
    item: &Item,
) -> impl Iterator<Item = (Entity, Key)> + use<> {
    let item = *item;
    let set = move |field: u8| item.action == Action::Update && item.mask & 1 << field != 0;
    let fields = references(domain, item.row.entity).filter(move |(field, _)| set(*field));
    fields.filter_map(move |(field, entity)| Some((entity, item.row.get(field).as_key()?)))
}

/// The references of a row, for callers that check them one by one.
pub(super) fn refers_to(domain: &crate::model::Domain, row: &Row) -> Vec<(Entity, Key)> {
    references(domain, row.entity).filter_map(|(field, entity)| Some((entity, row.get(field).as_key()?))).collect()
}
