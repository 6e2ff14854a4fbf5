//! Figures of a run or of a campaign as lines of text.
//!
//! The same figures as JSON are in [`super::json`]. Nothing is computed here but percentiles.

use super::standing::span;
use super::words::{plural, thousands};
use crate::harness::{Histogram, Metrics, OutboxAt};
use crate::sim::Span;
use crate::system::Metric;

/// A name and its figures, one pair a line.
pub fn rows(metrics: &Metrics) -> Vec<(&'static str, String)> {
    let [queued, in_flight, given_up, dead] = metrics.outbox_at_rest.map(thousands);
    let counted = |metric: Metric| metrics.counted[metric as usize];
    let n = |metric| thousands(counted(metric));
    let mut rows = vec![
        (
            "ops",
            format!(
                "{} · {} accepted, {} rejected after `saved`, {} superseded, {} refused by the app",
                thousands(metrics.ops),
                thousands(metrics.accepted),
                thousands(metrics.rejected),
                thousands(metrics.superseded),
                thousands(metrics.refused)
            ),
        ),
        ("outbox at rest", format!("{queued} pending, {in_flight} syncing, {given_up} failed, {dead} dead")),
        ("op → server", latency(&metrics.to_server)),
        ("op → other devices", latency(&metrics.to_others)),
        (
            "conflicts",
            format!(
                "{} of stock, {} of price · server kept {}, device kept {}, recorded for a human {}",
                n(Metric::StockConflicts),
                n(Metric::PriceConflicts),
                n(Metric::ConflictsServerKept),
                n(Metric::ConflictsDeviceKept),
                n(Metric::ConflictsRecorded)
            ),
        ),
        (
            "validation",
            format!(
                "{}, {}",
                plural(counted(Metric::ValidationFailures), "failure"),
                plural(counted(Metric::KeyHits), "idempotency key hit")
            ),
        ),
        (
            "transport",
            format!(
                "{}, {} · {}, {}, {} bytes",
                plural(counted(Metric::TimeOuts), "time-out"),
                plural(counted(Metric::Retries), "repeated send"),
                plural(metrics.requests, "request"),
                plural(metrics.messages, "message"),
                thousands(metrics.bytes)
            ),
        ),
        ("syncs", syncs(metrics)),
        (
            "payload",
            format!("{} bytes, {} if compressed", thousands(metrics.bytes), thousands(metrics.compressed_bytes)),
        ),
    ];
    // What a system does not count, it does not report.
    let silent = |metrics_of: &[Metric]| metrics_of.iter().all(|metric| counted(*metric) == 0);
    let conflicts = [
        Metric::StockConflicts,
        Metric::PriceConflicts,
        Metric::ConflictsServerKept,
        Metric::ConflictsDeviceKept,
        Metric::ConflictsRecorded,
    ];
    let reported = [
        ("conflicts", silent(&conflicts)),
        ("validation", silent(&[Metric::ValidationFailures, Metric::KeyHits])),
        ("syncs", silent(&[Metric::SyncsSucceeded, Metric::SyncsFailed])),
    ];
    rows.retain(|(name, _)| !reported.contains(&(*name, true)));
    // What showed on other devices without ever being on a server went there without one.
    if metrics.to_server.is_empty() && !metrics.to_others.is_empty() {
        rows.retain(|(name, _)| *name != "op → server");
    }
    rows
}

/// How exchanges with the server ended, and how long a device had been without a good one when its run ended.
pub fn syncs(metrics: &Metrics) -> String {
    let [good, bad, time] =
        [Metric::SyncsSucceeded, Metric::SyncsFailed, Metric::SyncTime].map(|metric| metrics.counted[metric as usize]);
    let parts = (bad * 1_000).checked_div(good + bad).unwrap_or(0);
    let mean = time.checked_div(good).map_or("none".into(), |mean| Span::millis(mean / 1_000).to_string());
    let last = metrics
        .since_last_sync
        .percentile(99)
        .map_or("never".into(), |age| format!("p99 {} before the end", span(Some(age))));
    let (good, bad) = (thousands(good), thousands(bad));
    format!("{good} succeeded, {bad} failed ({}.{} %) · mean {mean} · last success {last}", parts / 10, parts % 10)
}

fn latency(histogram: &Histogram) -> String {
    match (histogram.percentile(50), histogram.percentile(99)) {
        (p50 @ Some(_), p99) => format!("p50 {}, p99 {} (of {})", span(p50), span(p99), thousands(histogram.len())),
        _ => "none arrived".into(),
    }
}

/// The same as an indented block.
pub fn text(metrics: &Metrics) -> String {
    rows(metrics).into_iter().map(|(name, figures)| format!("  {name:<19} {figures}\n")).collect()
}

/// The outboxes of all devices over time, a line for each change.
pub fn outbox(changes: &[OutboxAt]) -> String {
    let mut text = String::from("\noutbox over time        pending  syncing  failed  dead  synced\n");
    for OutboxAt { at, waiting: [pending, syncing, failed, dead], synced } in changes {
        let at = at.to_string();
        text += &format!("  {at:<20} {pending:>8} {syncing:>8} {failed:>7} {dead:>5} {synced:>7}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_without_any_arrival_says_so() {
        assert!(text(&Metrics::default()).contains("op → server         none arrived"));
    }

    #[test]
    fn sums_show_the_outbox_by_state() {
        let mut sum = Metrics::default();
        for _ in 0..2 {
            let mut one = Metrics { outbox_at_rest: [1, 0, 0, 600], ..Metrics::default() };
            one.to_server.add(Span::secs(1));
            sum.add(&one);
        }
        let text = text(&sum);
        assert!(text.contains("2 pending, 0 syncing, 0 failed, 1,200 dead"), "{text}");
        assert!(text.contains("(of 2)"), "{text}");
    }
}
