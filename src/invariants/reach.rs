//! What can come up in a business at all, so that nobody is asked to have tested what cannot.
//!
//! Why: a small business deletes nothing and may make no row; a campaign on it has missed nothing by never seeing a
//! deleted row come back. It is read off ops that the business invents and what its transition says of them; so a
//! business that leaves its transition out says that its ops make, change and delete no rows that could be held against
//! it. What comes up all the same is judged all the same.

use super::effects::can_be_half_done;
use crate::model::{Class, Domain, Effect, Entity, Key, Op, Row, Rows};
use crate::sim::OpId;
use std::collections::BTreeMap;

/// What the ops of a business bring about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// An op makes a row.
    pub makes: bool,
    /// An op makes several rows, or an amount over rows: it can be there by half.
    pub in_pieces: bool,
    /// An op deletes a row or empties a field.
    pub deletes: bool,
    /// A field never changes once it is set.
    pub frozen: bool,
    /// A message may arrive damaged.
    pub damage: bool,
    /// Something may be late, lost or disturbed: an op may have to be sent again.
    pub trouble: bool,
}

struct Shown(BTreeMap<(Entity, Key), Row>);

impl Rows for Shown {
    fn row(&self, entity: Entity, key: Key) -> Option<Row> {
        self.0.get(&(entity, key)).copied()
    }
}

impl Reach {
    /// Before any op was seen: what the fields alone say.
    pub fn new(domain: &Domain) -> Reach {
        let mut fields = domain.entities.iter().flat_map(|entity| entity.fields);
        Reach { frozen: fields.any(|field| field.class == Class::Frozen), ..Reach::default() }
    }

    /// What nobody could find out: then nothing is out of reach.
    pub fn unknown() -> Reach {
        Reach { makes: true, in_pieces: true, deletes: true, frozen: true, damage: true, trouble: true }
    }

    /// Looks at the ops of one day, in order, as if one device had done them all.
    pub fn see(&mut self, domain: &Domain, opening: &[Row], ops: &[Op]) {
        let mut shown = Shown(opening.iter().map(|row| ((row.entity, row.key), *row)).collect());
        let (mut pieces, mut effects) = (Vec::new(), Vec::new());
        for op in ops {
            (domain.pieces)(op, &mut pieces);
            self.makes |= !pieces.is_empty();
            self.in_pieces |= can_be_half_done(&pieces);
            pieces.clear();
            (domain.transition)(op, &shown, &mut effects);
            for effect in effects.drain(..) {
                self.note(&mut shown, op.id, effect);
            }
        }
    }

    fn note(&mut self, shown: &mut Shown, op: OpId, effect: Effect) {
        match effect {
            Effect::Create(row) => {
                self.makes = true;
                shown.0.insert((row.entity, row.key), row);
            }
            Effect::Set { entity, key, field, value } => {
                self.deletes |= value.get().is_none();
                if let Some(row) = shown.0.get_mut(&(entity, key)) {
                    row.set(field, value, op);
                }
            }
            Effect::Add { .. } => {}
            Effect::Delete { entity, key } => {
                self.deletes = true;
                shown.0.remove(&(entity, key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::Invariant;
    use crate::invariants::effects::OpAllOrNothing;
    use crate::model::Verb;
    use crate::model::domain::{EntitySpec, FieldSpec, Piece, Shape, VerbSpec};
    use crate::model::retail::{DELETE_SUPPLIER, PRODUCT, RETAIL, SELL, SUPPLIER};
    use crate::sim::NodeId;
    use crate::system::Facts;

    #[test]
    fn a_sale_makes_rows_and_a_deletion_deletes() {
        let opening = [Row::new(PRODUCT, Key(1)), Row::new(SUPPLIER, Key(2))];
        let mut reach = Reach::new(&RETAIL);
        assert!(!reach.makes && !reach.in_pieces && !reach.deletes);
        reach.see(&RETAIL, &opening, &[Op::new(OpId(1), NodeId(1), SELL).line(Key(1), 2)]);
        assert!(reach.makes && reach.in_pieces && !reach.deletes);
        reach.see(&RETAIL, &opening, &[Op::new(OpId(2), NodeId(1), DELETE_SUPPLIER).on(Key(2))]);
        assert!(reach.deletes);
    }

    #[test]
    fn pieces_are_asked_of_ops_that_somebody_did_and_of_no_other() {
        static STOCK: [EntitySpec; 1] = [EntitySpec::new("tin", &[FieldSpec::new("stock", Class::Quantity)])];
        static VERBS: [VerbSpec; 2] = [
            VerbSpec::new("drop", Shape::Target(Entity(0))),
            VerbSpec::new("take", Shape::Lines { entity: Entity(0), signed: false }),
        ];
        static SHELF: Domain = Domain {
            pieces: |op, pieces| {
                assert!(op.verb == Verb(1) || op.lines().is_empty(), "what is dropped has no lines");
                // More than three are taken in two goes.
                let goes = if op.verb == Verb(1) && op.value(0) > 3 { 2 } else { 1 };
                pieces.extend((0..goes).map(|part| Piece { entity: Entity(0), part, amount: None }));
            },
            ..Domain::new("shelf", &STOCK, &VERBS)
        };
        assert_eq!(OpAllOrNothing::default().not_checked(&Facts::new(&[]), &SHELF), None);
        let op = |id, verb| Op::new(OpId(id), NodeId(1), Verb(verb));
        let (mut reach, few) = (Reach::new(&SHELF), [op(1, 0).on(Key(1)), op(2, 1).line(Key(1), 3)]);
        reach.see(&SHELF, &[], &few);
        assert!(OpAllOrNothing::default().out_of_reach(&reach).is_some());
        reach.see(&SHELF, &[], &[op(3, 1).line(Key(1), 4)]);
        assert_eq!(OpAllOrNothing::default().out_of_reach(&reach), None);
    }

    #[test]
    fn a_business_of_one_number_reaches_nothing() {
        static STOCK: [EntitySpec; 1] = [EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])];
        static SHOP: Domain = Domain::new("shop", &STOCK, &[]);
        assert_eq!(Reach::new(&SHOP), Reach::default());
    }
}
