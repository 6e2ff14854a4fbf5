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
        Reach { makes: true, in_pieces: true, deletes: true, frozen: true }
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
    use crate::model::domain::{EntitySpec, FieldSpec};
    use crate::model::retail::{DELETE_SUPPLIER, PRODUCT, RETAIL, SELL, SUPPLIER};
    use crate::sim::NodeId;

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
    fn a_business_of_one_number_reaches_nothing() {
        static STOCK: [EntitySpec; 1] = [EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])];
        static SHOP: Domain = Domain::new("shop", &STOCK, &[]);
        assert_eq!(Reach::new(&SHOP), Reach::default());
    }
}
