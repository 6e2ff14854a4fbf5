//! A device never sees its own accepted or pending write vanish.
//!
//! Fields and rows are followed write by write; without a server there is no more to follow. A quantity is explained: the device shows the server's value at some
//! commit, which never goes back, plus its own ops that this commit lacks. Example: the server held 5, then 3 (own
//! sale-1), then 2 (another's sale), and own sale-2 of 1 is not sent yet. The device may show 2 (5 - 2 - 1, or 3 - 1) and
//! later 1 (2 - 1). A 3 or a 5 means that an own op vanished; a 6 is a unit made out of nothing.

use super::history::canonical;
use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::table::Sorted;
use crate::model::{Class, Domain, Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Why, Word, Write};
use std::collections::{BTreeMap, BTreeSet};

/// How a figure on a device can be explained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// A state of the server plus all own ops that it lacks.
    Sound,
    /// A state of the server with an own op missing, or an older state than one already shown.
    OwnOpMissing,
    /// No state of the server and no set of own ops gives it.
    Unexplained,
}

/// A quantity on a device that has just changed or whose own ops have.
#[derive(Clone, Debug)]
pub struct Figure {
    /// How it reads.
    pub reading: Reading,
    /// The device.
    pub node: NodeId,
    /// The account.
    pub entity: Entity,
    /// Its canonical key.
    pub key: Key,
    /// The field.
    pub field: u8,
    /// What the device shows.
    pub shown: i64,
    /// What it should show by the server's last state.
    pub expected: i64,
    /// Own ops on it.
    pub ops: Vec<OpId>,
}

impl Figure {
    /// The breach in words.
    pub fn text(&self, history: &History<'_>) -> String {
        let (scenario, domain) = (history.scenario, history.domain);
        let field = domain.fields(self.entity)[self.field as usize].name;
        let name = scenario.row_name(self.entity, self.key);
        let ops: Vec<String> = self.ops.iter().map(|op| scenario.op_name(*op)).collect();
        let own = if ops.is_empty() { String::new() } else { format!(" (own ops: {})", ops.join(", ")) };
        format!(
            "{} showed a {field} of {} for {name}, where the server's state and its own ops give {}{own}",
            scenario.node_name(self.node),
            self.shown,
            self.expected
        )
    }
}

/// The epoch, the place of a commit in it, and when the device was last wiped by then.
type Shown = (usize, isize, Option<Time>);

/// Follows every quantity on every device.
#[derive(Default)]
pub struct Figures {
    /// Up to which server commit of which epoch a device has shown an account, and when the device was last wiped by then.
    shown: BTreeMap<(NodeId, Entity, Key), Shown>,
    dirty: Sorted<(NodeId, Entity, Key)>,
}

impl Figures {
    /// Takes a moment in and reports each figure that is due to be explained.
    pub fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, report: &mut dyn FnMut(Figure)) {
        if !history.facts.server {
            return;
        }
        match moment {
            Moment::Wrote(node, write) if !node.is_server() => {
                let Some(after) = &write.after else { return };
                for quantity in history.domain.accounts(after.entity) {
                    let before = write.before.as_ref();
                    if before.is_none_or(|row| row.get(quantity) != after.get(quantity)) {
                        self.dirty.insert((*node, after.entity, canonical(after)));
                    }
                }
            }
            Moment::Told(node, op, word) if !matches!(word, Word::Saved | Word::Synced) => {
                for (entity, key, _) in history.op(*op).map_or(&[][..], |record| &record.deltas) {
                    self.dirty.insert((*node, *entity, *key));
                }
            }
            Moment::Between(node) if !node.is_server() && !self.dirty.is_empty() => {
                let due: Vec<_> = self.dirty.iter().filter(|(on, ..)| on == node).copied().collect();
                for (_, entity, key) in due {
                    self.dirty.remove(&(*node, entity, key));
                    for quantity in history.domain.accounts(entity) {
                        if let Some(figure) = self.explain(history, *node, entity, key, quantity) {
                            report(figure);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn explain(&mut self, history: &History<'_>, node: NodeId, entity: Entity, key: Key, field: u8) -> Option<Figure> {
        let present = history.epochs.commits.len();
        let wiped = history.node(node).wiped;
        let from = match self.shown.get(&(node, entity, key)) {
            Some((epoch, place, then)) if *then == wiped => (*epoch, *place),
            _ => (0, isize::MIN),
        };
        // A device may show an earlier epoch of the server until it hears that the server was restored.
        let mut figure = None;
        for epoch in from.0..=present {
            let from = if epoch == from.0 { from.1 } else { isize::MIN };
            let one = self.explain_by(history, (node, entity, key), field, epoch, from)?;
            if one.reading == Reading::Sound {
                return Some(one);
            }
            figure = figure.filter(|other: &Figure| other.reading == Reading::OwnOpMissing).or(Some(one));
        }
        figure
    }

    fn explain_by(
        &mut self,
        history: &History<'_>,
        (node, entity, key): (NodeId, Entity, Key),
        field: u8,
        epoch: usize,
        from: isize,
    ) -> Option<Figure> {
        let row = history.find(node, entity, key).filter(|row| !row.deleted)?;
        let shown = row.get(field).or_zero();
        let commits = history.epochs.commits.get(epoch).unwrap_or(&history.commits);
        let commits = commits.get(&(entity, key, field)).unwrap_or_default();
        let lists_opening = commits.first().is_some_and(|first| !first.op.is_some());
        let wiped = history.node(node).wiped;
        let from = from.max(if lists_opening { 0 } else { -1 });
        let ops = history.accounts.get(&(node, entity, key)).map_or(&[][..], Vec::as_slice);
        let mut own: Vec<Own> = Vec::with_capacity(ops.len());
        for op in ops {
            let Some(record) = history.op(*op) else { continue };
            let delta = record.deltas.iter().find(|(e, k, _)| (*e, *k) == (entity, key)).map_or(0, |(_, _, sum)| *sum);
            let commit = commits.iter().position(|commit| commit.op == *op).map_or(isize::MAX, |n| n as isize);
            let forgotten = history.is_forgotten(record);
            let out = matches!(record.last_word(), Some(Word::Rejected | Word::Superseded | Word::Refused));
            let undone = history.epochs.undone.contains(op);
            let counts = if (out || record.rolled_back) && undone {
                // What a restore took back is sent again, whatever it had come to before.
                Counts::Maybe
            } else if (out || record.rolled_back) && !forgotten {
                Counts::Never
            } else if forgotten || !record.is_promised() || history.is_gone(record) {
                Counts::Maybe
            } else {
                Counts::Always
            };
            own.push(Own { delta, commit, counts });
        }
        let at = |place: isize| if place < 0 { 0 } else { commits[place as usize].value.or_zero() };
        let last = commits.len() as isize - 1;
        let mut reading = Reading::Unexplained;
        for place in from..=last {
            if explains(&own, place, shown - at(place), false) {
                self.shown.insert((node, entity, key), (epoch, place, wiped));
                return Some(Figure {
                    reading: Reading::Sound,
                    node,
                    entity,
                    key,
                    field,
                    shown,
                    expected: shown,
                    ops: Vec::new(),
                });
            }
        }
        if (-1..=last).any(|place| explains(&own, place, shown - at(place), true)) {
            reading = Reading::OwnOpMissing;
        }
        let missing = own.iter().filter(|one| one.counts == Counts::Always && one.commit > last);
        let expected = at(last) + missing.map(|one| one.delta).sum::<i64>();
        Some(Figure { reading, node, entity, key, field, shown, expected, ops: ops.to_vec() })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Always,
    Maybe,
    Never,
}

struct Own {
    delta: i64,
    commit: isize,
    counts: Counts,
}

/// Most different sums that are followed; beyond it any difference counts as explained.
const MOST_SUMS: usize = 4_096;

/// Whether own ops that commit `place` lacks can make up the difference; all of them must count unless `any`.
fn explains(own: &[Own], place: isize, difference: i64, any: bool) -> bool {
    let lacking = |one: &&Own| one.commit > place;
    let due = own.iter().filter(|one| one.counts == Counts::Always && !any).filter(lacking);
    let left = difference - due.map(|one| one.delta).sum::<i64>();
    let mut free = own.iter().filter(|one| any || one.counts == Counts::Maybe && lacking(one)).peekable();
    if free.peek().is_none() {
        return left == 0;
    }
    let mut sums = BTreeSet::from([0]);
    for one in free {
        let more: Vec<i64> = sums.iter().map(|sum| sum + one.delta).collect();
        sums.extend(more);
        if sums.len() > MOST_SUMS {
            return true;
        }
    }
    sums.contains(&left)
}

/// A field of an own op that was replaced on the device, or a row of one that left it.
enum Suspect {
    Field { row: Row, field: u8, own: OpId, by: OpId },
    Row { row: Row, own: OpId, by: OpId },
}

/// A device never sees its own accepted or pending write vanish.
#[derive(Default)]
pub struct OwnWritesStay {
    suspects: BTreeMap<NodeId, Vec<Suspect>>,
    figures: Figures,
}

impl OwnWritesStay {
    fn wrote(&mut self, history: &History<'_>, node: NodeId, write: &Write, log: &mut Log) {
        let live = |row: &&Row| !row.deleted;
        let Some(before) = write.before.as_ref().filter(live).filter(|row| !row.entity.is_bookkeeping()) else {
            return;
        };
        match write.after.as_ref().filter(live) {
            Some(after) => {
                for (field, spec) in history.domain.fields(before.entity).iter().enumerate() {
                    let (own, by) = (before.set_by[field], after.set_by[field]);
                    if !matches!(spec.class, Class::Plain | Class::Reference(_)) || own == by || !own.is_some() {
                        continue;
                    }
                    if !history.is_own(node, own) || history.is_own(node, by) {
                        continue;
                    }
                    log.exercised();
                    let same = match spec.class {
                        Class::Reference(to) => {
                            let named =
                                |row: &Row| row.fields[field].as_key().map(|key| history.canonical(node, to, key));
                            named(before) == named(after)
                        }
                        _ => before.fields[field] == after.fields[field],
                    };
                    if !same {
                        let suspect = Suspect::Field { row: *after, field: field as u8, own, by };
                        self.suspects.entry(node).or_default().push(suspect);
                    }
                }
            }
            None if history.is_own(node, before.origin) && !matches!(write.why, Why::Renamed | Why::Purged) => {
                let own = before.origin;
                self.suspects.entry(node).or_default().push(Suspect::Row { row: *before, own, by: write.op });
            }
            None => {}
        }
    }

    fn check(&mut self, history: &History<'_>, node: NodeId, log: &mut Log) {
        let scenario = history.scenario;
        for suspect in self.suspects.remove(&node).unwrap_or_default() {
            let (Suspect::Field { own, .. } | Suspect::Row { own, .. }) = suspect;
            let Some(record) = history.op(own) else { continue };
            if history.is_gone(record) || history.is_forgotten(record) {
                continue;
            }
            match suspect {
                Suspect::Field { row, field, own, by } => {
                    if knowingly_replaced(history, &row, field, own, by) {
                        continue;
                    }
                    let breach =
                        Breach { kind: "field-overwritten", entity: row.entity, node, ops: &[own, by], at: None };
                    log.broke(history.domain, breach, || {
                        let name = scenario.row_name(row.entity, canonical(&row));
                        let spec = &history.domain.fields(row.entity)[field as usize];
                        let why = match history.facts.server {
                            true => " though nobody had decided so",
                            false => ", which its user had seen before",
                        };
                        format!(
                            "on {} the {} of {name}, set by {} there, was replaced by {}{why}",
                            scenario.node_name(node),
                            spec.name,
                            scenario.op_name(own),
                            row.get(field)
                        )
                    });
                }
                Suspect::Row { row, own, by } => {
                    let view = history.node(node);
                    let (entity, part) = (row.entity, row.part);
                    let mut made =
                        view.by_op.range((own, entity, part, Key::NONE)..=(own, entity, part, Key(u64::MAX)));
                    let live =
                        made.any(|(_, _, _, key)| view.rows.get(&(entity, *key)).is_some_and(|row| !row.deleted));
                    let key = canonical(&row);
                    // What its own user had done before does not excuse it.
                    let excuses = |by: &OpId| *by != own && by.is_some() && !history.was_done_before(*by, own);
                    let on_server = history.deletions.get(&(entity, key)).map(|(_, by)| by);
                    let deleted = history.epochs.deletions.contains_key(&(entity, key))
                        || on_server.is_some_and(|by| !by.is_some() || excuses(by) || *by == own)
                        || history.taken_away.get(&(node, entity, key)).is_some_and(|(_, by)| excuses(by))
                        || on_server.is_none()
                            && history.find(NodeId::SERVER, entity, key).is_some_and(|row| row.deleted);
                    if live || deleted || history.may_be_made_anew(&row) {
                        continue;
                    }
                    let breach = Breach { kind: "row-vanished", entity, node, ops: &[own, by], at: None };
                    log.broke(history.domain, breach, || {
                        format!(
                            "the {} of {} vanished from {}, its own device",
                            history.domain.entity_name(entity),
                            scenario.op_name(own),
                            scenario.node_name(node)
                        )
                    });
                }
            }
        }
    }
}

/// Whether the server took `own` first and `by` after it; without a server, whether `by` is not older: what the author of
/// `own` had seen must not come back.
fn knowingly_replaced(history: &History<'_>, row: &Row, field: u8, own: OpId, by: OpId) -> bool {
    if !history.facts.server {
        return by.is_some() && !history.knew(own, by);
    }
    history.commits_ever((row.entity, canonical(row), field)).any(|list| {
        let first = list.iter().position(|commit| commit.op == own);
        let last = list.iter().rposition(|commit| commit.op == by);
        matches!((first, last), (Some(first), Some(last)) if first < last)
    })
}

impl Invariant for OwnWritesStay {
    fn name(&self) -> &'static str {
        "own-writes-stay"
    }
    fn promise(&self) -> &'static str {
        "a device never sees its own accepted or pending write vanish"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        (!facts.reports.authors).then_some("it does not report which op set a field")
    }
    fn wants(&self) -> u8 {
        wants::WROTE | wants::TOLD | wants::BETWEEN
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Wrote(node, write) if !node.is_server() => self.wrote(history, *node, write, log),
            Moment::Between(node) if !node.is_server() && !self.suspects.is_empty() => self.check(history, *node, log),
            _ => {}
        }
        let copied = matches!(moment, Moment::Wrote(node, write) if !node.is_server() && write.why == Why::Copied);
        self.figures.observe(history, moment, &mut |figure| match figure.reading {
            Reading::OwnOpMissing => {
                let breach = Breach {
                    kind: "stock-overwritten",
                    entity: figure.entity,
                    node: figure.node,
                    ops: &figure.ops,
                    at: None,
                };
                log.broke(history.domain, breach, || figure.text(history));
            }
            Reading::Sound | Reading::Unexplained => {}
        });
        if copied
            && let Moment::Wrote(node, Write { after: Some(after), .. }) = moment
            && history.accounts.contains_key(&(*node, after.entity, canonical(after)))
        {
            log.exercised();
        }
    }
}
