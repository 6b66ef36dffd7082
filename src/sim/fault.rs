//! Faults: what goes wrong with a call, and how a fault is written as text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sim::bucket::BucketPolicy;
use crate::sim::document::StoredDocument;
use crate::sim::error::SimError;
use crate::sim::operations::{Caller, Refusal, attachments, buckets, policies};
use crate::sim::release::Role;
use crate::sim::s3_fault::S3Fault;
use crate::sim::state::{ClusterState, ROOT};

/// What goes wrong with a call. `-before` and `-after` in the text form are [`Applied::No`] and [`Applied::Yes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The cluster refuses the call and does not execute it.
    Refuse {
        /// The status, of 400 to 499.
        status: u16,
        /// Why.
        message: String,
    },
    /// The call waits, then goes on as usual.
    Delay(Duration),
    /// The connection is closed without a response.
    Drop(Applied),
    /// The call is executed; the head of the response and half of its body are sent, then the connection is reset.
    Reset,
    /// There is no response, and the connection stays open, as with an endpoint that hangs.
    Silent(Applied),
    /// The call is executed; the head of the response and half of its body are sent, and the connection stays open.
    Stall,
    /// The response has this status, and a body like those of the cluster.
    Status {
        /// The status: 429, or of 500 to 599.
        status: u16,
        /// Whether the call is executed first.
        applied: Applied,
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// The response is an HTML page, as from a proxy.
    Html {
        /// The status: 200, or an error of a proxy.
        status: u16,
        /// Whether the call is executed first.
        applied: Applied,
    },
    /// The response is 200 and JSON in an unexpected shape.
    Shape(Applied),
    /// The response is 200 and complete, but its JSON ends in the middle.
    Truncated(Applied),
    /// The response is 401, also to every later call with the same token. The call is not executed.
    Expire,
    /// Another administrator changes something just before the call, which goes on as usual.
    Behind(ForeignChange),
    /// Its S3 service behaves in this way.
    S3(S3Fault),
    /// The cluster stops: it accepts no connection any more, and closes all open ones.
    Stop(Applied),
    /// The client is killed: [`Options::on_kill`](super::Options::on_kill) is called, the connection is closed, and the
    /// cluster goes on. In process only: it has no text form.
    Kill(Applied),
}

/// Whether a call with a fault is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The call never reaches the state of the cluster.
    No,
    /// The call is executed, unless the cluster refuses it; then the fault hides the response.
    Yes,
}

impl Applied {
    /// Both values.
    pub const BOTH: [Self; 2] = [Self::No, Self::Yes];

    fn suffix(self) -> &'static str {
        match self {
            Self::No => "-before",
            Self::Yes => "-after",
        }
    }
}

impl Fault {
    /// One fault of every kind and variant, without [`Fault::Behind`], which depends on the state, without [`Fault::S3`], and
    /// without those that a client notices only after a long time: [`Fault::Silent`] and [`Fault::Stall`].
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Refuse { status: 400, message: "refused by a fault".to_owned() },
            Self::Delay(Duration::from_millis(1)),
            Self::Reset,
            Self::Expire,
        ];
        for applied in Applied::BOTH {
            all.extend([Self::Drop(applied), Self::Shape(applied), Self::Truncated(applied)]);
            all.extend([500, 503].map(|status| Self::Status { status, applied, retry_after: None }));
            all.push(Self::Status { status: 429, applied, retry_after: Some(1) });
            all.extend([200, 502].map(|status| Self::Html { status, applied }));
            all.extend([Self::Stop(applied), Self::Kill(applied)]);
        }
        all
    }

    /// Its name in the text form, without the argument after the colon.
    pub fn name(&self) -> String {
        let (name, applied, _) = self.text();
        format!("{name}{}", applied.map_or("", Applied::suffix))
    }

    /// Whether it replaces the call or its response.
    pub fn replaces_response(&self) -> bool {
        !matches!(self, Self::Delay(_) | Self::Behind(_) | Self::S3(_))
    }

    /// Whether the call is executed.
    pub fn applied(&self) -> Applied {
        let refused = matches!(self, Self::Refuse { .. } | Self::Expire);
        self.text().1.unwrap_or(if refused { Applied::No } else { Applied::Yes })
    }

    /// The name, whether the call is executed if the name says it, and the argument.
    fn text(&self) -> (String, Option<Applied>, Option<String>) {
        let text = |name: &str, applied: Option<&Applied>, argument| (name.to_owned(), applied.copied(), argument);
        match self {
            Self::Refuse { status, message } => text("refuse", None, Some(format!("{status}:{message}"))),
            Self::Delay(time) => text("delay", None, Some(humantime::format_duration(*time).to_string())),
            Self::Drop(applied) => text("drop", Some(applied), None),
            Self::Reset => text("reset", None, None),
            Self::Silent(applied) => text("silent", Some(applied), None),
            Self::Stall => text("stall", None, None),
            Self::Status { status, applied, retry_after } => {
                text(&status.to_string(), Some(applied), retry_after.map(|seconds| seconds.to_string()))
            }
            Self::Html { status, applied } => text("html", Some(applied), Some(status.to_string())),
            Self::Shape(applied) => text("shape", Some(applied), None),
            Self::Truncated(applied) => text("truncated", Some(applied), None),
            Self::Expire => text("expire", None, None),
            Self::Behind(change) => text("behind", None, serde_json::to_string(change).ok()),
            Self::S3(fault) => {
                let (name, argument) = fault.text();
                text(name, None, argument)
            }
            Self::Stop(applied) => text("stop", Some(applied), None),
            Self::Kill(applied) => text("kill", Some(applied), None),
        }
    }
}

/// The default status of a refusal: the one of clusters for an impossible call.
const REFUSAL: u16 = 400;

/// The default status of an HTML page: a proxy that does not reach the cluster.
const BAD_GATEWAY: u16 = 502;

const FAULTS: &str = "refuse, delay, drop, reset, silent, stall, 429 and 500 to 599, html, shape, truncated, expire, \
    behind, stop, s3-allow, s3-deny, s3-makes-buckets, s3-ignores-parameters, s3-takes-any-body \
    and s3-clock";

impl FromStr for Fault {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let (kind, given) = split_suffix(name);
        if let Some(fault) = S3Fault::parse(name, argument) {
            return fault.map(Self::S3).map_err(|why| SimError(format!("`{text}` is not a fault: {why}")));
        }
        let applied = given.unwrap_or(Applied::No);
        let bare = |fault| match argument {
            None => Ok(fault),
            Some(_) => Err("it takes nothing after a colon".to_owned()),
        };
        let parsed = match (kind, given) {
            ("drop", _) => bare(Self::Drop(applied)),
            ("shape", _) => bare(Self::Shape(applied)),
            ("truncated", _) => bare(Self::Truncated(applied)),
            ("stop", _) => bare(Self::Stop(applied)),
            ("silent", _) => bare(Self::Silent(applied)),
            ("stall", None) => bare(Self::Stall),
            ("reset", None) => bare(Self::Reset),
            ("expire", None) => bare(Self::Expire),
            ("refuse", None) => parse_refuse(argument),
            ("delay", None) => parse_delay(argument),
            ("behind", None) => parse_behind(argument),
            ("html", _) => parse_html(argument, applied),
            (status, _) => match status.parse() {
                Ok(status @ (429 | 500..600)) => parse_status(status, argument, applied),
                Ok(_) | Err(_) => return Err(SimError(format!("`{text}` is not a fault; there are {FAULTS}"))),
            },
        };
        parsed.map_err(|why| SimError(format!("`{text}` is not a fault: {why}")))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        self.text().2.map_or(Ok(()), |argument| write!(f, ":{argument}"))
    }
}

fn split_suffix(name: &str) -> (&str, Option<Applied>) {
    let with = |applied: Applied| Some((name.strip_suffix(applied.suffix())?, Some(applied)));
    Applied::BOTH.into_iter().find_map(with).unwrap_or((name, None))
}

fn parse_refuse(argument: Option<&str>) -> Result<Fault, String> {
    let (status, message) = argument.map_or(("", ""), |argument| argument.split_once(':').unwrap_or((argument, "")));
    let status = if status.is_empty() { Some(REFUSAL) } else { status.parse().ok() };
    let status = status.filter(|status| (400..500).contains(status));
    let status = status.ok_or("a status of 400 to 499 comes after the colon, and perhaps `:` and a message")?;
    let message = if message.is_empty() { "refused by a fault" } else { message };
    Ok(Fault::Refuse { status, message: message.to_owned() })
}

fn parse_delay(argument: Option<&str>) -> Result<Fault, String> {
    let time = humantime::parse_duration(argument.unwrap_or_default());
    time.map(Fault::Delay).map_err(|error| format!("a duration such as `20ms` comes after the colon ({error})"))
}

fn parse_behind(argument: Option<&str>) -> Result<Fault, String> {
    let explain = |error| {
        format!("JSON such as `{{\"attach\":{{\"policy\":\"p\",\"user\":\"u\"}}}}` comes after the colon ({error})")
    };
    serde_json::from_str(argument.unwrap_or_default()).map(Fault::Behind).map_err(explain)
}

fn parse_html(argument: Option<&str>, applied: Applied) -> Result<Fault, String> {
    let status = argument.map_or(Ok(BAD_GATEWAY), str::parse);
    let status = status.ok().filter(|status| (200..600).contains(status));
    let status = status.ok_or("a status of 200 to 599 comes after the colon")?;
    Ok(Fault::Html { status, applied })
}

fn parse_status(status: u16, argument: Option<&str>, applied: Applied) -> Result<Fault, String> {
    let retry_after = argument.map(str::parse).transpose();
    let retry_after = retry_after.map_err(|_| "the seconds of `Retry-After` come after the colon")?;
    Ok(Fault::Status { status, applied, retry_after })
}

/// A change by another administrator, in JSON such as `{"attach":{"policy":"ml","user":"bob"}}`. The default tenant is
/// `Root`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each field has the name of what it is")]
pub enum ForeignChange {
    /// Attaches a policy to a user.
    Attach {
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        policy: String,
        user: String,
    },
    /// Detaches a user from its policy.
    Detach {
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        user: String,
    },
    /// Adds a policy.
    Add {
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        policy: String,
        document: StoredDocument,
    },
    /// Removes a policy.
    Remove {
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        policy: String,
    },
    /// Sets the policy of a bucket.
    SetBucketPolicy {
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        bucket: String,
        policy: BucketPolicy,
    },
    /// Removes a bucket.
    RemoveBucket {
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        bucket: String,
    },
}

impl ForeignChange {
    /// Makes the change, if the cluster does not refuse it as it does for everyone.
    pub(super) fn apply(&self, state: &mut ClusterState) -> Result<(), Refusal> {
        let caller = |tenant: &str| Caller {
            tenant: tenant.to_owned(),
            user: "another administrator".to_owned(),
            role: Role::ClusterAdmin,
        };
        match self {
            Self::Attach { tenant, policy, user } => {
                attachments::attach(state, &caller(tenant), policy, user).map(|_| ())
            }
            Self::Detach { tenant, user } => attachments::detach(state, &caller(tenant), user),
            Self::Add { tenant, policy, document } => policies::add(state, &caller(tenant), policy, document.clone()),
            Self::Remove { tenant, policy } => policies::remove(state, &caller(tenant), policy),
            Self::SetBucketPolicy { tenant, bucket, policy } => {
                buckets::set(state, &caller(tenant), bucket, policy.clone())
            }
            Self::RemoveBucket { tenant, bucket } => buckets::remove(state, &caller(tenant), bucket),
        }
    }
}

fn root() -> String {
    ROOT.to_owned()
}

fn is_root(tenant: &str) -> bool {
    tenant == ROOT
}
