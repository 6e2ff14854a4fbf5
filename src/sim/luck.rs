//! Luck by name: the draw for a label depends on the run's key and the label, on nothing else.
//!
//! Why: if luck came from one stream, adding a device or removing an op would reshuffle everybody else's. A key comes
//! from ChaCha once per run; each draw is a keyed mix of 64 bits (about 2 ns). Sampling is our own: only the raw
//! ChaCha stream is promised to be stable across versions of its crate. Not for cryptography.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The key of one run, from its seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    a: u64,
    b: u64,
}

/// 64 bits of luck and the ways to read them; integer arithmetic only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw(pub u64);

impl Key {
    /// The key of the run with this seed.
    pub fn of_seed(seed: u64) -> Key {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        Key { a: stream.next_u64() | 1, b: stream.next_u64() }
    }

    /// The luck that belongs to `label`. `salt` separates several draws under one label.
    #[inline]
    pub fn draw(self, label: u64, salt: u64) -> Draw {
        Draw(mix(label.wrapping_mul(self.a) ^ self.b ^ salt.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }
}

/// A bijective mix of 64 bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014).
#[inline]
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl Draw {
    /// A number in `0..n`, from the upper half of the bits; the bias is below n / 2^32.
    ///
    /// # Panics
    /// If `n` is 0 or above 2^32.
    #[inline]
    pub fn below(self, n: u64) -> u64 {
        assert!(n > 0 && n <= 1 << 32, "a draw needs a range of 1 to 2^32, not {n}");
        ((self.0 >> 32) * n) >> 32
    }

    /// True with probability `per_64k` in 65,536, from the lower bits, so that it is independent of [`Draw::below`].
    #[inline]
    pub fn chance(self, per_64k: u32) -> bool {
        (self.0 & 0xffff) < u64::from(per_64k)
    }

    /// Another draw from this one.
    #[inline]
    pub fn next(self) -> Draw {
        Draw(mix(self.0.wrapping_add(0x9E37_79B9_7F4A_7C15)))
    }
}

/// The running hash over everything that a run does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0x7371_7561_6C6C_0001)
    }
}

impl Fingerprint {
    /// Takes one more word in; order matters.
    #[inline]
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_of_one_label_does_not_depend_on_draws_for_others() {
        let key = Key::of_seed(7);
        let before = key.draw(42, 0);
        let _ = key.draw(41, 0);
        assert_eq!(before, key.draw(42, 0));
        assert_ne!(before, Key::of_seed(8).draw(42, 0));
        assert_ne!(before, key.draw(42, 1));
    }

    #[test]
    fn the_key_of_a_seed_never_changes_between_versions() {
        assert_eq!(Key::of_seed(0).draw(1, 0).0, 15_367_574_385_278_810_980);
    }

    #[test]
    fn below_stays_in_its_range_and_reaches_both_ends() {
        let mut seen = [0u32; 5];
        let mut draw = Draw(1);
        for _ in 0..5_000 {
            draw = draw.next();
            seen[draw.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (800..1_200).contains(n)), "{seen:?}");
    }
}
