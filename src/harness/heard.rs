//! Who was ever answered: which verbs, channels and devices were there in a run, and which of them led to anything.
//!
//! Why: a system that ignores an op or a message breaks no promise about it, and a campaign on it would be green. It is
//! all unions, so that it is the same for a campaign whatever ran where. Commands are left out: an app may ignore one.

use crate::invariants::History;
use crate::model::Op;
use crate::sim::{Channel, NodeId};

/// What was there and what was answered, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// Durable verbs that users did, by their place in the business.
    pub verbs_done: u64,
    /// Those of which some op was written, told, decided or sent by anybody.
    pub verbs_answered: u64,
    /// Channels on which an undamaged message arrived.
    pub channels_used: u64,
    /// Those on which some arrival led to a write, a word, a verdict, a message, a timer or another step, or brought an
    /// op that had taken effect elsewhere back to the device that did it.
    pub channels_answered: u64,
    /// Devices on which users did something durable.
    pub devices_used: u64,
    /// Devices that sent anything.
    pub devices_sent: u64,
}

impl Heard {
    /// The bit of a verb, a channel or a device; those beyond the last bit share it.
    #[inline]
    fn bit(number: usize) -> u64 {
        1 << number.min(63)
    }

    /// A message arrived on a channel; whether anything came of it.
    #[inline]
    pub(super) fn arrived(&mut self, channel: Channel, answered: bool) {
        self.channels_used |= Heard::bit(usize::from(channel.0));
        self.channels_answered |= u64::from(answered) << usize::from(channel.0).min(63);
    }

    /// A node sent something, whether it asked or answered.
    #[inline]
    pub(super) fn sent(&mut self, node: NodeId) {
        self.devices_sent |= Heard::bit(node.index());
    }

    /// Adds what became of each op in a run that is over.
    pub(super) fn ops(&mut self, history: &History<'_>) {
        for record in history.ops().filter(|record| history.domain.is_durable(&record.op)) {
            let Op { verb, node, .. } = record.op;
            let verb = usize::from(verb.0 - history.domain.first_verb);
            self.verbs_done |= Heard::bit(verb);
            self.devices_used |= Heard::bit(node.index());
            let answered = record.named > 0
                || record.local
                || record.given_up
                || record.on_server.is_some()
                || record.on_others.is_some()
                || !(record.told.is_empty() && record.verdicts.is_empty() && record.sends.is_empty());
            self.verbs_answered |= u64::from(answered) << verb.min(63);
        }
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Heard) {
        self.verbs_done |= other.verbs_done;
        self.verbs_answered |= other.verbs_answered;
        self.channels_used |= other.channels_used;
        self.channels_answered |= other.channels_answered;
        self.devices_used |= other.devices_used;
        self.devices_sent |= other.devices_sent;
    }

    /// Verbs that users did and of which no op was ever answered.
    pub fn silent_verbs(&self) -> impl Iterator<Item = usize> {
        members(self.verbs_done & !self.verbs_answered)
    }
    /// Channels on which messages arrived and led to nothing.
    pub fn silent_channels(&self) -> impl Iterator<Item = usize> {
        members(self.channels_used & !self.channels_answered)
    }
    /// Devices whose users did something and that never sent anything.
    pub fn silent_devices(&self) -> impl Iterator<Item = usize> {
        members(self.devices_used & !self.devices_sent)
    }
}

fn members(bits: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |bit| bits >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_silent_until_one_run_answers_on_it() {
        let (mut all, mut deaf, mut good) = (Heard::default(), Heard::default(), Heard::default());
        deaf.arrived(Channel(1), false);
        deaf.arrived(Channel(2), false);
        good.arrived(Channel(2), true);
        all.add(&deaf);
        assert_eq!(all.silent_channels().collect::<Vec<_>>(), [1, 2]);
        all.add(&good);
        assert_eq!(all.silent_channels().collect::<Vec<_>>(), [1]);
    }
}
