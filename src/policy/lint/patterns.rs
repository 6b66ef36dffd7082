//! Rules on the shape of resource patterns.

use crate::base::{Code, Severity};

use super::super::document::Effect;
use super::super::normal::fold_wildcards;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Context, Entry};
use super::resource::{bucket, path};
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &REGEX_THINKING, run: regex_thinking },
    Check { rule: &MANY_STARS, run: many_stars },
    Check { rule: &MISSING_SLASH, run: missing_slash },
];

static REGEX_THINKING: Rule = Rule {
    id: "R12",
    code: Code::new("regex-thinking", "A resource looks like a regular expression."),
    severity: Severity::Warning,
    because: "Only `*` and `?` are special; everything else stands for itself.",
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
        let message = format!("`{}` in `{}` stands for itself", what, entry.pattern);
        Some(Lint::new(&REGEX_THINKING, entry.place, message).help("use `*` and `?`, or list what is meant"))
    };
    context.resources().filter_map(lint).collect()
}

/// The first thing that means something in a regular expression or a shell, and nothing here.
fn regex_part(path: &str) -> Option<&'static str> {
    // Most have nothing that could be one.
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
    because: "Servers of MinIO's lineage match by trying out, in time that grows exponentially with the number of `*`: one \
              request with a long key can keep the server busy.",
    fires: &[Statement(r#""Resource": "arn:aws:s3:::bucket/*a*b*c*d*e*""#)],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::bucket/*a*b*c*d***""#)],
};

/// From this many on, the time it takes to match is a matter of concern.
const MANY: usize = 6;

fn many_stars(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let stars = fold_wildcards(entry.pattern).matches('*').count();
        if stars < MANY {
            return None;
        }
        let message = format!("`{}` has {stars} `*`, which can be slow to match", entry.pattern);
        Some(Lint::new(&MANY_STARS, entry.place, message).help("use a simpler pattern"))
    };
    context.resources().filter_map(lint).collect()
}

static MISSING_SLASH: Rule = Rule {
    id: "R14",
    code: Code::new("missing-prefix-slash", "A pattern ends in the middle of a name, and then `*`."),
    severity: Severity::Warning,
    because: "`bucket/team*` also covers `bucket/team-other/secret`, and `logs*` covers other buckets, with all objects in \
              them.",
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
        let what = if front.contains('/') { "everything" } else { "every bucket" };
        let message = format!("`{}` covers {what} that begins with `{last}`", entry.pattern);
        let help = if front.contains('/') {
            format!("write `{last}/*` if the folder is meant, or `{last}-*` to show that a prefix is")
        } else {
            format!("write `{last}` and `{last}/*` if the bucket is meant, or `{last}-*` to show that a prefix is")
        };
        Some(Lint::new(&MISSING_SLASH, entry.place, message).help(help))
    };
    context.resources().filter_map(lint).collect()
}
