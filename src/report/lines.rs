//! From a trace to the lines of a story: one line for each causal moment that changed something.
//!
//! What an event brought about in one handler is one moment; a message and what its receiver made of it share a line
//! where nothing else happened in between. Heartbeats that changed nothing are left out unless every step is asked for.
//! Widths, wrapping and colour are [`super::layout`]'s business.

use super::rows::{self, Change, Watched};
use super::words;
use crate::harness::{Event, Loss, Outcome, What};
use crate::model::domain::Promise;
use crate::model::{Entity, Key, Scenario};
use crate::sim::{Cause, Fate, Names, NodeId, OpId, Point, Span, Time};
use crate::system::{Facts, Verdict, Word, Write};

/// How a piece of text is meant; colour only, never the only carrier of a fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// As a user would wish.
    Good,
    /// A loss, a refusal, a breach.
    Bad,
    /// Background.
    Quiet,
}

/// A piece of a cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// How they are meant.
    pub tone: Tone,
}

/// A message on a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// Whence.
    pub from: NodeId,
    /// Whither.
    pub to: NodeId,
    /// Whether it gets there.
    pub lost: bool,
}

/// A line of a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When.
    pub at: Time,
    /// What each node does.
    pub cells: Vec<(NodeId, Vec<Piece>)>,
    /// The message that passes.
    pub arrow: Option<Arrow>,
    /// A text across the whole table: a phase.
    pub banner: Option<String>,
    /// Invariants that broke here.
    pub broke: Vec<&'static str>,
    moment: usize,
    sent: Option<usize>,
    bare_request: bool,
}

impl Line {
    fn new(at: Time, moment: usize) -> Line {
        Line {
            at,
            cells: Vec::new(),
            arrow: None,
            banner: None,
            broke: Vec::new(),
            moment,
            sent: None,
            bare_request: false,
        }
    }
}

fn plain(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), tone: Tone::Plain }
}
fn bad(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), tone: Tone::Bad }
}
fn quiet(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), tone: Tone::Quiet }
}

/// What happened on one node at one instant: a trigger and its effects.
struct Group {
    at: Time,
    node: NodeId,
    events: Vec<usize>,
    broke: Vec<u32>,
}

/// The lines of a run whose trace was kept.
pub fn lines(scenario: &Scenario, facts: &Facts, outcome: &Outcome, steps: bool) -> Vec<Line> {
    let names = words::names(scenario, facts);
    let groups = group(&outcome.trace);
    let mut caused: Vec<Vec<usize>> = vec![Vec::new(); outcome.trace.len()];
    for (index, group) in groups.iter().enumerate() {
        if let Some(parent) = outcome.trace[group.events[0]].parent {
            caused[parent as usize].push(index);
        }
    }
    let teller = Teller { scenario, facts, outcome, names, groups, caused, steps };
    let mut lines = vec![teller.opening()];
    for index in 0..teller.groups.len() {
        for mut line in teller.moment(index) {
            if steps || !teller.join(&mut lines, &line) {
                teller.name_arrival(&mut line);
                lines.push(line);
            }
        }
    }
    // A breach that only shows by comparison with another run has no event of its own.
    let drawn = |index: usize| teller.groups.iter().any(|group| group.broke.contains(&(index as u32)));
    let unplaced = outcome.violations.iter().enumerate().filter(|(index, _)| !drawn(*index));
    if let Some(last) = lines.last_mut() {
        last.broke.extend(unplaced.map(|(_, violation)| violation.invariant));
    }
    lines
}

fn group(trace: &[Event]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, event) in trace.iter().enumerate() {
        if let (What::Broke(violation), Some(last)) = (&event.what, groups.last_mut()) {
            last.broke.push(*violation);
            continue;
        }
        match groups.last_mut() {
            Some(last) if last.at == event.at && last.node == event.node && !is_phase(&event.what) => {
                last.events.push(index);
            }
            _ => groups.push(Group { at: event.at, node: event.node, events: vec![index], broke: Vec::new() }),
        }
    }
    groups
}

fn is_phase(what: &What) -> bool {
    matches!(what, What::Healed | What::Rested | What::Finish)
}

struct Teller<'a> {
    scenario: &'a Scenario,
    facts: &'a Facts,
    outcome: &'a Outcome,
    names: Names,
    groups: Vec<Group>,
    /// Moments by the event that led to them.
    caused: Vec<Vec<usize>>,
    steps: bool,
}

impl Teller<'_> {
    fn event(&self, index: usize) -> &Event {
        &self.outcome.trace[index]
    }

    fn watched(&self) -> Watched {
        let writes = self.outcome.trace.iter().filter_map(|event| match &event.what {
            What::Wrote(write) => Some(&**write),
            _ => None,
        });
        Watched::of(self.scenario, writes)
    }

    fn opening(&self) -> Line {
        let rows: Vec<_> = self.scenario.rows.iter().map(|(_, row)| *row).collect();
        let state: Vec<Piece> = self.watched().state(self.scenario, &rows).into_iter().map(plain).collect();
        let mut line = Line::new(Time::ZERO, usize::MAX);
        for n in 0..=self.scenario.devices.len() {
            let empty = n > 0 && self.scenario.empty_devices;
            let pieces = if empty { vec![quiet("empty")] } else { state.clone() };
            line.cells.push((NodeId(n as u16), pieces));
        }
        line
    }

    fn closing(&self, line: &mut Line) {
        let Some(end) = &self.outcome.end else { return };
        let watched = self.watched();
        for (n, rows) in end.rows.iter().enumerate() {
            let mut pieces: Vec<Piece> = watched.state(self.scenario, rows).into_iter().map(plain).collect();
            for (_, pending) in end.pending.iter().filter(|(node, _)| node.index() == n) {
                for one in pending {
                    pieces.push(bad(format!("{} {}", words::op(self.scenario, one.op), one.state.name())));
                }
            }
            line.cells.push((NodeId(n as u16), pieces));
        }
    }

    /// The lines of one moment: what the node did, then a line for each message that is worth one.
    fn moment(&self, index: usize) -> Vec<Line> {
        let group = &self.groups[index];
        let first = self.event(group.events[0]);
        let mut line = Line::new(group.at, index);
        line.broke = group.broke.iter().map(|v| self.outcome.violations[*v as usize].invariant).collect();
        match first.what {
            What::Healed => line.banner = Some("faults end".into()),
            What::Finish => line.banner = Some("last download".into()),
            What::Rested => {
                line.banner = Some(if self.outcome.rested { "at rest" } else { "still not at rest" }.into());
                self.closing(&mut line);
            }
            _ => {}
        }
        if line.banner.is_some() {
            return vec![line];
        }
        let sends: Vec<usize> = self.sends(group).filter(|sent| self.is_shown(*sent)).collect();
        let mut pieces = self.pieces(group, !sends.is_empty());
        if let Some(arrow) = self.arrival(group) {
            let meant = !first.ops.is_empty() && arrow.from.is_server() && !self.is_pull(first);
            if pieces.is_empty() && meant {
                pieces.push(plain("answer"));
            }
            let late = first.parent.and_then(|sent| self.lateness(sent as usize));
            if let (Some(span), true, false) = (late, arrow.from.is_server(), pieces.is_empty()) {
                pieces.push(bad(format!("{span} late")));
            }
            // A message that is drawn where it left is not drawn again where it arrives.
            if arrow.from.is_server() && (!pieces.is_empty() || self.steps) {
                line.arrow = Some(arrow);
            }
        }
        let mut lines = Vec::new();
        let has_own = !pieces.is_empty() || !line.broke.is_empty() || self.steps;
        if has_own {
            line.cells.push((group.node, pieces));
        }
        for sent in sends {
            let joins = lines.is_empty() && line.arrow.is_none() && !self.is_answer(sent);
            if !joins && has_own && lines.is_empty() {
                lines.push(line.clone());
            }
            let mut own = if joins { line.clone() } else { Line::new(group.at, index) };
            own.bare_request = !(joins && has_own) && self.event(sent).ops.is_empty();
            self.draw(sent, &mut own);
            lines.push(own);
        }
        if lines.is_empty() && has_own {
            lines.push(line);
        }
        lines
    }

    fn sends<'b>(&'b self, group: &'b Group) -> impl Iterator<Item = usize> + 'b {
        group.events.iter().copied().filter(|event| matches!(self.event(*event).what, What::Sent { .. }))
    }

    fn is_answer(&self, sent: usize) -> bool {
        self.event(sent).label.get_point() == Point::Reply
    }

    fn is_pull(&self, event: &Event) -> bool {
        self.facts.pulls.contains(&event.label.channel())
    }

    /// Whether a message gets a line where it leaves: requests that carry ops, lead to news or were interfered with;
    /// answers only if they get lost, for otherwise they are told where they arrive.
    fn is_shown(&self, sent: usize) -> bool {
        let event = self.event(sent);
        let What::Sent { fate, lost, .. } = &event.what else { return false };
        let missed = lost.is_some() || self.loss_on_arrival(sent).is_some();
        if self.steps {
            return !self.is_answer(sent) || missed;
        }
        if self.is_answer(sent) {
            return missed;
        }
        !event.ops.is_empty() || fate.is_some() || missed || self.leads_to_news(sent)
    }

    fn loss_on_arrival(&self, sent: usize) -> Option<Loss> {
        self.caused[sent].iter().find_map(|group| match self.event(self.groups[*group].events[0]).what {
            What::Lost { why, .. } => Some(why),
            _ => None,
        })
    }

    /// Whether what a request leads to, up to its answer's arrival, is worth a line.
    fn leads_to_news(&self, sent: usize) -> bool {
        self.caused[sent].iter().any(|index| {
            let group = &self.groups[*index];
            !group.broke.is_empty()
                || !self.pieces(group, false).is_empty()
                || self.sends(group).any(|reply| {
                    let fated = matches!(self.event(reply).what, What::Sent { fate: Some(_), .. });
                    self.is_answer(reply) && (fated || self.is_shown(reply) || self.leads_to_news(reply))
                })
        })
    }

    /// The arrow of the message that began this moment.
    fn arrival(&self, group: &Group) -> Option<Arrow> {
        match self.event(group.events[0]).what {
            What::Arrived { from, .. } => Some(Arrow { from, to: group.node, lost: false }),
            _ => None,
        }
    }

    /// Puts a message on a line: its name where it leaves, what became of it where it goes.
    fn draw(&self, sent: usize, line: &mut Line) {
        let event = self.event(sent);
        let What::Sent { to, fate, lost, bytes } = &event.what else { return };
        let mut name = if self.is_answer(sent) { "answer".into() } else { self.message(event) };
        if self.steps {
            name += &format!(" [{}] {bytes} bytes", self.names.label(event.label));
        }
        let gone = match (lost, self.loss_on_arrival(sent)) {
            (Some(Loss::Dropped), _) => Some("lost"),
            (Some(_), _) => Some("lost: no link"),
            (None, Some(Loss::Down)) => Some("lost: nobody runs there"),
            (None, Some(_)) => Some("lost: no link"),
            (None, None) => None,
        };
        let mut sender = vec![plain(name)];
        match (gone, fate) {
            (Some(gone), _) => sender.push(bad(gone)),
            (None, Some(fate)) => sender.push(bad(words::fate(event.label.get_point(), fate))),
            (None, None) => {}
        }
        match line.cells.iter_mut().find(|(node, _)| *node == event.node) {
            Some((_, pieces)) => pieces.extend(sender),
            None => line.cells.push((event.node, sender)),
        }
        if *to != event.node {
            line.arrow = Some(Arrow { from: event.node, to: *to, lost: gone.is_some() });
        }
        line.sent = Some(sent);
    }

    /// What a request is called: `push sale-1, sale-2 (try 2)`.
    fn message(&self, event: &Event) -> String {
        let mut text = self.names.channel(event.label.channel()).to_string();
        let ops: Vec<String> = event.ops.iter().map(|op| words::op(self.scenario, *op)).collect();
        if !ops.is_empty() {
            text += &format!(" {}", ops.join(", "));
        }
        if event.label.get_attempt() > 1 && !ops.is_empty() {
            text += &format!(" (try {})", event.label.get_attempt());
        }
        text
    }

    /// What happened on the node itself at this moment, without its messages.
    fn pieces(&self, group: &Group, sends: bool) -> Vec<Piece> {
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

    /// Adds what a message brought about to the line where it left, if nothing happened in between.
    fn join(&self, lines: &mut Vec<Line>, line: &Line) -> bool {
        let group = match self.groups.get(line.moment) {
            Some(group) if line.sent.is_none() && line.banner.is_none() => group,
            _ => return false,
        };
        let first = self.event(group.events[0]);
        if !matches!(first.what, What::Arrived { .. }) {
            return false;
        }
        let Some(sent) = first.parent.map(|parent| parent as usize) else { return false };
        let request = if line.arrow.is_some() { self.request_of(sent) } else { Some(sent) };
        let Some(at) = lines.iter().rposition(|earlier| earlier.sent.is_some() && earlier.sent == request) else {
            return false;
        };
        if self.lateness(sent).is_some() {
            return false;
        }
        if line.arrow.is_some() {
            // A request without ops and its answer are one line, unless somebody else's news came in between.
            let undisturbed = lines[at + 1..].iter().all(|between| between.bare_request);
            if !lines[at].bare_request || lines[at].cells.len() != 1 || !undisturbed {
                return false;
            }
            let mut pieces = lines.remove(at).cells.remove(0).1;
            pieces.extend(line.cells.iter().flat_map(|(_, pieces)| pieces.clone()));
            lines.push(Line { cells: vec![(group.node, pieces)], bare_request: true, ..line.clone() });
            return true;
        }
        let host = lines[at].moment;
        if !lines[at + 1..].iter().all(|between| between.moment == host) {
            return false;
        }
        let earlier = &mut lines[at];
        if earlier.cells.iter().any(|(node, _)| *node == group.node) {
            return false;
        }
        earlier.cells.extend(line.cells.iter().cloned());
        earlier.broke.extend(&line.broke);
        true
    }

    /// Says which message arrived, where its line could not be joined to the one on which it left.
    fn name_arrival(&self, line: &mut Line) {
        let Some(group) = self.groups.get(line.moment) else { return };
        let first = self.event(group.events[0]);
        let arrives = matches!(first.what, What::Arrived { .. }) && group.node.is_server();
        if arrives && !self.steps && line.sent.is_none() {
            let name = plain(format!("{} arrives", self.message(first)));
            match line.cells.iter_mut().find(|(node, _)| *node == group.node) {
                Some((_, pieces)) => pieces.insert(0, name),
                None => line.cells.push((group.node, vec![name])),
            }
        }
    }

    /// How much later than politely a message arrives, where the nemesis put it off.
    fn lateness(&self, sent: usize) -> Option<Span> {
        match self.event(sent).what {
            What::Sent { fate: Some(Fate::Delay(span)), .. } => Some(span),
            _ => None,
        }
    }

    /// The request that an answer belongs to.
    fn request_of(&self, answer: usize) -> Option<usize> {
        let mut at = answer;
        loop {
            let parent = self.event(at).parent? as usize;
            if matches!(self.event(parent).what, What::Sent { .. })
                && self.event(parent).node != self.event(answer).node
            {
                return Some(parent);
            }
            at = parent;
        }
    }
}
