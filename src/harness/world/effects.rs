//! What a step did: its writes go into the record, then what it told, set and sent goes out.
//!
//! Why two parts: a node that dies right after its step has written all the same, and has told and sent nothing.

use super::*;

impl<S: System> World<'_, S> {
    pub(super) fn take_writes(&mut self, node: NodeId) {
        let writes = std::mem::take(&mut self.cx.writes);
        for write in &writes {
            if let Some(row) = &write.after {
                self.fingerprint.add(row.key.0 ^ u64::from(row.entity.0) << 56);
                self.fingerprint.add(row.fields.iter().fold(0, |sum, v| sum.wrapping_mul(31) ^ v.bits() as u64));
            } else if let Some(row) = &write.before {
                self.fingerprint.add(!row.key.0);
            }
            if !write.row().is_some_and(|row| row.entity.is_bookkeeping()) || node.is_server() {
                self.last_write = self.now;
            }
            self.hold_write(node, write);
            self.history.wrote(node, write);
            self.note(node, self.cx.label, ops_of(&write.op), || What::Wrote(Box::new(*write)));
            self.moment(&Moment::Wrote(node, write));
        }
        self.cx.writes = writes;
        self.cx.writes.clear();
        let decided = std::mem::take(&mut self.cx.decided);
        for (op, verdict) in &decided {
            let now = self.now;
            self.fingerprint.add(u64::from(op.0) << 8 ^ verdict_code(verdict));
            self.note(node, self.cx.label, ops_of(op), || What::Decided(*op, *verdict));
            self.moment(&Moment::Decided(*op, *verdict));
            if let Some(record) = self.history.op_mut(*op) {
                record.verdicts.push((now, *verdict));
            }
        }
        self.cx.decided = decided;
        self.cx.decided.clear();
        self.goals |= std::mem::take(&mut self.cx.goals);
    }

    pub(super) fn drop_effects(&mut self) {
        self.cx.sends.clear();
        self.cx.carried.clear();
        self.cx.told.clear();
        self.cx.given_up.clear();
        self.cx.timers.clear();
        self.cx.lamp = None;
    }

    pub(super) fn take_effects(&mut self, node: NodeId) {
        let told = std::mem::take(&mut self.cx.told);
        for (op, word) in &told {
            self.fingerprint.add(u64::from(op.0) << 8 ^ (*word as u64) ^ 0xF0);
            self.history.told(node, *op, *word);
            self.note(node, self.cx.label, ops_of(op), || What::Told(*op, *word));
            self.moment(&Moment::Told(node, *op, *word));
        }
        self.cx.told = told;
        self.cx.told.clear();
        for op in self.cx.given_up.drain(..) {
            if let Some(record) = self.history.op_mut(op) {
                record.given_up = true;
            }
        }
        if let Some(lamp) = self.cx.lamp.take() {
            let view = &mut self.history.nodes[node.index()];
            if view.lamp != Some(lamp) {
                view.lamp = Some(lamp);
                self.metrics.longest_outbox = self.metrics.longest_outbox.max(u64::from(lamp.pending));
                self.note(node, self.cx.label, &[], || What::Shown(lamp));
            }
        }
        let timers = std::mem::take(&mut self.cx.timers);
        for change in &timers {
            match *change {
                TimerChange::Cancel(timer) => self.slots[node.index()].cancel_timer(timer),
                TimerChange::Set(timer, after, cause) => self.set_timer(node, timer, after, cause),
            }
        }
        self.cx.timers = timers;
        self.cx.timers.clear();
        let mut sends = std::mem::take(&mut self.cx.sends);
        let carried = std::mem::take(&mut self.cx.carried);
        for out in sends.drain(..) {
            let ops = &carried[out.ops.0 as usize..out.ops.1 as usize];
            self.send(node, out, ops);
        }
        self.cx.sends = sends;
        self.cx.carried = carried;
        self.cx.carried.clear();
    }

    fn set_timer(&mut self, node: NodeId, timer: Timer, after: Span, cause: Option<Cause>) {
        let slot = &mut self.slots[node.index()];
        let id = slot.set_timer(timer);
        let cause = match cause {
            Some(cause) => cause,
            None => Cause::Tick(timer.channel, slot.count(timer.channel, Cause::Tick(timer.channel, 0))),
        };
        let mut label = Label::new(node, timer.channel, cause, Point::Timer);
        if !matches!(cause, Cause::Tick(..)) {
            label = label.attempt(slot.count(timer.channel, cause));
        }
        let late = if self.healed { Span::ZERO } else { self.cx.choices.timer(label) };
        if late > Span::ZERO && !self.facts.time_outs.contains(&timer.channel) {
            self.history.disturb(node);
        }
        let due = self.now + after;
        let at = if late > Span::ZERO { self.before_heal(due + late).max(due) } else { due };
        self.push(at, label, Pends::Timer { node, timer, id, cause, late });
    }
}
