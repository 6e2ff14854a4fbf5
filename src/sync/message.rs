//! What devices and the server of our engine send each other.
//!
//! Plain data; sizes are what the JSON of such an app takes on the wire. A message carries the seal that its policy
//! gives it, so that damage on the way is noticed by the transport, by a checksum, or not at all.

use super::policy::Integrity;
use crate::model::{Entity, Key, Row, Value};
use crate::sim::luck::{Draw, mix};
use crate::sim::{OpId, Time};
use crate::store::{Action, Answer, Item};
use crate::system::{Message, Verdict};

/// What the server says about one item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ItemResult {
    /// The item's place in the sender's outbox.
    pub seq: u32,
    /// Its op.
    pub op: OpId,
    /// What was decided.
    pub verdict: Verdict,
    /// The identity under which the server has the row.
    pub key: Key,
    /// The commit that made it so.
    pub commit: u32,
}

/// An edit that the server leaves to its device: it met a value that its author had not seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// The op.
    pub op: OpId,
    /// The row as the server has it.
    pub row: Row,
}

/// A message's content.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Items of a device's outbox.
    Push {
        /// In the order in which they are to be handled.
        items: Vec<Item>,
    },
    /// The answer to a push.
    Pushed {
        /// One for each item, or one for each op where ops take effect together.
        results: Vec<ItemResult>,
        /// Conflicts that the device is to decide.
        met: Vec<Met>,
        /// HTTP 500: nothing else in the answer means anything.
        failed: bool,
    },
    /// A device asks for what it does not have.
    Pull {
        /// Everything up to this commit is already there.
        since: u32,
        /// A full download, not a periodic one.
        full: bool,
        /// The entities wanted, one bit each; 0 for all.
        types: u32,
        /// What was ever given back of a grant, by grant.
        released: Vec<(Key, i64)>,
        /// After a restore: whether something has still to be sent, so that the server cannot know what is left.
        owes: bool,
        /// Temporary identities whose real ones the device does not know yet.
        temporary: Vec<(Entity, Key)>,
    },
    /// A device asks to hold so much of these accounts for a sale.
    Hold {
        /// Account and amount.
        wants: Vec<(Entity, Key, i64)>,
    },
    /// What is held; nothing if there is not enough.
    Held {
        /// The grants.
        rows: Vec<Row>,
    },
    /// The answer to a pull.
    Pulled {
        /// Rows in commit order.
        rows: Vec<Row>,
        /// Verdicts on the asking device's own ops.
        answers: Vec<Answer>,
        /// What the temporary identities that it asked for became.
        identities: Vec<(Entity, Key, Key)>,
        /// The request's `since`.
        since: u32,
        /// Everything up to this commit is included.
        until: u32,
        /// The last commit that there is.
        newest: u32,
        /// Whether there is more.
        more: bool,
        /// Whether a full download was asked for.
        full: bool,
        /// HTTP 500: nothing else in the answer means anything.
        failed: bool,
    },
    /// The server says that there is something to pull.
    Notice,
    /// A device asks for a token.
    Login,
    /// A token: when it ends, by the server's clock, in microseconds since 1970.
    Token {
        /// The end of its life.
        until: i64,
    },
    /// HTTP 401: the request's token has expired.
    Unauthorised,
}

/// A message on the wire.
#[derive(Clone, PartialEq, Debug)]
pub struct Wire {
    /// The sender's number for the request; the answer repeats it.
    pub ticket: u32,
    /// The server's time when it answered, in microseconds since 1970.
    pub server_time: i64,
    /// How often the server had been restored, as far as the sender knows.
    pub epoch: u32,
    /// How damage is noticed.
    pub integrity: Integrity,
    /// The checksum, where there is one.
    pub checksum: u64,
    /// When the sender's token ends, by the server's clock; 0 if it has none.
    pub token: i64,
    /// Edits carry the fields that they set, and no others.
    pub delta: bool,
    /// The content.
    pub body: Body,
}

impl Wire {
    /// Seals a message.
    pub fn new(ticket: u32, server_time: i64, epoch: u32, integrity: Integrity, body: Body) -> Wire {
        let mut wire = Wire { ticket, server_time, epoch, integrity, checksum: 0, token: 0, delta: false, body };
        if integrity == Integrity::Checksum {
            wire.checksum = wire.sum();
        }
        wire
    }

    /// Whether the receiver may trust it.
    pub fn is_intact(&self) -> bool {
        self.integrity != Integrity::Checksum || self.checksum == self.sum()
    }

    fn sum(&self) -> u64 {
        let mut sum = mix(u64::from(self.epoch) << 32 | u64::from(self.ticket)) ^ self.server_time as u64;
        let mut add = |word: u64| sum = (sum.rotate_left(9) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut row = |row: &Row| {
            add(row.key.0);
            row.fields.iter().for_each(|value| add(value.bits() as u64));
        };
        match &self.body {
            Body::Push { items } => items.iter().for_each(|item| row(&item.row)),
            Body::Pushed { results, met, .. } => {
                met.iter().for_each(|met| row(&met.row));
                for result in results {
                    add(u64::from(result.op.0));
                    add(u64::from(result.commit) << 1 | u64::from(result.verdict == Verdict::Accepted));
                }
            }
            Body::Pull { since, released, .. } => {
                add(u64::from(*since));
                released.iter().for_each(|(key, total)| add(key.0 ^ *total as u64));
            }
            Body::Hold { wants } => wants.iter().for_each(|(_, key, amount)| add(key.0 ^ (*amount as u64) << 32)),
            Body::Held { rows } => rows.iter().for_each(row),
            Body::Notice | Body::Login | Body::Unauthorised => {}
            Body::Token { until } => add(*until as u64),
            Body::Pulled { rows, until, .. } => {
                rows.iter().for_each(row);
                add(u64::from(*until));
            }
        }
        sum
    }
}

/// The size of a message without content.
const HEADERS: u32 = 200;

impl Message for Wire {
    fn bytes(&self) -> u32 {
        let row = |row: &Row| if row.entity == crate::model::retail::PRODUCT_BATCH { 200 } else { 120 };
        HEADERS
            + match &self.body {
                Body::Push { items } => {
                    let size = |item: &Item| match item.action {
                        Action::Update if self.delta => 60 + 20 * item.mask.count_ones().min(6),
                        _ => 60 + row(&item.row),
                    };
                    items.iter().filter(|item| item.action != Action::Add).map(size).sum::<u32>()
                }
                Body::Pushed { results, met, .. } => {
                    40 * results.len() as u32 + met.iter().map(|met| row(&met.row)).sum::<u32>()
                }
                Body::Pull { released, .. } => 16 * released.len() as u32,
                Body::Hold { wants } => 24 * wants.len() as u32,
                Body::Held { rows } => 60 * rows.len() as u32,
                Body::Notice | Body::Login | Body::Unauthorised => 0,
                Body::Token { .. } => 40,
                Body::Pulled { rows, answers, .. } => rows.iter().map(row).sum::<u32>() + 40 * answers.len() as u32,
            }
    }

    /// The headers as they are, and the JSON of rows to a quarter: what gzip makes of it, to the nearest whole ratio.
    fn compressed(&self) -> u32 {
        HEADERS + (self.bytes() - HEADERS).div_ceil(4)
    }

    fn corrupt(&mut self, luck: u32) -> bool {
        if self.integrity == Integrity::Transport {
            return false;
        }
        let draw = Draw(mix(u64::from(luck)));
        let damage = |row: &mut Row| {
            let set: Vec<usize> = (0..row.fields.len()).filter(|i| row.fields[*i].get().is_some()).collect();
            if let Some(field) = set.get(draw.below(set.len().max(1) as u64) as usize) {
                let value = row.fields[*field].or_zero();
                row.fields[*field] = Value::int(value ^ 1 << (luck % 4));
            }
        };
        match &mut self.body {
            Body::Push { items } if !items.is_empty() => {
                let hit = draw.next().below(items.len() as u64) as usize;
                damage(&mut items[hit].row);
            }
            Body::Pulled { rows, .. } if !rows.is_empty() => {
                let hit = draw.next().below(rows.len() as u64) as usize;
                damage(&mut rows[hit]);
            }
            Body::Pushed { results, .. } if !results.is_empty() => results[0].commit ^= 1 << (luck % 8),
            Body::Pull { since, .. } => *since ^= 1,
            _ => return false,
        }
        true
    }
}

/// A time as microseconds since 1970, for messages that leave the server.
pub fn server_micros(now: Time) -> i64 {
    crate::sim::clock::MORNING + now.0 as i64
}
