//! The ids that the harness gives to ops are ghost data: renumbering them changes no verdict and no violation.
//!
//! The order of the numbers is kept, because it decides between two events of one instant.

use squall::cli::Registry;
use squall::explore::{Profile, explicit, generate};
use squall::harness::{Luck, Outcome, Systems};
use squall::model::{Key, Scenario};
use squall::sim::OpId;
use squall::system::{Verdict, Word};

/// Another number for an op, in the same order: gaps become wider and nothing keeps its number.
fn other(op: OpId) -> OpId {
    if op.is_some() { OpId(1_000 + 7 * op.0) } else { op }
}

fn other_key(key: Key) -> Key {
    let Some((op, part)) = key.maker() else { return key };
    let made = Key::made(other(op), part);
    if key.is_temporary() { made.temporary() } else { made }
}

fn renumbered(scenario: &Scenario) -> Scenario {
    let mut changed = scenario.clone();
    for step in &mut changed.steps {
        step.op.id = other(step.op.id);
        step.op.earlier = other(step.op.earlier);
        step.op.target = other_key(step.op.target);
        step.op.lines_mut().iter_mut().for_each(|line| line.key = other_key(line.key));
    }
    changed.op_names = scenario.op_names.iter().map(|(op, name)| (other(*op), name.clone())).collect();
    for deviation in &mut changed.schedule {
        deviation.label = deviation.label.renumbered(|node| node, other);
    }
    changed
}

/// The identity of a pair is made of those of its rows, so it cannot be told what another number makes of it.
fn without_pairs(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Rejected { rule, about, available, requested } if about.maker().is_none() && about.0 >= 1 << 58 => {
            Verdict::Rejected { rule, about: Key::NONE, available, requested }
        }
        _ => verdict,
    }
}

fn other_verdict(verdict: Verdict) -> Verdict {
    match without_pairs(verdict) {
        Verdict::Rejected { rule, about, available, requested } => {
            Verdict::Rejected { rule, about: other_key(about), available, requested }
        }
        Verdict::Superseded { by } => Verdict::Superseded { by: other(by) },
        other => other,
    }
}

/// What users were told and when, what the server decided, and what broke.
type Story = (Vec<(OpId, Vec<u64>, Vec<Word>, Option<Verdict>)>, Vec<(&'static str, &'static str, u64)>);

fn story(outcome: &Outcome, number: fn(OpId) -> OpId, verdict: fn(Verdict) -> Verdict) -> Story {
    let ops = outcome.end.as_deref().expect("the run was recorded").ops.iter();
    let ops = ops.map(|(op, words, decided)| {
        let (times, words) = words.iter().map(|(at, word)| (at.0, *word)).unzip();
        (number(*op), times, words, decided.map(verdict))
    });
    let broke = outcome.violations.iter().map(|v| (v.invariant, v.kind, v.at.0));
    (ops.collect(), broke.collect())
}

#[test]
fn renumbered_ops_get_the_same_words_verdicts_and_violations() {
    let registry = Registry::builtin();
    let (mut decided, mut broken) = (0, 0);
    for name in registry.names() {
        let subject = registry.find(&name).unwrap();
        for profile in ["default", "heavy"] {
            for seed in 0..25 {
                let (drawn, luck) = generate(subject.domain(), &Profile::find(profile).unwrap(), seed);
                let scenario = explicit(&drawn, &subject.run(&drawn, luck, false));
                let before = subject.run(&scenario, Luck::Replay, true);
                let after = subject.run(&renumbered(&scenario), Luck::Replay, true);
                let expected = story(&before, other, other_verdict);
                assert_eq!(expected, story(&after, |op| op, without_pairs), "{name}, {profile}, seed {seed}");
                assert_eq!((before.events, after.unused.len()), (after.events, 0), "{name}, {profile}, seed {seed}");
                decided += expected.0.iter().filter(|(.., verdict)| verdict.is_some()).count();
                broken += expected.1.len();
            }
        }
    }
    assert!(decided > 1_000 && broken > 100, "{decided} verdicts and {broken} violations show nothing");
}
