//! Rules: faults with their calls, and the counting that says when one is due.

use std::fmt;
use std::str::FromStr;

use super::when::{positive, takes};
use super::{Fault, FaultProblem, When};

/// A fault, when it happens, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// At which calls.
    pub when: When,
    /// What.
    pub fault: Fault,
    /// At how many of these calls; at all of them when not given.
    pub times: Option<u64>,
}

/// Rules in order. Of several faults at one call, all that let the call be happen, and of the others the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// One fault at these calls.
    #[must_use]
    pub fn one(when: When, fault: Fault) -> Self {
        Self::default().and(when, fault)
    }

    /// These rules and another.
    #[must_use]
    pub fn and(mut self, when: When, fault: Fault) -> Self {
        self.0.push(Rule { when, fault, times: None });
        self
    }
}

impl FromStr for Rule {
    type Err = FaultProblem;

    /// `WHEN[,times=N]=FAULT`. Both sides may hold a `=`: the first one that parts a *when* from a fault counts.
    fn from_str(text: &str) -> Result<Self, FaultProblem> {
        let mut problem = None;
        for (at, _) in text.match_indices('=') {
            let Ok((when, times)) = parse_when(&text[..at]) else { continue };
            match text[at + 1..].parse() {
                Ok(fault) => return Ok(Self { when, fault, times }),
                Err(wrong) => {
                    problem.get_or_insert(wrong);
                }
            }
        }
        Err(problem.unwrap_or_else(|| match text.split_once('=') {
            Some((when, _)) => FaultProblem::When(when.to_owned()),
            None => FaultProblem::Form(text.to_owned()),
        }))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { when, fault, times } = self;
        match times {
            Some(times) => write!(f, "{when},times={times}={fault}"),
            None => write!(f, "{when}={fault}"),
        }
    }
}

fn parse_when(text: &str) -> Result<(When, Option<u64>), FaultProblem> {
    let Some((when, times)) = text.rsplit_once(",times=") else { return Ok((text.parse()?, None)) };
    let times = positive(times).ok_or_else(|| FaultProblem::When(text.to_owned()))?;
    Ok((when.parse()?, Some(times)))
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Call<'c> {
    pub(in crate::sim) method: &'c str,
    /// The path as it was sent.
    pub(in crate::sim) path: &'c str,
    /// Whether it is one that changes the state.
    pub(in crate::sim) writes: bool,
    /// How many others are under way.
    pub(in crate::sim) others: u64,
}

/// Rules that are in force, and what was counted since.
#[derive(Debug, Default)]
pub(in crate::sim) struct Armed {
    calls: u64,
    writes: u64,
    rules: Vec<Counted>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    /// How many calls were among those of the rule, whatever their number.
    matched: u64,
    /// How often its fault happened.
    done: u64,
}

impl Armed {
    /// The faults of the next call, in order; the last of them may be one that decides.
    pub(in crate::sim) fn next(&mut self, call: Call<'_>) -> Vec<Fault> {
        self.calls += 1;
        self.writes += u64::from(call.writes);
        let (calls, writes) = (self.calls, self.writes);
        let due = self.rules.iter_mut().filter_map(|counted| counted.is_due(call, calls, writes).then_some(counted));
        let mut faults = Vec::new();
        let mut decided = None;
        for counted in due {
            if counted.rule.fault.decides() {
                if decided.is_some() {
                    continue;
                }
                decided = Some(counted.rule.fault.clone());
            } else {
                faults.push(counted.rule.fault.clone());
            }
            counted.done += 1;
        }
        faults.extend(decided);
        faults
    }
}

impl From<Rules> for Armed {
    fn from(rules: Rules) -> Self {
        let count = |rule| Counted { rule, matched: 0, done: 0 };
        Self { calls: 0, writes: 0, rules: rules.0.into_iter().map(count).collect() }
    }
}

impl Counted {
    /// Counts the call, and says whether the fault is due at it.
    fn is_due(&mut self, call: Call<'_>, calls: u64, writes: u64) -> bool {
        let met = match &self.rule.when {
            When::Call(number) => calls == *number,
            When::Write(number) => call.writes && writes == *number,
            When::On { calls: of, nth } => {
                let among = of.have(call.method, call.path);
                self.matched += u64::from(among);
                among && nth.is_none_or(|nth| nth == self.matched)
            }
            When::Crowd(number) => call.others >= *number,
            When::Chance { millionths, seed } => takes(*millionths, *seed, calls),
        };
        met && self.rule.times.is_none_or(|times| self.done < times)
    }
}
