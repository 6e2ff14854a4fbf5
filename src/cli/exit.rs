//! Exit codes, and which one wins where several apply.

use std::process::ExitCode;

/// How a command ended, worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Exit {
    /// All promises held, or all ended as expected.
    #[default]
    Held,
    /// Nothing was tested.
    Vacuous,
    /// A promise was broken, a run ended otherwise than expected, or a canary was missed.
    Broken,
    /// Two runs of the same thing differed.
    NotDeterministic,
    /// Ended by Ctrl-C, after the report.
    Interrupted,
    /// The user's input cannot be used, or the model of their system contradicts itself.
    Usage,
    /// Our own bug.
    Bug,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Broken => 1,
            Exit::Usage => 2,
            Exit::Vacuous => 4,
            Exit::NotDeterministic => 5,
            Exit::Bug => 70,
            Exit::Interrupted => 130,
        }
    }

    /// The worse of two.
    pub fn and(self, other: Exit) -> Exit {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// What the help says about them.
pub const HELP: &str = "\
Exit codes:
    0  all promises held, or every run ended as expected
    1  a promise was broken, a run ended otherwise than expected, or a canary was missed
    2  bad usage, bad input, or a system that holds something else than it reports
    4  nothing was tested, or the system was silent (vacuous)
    5  not deterministic: the same run twice gave two results
   70  a bug of squall itself, or of an invariant or a generator of your own
  130  interrupted, after the report
Where several apply, the first of 70, 2, 130, 5, 1, 4, 0 counts.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_endings_wins() {
        let order = [
            Exit::Bug,
            Exit::Usage,
            Exit::Interrupted,
            Exit::NotDeterministic,
            Exit::Broken,
            Exit::Vacuous,
            Exit::Held,
        ];
        for (rank, worse) in order.iter().enumerate() {
            for better in &order[rank..] {
                assert_eq!(worse.and(*better), *worse);
                assert_eq!(better.and(*worse), *worse);
            }
        }
        assert_eq!(order.map(Exit::code), [70, 2, 130, 5, 1, 4, 0]);
    }
}
