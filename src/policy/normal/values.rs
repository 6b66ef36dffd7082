//! One spelling for values of conditions that a server reads as the same value.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

use super::super::json::{self, Json};

/// The value as the operator reads it. What the operator cannot read stays as it is.
pub(in crate::policy) fn fold_value(operator: &str, value: &str) -> String {
    let name = operator.rsplit(':').next().unwrap_or(operator);
    let folded = match name.strip_suffix("IfExists").unwrap_or(name) {
        "IpAddress" | "NotIpAddress" => network(value),
        "Null" => truth(value),
        name if name.starts_with("Numeric") => integer(value),
        name if name.starts_with("Date") => instant(value),
        _ => None,
    };
    folded.unwrap_or_else(|| value.to_owned())
}

/// A network without the bits of a host. An IPv4 address alone is a network of one; an IPv6 address alone is left as it is,
/// as servers of MinIO's lineage read `/32` behind it.
pub(in crate::policy) fn network(value: &str) -> Option<String> {
    let Some((address, prefix)) = value.split_once('/') else {
        return value.parse::<Ipv4Addr>().ok().map(|address| format!("{address}/32"));
    };
    if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u32 = prefix.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32u32.checked_sub(length)?).unwrap_or(0);
            Some(format!("{}/{length}", Ipv4Addr::from_bits(address.to_bits() & mask)))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128u32.checked_sub(length)?).unwrap_or(0);
            Some(format!("{}/{length}", Ipv6Addr::from_bits(address.to_bits() & mask)))
        }
    }
}

/// A whole number, as Go's `Atoi` reads it.
pub(in crate::policy) fn integer(value: &str) -> Option<String> {
    value.parse::<i64>().ok().map(|number| number.to_string())
}

/// What Go's `ParseBool` takes.
pub(in crate::policy) fn truth(value: &str) -> Option<String> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some("true".to_owned()),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some("false".to_owned()),
        _ => None,
    }
}

/// An instant to the second, in UTC.
pub(in crate::policy) fn instant(value: &str) -> Option<String> {
    let utc = OffsetDateTime::parse(value, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
    utc.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

/// `Principal` in one spelling (`"*"` is `{"AWS": ["*"]}`, a scalar is a list of one, a list is a set); any other member
/// outside the grammar as it is.
pub(super) fn fold_extra(name: &str, json: &str) -> String {
    let folded = match name {
        "Principal" | "NotPrincipal" => json::parse(json).ok().and_then(|node| principal(&node.value)),
        _ => None,
    };
    folded.unwrap_or_else(|| json.to_owned())
}

fn principal(value: &Json) -> Option<String> {
    match value {
        Json::String(all) if all == "*" => Some(json::object([("AWS", json::array([json::quoted("*")]))])),
        Json::Object(pairs) => {
            let members = pairs.iter().map(|pair| {
                let mut names: Vec<String> = pair.value.list().iter().map(|node| node.value.minified()).collect();
                names.sort();
                names.dedup();
                (pair.name.as_str(), json::array(names))
            });
            Some(json::object(members))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_spelling() {
        let cases = [
            ("IpAddress", "10.1.2.3", "10.1.2.3/32"),
            ("NotIpAddress", "192.168.1.10/24", "192.168.1.0/24"),
            ("IpAddress", "10.1.2.3/0", "0.0.0.0/0"),
            ("IpAddress", "10.1.2.3/33", "10.1.2.3/33"),
            ("IpAddress", "10.1.2.3/+8", "10.1.2.3/+8"),
            ("IpAddress", "2001:DB8:0::1/32", "2001:db8::/32"),
            ("IpAddress", "::1/0", "::/0"),
            ("IpAddress", "2001:DB8::1", "2001:DB8::1"),
            ("NumericLessThan", "010", "10"),
            ("NumericEquals", "-0", "0"),
            ("NumericEquals", "1.0", "1.0"),
            ("NumericEqualsIfExists", "+7", "7"),
            ("Null", "T", "true"),
            ("Null", "0", "false"),
            ("Null", "yes", "yes"),
            ("DateLessThan", "2024-05-01T02:00:00+02:00", "2024-05-01T00:00:00Z"),
            ("DateLessThan", "2024-05-01T00:00:00.75Z", "2024-05-01T00:00:00Z"),
            ("DateLessThan", "2024-05-01", "2024-05-01"),
            ("ForAnyValue:NumericEquals", "007", "7"),
            ("Bool", "True", "True"),
            ("StringEquals", "010", "010"),
        ];
        for (operator, value, folded) in cases {
            assert_eq!(fold_value(operator, value), folded, "{operator} {value}");
        }
    }
}
