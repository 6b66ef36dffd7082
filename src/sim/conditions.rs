//! Conditions of statements: the operators, and how they compare numbers, dates and addresses.

use std::cmp::Ordering;
use std::net::Ipv4Addr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How an operator compares the value of a request with one of the wanted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    EqualInAnyCase,
    Like,
    Truth,
    Address,
    Number(Relation),
    Date(Relation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) comparison: Comparison,
    /// Whether it holds if no wanted value compares.
    pub(crate) negated: bool,
    /// Whether it holds without a value.
    pub(crate) if_exists: bool,
}

impl Operator {
    /// `None` for an operator that is not evaluated.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, if_exists) = text.strip_suffix("IfExists").map_or((text, false), |name| (name, true));
        let found = |comparison, negated| Some(Self { comparison, negated, if_exists });
        let relation = |name: &str| {
            Some(match name {
                "Equals" => (Relation::Equal, false),
                "NotEquals" => (Relation::Equal, true),
                "LessThan" => (Relation::Less, false),
                "LessThanEquals" => (Relation::LessOrEqual, false),
                "GreaterThan" => (Relation::Greater, false),
                "GreaterThanEquals" => (Relation::GreaterOrEqual, false),
                _ => return None,
            })
        };
        if let Some(rest) = name.strip_prefix("Numeric") {
            let (relation, negated) = relation(rest)?;
            return found(Comparison::Number(relation), negated);
        }
        if let Some(rest) = name.strip_prefix("Date") {
            let (relation, negated) = relation(rest)?;
            return found(Comparison::Date(relation), negated);
        }
        match name {
            "StringEquals" => found(Comparison::Equal, false),
            "StringNotEquals" => found(Comparison::Equal, true),
            "StringEqualsIgnoreCase" => found(Comparison::EqualInAnyCase, false),
            "StringNotEqualsIgnoreCase" => found(Comparison::EqualInAnyCase, true),
            "StringLike" | "ArnEquals" | "ArnLike" => found(Comparison::Like, false),
            "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => found(Comparison::Like, true),
            "Bool" => found(Comparison::Truth, false),
            "IpAddress" => found(Comparison::Address, false),
            "NotIpAddress" => found(Comparison::Address, true),
            _ => None,
        }
    }
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    pub(crate) fn of_numbers(self, value: &str, wanted: &str) -> bool {
        let parse = |text: &str| text.parse::<f64>().ok();
        let order = parse(value).zip(parse(wanted)).and_then(|(value, wanted)| value.partial_cmp(&wanted));
        order.is_some_and(|order| self.holds(order))
    }

    pub(crate) fn of_dates(self, value: &str, wanted: &str) -> bool {
        date(value).zip(date(wanted)).is_some_and(|(value, wanted)| self.holds(value.cmp(&wanted)))
    }
}

/// A date such as `2026-01-31`, with a time, or in seconds since 1970.
fn date(text: &str) -> Option<OffsetDateTime> {
    if let Ok(seconds) = text.parse() {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    OffsetDateTime::parse(&whole, &Rfc3339).ok()
}

/// Whether an IPv4 address is in a network such as `10.0.0.0/8`.
pub(crate) fn is_in(network: &str, address: &str) -> bool {
    let (first, length) = network.split_once('/').unwrap_or((network, "32"));
    let parsed = (first.parse::<Ipv4Addr>(), address.parse::<Ipv4Addr>(), length.parse::<u32>());
    let (Ok(first), Ok(address), Ok(length @ 0..=32)) = parsed else { return false };
    let bits = |of: Ipv4Addr| u64::from(of.to_bits()) >> (32 - length);
    bits(first) == bits(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_read_with_their_negation() {
        let parse = |text| Operator::parse(text).map(|it| (it.comparison, it.negated, it.if_exists));
        assert_eq!(parse("StringNotLikeIfExists"), Some((Comparison::Like, true, true)));
        assert_eq!(parse("NumericNotEquals"), Some((Comparison::Number(Relation::Equal), true, false)));
        assert_eq!(parse("DateLessThan"), Some((Comparison::Date(Relation::Less), false, false)));
        assert!(
            ["BinaryEquals", "Numeric", "DateBefore", "ForAnyValue:StringEquals", ""]
                .iter()
                .all(|it| parse(it).is_none())
        );
    }

    #[test]
    fn numbers_and_dates_are_compared_by_value() {
        use Relation::{Equal, Greater, LessOrEqual};
        assert!(
            LessOrEqual.of_numbers("9", "10") && !LessOrEqual.of_numbers("11", "10") && Equal.of_numbers("1.0", "1")
        );
        assert!(!Equal.of_numbers("x", "x"), "what is no number compares with none");
        assert!(Greater.of_dates("2026-01-02T00:00:00Z", "2026-01-01") && Equal.of_dates("0", "1970-01-01T00:00:00Z"));
        assert!(!Greater.of_dates("tomorrow", "2026-01-01"));
    }
}
