//! The contract with a system under test: symmetric, without I/O, one `handle` one atomic step.
//!
//! Why: whatever is written against these traits gets replay, random search, shrinking and reports. The harness owns each
//! node's disk and lends it; no system has to be honest about what survives a kill. This module knows no policy and no
//! invariant (promise P5). Entry types: [`System`] and [`Node`].

pub(crate) mod context;
pub(crate) mod nobody;
pub(crate) mod report;

pub use context::{Context, METRICS, Metric, Task, Timer};
pub use nobody::Nobody;
pub use report::{
    Audit, Dot, Facts, Lamp, Pending, PendingState, Reports, RetryBounds, Rule, Verdict, Why, Word, Write,
};

use crate::model::{Domain, Op, Row};
use crate::sim::NodeId;

/// What a message between nodes must tell the network.
pub trait Message: Clone {
    /// Size on the wire, in bytes: what a link with little bandwidth takes time for. By default 64.
    fn bytes(&self) -> u32 {
        64
    }
    /// Its size once compressed, in bytes; by default nothing is compressed.
    fn compressed(&self) -> u32 {
        self.bytes()
    }
    /// Damages the message in a way that `luck` chooses. Returns whether it can still be parsed; what cannot arrives as
    /// [`Input::Garbled`]. The default is that damage is always noticed by the parser.
    fn corrupt(&mut self, luck: u32) -> bool {
        let _ = luck;
        false
    }
}

/// An op can be sent as it is.
impl Message for Op {}

/// What happens to a node.
#[derive(Clone, Debug)]
pub enum Input<M> {
    /// It has just booted, for the first time or again.
    Booted,
    /// Its user does something.
    Op(Op),
    /// A message arrives; [`Context::request`] is its label.
    Message {
        /// The sender.
        from: NodeId,
        /// What arrives.
        message: M,
    },
    /// Something arrives that cannot be parsed.
    Garbled {
        /// The sender.
        from: NodeId,
    },
    /// A message could not be delivered and the sender knows: its link is down, or the other side refuses connections.
    Unreachable {
        /// Who could not be reached.
        to: NodeId,
        /// What was to be sent.
        message: M,
    },
    /// A request arrives while the node is overloaded and must answer with an error.
    Overloaded {
        /// The sender.
        from: NodeId,
        /// What arrives.
        message: M,
    },
    /// A timer fires.
    Timer(Timer),
    /// The next transaction of a handler with several.
    Resume(Task),
    /// The device is told of a change of its link.
    Link {
        /// Whether it is told that it is online.
        online: bool,
    },
    /// The app returns from the background.
    Foreground,
    /// The final phase of a run that never heals: fetch everything once more, then be still.
    Finish,
}

/// A device or the server: a state machine that survives a kill only through its disk.
pub trait Node {
    /// What nodes send each other.
    type Message: Message;
    /// What is kept durably.
    type Disk;

    /// One atomic step. A panic in here is a finding, `nodes-keep-running`, and ends the run; so do 10,000 steps within a
    /// second of virtual time. A loop inside one step cannot be seen from outside.
    fn handle(&mut self, disk: &mut Self::Disk, input: Input<Self::Message>, cx: &mut Context<Self::Message>);

    /// Every row that a user or an auditor would see, in any order, tombstones included.
    fn rows(&self, disk: &Self::Disk, visit: &mut dyn FnMut(&Row));

    /// What the node still wants to do; nothing by default.
    fn pending(&self, disk: &Self::Disk, visit: &mut dyn FnMut(Pending)) {
        let _ = (disk, visit);
    }

    /// Whether the node has finished the final phase of a run that never heals.
    fn finished(&self) -> bool {
        true
    }
}

/// The thing under test: how its devices and its server behave.
pub trait System: Sync {
    /// What nodes send each other.
    type Message: Message;
    /// What a node keeps durably.
    type Disk: Clone;
    /// A device.
    type Device: Node<Message = Self::Message, Disk = Self::Disk>;
    /// The server; [`Nobody`] where [`Facts::server`] says that there is none.
    type Server: Node<Message = Self::Message, Disk = Self::Disk>;

    /// Its name, by which findings and scenario files know it: saved stories are this system's as long as they name it.
    /// By default that of its type, without what a generic type is made for.
    fn name(&self) -> &str {
        last_segment(std::any::type_name::<Self>())
    }
    /// The business it runs.
    fn domain(&self) -> &'static Domain;
    /// What it declares about itself.
    fn facts(&self) -> Facts;
    /// A fresh disk that holds these rows. `install` counts a device's installations from 0.
    fn disk(&self, who: NodeId, install: u32, rows: &mut dyn Iterator<Item = Row>) -> Self::Disk;
    /// Starts a device from its disk.
    fn device(&self, who: NodeId, disk: &Self::Disk) -> Self::Device;
    /// Starts the server from its disk; never asked for where there is no server.
    fn server(&self, disk: &Self::Disk) -> Self::Server;
    /// The app on this device is stopped and will boot in its next version: what that does to its disk. What users see
    /// must stay as it is. Nothing, by default.
    fn upgraded(&self, who: NodeId, disk: &mut Self::Disk) {
        let _ = (who, disk);
    }
    /// The server is stopped and will boot from a backup of its disk: what the system makes of that. Epochs count from 1;
    /// what the server took since the backup was made is gone. Nothing, by default.
    fn restored(&self, disk: &mut Self::Disk, epoch: u32) {
        let _ = (disk, epoch);
    }
    /// Whether this row of the server belongs on this device. All of them, by default.
    fn in_scope(&self, device: NodeId, row: &Row) -> bool {
        let _ = (device, row);
        true
    }
}

/// The name of a type alone, of its path: `shop::Engine<core::option::Option<u8>>` is an `Engine`.
fn last_segment(path: &str) -> &str {
    let plain = path.split('<').next().unwrap_or(path);
    plain.rsplit("::").next().unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Engine<T>(std::marker::PhantomData<T>);

    #[test]
    fn a_generic_type_is_called_by_its_own_name() {
        assert_eq!(last_segment(std::any::type_name::<Engine<Option<std::time::Duration>>>()), "Engine");
        assert_eq!(last_segment(std::any::type_name::<Nobody<(), ()>>()), "Nobody");
    }
}
