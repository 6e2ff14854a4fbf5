//! Devices on different versions of the app against one server, and what an upgrade does to what a device keeps.
//!
//! A version is a policy. Which mechanisms a version has is in `policy.rs`; when a device is upgraded is the harness's
//! choice.

use super::policy::*;
use super::statements::account;
use crate::model::{Domain, Row, Value};
use crate::sim::NodeId;
use crate::store::{Action, Cell, Copy, Item, Status, Store};
use crate::system::Facts;

/// The versions that the devices of a fleet run, the oldest first.
#[derive(Clone, Debug)]
pub struct Fleet {
    versions: Vec<Policy>,
}

impl Fleet {
    /// Devices take these versions in turn.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(versions: Vec<Policy>) -> Fleet {
        assert!(!versions.is_empty(), "a fleet has at least one version");
        Fleet { versions }
    }

    /// All versions.
    pub fn versions(&self) -> &[Policy] {
        &self.versions
    }

    /// What a device runs: its place in turn, and one version further with each upgrade up to the last.
    pub fn version<St: Store>(&self, who: NodeId, store: &St) -> Policy {
        self.after(who, store.number(Cell::Version))
    }

    /// What a device runs after so many upgrades.
    fn after(&self, who: NodeId, upgrades: i64) -> Policy {
        let first = who.index().saturating_sub(1) % self.versions.len();
        self.versions[(first + upgrades as usize).min(self.versions.len() - 1)]
    }
}

/// The next version takes over a device's disk: the queue is dropped or brought forward, as the version says.
pub fn upgrade<St: Store>(fleet: Option<&Fleet>, policy: &Policy, domain: &Domain, who: NodeId, store: &mut St) {
    let upgrades = store.number(Cell::Version);
    let old = fleet.map_or(*policy, |fleet| fleet.after(who, upgrades));
    let new = fleet.map_or(*policy, |fleet| fleet.after(who, upgrades + 1));
    store.set_number(Cell::Version, upgrades + 1);
    if new.schema == Schema::DropsQueue {
        let mut seqs = Vec::new();
        store.each_item(&mut |item| seqs.push(item.seq));
        seqs.into_iter().for_each(|seq| store.remove_item(seq));
    } else if new.merge == Merge::Rebase && old.merge != Merge::Rebase {
        bring_forward(domain, store);
    }
}

/// A version that shows the server's rows with pending ops on top needs both: until everything has been downloaded anew,
/// what is shown without what is pending stands for the server's rows.
fn bring_forward<St: Store>(domain: &Domain, store: &mut St) {
    let mut items: Vec<Item> = Vec::new();
    store.each_item(&mut |item| items.push(*item));
    let mut rows: Vec<Row> = Vec::new();
    store.each_row(Copy::Visible, &mut |row| rows.push(*row));
    let open = |item: &&Item| item.status != Status::Synced && item.action == Action::Create;
    for mut row in rows {
        let own = items.iter().filter(open).any(|item| (item.row.entity, item.row.key) == (row.entity, row.key));
        if own {
            continue;
        }
        for (_, _, quantity, amount) in items
            .iter()
            .filter(open)
            .filter_map(|item| account(domain, &item.row))
            .filter(|(entity, key, ..)| (*entity, *key) == (row.entity, row.key))
        {
            let shown = row.get(quantity).or_zero();
            row.fields[quantity as usize] = Value::int(shown - amount);
        }
        row.version = 0;
        store.put_row(Copy::Base, &row);
    }
    for item in items.iter().filter(open) {
        let Some((entity, key, quantity, amount)) = account(domain, &item.row) else { continue };
        let Some(mut change) = store.row(Copy::Visible, entity, key) else { continue };
        change.fields[quantity as usize] = Value::int(amount);
        let seq = store.number(Cell::Seq) as u32 + 1;
        store.set_number(Cell::Seq, i64::from(seq));
        store.put_item(&Item { seq, action: Action::Add, row: change, mask: 1 << quantity, ..*item });
    }
    store.set_number(Cell::Commit, 0);
}

/// What a fleet declares: what all its versions and its server keep to.
pub fn together(server: Facts, devices: impl Iterator<Item = Facts>) -> Facts {
    devices.fold(server, |all, one| Facts {
        longest_period: all.longest_period.max(one.longest_period),
        retry: None,
        clock_bound: all.clock_bound.zip(one.clock_bound).map(|(a, b)| a.min(b)),
        out_of_reach: all.out_of_reach & one.out_of_reach,
        ..all
    })
}
