//! The end of a run: invariants judge, figures are counted, and reported writes are held against what nodes show.
//!
//! Nothing happens to any node any more.

use super::*;
use crate::invariants::OpRecord;

impl<S: System> World<'_, S> {
    pub(super) fn finish(mut self, luck: Luck) -> Outcome {
        self.parent = None;
        self.withdraw_excuses();
        let label = Label::new(NodeId::SERVER, Channel(0), Cause::Finish, Point::Boot);
        self.note(NodeId::SERVER, label, &[], || What::Rested);
        let mistake = self.compare_rows();
        for n in 1..self.slots.len() {
            let mut pending: Vec<Pending> = Vec::new();
            if let Seat::Device(device) = &self.slots[n].seat {
                device.pending(&self.slots[n].disk, &mut |one| pending.push(one));
            }
            pending.sort_unstable();
            pending.dedup();
            for one in &pending {
                let bucket = match one.state {
                    PendingState::Queued => 0,
                    PendingState::InFlight => 1,
                    PendingState::GivenUp => 2,
                    PendingState::DeadLetter => 3,
                };
                self.metrics.outbox_at_rest[bucket] += 1;
            }
            self.history.nodes[n].pending = pending;
        }
        for index in 0..self.invariants.len() {
            if self.invariants[index].not_checked(&self.facts, self.scenario.domain).is_none() {
                let invariant = &mut self.invariants[index];
                self.log.speaker(index, invariant.name(), self.now);
                invariant.judge(&self.history, &mut self.log);
            }
        }
        self.note_broken();
        self.tally();
        let mut deviations: Vec<Deviation> = self.cx.choices.made().to_vec();
        if let Luck::Drawn(..) = luck {
            let seated = |one: &&Deviation| self.is_seated(one.label.node());
            deviations.extend(self.scenario.schedule.iter().filter(seated));
        }
        let arrived = |record: &&OpRecord| match self.facts.server {
            true => record.on_server.is_some(),
            false => record.on_others.is_some(),
        };
        let reached_server = self.history.ops().filter(arrived).count() as u32;
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
            mistake: mistake.or(self.endless.map(|(node, what)| format!("{}: {what}", self.scenario.node_name(node)))),
        }
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

    /// Holds what the system reported against what it holds.
    fn compare_rows(&self) -> Option<String> {
        for (n, slot) in self.slots.iter().enumerate() {
            let mirror = &self.history.nodes[n].rows;
            let mut seen = 0;
            let mut difference = None;
            let mut visit = |row: &crate::model::Row| {
                seen += 1;
                if mirror.get(&(row.entity, row.key)) != Some(row) && difference.is_none() {
                    difference = Some((row.entity, row.key, Some(*row)));
                }
            };
            match &slot.seat {
                Seat::Device(device) => device.rows(&slot.disk, &mut visit),
                Seat::Server(server) => server.rows(&slot.disk, &mut visit),
                Seat::Down => continue,
            }
            let name = self.scenario.node_name(NodeId(n as u16));
            if let Some((entity, key, row)) = difference {
                let reported = mirror.get(&(entity, key));
                return Some(format!(
                    "{name} shows {} {} as {row:?} but its reported writes amount to {reported:?}",
                    self.scenario.domain.entity_name(entity),
                    self.scenario.row_name(entity, key),
                ));
            }
            if seen != mirror.len() {
                return Some(format!("{name} shows {seen} rows but its reported writes amount to {}", mirror.len()));
            }
        }
        None
    }
}
