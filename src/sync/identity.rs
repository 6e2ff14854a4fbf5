//! Temporary identities: what a device makes them of, where what they became is kept, and who replaces them.
//!
//! The sound way: the server keeps what each became, replaces it in whatever refers to it, and tells the device with its
//! answers and with each pull. Where devices make identities for ever, none of this is reached.

use super::device::Device;
use super::policy::*;
use super::rows::{redirect, references};
use super::server::Server;
use crate::model::{Entity, Key};
use crate::store::{Action, Answer, Item, Store};
use crate::system::Verdict;

/// Where the last local number of an entity is kept, among its identities.
const LAST: Key = Key(1 << 62);

impl<St: Store> Device<St> {
    /// The temporary identity of a row that an op makes here.
    pub(super) fn temporary_identity(&self, store: &mut St, entity: Entity, made: Key, now: i64) -> Key {
        let unique = made.temporary();
        if self.policy.temp_ids == TempIds::Unique {
            return unique;
        }
        if let Some(known) = store.identity(entity, unique) {
            return known;
        }
        let number = if self.policy.temp_ids == TempIds::Milliseconds {
            (now / 1_000) as u64
        } else {
            let next = store.identity(entity, LAST).map_or(1, |last| last.0 + 1);
            store.put_identity(entity, LAST, Key(next));
            next
        };
        let key = Key(number).temporary();
        store.put_identity(entity, unique, key);
        key
    }

    /// The identity that a row made by an op has here now.
    pub(super) fn present_identity(&self, store: &St, entity: Entity, made: Key) -> Key {
        let mut key = made.temporary();
        if self.policy.temp_ids != TempIds::Unique {
            key = store.identity(entity, key).unwrap_or(key);
        }
        let known = self.identities.iter().find(|(of, from, _)| (*of, *from) == (entity, key));
        let real = known.map(|(.., to)| *to).or_else(|| store.identity(entity, key));
        let there = |key: &Key| {
            self.policy.mapping == Mapping::Persisted || store.row(crate::store::Copy::Visible, entity, *key).is_some()
        };
        real.filter(there).unwrap_or(key)
    }

    /// The temporary identities in the outbox, for the server to say what they became.
    pub(super) fn unmapped(&self, store: &St) -> Vec<(Entity, Key)> {
        let mut list = Vec::new();
        if self.policy.identity == Identity::Server && self.policy.by_op() {
            store.each_item(&mut |item| {
                if item.action == Action::Create && item.row.key.is_temporary() {
                    list.push((item.row.entity, item.row.key));
                }
            });
        }
        list
    }

    /// Whether an answer brings rows that this device made after it had asked, so that it did not ask who they are now:
    /// they would stand beside the ones that are here.
    pub(super) fn lacks_identities(&self, store: &St, answers: &[Answer], newest: u32) -> bool {
        let mut lacks = false;
        if self.policy.identity == Identity::Server && !answers.is_empty() {
            store.each_item(&mut |item| {
                lacks |= item.seq > newest
                    && item.action == Action::Create
                    && item.row.key.is_temporary()
                    && answers.iter().any(|answer| answer.op == item.op && answer.verdict == Verdict::Accepted);
            });
        }
        lacks
    }

    /// Puts identities into a request that the items in the outbox do not have.
    pub(super) fn translate(&self, items: &mut [Item]) {
        for (entity, from, to) in &self.identities {
            for item in items.iter_mut() {
                redirect(self.domain, &mut item.row, *entity, *from, *to);
                if item.action != Action::Create && (item.row.entity, item.row.key) == (*entity, *from) {
                    item.row.key = *to;
                }
            }
        }
        if self.policy.temp_ids != TempIds::LocalCounter {
            return;
        }
        let made: Vec<_> = items.iter().filter(|item| item.action == Action::Create).copied().collect();
        let plain = |key: Key| Key(key.0 & !Key(0).temporary().0);
        for item in items.iter_mut() {
            let own =
                |entity, key| made.iter().any(|one| (one.op, one.row.entity, one.row.key) == (item.op, entity, key));
            let foreign: Vec<u8> = references(self.domain, item.row.entity)
                .filter(|(field, entity)| {
                    item.row.get(*field).as_key().is_some_and(|key| key.is_temporary() && !own(*entity, key))
                })
                .map(|(field, _)| field)
                .collect();
            let edited = item.row.key.is_temporary() && !own(item.row.entity, item.row.key);
            for field in foreign {
                let key = item.row.get(field).as_key().map_or(Key::NONE, plain);
                item.row.fields[field as usize] = crate::model::Value::key(key);
            }
            if edited {
                item.row.key = plain(item.row.key);
            }
        }
    }
}

impl<St: Store> Server<St> {
    /// What the temporary identities became that these items refer to and do not make themselves.
    pub(super) fn known(&self, store: &St, items: &[Item]) -> Vec<(Entity, Key, Key)> {
        let mut known = Vec::new();
        let keeps = self.policy.mapping == Mapping::Persisted && self.policy.mapped_by == Mapped::Server;
        if self.policy.identity == Identity::Device || !self.policy.by_op() || !keeps {
            return known;
        }
        let made = |entity: Entity, key: Key| {
            let makes = |item: &Item| item.action == Action::Create && (item.row.entity, item.row.key) == (entity, key);
            items.iter().any(makes)
        };
        let mut look = |entity: Entity, key: Key| {
            if key.is_temporary()
                && !made(entity, key)
                && let Some(real) = store.identity(entity, key)
                && !known.contains(&(entity, key, real))
            {
                known.push((entity, key, real));
            }
        };
        for item in items {
            look(item.row.entity, item.row.key);
            for (field, entity) in references(self.domain, item.row.entity) {
                if let Some(key) = item.row.get(field).as_key() {
                    look(entity, key);
                }
            }
        }
        known
    }

    /// What an op made that is answered from its key.
    pub(super) fn recall(&self, store: &St, items: &[Item], made: &mut Vec<(Entity, Key, Key)>) {
        for item in items.iter().filter(|item| item.action == Action::Create && item.row.key.is_temporary()) {
            if let Some(real) = store.identity(item.row.entity, item.row.key) {
                made.push((item.row.entity, item.row.key, real));
            }
        }
    }

    /// What became of the temporary identities that a device asks for.
    pub(super) fn identities(&self, store: &St, asked: &[(Entity, Key)]) -> Vec<(Entity, Key, Key)> {
        let real = |(entity, key): &(Entity, Key)| Some((*entity, *key, store.identity(*entity, *key)?));
        asked.iter().filter_map(real).collect()
    }
}
