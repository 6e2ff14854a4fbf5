//! Stock that is set aside before it is sold, so that a till without a network sells only what is surely there.
//!
//! Two policies share one ledger of grants. *Shares* (escrow, O'Neil 1986; the demarcation protocol, Barbará and
//! García-Molina 1992): each device holds a part of every quantity and sells offline from it alone; what lies idle is
//! asked back when another device runs short, and a till that has a network borrows what it lacks on the spot. *Holds*: a sale asks the server for what it needs, and what is not
//! confirmed in time is free again. A grant is kept in counters that only grow (granted, released, used), so that no lost,
//! late or doubled message can make a unit out of nothing. What a policy without grants does is in `local.rs`.

use super::device::{Device, channel};
use super::message::{Body, Wire};
use super::policy::*;
use super::rows::Reported;
use super::server::Server;
use super::statements::account;
use crate::model::retail::{PRODUCT, PRODUCT_BATCH, field as shop};
use crate::model::{Domain, Effect, Entity, Key, Op, Row, Value};
use crate::sim::clock::MORNING;
use crate::sim::{Cause, NodeId, OpId, Span};
use crate::store::{Copy, Status, Store};
use crate::system::{Context, Timer, Why};

/// Fields of a grant.
mod field {
    pub const DEVICE: u8 = 0;
    pub const INSTALL: u8 = 1;
    pub const ENTITY: u8 = 2;
    pub const ACCOUNT: u8 = 3;
    pub const GRANTED: u8 = 4;
    pub const RELEASED: u8 = 5;
    pub const USED: u8 = 6;
    /// Under shares, what is asked back in all; under holds, the second in which it ends.
    pub const ASKED: u8 = 7;
}

/// A batch counts towards what can be granted while it can be sold for at least so many days more.
const HORIZON_DAYS: i64 = 30;

/// The identity of a grant. A new installation gets grants of its own: what the lost one sold may still be on its way.
fn grant_key(device: NodeId, install: u32, entity: Entity, account: Key) -> Key {
    let made = u64::from(account.is_made()) << 33;
    Key(1 << 57
        | u64::from(device.0) << 48
        | u64::from(install & 0xff) << 40
        | u64::from(entity.0) << 34
        | made
        | account.0 & 0x1_ffff_ffff)
}

/// The installation that a request came from.
pub(super) fn install_of(ticket: u32) -> u32 {
    ticket >> 20
}

fn number(row: &Row, field: u8) -> i64 {
    row.get(field).or_zero()
}

/// What a grant still allows.
fn left(grant: &Row) -> i64 {
    number(grant, field::GRANTED) - number(grant, field::RELEASED) - number(grant, field::USED)
}

/// What an op takes away, by account.
fn takes(domain: &Domain, effects: &[Effect]) -> Vec<(Entity, Key, i64)> {
    let mut wants: Vec<(Entity, Key, i64)> = Vec::new();
    for effect in effects {
        if let Effect::Add { entity, key, field, delta } = *effect
            && delta < 0
            && domain.ledgers.iter().any(|ledger| (ledger.account, ledger.quantity) == (entity, field))
        {
            match wants.iter_mut().find(|(e, k, _)| (*e, *k) == (entity, key)) {
                Some((.., amount)) => *amount -= delta,
                None => wants.push((entity, key, -delta)),
            }
        }
    }
    wants
}

impl<St: Store> Server<St> {
    fn grants(&self, store: &St, entity: Entity, account: Key) -> Vec<Row> {
        let mut grants = Vec::new();
        store.each_of(Copy::Visible, Entity::GRANT, &mut |row| {
            if (number(row, field::ENTITY), row.get(field::ACCOUNT)) == (i64::from(entity.0), Value::key(account)) {
                grants.push(*row);
            }
        });
        for grant in grants.iter_mut().filter(|grant| left(grant) < 0) {
            // The server was restored to before it granted what was used since.
            let covered = number(grant, field::RELEASED) + number(grant, field::USED);
            grant.fields[field::GRANTED as usize] = Value::int(covered);
        }
        grants
    }

    /// What could be granted if nothing were: units that can still be sold for long, without those that a count found and
    /// a later count may take away again.
    fn grantable(&self, store: &St, row: &Row, quantity: u8, cx: &Context<Wire>) -> i64 {
        let held = row.get(quantity).or_zero();
        if row.entity != PRODUCT {
            return held;
        }
        let from = (MORNING + cx.uptime().0 as i64) / 86_400_000_000 + HORIZON_DAYS;
        let (mut batched, mut lasting) = (false, 0);
        store.each_of(Copy::Visible, PRODUCT_BATCH, &mut |batch| {
            if batch.get(shop::BATCH_PRODUCT) == Value::key(row.key) && !batch.deleted {
                batched = true;
                if number(batch, shop::BATCH_EXPIRES) >= from {
                    lasting += number(batch, shop::BATCH_QUANTITY);
                }
            }
        });
        let counted = row.get(shop::LAST_COUNT).as_key();
        let counted = counted.and_then(|key| store.row(Copy::Visible, crate::model::retail::STOCK_MOVEMENT, key));
        let found = counted.map_or(0, |movement| number(&movement, shop::MOVED_QUANTITY)).max(0);
        (if batched { held.min(lasting) } else { held }) - found
    }

    fn is_over(&self, grant: &Row, cx: &Context<Wire>) -> bool {
        self.policy.escrow == Escrow::Holds && number(grant, field::ASKED) < cx.uptime().0 as i64 / 1_000_000
    }

    /// What is not granted to anybody.
    fn free(&self, store: &St, row: &Row, quantity: u8, grants: &[Row], cx: &Context<Wire>) -> i64 {
        // After a restore more may have been used or given back of a grant than the server remembers to have granted.
        let out: i64 = grants.iter().filter(|grant| !self.is_over(grant, cx)).map(|grant| left(grant).max(0)).sum();
        self.grantable(store, row, quantity, cx) - out
    }

    /// A device has called: takes what it gives back, grants it what it lacks, and asks others for what is short.
    pub(super) fn rebalance(
        &self,
        store: &mut St,
        from: NodeId,
        install: u32,
        releases: &[(Key, i64)],
        owes: bool,
        cx: &mut Context<Wire>,
    ) {
        let mut changed: Vec<Row> = Vec::new();
        for (key, total) in releases {
            if let Some(mut grant) = store.row(Copy::Visible, Entity::GRANT, *key)
                && number(&grant, field::RELEASED) < *total
            {
                grant.fields[field::RELEASED as usize] = Value::int(*total);
                changed.push(grant);
            }
        }
        self.write_grants(store, &changed, cx);
        if self.epoch > 0 && !self.all_reported(store, from, install, owes, cx) {
            return;
        }
        for ledger in distinct(self.domain) {
            let mut accounts: Vec<Row> = Vec::new();
            store.each_of(Copy::Visible, ledger.0, &mut |row| {
                if !row.deleted {
                    accounts.push(*row);
                }
            });
            for account in accounts {
                let changed = self.share(store, from, install, &account, ledger.1, cx);
                self.write_grants(store, &changed, cx);
            }
        }
    }

    /// Whether every enrolled device has sent again what it had sold when the server was restored, or has been retired by
    /// a later installation: until then nobody knows what is left to grant.
    fn all_reported(&self, store: &mut St, from: NodeId, install: u32, owes: bool, cx: &mut Context<Wire>) -> bool {
        let report = [NOBODY, install.into(), NOBODY, from.0.into(), self.epoch.into(), 0, 0, 0];
        let mut row = Row::new(Entity::GRANT, Key(1 << 55 | u64::from(from.0) << 8 | u64::from(install & 0xff)));
        report.iter().enumerate().for_each(|(n, value)| row.fields[n] = Value::int(*value));
        let known = store.row(Copy::Visible, Entity::GRANT, row.key).map(|row| row.fields);
        if !owes && known != Some(row.fields) {
            self.write_grants(store, &[row], cx);
        }
        let (mut enrolled, mut reported) = (Vec::new(), Vec::new());
        store.each_of(Copy::Visible, Entity::GRANT, &mut |row| {
            if number(row, field::DEVICE) != NOBODY {
                enrolled.push((number(row, field::DEVICE), number(row, field::INSTALL)));
            } else if number(row, field::GRANTED) == i64::from(self.epoch) {
                reported.push((number(row, field::ACCOUNT), number(row, field::INSTALL)));
            }
        });
        enrolled.iter().all(|(device, install)| reported.iter().any(|(by, later)| by == device && later >= install))
    }

    /// What changes for one account: a share is fair if every known installation and one to come would get as much.
    fn share(
        &self,
        store: &St,
        from: NodeId,
        install: u32,
        account: &Row,
        quantity: u8,
        cx: &Context<Wire>,
    ) -> Vec<Row> {
        let mut grants = self.grants(store, account.entity, account.key);
        let key = grant_key(from, install, account.entity, account.key);
        if grants.iter().all(|grant| grant.key != key) {
            let new = [from.0.into(), install.into(), account.entity.0.into(), account.key.0 as i64, 0, 0, 0, 0];
            let mut grant = Row::new(Entity::GRANT, key);
            new.iter().enumerate().for_each(|(n, value)| grant.fields[n] = Value::int(*value));
            grants.push(grant);
        }
        let free = self.free(store, account, quantity, &grants, cx);
        let fair = self.grantable(store, account, quantity, cx) / (grants.len() as i64 + 1);
        let mut changed = Vec::new();
        let known = store.row(Copy::Visible, Entity::GRANT, key).is_some();
        let own = grants.iter().find(|grant| grant.key == key).copied().expect("it was just put there");
        let lacks = (fair.max(1) - left(&own)).max(0);
        let short = left(&own) * 2 < fair.max(1);
        if short && free > 0 && lacks > 0 {
            let mut grant = own;
            let granted = number(&grant, field::GRANTED) + lacks.min(free);
            grant.fields[field::GRANTED as usize] = Value::int(granted);
            // Who is given something is not asked for it.
            grant.fields[field::ASKED as usize] = grant.fields[field::RELEASED as usize];
            changed.push(grant);
        } else if !known {
            changed.push(own);
        }
        if short && free < lacks {
            for mut grant in grants.into_iter().filter(|grant| grant.key != key && left(grant) > fair.max(1)) {
                let target = number(&grant, field::RELEASED) + left(&grant) - fair.max(1);
                if number(&grant, field::ASKED) < target {
                    grant.fields[field::ASKED as usize] = Value::int(target);
                    changed.push(grant);
                }
            }
        }
        changed
    }

    fn write_grants(&self, store: &mut St, grants: &[Row], cx: &mut Context<Wire>) {
        if grants.is_empty() {
            return;
        }
        let commit = self.commit(store);
        for grant in grants {
            let grant = Row { version: commit, ..*grant };
            Reported { store: &mut *store, cx: &mut *cx }.put(&grant, OpId::NONE, Why::Effect);
        }
    }

    /// Something was taken from an account on behalf of a device: its grant covers it.
    pub(super) fn use_grant(&self, store: &mut St, row: &Row, commit: u32, cx: &mut Context<Wire>) {
        let Some((entity, key, _, amount)) = account(self.domain, row).filter(|(.., amount)| *amount < 0) else {
            return;
        };
        let (device, install) = self.sender;
        let mut rows = Reported { store, cx };
        if let Some(mut grant) = rows.get(Entity::GRANT, grant_key(device, install, entity, key)) {
            let used = number(&grant, field::USED) - amount;
            grant.fields[field::USED as usize] = Value::int(used);
            grant.version = commit;
            rows.put(&grant, OpId::NONE, Why::Effect);
        }
    }

    /// A device asks to hold so much of these accounts, all or nothing.
    pub(super) fn hold(
        &self,
        store: &mut St,
        from: NodeId,
        install: u32,
        wants: &[(Entity, Key, i64)],
        cx: &mut Context<Wire>,
    ) -> Vec<Row> {
        let until = cx.uptime().0 as i64 / 1_000_000 + self.policy.hold_life as i64 / 1_000;
        let mut held = Vec::new();
        for (entity, key, amount) in wants {
            let Some(ledger) = distinct(self.domain).find(|(account, _)| account == entity) else { return Vec::new() };
            let Some(account) = store.row(Copy::Visible, *entity, *key).filter(|row| !row.deleted) else {
                return Vec::new();
            };
            let grants = self.grants(store, *entity, *key);
            let own = grant_key(from, install, *entity, *key);
            let old = grants.iter().find(|grant| grant.key == own).copied();
            let shares = self.policy.escrow == Escrow::Shares;
            let others: Vec<Row> = grants.into_iter().filter(|grant| shares || grant.key != own).collect();
            if self.free(store, &account, ledger.1, &others, cx) < *amount {
                return Vec::new();
            }
            let mut grant = old.unwrap_or_else(|| Row::new(Entity::GRANT, own));
            let before = match self.policy.escrow {
                Escrow::Shares => number(&grant, field::GRANTED),
                _ => number(&grant, field::RELEASED) + number(&grant, field::USED),
            };
            let granted = before + amount;
            let new = [from.0.into(), install.into(), entity.0.into(), key.0 as i64, granted];
            new.iter().enumerate().for_each(|(n, value)| grant.fields[n] = Value::int(*value));
            let asked = if shares { grant.get(field::RELEASED) } else { Value::int(until) };
            grant.fields[field::ASKED as usize] = asked;
            held.push(grant);
        }
        self.write_grants(store, &held, cx);
        held
    }
}

/// The accounts of a business, each with its quantity.
fn distinct(domain: &Domain) -> impl Iterator<Item = (Entity, u8)> + use<> {
    let ledgers = domain.ledgers;
    ledgers.iter().enumerate().filter_map(move |(n, ledger)| {
        let first = ledgers[..n].iter().all(|other| other.account != ledger.account);
        first.then_some((ledger.account, ledger.quantity))
    })
}

/// A sale that waits for the server to hold what it needs.
pub struct Asking {
    pub(super) op: Op,
    pub(super) ticket: u32,
}

impl<St: Store> Device<St> {
    fn grant(&self, store: &St, entity: Entity, account: Key) -> Option<Row> {
        let install = install_of(self.tickets);
        store.row(Copy::Base, Entity::GRANT, grant_key(self.me, install, entity, account))
    }

    /// What was given back of a grant in all: kept beside the server's row, which does not know it yet.
    fn released(&self, store: &St, grant: Key) -> i64 {
        store.row(Copy::Base, Entity::GRANT, Key(grant.0 | RELEASE)).map_or(0, |row| number(&row, field::RELEASED))
    }

    /// What this device may still take of an account.
    fn allowed(&self, store: &St, entity: Entity, account: Key) -> i64 {
        let Some(grant) = self.grant(store, entity, account) else { return 0 };
        let mut pending = 0;
        store.each_item(&mut |item| {
            let Some((of, key, _, amount)) = super::statements::account(self.domain, &item.row) else { return };
            let known = item.status == Status::Synced && item.commit <= grant.version;
            if (of, key) == (entity, account) && amount < 0 && !known {
                pending -= amount;
            }
        });
        let released = self.released(store, grant.key).max(number(&grant, field::RELEASED));
        number(&grant, field::GRANTED) - released - number(&grant, field::USED) - pending
    }

    /// Whether the grants of this device cover what an op takes away.
    pub(super) fn is_covered(&self, store: &St, effects: &[Effect]) -> bool {
        let counts_a_batch = |effect: &Effect| matches!(effect, Effect::Add { entity: PRODUCT_BATCH, .. });
        !effects.iter().any(counts_a_batch)
            && takes(self.domain, effects)
                .iter()
                .all(|(entity, key, amount)| *amount <= self.allowed(store, *entity, *key))
    }

    /// Gives back what the server asks for, as far as it is there, and lists all that was ever given back.
    pub(super) fn give_back(&self, store: &mut St) -> Vec<(Key, i64)> {
        if self.policy.escrow != Escrow::Shares {
            return Vec::new();
        }
        let install = i64::from(install_of(self.tickets));
        let mut mine: Vec<Row> = Vec::new();
        store.each_of(Copy::Base, Entity::GRANT, &mut |row| {
            let of_me = (number(row, field::DEVICE), number(row, field::INSTALL)) == (i64::from(self.me.0), install);
            if of_me && row.key.0 & RELEASE == 0 {
                mine.push(*row);
            }
        });
        let mut released = Vec::new();
        for grant in mine {
            let (entity, account) = (Entity(number(&grant, field::ENTITY) as u8), grant.get(field::ACCOUNT).as_key());
            let before = self.released(store, grant.key).max(number(&grant, field::RELEASED));
            let asked = (number(&grant, field::ASKED) - before).max(0);
            let given = asked.min(self.allowed(store, entity, account.unwrap_or(Key::NONE)).max(0));
            if given > 0 {
                let mut row = Row::new(Entity::GRANT, Key(grant.key.0 | RELEASE));
                row.fields[field::RELEASED as usize] = Value::int(before + given);
                store.put_row(Copy::Base, &row);
            }
            if before + given > number(&grant, field::RELEASED) {
                released.push((grant.key, before + given));
            }
        }
        released
    }

    /// Whether something here has still to be sent, so that the server cannot know what is left.
    pub(super) fn owes(&self, store: &St) -> bool {
        let mut any = false;
        if self.policy.escrow == Escrow::Shares && self.epoch > 0 {
            store.each_item(&mut |item| any |= item.status != Status::Synced);
        }
        any || self.catching_up.is_some()
    }

    /// Asks the server to hold what an op needs. Returns whether the op now waits for the answer.
    pub(super) fn ask_to_hold(&mut self, store: &St, op: Op, effects: &[Effect], cx: &mut Context<Wire>) -> bool {
        let lacking = |(entity, key, amount): &(Entity, Key, i64)| *amount > self.allowed(store, *entity, *key);
        let mut wants: Vec<_> = takes(self.domain, effects).into_iter().filter(lacking).collect();
        if self.policy.escrow == Escrow::Shares {
            // What is here is not asked for again.
            wants.iter_mut().for_each(|(entity, key, amount)| *amount -= self.allowed(store, *entity, *key).max(0));
        }
        let asked = self.asking.iter().any(|asking| asking.op.id == op.id);
        if !self.online || wants.is_empty() || asked {
            return false;
        }
        self.tickets += 1;
        let (ticket, cause) = (self.tickets, Cause::Op(op.id));
        self.asking.push(Asking { op, ticket });
        let wire = self.signed(store, Wire::new(ticket, 0, self.epoch, self.policy.integrity, Body::Hold { wants }));
        cx.send(NodeId::SERVER, channel::HOLD, cause, [], wire);
        let timer = Timer { channel: channel::HOLD_TIME_OUT, number: ticket };
        cx.set_timer(timer, Span::millis(self.policy.race), Some(cause));
        true
    }

    /// The server's answer to that, or none: the op goes on with what is held, or is refused.
    pub(super) fn hold_answered(&mut self, store: &mut St, ticket: u32, rows: &[Row], cx: &mut Context<Wire>) {
        for row in rows {
            if store.row(Copy::Base, row.entity, row.key).is_none_or(|known| known.version <= row.version) {
                store.put_row(Copy::Base, row);
                self.derive(store, row.entity, row.key, OpId::NONE, Why::Copied, cx);
            }
        }
        let Some(place) = self.asking.iter().position(|asking| asking.ticket == ticket) else { return };
        cx.cancel_timer(Timer { channel: channel::HOLD_TIME_OUT, number: ticket });
        let op = self.asking[place].op;
        let written = self.write_op(store, op, cx);
        self.asking.retain(|asking| asking.ticket != ticket);
        if written {
            self.written(store, op.verb, op.id, cx);
        }
    }
}

/// Whether a row of the base is the device's own record, beside what the server said.
pub(super) fn is_own_record(entity: Entity, key: Key) -> bool {
    entity == Entity::GRANT && key.0 & RELEASE != 0
}

/// Stands for device and entity in a grant row that is no grant but a device's report after a restore.
const NOBODY: i64 = -1;

/// Marks the local row beside a grant.
const RELEASE: u64 = 1 << 56;
