//! Each conflict, rejection and change has its log entry on the server by the end of the handler that decided it.
//!
//! Entries are rows of [`Entity::AUDIT`]; what they say beyond the op and the kind is not read.

use super::loss::entity_of;
use super::peers::needs_server;
use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::{Domain, Entity, Key};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Audit, Facts, Verdict};

/// Each conflict, rejection and change has its log entry.
#[derive(Default)]
pub struct AuditComplete {
    decided: Vec<(OpId, Verdict)>,
    conflicts: Vec<[OpId; 2]>,
}

fn is_logged(history: &History<'_>, op: OpId, kinds: &[Audit]) -> bool {
    let server = history.server();
    let entries = server.by_op.range((op, Entity::AUDIT, 0, Key::NONE)..=(op, Entity::AUDIT, u8::MAX, Key(u64::MAX)));
    let rows = entries.filter_map(|(_, entity, _, key)| server.rows.get(&(*entity, *key)));
    let mut said = rows.map(|row| row.get(1).or_zero());
    said.any(|what| kinds.iter().any(|kind| *kind as i64 == what))
}

impl AuditComplete {
    fn unlogged(history: &History<'_>, log: &mut Log, op: OpId, entity: Entity, what: &str) {
        let breach = Breach { kind: "unlogged", entity, node: NodeId::SERVER, ops: &[op], at: None };
        log.broke(history.domain, breach, || {
            format!("the {what} of {} left no entry in the audit trail", history.scenario.op_name(op))
        });
    }
}

impl Invariant for AuditComplete {
    fn name(&self) -> &'static str {
        "audit-complete"
    }
    fn promise(&self) -> &'static str {
        "each conflict, rejection and change has its log entry"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| (!facts.reports.audit).then_some("it keeps no audit trail as rows"))
    }
    fn wants(&self) -> u8 {
        wants::WROTE_ON_SERVER | wants::DECIDED | wants::BETWEEN_ON_SERVER
    }
    fn restored(&mut self, _: &History<'_>, _: Time) {
        self.decided.clear();
        self.conflicts.clear();
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Decided(op, verdict) => self.decided.push((*op, *verdict)),
            Moment::Wrote(NodeId::SERVER, write) => {
                if let Some(row) =
                    write.after.as_ref().filter(|row| row.entity == Entity::CONFLICT && write.before.is_none())
                {
                    self.conflicts.push([OpId(row.get(0).or_zero() as u32), OpId(row.get(1).or_zero() as u32)]);
                }
            }
            Moment::Between(NodeId::SERVER) => {
                for (op, verdict) in self.decided.drain(..) {
                    log.exercised();
                    let (kinds, what): (&[Audit], _) = match verdict {
                        Verdict::Accepted => (&[Audit::Change, Audit::Conflict], "change"),
                        Verdict::Rejected { .. } => (&[Audit::Rejection, Audit::Conflict], "rejection"),
                        Verdict::Superseded { .. } | Verdict::Manual => {
                            (&[Audit::Conflict, Audit::Rejection], "conflict")
                        }
                    };
                    if !is_logged(history, op, kinds) {
                        let entity = history.op(op).map_or(Entity(0), |record| entity_of(history, record));
                        Self::unlogged(history, log, op, entity, what);
                    }
                }
                for [loser, winner] in self.conflicts.drain(..) {
                    let kinds = [Audit::Conflict];
                    if !is_logged(history, loser, &kinds) && !is_logged(history, winner, &kinds) {
                        Self::unlogged(history, log, loser, Entity::CONFLICT, "conflict");
                    }
                }
            }
            _ => {}
        }
    }
}
