//! What a request may or may not fulfil beside its action and resource: conditions, and what cannot be known offline.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::rc::Rc;

use super::glob::Glob;

/// A yes-or-no question about a request. Equal atoms have the same answer for the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    /// Whether a condition holds; its operator is never a negated one.
    Condition(Condition),
    /// Whether a resource pattern with a variable of unknown value covers the resource.
    Covers(String),
    /// Whether a statement with a member that is not part of the grammar applies at all.
    Applies(String),
}

/// A condition in its positive form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// The operator, such as `StringLike`.
    pub(super) operator: String,
    /// The key of the request.
    pub(super) key: String,
    /// The values, sorted.
    pub(super) values: Vec<String>,
    /// Whether a value has a variable with no known value.
    pub(super) open: bool,
}

/// An atom that must hold, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Literal {
    /// Which atom, as an index into [`Atoms`].
    pub(super) atom: usize,
    /// Whether it must hold.
    pub(super) holds: bool,
}

impl Literal {
    /// The opposite.
    pub(super) fn negated(self) -> Self {
        Self { atom: self.atom, holds: !self.holds }
    }
}

/// All atoms of a comparison.
#[derive(Debug, Clone, Default)]
pub(super) struct Atoms {
    atoms: Vec<Atom>,
    /// For each atom, those that hold whenever it does.
    implied: Vec<Vec<usize>>,
    /// For each atom, that it holds and that it does not in words, once they have been asked for.
    texts: Vec<[OnceCell<Rc<str>>; 2]>,
}

impl Atoms {
    /// The index of an atom, which is added when it is new.
    pub(super) fn intern(&mut self, atom: Atom) -> usize {
        if let Some(known) = self.atoms.iter().position(|other| *other == atom) {
            return known;
        }
        let new = self.atoms.len();
        let mut implied = Vec::new();
        for (old, other) in self.atoms.iter().enumerate() {
            if atom.implies(other) {
                implied.push(old);
            }
            if other.implies(&atom) {
                self.implied[old].push(new);
            }
        }
        self.implied.push(implied);
        self.atoms.push(atom);
        self.texts.push(Default::default());
        new
    }

    /// An atom by its index.
    pub(super) fn get(&self, atom: usize) -> &Atom {
        &self.atoms[atom]
    }

    /// A literal in the words that `words` has for it.
    pub(super) fn text(&self, literal: Literal, words: fn(&Atom, bool) -> String) -> Rc<str> {
        let text = &self.texts[literal.atom][usize::from(literal.holds)];
        Rc::clone(text.get_or_init(|| words(&self.atoms[literal.atom], literal.holds).into()))
    }

    /// Those atoms that hold whenever this one does.
    pub(super) fn implied_by(&self, atom: usize) -> &[usize] {
        &self.implied[atom]
    }

    /// Whether a literal holds wherever all of `given` do. May be wrongly false.
    pub(super) fn follows(&self, literal: Literal, given: &[Literal]) -> bool {
        given.iter().any(|known| {
            let (weak, strong) = if literal.holds { (literal.atom, known.atom) } else { (known.atom, literal.atom) };
            known.holds == literal.holds && (weak == strong || self.implied[strong].contains(&weak))
        })
    }

    /// Whether all of `literals` hold wherever all of `given` do. May be wrongly false.
    pub(super) fn all_follow(&self, literals: &[Literal], given: &[Literal]) -> bool {
        literals.iter().all(|literal| self.follows(*literal, given))
    }

    /// Whether `literals` cannot all hold where all of `given` do. May be wrongly false.
    pub(super) fn conflict(&self, literals: &[Literal], given: &[Literal]) -> bool {
        literals.iter().any(|literal| self.follows(literal.negated(), given))
    }
}

impl Atom {
    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Condition(one), Self::Condition(another)) => one.implies(another),
            (Self::Condition(_) | Self::Covers(_) | Self::Applies(_), _) => false,
        }
    }
}

impl Condition {
    /// Whether each value here is covered by one there. Only for operators that ask whether the request's value is
    /// among the values given: the more values, the more often they hold.
    fn implies(&self, other: &Self) -> bool {
        let (quantifier, test, optional) = split(&self.operator);
        let (other_quantifier, other_test, other_optional) = split(&other.operator);
        let same = self.key == other.key && quantifier == other_quantifier && optional == other_optional;
        let Some(covers) = coverage(test, other_test).filter(|_| same && !self.open && !other.open) else {
            return false;
        };
        self.values.iter().all(|narrow| other.values.iter().any(|wide| covers(narrow, wide)))
    }
}

/// A negated operator's positive form. Servers evaluate `StringNotEquals` and its like as the opposite of the positive
/// operator, an absent key included.
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

/// An operator's quantifier (`ForAnyValue:`), its test, and whether it is satisfied by an absent key (`…IfExists`).
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

type Covers = fn(&str, &str) -> bool;

/// How a value of the first test is covered by one of the second, for those tests where that means anything.
fn coverage(narrow: &str, wide: &str) -> Option<Covers> {
    const SAME: Covers = |narrow, wide| narrow == wide;
    match (narrow, wide) {
        ("StringLike", "StringLike") => Some(|narrow, wide| Glob::parse(wide).subsumes(&Glob::parse(narrow))),
        ("StringEquals", "StringLike") => Some(|narrow, wide| Glob::parse(wide).matches(narrow)),
        ("IpAddress", "IpAddress") => Some(|narrow, wide| narrow == wide || network_within(narrow, wide)),
        (
            "StringEquals"
            | "StringEqualsIgnoreCase"
            | "NumericEquals"
            | "DateEquals"
            | "Bool"
            | "BinaryEquals"
            | "ArnEquals"
            | "ArnLike"
            | "Null",
            _,
        ) => (narrow == wide).then_some(SAME),
        _ => None,
    }
}

/// Whether the first network lies within the second. Texts that are no `address/length` lie in nothing, since servers
/// do not agree how to read them.
fn network_within(narrow: &str, wide: &str) -> bool {
    let (Some((low, narrow_length)), Some((net, length))) = (network(narrow), network(wide)) else { return false };
    let shift = |bits: u128, width: u32| bits.checked_shr(width - length).unwrap_or(0);
    match (low, net) {
        (IpAddr::V4(low), IpAddr::V4(net)) => {
            narrow_length >= length && shift(u32::from(low).into(), 32) == shift(u32::from(net).into(), 32)
        }
        (IpAddr::V6(low), IpAddr::V6(net)) => {
            narrow_length >= length && shift(low.into(), 128) == shift(net.into(), 128)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
    (length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
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
            ("ForAnyValue:StringEquals", &["a"], "ForAnyValue:StringEquals", &["a", "b"]),
        ];
        for (narrow, few, wide, many) in holds {
            assert!(condition(narrow, few).implies(&condition(wide, many)), "{narrow} {few:?}");
            assert!(!condition(wide, many).implies(&condition(narrow, few)), "{narrow} {few:?}");
        }
        let never = [
            ("StringEquals", &["a"][..], "StringEqualsIfExists", &["a"][..]),
            ("ForAnyValue:StringNotEquals", &["a"], "ForAnyValue:StringNotEquals", &["a", "b"]),
            ("NumericLessThan", &["1"], "NumericLessThan", &["1", "2"]),
            ("IpAddress", &["10.1.0.0/16"], "IpAddress", &["::/0"]),
        ];
        for (narrow, few, wide, many) in never {
            assert!(!condition(narrow, few).implies(&condition(wide, many)), "{narrow} {few:?}");
        }
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
