//! The systems that inputs run on: the sound ones, which must keep every promise, and flawed ones, which break some.
//!
//! The first byte of an input chooses among them.

use crate::campaign::ClockTwin;
use crate::cli::Registry;
use crate::harness::{Subject, Systems};
use crate::model::DOMAINS;
use std::sync::{Arc, LazyLock};

/// A system on a business.
type Named = (&'static str, &'static str);

/// Sound systems, each on every business that it is sound for.
const SOUND: [Named; 7] = [
    ("seri-sound", "retail"),
    ("paytrack-sound", "collections"),
    ("smartdmv-sound", "clinic"),
    ("escrow", "retail"),
    ("reservation", "retail"),
    ("seri-sound", "collections"),
    ("seri-sound", "clinic"),
];
/// Systems that break promises.
const FLAWED: [Named; 7] = [
    ("seri-2026-01-16", "retail"),
    ("seri-week-1", "retail"),
    ("seri-2026-01-17", "retail"),
    ("paytrack", "collections"),
    ("smartdmv", "clinic"),
    ("seri-recommended", "retail"),
    ("seri-mvp", "retail"),
];

/// A sound system.
pub fn sound(byte: u8) -> &'static Arc<dyn Subject> {
    static SYSTEMS: LazyLock<Vec<Arc<dyn Subject>>> = LazyLock::new(|| SOUND.map(find).to_vec());
    chosen(&SYSTEMS, byte)
}

/// A flawed system.
pub fn flawed(byte: u8) -> &'static Arc<dyn Subject> {
    static SYSTEMS: LazyLock<Vec<Arc<dyn Subject>>> = LazyLock::new(|| FLAWED.map(find).to_vec());
    chosen(&SYSTEMS, byte)
}

/// The sound system that runs a business.
pub fn sound_for(domain: &str) -> &'static Arc<dyn Subject> {
    let place = SOUND.iter().position(|(_, runs)| *runs == domain).expect("every business has a sound system");
    sound(place as u8)
}

fn find((name, domain): Named) -> Arc<dyn Subject> {
    let domain = DOMAINS.into_iter().find(|known| known.name == domain).expect("the business comes with squall");
    Registry::builtin().find_on(name, domain).unwrap_or_else(|unknown| panic!("{name} comes with squall: {unknown:?}"))
}

/// A system as the command line runs it: under slightly wrong clocks it is held against itself under true ones.
pub fn watched(system: &Arc<dyn Subject>) -> Arc<dyn Subject> {
    Arc::new(ClockTwin::watching(system.clone()))
}

fn chosen(systems: &'static [Arc<dyn Subject>], byte: u8) -> &'static Arc<dyn Subject> {
    &systems[usize::from(byte) % systems.len()]
}
