//! Holds what a system reports against what it reported before and against what it shows: a difference is a mistake in the
//! model of the system, named where it is seen first.
//!
//! Why at each write: the promises are judged from reports, so a wrong one makes an innocent step look guilty. It judges no
//! promise.

use super::*;
use crate::model::{Entity, Key, Row};
use crate::system::Write;

const REPORT: &str = "report every change of a row with Context::wrote, in the step that makes it";

impl<S: System> World<'_, S> {
    /// A write must begin where the reports before it have left its row.
    pub(super) fn hold_write(&mut self, node: NodeId, write: &Write) {
        if self.mistake.is_some() {
            return;
        }
        let mirror = &self.history.nodes[node.index()].rows;
        let domain = self.scenario.domain;
        let known = |entity: Entity| entity.is_bookkeeping() || domain.entity_name(entity) != "?";
        let fits = match (&write.before, &write.after) {
            (Some(before), _) => mirror.get(&(before.entity, before.key)) == Some(before),
            (None, Some(after)) => !mirror.contains_key(&(after.entity, after.key)) && known(after.entity),
            (None, None) => true,
        };
        if !fits {
            self.mistake = Some(self.what_is_wrong_with(node, write));
        }
    }

    /// What a write that begins elsewhere than the reports before it have ended amounts to, and what to do about it.
    #[cold]
    fn what_is_wrong_with(&self, node: NodeId, write: &Write) -> String {
        let (mirror, domain) = (&self.history.nodes[node.index()].rows, self.scenario.domain);
        let row = write.row().expect("a write has a row before or after it");
        let known = row.entity.is_bookkeeping() || domain.entity_name(row.entity) != "?";
        let (name, at) = (self.scenario.node_name(node), self.now);
        if !known {
            let n = row.entity.0;
            let entities: Vec<String> =
                domain.entity_specs().map(|(entity, spec)| format!("{} ({})", entity.0, spec.name)).collect();
            let there = entities.join(", ");
            return format!("{name} reported a row of Entity({n}) at {at}; the business has only {there}");
        }
        let called = format!("{} {}", domain.entity_name(row.entity), self.scenario.row_name(row.entity, row.key));
        let why = match (&write.before, mirror.get(&(row.entity, row.key))) {
            (None, _) => "as new, and its reports before say that it is there".into(),
            (Some(_), None) => "as changed, and no report before says that it is there".into(),
            (Some(before), Some(reported)) => {
                format!("as changed from a row {}", self.how_they_differ(before, reported))
            }
        };
        format!("{name} reported {called} at {at} {why}: {REPORT}")
    }

    /// Holds what the system reported against what it holds: the first difference, and what to do about it.
    pub(super) fn compare_rows(&self) -> Option<String> {
        (0..self.slots.len()).find_map(|n| self.compare_rows_of(NodeId(n as u16)))
    }

    fn compare_rows_of(&self, node: NodeId) -> Option<String> {
        let (slot, mirror) = (&self.slots[node.index()], &self.history.nodes[node.index()].rows);
        let (mut count, mut difference) = (0, None);
        let mut visit = |row: &Row| {
            count += 1;
            if difference.is_none() && mirror.get(&(row.entity, row.key)) != Some(row) {
                difference = Some(*row);
            }
        };
        if !slot.is_up() {
            return None;
        }
        let show = |visit: &mut dyn FnMut(&Row)| match &slot.seat {
            Seat::Device(device) => inside(node, Doing::Rows, || device.rows(&slot.disk, visit)),
            Seat::Server(server) => inside(node, Doing::Rows, || server.rows(&slot.disk, visit)),
            Seat::Down => {}
        };
        show(&mut visit);
        if difference.is_none() && count == mirror.len() {
            return None;
        }
        let name = self.scenario.node_name(node);
        let called = |entity, key| {
            format!("{} {}", self.scenario.domain.entity_name(entity), self.scenario.row_name(entity, key))
        };
        if let Some(row) = difference {
            let row_name = called(row.entity, row.key);
            return Some(match mirror.get(&(row.entity, row.key)) {
                None => format!("{name} shows {row_name}, and no write of it was reported: {REPORT}"),
                Some(reported) => {
                    let how = self.how_they_differ(&row, reported);
                    format!("{name} shows {row_name} {how}: {REPORT}")
                }
            });
        }
        let mut shown: Vec<(Entity, Key)> = Vec::new();
        show(&mut |row| shown.push((row.entity, row.key)));
        shown.sort_unstable();
        if let Some(twice) = shown.windows(2).find(|pair| pair[0] == pair[1]) {
            let row_name = called(twice[0].0, twice[0].1);
            return Some(format!("{name} shows {row_name} twice: Node::rows must visit each row once"));
        }
        let gone = mirror.iter().map(|(row, _)| row).find(|row| shown.binary_search(row).is_err())?;
        let row_name = called(gone.0, gone.1);
        Some(format!("{name} does not show {row_name}, and no write that takes it away was reported: {REPORT}"))
    }

    /// `with stock 3, and its reported writes amount to stock 5`.
    fn how_they_differ(&self, row: &Row, reported: &Row) -> String {
        let fields = self.scenario.domain.fields(row.entity).iter().enumerate();
        let differ = fields.filter(|(n, _)| row.get(*n as u8) != reported.get(*n as u8));
        let both = differ.map(|(n, field)| {
            let value = |row: &Row| row.get(n as u8).get().map_or("no value".to_string(), |value| value.to_string());
            (field.name, value(row), value(reported))
        });
        if let Some((field, shown, amount)) = both.into_iter().next() {
            return format!("with {field} {shown}, and its reported writes amount to {field} {amount}");
        }
        if row.deleted != reported.deleted {
            let word = |row: &Row| if row.deleted { "deleted" } else { "not deleted" };
            return format!("as {}, and its reported writes say {}", word(row), word(reported));
        }
        "with other tags (origin, actor or author of a field) than its reported writes".into()
    }
}
