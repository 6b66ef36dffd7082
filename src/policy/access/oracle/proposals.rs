//! Random proposals, and the new access that brute force finds in them.

use super::requests::{ACTIONS, ALL, KINDS, is_new, server};
use super::*;
use crate::policy::Kind;

/// A proposed document in the place of another one.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) before: Document,
    pub(crate) after: Document,
}

/// Proposals, and brute force.
pub(crate) struct Proposals {
    random: Random,
    oracles: [Oracle; 2],
    pool: Vec<String>,
}

/// New access: the action, or the word of the kind of request, with the resources.
pub(crate) struct Gain {
    pub(crate) name: String,
    pub(crate) rules: Rules,
    kind: &'static str,
    on: Set,
}

impl Proposals {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let pool = (0..200).map(|_| random.pattern()).collect();
        Self { random, oracles: Server::ALL.map(Oracle::new), pool }
    }

    pub(crate) fn next(&mut self) -> Proposal {
        let vocabulary = Vocabulary { actions: &ACTIONS, pool: &self.pool, keys: &[] };
        let before = self.random.document(&vocabulary);
        let after = self.random.variant(&before, &vocabulary);
        Proposal { before, after }
    }

    /// Everything that a proposal newly allows, by action and by request.
    pub(crate) fn gains(&mut self, proposal: &Proposal, catalogue: &Catalogue) -> Vec<Gain> {
        let Proposal { before, after } = proposal;
        let keys = &all_keys(&[])[0];
        let mut gains = Vec::new();
        for (index, rules) in ALL.into_iter().enumerate() {
            let oracle = &mut self.oracles[server(index)];
            for action in catalogue.actions() {
                let kind = name(action.kind);
                let mut on = oracle.allowed(after, &action.name, kind, keys);
                change(&mut on, &oracle.allowed(before, &action.name, kind, keys), |after, before| after & !before);
                oracle.cut(kind, &mut on);
                gains.push(Gain { name: action.name.clone(), rules, kind, on });
            }
            for kind in KINDS.iter() {
                let on = oracle.gained((Some(before), after), index, kind, keys);
                gains.push(Gain { name: kind.word.clone(), rules, kind: kind.resource, on });
            }
        }
        gains.retain(|gain| gain.on.iter().any(|word| *word != 0));
        gains
    }

    /// Whether an example of a difference is new access: it may name a resource that is longer than those of brute force.
    pub(crate) fn is_example_new(proposal: &Proposal, access: &Access, catalogue: &Catalogue) -> bool {
        let Proposal { before, after } = proposal;
        let mut actions = access.gained.iter();
        let mut requests = access.in_practice.beyond.gained.iter();
        actions.any(|line| {
            let kind = catalogue.get(&line.witness.action).map(|action| name(action.kind)).unwrap();
            Server::ALL.into_iter().any(|server| {
                let can = |document| allows(server, document, kind, &line.witness);
                can(after) && !can(before)
            })
        }) || requests.any(|line| is_new((Some(before), after), line))
    }

    /// Whether all resources of a gain are among those of a pattern.
    pub(crate) fn is_within(&mut self, gain: &Gain, pattern: &str) -> bool {
        let oracle = &mut self.oracles[usize::from(gain.rules == Rules::AWS)];
        let mut rest = gain.on.clone();
        change(&mut rest, oracle.matches(pattern, gain.kind), |on, pattern| on & !pattern);
        rest.iter().all(|word| *word == 0)
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Account => "account",
        Kind::Bucket => "bucket",
        Kind::Object => "object",
    }
}
