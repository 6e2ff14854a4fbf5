//! What a device does with ops that build on one that the server has rejected: cancels them, and says so.
//!
//! An op builds on another if it changes or refers to a row that the other made. The server could only refuse it for want
//! of that row; here its user hears of it at once, and nothing of it is sent any more. It decides no verdict of the server's.

use super::device::Device;
use super::drain::items_of;
use super::message::Wire;
use super::policy::*;
use super::rows::refers;
use crate::model::{Entity, Key};
use crate::sim::OpId;
use crate::store::{Action, Item, Status, Store};
use crate::system::{Context, Rule, Verdict};

impl<St: Store> Device<St> {
    /// The op of these items was rejected: whatever builds on the rows that it would have made is cancelled.
    pub(super) fn cascade(&mut self, store: &mut St, rejected: &[Item], verdict: Verdict, cx: &mut Context<Wire>) {
        if self.policy.cascade == Cascade::SendsAnyway || !matches!(verdict, Verdict::Rejected { .. }) {
            return;
        }
        let mut lost = made_by(rejected);
        // A policy may leave items of what it takes back: each op is cancelled once.
        let mut done: Vec<OpId> = rejected.iter().map(|item| item.op).collect();
        while let Some((entity, key)) = lost.pop() {
            for op in self.built_on(store, entity, key) {
                if done.contains(&op) {
                    continue;
                }
                done.push(op);
                let items = items_of(store, op);
                lost.extend(made_by(&items));
                self.roll_back(store, op, &items, cx);
                let verdict = Verdict::Rejected { rule: Rule::Missing, about: key, available: 0, requested: 0 };
                self.notify(store, op, verdict, cx);
            }
        }
    }

    /// The ops in the outbox that change a row or refer to it, and that the server has not taken.
    fn built_on(&self, store: &St, entity: Entity, key: Key) -> Vec<OpId> {
        let mut ops = Vec::new();
        store.each_item(&mut |item| {
            let about = (item.row.entity, item.row.key) == (entity, key);
            let builds = about || refers(self.domain, &item.row, entity, key);
            if builds && item.status != Status::Synced && !ops.contains(&item.op) {
                ops.push(item.op);
            }
        });
        ops
    }
}

/// The rows that an op makes under identities of its own: nobody else can make them.
fn made_by(items: &[Item]) -> Vec<(Entity, Key)> {
    let own = items.iter().filter(|item| item.action == Action::Create && item.row.key.maker().is_some());
    own.map(|item| (item.row.entity, item.row.key)).collect()
}
