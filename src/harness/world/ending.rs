//! The end of a run: invariants judge, figures are counted, and reported writes are held against what nodes show.
//!
//! Nothing happens to any node any more.

use super::*;
use crate::invariants::OpRecord;
use crate::invariants::running::NodesKeepRunning;

/// What the fingerprint of a run that was stopped ends with, whatever the panic or the loop was.
const STOPPED: u64 = 0x5707_7ED0;

impl<S: System> World<'_, S> {
    /// What the nodes hold and still want, once nothing happens to them any more.
    pub(super) fn look_at_rest(&mut self) {
        for n in 1..self.slots.len() {
            let mut pending = self.pending(n);
            pending.dedup();
            self.history.nodes[n].pending = pending;
        }
        self.mistake = self.mistake.take().or_else(|| self.compare_rows());
    }

    pub(super) fn finish(mut self, luck: Luck) -> Outcome {
        // Both ask the system which rows belong where.
        if let Err(panic) = within(|| self.withdraw_excuses()) {
            self.stop(panic, Vec::new());
        }
        let before = self.log.mark();
        if self.history.stopped.is_none()
            && let Err(panic) = within(|| self.judge())
        {
            self.log.forget_since(before);
            self.history.rested = false;
            self.stop(panic, Vec::new());
        }
        match &self.history.stopped {
            Some(stopped) => {
                self.fingerprint.add(STOPPED);
                if matches!(stopped.how, How::WentRound { .. }) {
                    self.shorten_trace();
                }
                self.judge_stopped();
            }
            None => {
                self.count_outboxes();
                self.parent = None;
                let label = Label::new(NodeId::SERVER, Channel(0), Cause::Finish, Point::Boot);
                self.note(NodeId::SERVER, label, &[], || What::Rested);
            }
        }
        self.note_broken();
        self.tally();
        let mut deviations: Vec<Deviation> = self.cx.choices.made().to_vec();
        if let Luck::Drawn(..) = luck {
            let seated = |one: &&Deviation| self.is_seated(one.label.node());
            deviations.extend(self.scenario.schedule.iter().filter(seated));
        }
        self.heard.ops(&self.history);
        let arrived = |record: &&OpRecord| match self.facts.server {
            true => record.on_server.is_some(),
            false => record.on_others.is_some(),
        };
        let arrived = self.history.ops().filter(arrived).count() as u32;
        // Without tags nobody can say which ops came to another device, only that something did.
        let untold = !self.facts.server && !self.facts.reports.authors;
        let came = self.history.nodes.iter().any(|view| view.came != 0);
        let reached_server = arrived.max(u32::from(untold && came));
        let excused = self.history.ops().filter(|record| record.excused).count() as u32;
        let recorded = self.trace.is_on();
        let end = recorded.then(|| Box::new(self.end()));
        Outcome {
            fingerprint: self.fingerprint.0,
            exercised: self.log.exercised,
            violations: std::mem::take(&mut self.log.violations),
            goals: self.goals,
            faults: self.faults,
            deviations,
            unused: self.cx.choices.unused(),
            events: self.events,
            ended: self.now,
            rested: self.history.rested,
            metrics: self.metrics,
            reached_server,
            excused,
            trace: self.trace.into_events(),
            end,
            heard: self.heard,
            mistake: self.mistake,
        }
    }

    fn count_outboxes(&mut self) {
        for view in &self.history.nodes {
            for one in &view.pending {
                let bucket = match one.state {
                    PendingState::Queued => 0,
                    PendingState::InFlight => 1,
                    PendingState::GivenUp => 2,
                    PendingState::DeadLetter => 3,
                };
                self.metrics.outbox_at_rest[bucket] += 1;
            }
        }
    }

    fn judge(&mut self) {
        for index in &self.checked {
            let invariant = &mut self.invariants[*index];
            self.log.speaker(*index, invariant.name(), self.now);
            invariant.judge(&self.history, &mut self.log);
        }
    }

    /// A run that was stopped did not come to rest: that it was stopped is all that can be said of its end, whatever the
    /// run was to be held against.
    fn judge_stopped(&mut self) {
        let own = self.invariants.iter().position(|invariant| invariant.name() == NodesKeepRunning::NAME);
        let index = own.unwrap_or(self.invariants.len());
        self.log.speaker(index, NodesKeepRunning::NAME, self.now);
        NodesKeepRunning.judge(&self.history, &mut self.log);
    }

    fn end(&self) -> End {
        End {
            rows: self.history.nodes.iter().map(|view| view.rows.values().copied().collect()).collect(),
            ops: self.history.ops().map(|record| (record.op.id, record.told.clone(), record.verdict())).collect(),
            delays: self
                .history
                .ops()
                .filter_map(|record| Some((record.op.id, record.on_server?.since(record.at?))))
                .collect(),
            pending: (1..self.slots.len()).map(|n| (NodeId(n as u16), self.history.nodes[n].pending.clone())).collect(),
            outbox: self.outbox.clone(),
        }
    }

    fn tally(&mut self) {
        for (sum, n) in self.metrics.counted.iter_mut().zip(self.cx.metrics) {
            *sum += n;
        }
        for (_, at) in &self.cx.last_syncs {
            self.metrics.since_last_sync.add(self.history.now.since(*at));
        }
        for record in self.history.ops() {
            let at = record.at.expect("only ops that happened are listed");
            if record.was_told(Word::Refused) {
                self.metrics.refused += 1;
            }
            match record.verdict() {
                Some(Verdict::Accepted) => self.metrics.accepted += 1,
                Some(Verdict::Rejected { .. }) if record.is_promised() => self.metrics.rejected += 1,
                Some(Verdict::Superseded { .. }) => self.metrics.superseded += 1,
                _ => {}
            }
            if let Some(on_server) = record.on_server {
                self.metrics.to_server.add(on_server.since(at));
            }
            if let Some(on_others) = record.on_others {
                self.metrics.to_others.add(on_others.since(at));
            }
        }
        self.tally_sales();
        self.metrics.edits_lost = self.log.lost_edits().len() as u64;
    }

    fn tally_sales(&mut self) {
        let alone = self.slots.len() < 3;
        let metrics = &mut self.metrics;
        for record in self.history.ops() {
            let told = |word| record.was_told(word);
            metrics.conflicts_shown += u64::from(told(Word::Conflict) || told(Word::Superseded));
            if !self.scenario.domain.is_sale(&record.op) {
                continue;
            }
            metrics.sales += 1;
            let rejected = matches!(record.verdict(), Some(Verdict::Rejected { .. }));
            metrics.sales_refused += u64::from(told(Word::Refused));
            metrics.sales_rejected += u64::from(rejected && record.is_promised());
            let Some(at) = record.at else { continue };
            if rejected || record.excused || !record.is_promised() || record.is_withdrawn() {
                continue;
            }
            metrics.sales_due += 1;
            if let Some(on_server) = record.on_server {
                metrics.sale_to_server.add(on_server.since(at));
            }
            if alone {
                continue;
            }
            metrics.sales_due_elsewhere += 1;
            if let Some(on_others) = record.on_others {
                metrics.sale_to_others.add(on_others.since(at));
            }
        }
    }
}
