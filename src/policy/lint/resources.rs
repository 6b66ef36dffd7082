//! Rules on resource patterns: the ARN, the name of the bucket, and the wildcards.

use std::net::Ipv4Addr;

use super::super::document::Effect;
use super::super::normal::fold_wildcards;
use super::super::rule::Rule;
use super::context::{Check, Entry, LintContext};
use super::finding::Reporter;
use super::fixes::named_path;
use super::patterns::{ARN, bucket, can_be_object, covers, has_wildcard, path, relaxed};
use crate::base::{Severity, is_hidden, spelled_out};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &ARN_PREFIX, run: arn_prefix },
    Check { rule: &BARE_STAR, run: bare_star },
    Check { rule: &BARE_ARN, run: bare_arn },
    Check { rule: &LEADING_SLASH, run: leading_slash },
    Check { rule: &IMPOSSIBLE_BUCKET, run: impossible_bucket },
    Check { rule: &REGEX_THINKING, run: regex_thinking },
    Check { rule: &MANY_STARS, run: many_stars },
    Check { rule: &MISSING_SLASH, run: missing_slash },
    Check { rule: &UNTIDY_RESOURCE, run: untidy_resource },
];

/// The start of every ARN.
const ARN_START: &str = "arn:";

static ARN_PREFIX: Rule = Rule::error("R01", "arn-prefix", "A resource does not start with `arn:aws:s3:::`.");

fn arn_prefix(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.resources().filter(|entry| path(entry.pattern).is_none()) {
        let lint = report.add(entry.place, format!("`{}` does not start with `{ARN}`", entry.pattern));
        match named_path(entry.pattern) {
            Some(path) => lint.fix(format!("{ARN}{path}")),
            None => lint.help(format!("write `{ARN}` and then the bucket")),
        };
    }
}

static BARE_STAR: Rule = Rule::warning("R02", "bare-star", "A resource is `*`.");

fn bare_star(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.resources().filter(|entry| path(entry.pattern).is_some() && !entry.pattern.starts_with(ARN)) {
        report.add(entry.place, "some servers refuse `*` as a resource").fix(format!("{ARN}*"));
    }
}

static BARE_ARN: Rule = Rule::error("R03", "bare-arn", "A resource is `arn:aws:s3:::` without a bucket.");

fn bare_arn(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.resources().filter(|entry| entry.pattern == ARN) {
        let help = format!("add the bucket, or write `{ARN}*` for all buckets");
        report.add(entry.place, "the resource names no bucket").help(help);
    }
}

static LEADING_SLASH: Rule = Rule::error("R04", "leading-slash", "A resource has a `/` in front of the bucket.");

fn leading_slash(context: &LintContext<'_>, report: &mut Reporter) {
    for (entry, path) in paths(context).filter(|(_, path)| path.starts_with('/')) {
        let rest = path.trim_start_matches('/');
        let lint = report.add(entry.place, format!("`{}` starts with a slash", entry.pattern));
        if rest.is_empty() {
            lint.help("add the bucket")
        } else {
            lint.fix(format!("{ARN}{rest}"))
        };
    }
}

/// The resources with the right prefix, each with its path.
fn paths<'a>(context: &LintContext<'a>) -> impl Iterator<Item = (Entry<'a>, &'a str)> + use<'a> {
    context.resources().filter_map(|entry| Some((entry, path(entry.pattern)?)))
}

static IMPOSSIBLE_BUCKET: Rule =
    Rule::warning("R10", "impossible-bucket", "A resource names a bucket that cannot exist.");

fn impossible_bucket(context: &LintContext<'_>, report: &mut Reporter) {
    for (entry, path) in paths(context).filter(|(_, path)| !path.contains(ARN_START)) {
        let name = bucket(path);
        if let Some(why) = why_impossible(&relaxed(name)) {
            let message = format!("no bucket can have the name `{name}`: {why}");
            report.add(entry.place, message).help("check the name of the bucket");
        }
    }
}

/// `*` also matches `/`, so what follows it may belong to the key.
fn why_impossible(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.contains("${") {
        return None;
    }
    let name = &name[..name.find('*').map_or(name.len(), |star| star + 1)];
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

static REGEX_THINKING: Rule =
    Rule::warning("R12", "regex-thinking", "A resource looks like a regular expression or a URL.");

fn regex_thinking(context: &LintContext<'_>, report: &mut Reporter) {
    for (entry, path) in paths(context) {
        if let Some(what) = regex_part(path) {
            let message = format!("`{what}` in `{}` is plain text, no wildcard", entry.pattern);
            report.add(entry.place, message).help("use `*` and `?`, or list the resources");
        }
    }
}

/// The first part that has a meaning only in a regular expression or a shell.
fn regex_part(path: &str) -> Option<&'static str> {
    if !path.contains(['[', '{', '(', '.', '\\', '%']) {
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
        (is_percent_encoded(path), "%…"),
    ]
    .into_iter()
    .find_map(|(found, what)| found.then_some(what))
}

/// Whether a path has a wildcard, a `/` or a blank in the notation of URLs.
fn is_percent_encoded(path: &str) -> bool {
    let codes = path.match_indices('%').filter_map(|(at, _)| path.get(at + 1..at + 3));
    codes.into_iter().any(|code| ["2a", "2f", "20", "3f"].iter().any(|known| code.eq_ignore_ascii_case(known)))
}

static MANY_STARS: Rule = Rule::warning("R13", "many-stars", "A resource has six `*` or more.");

/// The number of `*` from which matching can be slow.
const MANY: usize = 6;

fn many_stars(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.resources() {
        let stars = fold_wildcards(entry.pattern).matches('*').count();
        if stars >= MANY {
            let message = format!("`{}` has {stars} `*`, and can be slow to match", entry.pattern);
            report.add(entry.place, message).help("use a simpler pattern");
        }
    }
}

static MISSING_SLASH: Rule =
    Rule::warning("R14", "missing-prefix-slash", "A pattern ends with a part of a name and `*`.");

fn missing_slash(context: &LintContext<'_>, report: &mut Reporter) {
    let widens = |entry: &Entry<'_>| entry.statement.effect == Effect::Allow && !entry.statement.resources.negated;
    for (entry, path) in paths(context).filter(|(entry, _)| widens(entry)) {
        let path = fold_wildcards(path);
        if let Some(variable) = variable_before_star(&path) {
            let message =
                format!("`{}` also covers what belongs to users whose name starts with this name", entry.pattern);
            report.add(entry.place, message).help(format!("write `{ARN}{variable}/*`, so that the name ends there"));
            continue;
        }
        // With another `*`, the pattern matches parts of names anywhere.
        let is_prefix = |front: &&str| front.ends_with(char::is_alphanumeric) && !has_wildcard(front);
        let Some(front) = path.strip_suffix('*').filter(is_prefix) else { continue };
        let last = front.rsplit('/').next().unwrap_or(front);
        let (what, folder) = match front.contains('/') {
            true => ("object", format!("`{last}/*` for the folder")),
            false => ("bucket", format!("`{last}` and `{last}/*` for the bucket")),
        };
        report
            .add(entry.place, format!("`{}` covers every {what} whose name starts with `{last}`", entry.pattern))
            .help(format!("write {folder}, or `{last}-*` for an intended prefix"));
    }
}

/// The path up to its last variable, if the name that it stands for can go on: only a part of a name and `*` follow.
fn variable_before_star(path: &str) -> Option<&str> {
    let end = path.strip_suffix('*')?.rfind('}')? + 1;
    let (front, behind) = path.split_at(end);
    let is_variable = front.rfind("${").is_some_and(|start| !front[start..end - 1].contains('}'));
    (is_variable && !behind.contains(['/', '?'])).then_some(front)
}

static UNTIDY_RESOURCE: Rule = Rule::error(
    "R15",
    "untidy-resource",
    "A resource is several in one text, or has characters or a path that no object has.",
);

fn untidy_resource(context: &LintContext<'_>, report: &mut Reporter) {
    for (entry, path) in paths(context) {
        let pattern = entry.pattern;
        if path.contains(ARN_START) {
            report.add(entry.place, format!("`{pattern}` is one resource")).help("write a JSON list of resources");
            continue;
        }
        let key = path.split_once('/').map_or("", |(_, key)| key);
        let problem = if pattern.trim() != pattern {
            Some((format!("`{pattern}` starts or ends with a blank"), format!("did you mean `{}`?", pattern.trim())))
        } else if key.chars().any(is_hidden) {
            Some((format!("`{pattern}` has invisible characters: {}", spelled_out(key)), "remove them".to_owned()))
        } else if key.split('/').rev().skip(1).any(str::is_empty)
            || key.split('/').any(|name| matches!(name, "." | ".."))
        {
            let message = format!("on MinIO servers, no object matches `{pattern}`");
            Some((message, "remove the empty part of the path, `.` or `..`".to_owned()))
        } else if is_only_folder(entry, path) {
            let message = format!("`{pattern}` matches one object with this name, not the objects below it");
            Some((message, format!("write `{pattern}*`")))
        } else {
            None
        };
        if let Some((message, help)) = problem {
            report.add(entry.place, message).help(help).severity(Severity::Warning);
        }
    }
}

/// Whether an `Allow` names a folder, and not what is in it.
fn is_only_folder(entry: Entry<'_>, path: &str) -> bool {
    let is_covered = || {
        let objects = format!("{path}*");
        entry.statement.paths().any(|other| covers(other, &objects))
    };
    path.ends_with('/') && can_be_object(path) && !has_wildcard(path) && !is_covered()
}
