//! Whoever is named in a story of one system: enough to read the file, nothing that could run.
//!
//! Why: a test knows its own system only, and a story may well say how others end. A name is not a mistake here.

use crate::harness::{Luck, Outcome, Subject, Systems, Unknown};
use crate::model::{Domain, Scenario};
use crate::system::Facts;
use std::sync::Arc;

/// Systems of any name, with the business and the channels of the one at hand.
pub(super) struct Anybody {
    name: String,
    domain: &'static Domain,
    facts: Facts,
}

impl Anybody {
    pub(super) fn like(subject: &dyn Subject) -> Anybody {
        Anybody { name: subject.name(), domain: subject.domain(), facts: subject.facts() }
    }
}

impl Systems for Anybody {
    fn find(&self, name: &str) -> Result<Arc<dyn Subject>, Unknown> {
        Ok(Arc::new(Anybody { name: name.into(), domain: self.domain, facts: self.facts }))
    }
    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

impl Subject for Anybody {
    fn name(&self) -> String {
        self.name.clone()
    }
    fn domain(&self) -> &'static Domain {
        self.domain
    }
    fn facts(&self) -> Facts {
        self.facts
    }
    fn run(&self, _: &Scenario, _: Luck, _: bool) -> Outcome {
        unreachable!("reading a story runs nobody")
    }
}
