//! What happened on a node at one moment, in pieces of text: the trigger, the rows that changed, verdicts, words.
//!
//! Messages and their arrows are not here; neither is the choice of which moments get a line.

use super::{Group, Piece, Teller, Tone, bad, plain, quiet};
use crate::harness::What;
use crate::model::domain::Promise;
use crate::model::{Entity, Key};
use crate::report::rows::{self, Change};
use crate::report::words;
use crate::sim::{Cause, OpId, Point, Span};
use crate::system::{Verdict, Word, Write};

impl Teller<'_> {
    /// What happened on the node itself at this moment, without its messages.
    pub(super) fn pieces(&self, group: &Group, sends: bool) -> Vec<Piece> {
        let writes: Vec<&Write> = group
            .events
            .iter()
            .filter_map(|event| match &self.event(*event).what {
                What::Wrote(write) => Some(&**write),
                _ => None,
            })
            .collect();
        let mut changes = rows::changes(self.scenario, &writes, self.steps);
        let mut soft = Vec::new();
        let mut pieces = Vec::new();
        for (position, index) in group.events.iter().enumerate() {
            self.trigger(group, *index, position, sends, &mut changes, &mut pieces, &mut soft);
        }
        pieces.extend(changes.iter().map(|change| plain(change.in_full())));
        let about = self.ops_of(group);
        for index in &group.events {
            let event = self.event(*index);
            match &event.what {
                What::Decided(op, verdict) => {
                    let tone = if *verdict == Verdict::Accepted { Tone::Good } else { Tone::Bad };
                    let text = self.about(*op, &about, words::verdict(self.scenario, verdict));
                    pieces.push(Piece { text, tone });
                }
                What::Told(op, word) => {
                    let tone = match word {
                        Word::Saved | Word::Synced | Word::UpToDate => Tone::Good,
                        Word::Unknown => Tone::Plain,
                        _ => Tone::Bad,
                    };
                    // "Up to date" after every idle pull is a heartbeat.
                    let idle = *word == Word::UpToDate && pieces.is_empty() && !self.steps;
                    if !idle {
                        pieces.push(Piece { text: self.about(*op, &about, word.name().into()), tone });
                    }
                }
                What::Shown(lamp) if self.steps => {
                    pieces.push(quiet(format!("lamp {}, {} pending", lamp.dot.name(), lamp.pending)));
                }
                What::Paused(span) => pieces.push(bad(format!("held up for {span}"))),
                What::Died { before_effects, down } => pieces.push(self.death(group, *before_effects, *down)),
                _ => {}
            }
        }
        if !pieces.is_empty() || sends {
            soft.extend(pieces);
            return soft;
        }
        pieces
    }

    fn death(&self, group: &Group, before_effects: bool, down: Span) -> Piece {
        let interfered = matches!(self.event(group.events[0]).what, What::Interference { .. });
        bad(match (interfered, before_effects) {
            (true, _) => format!("killed, down for {down}"),
            (false, true) => format!("killed before anything went out, down for {down}"),
            (false, false) => format!("killed after everything went out, down for {down}"),
        })
    }

    /// The ops that this moment is obviously about, so that they need no name.
    fn ops_of(&self, group: &Group) -> Vec<OpId> {
        let first = self.event(group.events[0]);
        match &first.what {
            What::Acted(op) => vec![op.id],
            What::Arrived { .. } if group.node.is_server() => first.ops.clone(),
            What::Arrived { .. } if !self.facts.server && first.label.node() != group.node => first.ops.clone(),
            _ => {
                let own = self.scenario.steps.iter().filter(|step| step.op.node == group.node);
                own.map(|step| step.op).filter(|op| self.is_durable(op)).map(|op| op.id).collect()
            }
        }
    }

    fn is_durable(&self, op: &crate::model::Op) -> bool {
        self.scenario.domain.verb(op).promise == Promise::Durable
    }

    fn about(&self, op: OpId, about: &[OpId], text: String) -> String {
        match op.is_some() && (self.steps || about != [op]) {
            true => format!("{} {text}", words::op(self.scenario, op)),
            false => text,
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn trigger(
        &self,
        group: &Group,
        index: usize,
        position: usize,
        sends: bool,
        changes: &mut Vec<Change>,
        pieces: &mut Vec<Piece>,
        soft: &mut Vec<Piece>,
    ) {
        let event = self.event(index);
        let cause = || self.names.cause(event.label.cause());
        match &event.what {
            What::Acted(op) => {
                let command = self.scenario.domain.verb(op).promise == Promise::Command;
                if !(command && sends) || self.steps {
                    pieces.push(plain(self.action(op, changes)));
                }
            }
            What::Arrived { damaged, garbled, from, .. } => {
                if event.label.get_number() > 0 {
                    pieces.push(bad("a second copy"));
                }
                match (damaged, garbled) {
                    (_, true) => pieces.push(bad("cannot be read")),
                    (true, false) => pieces.push(bad("damaged, but readable")),
                    _ => {}
                }
                if self.steps {
                    let whose = self.scenario.node_name(*from);
                    pieces.push(quiet(format!("from {whose} [{}]", self.names.label(event.label))));
                }
            }
            What::Lost { .. } if self.steps => pieces.push(bad("a message is lost on arrival")),
            What::Refused { to } if self.steps => {
                pieces.push(quiet(format!("learns that {} cannot be reached", self.scenario.node_name(*to))));
            }
            What::TimerFired { late, time_out } => {
                let what = self.names.channel(event.label.channel());
                let late = if *late > Span::ZERO { format!(", {late} late") } else { String::new() };
                if *time_out {
                    pieces.push(bad(format!("time-out: {}{late}", cause())));
                } else if self.steps {
                    pieces.push(quiet(format!("timer {what} ({}){late}", cause())));
                } else if !late.is_empty() {
                    soft.push(quiet(format!("{what}{late}")));
                }
            }
            What::Resumed => pieces.push(plain(format!("goes on with {}", self.names.label(event.label)))),
            What::Booted { wiped } => match (wiped, event.label.cause() == Cause::Boot(1) && !self.steps) {
                (true, _) => pieces.push(bad("starts with an empty disk")),
                (false, true) => {}
                (false, false) => pieces.push(plain("boots")),
            },
            What::Interference { point, begins, strength } => {
                let killed = *point == Point::Kill;
                if !killed {
                    pieces.push(bad(words::interference(*point, *begins, *strength)));
                }
            }
            What::Link { online } => {
                let first = self.event(group.events[0]);
                let told_already =
                    matches!(first.what, What::Interference { point: Point::Offline, .. } | What::Booted { .. });
                if position == 0 || !told_already || self.steps {
                    pieces.push(plain(if *online { "sees the link up" } else { "sees the link down" }));
                }
            }
            What::Foreground => pieces.push(plain("back in the foreground")),
            _ => {}
        }
    }

    /// What the user did, with what became of the quantities it names: `sells 5 X (5 → 0)`.
    fn action(&self, op: &crate::model::Op, changes: &mut Vec<Change>) -> String {
        let remark = |entity: Entity, key: Key| {
            let change = changes.iter().find(|change| change.row == (entity, key) && change.quantity);
            change.map_or_else(String::new, |change| format!(" ({})", change.text))
        };
        let text = words::action(self.scenario, op, &remark);
        changes.retain(|change| {
            let said = change.quantity && text.contains(&format!("{} ({})", change.name, change.text));
            let own = change.row.1.maker().is_some_and(|(maker, _)| maker == op.id);
            self.steps || !(said || own)
        });
        text
    }
}
