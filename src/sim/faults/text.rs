//! The text form of faults: `NAME`, `NAME-before`, `NAME-after`, and what a fault needs after a colon.

use std::fmt;
use std::str::FromStr;

use super::{Applied, Fault};

/// The status of a refusal when none is given: what clusters answer to a call that cannot be done.
const REFUSAL: u16 = 400;

/// The status of a page in HTML when none is given: a proxy that does not reach the cluster.
const BAD_GATEWAY: u16 = 502;

/// A text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultProblem {
    /// It is not of the form `WHEN=FAULT`.
    #[error("`{0}` is not a rule; write `WHEN=FAULT`, such as `write:3=drop-after`")]
    Form(String),
    /// What says when is none of the known forms.
    #[error(
        "`{0}` does not say when; write `call:N`, `write:N`, `METHOD PATH`, `METHOD PATH#N` or `p=SHARE,seed=N`, and \
         `,times=N` after it if need be"
    )]
    When(String),
    /// There is no such fault.
    #[error(
        "`{0}` is not a fault; there are refuse, delay, drop, reset, silent, stall, 429 and 500 to 599, html, shape, truncated, \
         expire, behind and stop"
    )]
    Unknown(String),
    /// What follows the colon does not fit the fault.
    #[error("`{text}` is not a fault: {why}")]
    Argument {
        /// The whole text.
        text: String,
        /// What should follow the colon.
        why: String,
    },
}

impl FromStr for Fault {
    type Err = FaultProblem;

    fn from_str(text: &str) -> Result<Self, FaultProblem> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let (kind, given) = parted(name);
        let applied = given.unwrap_or(Applied::No);
        let parsed = match (kind, given) {
            ("drop", _) => alone(Self::Drop(applied), argument),
            ("shape", _) => alone(Self::Shape(applied), argument),
            ("truncated", _) => alone(Self::Truncated(applied), argument),
            ("stop", _) => alone(Self::Stop(applied), argument),
            ("silent", _) => alone(Self::Silent(applied), argument),
            ("stall", None) => alone(Self::Stall, argument),
            ("reset", None) => alone(Self::Reset, argument),
            ("expire", None) => alone(Self::Expire, argument),
            ("refuse", None) => refuse(argument),
            ("delay", None) => delay(argument),
            ("behind", None) => behind(argument),
            ("html", _) => html(argument, applied),
            (status, _) => match status.parse() {
                Ok(status @ (429 | 500..600)) => failed(status, argument, applied),
                Ok(_) | Err(_) => return Err(FaultProblem::Unknown(text.to_owned())),
            },
        };
        parsed.map_err(|why| FaultProblem::Argument { text: text.to_owned(), why })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match self {
            Self::Refuse { status, message } => write!(f, ":{status}:{message}"),
            Self::Delay(time) => write!(f, ":{}", humantime::format_duration(*time)),
            Self::Status { retry_after: Some(seconds), .. } => write!(f, ":{seconds}"),
            Self::Html { status, .. } => write!(f, ":{status}"),
            Self::Behind(behind) => write!(f, ":{}", serde_json::to_string(behind).map_err(|_| fmt::Error)?),
            Self::Status { retry_after: None, .. }
            | Self::Drop(_)
            | Self::Reset
            | Self::Silent(_)
            | Self::Stall
            | Self::Shape(_)
            | Self::Truncated(_)
            | Self::Expire
            | Self::Stop(_)
            | Self::Kill(_) => Ok(()),
        }
    }
}

fn parted(name: &str) -> (&str, Option<Applied>) {
    let with = |applied: Applied| Some((name.strip_suffix(applied.suffix())?, Some(applied)));
    Applied::BOTH.into_iter().find_map(with).unwrap_or((name, None))
}

fn alone(fault: Fault, argument: Option<&str>) -> Result<Fault, String> {
    match argument {
        None => Ok(fault),
        Some(_) => Err("it takes nothing after a colon".to_owned()),
    }
}

fn refuse(argument: Option<&str>) -> Result<Fault, String> {
    let (status, message) = argument.map_or(("", ""), |argument| argument.split_once(':').unwrap_or((argument, "")));
    let status = if status.is_empty() { Some(REFUSAL) } else { status.parse().ok() };
    let status = status.filter(|status| (400..500).contains(status));
    let status = status.ok_or("a status of 400 to 499 comes after the colon, and perhaps `:` and a message")?;
    let message = if message.is_empty() { "refused by a fault" } else { message };
    Ok(Fault::Refuse { status, message: message.to_owned() })
}

fn delay(argument: Option<&str>) -> Result<Fault, String> {
    let time = humantime::parse_duration(argument.unwrap_or_default());
    time.map(Fault::Delay).map_err(|error| format!("a duration such as `20ms` comes after the colon ({error})"))
}

fn behind(argument: Option<&str>) -> Result<Fault, String> {
    let explain = |error| {
        format!("JSON such as `{{\"attach\":{{\"policy\":\"p\",\"user\":\"u\"}}}}` comes after the colon ({error})")
    };
    serde_json::from_str(argument.unwrap_or_default()).map(Fault::Behind).map_err(explain)
}

fn html(argument: Option<&str>, applied: Applied) -> Result<Fault, String> {
    let status = argument.map_or(Ok(BAD_GATEWAY), str::parse);
    let status = status.ok().filter(|status| (200..600).contains(status));
    let status = status.ok_or("a status of 200 to 599 comes after the colon")?;
    Ok(Fault::Html { status, applied })
}

fn failed(status: u16, argument: Option<&str>, applied: Applied) -> Result<Fault, String> {
    let retry_after = argument.map(str::parse).transpose();
    let retry_after = retry_after.map_err(|_| "the seconds of `Retry-After` come after the colon")?;
    Ok(Fault::Status { status, applied, retry_after })
}
