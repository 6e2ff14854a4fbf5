//! `squall compare --ablate PRESET`: each recommended fix switched off alone, and on alone, and the cells that it moves.
//!
//! Two groups: the preset and what is left of it without each fix; the app as found and what each fix makes of it alone.
//! Rows of a group are held against its first, run by run, so a cell that moves says how many runs it moved in.

use super::compare::{Done, Group, system, tables};
use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use crate::campaign::{Cell, FIGURES, Fixed, Standing};
use crate::explore::Profile;
use crate::report::standing::{FELT, Shape, estimate, indented, percent, span};
use crate::report::words::thousands;
use crate::scenario::nearest;
use crate::sync::Policy;
use crate::sync::fixes::{AS_FOUND, FIXES, Fix, preset};
use crate::sync::presets::PRESETS;

/// The two groups.
///
/// # Errors
/// If there is no such preset, or it has none of the fixes.
pub fn groups(registry: &Registry, name: &str, domain: &str, profile: Profile) -> Result<Vec<Group>, Failure> {
    let names = || PRESETS.map(|(name, ..)| name).join(", ");
    let Some(policy) = preset(name) else {
        let near = nearest(name, PRESETS.iter().map(|(name, ..)| *name));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Failure::Usage(format!(
            "only presets of squall have fixes to switch, not `{name}`{hint}\nthere are: {}",
            names()
        )));
    };
    let fixes = of(policy);
    if fixes.is_empty() {
        return Err(Failure::Usage(format!("{name} has none of the five fixes: there is nothing to switch off")));
    }
    let group = |title: &str, base: &str, word: &str, change: &dyn Fn(&Fix) -> String| {
        let mut systems = vec![(base.to_string(), system(registry, base, domain)?)];
        for fix in &fixes {
            systems.push((format!("{word} fix {}", fix.number), system(registry, &change(fix), domain)?));
        }
        Ok::<Group, Failure>(Group { title: Some(title.into()), systems, profile, fixed: Fixed::default() })
    };
    Ok(vec![
        group(&format!("{name} without each fix"), name, "without", &|fix| fix.without(name, policy))?,
        group(&format!("{AS_FOUND} with each fix of {name} alone"), AS_FOUND, "with only", &|fix| fix.alone(policy))?,
    ])
}

/// The fixes that a policy has.
fn of(policy: &Policy) -> Vec<Fix> {
    FIXES.into_iter().filter(|fix| !fix.turns(policy).is_empty()).collect()
}

/// Shows both groups: the tables, and for each fix what moved.
///
/// # Errors
/// If stdout cannot be written.
pub fn show(all: &[Done], out: &mut Out) -> Result<(), Failure> {
    for (number, done) in all.iter().enumerate() {
        out.line(format!("{}\n", done.group.title.as_deref().unwrap_or_default()))?;
        let rows = done.rows();
        tables(&rows, Shape::Any, out)?;
        let (_, base) = &rows[0];
        let changes = done.group.systems.iter().zip(&rows).skip(1);
        for ((_, system), (name, standing)) in changes {
            let fix = FIXES.iter().find(|fix| name.ends_with(&format!("fix {}", fix.number)));
            let title = fix.map_or("", |fix| fix.title);
            out.line(format!("{name}: {title}"))?;
            out.line(format!("   {}", system.name()))?;
            for line in moved(base, standing, number == 0) {
                out.print(&indented("  ", &line, out.width))?;
            }
            out.line("")?;
        }
    }
    Ok(())
}

/// What a change moved, a line each.
fn moved(base: &Standing, standing: &Standing, off: bool) -> Vec<String> {
    let moved = |cell: &&Cell| cell.newly_broken + cell.newly_held > 0;
    let mut cells: Vec<&Cell> = standing.cells.iter().filter(moved).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.difference.value.unsigned_abs()));
    let runs = |cell: &Cell| base.cells.iter().find(|one| one.invariant == cell.invariant).map_or(0, |one| one.runs);
    // A promise that never broke on the base and breaks now is broken, however rarely.
    let certain = |cell: &Cell| cell.difference.is_certain() || runs(cell) == 0;
    let mut lines: Vec<String> = cells
        .iter()
        .filter(|cell| certain(cell))
        .map(|cell| {
            let mark = if cell.difference.value > 0 { "✗" } else { "✓" };
            format!(
                "{mark} {} {} → {} ({} newly broken, {} newly held; {} ±{})",
                cell.invariant,
                thousands(runs(cell)),
                thousands(cell.runs),
                thousands(cell.newly_broken),
                thousands(cell.newly_held),
                percent(cell.difference.value),
                percent(cell.difference.margin())
            )
        })
        .collect();
    if off && !cells.iter().any(|cell| cell.newly_broken > 0) {
        lines.push(
            "no promise breaks without it: it decides how long users wait, or other mechanisms of the preset cover it"
                .into(),
        );
    } else if !off && !cells.iter().any(|cell| cell.newly_held > 0) {
        lines.push("no promise is kept by it alone".into());
    }
    let uncertain: Vec<String> = cells
        .iter()
        .filter(|cell| !certain(cell))
        .map(|cell| format!("{} +{} −{}", cell.invariant, cell.newly_broken, cell.newly_held))
        .collect();
    if !uncertain.is_empty() {
        lines.push(format!("within chance (runs newly broken and newly held): {}", uncertain.join(", ")));
    }
    lines.extend(felt(base, standing));
    lines
}

/// What users feel otherwise, where that is more than chance.
fn felt(base: &Standing, standing: &Standing) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for (n, figure) in FIGURES.iter().enumerate() {
        if standing.differences[n].is_certain() {
            let plain = |one| estimate(*figure, one).lines().next().unwrap_or_default().to_string();
            parts.push(format!("{} {} → {}", FELT[n], plain(base.figures[n]), plain(standing.figures[n])));
        }
    }
    let waits =
        [("sale to server", base.to_server, standing.to_server), ("sale to tills", base.to_others, standing.to_others)];
    for (what, before, after) in waits {
        for (n, percentile) in ["p50", "p99"].iter().enumerate() {
            let apart = before[n].high.is_some_and(|high| after[n].low.is_none_or(|low| low > high))
                || after[n].high.is_some_and(|high| before[n].low.is_none_or(|low| low > high));
            if apart {
                parts.push(format!("{what} {percentile} {} → {}", span(before[n].value), span(after[n].value)));
            }
        }
    }
    (!parts.is_empty()).then(|| format!("users feel: {}", parts.join("; ")))
}
