//! What strikes a node: links, clocks, kills, wipes, the background, and what of an op nobody can ask for afterwards.
//!
//! When it strikes is in the scenario or was drawn with it; a restored server has a file of its own.

use super::*;

/// How often a flapping link changes.
pub(super) const FLAP: Span = Span::secs(4);

impl<S: System> World<'_, S> {
    pub(super) fn interfere(&mut self, index: u32, begins: bool) {
        let Deviation { label, fate } = self.scenario.schedule[index as usize];
        let Fate::During(_, lasts, strength) = fate else { return };
        let (node, point) = (label.node(), label.get_point());
        if begins {
            self.cx.choices.interfered(label);
            if let Some(fault) = Fault::of_interference(point, node.is_server())
                && !matches!(fault, Fault::Overload | Fault::Restore)
            {
                self.faults[fault as usize] += 1;
            }
            if self.healed {
                return;
            }
        }
        self.history.disturb(node);
        let until = self.before_heal(self.now + lasts);
        self.fingerprint.add(label.0 ^ u64::from(begins));
        let event = self.note(node, label, &[], || What::Interference { point, begins, strength });
        self.parent = event.or(self.parent);
        let now = self.now;
        let slot = &mut self.slots[node.index()];
        match point {
            Point::ClockOffset | Point::ClockJump => {
                self.history.clocks_true = false;
                self.history.nodes[node.index()].clock_bent = true;
                slot.clock.jump(strength);
            }
            Point::ClockDrift => {
                self.history.clocks_true = false;
                self.history.nodes[node.index()].clock_bent = true;
                slot.clock.drift(if begins { strength } else { 0 }, now);
                if begins {
                    self.push(until, label, Pends::End { index });
                }
            }
            Point::Kill => self.kill(node, label, lasts, false),
            Point::Upgrade => {
                inside(node, Doing::Upgrading, || self.system.upgraded(node, &mut slot.disk));
                self.kill(node, label, lasts, false);
            }
            Point::Background => {
                slot.background_until = until;
                self.push(until, label, Pends::Return { node });
            }
            Point::Overload => slot.overloaded_until = until,
            Point::Wipe => self.wipe(node, label),
            Point::Restore if begins => {
                self.back_up(index);
                self.push(until, label, Pends::End { index });
            }
            Point::Restore => self.restore(index, label),
            _ => {
                slot.link.interfere(point, begins, strength);
                if begins {
                    self.push(until, label, Pends::End { index });
                    if point == Point::Flapping {
                        self.push(self.before_heal(now + FLAP), label, Pends::Flap { node });
                    }
                }
                self.tell_link(node);
            }
        }
    }

    fn wipe(&mut self, node: NodeId, label: Label) {
        if !self.facts.server {
            self.history.excuse_where_only(node);
        }
        let slot = &mut self.slots[node.index()];
        slot.die();
        slot.installs += 1;
        let installs = slot.installs;
        slot.disk = inside(node, Doing::Disk, || self.system.disk(node, installs, &mut std::iter::empty()));
        self.history.wipe(node, installs);
        if self.facts.server {
            self.excuse(node);
        }
        self.boot(node, label, true);
    }

    /// What was on the wiped disk only cannot be asked for any more. A message that still holds an op may yet bring it to
    /// the server: whether it did is known at the end.
    fn excuse(&mut self, node: NodeId) {
        let open: Vec<OpId> = self
            .history
            .ops()
            .filter(|record| record.op.node == node && record.on_server.is_none() && record.verdicts.is_empty())
            .map(|record| record.op.id)
            .collect();
        for op in open {
            if let Some(record) = self.history.op_mut(op) {
                record.excused = true;
            }
        }
    }

    /// An excused op that reached the server all the same is held to its promises.
    pub(super) fn withdraw_excuses(&mut self) {
        let came: Vec<OpId> = self
            .history
            .ops()
            .filter(|record| record.excused)
            .filter(|record| match self.facts.server {
                true => record.on_server.is_some() || !record.verdicts.is_empty(),
                false => self.history.is_anywhere(record),
            })
            .map(|record| record.op.id)
            .collect();
        for op in came {
            if let Some(record) = self.history.op_mut(op) {
                record.excused = false;
            }
        }
    }

    fn kill(&mut self, node: NodeId, label: Label, down: Span, before_effects: bool) {
        self.note(node, label, &[], || What::Died { before_effects, down });
        let slot = &mut self.slots[node.index()];
        if !slot.is_up() {
            return;
        }
        slot.die();
        slot.background_until = Time::ZERO;
        let boot = Label::new(node, Channel(0), Cause::Boot(slot.boots + 1), Point::Boot);
        self.paused_tasks.retain(|(paused, _)| *paused != node);
        // What a dead process left half done is judged once it has booted and had a chance to repair it.
        self.history.nodes[node.index()].unfinished = 1;
        let at = self.before_heal(self.now + down);
        self.slots[node.index()].down_until = at;
        self.push(at, boot, Pends::Boot { node });
    }

    pub(super) fn tell_link(&mut self, node: NodeId) {
        let slot = &mut self.slots[node.index()];
        let online = slot.link.seems_online();
        if !slot.is_up() || slot.told_online == online {
            return;
        }
        slot.told_online = online;
        slot.link_changes += 1;
        let cause = Cause::Link(slot.link_changes);
        let label = Label::new(node, Channel(0), cause, Point::Op);
        self.note(node, label, &[], || What::Link { online });
        self.begin(node, label, cause);
        self.handle(Input::Link { online }, &[]);
    }

    pub(super) fn die_here(&mut self, node: NodeId, label: Label, down: Span, before: bool) {
        let fault = if node.is_server() { Fault::ServerKill } else { Fault::DeviceKill };
        self.faults[fault as usize] += 1;
        self.kill(node, label, down, before);
    }
}
