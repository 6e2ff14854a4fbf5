//! What users did, were told and could see: the record that every invariant is decided from.
//!
//! Why: the harness keeps one mirror of each node's rows from the writes that the system reports, and derives the facts
//! that several invariants share (who saw what, which op took effect when). It judges nothing itself.

use super::commits::{Commit, Commits};
use super::epochs::Epochs;
use super::running::Stopped;
use crate::model::domain::SPLIT;
use crate::model::table::{Sorted, Table};
use crate::model::{Class, Domain, Entity, Key, Op, Row, Scenario};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Lamp, Pending, Verdict, Why, Word, Write};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A node's rows as reported, and what the user sees there.
#[derive(Default)]
pub struct NodeView {
    /// Rows by identity.
    pub rows: Table<(Entity, Key), Row>,
    /// Rows by the op that made them: op, entity, part, key.
    pub(crate) by_op: Sorted<(OpId, Entity, u8, Key)>,
    /// Handlers with transactions still to do; 0 when the node is between handlers.
    pub unfinished: u32,
    /// What the sync lamp shows.
    pub lamp: Option<Lamp>,
    /// When the node was last told that it is up to date.
    pub up_to_date: Option<Time>,
    /// When it last asked for what others did.
    pub(crate) asked: Option<Time>,
    /// Entities of which something came down to it, one bit each.
    pub(crate) came: u32,
    /// What it still wanted to do when the run came to rest.
    pub pending: Vec<Pending>,
    /// How often it was wiped.
    pub installs: u32,
    /// How often it booted.
    pub boots: u32,
    /// When it was last wiped.
    pub wiped: Option<Time>,
    /// When something first came between it and the server: a fault, a delay, a pause, a late
    /// timer.
    pub(crate) disturbed: Option<Time>,
    /// Whether its wall clock was ever set wrong.
    pub(crate) clock_bent: bool,
}

impl NodeView {
    /// Its rows of an entity that are not deleted, in order of key.
    pub fn live(&self, entity: Entity) -> impl Iterator<Item = &Row> {
        let all = self.rows.range((entity, Key(0))..=(entity, Key(u64::MAX)));
        all.map(|(_, row)| row).filter(|row| !row.deleted)
    }
}

/// All that is known of one op.
pub struct OpRecord {
    /// The op.
    pub op: Op,
    /// When its user did it; `None` while it has not happened.
    pub at: Option<Time>,
    /// What the user was told, in order.
    pub told: Vec<(Time, Word)>,
    /// What the server decided, in order.
    pub verdicts: Vec<(Time, Verdict)>,
    /// Rows as the device showed them when the op changed them.
    pub(crate) seen: Vec<Row>,
    /// Quantities that the op changed on its device, and by how much.
    pub(crate) deltas: Vec<(Entity, Key, i64)>,
    /// When it first wrote something on the server.
    pub on_server: Option<Time>,
    /// When something of it first showed on another device.
    pub on_others: Option<Time>,
    /// When messages that carry it left its device.
    pub sends: Vec<Time>,
    /// After a wipe no disk and no message held it any more.
    pub excused: bool,
    /// A durable conflict record or a told word names it as the loser.
    pub(crate) decided_against: bool,
    /// Its device reported that it had given it up.
    pub given_up: bool,
    /// Its device took it back.
    pub(crate) rolled_back: bool,
    /// How many other messages were sent because of it: requests that list no ops, and answers of its device with it.
    pub(crate) named: u32,
    /// It changed something on its own device.
    pub(crate) local: bool,
    /// A device showed a row as made by it.
    pub(crate) tagged: bool,
    /// It changed a business row on the server.
    pub(crate) committed: bool,
    /// Pieces that it ever made on the server, splits folded into one.
    pub(crate) made: Vec<(Entity, u8)>,
}

impl OpRecord {
    /// The record of an op that has not happened yet, in the memory of one of an earlier run if there is any.
    fn new(op: Op) -> OpRecord {
        let empty = || OpRecord {
            op,
            at: None,
            told: Vec::new(),
            verdicts: Vec::new(),
            seen: Vec::new(),
            deltas: Vec::new(),
            on_server: None,
            on_others: None,
            sends: Vec::new(),
            excused: false,
            decided_against: false,
            given_up: false,
            rolled_back: false,
            named: 0,
            local: false,
            tagged: false,
            committed: false,
            made: Vec::new(),
        };
        let Some(OpRecord { mut told, mut verdicts, mut seen, mut deltas, mut sends, mut made, .. }) =
            SPARE.with_borrow_mut(Vec::pop)
        else {
            return empty();
        };
        told.clear();
        verdicts.clear();
        seen.clear();
        deltas.clear();
        sends.clear();
        made.clear();
        OpRecord { told, verdicts, seen, deltas, sends, made, ..empty() }
    }

    /// The last word told about the op.
    pub fn last_word(&self) -> Option<Word> {
        self.told.last().map(|(_, word)| *word)
    }
    /// Whether the user was ever told this.
    pub fn was_told(&self, word: Word) -> bool {
        self.told.iter().any(|(_, told)| *told == word)
    }
    /// The server's last verdict.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdicts.last().map(|(_, verdict)| *verdict)
    }
    /// Whether it was sent, as far as anybody can know: a system that does not say which ops its messages carry has sent
    /// what arrived.
    pub(crate) fn was_sent(&self, facts: &Facts) -> bool {
        let arrived = self.on_server.is_some() || self.on_others.is_some();
        !self.sends.is_empty() || self.named > 0 || arrived && !facts.reports.sends
    }
    /// Whether it was sent more than once, in the same sense.
    pub(crate) fn may_have_been_sent_again(&self, facts: &Facts) -> bool {
        let untold = self.sends.is_empty() && !facts.reports.sends;
        self.sends.len() + self.named as usize > 1 || untold && self.was_sent(facts)
    }
    /// Whether the app took the op and promised to keep it.
    pub fn is_promised(&self) -> bool {
        self.told.iter().any(|(_, word)| matches!(word, Word::Saved | Word::Synced | Word::Unknown))
    }
    /// Whether the user knows that the op did not take effect.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.last_word(), Some(Word::Rejected | Word::Superseded | Word::Refused | Word::DeadLetter))
    }
}

/// The record of one run, as far as it has come: what every node shows, and what became of every op.
///
/// An invariant reads it and changes nothing: `history.server().live(PRODUCT)`, `history.op(id)`, `history.ops()`.
pub struct History<'a> {
    /// The scenario that is being run.
    pub scenario: &'a Scenario,
    /// Its domain.
    pub domain: &'static Domain,
    /// What the system declares.
    pub facts: Facts,
    /// Now.
    pub now: Time,
    /// Nodes by [`NodeId`].
    pub nodes: Vec<NodeView>,
    ops: Vec<Option<OpRecord>>,
    /// Whether anybody will read more than rows, words, verdicts and times.
    detailed: bool,
    /// Every change of a field on the server, opening values first.
    pub(crate) commits: Commits,
    /// What the server was like before it was restored.
    pub(crate) epochs: Epochs,
    /// Whether a server row belongs on a device.
    pub in_scope: &'a dyn Fn(NodeId, &Row) -> bool,
    /// Rows deleted by an op on the server or, without one, on any device: when, and by which.
    pub(crate) deletions: BTreeMap<(Entity, Key), (Time, OpId)>,
    /// Rows that an op deleted on the server although its own author had made them only after it: the row, the op that
    /// made it, the op that deleted it, and when.
    pub(crate) undone: Vec<(Entity, Key, OpId, OpId, Time)>,
    /// The same on every node: rows that an op took away there.
    pub(crate) taken_away: BTreeMap<(NodeId, Entity, Key), (Time, OpId)>,
    /// Ops that changed a quantity on their own device, by device and account.
    pub(crate) accounts: BTreeMap<(NodeId, Entity, Key), Vec<OpId>>,
    /// Messages delivered damaged that could still be parsed: set while such a message is being handled.
    pub(crate) damaged: bool,
    /// When the server sent the message that a device is handling; the start of the run while it handles none.
    pub(crate) as_of: Time,
    /// Whether the run came to rest.
    pub rested: bool,
    /// Why the run was ended before that, if it was.
    pub stopped: Option<Stopped>,
    /// True where the run was not deviant in any clock.
    pub(crate) clocks_true: bool,
}

/// Most records kept for later runs.
const MOST_SPARE: usize = 1_024;

thread_local! {
    /// Records of earlier runs on this thread, kept for their memory alone: a campaign makes the same lists millions of
    /// times. What they said is cleared before they are used again.
    static SPARE: RefCell<Vec<OpRecord>> = const { RefCell::new(Vec::new()) };
}

impl Drop for History<'_> {
    fn drop(&mut self) {
        let records = self.ops.drain(..).flatten();
        // A thread that is ending has no more runs, and nothing to keep.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            let room = MOST_SPARE.saturating_sub(spare.len());
            spare.extend(records.take(room));
        });
    }
}

impl<'a> History<'a> {
    /// An empty record: no node shows any row yet. [`History::open`] begins it.
    pub(crate) fn new(scenario: &'a Scenario, facts: Facts, in_scope: &'a dyn Fn(NodeId, &Row) -> bool) -> History<'a> {
        let nodes: Vec<NodeView> = (0..=scenario.devices.len()).map(|_| NodeView::default()).collect();
        let mut commits = Commits::default();
        for (_, row) in &scenario.rows {
            for field in 0..scenario.domain.fields(row.entity).len() as u8 {
                let commit = Commit { at: Time::ZERO, op: OpId::NONE, value: row.get(field) };
                commits.of_row(row.entity, row.key).push(field, commit);
            }
        }
        let most = scenario.steps.iter().map(|step| step.op.id.0).max().unwrap_or(0);
        let mut ops: Vec<Option<OpRecord>> = (0..=most).map(|_| None).collect();
        for step in &scenario.steps {
            ops[step.op.id.0 as usize] = Some(OpRecord::new(step.op));
        }
        History {
            scenario,
            domain: scenario.domain,
            facts,
            now: Time::ZERO,
            nodes,
            ops,
            detailed: true,
            commits,
            epochs: Epochs::default(),
            in_scope,
            deletions: BTreeMap::new(),
            undone: Vec::new(),
            taken_away: BTreeMap::new(),
            accounts: BTreeMap::new(),
            damaged: false,
            as_of: Time::ZERO,
            rested: false,
            stopped: None,
            clocks_true: true,
        }
    }

    /// Takes the opening rows in, on the server and, unless they start empty, on the devices.
    pub(crate) fn open(&mut self) {
        let (scenario, in_scope) = (self.scenario, self.in_scope);
        for (n, view) in self.nodes.iter_mut().enumerate() {
            let node = NodeId(n as u16);
            // Without a server its place stays empty, and there is nowhere to download opening rows from.
            if if node.is_server() { !self.facts.server } else { scenario.empty_devices && self.facts.server } {
                continue;
            }
            for (_, row) in scenario.rows.iter().filter(|(_, row)| node.is_server() || in_scope(node, row)) {
                view.rows.insert((row.entity, row.key), *row);
                view.by_op.insert((row.origin, row.entity, row.part, row.key));
            }
        }
    }

    /// For a run that no invariant watches: keeps rows, words, verdicts and times, which every outcome is made from, and
    /// nothing else.
    pub(crate) fn brief(mut self) -> History<'a> {
        self.detailed = false;
        self
    }

    /// The record of an op.
    pub fn op(&self, id: OpId) -> Option<&OpRecord> {
        self.ops.get(id.0 as usize)?.as_ref()
    }
    /// The record of an op, to add to it.
    pub(crate) fn op_mut(&mut self, id: OpId) -> Option<&mut OpRecord> {
        self.ops.get_mut(id.0 as usize)?.as_mut()
    }
    /// Every op that happened, in order of id.
    pub fn ops(&self) -> impl Iterator<Item = &OpRecord> {
        self.ops.iter().flatten().filter(|record| record.at.is_some())
    }
    /// The records of all ops, those that have not happened yet among them.
    pub(super) fn records(&self) -> impl Iterator<Item = &OpRecord> {
        self.ops.iter().flatten()
    }
    /// The same, to change them.
    pub(super) fn records_mut(&mut self) -> impl Iterator<Item = &mut OpRecord> {
        self.ops.iter_mut().flatten()
    }
    /// A node.
    pub fn node(&self, id: NodeId) -> &NodeView {
        &self.nodes[id.index()]
    }
    /// The server.
    pub fn server(&self) -> &NodeView {
        &self.nodes[0]
    }

    /// An identity that is the same on every node: a temporary or assigned id is traced to the op that made the row.
    pub fn canonical(&self, node: NodeId, entity: Entity, key: Key) -> Key {
        match self.node(node).rows.get(&(entity, key)) {
            Some(row) => canonical(row),
            None => key.maker().map_or(key, |(op, part)| Key::made(op, part)),
        }
    }

    /// Takes a reported write in.
    pub(crate) fn wrote(&mut self, node: NodeId, write: &Write) {
        let now = self.now;
        let view = &mut self.nodes[node.index()];
        if let Some(before) = &write.before {
            let renamed =
                write.after.as_ref().is_none_or(|after| after.key != before.key || after.origin != before.origin);
            if renamed {
                view.rows.remove(&(before.entity, before.key));
                if self.detailed {
                    view.by_op.remove(&(before.origin, before.entity, before.part, before.key));
                }
            }
        }
        if let Some(after) = &write.after {
            let mut made_by = None;
            match view.rows.get_mut(&(after.entity, after.key)) {
                Some(row) => {
                    made_by = Some((row.origin, row.part));
                    *row = *after;
                }
                None => {
                    view.rows.insert((after.entity, after.key), *after);
                }
            }
            if self.detailed && made_by != Some((after.origin, after.part)) {
                if let Some((origin, part)) = made_by {
                    view.by_op.remove(&(origin, after.entity, part, after.key));
                }
                view.by_op.insert((after.origin, after.entity, after.part, after.key));
            }
        }
        let dead = |row: &Option<Row>| row.as_ref().is_none_or(|row| row.deleted);
        if let Some(before) = &write.before
            && write.why == Why::Effect
            && !before.deleted
            && dead(&write.after)
        {
            let key = canonical(before);
            self.taken_away.insert((node, before.entity, key), (now, write.op));
            if node.is_server() || !self.facts.server {
                self.deletions.insert((before.entity, key), (now, write.op));
            }
            if node.is_server() {
                self.note_undone(before, key, write.op);
            }
        }
        if node.is_server() {
            self.server_wrote(write);
        } else {
            if let Some(after) = &write.after {
                let origin = after.origin;
                if write.why == Why::Copied {
                    self.nodes[node.index()].came |= 1 << after.entity.0;
                }
                if let Some(record) = self.op_mut(origin) {
                    record.tagged = true;
                    if record.op.node != node && record.on_others.is_none() {
                        record.on_others = Some(now);
                    }
                }
            }
            if !self.facts.server {
                self.note_arrivals(node, write);
            }
            if self.detailed
                && write.why == Why::Effect
                && let Some(record) = self.op_mut(write.op)
                && record.op.node == node
                && !std::mem::take(&mut record.rolled_back)
            {
                record.local = true;
                if let Some(before) = &write.before
                    && record.seen.iter().all(|row| (row.entity, row.key) != (before.entity, before.key))
                {
                    record.seen.push(*before);
                }
                self.note_deltas(write);
            }
            if write.why == Why::RolledBack
                && let Some(record) = self.op_mut(write.op)
            {
                record.rolled_back = true;
            }
        }
    }

    /// A row that two ops have made, one after the other, counts as the work of both.
    fn note_undone(&mut self, row: &Row, key: Key, by: OpId) {
        let mut makers = vec![row.origin];
        for (field, spec) in self.domain.fields(row.entity).iter().enumerate() {
            let op = row.set_by[field];
            if matches!(spec.class, Class::Reference(_)) && !key.is_made() && !makers.contains(&op) {
                makers.push(op);
            }
        }
        for maker in makers {
            if self.was_done_before(by, maker) {
                self.undone.push((row.entity, key, maker, by, self.now));
            }
        }
    }

    /// Whether two ops were done on one device, this one first.
    pub(crate) fn was_done_before(&self, op: OpId, later: OpId) -> bool {
        let acted = |op: OpId| self.op(op).and_then(|record| Some((record.op.node, record.at?)));
        matches!((acted(op), acted(later)), (Some((one, at)), Some((other, after))) if one == other && at < after)
    }

    fn note_deltas(&mut self, write: &Write) {
        let (Some(after), domain) = (&write.after, self.domain) else { return };
        for quantity in domain.accounts(after.entity) {
            let before = write.before.as_ref().map_or(0, |row| row.get(quantity).or_zero());
            let delta = after.get(quantity).or_zero() - before;
            let key = canonical(after);
            if let Some(record) = self.op_mut(write.op)
                && delta != 0
            {
                match record.deltas.iter_mut().find(|(entity, k, _)| (*entity, *k) == (after.entity, key)) {
                    Some((_, _, sum)) => *sum += delta,
                    None => record.deltas.push((after.entity, key, delta)),
                }
                let node = record.op.node;
                let ops = self.accounts.entry((node, after.entity, key)).or_default();
                if !ops.contains(&write.op) {
                    ops.push(write.op);
                }
            }
        }
    }

    fn server_wrote(&mut self, write: &Write) {
        let now = self.now;
        if let Some(record) = self.op_mut(write.op)
            && record.on_server.is_none()
        {
            record.on_server = Some(now);
        }
        if write.row().is_some_and(|row| !row.entity.is_bookkeeping())
            && write.why != Why::RolledBack
            && let Some(record) = self.op_mut(write.op)
        {
            record.committed = true;
        }
        if !self.detailed {
            return;
        }
        if let Some(after) = &write.after {
            if !after.deleted
                && let Some(record) = self.op_mut(after.origin)
                && !record.made.contains(&(after.entity, after.part % SPLIT))
            {
                record.made.push((after.entity, after.part % SPLIT));
            }
            if after.entity == Entity::CONFLICT {
                let loser = OpId(after.get(0).or_zero() as u32);
                if let Some(record) = self.op_mut(loser) {
                    record.decided_against = true;
                }
            }
            let fields = self.domain.fields(after.entity);
            if fields.is_empty() {
                return;
            }
            let commits = self.commits.of_row(after.entity, canonical(after));
            for (field, spec) in fields.iter().enumerate() {
                let (value, by) = (after.fields[field], after.set_by[field]);
                let changed = write.before.as_ref().is_none_or(|before| before.fields[field] != value);
                let set_again = write.before.as_ref().is_some_and(|before| before.set_by[field] != by);
                if changed || set_again {
                    let op = if changed && spec.class == Class::Quantity { write.op } else { by };
                    commits.push(field as u8, Commit { at: now, op, value });
                }
            }
        }
    }

    /// Whether a message with this op tells a device what became of its own op: that it took effect somewhere else.
    pub(crate) fn acknowledges(&self, to: NodeId, op: OpId) -> bool {
        let taken =
            |record: &OpRecord| record.on_server.is_some() || record.on_others.is_some() || !record.verdicts.is_empty();
        self.op(op).is_some_and(|record| record.op.node == to && taken(record))
    }

    /// Takes in that something came between a device and the server; for the server, between all of them and it.
    pub(crate) fn disturb(&mut self, node: NodeId) {
        let now = self.now;
        for (n, view) in self.nodes.iter_mut().enumerate() {
            if node.is_server() || n == node.index() {
                view.disturbed.get_or_insert(now);
            }
        }
    }

    /// Takes in that a device was wiped: it holds nothing any more and shows nothing.
    pub(crate) fn wipe(&mut self, node: NodeId, installs: u32) {
        let now = self.now;
        let view = &mut self.nodes[node.index()];
        view.rows.clear();
        view.by_op.clear();
        view.installs = installs;
        view.lamp = None;
        view.up_to_date = None;
        view.wiped = Some(now);
        self.taken_away.retain(|(on, _, _), _| *on != node);
    }

    /// Takes a word in that a user was told.
    pub(crate) fn told(&mut self, node: NodeId, op: OpId, word: Word) {
        let now = self.now;
        if word == Word::UpToDate {
            self.nodes[node.index()].up_to_date = Some(now);
        }
        if let Some(record) = self.op_mut(op) {
            record.told.push((now, word));
            if matches!(word, Word::Superseded | Word::Rejected | Word::Conflict | Word::DeadLetter) {
                record.decided_against = true;
            }
        }
    }
}

/// The identity of a row that is the same on every node.
pub fn canonical(row: &Row) -> Key {
    if row.origin.is_some() && (row.key.is_made() || row.key.is_temporary() || row.key.0 < 1 << 40) {
        Key::made(row.origin, row.part)
    } else {
        row.key
    }
}
