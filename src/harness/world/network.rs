//! Messages on their way: what a link, a fate and the state of the other side make of each copy.
//!
//! It decides no fate itself: that is drawn or looked up by label.

use super::*;

impl<S: System> World<'_, S> {
    pub(super) fn deliver(&mut self, label: Label, parcel: Parcel<S::Message>) {
        let Parcel { to, from, message, ops, damaged, garbled, sent, order } = parcel;
        let slot = &self.slots[to.index()];
        let loss = if !slot.is_up() || slot.background_until > self.now {
            Some(Loss::Down)
        } else if !to.is_server() && !slot.link.passes(Direction::Down) {
            Some(Loss::Link)
        } else {
            None
        };
        if let Some(why) = loss {
            self.note(to, label, &ops, || What::Lost { from, why });
            let sender = &self.slots[from.index()];
            if to.is_server() && sender.is_up() {
                let boot = sender.boots;
                let at = self.now + self.scenario.network.latency;
                let what = Pends::Refusal { to: from, unreachable: to, message: Box::new(message), boot };
                self.push(at, label.point(Point::Refusal), what);
            }
            return;
        }
        let newest = &mut self.newest[if to.is_server() { from } else { to }.index()][usize::from(to.is_server())];
        if order < *newest {
            self.faults[Fault::Reorder as usize] += 1;
        }
        *newest = order.max(*newest);
        let event = self.note(to, label, &ops, || What::Arrived { from, damaged, garbled, sent });
        self.parent = event.or(self.parent);
        let overloaded = slot_overloaded(&self.slots[to.index()], self.now);
        self.begin(to, label, label.cause());
        let input = if garbled {
            Input::Garbled { from }
        } else if overloaded {
            self.faults[Fault::Overload as usize] += 1;
            Input::Overloaded { from, message }
        } else {
            Input::Message { from, message }
        };
        self.history.damaged = damaged;
        self.history.as_of = if to.is_server() { Time::ZERO } else { sent };
        self.answered = false;
        self.handle(input, &ops);
        if !(garbled || damaged || overloaded) {
            // An acknowledgement may lead to nothing that shows: its device forgets the op, and that is all.
            let acknowledges = || ops.iter().any(|op| self.history.acknowledges(to, *op));
            self.heard.arrived(label.channel(), self.answered || acknowledges());
        }
        self.history.damaged = false;
        self.history.as_of = Time::ZERO;
    }

    pub(super) fn send(&mut self, node: NodeId, out: Outgoing<S::Message>, ops: &[OpId]) {
        let Outgoing { to, route, mut message, .. } = out;
        assert!(to.index() < self.slots.len(), "a message goes to the server or to a device of the run");
        self.heard.sent(node);
        let label = match route {
            Route::Request(channel, cause) => {
                let attempt = self.slots[node.index()].count(channel, cause);
                self.metrics.requests += 1;
                if self.facts.pulls.contains(&channel) {
                    self.history.nodes[node.index()].asked = Some(self.now);
                }
                if ops.is_empty()
                    && let Cause::Op(op) = cause
                    && let Some(record) = self.history.op_mut(op)
                {
                    record.named += 1;
                }
                if !ops.is_empty() {
                    let now = self.now;
                    for op in ops {
                        if let Some(record) = self.history.op_mut(*op) {
                            record.sends.push(now);
                        }
                    }
                    self.moment(&Moment::Sent { node, channel, cause, step: self.cx.label, ops });
                }
                Label::new(node, channel, cause, Point::Send).attempt(attempt)
            }
            Route::Answer(request) => {
                for op in ops.iter().filter(|op| self.history.is_own(node, **op)).copied().collect::<Vec<_>>() {
                    self.history.op_mut(op).expect("a device's own op has a record").named += 1;
                }
                let copy = if request.get_point() == Point::Step {
                    (request.get_number() & (SERVER_STEPS - 1)) / 256
                } else {
                    request.get_number()
                };
                request.point(Point::Reply).number(copy)
            }
        };
        let (bytes, compressed) = inside(node, Doing::Sizing, || (message.bytes(), message.compressed()));
        self.metrics.messages += 1;
        self.metrics.bytes += u64::from(bytes);
        self.metrics.compressed_bytes += u64::from(compressed);
        self.send_order += 1;
        let order = self.send_order;
        let fate = if self.healed { None } else { self.cx.choices.message(label) };
        let device = if node.is_server() { to } else { node };
        let direction = if node.is_server() { Direction::Down } else { Direction::Up };
        if fate.is_some() && !ops.is_empty() {
            self.history.disturb(device);
        }
        let slot = &mut self.slots[device.index()];
        let departs = self.now + self.cx.work;
        let known_down = direction == Direction::Up && !slot.link.seems_online();
        let swallowed = direction == Direction::Up && !slot.link.passes(Direction::Up);
        let lost = match fate {
            _ if known_down || swallowed => Some(Loss::Link),
            Some(Fate::Drop) => Some(Loss::Dropped),
            _ => None,
        };
        if let Some(fault) = fate.and_then(|fate| Deviation { label, fate }.fault())
            && lost != Some(Loss::Link)
        {
            self.faults[fault as usize] += 1;
        }
        let sent = self.note(node, label, ops, || What::Sent { to, fate, bytes, lost });
        let before = self.parent;
        self.parent = sent.or(before);
        let latency = self.slots[device.index()].link.latency(&self.scenario.network, bytes);
        if known_down {
            let boot = self.slots[node.index()].boots;
            let what = Pends::Refusal { to: node, unreachable: to, message: Box::new(message), boot };
            self.push(departs + Span::millis(1), label.point(Point::Refusal), what);
        } else if lost.is_none() {
            // What a slow link still holds when the faults end comes through at once.
            let polite =
                self.capped(departs + latency, departs + Link::default().latency(&self.scenario.network, bytes));
            let mut arrival = match fate {
                Some(Fate::Delay(more)) => self.capped(polite + more, polite),
                _ => self.slots[device.index()].link.in_order(direction, polite),
            };
            if fate.is_some() && self.scenario.heal != Time::NEVER {
                arrival = arrival.max(departs);
            }
            let garbled = match fate {
                Some(Fate::Corrupt(luck)) => !inside(node, Doing::Sizing, || message.corrupt(luck)),
                Some(Fate::Truncate) => true,
                _ => false,
            };
            let damaged = matches!(fate, Some(Fate::Corrupt(_) | Fate::Truncate));
            let (from, sent, ops) = (node, self.now, Carried::new(ops));
            let parcel = Box::new(Parcel { to, from, message, ops, damaged, garbled, sent, order });
            if let Some(Fate::Duplicate(more)) = fate {
                self.in_flight += 1;
                let what = Pends::Deliver(inside(node, Doing::Sizing, || parcel.clone()));
                self.push(self.capped(polite + more, polite), label.number(label.get_number() + 1), what);
            }
            self.in_flight += 1;
            self.push(arrival, label, Pends::Deliver(parcel));
        }
        self.parent = before;
    }

    /// A delayed arrival, no later than a polite one at the time when the faults end.
    fn capped(&self, arrival: Time, polite: Time) -> Time {
        if self.scenario.heal == Time::NEVER {
            return arrival;
        }
        arrival.min(polite.max(self.scenario.heal + self.scenario.network.latency))
    }
}
