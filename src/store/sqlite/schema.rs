//! The tables of a node, and the views that call records by the names of their domain.
//!
//! Why so many named columns: a person who opens a dumped store should understand it without this program. The tables
//! are the same for every domain, so that one schema serves all; the views are made for one domain, when a store is
//! dumped. There are no foreign keys: a reference to a row that is not there is something the harness has to find, not
//! something the store may prevent.

use super::names::{Named, VERDICTS};
use crate::model::row::FIELDS;
use crate::model::{Domain, Entity, RowState};
use crate::store::{Action, Cell, Status};
use crate::system::Rule;

/// Every table.
pub const TABLES: [&str; 7] = ["record", "base_record", "outbox", "kept", "answer", "identity", "number"];

/// The statements that make the tables of an empty store.
pub fn tables() -> String {
    let row = row_columns();
    let item = item_columns();
    format!(
        "-- What the user sees.
CREATE TABLE record (
{row},
  PRIMARY KEY (entity, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_by_version ON record (version);

-- What the server last said, without this device's pending ops.
CREATE TABLE base_record (
{row},
  PRIMARY KEY (entity, key)
) STRICT, WITHOUT ROWID;

-- What still has to reach the server, each item with the row as it was queued.
CREATE TABLE outbox (
{item}
) STRICT;

-- What has reached it, in case that a backup without it is restored.
CREATE TABLE kept (
{item}
) STRICT;

-- Verdicts, found again by their idempotency key.
CREATE TABLE answer (
  key INTEGER PRIMARY KEY,
  op INTEGER NOT NULL,
  device INTEGER NOT NULL,
  commit_number INTEGER NOT NULL CHECK (commit_number >= 0),
  expires INTEGER NOT NULL, -- by the server's wall clock
  row INTEGER NOT NULL, -- the row that was made
  verdict TEXT NOT NULL CHECK (verdict IN ({verdicts})),
  rule TEXT CHECK (rule IN ({rules})),
  about INTEGER,
  available INTEGER,
  requested INTEGER,
  superseded_by INTEGER,
  CHECK ((verdict = 'rejected') = (rule IS NOT NULL AND about IS NOT NULL AND available IS NOT NULL AND requested IS NOT NULL)),
  CHECK ((verdict = 'superseded') = (superseded_by IS NOT NULL))
) STRICT;
CREATE INDEX answer_by_commit ON answer (commit_number);

-- What temporary identities became.
CREATE TABLE identity (
  entity INTEGER NOT NULL,
  temporary INTEGER NOT NULL,
  real INTEGER NOT NULL,
  PRIMARY KEY (entity, temporary)
) STRICT, WITHOUT ROWID;

CREATE TABLE number (
  name TEXT PRIMARY KEY CHECK (name IN ({cells})),
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
        verdicts = quoted(&VERDICTS),
        rules = quoted(Rule::NAMES),
        cells = quoted(Cell::NAMES),
    )
}

/// The columns of an outbox item, in the order in which they are bound and read.
fn item_columns() -> String {
    format!(
        "  seq INTEGER PRIMARY KEY, -- the place in the queue
  op INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (action IN ({actions})),
  mask INTEGER NOT NULL CHECK (mask BETWEEN 0 AND 255), -- the fields that the op set: bit 0 for f0
  base INTEGER NOT NULL, -- when those fields had last been set, as the author saw it
  queued INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ({statuses})),
  tries INTEGER NOT NULL CHECK (tries >= 0),
  request INTEGER NOT NULL CHECK (request >= 0), -- in which it was first sent
  commit_number INTEGER NOT NULL CHECK (commit_number >= 0),
{row}",
        actions = quoted(Action::NAMES),
        statuses = quoted(Status::NAMES),
        row = row_columns(),
    )
}

/// The columns of a row, in the order in which they are bound and read.
fn row_columns() -> String {
    let numbered = |column: &dyn Fn(usize) -> String| (0..FIELDS).map(column).collect::<Vec<_>>().join(",\n");
    format!(
        "  entity INTEGER NOT NULL CHECK (entity BETWEEN 0 AND 255),
  key INTEGER NOT NULL,
  part INTEGER NOT NULL CHECK (part BETWEEN 0 AND 255), -- which piece of its op's effect
  state TEXT NOT NULL CHECK (state IN ({states})),
  deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
  actor INTEGER NOT NULL,
  origin INTEGER NOT NULL, -- the op that made it, 0 for opening rows
  version INTEGER NOT NULL CHECK (version >= 0), -- the commit number of its last change
  created INTEGER NOT NULL, -- microseconds since 1970, as every stamp
  stamp INTEGER NOT NULL,
  missing INTEGER NOT NULL CHECK (missing BETWEEN 0 AND 255), -- fields that are not there at all, bit 0 for f0
{fields},
{stamps},
{ops}",
        states = quoted(RowState::NAMES),
        fields = numbered(&|n| format!("  f{n} INTEGER CHECK (f{n} IS NULL OR missing & {} = 0)", 1 << n)),
        stamps = numbered(&|n| format!("  s{n} INTEGER NOT NULL /* when f{n} was last set */")),
        ops = numbered(&|n| format!("  o{n} INTEGER NOT NULL /* the op that last set f{n} */")),
    )
}

/// The statements that make a view of the visible records for each entity of a domain, and for the records that every
/// domain has. A name that is taken gets an underscore.
pub fn views(domain: &Domain) -> String {
    let entities = domain.entity_specs().map(|(entity, spec)| {
        let fields: Vec<&str> = spec.fields.iter().map(|field| field.name).collect();
        (entity, spec.name, fields)
    });
    let common = [
        (Entity::CONFLICT, domain.entity_name(Entity::CONFLICT), vec!["losing_op", "winning_op", "field"]),
        (Entity::AUDIT, domain.entity_name(Entity::AUDIT), vec!["op", "what"]),
    ];
    let mut sql = String::new();
    for (entity, name, fields) in entities.chain(common) {
        let name = if TABLES.contains(&name) { format!("{name}_") } else { name.to_string() };
        let mut columns = vec!["key".to_string()];
        for (n, field) in fields.iter().enumerate() {
            let field = if ROW.contains(field) { format!("{field}_") } else { field.to_string() };
            columns.push(format!("CASE WHEN missing & {} THEN 'missing' ELSE f{n} END AS \"{field}\"", 1 << n));
        }
        columns.extend(ROW[1..].iter().map(|column| column.to_string()));
        let columns = columns.join(",\n  ");
        sql += &format!("CREATE VIEW \"{name}\" AS SELECT\n  {columns}\nFROM record WHERE entity = {};\n", entity.0);
    }
    sql
}

/// What a view shows of a record beside its fields.
const ROW: [&str; 8] = ["key", "state", "deleted", "actor", "origin", "version", "created", "stamp"];

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}
