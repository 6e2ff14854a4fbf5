//! From a trace to the lines of a story: one line for each causal moment that changed something.
//!
//! What an event brought about in one handler is one moment; a message and what its receiver made of it share a line
//! where nothing else happened in between. Heartbeats that changed nothing are left out unless every step is asked for.
//! Widths, wrapping and colour are [`super::layout`]'s business.

mod join;
mod pieces;

use super::rows::Watched;
use super::words;
use crate::harness::{Event, Loss, Outcome, What};
use crate::model::Scenario;
use crate::sim::{Names, NodeId, Point, Time};
use crate::system::Facts;

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
    /// An invariant broke here; one that broke in several ways is named once.
    fn broken(&mut self, invariant: &'static str) {
        if !self.broke.contains(&invariant) {
            self.broke.push(invariant);
        }
    }

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
        unplaced.for_each(|(_, violation)| last.broken(violation.invariant));
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

    /// The number of the first node: without a server nobody is number 0.
    fn first_node(&self) -> usize {
        usize::from(!self.facts.server)
    }

    /// Whether a message is told where it arrives: what a server sends and, without one, what answers a request.
    fn is_told_on_arrival(&self, event: &Event, from: NodeId) -> bool {
        if self.facts.server { from.is_server() } else { event.label.get_point() == Point::Reply }
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
        for n in self.first_node()..=self.scenario.devices.len() {
            let empty = n > 0 && self.scenario.empty_devices && self.facts.server;
            let pieces = if empty { vec![quiet("empty")] } else { state.clone() };
            line.cells.push((NodeId(n as u16), pieces));
        }
        line
    }

    fn closing(&self, line: &mut Line) {
        let Some(end) = &self.outcome.end else { return };
        let watched = self.watched();
        for (n, rows) in end.rows.iter().enumerate().skip(self.first_node()) {
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
        for index in &group.broke {
            line.broken(self.outcome.violations[*index as usize].invariant);
        }
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
            let told_here = self.is_told_on_arrival(first, arrow.from);
            let meant = !first.ops.is_empty() && told_here && !self.is_pull(first);
            if pieces.is_empty() && meant {
                pieces.push(plain("answer"));
            }
            let late = first.parent.and_then(|sent| self.lateness(sent as usize));
            if let (Some(span), true, false) = (late, told_here, pieces.is_empty()) {
                pieces.push(bad(format!("{span} late")));
            }
            // A message that is drawn where it left is not drawn again where it arrives.
            if told_here && (!pieces.is_empty() || self.steps) {
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
}
