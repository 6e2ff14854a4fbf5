//! CPU time of this thread for a number of seeds, so that a line can be compared with other programs' lines.

/// Microseconds of CPU time of this thread so far, where the kernel tells.
fn cpu_micros() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split(' ').next()?.parse().ok()?;
    Some(nanos as f64 / 1_000.0)
}

/// Runs each seed once; microseconds of CPU time for each, or "unknown".
pub fn cpu_per_run(seeds: u64, mut run: impl FnMut(u64)) -> String {
    let start = cpu_micros();
    (0..seeds).for_each(&mut run);
    let spent = start.zip(cpu_micros());
    spent.map_or_else(|| "unknown".into(), |(start, end)| format!("{:.2}", (end - start) / seeds as f64))
}

/// The number after `--seeds`, if it was given; ends the program if it is not a number above 0.
pub fn seeds_asked() -> Option<u64> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "--seeds")?;
    match arguments.get(at + 1).map(|n| n.parse()) {
        Some(Ok(seeds)) if seeds > 0 => Some(seeds),
        _ => {
            eprintln!("--seeds needs a whole number of at least 1");
            std::process::exit(2);
        }
    }
}
