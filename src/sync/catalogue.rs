//! The catalogue of known flaws as data: each row is a canary, one knob of a sound base turned to a flaw that a real
//! system had.
//!
//! It runs nothing and says nothing of how a canary is found; that is the campaign's business.

/// A bug planted on purpose that must be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Canary {
    /// Its row in the catalogue and a few words: `B25-check-then-store-key`.
    pub id: &'static str,
    /// What goes wrong, in one line.
    pub mechanism: &'static str,
    /// The sound preset that it changes.
    pub base: &'static str,
    /// The knob that is the flaw, and its value.
    pub flaw: (&'static str, &'static str),
    /// Sound knobs that would hide the flaw, set so that they do not.
    pub companions: &'static [(&'static str, &'static str)],
    /// The promise that it must be caught by.
    pub invariant: &'static str,
    /// The business that it is shown in.
    pub domain: &'static str,
    /// Devices, steps and faults of the catalogue's story.
    pub size: Option<(u32, u32, u32)>,
    /// Whether it shows only with a fault.
    pub faulty: bool,
    /// Whether a document itself recommends the flawed mechanism.
    pub recommended: bool,
}

impl Canary {
    /// The flawed system's name: `base+knob=value(+companion=value…)`.
    pub fn system(&self) -> String {
        let all = [&[self.flaw], self.companions].concat();
        with_knobs(self.base, &all)
    }

    /// The same system without the flaw: the base with the companions alone.
    pub fn repaired(&self) -> String {
        with_knobs(self.base, self.companions)
    }

    /// Random runs within which it must be caught.
    pub fn budget(&self) -> u64 {
        if self.faulty { 20_000 } else { 1_000 }
    }
}

fn with_knobs(base: &str, knobs: &[(&str, &str)]) -> String {
    knobs.iter().fold(base.to_string(), |name, (knob, value)| format!("{name}+{knob}={value}"))
}

/// What most rows share: no fault is needed to show them.
const QUIET: Canary = Canary {
    id: "",
    mechanism: "",
    base: "seri-sound",
    flaw: ("", ""),
    companions: &[],
    invariant: "",
    domain: "retail",
    size: None,
    faulty: false,
    recommended: false,
};

/// What the rows share that need a fault.
const FAULTY: Canary = Canary { faulty: true, ..QUIET };

/// Every row.
pub static CANARIES: &[Canary] = &[
    Canary {
        id: "B01-unchecked-deltas",
        mechanism: "two devices sell the same last unit, and the server applies deltas unchecked",
        flaw: ("validation", "none"),
        invariant: "stock-never-negative",
        size: Some((2, 6, 0)),
        ..QUIET
    },
    Canary {
        id: "B12-pull-overwrites-stock",
        mechanism: "a pull overwrites the stock that the device has already reduced",
        flaw: ("merge", "overwrite"),
        invariant: "own-writes-stay",
        size: Some((1, 2, 0)),
        ..QUIET
    },
    Canary {
        id: "B17-batches-not-reduced",
        mechanism: "sales do not reduce batches: their sum differs from the product's stock",
        flaw: ("allocation", "none"),
        invariant: "stock-conserved",
        size: Some((1, 1, 0)),
        ..QUIET
    },
    Canary {
        id: "B24-no-idempotency",
        mechanism: "the answer is lost or late, the device sends again, and the server creates again",
        flaw: ("idempotency", "none"),
        companions: &[("identity", "server")],
        invariant: "one-effect-per-op",
        size: Some((1, 6, 0)),
        ..QUIET
    },
    Canary {
        id: "B25-check-then-store-key",
        mechanism: "check, create and store the key are three statements: two copies in flight both pass the check",
        flaw: ("idempotency", "check-then-store"),
        companions: &[("identity", "server"), ("isolation", "statements")],
        invariant: "one-effect-per-op",
        size: Some((1, 8, 0)),
        recommended: true,
        ..QUIET
    },
    Canary {
        id: "B28-key-expires",
        mechanism: "the key lives for 24 hours, and the device is offline for longer between send and re-send",
        flaw: ("key-life", "24"),
        companions: &[("identity", "server")],
        invariant: "one-effect-per-op",
        size: Some((1, 7, 1)),
        recommended: true,
        ..FAULTY
    },
    Canary {
        id: "B32-restart-leaves-syncing",
        mechanism: "an item is marked as being sent, the app is killed, and the loader does not pick it up again",
        flaw: ("restart", "leave"),
        companions: &[("after-edit", "nothing")],
        invariant: "no-op-lost",
        size: Some((1, 5, 1)),
        ..FAULTY
    },
    Canary {
        id: "B39-separate-local-writes",
        mechanism: "the row and its outbox entry are written in two transactions: a kill between them keeps one",
        flaw: ("local-write", "separate"),
        invariant: "no-op-lost",
        size: Some((1, 2, 1)),
        ..FAULTY
    },
    Canary {
        id: "B52-updates-first",
        mechanism: "an update is processed before the create of its row",
        flaw: ("order", "updates-first"),
        companions: &[("after-edit", "nothing")],
        invariant: "references-resolve",
        size: Some((1, 3, 0)),
        ..QUIET
    },
    Canary {
        id: "B54-creates-first",
        mechanism: "creates are sorted first over everything: a later create overtakes an earlier update or deletion",
        flaw: ("order", "creates-first"),
        companions: &[("after-edit", "nothing")],
        invariant: "own-writes-stay",
        size: Some((1, 3, 0)),
        recommended: true,
        ..QUIET
    },
    Canary {
        id: "B82-created-overwritten",
        mechanism: "the merge of an update overwrites the time of making",
        flaw: ("server-created", "server"),
        invariant: "frozen-fields-frozen",
        size: Some((1, 2, 0)),
        ..QUIET
    },
    Canary {
        id: "B89-wall-clock",
        mechanism: "the last write wins by a device's clock: a fast clock wins for ever, a slow one always loses",
        flaw: ("clock", "wall"),
        invariant: "clock-irrelevant",
        size: Some((2, 4, 1)),
        ..FAULTY
    },
    Canary {
        id: "C04-refresh-drops-the-outbox",
        mechanism: "downloading everything again drops a full outbox",
        flaw: ("refresh", "drops-outbox"),
        invariant: "no-op-lost",
        ..QUIET
    },
    Canary {
        id: "C08-one-line-moves",
        mechanism: "stock and movement stand outside the loop over the lines: a sale of two lines moves one product",
        flaw: ("lines-move", "first"),
        invariant: "op-all-or-nothing",
        ..QUIET
    },
    Canary {
        id: "C09-status-not-looked-at",
        mechanism: "the status of the answer is never looked at: a 500 marks everything synced",
        flaw: ("error-answer", "ignored"),
        invariant: "status-truthful",
        ..FAULTY
    },
    Canary {
        id: "C19-damage-applied",
        mechanism: "a payload that was damaged on the way is applied",
        flaw: ("integrity", "none"),
        invariant: "damaged-never-applied",
        ..FAULTY
    },
    Canary {
        id: "C21-newest-batch-first",
        mechanism: "a sale takes from the newest batch first",
        flaw: ("allocation", "newest"),
        invariant: "batches-first-expired-first-out",
        ..QUIET
    },
];

#[cfg(test)]
mod tests {
    use super::super::presets::PRESETS;
    use super::*;

    #[test]
    fn each_canary_changes_one_knob_of_its_base_and_its_companions() {
        for canary in CANARIES {
            let base = PRESETS.iter().find(|(name, ..)| *name == canary.base).map(|(_, _, policy)| *policy);
            let base = base.unwrap_or_else(|| panic!("{}: no preset is called {}", canary.id, canary.base));
            let mut flawed = base;
            for (knob, value) in [&[canary.flaw], canary.companions].concat() {
                flawed =
                    flawed.with(knob, value).unwrap_or_else(|bad| panic!("{}: {knob}={value}: {bad:?}", canary.id));
            }
            let changed: Vec<String> = (base.settings().into_iter().zip(flawed.settings()))
                .filter_map(|(before, after)| (before != after).then_some(before.0))
                .collect();
            let mut named: Vec<&str> = canary.companions.iter().map(|(knob, _)| *knob).chain([canary.flaw.0]).collect();
            named.sort_unstable();
            assert_eq!(changed, named, "{} changes what it names and nothing else", canary.id);
        }
    }

    #[test]
    fn ids_are_unique_and_begin_with_the_row_of_the_catalogue() {
        let mut rows: Vec<&str> = CANARIES.iter().map(|canary| canary.id).collect();
        assert!(rows.iter().all(|id| id.starts_with(['B', 'C']) && id[1..3].parse::<u8>().is_ok()), "{rows:?}");
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), CANARIES.len());
    }

    #[test]
    fn the_repaired_system_is_the_base_with_the_companions_alone() {
        let canary = CANARIES.iter().find(|canary| !canary.companions.is_empty()).unwrap();
        let (knob, value) = canary.flaw;
        assert_eq!(canary.system().replace(&format!("+{knob}={value}"), ""), canary.repaired());
        assert_ne!(canary.repaired(), canary.base);
    }
}
