//! Conditions of a request as yes-or-no questions (atoms), and a solver that looks for answers to them.

use super::patterns::covers_for_each_value;
use super::values::{Networks, SINGLE_VALUED, common_address, value_within, values_apart};
use crate::policy::Principals;

/// A property of a request. Equal atoms have the same answer for the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    /// Whether a condition holds. Its operator is never negated.
    Condition(Condition),
    /// Whether a resource pattern with an unknown variable covers the resource.
    Covers(String),
    /// Whether a statement with a member outside the grammar applies.
    Applies(String),
    /// Whether a statement of a bucket policy is about the sender, if that cannot be told.
    IsAbout(Principals),
    /// The same about the other one of two senders: one says nothing about the other.
    OfOther(Box<Self>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) operator: String,
    pub(super) key: String,
    /// The values, sorted.
    pub(super) values: Vec<String>,
    /// Whether a value has a variable with an unknown value.
    pub(super) open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Literal {
    /// The index in [`Atoms`].
    pub(super) atom: usize,
    pub(super) holds: bool,
}

impl Literal {
    pub(super) fn negated(self) -> Self {
        Self { atom: self.atom, holds: !self.holds }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Atoms {
    atoms: Vec<Atom>,
    implied: Vec<Vec<usize>>,
    /// For each atom, those that cannot hold with it.
    excluded: Vec<Vec<usize>>,
    /// For each atom that asks whether an address is in some networks, these.
    networks: Vec<Option<Networks>>,
}

impl Atoms {
    /// The index of an atom. A new atom is added.
    pub(super) fn intern(&mut self, atom: Atom) -> usize {
        if let Some(known) = self.atoms.iter().position(|other| *other == atom) {
            return known;
        }
        let new = self.atoms.len();
        let (mut implied, mut excluded) = (Vec::new(), Vec::new());
        for (old, other) in self.atoms.iter().enumerate() {
            if atom.implies(other) {
                implied.push(old);
            }
            if other.implies(&atom) {
                self.implied[old].push(new);
            }
            if atom.excludes(other) {
                excluded.push(old);
                self.excluded[old].push(new);
            }
        }
        self.implied.push(implied);
        self.excluded.push(excluded);
        self.networks.push(atom.networks());
        self.atoms.push(atom);
        new
    }

    pub(super) fn get(&self, atom: usize) -> &Atom {
        &self.atoms[atom]
    }

    pub(super) fn implied_by(&self, atom: usize) -> &[usize] {
        &self.implied[atom]
    }

    pub(super) fn excluded_by(&self, atom: usize) -> &[usize] {
        &self.excluded[atom]
    }

    /// A key as a condition before it spells it, if only the case differs.
    pub(super) fn spelling<'a>(&'a self, key: &'a str) -> &'a str {
        let mut keys = self.atoms.iter().filter_map(Atom::condition).map(|condition| condition.key.as_str());
        keys.find(|known| known.eq_ignore_ascii_case(key)).unwrap_or(key)
    }

    /// Whether `given` implies the literal. It can be wrongly false.
    pub(super) fn follows(&self, literal: Literal, given: &[Literal]) -> bool {
        given.iter().any(|known| {
            if known.holds && !literal.holds && self.excluded[known.atom].contains(&literal.atom) {
                return true;
            }
            let (weak, strong) = if literal.holds { (literal.atom, known.atom) } else { (known.atom, literal.atom) };
            known.holds == literal.holds && (weak == strong || self.implied[strong].contains(&weak))
        })
    }

    /// Whether `given` implies all of `literals`. It can be wrongly false.
    pub(super) fn all_follow(&self, literals: &[Literal], given: &[Literal]) -> bool {
        literals.iter().all(|literal| self.follows(*literal, given))
    }

    /// Whether `literals` and `given` contradict each other. It can be wrongly false.
    pub(super) fn conflict(&self, literals: &[Literal], given: &[Literal]) -> bool {
        literals.iter().any(|literal| self.follows(literal.negated(), given))
    }

    /// The answers with all networks that an address is in. `None` if no address is in exactly those that they say: two halves
    /// of a network leave nothing of it.
    fn with_addresses(&self, mut answers: Vec<Literal>) -> Option<Vec<Literal>> {
        let keys: Vec<&str> = answers.iter().filter(|answer| answer.holds).filter_map(|of| self.key_of(of)).collect();
        for key in keys {
            let of_key = |literal: &&Literal| self.key_of(literal) == Some(key);
            let (holding, others): (Vec<_>, Vec<_>) = answers.iter().filter(of_key).partition(|answer| answer.holds);
            let known: Vec<usize> = answers.iter().map(|answer| answer.atom).collect();
            let open = (0..self.atoms.len()).map(|atom| Literal { atom, holds: true });
            let open: Vec<_> = open.filter(|literal| of_key(&literal) && !known.contains(&literal.atom)).collect();
            let all = self.networks_of(holding);
            let none = self.networks_of(others);
            let outside = [none.as_slice(), &self.networks_of(&open)].concat();
            let address = common_address(&all, &outside).or_else(|| common_address(&all, &none))?;
            let is_in = |literal: &Literal| self.networks[literal.atom].as_ref().is_some_and(|of| of.contains(address));
            answers.extend(open.into_iter().filter(is_in));
        }
        Some(answers)
    }

    /// The key of a question about networks.
    fn key_of(&self, literal: &Literal) -> Option<&str> {
        self.networks[literal.atom].as_ref()?;
        self.atoms[literal.atom].condition().map(|condition| condition.key.as_str())
    }

    fn networks_of<'a>(&'a self, literals: impl IntoIterator<Item = &'a Literal>) -> Vec<&'a Networks> {
        literals.into_iter().filter_map(|literal| self.networks[literal.atom].as_ref()).collect()
    }
}

impl Atom {
    pub(super) fn condition(&self) -> Option<&Condition> {
        match self {
            Self::Condition(condition) => Some(condition),
            Self::Covers(_) | Self::Applies(_) | Self::IsAbout(_) | Self::OfOther(_) => None,
        }
    }

    /// The pattern, if the atom asks whether it covers the resource.
    pub(super) fn pattern(&self) -> Option<&str> {
        match self {
            Self::Covers(pattern) => Some(pattern),
            Self::OfOther(atom) => atom.pattern(),
            Self::Condition(_) | Self::Applies(_) | Self::IsAbout(_) => None,
        }
    }

    /// Whether both cannot hold. It can be wrongly false.
    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Condition(one), Self::Condition(another)) => one.excludes(another) || another.excludes(one),
            (Self::OfOther(one), Self::OfOther(another)) => one.excludes(another),
            (Self::Condition(_) | Self::Covers(_) | Self::Applies(_) | Self::IsAbout(_) | Self::OfOther(_), _) => false,
        }
    }

    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Condition(one), Self::Condition(another)) => one.implies(another),
            (Self::Covers(narrow), Self::Covers(wide)) => covers_for_each_value(wide, narrow),
            (Self::OfOther(one), Self::OfOther(another)) => one.implies(another),
            (Self::Condition(_) | Self::Covers(_) | Self::Applies(_) | Self::IsAbout(_) | Self::OfOther(_), _) => false,
        }
    }

    /// The networks, if the atom asks whether the only address of a request is in one of them.
    fn networks(&self) -> Option<Networks> {
        let is_one =
            |of: &&Condition| of.operator == "IpAddress" && of.is_single() && !of.open && !of.values.is_empty();
        self.condition().filter(is_one).and_then(|condition| Networks::read(&condition.values))
    }
}

impl Condition {
    /// Whether this condition implies the other one: each value here is covered by a value there. This only works for
    /// operators that test whether the value of the request is among the given values.
    fn implies(&self, other: &Self) -> bool {
        let (quantifier, test, optional) = split(&self.operator);
        let (other_quantifier, other_test, other_optional) = split(&other.operator);
        let same = self.key == other.key && quantifier == other_quantifier && optional == other_optional;
        // With variables, only the same text has the same value. Without them, the text of a variable is another value.
        let is_open = self.open && other.open;
        let covers = |narrow: &str, wide: &str| {
            value_within((test, narrow), (other_test, wide)) && (!is_open || (test == other_test && narrow == wide))
        };
        let by_value = || self.values.iter().all(|narrow| other.values.iter().any(|wide| covers(narrow, wide)));
        let by_address = || {
            let networks = |condition: &Self| Networks::read(&condition.values);
            let is_about = (test, other_test) == ("IpAddress", "IpAddress") && !is_open;
            is_about && networks(self).zip(networks(other)).is_some_and(|(narrow, wide)| narrow.is_within(&wide))
        };
        same && self.open == other.open && (by_value() || by_address())
    }

    /// Whether the other condition cannot hold with this one: the key is absent for it, or no value fulfills both.
    fn excludes(&self, other: &Self) -> bool {
        let (quantifier, test, optional) = split(&self.operator);
        let (other_quantifier, other_test, other_optional) = split(&other.operator);
        if self.key != other.key || self.open || other.open {
            return false;
        }
        if self.is_absence() {
            return !other_optional && other_test != "Null" && other_quantifier != "ForAllValues:";
        }
        let is_possible =
            self.is_single() && quantifier.is_empty() && other_quantifier.is_empty() && !(optional && other_optional);
        let apart = |one: &str, another: &str| {
            values_apart((test, one), (other_test, another)) || values_apart((other_test, another), (test, one))
        };
        is_possible && self.values.iter().all(|one| other.values.iter().all(|another| apart(one, another)))
    }

    /// Whether a request has at most one value of the key.
    fn is_single(&self) -> bool {
        SINGLE_VALUED.iter().any(|key| key.eq_ignore_ascii_case(&self.key))
    }

    fn is_absence(&self) -> bool {
        self.operator == "Null" && self.values == ["true"]
    }
}

/// The positive form of a negated operator. Servers evaluate `StringNotEquals` as the opposite of `StringEquals`, also
/// for an absent key.
pub(super) fn positive_form(operator: &str) -> Option<&'static str> {
    match operator {
        "StringNotEquals" => Some("StringEquals"),
        "StringNotEqualsIgnoreCase" => Some("StringEqualsIgnoreCase"),
        "StringNotLike" => Some("StringLike"),
        "NumericNotEquals" => Some("NumericEquals"),
        "DateNotEquals" => Some("DateEquals"),
        "NotIpAddress" => Some("IpAddress"),
        "ArnNotEquals" => Some("ArnEquals"),
        "ArnNotLike" => Some("ArnLike"),
        _ => None,
    }
}

/// The parts of an operator: its quantifier (`ForAnyValue:`), its test, and whether it has `IfExists` and so accepts an
/// absent key.
pub(super) fn split(operator: &str) -> (&str, &str, bool) {
    let (quantifier, test) = match operator.find(':') {
        Some(colon) => operator.split_at(colon + 1),
        None => ("", operator),
    };
    match test.strip_suffix("IfExists") {
        Some(test) => (quantifier, test, true),
        None => (quantifier, test, false),
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Constraint {
    /// All of these hold.
    pub(super) all: Vec<Literal>,
    /// Each of these lists has a literal that does not hold.
    pub(super) none: Vec<Vec<Literal>>,
    /// If present, at least one of these lists holds completely.
    pub(super) some: Option<Vec<Vec<Literal>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Solution {
    Impossible,
    /// These answers fulfill the constraint. All other atoms can be false.
    Possible(Vec<Literal>),
    Undecided,
}

/// Finds answers that fulfill the constraint, and prefers `false`. Each attempt reduces `tries`.
pub(super) fn solve(constraint: &Constraint, atoms: &Atoms, tries: &mut usize) -> Solution {
    let Some(some) = &constraint.some else { return assign(&constraint.all, &constraint.none, atoms, tries) };
    let mut verdict = Solution::Impossible;
    for list in some {
        let all: Vec<_> = constraint.all.iter().chain(list).copied().collect();
        match assign(&all, &constraint.none, atoms, tries) {
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

/// Answers that fulfill a constraint, with what `pick` chooses below a bound and without a second try.
pub(super) fn by_chance(
    all: &[Literal],
    none: &[Vec<Literal>],
    atoms: &Atoms,
    mut pick: impl FnMut(usize) -> usize,
) -> Option<Vec<Literal>> {
    let search = Search { none, atoms, tries: &mut 0 };
    let mut answers = Vec::new();
    if !all.iter().all(|literal| search.put(*literal, &mut answers)) {
        return None;
    }
    while let Some(open) = open_list(none, &answers) {
        let free: Vec<_> = open.iter().filter(|literal| !answers.contains(literal)).collect();
        let chosen = free.get(pick(free.len()))?.negated();
        if !search.put(chosen, &mut answers) {
            return None;
        }
    }
    atoms.with_addresses(answers)
}

/// A list of `none` of which all literals can still hold.
fn open_list<'a>(none: &'a [Vec<Literal>], answers: &[Literal]) -> Option<&'a [Literal]> {
    none.iter().find(|list| !list.iter().any(|l| answers.contains(&l.negated()))).map(Vec::as_slice)
}

struct Search<'a> {
    none: &'a [Vec<Literal>],
    atoms: &'a Atoms,
    tries: &'a mut usize,
}

impl Search<'_> {
    /// Adds an answer with everything that it implies. Returns false if this contradicts an earlier answer.
    fn put(&self, literal: Literal, answers: &mut Vec<Literal>) -> bool {
        if answers.contains(&literal) {
            return true;
        }
        if answers.contains(&literal.negated()) {
            return false;
        }
        answers.push(literal);
        if literal.holds {
            let (implied, excluded) = (self.atoms.implied_by(literal.atom), self.atoms.excluded_by(literal.atom));
            if !excluded.iter().all(|&atom| self.put(Literal { atom, holds: false }, answers)) {
                return false;
            }
            return implied.iter().all(|&atom| self.put(Literal { atom, holds: true }, answers));
        }
        let refused: Vec<_> = answers.iter().filter(|answer| answer.holds).map(|answer| answer.atom).collect();
        refused.iter().all(|&atom| !self.atoms.implied_by(atom).contains(&literal.atom))
    }

    /// Completes the answers so that each list of `none` has a literal that does not hold.
    fn complete(&mut self, answers: Vec<Literal>) -> Option<Vec<Literal>> {
        if *self.tries == 0 {
            return None;
        }
        *self.tries -= 1;
        let Some(open) = open_list(self.none, &answers) else { return self.atoms.with_addresses(answers) };
        let mut free: Vec<_> = open.iter().filter(|literal| !answers.contains(literal)).collect();
        free.sort_by_key(|literal| !literal.holds);
        free.into_iter().find_map(|literal| {
            let mut next = answers.clone();
            self.put(literal.negated(), &mut next).then(|| self.complete(next)).flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(operator: &str, values: &[&str]) -> Condition {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Condition { operator: operator.to_owned(), key: "k".to_owned(), values, open: false }
    }

    #[test]
    fn fewer_or_narrower_values_imply_more_or_wider_ones() {
        let holds = [
            ("StringEquals", &["a"][..], "StringEquals", &["a", "b"][..]),
            ("StringEquals", &["ab"], "StringLike", &["a*"]),
            ("StringLike", &["ab*"], "StringLike", &["a*", "c"]),
            ("IpAddress", &["10.1.0.0/16"], "IpAddress", &["10.0.0.0/8"]),
            ("IpAddress", &["10.1.0.0/16"], "IpAddress", &["0.0.0.0/0"]),
            ("IpAddress", &["fd00:1::/32"], "IpAddress", &["fd00::/16"]),
            ("IpAddress", &["10.64.0.0/10", "10.128.0.0/9"], "IpAddress", &["10.128.0.0/9", "10.0.0.0/9"]),
            ("ForAnyValue:StringEquals", &["a"], "ForAnyValue:StringEquals", &["a", "b"]),
            ("NumericLessThan", &["1"], "NumericLessThan", &["1", "2"]),
            ("NumericLessThan", &["10"], "NumericLessThanEquals", &["10"]),
            ("NumericEquals", &["10"], "NumericGreaterThanEquals", &["10"]),
            ("DateLessThan", &["2026-01-01T00:00:00Z"], "DateLessThan", &["2036-01-01T00:00:00Z"]),
            ("DateLessThan", &["2026-01-01T00:00:00+01:00"], "DateLessThan", &["2026-01-01T00:00:00Z"]),
            ("StringEquals", &["App"], "StringEqualsIgnoreCase", &["app"]),
        ];
        for (narrow, few, wide, many) in holds {
            assert!(condition(narrow, few).implies(&condition(wide, many)), "{narrow} {few:?}");
            assert!(!condition(wide, many).implies(&condition(narrow, few)), "{narrow} {few:?}");
        }
        let open = |values: &[&str]| Condition { open: true, ..condition("StringLike", values) };
        assert!(open(&["${u}/*"]).implies(&open(&["", "${u}/*"])) && !open(&["${u}/*"]).implies(&open(&["${u}*"])));
        assert!(!condition("StringLike", &["${u}"]).implies(&open(&["${u}"])), "one is text, one a variable");
        let never = [
            ("StringEquals", &["a"][..], "StringEqualsIfExists", &["a"][..]),
            ("ForAnyValue:StringNotEquals", &["a"], "ForAnyValue:StringNotEquals", &["a", "b"]),
            ("IpAddress", &["10.1.0.0/16"], "IpAddress", &["::/0"]),
            ("NumericLessThan", &["10"], "NumericGreaterThan", &["10"]),
            ("NumericLessThan", &["x"], "NumericLessThan", &["y"]),
            ("NumericLessThan", &["1"], "DateLessThan", &["2026-01-01T00:00:00Z"]),
        ];
        for (narrow, few, wide, many) in never {
            assert!(!condition(narrow, few).implies(&condition(wide, many)), "{narrow} {few:?}");
        }
    }

    #[test]
    fn conditions_exclude_each_other() {
        let excludes = |key: &str, one: (&str, &[&str]), another: (&str, &[&str])| {
            let [one, another] = [one, another].map(|(operator, values)| {
                Atom::Condition(Condition { key: key.to_owned(), ..condition(operator, values) })
            });
            one.excludes(&another)
        };
        let absent = ("Null", &["true"][..]);
        assert!(excludes("k", absent, ("StringEquals", &["x"])) && excludes("k", ("StringLike", &["*"]), absent));
        assert!(!excludes("k", absent, ("StringEqualsIfExists", &["x"])));
        assert!(!excludes("k", absent, ("ForAllValues:StringEquals", &["x"])));
        let agent = |one, another| excludes("aws:UserAgent", one, another);
        assert!(agent(("StringEquals", &["a", "b"]), ("StringEquals", &["c"])));
        assert!(!agent(("StringEquals", &["a", "b"]), ("StringEquals", &["b", "c"])));
        assert!(agent(("StringEquals", &["a"]), ("StringLike", &["b*"])));
        assert!(!agent(("StringEquals", &["a"]), ("StringEqualsIgnoreCase", &["A"])));
        assert!(!excludes("s3:prefix", ("StringEquals", &["a"]), ("StringEquals", &["b"])), "can be repeated");
        let time = |one, another| excludes("aws:CurrentTime", one, another);
        let instant = &["2020-01-01T00:00:00Z"][..];
        assert!(time(("DateLessThan", instant), ("DateGreaterThan", instant)));
        assert!(!time(("DateLessThanEquals", instant), ("DateGreaterThanEquals", instant)));
        let address = |one, another| excludes("aws:SourceIp", ("IpAddress", one), ("IpAddress", another));
        assert!(address(&["10.0.0.0/8"], &["11.0.0.0/8"]) && !address(&["10.0.0.0/8"], &["10.1.0.0/16"]));
        assert!(!address(&["10.0.0.1"], &["11.0.0.0/8"]), "servers read an address without a length in two ways");
    }

    #[test]
    fn networks_are_sets_of_addresses() {
        let halves: &[&str] = &["10.0.0.0/9", "10.128.0.0/9"];
        let same = [
            (&["10.0.0.0/8"][..], halves),
            (&["0.0.0.0/0"], &["0.0.0.0/1", "128.0.0.0/1"]),
            (&["10.1.2.3/8"], halves),
            (&["fd00::/8"], &["fd00::/9", "fd80::/9"]),
            (&["10.0.0.0/30"], &["10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/31"]),
        ];
        for (whole, parts) in same {
            let [whole, parts] = [whole, parts].map(|networks| condition("IpAddress", networks));
            assert!(whole.implies(&parts) && parts.implies(&whole), "{whole:?}");
        }
        let most = condition("IpAddress", &["10.0.0.0/9", "10.128.0.0/10"]);
        assert!(!condition("IpAddress", &["10.0.0.0/8"]).implies(&most));
        assert!(!condition("IpAddress", &["::/0"]).implies(&condition("IpAddress", &["0.0.0.0/1", "128.0.0.0/1"])));
    }

    #[test]
    fn parts_of_a_network_leave_nothing_of_it() {
        let mut atoms = Atoms::default();
        let mut of = |key: &str, network: &str| {
            atoms.intern(Atom::Condition(Condition { key: key.to_owned(), ..condition("IpAddress", &[network]) }))
        };
        let [whole, low, high] = ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"].map(|of_one| of("aws:SourceIp", of_one));
        let others = ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"].map(|of_many| of("aws:VpcSourceIp", of_many));
        let without = |[whole, low, high]: [usize; 3]| {
            let none = [low, high].map(|atom| vec![Literal { atom, holds: true }]).to_vec();
            let all = vec![Literal { atom: whole, holds: true }];
            solve(&Constraint { all, none, some: None }, &atoms, &mut 100)
        };
        assert_eq!(without([whole, low, high]), Solution::Impossible);
        assert!(matches!(without(others), Solution::Possible(_)), "a request may have several of these");
        let alone = Constraint { all: vec![Literal { atom: whole, holds: true }], none: Vec::new(), some: None };
        let Solution::Possible(answers) = solve(&alone, &atoms, &mut 100) else { panic!() };
        assert!(answers.contains(&Literal { atom: low, holds: true }), "every address is in one of the halves");
    }

    #[test]
    fn literals_follow_and_conflict() {
        let mut atoms = Atoms::default();
        let narrow = atoms.intern(Atom::Condition(condition("StringEquals", &["a"])));
        let wide = atoms.intern(Atom::Condition(condition("StringEquals", &["a", "b"])));
        let is = |atom| Literal { atom, holds: true };
        assert!(atoms.follows(is(wide), &[is(narrow)]) && !atoms.follows(is(narrow), &[is(wide)]));
        assert!(atoms.follows(is(narrow).negated(), &[is(wide).negated()]));
        assert!(atoms.conflict(&[is(narrow)], &[is(wide).negated()]) && !atoms.conflict(&[is(wide)], &[is(narrow)]));
    }
}
