//! Ordered tables of rows: a sorted index over a slab.
//!
//! Why not the standard ordered map: a row is 200 bytes and a node holds some tens of them, so moving rows from tree node
//! to tree node costs more than finding them. Here only the small index entries move. It is no better than the standard
//! map for many thousands of entries, and it does not try to be.

use std::ops::RangeInclusive;

/// Room that the first value makes: a node of an ordinary run holds about so many rows.
const FIRST: usize = 32;

/// Values by key, in order of key.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    /// Keys in order, with the place of each value in the slab.
    index: Vec<(K, u32)>,
    slab: Vec<Option<V>>,
    free: Vec<u32>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { index: Vec::new(), slab: Vec::new(), free: Vec::new() }
    }
}

impl<K: Ord + Copy, V> Table<K, V> {
    #[inline]
    fn place(&self, key: &K) -> Result<usize, usize> {
        match self.index.last() {
            Some((last, _)) if last < key => Err(self.index.len()),
            _ => self.index.binary_search_by(|(at, _)| at.cmp(key)),
        }
    }

    #[inline]
    fn value(&self, slot: u32) -> &V {
        self.slab[slot as usize].as_ref().expect("an indexed slot is filled")
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.index.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
    /// Empties the table and keeps its memory.
    pub fn clear(&mut self) {
        self.index.clear();
        self.slab.clear();
        self.free.clear();
    }
    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().map(|at| self.value(self.index[at].1))
    }
    /// The value of a key, to change it.
    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.place(key).ok()?;
        self.slab[self.index[at].1 as usize].as_mut()
    }
    /// Whether a key has a value.
    pub fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }
    /// The value of a key, made first if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = match self.place(&key) {
            Ok(at) => at,
            Err(at) => {
                self.insert_at(at, key, make());
                at
            }
        };
        let slot = self.index[at].1;
        self.slab[slot as usize].as_mut().expect("an indexed slot is filled")
    }
    /// Adds or replaces a value; the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => self.slab[self.index[at].1 as usize].replace(value),
            Err(at) => {
                self.insert_at(at, key, value);
                None
            }
        }
    }
    fn insert_at(&mut self, at: usize, key: K, value: V) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(value);
                slot
            }
            None => {
                if self.slab.is_empty() {
                    self.index.reserve(FIRST);
                    self.slab.reserve(FIRST);
                }
                self.slab.push(Some(value));
                self.slab.len() as u32 - 1
            }
        };
        self.index.insert(at, (key, slot));
    }
    /// Removes a value, if it is there.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.place(key).ok()?;
        let (_, slot) = self.index.remove(at);
        self.free.push(slot);
        self.slab[slot as usize].take()
    }
    /// Every value in order of key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.index.iter().map(|(_, slot)| self.value(*slot))
    }
    /// Every key with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.index.iter().map(|(key, slot)| (key, self.value(*slot)))
    }
    /// Keys in a range with their values, in order.
    pub fn range(&self, keys: RangeInclusive<K>) -> impl Iterator<Item = (&K, &V)> {
        let from = self.index.partition_point(|(at, _)| at < keys.start());
        let last = *keys.end();
        let within = self.index[from..].iter().take_while(move |(at, _)| *at <= last);
        within.map(|(key, slot)| (key, self.value(*slot)))
    }
}

impl<K: Ord + Copy, V> std::ops::Index<&K> for Table<K, V> {
    type Output = V;

    /// The value of a key that has one.
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("only a key that has a value can be used as an index")
    }
}

/// Keys in order, each once.
#[derive(Clone, Debug)]
pub struct Sorted<K>(Vec<K>);

impl<K> Default for Sorted<K> {
    fn default() -> Self {
        Sorted(Vec::new())
    }
}

impl<K: Ord + Copy> Sorted<K> {
    /// Adds a key, if it is not there yet.
    pub fn insert(&mut self, key: K) {
        if self.0.last().is_none_or(|last| *last < key) {
            self.0.push(key);
        } else if let Err(at) = self.0.binary_search(&key) {
            self.0.insert(at, key);
        }
    }
    /// Removes a key, if it is there.
    pub fn remove(&mut self, key: &K) {
        if let Ok(at) = self.0.binary_search(key) {
            self.0.remove(at);
        }
    }
    /// Empties the set and keeps its memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether a key is there.
    pub fn contains(&self, key: &K) -> bool {
        self.0.binary_search(key).is_ok()
    }
    /// Every key in order.
    pub fn iter(&self) -> std::slice::Iter<'_, K> {
        self.0.iter()
    }
    /// Keys from this one on, in order.
    pub fn from(&self, key: K) -> std::slice::Iter<'_, K> {
        self.0[self.0.partition_point(|at| *at < key)..].iter()
    }
    /// Keys in a range, in order.
    pub fn range(&self, keys: RangeInclusive<K>) -> impl Iterator<Item = &K> {
        let last = *keys.end();
        self.from(*keys.start()).take_while(move |at| **at <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn a_table_answers_like_the_standard_ordered_map(changes in proptest::collection::vec((0u8..4, 0u8..20, 0u32..9), 0..120)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            let (mut sorted, mut set) = (Sorted::default(), BTreeSet::new());
            for (what, key, value) in changes {
                match what {
                    0 => {
                        prop_assert_eq!(table.remove(&key), map.remove(&key));
                        sorted.remove(&key);
                        set.remove(&key);
                    }
                    1 => prop_assert_eq!(table.get_or_insert_with(key, || value), map.entry(key).or_insert(value)),
                    _ => {
                        prop_assert_eq!(table.insert(key, value), map.insert(key, value));
                        sorted.insert(key);
                        set.insert(key);
                    }
                }
                prop_assert_eq!(table.get(&key), map.get(&key));
                prop_assert_eq!(table.len(), map.len());
                prop_assert!(table.values().eq(map.values()));
                prop_assert!(table.range(5..=key.max(5)).eq(map.range(5..=key.max(5))));
                prop_assert!(sorted.iter().eq(&set));
                prop_assert!(sorted.range(5..=key.max(5)).eq(set.range(5..=key.max(5))));
            }
        }
    }
}
