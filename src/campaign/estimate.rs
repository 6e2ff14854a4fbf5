//! How far a figure of so many runs may be off: 95 % intervals in whole numbers.
//!
//! Three kinds, each for what it fits. Runs are independent of each other, for their seeds are; ops of one run are not.
//!
//! - **A share of runs** ([`share`]): Wilson's score interval (E. B. Wilson, *Probable inference, the law of succession,
//!   and statistical inference*, JASA 22, 1927), with z = 1.96: (k + z²/2 ± z √(k(n−k)/n + z²/4)) / (n + z²).
//!   Worked: 10 of 100 runs give (11.92 ± 6.21) / 103.84, hence 5.5 % to 17.4 %. It says something even if nothing was
//!   found: 0 of 10,000 runs is 0 to 0.038 %.
//! - **A ratio of sums** ([`Sums::ratio`]), as bytes for each op: R = Σx / Σn over runs, and the variance of a ratio of
//!   runs as clusters, Σ(x − Rn)² / (Σn)² · m / (m − 1) for m runs (W. G. Cochran, *Sampling Techniques*, 3rd ed., 1977,
//!   section 6.4). Worked: two runs with 1 of 2 and 3 of 2 give R = 1, residuals −1 and 1, variance 2 / 16 · 2, hence
//!   1 ± 1.96 · 0.5 = 1 ± 0.98. The difference of two systems on the same runs is the same formula over differences.
//! - **A percentile** ([`quantile`]): the spans that stand at the ranks np ± z √(np(1−p)) (order statistics; W. J.
//!   Conover, *Practical Nonparametric Statistics*, 3rd ed., 1999, section 3.2). As spans of one run resemble each other,
//!   the share of ranks is that of as many spans as there are runs, which can only make it wider. Worked: the median of
//!   1,000 spans of 100 runs: 50 % ± 1.96 · 5 % = ranks 402 to 598. A span that never ended counts as longest.

use crate::harness::Histogram;
use crate::sim::Span;

/// 1.96, in ten-thousandths.
const Z: u128 = 19_600;
/// Parts of a unit in which shares and ratios are given.
pub const PARTS: i64 = 1_000_000;

/// A figure between two bounds, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Estimate {
    /// The figure.
    pub value: i64,
    /// It is hardly less than this.
    pub low: i64,
    /// It is hardly more than this.
    pub high: i64,
}

impl Estimate {
    /// Half of the interval's width.
    pub fn margin(&self) -> i64 {
        (self.high - self.low) / 2
    }
    /// Whether the whole interval lies on one side of zero.
    pub fn is_certain(&self) -> bool {
        self.low > 0 || self.high < 0
    }
}

/// A percentile between two others; `None` is never.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quantile {
    /// The percentile.
    pub value: Option<Span>,
    /// It is hardly less than this.
    pub low: Option<Span>,
    /// It is hardly more than this.
    pub high: Option<Span>,
}

/// `k` of `n` runs.
pub fn share(k: u64, n: u64) -> Estimate {
    if n == 0 {
        return Estimate { value: 0, low: 0, high: PARTS };
    }
    assert!(k <= n, "no more runs broke a promise than there were");
    let (k, n) = (u128::from(k), u128::from(n));
    let zz = Z * Z / 10_000;
    let parts = PARTS as u128;
    let below = 10_000 * n + zz;
    let middle = (10_000 * k + zz / 2) * parts / below;
    let root = (k * (n - k) * parts * parts / n + zz * parts * parts / 40_000).isqrt();
    let half = Z * root / below;
    Estimate {
        value: (k * parts / n) as i64,
        low: if k == 0 { 0 } else { middle.saturating_sub(half) as i64 },
        high: if k == n { PARTS } else { (middle + half).min(parts) as i64 },
    }
}

/// The difference between two shares of the same `n` runs: `more` runs have it only here, `less` only there.
///
/// The variance of a mean of differences that are 1, −1 and 0 (paired proportions, as in McNemar's test):
/// (more + less − (more − less)² / n) / n / (n − 1). Worked: 30 more and 10 less of 100 give 0.2 ± 1.96 · √(0.36 / 99)
/// = 0.2 ± 0.118.
pub fn difference(more: u64, less: u64, n: u64) -> Estimate {
    let mut sums = Sums::default();
    sums.add_many(1, 1, more);
    sums.add_many(-1, 1, less);
    sums.add_many(0, 1, n - more - less);
    sums.ratio()
}

/// What is kept of a figure and its base over runs: enough for their ratio and how far it may be off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    runs: u64,
    x: i128,
    n: i128,
    xx: i128,
    xn: i128,
    nn: i128,
}

impl Sums {
    /// Takes in a run with figure `x` on base `n`.
    pub fn add(&mut self, x: i64, n: u64) {
        self.add_many(x, n, 1);
    }

    fn add_many(&mut self, x: i64, n: u64, times: u64) {
        let (x, n, times) = (i128::from(x), i128::from(n), i128::from(times));
        self.runs += times as u64;
        self.x += x * times;
        self.n += n * times;
        self.xx += x * x * times;
        self.xn += x * n * times;
        self.nn += n * n * times;
    }

    /// Adds another shard's runs.
    pub fn merge(&mut self, other: &Sums) {
        self.runs += other.runs;
        self.x += other.x;
        self.n += other.n;
        self.xx += other.xx;
        self.xn += other.xn;
        self.nn += other.nn;
    }

    /// Whether there was anything that the figure could have happened to.
    pub fn has_base(&self) -> bool {
        self.n > 0
    }

    /// The figure for each unit of the base.
    pub fn ratio(&self) -> Estimate {
        let Sums { runs, x, n, xx, xn, nn } = *self;
        if n == 0 || runs < 2 {
            let value = if n == 0 { 0 } else { (x * i128::from(PARTS) / n) as i64 };
            return Estimate { value, low: value, high: value };
        }
        let value = (x * i128::from(PARTS) / n) as i64;
        // Σ(x − Rn)², times n² so that it stays whole.
        let spread = (n * n * xx - 2 * x * n * xn + x * x * nn).max(0) as u128;
        let spread = spread / u128::from(runs - 1) * u128::from(runs);
        // Small sums need more digits than whole numbers have; large ones have no room for more.
        let digits = if spread < 1 << 96 { 1_000 } else { 1 };
        let root = (spread * digits * digits).isqrt();
        let half = (Z * (PARTS as u128 / 10_000) * root / digits / (n * n) as u128) as i64;
        Estimate { value, low: value - half, high: value + half }
    }
}

/// The span below which `percent` of `due` spans lie, of which those in the histogram ended, in so many runs.
pub fn quantile(ended: &Histogram, due: u64, runs: u64, percent: u64) -> Quantile {
    if due == 0 || runs == 0 {
        return Quantile::default();
    }
    let parts = PARTS as u64;
    let share = percent * parts / 100;
    // √(p(1−p)/runs), in millionths.
    let root = (share * (parts - share) / runs).isqrt();
    let half = Z as u64 * root / 10_000;
    let rank = |share: u64| ((u128::from(due) * u128::from(share)).div_ceil(u128::from(parts)) as u64).max(1);
    let beyond = share + half > parts;
    Quantile {
        value: ended.at_rank(rank(share)),
        low: ended.at_rank(rank(share.saturating_sub(half))),
        // Where so few runs cannot bound it, the longest that was seen; never, if one never ended.
        high: ended.at_rank(if beyond { due } else { rank(share + half) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_s_interval_is_as_worked_in_the_text() {
        let ten = share(10, 100);
        assert_eq!((ten.value, ten.low / 1_000, ten.high / 1_000), (100_000, 55, 174));
        assert_eq!((share(0, 10_000).low, share(0, 10_000).high), (0, 384));
        assert_eq!((share(10_000, 10_000).low, share(10_000, 10_000).high), (PARTS - 385, PARTS));
        assert_eq!(share(0, 0).high, PARTS);
    }

    #[test]
    fn a_ratio_treats_a_run_as_one_observation() {
        let mut sums = Sums::default();
        sums.add(1, 2);
        sums.add(3, 2);
        assert_eq!(sums.ratio(), Estimate { value: PARTS, low: 20_000, high: 1_980_000 });
        let mut halves = Sums::default();
        halves.add(3, 2);
        let mut first = Sums::default();
        first.add(1, 2);
        halves.merge(&first);
        assert_eq!(halves, sums);
    }

    #[test]
    fn a_figure_that_is_the_same_share_of_every_run_has_no_margin() {
        let mut sums = Sums::default();
        (1..=50).for_each(|n| sums.add(3 * n as i64, n));
        assert_eq!(sums.ratio(), Estimate { value: 3 * PARTS, low: 3 * PARTS, high: 3 * PARTS });
    }

    #[test]
    fn a_paired_difference_counts_only_runs_that_differ() {
        let difference = difference(30, 10, 100);
        assert_eq!((difference.value, difference.margin() / 1_000), (200_000, 118));
        assert!(difference.is_certain() && !super::difference(5, 4, 100).is_certain());
    }

    #[test]
    fn spans_that_never_end_stand_behind_all_others() {
        let mut ended = Histogram::default();
        (1..=90).for_each(|n| ended.add(Span::secs(n)));
        assert!(quantile(&ended, 100, 10_000, 50).value.is_some());
        assert_eq!(quantile(&ended, 100, 10_000, 99).value, None);
        assert_eq!(quantile(&Histogram::default(), 0, 0, 50), Quantile::default());
    }

    #[test]
    fn few_runs_give_a_wide_interval_however_many_spans_there_are() {
        let mut ended = Histogram::default();
        (1..=1_000).for_each(|n| ended.add(Span::secs(n)));
        let (few, many) = (quantile(&ended, 1_000, 10, 50), quantile(&ended, 1_000, 100_000, 50));
        assert!(few.low < many.low && few.high > many.high, "{few:?} {many:?}");
        assert_eq!(quantile(&ended, 1_000, 10, 99).high, ended.at_rank(1_000));
    }
}
