//! Rules on resource patterns: the ARN, the name of the bucket, and the wildcards.

use std::net::Ipv4Addr;

use super::super::document::Effect;
use super::super::normal::fold_wildcards;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Check, Context, Entry};
use super::finding::Lint;
use super::patterns::{ARN, bucket, has_wildcard, path};
use crate::base::{Code, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &ARN_PREFIX, run: arn_prefix },
    Check { rule: &BARE_STAR, run: bare_star },
    Check { rule: &BARE_ARN, run: bare_arn },
    Check { rule: &LEADING_SLASH, run: leading_slash },
    Check { rule: &IMPOSSIBLE_BUCKET, run: impossible_bucket },
    Check { rule: &REGEX_THINKING, run: regex_thinking },
    Check { rule: &MANY_STARS, run: many_stars },
    Check { rule: &MISSING_SLASH, run: missing_slash },
];

static ARN_PREFIX: Rule = Rule {
    id: "R01",
    code: Code::new("arn-prefix", "A resource does not start with `arn:aws:s3:::`."),
    severity: Severity::Error,
    explanation: "Servers refuse the document. They accept no other partition, region, account or notation.",
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
        let lint = Lint::new(&ARN_PREFIX, entry.place, format!("`{}` does not start with `{ARN}`", entry.pattern));
        match with_prefix(entry.pattern) {
            Some(resource) => lint.fix(resource),
            None => lint.help(format!("write `{ARN}` and then the bucket")),
        }
    };
    context.resources().filter(|entry| path(entry.pattern).is_none()).map(lint).collect()
}

/// The same bucket and key with the right prefix, if both are clear.
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
    explanation: "MinIO servers from before February 2025 refuse it.",
    fires: &[Statement(r#""Action": "s3:ListBucket", "Resource": "*""#)],
    silent: &[Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*""#)],
};

fn bare_star(context: &Context<'_>) -> Vec<Lint> {
    let bare = context.resources().filter(|entry| path(entry.pattern).is_some() && !entry.pattern.starts_with(ARN));
    let message = "some servers refuse `*` as a resource";
    bare.map(|entry| Lint::new(&BARE_STAR, entry.place, message).fix(format!("{ARN}*"))).collect()
}

static BARE_ARN: Rule = Rule {
    id: "R03",
    code: Code::new("bare-arn", "A resource is `arn:aws:s3:::` without a bucket."),
    severity: Severity::Error,
    explanation: "Servers refuse it, or it matches nothing: then an `Allow` grants nothing, and a `Deny` never \
                  applies.",
    fires: &[Statement(r#""Resource": "arn:aws:s3:::""#)],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::*""#)],
};

fn bare_arn(context: &Context<'_>) -> Vec<Lint> {
    let bare = context.resources().filter(|entry| entry.pattern == ARN);
    let lint = |entry: Entry<'_>| Lint::new(&BARE_ARN, entry.place, "the resource names no bucket");
    bare.map(|entry| lint(entry).help(format!("add the bucket, or write `{ARN}*` for all buckets"))).collect()
}

static LEADING_SLASH: Rule = Rule {
    id: "R04",
    code: Code::new("leading-slash", "A resource has a `/` in front of the bucket."),
    severity: Severity::Error,
    explanation: "No bucket name starts with `/`. Servers refuse the resource, or it matches nothing.",
    fires: &[Statement(r#""Resource": "arn:aws:s3:::/bucket/*""#)],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::bucket//*""#)],
};

fn leading_slash(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let rest = path(entry.pattern).filter(|path| path.starts_with('/'))?.trim_start_matches('/');
        let lint = Lint::new(&LEADING_SLASH, entry.place, format!("`{}` starts with a slash", entry.pattern));
        Some(if rest.is_empty() { lint.help("add the bucket") } else { lint.fix(format!("{ARN}{rest}")) })
    };
    context.resources().filter_map(lint).collect()
}

static IMPOSSIBLE_BUCKET: Rule = Rule {
    id: "R10",
    code: Code::new("impossible-bucket", "A resource names a bucket that cannot exist."),
    severity: Severity::Warning,
    explanation: "The resource matches nothing. A bucket name has 3 to 63 characters of `a-z 0-9 . -`. It starts and \
                  ends with a letter or digit, and is no IP address.",
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
        let lint = Lint::new(&IMPOSSIBLE_BUCKET, entry.place, format!("no bucket can have the name `{name}`: {why}"));
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
        Some("it starts or ends with `.` or `-`")
    } else if length() > 63 || (length() < 3 && !name.contains('*')) {
        Some("it does not have 3 to 63 characters")
    } else if !has_wildcard(name) && name.parse::<Ipv4Addr>().is_ok() {
        Some("it is an IP address")
    } else {
        None
    }
}

static REGEX_THINKING: Rule = Rule {
    id: "R12",
    code: Code::new("regex-thinking", "A resource looks like a regular expression."),
    severity: Severity::Warning,
    explanation: "Only `*` and `?` are wildcards. Every other character matches itself.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::bucket/[0-9]*""#),
        Statement(r#""Resource": "arn:aws:s3:::bucket/{a,b}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::logs-.*/*""#),
    ],
    silent: &[Statement(r#""Resource": ["arn:aws:s3:::bucket/report.*", "arn:aws:s3:::bucket/${aws:username}/*"]"#)],
};

fn regex_thinking(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let what = regex_part(path(entry.pattern)?)?;
        let message = format!("`{}` in `{}` is plain text, no wildcard", what, entry.pattern);
        Some(Lint::new(&REGEX_THINKING, entry.place, message).help("use `*` and `?`, or list the resources"))
    };
    context.resources().filter_map(lint).collect()
}

/// The first part that has a meaning only in a regular expression or a shell.
fn regex_part(path: &str) -> Option<&'static str> {
    if !path.bytes().any(|byte| matches!(byte, b'[' | b'{' | b'(' | b'.' | b'\\')) {
        return None;
    }
    let between = |open: &str, close: char, inner: char| {
        path.match_indices(open).any(|(at, _)| {
            let variable = path[..at].ends_with('$');
            let inside = path[at + 1..].split(close).next().filter(|inside| at + 1 + inside.len() < path.len());
            !variable && inside.is_some_and(|inside| inside.contains(inner))
        })
    };
    let bracket = path.find('[').is_some_and(|open| path[open..].contains(']'));
    let dot_star =
        bucket(path).contains(".*") && bucket(path) != ".*" || path.contains("/.*") || path.starts_with(".*");
    [
        (bracket, "[…]"),
        (between("{", '}', ','), "{…}"),
        (between("(", ')', '|'), "(…|…)"),
        (dot_star, ".*"),
        (path.contains(".+"), ".+"),
        (path.contains('\\'), "\\"),
    ]
    .into_iter()
    .find_map(|(found, what)| found.then_some(what))
}

static MANY_STARS: Rule = Rule {
    id: "R13",
    code: Code::new("many-stars", "A resource has six `*` or more."),
    severity: Severity::Warning,
    explanation: "MinIO servers match with backtracking. The time grows exponentially with the number of `*`, so one \
                  request with a long key can keep a server busy.",
    fires: &[Statement(r#""Resource": "arn:aws:s3:::bucket/*a*b*c*d*e*""#)],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::bucket/*a*b*c*d***""#)],
};

/// The number of `*` from which matching can be slow.
const MANY: usize = 6;

fn many_stars(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let stars = fold_wildcards(entry.pattern).matches('*').count();
        if stars < MANY {
            return None;
        }
        let message = format!("`{}` has {stars} `*`, and can be slow to match", entry.pattern);
        Some(Lint::new(&MANY_STARS, entry.place, message).help("use a simpler pattern"))
    };
    context.resources().filter_map(lint).collect()
}

static MISSING_SLASH: Rule = Rule {
    id: "R14",
    code: Code::new("missing-prefix-slash", "A pattern ends with a part of a name and `*`."),
    severity: Severity::Warning,
    explanation: "`bucket/team*` also covers `bucket/team-other/secret`. `logs*` also covers other buckets with all \
                  their objects.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::bucket/team*""#),
        Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::logs*""#),
    ],
    silent: &[
        Statement(
            r#""Resource": ["arn:aws:s3:::bucket/team/*", "arn:aws:s3:::bucket/team-*", "arn:aws:s3:::bucket/*"]"#,
        ),
        Statement(r#""Effect": "Deny", "Resource": "arn:aws:s3:::bucket/team*""#),
    ],
};

fn missing_slash(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let path = fold_wildcards(path(entry.pattern)?);
        let front = path.strip_suffix('*')?;
        let within_name = front.chars().last().is_some_and(char::is_alphanumeric);
        let widens = entry.statement.effect == Effect::Allow && !entry.statement.resources.negated;
        if !within_name || !widens {
            return None;
        }
        let last = front.rsplit('/').next().unwrap_or(front);
        let what = if front.contains('/') { "every object" } else { "every bucket" };
        let message = format!("`{}` covers {what} whose name starts with `{last}`", entry.pattern);
        let help = if front.contains('/') {
            format!("write `{last}/*` for the folder, or `{last}-*` for an intended prefix")
        } else {
            format!("write `{last}` and `{last}/*` for the bucket, or `{last}-*` for an intended prefix")
        };
        Some(Lint::new(&MISSING_SLASH, entry.place, message).help(help))
    };
    context.resources().filter_map(lint).collect()
}
