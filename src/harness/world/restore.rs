//! The server is restored: it goes back to a copy of its disk that was made some time before.
//!
//! What it took since is gone, on its disk and in the record of the run. Whether devices notice, and send again what they
//! were told was accepted, is the system's affair.

use super::World;
use crate::harness::panics::inside;
use crate::invariants::Backup;
use crate::invariants::running::Doing;
use crate::sim::{Fault, Label, NodeId, Time};
use crate::system::System;

/// A backup of the server: its disk, and what the record of the run said of it.
pub(super) struct Copied<S: System> {
    /// The deviation that will restore it.
    index: u32,
    disk: S::Disk,
    record: Backup,
}

impl<S: System> World<'_, S> {
    /// Makes a backup of the server.
    pub(super) fn back_up(&mut self, index: u32) {
        let server = &self.slots[NodeId::SERVER.index()];
        let disk = inside(NodeId::SERVER, Doing::Restoring, || server.disk.clone());
        self.backups.push(Copied { index, disk, record: self.history.back_up() });
    }

    /// Stops the server and boots it from the backup.
    pub(super) fn restore(&mut self, index: u32, label: Label) {
        let Some(place) = self.backups.iter().position(|backup| backup.index == index) else { return };
        let Copied { mut disk, record, .. } = self.backups.remove(place);
        self.faults[Fault::Restore as usize] += 1;
        self.last_write = self.now;
        let made = record.made();
        self.history.restored(record);
        let epoch = self.history.epochs.commits.len() as u32;
        inside(NodeId::SERVER, Doing::Restoring, || self.system.restored(&mut disk, epoch));
        for invariant in &mut self.invariants {
            invariant.restored(&self.history, made);
        }
        let slot = &mut self.slots[NodeId::SERVER.index()];
        slot.die();
        slot.disk = disk;
        slot.down_until = Time::ZERO;
        self.paused_tasks.retain(|(paused, _)| !paused.is_server());
        self.boot(NodeId::SERVER, label, false);
    }
}
