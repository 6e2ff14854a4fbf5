//! The validated description of one run: devices, opening rows, ops, deviations, and when the bad day ends.
//!
//! Why here and not beside the file format: the harness runs these values, and the generator and the shrinker make
//! them without any file. Expectations belong to the file format.

use super::domain::Domain;
use super::op::Op;
use super::row::{Entity, Key, Row};
use crate::sim::{Deviation, NodeId, OpId, Span, Time};
use std::collections::BTreeMap;

/// A user's op at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// When the user does it.
    pub at: Time,
    /// What.
    pub op: Op,
}

/// What every link does when nobody interferes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// One-way latency of a message.
    pub latency: Span,
    /// Bytes a second, or 0 for no limit.
    pub bandwidth: u64,
}

impl Default for Network {
    fn default() -> Self {
        Network { latency: Span::millis(50), bandwidth: 0 }
    }
}

impl Network {
    /// A 3G link as in Conakry on a good day: 150 ms each way, 96 kB/s.
    pub const THREE_G: Network = Network { latency: Span::millis(150), bandwidth: 96_000 };
}

/// One run, fully described.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The business.
    pub domain: &'static Domain,
    /// Device names; device `i` is node `i + 1`.
    pub devices: Vec<String>,
    /// Opening rows with their names, the same on the server and on every device.
    pub rows: Vec<(String, Row)>,
    /// What the users do.
    pub steps: Vec<Step>,
    /// Names of ops.
    pub op_names: BTreeMap<OpId, String>,
    /// What differs from the polite schedule.
    pub schedule: Vec<Deviation>,
    /// When faults end; [`Time::NEVER`] for a run that never heals and finishes when nothing is pending.
    pub heal: Time,
    /// Links when nobody interferes.
    pub network: Network,
    /// Whether devices start with nothing and download everything first, instead of holding the opening rows.
    pub empty_devices: bool,
}

impl Scenario {
    /// An empty scenario of a domain.
    pub fn new(domain: &'static Domain) -> Scenario {
        Scenario {
            domain,
            devices: Vec::new(),
            rows: Vec::new(),
            steps: Vec::new(),
            op_names: BTreeMap::new(),
            schedule: Vec::new(),
            heal: Time::ZERO,
            network: Network::default(),
            empty_devices: false,
        }
    }

    /// The name of a device or of the server.
    pub fn node_name(&self, id: NodeId) -> &str {
        if id.is_server() { "server" } else { self.devices.get(id.index() - 1).map_or("?", String::as_str) }
    }

    /// An op's name.
    pub fn op_name(&self, id: OpId) -> String {
        self.op_names.get(&id).cloned().unwrap_or_else(|| format!("op-{}", id.0))
    }

    /// What a row is called in a story: its opening name, or the op that made it.
    pub fn row_name(&self, entity: Entity, key: Key) -> String {
        if let Some((op, _)) = key.maker() {
            return self.op_name(op);
        }
        let named = self.rows.iter().find(|(_, row)| row.entity == entity && row.key == key);
        named.map_or_else(|| format!("{}-{}", self.domain.entity_name(entity), key.0), |(name, _)| name.clone())
    }

    /// All ops by id.
    pub fn op(&self, id: OpId) -> Option<&Op> {
        self.steps.iter().map(|step| &step.op).find(|op| op.id == id)
    }
}
