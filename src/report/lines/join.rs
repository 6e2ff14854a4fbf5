//! Puts a message and what its receiver made of it on one line, where nothing else happened in between.

use super::{Line, Teller, plain};
use crate::harness::What;
use crate::sim::{Fate, Span};

impl Teller<'_> {
    /// Adds what a message brought about to the line where it left, if nothing happened in between.
    pub(super) fn join(&self, lines: &mut Vec<Line>, line: &Line) -> bool {
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
    pub(super) fn name_arrival(&self, line: &mut Line) {
        let Some(group) = self.groups.get(line.moment) else { return };
        let first = self.event(group.events[0]);
        let request = |from| !self.facts.server && !self.is_told_on_arrival(first, from);
        let arrives = matches!(first.what, What::Arrived { from, .. } if group.node.is_server() || request(from));
        if arrives && !self.steps && line.sent.is_none() {
            let name = plain(format!("{} arrives", self.message(first)));
            match line.cells.iter_mut().find(|(node, _)| *node == group.node) {
                Some((_, pieces)) => pieces.insert(0, name),
                None => line.cells.push((group.node, vec![name])),
            }
        }
    }

    /// How much later than politely a message arrives, where the nemesis put it off.
    pub(super) fn lateness(&self, sent: usize) -> Option<Span> {
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
