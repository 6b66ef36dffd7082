//! Rules on how a resource begins: the ARN, and the name of the bucket.

use std::net::Ipv4Addr;

use crate::base::{Code, Severity};

use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Context, Entry};
use super::glob::has_wildcard;
use super::resource::{ARN, bucket, path};
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &ARN_PREFIX, run: arn_prefix },
    Check { rule: &BARE_STAR, run: bare_star },
    Check { rule: &BARE_ARN, run: bare_arn },
    Check { rule: &LEADING_SLASH, run: leading_slash },
    Check { rule: &IMPOSSIBLE_BUCKET, run: impossible_bucket },
];

static ARN_PREFIX: Rule = Rule {
    id: "R01",
    code: Code::new("arn-prefix", "A resource does not begin with `arn:aws:s3:::`."),
    severity: Severity::Error,
    because: "No other partition, region, account or notation is understood; the document is refused.",
    fires: &[
        Statement(r#""Resource": "bucket/*""#),
        Statement(r#""Resource": "s3://bucket/*""#),
        Statement(r#""Resource": "arn:aws:s3:us-east-1::bucket/*""#),
        Statement(r#""Resource": "arn:minio:s3:::bucket/*""#),
    ],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::bucket/*""#)],
};

fn arn_prefix(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let lint = Lint::new(&ARN_PREFIX, entry.place, format!("`{}` does not begin with `{ARN}`", entry.pattern));
        match with_prefix(entry.pattern) {
            Some(resource) => lint.fix(resource),
            None => lint.help(format!("write `{ARN}` and the bucket")),
        }
    };
    context.resources().filter(|entry| path(entry.pattern).is_none()).map(lint).collect()
}

/// The same bucket and key behind the right prefix, where it is clear which they are.
fn with_prefix(pattern: &str) -> Option<String> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let rest = match parts.as_slice() {
        [arn, _, service, _, _, rest] if arn.eq_ignore_ascii_case("arn") && service.eq_ignore_ascii_case("s3") => rest,
        [scheme, rest] if scheme.eq_ignore_ascii_case("s3") => rest.strip_prefix("//")?,
        [rest] => rest,
        _ => return None,
    };
    let plain = !rest.is_empty() && !rest.starts_with('/') && rest.trim() == rest;
    plain.then(|| format!("{ARN}{rest}"))
}

static BARE_STAR: Rule = Rule {
    id: "R02",
    code: Code::new("bare-star", "A resource is `*`."),
    severity: Severity::Warning,
    because: "Servers of MinIO's lineage from before February 2025 refuse it.",
    fires: &[Statement(r#""Action": "s3:ListBucket", "Resource": "*""#)],
    silent: &[Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*""#)],
};

fn bare_star(context: &Context<'_>) -> Vec<Lint> {
    let bare = context.resources().filter(|entry| path(entry.pattern).is_some() && !entry.pattern.starts_with(ARN));
    let message = "`*` is not understood as a resource by every server";
    bare.map(|entry| Lint::new(&BARE_STAR, entry.place, message).fix(format!("{ARN}*"))).collect()
}

static BARE_ARN: Rule = Rule {
    id: "R03",
    code: Code::new("bare-arn", "A resource is `arn:aws:s3:::` without a bucket."),
    severity: Severity::Error,
    because: "It is refused, or matches nothing: an `Allow` grants nothing, a `Deny` never applies.",
    fires: &[Statement(r#""Resource": "arn:aws:s3:::""#)],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::*""#)],
};

fn bare_arn(context: &Context<'_>) -> Vec<Lint> {
    let bare = context.resources().filter(|entry| entry.pattern == ARN);
    let lint = |entry: Entry<'_>| Lint::new(&BARE_ARN, entry.place, "the resource names no bucket");
    bare.map(|entry| lint(entry).help(format!("add the bucket; all buckets are `{ARN}*`"))).collect()
}

static LEADING_SLASH: Rule = Rule {
    id: "R04",
    code: Code::new("leading-slash", "There is a `/` in front of the bucket."),
    severity: Severity::Error,
    because: "No bucket's name begins with `/`: the resource is refused or matches nothing.",
    fires: &[Statement(r#""Resource": "arn:aws:s3:::/bucket/*""#)],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::bucket//*""#)],
};

fn leading_slash(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let rest = path(entry.pattern).filter(|path| path.starts_with('/'))?.trim_start_matches('/');
        let lint = Lint::new(&LEADING_SLASH, entry.place, format!("`{}` begins with a slash", entry.pattern));
        Some(if rest.is_empty() { lint.help("add the bucket") } else { lint.fix(format!("{ARN}{rest}")) })
    };
    context.resources().filter_map(lint).collect()
}

static IMPOSSIBLE_BUCKET: Rule = Rule {
    id: "R10",
    code: Code::new("impossible-bucket", "No bucket can have the name that a resource asks for."),
    severity: Severity::Warning,
    because: "The names of buckets have 3 to 63 characters of `a-z 0-9 . -`, begin and end with a letter or digit, and are \
              not IP addresses. The resource matches nothing.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::Models/*""#),
        Statement(r#""Resource": "arn:aws:s3:::ml_models/*""#),
        Statement(r#""Resource": "arn:aws:s3:::ml/*""#),
    ],
    silent: &[Statement(
        r#""Resource": ["arn:aws:s3:::ml-*/*", "arn:aws:s3:::models/Final_2.bin", "arn:aws:s3:::${aws:username}/*"]"#,
    )],
};

fn impossible_bucket(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let name = bucket(path(entry.pattern)?);
        let why = why_impossible(name)?;
        let lint = Lint::new(&IMPOSSIBLE_BUCKET, entry.place, format!("no bucket can be called `{name}`: {why}"));
        Some(lint.help("check the name of the bucket"))
    };
    context.resources().filter_map(lint).collect()
}

fn why_impossible(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.contains("${") {
        return None;
    }
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '*' | '?');
    let at_edge = |c: Option<char>| c.is_some_and(|c| matches!(c, '.' | '-'));
    let length = || name.chars().filter(|c| *c != '*').count();
    if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        Some(if wrong.is_ascii_uppercase() {
            "it has upper-case letters"
        } else {
            "it has characters other than `a-z 0-9 . -`"
        })
    } else if at_edge(name.chars().next()) || at_edge(name.chars().last()) {
        Some("it begins or ends with `.` or `-`")
    } else if length() > 63 || (length() < 3 && !name.contains('*')) {
        Some("it does not have 3 to 63 characters")
    } else if !has_wildcard(name) && name.parse::<Ipv4Addr>().is_ok() {
        Some("it is an IP address")
    } else {
        None
    }
}
