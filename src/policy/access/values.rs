//! The values of conditions: which fulfill a test whenever they fulfill another one, and which never both.

use std::net::IpAddr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::glob::Glob;

/// The keys of which a request has at most one value. A query parameter, such as `s3:prefix`, can be repeated.
pub(super) const SINGLE_VALUED: [&str; 11] = [
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:principaltype",
    "aws:Referer",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
    "s3:authType",
    "s3:signatureversion",
];

/// A test with one of its values.
pub(super) type Test<'a> = (&'a str, &'a str);

/// Whether everything that fulfills the first test fulfills the second. It can be wrongly false.
pub(super) fn value_within((test, narrow): Test<'_>, (other_test, wide): Test<'_>) -> bool {
    let is_plain = |value: &str| !value.contains(['*', '?']);
    if let (Some(one), Some(another)) = (interval(test, narrow), interval(other_test, wide)) {
        return one.scale == another.scale && one.first >= another.first && one.last <= another.last;
    }
    match (test, other_test) {
        ("StringLike", "StringLike") => Glob::parse(wide).subsumes(&Glob::parse(narrow)),
        ("StringEquals", "StringLike") => Glob::parse(wide).matches(narrow),
        ("StringLike", "StringEquals") => narrow == wide && is_plain(narrow),
        ("StringEquals" | "StringEqualsIgnoreCase", "StringEqualsIgnoreCase") => narrow.eq_ignore_ascii_case(wide),
        ("StringLike", "StringEqualsIgnoreCase") => narrow.eq_ignore_ascii_case(wide) && is_plain(narrow),
        ("IpAddress", "IpAddress") => narrow == wide || network_within(narrow, wide),
        (
            "StringEquals" | "NumericEquals" | "DateEquals" | "Bool" | "BinaryEquals" | "ArnEquals" | "ArnLike"
            | "Null",
            _,
        ) => test == other_test && narrow == wide,
        _ => false,
    }
}

/// Whether nothing fulfills both tests. It can be wrongly false.
pub(super) fn values_apart((test, one): Test<'_>, (other_test, another): Test<'_>) -> bool {
    if let (Some(one), Some(another)) = (interval(test, one), interval(other_test, another)) {
        return one.scale == another.scale && (one.last < another.first || another.last < one.first);
    }
    match (test, other_test) {
        ("StringEquals", "StringEquals") | ("Bool", "Bool") => one != another,
        ("StringEquals", "StringLike") => !Glob::parse(another).matches(one),
        ("StringLike", "StringLike") => !Glob::parse(one).overlaps(&Glob::parse(another)),
        ("StringEquals" | "StringEqualsIgnoreCase", "StringEqualsIgnoreCase") => {
            one.is_ascii() && another.is_ascii() && !one.eq_ignore_ascii_case(another)
        }
        ("IpAddress", "IpAddress") => {
            let readable = network(one).is_some() && network(another).is_some();
            readable && !network_within(one, another) && !network_within(another, one)
        }
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Number,
    Time,
}

/// The numbers or times that fulfill a test. Each whole one is twice its value, and the odd numbers are everything in
/// between.
#[derive(Debug, Clone, Copy)]
struct Interval {
    scale: Scale,
    first: i128,
    last: i128,
}

/// The interval of an ordered test. `None` for other tests and values.
fn interval(test: &str, value: &str) -> Option<Interval> {
    let (scale, relation, value) = if let Some(relation) = test.strip_prefix("Numeric") {
        (Scale::Number, relation, i128::from(value.parse::<i64>().ok()?))
    } else {
        let relation = test.strip_prefix("Date")?;
        let time = OffsetDateTime::parse(value, &Rfc3339).ok()?;
        (Scale::Time, relation, time.unix_timestamp_nanos())
    };
    let value = value.checked_mul(2)?;
    let (first, last) = match relation {
        "Equals" => (value, value),
        "LessThan" => (i128::MIN, value - 1),
        "LessThanEquals" => (i128::MIN, value),
        "GreaterThan" => (value + 1, i128::MAX),
        "GreaterThanEquals" => (value, i128::MAX),
        _ => return None,
    };
    Some(Interval { scale, first, last })
}

/// Whether the first network is within the second. Texts that are not `address/length` are within nothing, because
/// servers read them differently.
fn network_within(narrow: &str, wide: &str) -> bool {
    let (Some(narrow), Some(wide)) = (network(narrow), network(wide)) else { return false };
    wide.contains(narrow.first()) && narrow.length >= wide.length
}

#[derive(Debug, Clone, Copy)]
struct Network {
    is_v4: bool,
    /// The address in the highest bits.
    address: u128,
    length: u32,
}

/// An address, with its bits as in [`Network`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Address {
    is_v4: bool,
    bits: u128,
}

/// A set of addresses: all of some networks.
#[derive(Debug, Clone)]
pub(super) struct Networks(Vec<Network>);

impl Networks {
    /// `None` if a text is not `address/length`.
    pub(super) fn read(texts: &[String]) -> Option<Self> {
        texts.iter().map(|text| network(text)).collect::<Option<_>>().map(Self)
    }

    pub(super) fn contains(&self, address: Address) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    pub(super) fn is_within(&self, wide: &Self) -> bool {
        common_address(&[self], &[wide]).is_none()
    }
}

/// An address that is in all of some sets and in none of others, if there is one. The first sets are not empty.
pub(super) fn common_address(all: &[&Networks], none: &[&Networks]) -> Option<Address> {
    // The lowest such address starts a network of `all`, or follows one of `none`.
    let firsts = all.iter().flat_map(|networks| &networks.0).map(Network::first);
    let next = none.iter().flat_map(|networks| &networks.0).filter_map(Network::behind);
    firsts.chain(next).find(|address| {
        all.iter().all(|networks| networks.contains(*address))
            && !none.iter().any(|networks| networks.contains(*address))
    })
}

impl Network {
    fn contains(&self, address: Address) -> bool {
        self.is_v4 == address.is_v4 && (self.address ^ address.bits).leading_zeros() >= self.length
    }

    /// The bits of the address that the network leaves open.
    fn open(&self) -> u128 {
        u128::MAX.checked_shr(self.length).unwrap_or(0)
    }

    fn first(&self) -> Address {
        Address { is_v4: self.is_v4, bits: self.address & !self.open() }
    }

    /// The address behind the last one. `None` if the network has the last address of all.
    fn behind(&self) -> Option<Address> {
        let bits = (self.address | self.open()).checked_add(1)?;
        Some(Address { is_v4: self.is_v4, bits })
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, length) = text.split_once('/')?;
    let length = length.parse().ok()?;
    let (is_v4, address, width) = match address.parse().ok()? {
        IpAddr::V4(address) => (true, u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (false, address.to_bits(), 128),
    };
    (length <= width).then_some(Network { is_v4, address, length })
}
