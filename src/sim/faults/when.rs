//! At which calls a fault happens, and how that is written.

use std::fmt;
use std::str::FromStr;

use super::FaultProblem;
use crate::sim::ids;

/// Where the paths of calls begin; rules leave it out.
const PREFIX: &str = "/api/v2";

/// The calls at which a fault happens. Everything is counted from 1, from when the rules were set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// The call with this number.
    Call(u64),
    /// The call with this number among those that change the state.
    Write(u64),
    /// These calls, or only the one with this number among them.
    On {
        /// The calls.
        calls: Calls,
        /// The number.
        nth: Option<u64>,
    },
    /// Calls that come while at least so many others are under way.
    Crowd(u64),
    /// Any call, by chance; which ones follows from the seed and the call's number.
    Chance {
        /// How many calls of a million.
        millionths: u32,
        /// A number that makes the choice one of many.
        seed: u64,
    },
}

/// Calls by method and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The method, when not any.
    pub method: Option<String>,
    /// The path after `/api/v2` as it is sent, without the query.
    pub path: String,
    /// Whether the path only begins so.
    pub open: bool,
}

impl Calls {
    pub(super) fn have(&self, method: &str, path: &str) -> bool {
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let is_path = if self.open { path.starts_with(&self.path) } else { path == self.path };
        is_path && self.method.as_deref().is_none_or(|of| of == method)
    }
}

/// Whether chance takes the call with this number.
pub(super) fn takes(millionths: u32, seed: u64, number: u64) -> bool {
    ids::number(&["fault", &seed.to_string(), &number.to_string()]) % 1_000_000 < u64::from(millionths)
}

impl FromStr for When {
    type Err = FaultProblem;

    fn from_str(text: &str) -> Result<Self, FaultProblem> {
        let parsed = if let Some(number) = text.strip_prefix("call:") {
            positive(number).map(Self::Call)
        } else if let Some(number) = text.strip_prefix("write:") {
            positive(number).map(Self::Write)
        } else if let Some(number) = text.strip_prefix("crowd:") {
            positive(number).map(Self::Crowd)
        } else if let Some(chance) = text.strip_prefix("p=") {
            parse_chance(chance)
        } else {
            parse_calls(text)
        };
        parsed.ok_or_else(|| FaultProblem::When(text.to_owned()))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(number) => write!(f, "call:{number}"),
            Self::Write(number) => write!(f, "write:{number}"),
            Self::Crowd(number) => write!(f, "crowd:{number}"),
            Self::On { calls: Calls { method, path, open }, nth } => {
                write!(f, "{} {path}{}", method.as_deref().unwrap_or("*"), if *open { "*" } else { "" })?;
                nth.map_or(Ok(()), |nth| write!(f, "#{nth}"))
            }
            Self::Chance { millionths, seed } => write!(f, "p={},seed={seed}", f64::from(*millionths) / 1e6),
        }
    }
}

fn parse_chance(text: &str) -> Option<When> {
    let (share, seed) = text.split_once(",seed=").unwrap_or((text, "0"));
    let share: f64 = share.parse().ok().filter(|share| (0.0..=1.0).contains(share))?;
    Some(When::Chance { millionths: (share * 1e6).round() as u32, seed: seed.parse().ok()? })
}

/// `METHOD PATH` with `*` for any method, and `*` after a path that only begins so.
fn parse_calls(text: &str) -> Option<When> {
    let (method, path) = text.split_once(' ')?;
    let (path, nth) = match path.split_once('#') {
        Some((path, nth)) => (path, Some(positive(nth)?)),
        None => (path, None),
    };
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = match method {
        "*" => None,
        method => Some(is_method.then(|| method.to_owned())?),
    };
    let (path, open) = path.strip_suffix('*').map_or((path, false), |path| (path, true));
    // So that a number of times that is none is not taken for a part of the path.
    let is_path = path.starts_with('/') && !path.contains(",times");
    let calls = is_path.then(|| Calls { method, path: path.to_owned(), open })?;
    Some(When::On { calls, nth })
}

/// A number that is counted from 1.
pub(super) fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}
