//! The catalogue of planted bugs: each a sound preset with one field changed, and the promise that must catch it.
//!
//! Data only: it runs nothing and says nothing of how a canary is found. Where another sound knob would hide the flaw,
//! companion fields uncover it; with the flaw repaired and the companions kept the promise must hold.

mod rows;

pub use rows::CANARIES;

/// A bug planted on purpose that must be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Canary {
    /// Its name: the number of the catalogue and what is wrong, as in `B25-check-then-store-key`.
    pub id: &'static str,
    /// What goes wrong, in a sentence.
    pub mechanism: &'static str,
    /// The sound preset that it is planted in.
    pub base: &'static str,
    /// The knob and its flawed value.
    pub flaw: (&'static str, &'static str),
    /// Knobs that uncover it, with their values.
    pub companions: &'static [(&'static str, &'static str)],
    /// The promise that must catch it.
    pub invariant: &'static str,
    /// The business that it is shown in.
    pub domain: &'static str,
    /// The catalogue's story: devices, steps, faults. `None` where it gives none.
    pub size: Option<(u32, u32, u32)>,
    /// Why no story as short as that was found, where none was.
    pub longer: Option<&'static str>,
    /// Whether its story needs a fault.
    pub faulty: bool,
    /// Whether a document recommends the flaw as a fix.
    pub recommended: bool,
}

impl Canary {
    /// The flawed system's name: `base+knob=value(+companion=value…)`.
    pub fn system(&self) -> String {
        with_knobs(self.base, &[&[self.flaw], self.companions].concat())
    }

    /// The same system without the flaw: the base with the companions alone.
    pub fn repaired(&self) -> String {
        with_knobs(self.base, self.companions)
    }

    /// Random runs within which it must be caught.
    pub fn budget(&self) -> u64 {
        if self.faulty { 20_000 } else { 1_000 }
    }

    const fn in_base(self, base: &'static str) -> Canary {
        Canary { base, ..self }
    }
    const fn on(self, domain: &'static str) -> Canary {
        Canary { domain, ..self }
    }
    const fn uncovered_by(self, companions: &'static [(&'static str, &'static str)]) -> Canary {
        Canary { companions, ..self }
    }
    const fn size(self, devices: u32, steps: u32, faults: u32) -> Canary {
        Canary { size: Some((devices, steps, faults)), ..self }
    }
    const fn longer(self, why: &'static str) -> Canary {
        Canary { longer: Some(why), ..self }
    }
    const fn with_fault(self) -> Canary {
        Canary { faulty: true, ..self }
    }
    const fn recommended(self) -> Canary {
        Canary { recommended: true, ..self }
    }
}

fn with_knobs(base: &str, knobs: &[(&str, &str)]) -> String {
    knobs.iter().fold(base.to_string(), |name, (knob, value)| format!("{name}+{knob}={value}"))
}

/// A flaw of `seri-sound` on the shop that shows without a fault.
const fn planted(
    id: &'static str,
    mechanism: &'static str,
    flaw: (&'static str, &'static str),
    invariant: &'static str,
) -> Canary {
    Canary {
        id,
        mechanism,
        base: "seri-sound",
        flaw,
        companions: &[],
        invariant,
        domain: "retail",
        size: None,
        longer: None,
        faulty: false,
        recommended: false,
    }
}
