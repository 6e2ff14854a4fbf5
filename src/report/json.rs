//! Outcomes and figures as JSON values, for programs.
//!
//! The same facts as the text. Times are integer microseconds of virtual time (`…_us`); fingerprints and digests are
//! hexadecimal strings, for they do not fit a JSON number.

use super::words;
use crate::harness::{Histogram, Metrics, OutboxAt, Outcome};
use crate::invariants::Violation;
use crate::model::Scenario;
use crate::sim::choice::FAULTS;
use crate::system::{Facts, METRICS};
use serde_json::{Map, Value, json};

/// The figures of a run or a campaign.
pub fn metrics(metrics: &Metrics) -> Value {
    let [pending, syncing, failed, dead] = metrics.outbox_at_rest;
    let counted: Map<String, Value> =
        METRICS.iter().zip(metrics.counted).map(|(name, n)| (name.to_string(), json!(n))).collect();
    json!({
        "ops": metrics.ops,
        "accepted": metrics.accepted,
        "rejected": metrics.rejected,
        "superseded": metrics.superseded,
        "refused": metrics.refused,
        "outbox_at_rest": { "pending": pending, "syncing": syncing, "failed": failed, "dead": dead },
        "longest_outbox": metrics.longest_outbox,
        "sales": metrics.sales,
        "sales_refused": metrics.sales_refused,
        "sales_rejected": metrics.sales_rejected,
        "edits_lost": metrics.edits_lost,
        "conflicts_shown": metrics.conflicts_shown,
        "sale_to_server": latency(&metrics.sale_to_server),
        "sale_to_others": latency(&metrics.sale_to_others),
        "op_to_server": latency(&metrics.to_server),
        "op_to_others": latency(&metrics.to_others),
        "counted": counted,
        "requests": metrics.requests,
        "messages": metrics.messages,
        "bytes": metrics.bytes,
        "compressed_bytes": metrics.compressed_bytes,
        "since_last_sync": latency(&metrics.since_last_sync),
    })
}

fn latency(histogram: &Histogram) -> Value {
    let at = |percent| histogram.percentile(percent).map(|span| span.0);
    json!({ "count": histogram.len(), "p50_us": at(50), "p99_us": at(99) })
}

/// One broken promise.
pub fn violation(scenario: &Scenario, violation: &Violation) -> Value {
    let ops: Vec<String> = violation.ops.iter().map(|op| words::op(scenario, *op)).collect();
    json!({
        "invariant": violation.invariant,
        "kind": violation.kind,
        "entity": violation.entity,
        "at_us": violation.at.0,
        "node": scenario.node_name(violation.node),
        "ops": ops,
        "text": violation.text,
    })
}

/// How often each fault fired; those that did not are left out.
pub fn faults(fired: &[u32]) -> Map<String, Value> {
    let named = FAULTS.iter().zip(fired).filter(|(_, n)| **n > 0);
    named.map(|((_, name, _), n)| (name.to_string(), json!(n))).collect()
}

/// How many ops stood where at a time.
fn outbox(change: &OutboxAt) -> Value {
    let [pending, syncing, failed, dead] = change.waiting;
    let (at, synced) = (change.at.0, change.synced);
    json!({ "at_us": at, "pending": pending, "syncing": syncing, "failed": failed, "dead": dead, "synced": synced })
}

/// All there is to know about one run.
pub fn outcome(scenario: &Scenario, facts: &Facts, outcome: &Outcome) -> Value {
    let names = words::names(scenario, facts);
    let violations: Vec<Value> = outcome.violations.iter().map(|one| violation(scenario, one)).collect();
    let deviations: Vec<Value> = outcome
        .deviations
        .iter()
        .map(|one| json!({ "label": names.label(one.label), "fate": words::fate(one.label.get_point(), &one.fate) }))
        .collect();
    let goals: Vec<&str> =
        facts.goals.iter().enumerate().filter(|(n, _)| outcome.goals >> n & 1 == 1).map(|(_, name)| *name).collect();
    json!({
        "fingerprint": format!("{:016x}", outcome.fingerprint),
        "violations": violations,
        "deviations": deviations,
        "unused_deviations": outcome.unused.iter().map(|one| names.label(one.label)).collect::<Vec<_>>(),
        "events": outcome.events,
        "ended_us": outcome.ended.0,
        "rested": outcome.rested,
        "reached_server": outcome.reached_server,
        "excused": outcome.excused,
        "goals": goals,
        "faults_fired": faults(&outcome.faults),
        "metrics": metrics(&outcome.metrics),
        "outbox": outcome.end.iter().flat_map(|end| &end.outbox).map(outbox).collect::<Vec<_>>(),
        "mistake": outcome.mistake,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_faults_that_fired_are_listed() {
        let mut fired = [0; FAULTS.len()];
        fired[1] = 3;
        assert_eq!(Value::Object(faults(&fired)), json!({ "duplicate": 3 }));
    }

    #[test]
    fn no_latency_is_null_and_not_zero() {
        assert_eq!(metrics(&Metrics::default())["op_to_server"], json!({ "count": 0, "p50_us": null, "p99_us": null }));
    }
}
