//! The ops that a message or a held-up handler carries: a short list that needs no heap.
//!
//! Why: every message has one and its copies have it too. It is read as a slice and never changed.

use crate::sim::OpId;

/// Ops that fit without a heap; a batch of a real system rarely holds more.
const FEW: usize = 10;

/// A list of ops.
#[derive(Clone, Debug)]
pub enum Carried {
    /// So many of these.
    Few(u8, [OpId; FEW]),
    /// More than fit.
    Many(Box<[OpId]>),
}

impl Carried {
    /// The list that holds these.
    pub fn new(ops: &[OpId]) -> Carried {
        if ops.len() > FEW {
            return Carried::Many(ops.into());
        }
        let few = std::array::from_fn(|n| ops.get(n).copied().unwrap_or(OpId::NONE));
        Carried::Few(ops.len() as u8, few)
    }
}

impl std::ops::Deref for Carried {
    type Target = [OpId];

    fn deref(&self) -> &[OpId] {
        match self {
            Carried::Few(count, ops) => &ops[..*count as usize],
            Carried::Many(ops) => ops,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_what_it_was_given_whether_it_fits_or_not() {
        for count in [0, 1, FEW, FEW + 1, 100] {
            let ops: Vec<OpId> = (1..=count as u32).map(OpId).collect();
            assert_eq!(*Carried::new(&ops), *ops);
        }
    }
}
