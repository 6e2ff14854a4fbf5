//! What one run yields: fingerprint, violations, what it exercised, and figures.

use super::heard::Heard;
use super::trace::Event;
use crate::invariants::running::NodesKeepRunning;
use crate::invariants::{Identity, Violation};
use crate::model::Row;
use crate::sim::{Deviation, NodeId, OpId, Span, Time};
use crate::system::{METRICS, Pending, Verdict, Word};

/// What one run yields.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Running hash over everything that happened.
    pub fingerprint: u64,
    /// Broken promises, the first of each identity, in the order in which they broke.
    pub violations: Vec<Violation>,
    /// One bit for each invariant whose antecedent occurred.
    pub exercised: u64,
    /// One bit for each goal reached.
    pub goals: u64,
    /// How often each fault fired, by [`crate::sim::Fault`].
    pub faults: [u32; crate::sim::choice::FAULTS.len()],
    /// Every choice that was not polite, in the order in which it came up; interferences first.
    pub deviations: Vec<Deviation>,
    /// Deviations of the scenario that never came up.
    pub unused: Vec<Deviation>,
    /// Events that happened.
    pub events: u64,
    /// When the run ended.
    pub ended: Time,
    /// Whether it came to rest.
    pub rested: bool,
    /// Figures for comparison.
    pub metrics: Metrics,
    /// Ops that took effect on the server; without a server, ops of which something showed on another device (one stands
    /// for all where the system does not report which op set each field).
    pub reached_server: u32,
    /// Ops that no disk and no message held any more after a wipe.
    pub excused: u32,
    /// The trace, if it was asked for.
    pub trace: Vec<Event>,
    /// How every op ended, and what every node held, if the trace was asked for.
    pub end: Option<Box<End>>,
    /// Which verbs, channels and devices were there, and which of them were answered.
    pub heard: Heard,
    /// The first difference between what the system reported and what it holds: a mistake in the model.
    pub mistake: Option<String>,
}

/// An op, what its user was told and when, and the last verdict on it.
pub type OpEnd = (OpId, Vec<(Time, Word)>, Option<Verdict>);

/// How a run ended, for expectations and tables.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// Rows of every node.
    pub rows: Vec<Vec<Row>>,
    /// Each op's last word and last verdict.
    pub ops: Vec<OpEnd>,
    /// Each op that wrote something on the server: how long after its user did it.
    pub delays: Vec<(OpId, Span)>,
    /// What each node still wanted.
    pub pending: Vec<(NodeId, Vec<Pending>)>,
    /// All outboxes together, whenever their counts changed.
    pub outbox: Vec<OutboxAt>,
}

/// How many ops stood where in the outboxes of all devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboxAt {
    /// From when on.
    pub at: Time,
    /// Ops pending, being sent, given up, and dead letters.
    pub waiting: [u32; 4],
    /// Ops that the server had accepted.
    pub synced: u32,
}

/// Figures of one run or the sum over many.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Counters reported by the system, by [`crate::system::Metric`].
    pub counted: [u64; METRICS.len()],
    /// Requests sent by devices.
    pub requests: u64,
    /// Messages sent by anybody.
    pub messages: u64,
    /// Bytes sent by anybody.
    pub bytes: u64,
    /// Ops that users did.
    pub ops: u64,
    /// Ops that the app did not take.
    pub refused: u64,
    /// Ops accepted by the server.
    pub accepted: u64,
    /// Ops rejected by the server after the user was told `saved`.
    pub rejected: u64,
    /// Ops superseded by others.
    pub superseded: u64,
    /// Time from each op to its first effect on the server.
    pub to_server: Histogram,
    /// Time from each op to its first sight on another device.
    pub to_others: Histogram,
    /// Outbox ops at the end: queued, in flight, given up, dead letters.
    pub outbox_at_rest: [u64; 4],
    /// Most ops pending on one device at once.
    pub longest_outbox: u64,
    /// Ops with a total over lines: what a till is for; see [`crate::model::Domain::is_sale`].
    pub sales: u64,
    /// Sales that the app did not take.
    pub sales_refused: u64,
    /// Sales rejected by the server after the customer had left with a receipt.
    pub sales_rejected: u64,
    /// Ops that passed for done and whose effect was overwritten unseen or dropped, without any decision; counted where
    /// `conflicts-decided` watches.
    pub edits_lost: u64,
    /// Ops of which the user was told that somebody else's change stands against them.
    pub conflicts_shown: u64,
    /// Sales that the app took, nobody refused and no wipe destroyed: those that must arrive on the server.
    pub sales_due: u64,
    /// The same in runs with other devices: those that must show there.
    pub sales_due_elsewhere: u64,
    /// Time from each sale that is due to its first effect on the server.
    pub sale_to_server: Histogram,
    /// Time from each sale that is due to its first sight on another device.
    pub sale_to_others: Histogram,
    /// Bytes sent by anybody, had every message been compressed.
    pub compressed_bytes: u64,
    /// Time from the last successful exchange of each device to the end of its run.
    pub since_last_sync: Histogram,
}

impl Metrics {
    /// Adds another run's figures.
    pub fn add(&mut self, other: &Metrics) {
        for (sum, n) in self.counted.iter_mut().zip(other.counted) {
            *sum += n;
        }
        self.requests += other.requests;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.ops += other.ops;
        self.refused += other.refused;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.superseded += other.superseded;
        self.to_server.merge(&other.to_server);
        self.to_others.merge(&other.to_others);
        for (sum, n) in self.outbox_at_rest.iter_mut().zip(other.outbox_at_rest) {
            *sum += n;
        }
        self.longest_outbox = self.longest_outbox.max(other.longest_outbox);
        self.sales += other.sales;
        self.sales_refused += other.sales_refused;
        self.sales_rejected += other.sales_rejected;
        self.edits_lost += other.edits_lost;
        self.conflicts_shown += other.conflicts_shown;
        self.sales_due += other.sales_due;
        self.sales_due_elsewhere += other.sales_due_elsewhere;
        self.sale_to_server.merge(&other.sale_to_server);
        self.sale_to_others.merge(&other.sale_to_others);
        self.compressed_bytes += other.compressed_bytes;
        self.since_last_sync.merge(&other.since_last_sync);
    }
}

const BUCKETS: usize = 96;

/// Spans counted on a logarithmic scale, three buckets to a doubling of milliseconds; merging is exact.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: [u32; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: [0; BUCKETS] }
    }
}

impl Histogram {
    fn edge(bucket: usize) -> u64 {
        let (octave, third) = (bucket as u64 / 3, bucket as u64 % 3);
        (1u64 << octave) * 1_000 * [100, 126, 159][third as usize] / 100
    }
    /// Counts a span.
    pub fn add(&mut self, span: Span) {
        let millis = (span.0 / 1_000).max(1);
        let mut bucket = 3 * (63 - millis.leading_zeros() as usize);
        while bucket + 1 < BUCKETS && Histogram::edge(bucket + 1) <= span.0 {
            bucket += 1;
        }
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
    }
    /// Adds another's counts.
    pub fn merge(&mut self, other: &Histogram) {
        for (sum, n) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += n;
        }
    }
    /// Number of spans counted.
    pub fn len(&self) -> u64 {
        self.buckets.iter().map(|n| u64::from(*n)).sum()
    }
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The span that `percent` of all are at or below (to a third of a doubling), or `None` if there are none.
    pub fn percentile(&self, percent: u64) -> Option<Span> {
        self.at_rank((self.len() * percent).div_ceil(100))
    }
    /// The span that stands at this place, counted from 1, of all in order; `None` beyond the last.
    pub fn at_rank(&self, rank: u64) -> Option<Span> {
        let mut seen = 0;
        for (bucket, n) in self.buckets.iter().enumerate() {
            seen += u64::from(*n);
            if seen >= rank.max(1) {
                return Some(Span(Histogram::edge(bucket)));
            }
        }
        None
    }
}

impl Outcome {
    /// Whether this identity was broken.
    pub fn broke(&self, identity: Identity) -> Option<&Violation> {
        self.violations.iter().find(|violation| violation.identity() == identity)
    }

    /// Whether it was ended by a panic or an endless loop of the system; then nothing is known of its rest.
    pub fn was_stopped(&self) -> bool {
        self.violations.iter().any(|violation| violation.invariant == NodesKeepRunning::NAME)
    }

    /// The promises that were broken, each once, in the order in which they broke.
    pub fn broken(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for violation in &self.violations {
            if !names.contains(&violation.invariant) {
                names.push(violation.invariant);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_within_a_third_of_a_doubling() {
        let mut histogram = Histogram::default();
        for ms in 1..=1_000 {
            histogram.add(Span::millis(ms));
        }
        assert_eq!(histogram.len(), 1_000);
        let p50 = histogram.percentile(50).unwrap().0;
        assert!((390_000..=500_000).contains(&p50), "{p50}");
        let p99 = histogram.percentile(99).unwrap().0;
        assert!((780_000..=990_000).contains(&p99), "{p99}");
        assert_eq!(Histogram::default().percentile(50), None);
    }
}
