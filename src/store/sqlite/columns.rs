//! How rows, outbox items and answers are bound to statements and read from results, by position.
//!
//! Keys and idempotency keys use all 64 bits and SQLite's integers are signed, so they are stored with the same bits.
//! A null field is NULL; a missing field is NULL too and has its bit set in `missing`.

use super::names::{Named, VERDICTS};
use crate::model::row::FIELDS;
use crate::model::{Entity, Key, Row, Value};
use crate::sim::{NodeId, OpId};
use crate::store::{Answer, Item};
use crate::system::Verdict;
use rusqlite::{Result, Statement, ToSql};

/// Binds values to the parameters of a statement one after the other.
pub struct Binder<'a, 'b> {
    statement: &'a mut Statement<'b>,
    next: usize,
}

impl<'a, 'b> Binder<'a, 'b> {
    /// Starts with the first parameter.
    pub fn new(statement: &'a mut Statement<'b>) -> Binder<'a, 'b> {
        Binder { statement, next: 1 }
    }

    fn bind(&mut self, value: impl ToSql) -> Result<()> {
        self.next += 1;
        self.statement.raw_bind_parameter(self.next - 1, value)
    }

    /// The columns of a row.
    pub fn row(&mut self, row: &Row) -> Result<()> {
        let missing = |n: usize| u8::from(row.fields[n] == Value::MISSING) << n;
        self.bind(row.entity.0)?;
        self.bind(row.key.0 as i64)?;
        self.bind(row.part)?;
        self.bind(row.state.name())?;
        self.bind(row.deleted)?;
        self.bind(row.actor)?;
        self.bind(row.origin.0)?;
        self.bind(row.version)?;
        self.bind(row.created)?;
        self.bind(row.stamp)?;
        self.bind((0..FIELDS).map(missing).sum::<u8>())?;
        row.fields.iter().try_for_each(|field| self.bind(field.get()))?;
        row.stamps.iter().try_for_each(|stamp| self.bind(stamp))?;
        row.set_by.iter().try_for_each(|op| self.bind(op.0))
    }

    /// The columns of an outbox item.
    pub fn item(&mut self, item: &Item) -> Result<()> {
        self.bind(item.seq)?;
        self.bind(item.op.0)?;
        self.bind(item.action.name())?;
        self.bind(item.mask)?;
        self.bind(item.base)?;
        self.bind(item.queued)?;
        self.bind(item.status.name())?;
        self.bind(item.tries)?;
        self.bind(item.request)?;
        self.bind(item.commit)?;
        self.row(&item.row)
    }

    /// The columns of an answer.
    pub fn answer(&mut self, answer: &Answer) -> Result<()> {
        self.bind(answer.key as i64)?;
        self.bind(answer.op.0)?;
        self.bind(answer.device.0)?;
        self.bind(answer.commit)?;
        self.bind(answer.expires)?;
        self.bind(answer.row.0 as i64)?;
        let (name, rejected, by) = match answer.verdict {
            Verdict::Accepted => (VERDICTS[0], None, None),
            Verdict::Rejected { rule, about, available, requested } => {
                (VERDICTS[1], Some((rule.name(), about.0 as i64, available, requested)), None)
            }
            Verdict::Superseded { by } => (VERDICTS[2], None, Some(by.0)),
            Verdict::Manual => (VERDICTS[3], None, None),
        };
        self.bind(name)?;
        self.bind(rejected.map(|(rule, ..)| rule))?;
        self.bind(rejected.map(|(_, about, ..)| about))?;
        self.bind(rejected.map(|(_, _, available, _)| available))?;
        self.bind(rejected.map(|(.., requested)| requested))?;
        self.bind(by)
    }
}

/// Reads the columns of a result one after the other.
struct Reader<'a, 'b> {
    result: &'a rusqlite::Row<'b>,
    next: usize,
}

impl Reader<'_, '_> {
    fn read<T: rusqlite::types::FromSql>(&mut self) -> Result<T> {
        self.next += 1;
        self.result.get(self.next - 1)
    }

    fn named<T: Named>(&mut self) -> Result<T> {
        self.next += 1;
        let name = self.result.get_ref(self.next - 1)?.as_str()?;
        Ok(T::named(name).expect("a CHECK constraint lets in known names only"))
    }

    fn key(&mut self) -> Result<Key> {
        Ok(Key(self.read::<i64>()? as u64))
    }

    fn row(&mut self) -> Result<Row> {
        let mut row = Row::new(Entity(self.read()?), self.key()?);
        row.part = self.read()?;
        row.state = self.named()?;
        row.deleted = self.read()?;
        row.actor = self.read()?;
        row.origin = OpId(self.read()?);
        row.version = self.read()?;
        row.created = self.read()?;
        row.stamp = self.read()?;
        let missing: u8 = self.read()?;
        for (n, field) in row.fields.iter_mut().enumerate() {
            let none = if missing & 1 << n != 0 { Value::MISSING } else { Value::NULL };
            *field = self.read::<Option<i64>>()?.map_or(none, Value::int);
        }
        for stamp in &mut row.stamps {
            *stamp = self.read()?;
        }
        for op in &mut row.set_by {
            *op = OpId(self.read()?);
        }
        Ok(row)
    }
}

/// Reads a row.
pub fn row(result: &rusqlite::Row<'_>) -> Result<Row> {
    Reader { result, next: 0 }.row()
}

/// Reads an outbox item.
pub fn item(result: &rusqlite::Row<'_>) -> Result<Item> {
    let mut from = Reader { result, next: 0 };
    Ok(Item {
        seq: from.read()?,
        op: OpId(from.read()?),
        action: from.named()?,
        mask: from.read()?,
        base: from.read()?,
        queued: from.read()?,
        status: from.named()?,
        tries: from.read()?,
        request: from.read()?,
        commit: from.read()?,
        row: from.row()?,
    })
}

/// Reads an answer.
pub fn answer(result: &rusqlite::Row<'_>) -> Result<Answer> {
    let mut from = Reader { result, next: 0 };
    let key = from.read::<i64>()? as u64;
    let (op, device) = (OpId(from.read()?), NodeId(from.read()?));
    let (commit, expires, row) = (from.read()?, from.read()?, from.key()?);
    let name: String = from.read()?;
    let verdict = match VERDICTS.iter().position(|known| *known == name) {
        Some(0) => Verdict::Accepted,
        Some(1) => Verdict::Rejected {
            rule: from.named()?,
            about: from.key()?,
            available: from.read()?,
            requested: from.read()?,
        },
        Some(2) => Verdict::Superseded { by: OpId(result.get("superseded_by")?) },
        Some(3) => Verdict::Manual,
        _ => unreachable!("a CHECK constraint lets in known verdicts only"),
    };
    Ok(Answer { key, op, device, commit, expires, verdict, row })
}
