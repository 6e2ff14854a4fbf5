//! A push taken as a whole: all its ops in one transaction, or none of them.
//!
//! How one op takes effect is in `group.rs`. A conflict is a verdict like any other here; an error in one item is what
//! costs all the others theirs.

use super::group::{Decision, end_of_op, op_done};
use super::message::Wire;
use super::server::{PushTask, Server};
use crate::sim::{NodeId, OpId};
use crate::store::{Action, Item, Store};
use crate::system::{Context, Rule, Verdict};

/// An op that cannot be taken together with the others of its push.
struct Refusal {
    op: OpId,
    verdict: Verdict,
    decisions: Vec<Decision>,
}

impl<St: Store> Server<St> {
    /// All ops of a push in one transaction: one that is rejected takes all others back, and the answer is an error. An op
    /// that lost a conflict, with a deletion too, is no error: the transaction begins again without it, and it has its verdict beside the others.
    pub(super) fn all_at_once(
        &mut self,
        store: &mut St,
        task: &mut PushTask,
        from: NodeId,
        cx: &mut Context<Wire>,
    ) -> bool {
        let (mark, known) = (cx.written(), task.made.len());
        let mut lost: Vec<(OpId, Verdict, Vec<Decision>)> = Vec::new();
        let done = loop {
            store.begin();
            match self.all_but(store, task, from, &lost, cx) {
                Ok(done) => break done,
                Err(Refusal { op, verdict, decisions }) => {
                    store.rollback();
                    cx.unwrite(mark);
                    task.made.truncate(known);
                    if matches!(verdict, Verdict::Rejected { .. }) && !is_conflict(&task.items, op, verdict) {
                        task.at = task.items.len();
                        task.failed = true;
                        return true;
                    }
                    lost.push((op, verdict, decisions));
                }
            }
        };
        store.commit();
        for (until, op, verdict, commit) in done {
            if self.is_left(verdict) {
                let items: Vec<Item> = task.items[task.at..until].to_vec();
                self.leave_to_device(store, task, &items, until);
                continue;
            }
            cx.decide(op, verdict);
            op_done(task, until, op, verdict, commit);
        }
        true
    }

    /// Whether the device is to decide what this is the verdict on.
    fn is_left(&self, verdict: Verdict) -> bool {
        verdict == Verdict::Manual && self.asks_device()
    }

    /// Takes all ops of a push but those that lost a conflict.
    fn all_but(
        &mut self,
        store: &mut St,
        task: &mut PushTask,
        from: NodeId,
        lost: &[(OpId, Verdict, Vec<Decision>)],
        cx: &mut Context<Wire>,
    ) -> Result<Vec<(usize, OpId, Verdict, u32)>, Refusal> {
        let mut done = Vec::new();
        let mut at = 0;
        while at < task.items.len() {
            let until = end_of_op(&task.items, at);
            let items: Vec<Item> = task.items[at..until].to_vec();
            let (op, key) = (items[0].op, self.key_of_op(&items[0]));
            let keyed = self.is_keyed_op(&items);
            let (verdict, commit) = match store.answer(key).filter(|_| keyed) {
                Some(answer) => {
                    self.recall(store, &items, &mut task.made);
                    (answer.verdict, answer.commit)
                }
                None => {
                    let commit = self.commit(store);
                    let mut decisions = Vec::new();
                    let verdict = match lost.iter().find(|(other, ..)| *other == op) {
                        Some((_, verdict, _)) if self.is_left(*verdict) => {
                            done.push((until, op, *verdict, commit));
                            at = until;
                            continue;
                        }
                        Some((_, verdict, own)) => {
                            self.record(store, op, *verdict, own, commit, cx);
                            *verdict
                        }
                        None => {
                            let taken = self.take_all(store, &items, commit, &mut decisions, &mut task.made, cx);
                            if let Err(verdict) = taken {
                                decisions.retain(|decision| decision.loser == op);
                                decisions.extend(self.loss(store, &items, verdict));
                                return Err(Refusal { op, verdict, decisions });
                            }
                            self.record(store, op, Verdict::Accepted, &decisions, commit, cx);
                            Verdict::Accepted
                        }
                    };
                    if keyed {
                        self.remember(store, key, op, from, commit, verdict, cx);
                    }
                    (verdict, commit)
                }
            };
            done.push((until, op, verdict, commit));
            at = until;
        }
        Ok(done)
    }
}

/// Whether a rejection is a conflict with a deletion: the op edits the row that is gone.
fn is_conflict(items: &[Item], op: OpId, verdict: Verdict) -> bool {
    let edits = |key| items.iter().any(|item| item.op == op && item.action == Action::Update && item.row.key == key);
    matches!(verdict, Verdict::Rejected { rule: Rule::Deleted, about, .. } if edits(about))
}
