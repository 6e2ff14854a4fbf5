//! Bytes as a source of decisions: a head, then records of one size.
//!
//! Why records of one size: a fuzzer that inserts, drops or swaps some of them changes some pieces of a day and leaves
//! the others as they are. What runs out reads as zero.

use crate::sim::{Span, Time};

/// How long a record is.
pub const RECORD: usize = 6;
/// How long the head is.
pub const HEAD: usize = 6;
/// Most records that are read.
const MOST_RECORDS: usize = 64;

/// One piece of a day.
pub type Record = [u8; RECORD];

/// The head of an input, and its records.
pub fn split(bytes: &[u8]) -> ([u8; HEAD], Vec<Record>) {
    let (head, rest) = bytes.split_at(bytes.len().min(HEAD));
    let records = rest.chunks(RECORD).take(MOST_RECORDS).map(padded);
    (padded(head), records.collect())
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|n| bytes.get(n).copied().unwrap_or(0))
}

/// A span from none at all to `most`: short ones in fine steps, long ones in coarse steps. 0 is no time.
pub fn span(byte: u8, most: Span) -> Span {
    if byte == 0 {
        return Span::ZERO;
    }
    // Eight steps to each doubling: 1 ms at 80, 1 s at 160, more than an hour at 255.
    Span(((8 + u64::from(byte & 7)) << (byte >> 3)) >> 3).min(most)
}

/// The same before or after a moment, by the lowest bit.
pub fn shifted(at: Time, byte: u8, most: Span) -> Time {
    let by = span(byte | 1, most);
    if byte & 1 == 0 { at + by } else { at - by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_out_reads_as_zero_and_what_is_too_long_is_cut() {
        assert_eq!(split(&[]), ([0; HEAD], Vec::new()));
        assert_eq!(split(&[7; HEAD + 2]), ([7; HEAD], vec![[7, 7, 0, 0, 0, 0]]));
        assert_eq!(split(&[1; 100_000]).1.len(), MOST_RECORDS);
    }

    #[test]
    fn spans_grow_with_their_byte_from_none_to_the_longest() {
        let most = Span::mins(10);
        let spans: Vec<Span> = (0..=255).map(|byte| span(byte, most)).collect();
        assert_eq!((spans[0], spans[255]), (Span::ZERO, most));
        assert!(spans.iter().any(|span| (1_000..2_000).contains(&span.0)));
        assert!(spans.iter().any(|span| (1_000_000..2_000_000).contains(&span.0)));
        assert!(spans.is_sorted());
    }

    #[test]
    fn a_moment_moves_to_both_sides_and_never_before_the_start() {
        let at = Time::ZERO + Span::secs(1);
        assert!(shifted(at, 80, Span::secs(9)) > at && shifted(at, 81, Span::secs(9)) < at);
        assert_eq!(shifted(Time::ZERO, 255, Span::secs(9)), Time::ZERO);
    }
}
