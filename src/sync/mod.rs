//! Our own sync engine: one policy, many presets. It is just one system under test (promise P5).
//!
//! Devices write locally, queue, push, pull and merge; the server takes items one by one or ops as a whole. What a
//! policy's knobs mean is in `policy.rs`; where the presets come from, in `presets.rs`.

mod allocate;
mod cascade;
pub mod catalogue;
mod device;
mod download;
mod drain;
mod escrow;
pub mod fixes;
mod flaws;
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
mod statements;

pub use device::{CHANNELS, Device, GOALS};
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
    store: PhantomData<St>,
}

impl<St: Store> Engine<St> {
    /// The engine under a name.
    pub fn new(name: impl Into<String>, policy: Policy, domain: &'static Domain) -> Self {
        Engine { name: name.into(), policy, base: policy, domain, store: PhantomData }
    }
    /// The engine held to what another policy declares: a flawed clock does not excuse itself from its base's bound.
    pub fn held_to(self, base: Policy) -> Self {
        Engine { base, ..self }
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
        let policy = &self.policy;
        let delays = [1, 2, 3, 4, 5].map(|n| policy.delay(n));
        let counted = policy.retries > 0 && policy.counts_as_failure == CountsAs::AnyFailure;
        let attempts = counted.then_some(policy.retries + 1);
        Facts {
            channels: CHANNELS,
            time_outs: &[
                device::channel::PUSH_TIME_OUT,
                device::channel::PULL_TIME_OUT,
                device::channel::HOLD_TIME_OUT,
            ],
            pulls: &[device::channel::PULL],
            longest_period: Span::millis(policy.push_every.max(policy.pull_every).max(policy.retry_cap)),
            retry: Some(RetryBounds {
                attempts,
                delays,
                batch: if policy.batch == 0 { u32::MAX } else { policy.batch },
            }),
            clock_bound: [policy.clock, self.base.clock].contains(&Clock::Estimate).then_some(Span::days(36_500)),
            // What gives up after a few retries promises no time.
            sent_within: (self.base.after_edit == AfterEdit::Push && self.base.retries == 0)
                .then_some(Span::millis(2 * self.base.push_every)),
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
        }
    }

    fn disk(&self, who: NodeId, install: u32, rows: &mut dyn Iterator<Item = Row>) -> St {
        let mut store = St::open();
        let mut any = false;
        for row in rows {
            any = true;
            store.put_row(Copy::Visible, &row);
            let based = self.policy.merge == Merge::Rebase || self.policy.rollback_stock == RollbackStock::Derived;
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
        }
        store
    }

    fn device(&self, who: NodeId, _disk: &St) -> Device<St> {
        Device::new(self.policy, self.domain, who)
    }

    fn upgraded(&self, _who: NodeId, store: &mut St) {
        if self.policy.schema == Schema::DropsQueue {
            let mut seqs = Vec::new();
            store.each_item(&mut |item| seqs.push(item.seq));
            seqs.into_iter().for_each(|seq| store.remove_item(seq));
        }
    }

    fn server(&self, _disk: &St) -> Server<St> {
        Server::new(self.policy, self.domain)
    }
    fn in_scope(&self, device: NodeId, row: &Row) -> bool {
        (self.domain.scope)(device, row)
    }
}
