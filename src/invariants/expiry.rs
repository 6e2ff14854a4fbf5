//! A sale takes from the earliest unexpired batch with stock, by the server's clock, allocated at commit.
//!
//! Judged op by op from what the batches held before the op: after it, no unexpired batch that expires earlier than one
//! it took from may have anything left. A batch that expires today is neither due nor forbidden. Worked example: lot-1
//! (expires tomorrow) holds 3, lot-2 (next week) 9; a sale of 5 takes 3 and 2; taking 5 from lot-2 is wrong.

use super::history::canonical;
use super::peers::needs_server;
use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::domain::ExpiryLaw;
use crate::model::{Domain, Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time, clock};
use crate::system::{Facts, Why, Write};
use std::collections::BTreeMap;

const DAY: i64 = 86_400_000_000;

/// A sale takes from the earliest unexpired batch with stock.
#[derive(Default)]
pub struct BatchesFirstExpiredFirstOut {
    started: bool,
    /// Batches as they were before the writes that are still to be judged.
    batches: BTreeMap<Key, Row>,
    writes: Vec<Write>,
}

struct Sale {
    op: OpId,
    product: Key,
    taken: BTreeMap<Key, i64>,
    unnamed: bool,
}

impl BatchesFirstExpiredFirstOut {
    fn check(&mut self, history: &History<'_>, law: &ExpiryLaw, log: &mut Log) {
        let writes = std::mem::take(&mut self.writes);
        for group in writes.chunk_by(|a, b| op_of(a) == op_of(b)) {
            for sale in sales(history.domain, law, group) {
                self.check_sale(history, law, &sale, log);
            }
            for write in group {
                match (&write.before, &write.after) {
                    (_, Some(after)) if after.entity == law.batch => {
                        self.batches.insert(after.key, *after);
                    }
                    (Some(before), None) if before.entity == law.batch => {
                        self.batches.remove(&before.key);
                    }
                    _ => {}
                }
            }
        }
    }

    fn check_sale(&self, history: &History<'_>, law: &ExpiryLaw, sale: &Sale, log: &mut Log) {
        let today = (clock::MORNING + history.now.0 as i64).div_euclid(DAY);
        let expires = |row: &Row| row.get(law.expires).or_zero();
        let of_product =
            self.batches.values().filter(|row| !row.deleted && row.get(law.product).as_key() == Some(sale.product));
        let left = |row: &Row| row.get(law.quantity).or_zero() - sale.taken.get(&row.key).copied().unwrap_or(0);
        let fresh: Vec<&Row> = of_product.filter(|row| expires(row) > today).collect();
        if fresh.iter().any(|row| row.get(law.quantity).or_zero() > 0) {
            log.exercised();
        }
        let latest = sale.taken.iter().filter(|(_, amount)| **amount > 0).filter_map(|(key, _)| self.batches.get(key));
        let mut wrong: Option<(&'static str, &Row)> = None;
        for row in latest {
            if expires(row) < today {
                wrong = Some(("expired-batch", row));
            } else if let Some(due) = fresh.iter().find(|due| expires(due) < expires(row) && left(due) > 0) {
                wrong = Some(("wrong-batch", due));
            }
        }
        if let (true, Some(due)) = (sale.unnamed, fresh.iter().find(|row| left(row) > 0)) {
            wrong = wrong.or(Some(("no-batch", due)));
        }
        let Some((kind, row)) = wrong else { return };
        let breach = Breach { kind, entity: law.batch, node: NodeId::SERVER, ops: &[sale.op], at: None };
        log.broke(history.domain, breach, || {
            let (op, batch) = (history.scenario.op_name(sale.op), history.scenario.row_name(law.batch, canonical(row)));
            match kind {
                "expired-batch" => format!("{op} took from {batch}, which had expired"),
                "wrong-batch" => {
                    format!("{op} took from a later batch while {batch}, which expires earlier, had stock")
                }
                _ => format!("{op} took from no batch while {batch} had stock"),
            }
        });
    }
}

fn op_of(write: &Write) -> OpId {
    if write.op.is_some() { write.op } else { write.after.map_or(OpId::NONE, |row| row.origin) }
}

fn product_field(domain: &Domain, law: &ExpiryLaw) -> Option<(u8, u8)> {
    let ledger = domain.ledgers.iter().find(|ledger| ledger.entry == law.entry)?;
    Some((ledger.reference, ledger.amount))
}

/// What each new sale entry among the writes of one op took, by product.
fn sales(domain: &Domain, law: &ExpiryLaw, group: &[Write]) -> Vec<Sale> {
    let Some((product, amount)) = product_field(domain, law) else { return Vec::new() };
    let mut entries: BTreeMap<Key, Row> = BTreeMap::new();
    for write in group {
        let Some(after) = write.after.filter(|row| row.entity == law.entry && !row.deleted) else { continue };
        if write.before.is_none() || entries.contains_key(&after.key) {
            entries.insert(after.key, after);
        }
    }
    let mut found: Vec<Sale> = Vec::new();
    for row in entries.values().filter(|row| row.get(law.entry_kind).get() == Some(law.sale_kind)) {
        let key = row.get(product).as_key().unwrap_or(Key::NONE);
        let at = found.iter().position(|sale| sale.product == key).unwrap_or_else(|| {
            found.push(Sale { op: row.origin, product: key, taken: BTreeMap::new(), unnamed: false });
            found.len() - 1
        });
        let quantity = -row.get(amount).or_zero();
        match row.get(law.entry_batch).as_key().filter(|key| *key != Key::NONE) {
            Some(batch) => *found[at].taken.entry(batch).or_default() += quantity,
            None => found[at].unnamed |= quantity > 0,
        }
    }
    found
}

impl Invariant for BatchesFirstExpiredFirstOut {
    fn name(&self) -> &'static str {
        "batches-first-expired-first-out"
    }
    fn promise(&self) -> &'static str {
        "a sale takes from the earliest unexpired batch with stock, by the server's clock, allocated at commit"
    }
    fn not_checked(&self, facts: &Facts, domain: &Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| domain.expiry.is_none().then_some("the business has no batches that expire"))
    }
    fn wants(&self) -> u8 {
        wants::WROTE_ON_SERVER | wants::BETWEEN_ON_SERVER
    }
    fn restored(&mut self, history: &History<'_>, _: Time) {
        let Some(law) = history.domain.expiry else { return };
        self.writes.clear();
        let all = (law.batch, Key::NONE)..=(law.batch, Key(u64::MAX));
        self.batches = history.server().rows.range(all).map(|((_, key), row)| (*key, *row)).collect();
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Some(law) = history.domain.expiry else { return };
        if !self.started {
            self.started = true;
            let opening = history.scenario.rows.iter().map(|(_, row)| row);
            self.batches.extend(opening.filter(|row| row.entity == law.batch).map(|row| (row.key, *row)));
        }
        let concerns = |entity: Entity| entity == law.batch || entity == law.entry;
        match moment {
            Moment::Wrote(NodeId::SERVER, write)
                if write.why != Why::Purged && write.row().is_some_and(|row| concerns(row.entity)) =>
            {
                self.writes.push(**write);
            }
            // By a wrong server clock nobody can say which batches had expired.
            Moment::Between(NodeId::SERVER) if history.server().clock_bent => self.writes.clear(),
            Moment::Between(NodeId::SERVER) if !self.writes.is_empty() => self.check(history, &law, log),
            _ => {}
        }
    }
}
