//! The five fixes that `seri-1` recommends, each as the knobs that it turns: what `squall compare --ablate` switches.
//!
//! *On* is what a preset has, so a fix can be as the document writes it (`seri-recommended`) or as it would have to be
//! (`seri-sound`); *off* is the app as found. The choice of knobs is a reading: fix 2 is the sync that is awaited before
//! the receipt *and* what its code does with the answer (read the error, take the sale back), for the wait alone
//! decides nothing. `seri-sound` does not wait for its receipts, but it does take a refused sale back.

use super::policy::Policy;
use super::presets::{PRESETS, SERI_2026_01_16};

/// A recommended fix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fix {
    /// Its number in the document.
    pub number: u8,
    /// What it is.
    pub title: &'static str,
    /// The knobs that it turns.
    pub knobs: &'static [&'static str],
}

/// The five, in the document's order.
pub const FIXES: [Fix; 5] = [
    Fix { number: 1, title: "the server validates stock", knobs: &["validation", "validates"] },
    Fix {
        number: 2,
        title: "sync before the receipt, and take back a refused sale",
        knobs: &["receipt", "error-answer", "rollback-on", "rollback-stock", "rollback-scope"],
    },
    Fix { number: 3, title: "idempotency keys", knobs: &["idempotency", "key-covers", "key-life"] },
    Fix { number: 4, title: "sync at once after sales and edits", knobs: &["after-sale", "after-edit"] },
    Fix { number: 5, title: "send in order of dependency", knobs: &["order"] },
];

/// The preset that has none of them.
pub const AS_FOUND: &str = "seri-2026-01-16";

/// One knob that a fix turns: its name, its value without the fix, and with it.
pub type Turn = (&'static str, String, String);

impl Fix {
    /// The knobs that differ between the app as found and a policy; empty if the policy does not have the fix.
    pub fn turns(&self, policy: &Policy) -> Vec<Turn> {
        let (found, has) = (SERI_2026_01_16.settings(), policy.settings());
        let value = |settings: &[(String, String)], knob: &str| {
            let known = settings.iter().find(|(name, _)| name == knob);
            known.map(|(_, value)| value.clone()).expect("a fix turns knobs that there are")
        };
        let turns = self.knobs.iter().map(|knob| (*knob, value(&found, knob), value(&has, knob)));
        turns.filter(|(_, off, on)| off != on).collect()
    }

    /// The name of a preset without this fix: `seri-sound+order=updates-first`.
    pub fn without(&self, preset: &str, policy: &Policy) -> String {
        self.turns(policy).into_iter().fold(preset.to_string(), |name, (knob, off, _)| format!("{name}+{knob}={off}"))
    }

    /// The name of the app as found with this fix alone, as a policy has it.
    pub fn alone(&self, policy: &Policy) -> String {
        self.turns(policy).into_iter().fold(AS_FOUND.to_string(), |name, (knob, _, on)| format!("{name}+{knob}={on}"))
    }
}

/// The policy of a preset.
pub fn preset(name: &str) -> Option<&'static Policy> {
    PRESETS.iter().find(|(known, ..)| *known == name).map(|(_, _, policy)| policy)
}

#[cfg(test)]
mod tests {
    use super::super::presets::{SERI_RECOMMENDED, SERI_SOUND, SERI_WEEK_1};
    use super::*;

    fn with(fixes: &[Fix], of: &Policy) -> Policy {
        let turns = fixes.iter().flat_map(|fix| fix.turns(of));
        turns.fold(SERI_2026_01_16, |policy, (knob, _, on)| policy.with(knob, &on).expect("a knob and its value"))
    }

    #[test]
    fn the_app_as_found_with_all_five_is_the_recommended_preset() {
        assert_eq!(with(&FIXES, &SERI_RECOMMENDED), SERI_RECOMMENDED);
    }

    #[test]
    fn the_first_two_are_its_first_week() {
        assert_eq!(Policy { key_covers: SERI_WEEK_1.key_covers, ..with(&FIXES[..2], &SERI_WEEK_1) }, SERI_WEEK_1);
    }

    #[test]
    fn the_sound_preset_has_every_fix_and_the_app_as_found_none() {
        for fix in FIXES {
            assert!(!fix.turns(&SERI_SOUND).is_empty(), "fix {}", fix.number);
            assert!(fix.turns(&SERI_2026_01_16).is_empty());
        }
        assert_eq!(FIXES[4].without("seri-sound", &SERI_SOUND), "seri-sound+order=updates-first");
        assert_eq!(FIXES[4].alone(&SERI_SOUND), "seri-2026-01-16+order=fifo");
    }
}
