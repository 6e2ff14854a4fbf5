//! The event queue: earliest time first, then label order, never two events at one instant.
//!
//! Why our own: the order is part of what a scenario means, so it may not change with a library version. A 4-ary heap
//! of 24-byte entries; what an event *is* lies in a slab addressed by the entry's slot. Events known from the start are
//! sorted once and never enter the heap, which keeps it small. It does not cancel: an event that no longer matters is
//! recognised when it comes up.

use super::label::Label;
use super::time::Time;

#[derive(Clone, Copy)]
struct Entry {
    at: Time,
    label: Label,
    slot: u32,
}

impl Entry {
    #[inline]
    fn before(&self, other: &Entry) -> bool {
        (self.at, self.label, self.slot) < (other.at, other.label, other.slot)
    }
}

/// Pending events of one run, each with a payload `T`.
pub struct Queue<T> {
    /// Events known from the start, the next one last.
    agenda: Vec<Entry>,
    heap: Vec<Entry>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    last: Option<Time>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { agenda: Vec::new(), heap: Vec::new(), slab: Vec::new(), free: Vec::new(), last: None }
    }
}

impl<T> Queue<T> {
    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.agenda.is_empty() && self.heap.is_empty()
    }

    /// Sorts what is pending now. Changes no order; makes a queue that was filled at once cheaper to empty.
    pub fn sort(&mut self) {
        self.agenda.append(&mut self.heap);
        self.agenda.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.at, entry.label, entry.slot)));
    }

    /// Adds an event due at `at`.
    pub fn push(&mut self, at: Time, label: Label, event: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slab.push(Some(event));
                self.slab.len() as u32 - 1
            }
        };
        let entry = Entry { at, label, slot };
        let mut i = self.heap.len();
        self.heap.push(entry);
        while i > 0 {
            let parent = (i - 1) / 4;
            if !entry.before(&self.heap[parent]) {
                break;
            }
            self.heap[i] = self.heap[parent];
            i = parent;
        }
        self.heap[i] = entry;
    }

    /// The first entry, and whether it stands on the agenda.
    #[inline]
    fn first(&self) -> Option<(Entry, bool)> {
        match (self.agenda.last(), self.heap.first()) {
            (Some(planned), Some(top)) if top.before(planned) => Some((*top, false)),
            (Some(planned), _) => Some((*planned, true)),
            (None, top) => top.map(|top| (*top, false)),
        }
    }

    #[inline]
    fn due(&self, entry: Entry) -> Time {
        self.last.map_or(entry.at, |last| entry.at.max(Time(last.0 + 1)))
    }

    /// The time at which the next event would happen.
    pub fn next_at(&self) -> Option<Time> {
        self.first().map(|(entry, _)| self.due(entry))
    }

    /// Takes the next event and the instant at which it happens: its due time, or 1 µs after the event before it.
    pub fn pop(&mut self) -> Option<(Time, Label, T)> {
        let (top, planned) = self.first()?;
        let now = self.due(top);
        if planned {
            self.agenda.pop();
        } else {
            let entry = self.heap.pop().expect("the heap has a first entry");
            if !self.heap.is_empty() {
                self.sift_down(entry);
            }
        }
        let event = self.slab[top.slot as usize].take().expect("a queued slot is filled until it is popped");
        self.free.push(top.slot);
        self.last = Some(now);
        Some((now, top.label, event))
    }

    fn sift_down(&mut self, entry: Entry) {
        let heap = &mut self.heap[..];
        let mut i = 0;
        loop {
            let first = 4 * i + 1;
            if first >= heap.len() {
                break;
            }
            let mut least = first;
            for child in first + 1..(first + 4).min(heap.len()) {
                if heap[child].before(&heap[least]) {
                    least = child;
                }
            }
            if !heap[least].before(&entry) {
                break;
            }
            heap[i] = heap[least];
            i = least;
        }
        heap[i] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::super::label::{Cause, Channel, NodeId, OpId, Point};
    use super::*;
    use proptest::prelude::*;

    fn label(n: u32) -> Label {
        Label::new(NodeId(1), Channel(1), Cause::Op(OpId(n)), Point::Send)
    }

    #[test]
    fn events_of_one_instant_happen_a_microsecond_apart_in_label_order() {
        let mut queue = Queue::default();
        for n in [3, 1, 2] {
            queue.push(Time(10), label(n), n);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(at, _, n)| (at.0, n)).collect();
        assert_eq!(order, [(10, 1), (11, 2), (12, 3)]);
    }

    proptest! {
        #[test]
        fn events_come_in_order_of_time_then_label_whatever_order_they_were_added(
            events in proptest::collection::vec((0u64..50, 0u32..1000), 0..200),
            sorted_after in 0usize..200,
        ) {
            let mut queue = Queue::default();
            for (added, (at, n)) in events.iter().enumerate() {
                if added == sorted_after {
                    queue.sort();
                }
                queue.push(Time(*at), label(*n), (*at, *n));
            }
            let popped: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(popped.len(), events.len());
            let mut sorted = events.clone();
            sorted.sort_unstable();
            prop_assert_eq!(popped.iter().map(|(_, _, e)| *e).collect::<Vec<_>>(), sorted);
            for pair in popped.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0, "two events share an instant");
            }
            for (now, _, (at, _)) in &popped {
                prop_assert!(now.0 >= *at, "an event came early");
            }
        }

        #[test]
        fn events_added_while_running_are_never_early(steps in proptest::collection::vec(0u64..20, 1..100)) {
            let mut queue = Queue::default();
            queue.push(Time(0), label(0), 0);
            let mut last = None;
            for (n, ahead) in steps.into_iter().enumerate() {
                let (now, _, due) = queue.pop().expect("one event is always pending");
                prop_assert!(now.0 >= due && Some(now) > last);
                last = Some(now);
                queue.push(Time(now.0 + ahead), label(n as u32), now.0 + ahead);
            }
        }
    }
}
