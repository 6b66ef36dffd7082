//! Faults that only the S3 service has.

use std::time::Duration;

/// How the S3 service differs from the documents, or from a service that asks them first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Fault {
    /// It lets through signed requests that ask for this action, whatever the documents say.
    Allow(String),
    /// It refuses signed requests that ask for this action, whatever the documents say.
    Deny(String),
    /// A PUT, or the beginning of an upload, makes a bucket that is not there.
    MakesBuckets,
    /// A PUT, POST or DELETE is authorised as it was sent, and executed without its query.
    IgnoresParameters,
    /// A setting of a bucket becomes what the body says, whatever that is.
    TakesAnyBody,
    /// Its clock is so many seconds ahead.
    Clock(i64),
}

impl S3Fault {
    const ALLOW: &str = "s3-allow";
    const DENY: &str = "s3-deny";
    const CLOCK: &str = "s3-clock";

    /// Its name, and the argument after the colon.
    pub(super) fn text(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Allow(action) => (Self::ALLOW, Some(action.clone())),
            Self::Deny(action) => (Self::DENY, Some(action.clone())),
            Self::MakesBuckets => ("s3-makes-buckets", None),
            Self::IgnoresParameters => ("s3-ignores-parameters", None),
            Self::TakesAnyBody => ("s3-takes-any-body", None),
            Self::Clock(seconds) => {
                let ahead = humantime::format_duration(Duration::from_secs(seconds.unsigned_abs()));
                (Self::CLOCK, Some(format!("{}{ahead}", if *seconds < 0 { "-" } else { "" })))
            }
        }
    }

    /// `None` if no such fault has this name.
    pub(super) fn parse(name: &str, argument: Option<&str>) -> Option<Result<Self, String>> {
        let plain = [Self::MakesBuckets, Self::IgnoresParameters, Self::TakesAnyBody];
        if let Some(fault) = plain.into_iter().find(|fault| fault.text().0 == name) {
            return Some(if argument.is_none() { Ok(fault) } else { Err("it takes nothing after a colon".to_owned()) });
        }
        let make = match name {
            Self::ALLOW => Self::Allow,
            Self::DENY => Self::Deny,
            Self::CLOCK => return Some(Self::parse_clock(argument.unwrap_or_default())),
            _ => return None,
        };
        let action = argument.filter(|action| action.strip_prefix("s3:").is_some_and(|name| !name.is_empty()));
        let wrong = || "an action such as `s3:DeleteObject` comes after the colon".to_owned();
        Some(action.map(|action| make(action.to_owned())).ok_or_else(wrong))
    }

    fn parse_clock(argument: &str) -> Result<Self, String> {
        let (sign, text) = argument.strip_prefix('-').map_or((1, argument), |text| (-1, text));
        let time = humantime::parse_duration(text).ok();
        let seconds = time.and_then(|time| i32::try_from(time.as_secs()).ok());
        let wrong = "how far its clock is ahead comes after the colon, such as `20m` or `-20m`";
        seconds.map(|seconds| Self::Clock(sign * i64::from(seconds))).ok_or_else(|| wrong.to_owned())
    }
}
