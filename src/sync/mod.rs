//! Our own sync engine: one policy, many presets. It is just one system under test (promise P5).
//!
//! Devices write locally, queue, push, pull and merge; the server takes items one by one or ops as a whole. What a
//! policy's knobs mean is in `policy.rs`; where the presets come from, in `presets.rs`.

mod allocate;
mod cascade;
pub mod catalogue;
mod decide;
mod device;
mod download;
mod drain;
mod epoch;
mod escrow;
pub mod fixes;
mod flaws;
pub mod fleet;
mod group;
mod identity;
pub mod knobs;
mod local;
pub mod message;
mod outbox;
pub mod policy;
pub mod presets;
mod requeue;
mod resolve;
mod rows;
mod server;
mod session;
mod statements;
mod whole_push;

pub use device::{CHANNELS, Device, GOALS};
pub use fleet::Fleet;
pub use message::Wire;
pub use policy::{BadKnob, Policy};
pub use server::Server;

use crate::model::{Domain, Row};
use crate::sim::{NodeId, Span};
use crate::store::{Cell, Copy, Store};
use crate::system::{Facts, Reports, RetryBounds, System};
use policy::*;
use std::marker::PhantomData;

/// A policy on a domain and a store: a system under test.
pub struct Engine<St> {
    name: String,
    policy: Policy,
    /// The preset whose promises it is held to.
    base: Policy,
    domain: &'static Domain,
    /// The versions of the devices, where they differ from the server's.
    fleet: Option<Fleet>,
    store: PhantomData<St>,
}

impl<St: Store> Engine<St> {
    /// The engine under a name.
    pub fn new(name: impl Into<String>, policy: Policy, domain: &'static Domain) -> Self {
        Engine { name: name.into(), policy, base: policy, domain, fleet: None, store: PhantomData }
    }
    /// The same server with devices on these versions.
    pub fn with_fleet(self, fleet: Fleet) -> Self {
        Engine { fleet: Some(fleet), ..self }
    }
    /// The engine held to what another policy declares: a flawed clock does not excuse itself from its base's bound.
    pub fn held_to(self, base: Policy) -> Self {
        Engine { base, ..self }
    }
    fn facts_of(&self, policy: &Policy) -> Facts {
        let delays = [1, 2, 3, 4, 5].map(|n| policy.delay(n));
        let counted = policy.retries > 0 && policy.counts_as_failure == CountsAs::AnyFailure;
        // What waits for a token is sent again without having failed.
        let counted = counted && (policy.token_life == 0 || policy.unauthorised == Unauthorised::CountsAsFailure);
        let attempts = counted.then_some(policy.retries + 1);
        Facts {
            channels: CHANNELS,
            time_outs: &[
                device::channel::PUSH_TIME_OUT,
                device::channel::PULL_TIME_OUT,
                device::channel::HOLD_TIME_OUT,
                device::channel::LOGIN_TIME_OUT,
            ],
            pulls: &[device::channel::PULL],
            longest_period: Span::millis(policy.push_every.max(policy.pull_every).max(policy.retry_cap)),
            retry: Some(RetryBounds {
                attempts,
                delays,
                batch: if policy.batch == 0 { u32::MAX } else { policy.batch },
            }),
            clock_bound: [policy.clock, self.base.clock].contains(&Clock::Estimate).then_some(Span::days(36_500)),
            // What sends at once does so within half a period of its timer; what gives up after a few retries promises
            // no time.
            sent_within: (self.base.after_edit == AfterEdit::Push && self.base.retries == 0)
                .then_some(Span::millis(self.base.push_every / 2)),
            reports: Reports {
                verdicts: true,
                words: true,
                pending: true,
                sends: true,
                audit: policy.audit != AuditTrail::None,
                lamp: true,
                authors: true,
                pulls: policy.pull != Pull::Never,
            },
            goals: GOALS,
            out_of_reach: device::out_of_reach(policy, self.domain),
            server: true,
        }
    }
    /// What a device runs.
    fn version(&self, who: NodeId, store: &St) -> Policy {
        self.fleet.as_ref().map_or(self.policy, |fleet| fleet.version(who, store))
    }
    /// Its policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl<St: Store> System for Engine<St> {
    type Message = Wire;
    type Disk = St;
    type Device = Device<St>;
    type Server = Server<St>;

    fn name(&self) -> &str {
        &self.name
    }
    fn domain(&self) -> &'static Domain {
        self.domain
    }

    fn facts(&self) -> Facts {
        let own = self.facts_of(&self.policy);
        match &self.fleet {
            Some(fleet) => fleet::together(own, fleet.versions().iter().map(|version| self.facts_of(version))),
            None => own,
        }
    }

    fn disk(&self, who: NodeId, install: u32, rows: &mut dyn Iterator<Item = Row>) -> St {
        let mut store = St::open();
        let mut any = false;
        let policy = self.version(who, &store);
        let based = policy.merge == Merge::Rebase || policy.rollback_stock == RollbackStock::Derived;
        for row in rows {
            any = true;
            store.put_row(Copy::Visible, &row);
            if !who.is_server() && based {
                store.put_row(Copy::Base, &row);
            }
        }
        if any || who.is_server() {
            store.set_number(Cell::Ready, 1);
        }
        store.set_number(Cell::Boots, i64::from(install) << 8);
        if install == 0 {
            store.set_number(Cell::Offset, crate::sim::clock::MORNING);
            let life = Span::millis(self.policy.token_life);
            store.set_number(Cell::Token, crate::sim::clock::MORNING + life.0 as i64);
        }
        store
    }

    fn device(&self, who: NodeId, disk: &St) -> Device<St> {
        Device::new(self.version(who, disk), self.domain, who)
    }

    fn upgraded(&self, who: NodeId, store: &mut St) {
        if !who.is_server() {
            fleet::upgrade(self.fleet.as_ref(), &self.policy, self.domain, who, store);
        }
    }

    fn server(&self, disk: &St) -> Server<St> {
        Server::new(self.policy, self.domain, disk.number(Cell::Epoch) as u32)
    }

    fn restored(&self, disk: &mut St, epoch: u32) {
        if self.policy.after_restore == AfterRestore::TrustsItsMarks {
            return;
        }
        disk.set_number(Cell::Epoch, i64::from(epoch));
        // Identities that were given out since the backup are still in use on devices.
        disk.set_number(Cell::Identity, disk.number(Cell::Identity).max(i64::from(epoch) * 1_000_000));
    }
    fn in_scope(&self, device: NodeId, row: &Row) -> bool {
        (self.domain.scope)(device, row)
    }
}
