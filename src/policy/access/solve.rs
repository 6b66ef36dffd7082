//! Whether answers to the atoms exist that make a request allowed here and not there.

use super::atoms::{Atoms, Literal};

/// What the atoms are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    /// All of these hold.
    pub(super) all: Vec<Literal>,
    /// None of these lists holds as a whole.
    pub(super) none: Vec<Vec<Literal>>,
    /// When given, at least one of these lists holds as a whole.
    pub(super) some: Option<Vec<Vec<Literal>>>,
}

/// The answer to a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Solution {
    /// It cannot be.
    Impossible,
    /// It can, with these answers; an atom not named may be answered by no.
    Possible(Vec<Literal>),
    /// Too many answers to try.
    Undecided,
}

/// Finds answers that fulfil a wish, as few of them yes as easily found. Each answer tried is taken off `tries`.
pub(super) fn solve(wish: &Wish, atoms: &Atoms, tries: &mut usize) -> Solution {
    let Some(some) = &wish.some else { return assign(&wish.all, &wish.none, atoms, tries) };
    let mut verdict = Solution::Impossible;
    for list in some {
        let all: Vec<_> = wish.all.iter().chain(list).copied().collect();
        match assign(&all, &wish.none, atoms, tries) {
            Solution::Impossible => {}
            Solution::Possible(answers) => return Solution::Possible(answers),
            Solution::Undecided => verdict = Solution::Undecided,
        }
    }
    verdict
}

fn assign(all: &[Literal], none: &[Vec<Literal>], atoms: &Atoms, tries: &mut usize) -> Solution {
    if none.iter().any(Vec::is_empty) {
        return Solution::Impossible;
    }
    let mut search = Search { none, atoms, tries };
    let mut answers = Vec::new();
    if !all.iter().all(|literal| search.put(*literal, &mut answers)) {
        return Solution::Impossible;
    }
    match search.complete(answers) {
        Some(answers) => Solution::Possible(answers),
        None if *search.tries == 0 => Solution::Undecided,
        None => Solution::Impossible,
    }
}

struct Search<'a> {
    none: &'a [Vec<Literal>],
    atoms: &'a Atoms,
    tries: &'a mut usize,
}

impl Search<'_> {
    /// Takes an answer and what it implies; false when that contradicts an earlier one.
    fn put(&self, literal: Literal, answers: &mut Vec<Literal>) -> bool {
        if answers.contains(&literal) {
            return true;
        }
        if answers.contains(&literal.negated()) {
            return false;
        }
        answers.push(literal);
        if literal.holds {
            let implied = self.atoms.implied_by(literal.atom);
            return implied.iter().all(|&atom| self.put(Literal { atom, holds: true }, answers));
        }
        let refused: Vec<_> = answers.iter().filter(|answer| answer.holds).map(|answer| answer.atom).collect();
        refused.iter().all(|&atom| !self.atoms.implied_by(atom).contains(&literal.atom))
    }

    /// Completes answers so that each list has a literal that does not hold.
    fn complete(&mut self, answers: Vec<Literal>) -> Option<Vec<Literal>> {
        if *self.tries == 0 {
            return None;
        }
        *self.tries -= 1;
        let Some(open) = self.none.iter().find(|list| !list.iter().any(|l| answers.contains(&l.negated()))) else {
            return Some(answers);
        };
        let mut free: Vec<_> = open.iter().filter(|literal| !answers.contains(literal)).collect();
        free.sort_by_key(|literal| !literal.holds);
        free.into_iter().find_map(|literal| {
            let mut next = answers.clone();
            self.put(literal.negated(), &mut next).then(|| self.complete(next)).flatten()
        })
    }
}
