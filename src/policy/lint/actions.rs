//! Rules on the names of actions.

use crate::base::{Code, Severity};

use super::super::catalogue::Catalogue;
use super::super::normal::fold_wildcards;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Context, Entry, matched};
use super::glob::{covers, has_wildcard};
use super::vocabulary::ALIASES;
use super::{Check, Lint};
use crate::base::nearest;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_ACTION, run: unknown_action },
    Check { rule: &MATCHES_NOTHING, run: matches_nothing },
    Check { rule: &ACTION_CASE, run: action_case },
    Check { rule: &FOREIGN_SERVICE, run: foreign_service },
    Check { rule: &UNTIDY_ACTION, run: untidy_action },
];

/// What an entry of `Action` is. Each entry is one of these, so that one mistake is one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It matches actions of the release.
    Known,
    /// It is empty, or has white space or a comma.
    Untidy,
    /// It is of another service than `s3`.
    Foreign,
    /// It would match in another case.
    WrongCase,
    /// It has wildcards and matches nothing.
    MatchesNothing,
    /// It is no action of the release.
    Unknown,
}

pub(super) fn verdict(pattern: &str, catalogue: &Catalogue) -> Verdict {
    if pattern.is_empty() || pattern.contains(|c: char| c.is_whitespace() || c == ',') {
        return Verdict::Untidy;
    }
    match pattern.split_once(':') {
        None if has_wildcard(pattern) => return Verdict::Foreign,
        None => return Verdict::Unknown,
        Some((service, _)) if !service.eq_ignore_ascii_case("s3") => return Verdict::Foreign,
        Some(_) => {}
    }
    let in_any_case = || {
        let lower = pattern.to_ascii_lowercase();
        catalogue.actions().iter().any(|action| covers(&lower, &action.name.to_ascii_lowercase()))
    };
    if matched(pattern, catalogue).next().is_some() {
        Verdict::Known
    } else if in_any_case() {
        Verdict::WrongCase
    } else if has_wildcard(pattern) {
        Verdict::MatchesNothing
    } else {
        Verdict::Unknown
    }
}

fn entries<'a>(context: &Context<'a>, wanted: Verdict) -> impl Iterator<Item = Entry<'a>> {
    context.actions().zip(&context.verdicts).filter(move |(_, verdict)| **verdict == wanted).map(|(entry, _)| entry)
}

static UNKNOWN_ACTION: Rule = Rule {
    id: "A01",
    code: Code::new("unknown-action", "An action is not one of the cluster's release."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage refuse the document. Names of API calls are often not names of actions: \
              `ListObjectsV2` needs `s3:ListBucket`, `HeadObject` needs `s3:GetObject`.",
    fires: &[
        Statement(r#""Action": "s3:ListObjectsV2", "Resource": "arn:aws:s3:::bucket""#),
        Statement(r#""Action": "s3:GetObjectAcl""#),
        Statement(r#""Action": "GetObject""#),
    ],
    silent: &[Statement(r#""Action": ["s3:GetObject", "s3:Get*"]"#)],
};

fn unknown_action(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let name = entry.pattern;
        let lint = Lint::new(&UNKNOWN_ACTION, entry.place, format!("`{name}` is not an action"));
        let bare = name.strip_prefix("s3:").unwrap_or(name);
        let alias = ALIASES.iter().find(|(wrong, _)| wrong.eq_ignore_ascii_case(bare)).map_or(bare, |(_, right)| right);
        let proper = format!("s3:{alias}");
        if context.catalogue.get(&proper).is_some() {
            lint.fix(proper)
        } else if Catalogue::newest().get(&proper).is_some() {
            lint.help("it is one in later releases only")
        } else {
            let known = context.catalogue.actions().iter().map(|action| action.name.as_str());
            match nearest(&proper, known) {
                Some(known) => lint.help(format!("the nearest action is `{known}`")),
                None => lint,
            }
        }
    };
    entries(context, Verdict::Unknown).map(lint).collect()
}

static MATCHES_NOTHING: Rule = Rule {
    id: "A02",
    code: Code::new("wildcard-matches-nothing", "An action with wildcards matches no action of the cluster's release."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage refuse the document.",
    fires: &[Statement(r#""Action": "s3:Gett*""#)],
    silent: &[Statement(r#""Action": "s3:Get?bject""#)],
};

fn matches_nothing(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let message = format!("`{}` matches no action", entry.pattern);
        let later = matched(entry.pattern, &Catalogue::newest()).next().is_some();
        let help = if later { "it does in later releases only" } else { "check its spelling" };
        Lint::new(&MATCHES_NOTHING, entry.place, message).help(help)
    };
    entries(context, Verdict::MatchesNothing).map(lint).collect()
}

static ACTION_CASE: Rule = Rule {
    id: "A03",
    code: Code::new("action-case", "An action is written in the wrong case."),
    severity: Severity::Error,
    because: "AWS ignores the case of actions; servers of MinIO's lineage do not, and refuse the document.",
    fires: &[Statement(r#""Action": "s3:getobject""#), Statement(r#""Action": "S3:get*""#)],
    silent: &[Statement(r#""Action": "s3:Get*""#)],
};

fn action_case(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let lint = Lint::new(&ACTION_CASE, entry.place, format!("`{}` is in the wrong case", entry.pattern));
        match proper_case(entry.pattern, context.catalogue) {
            Some(proper) => lint.fix(proper),
            None => lint.help("write the action as it is listed"),
        }
    };
    entries(context, Verdict::WrongCase).map(lint).collect()
}

/// The pattern with the letters in front of its first wildcard as an action has them, if that makes it match.
fn proper_case(pattern: &str, catalogue: &Catalogue) -> Option<String> {
    let front = pattern.find(['*', '?']).unwrap_or(pattern.len());
    let lower = pattern.to_ascii_lowercase();
    let alike = catalogue.actions().iter().filter(|action| covers(&lower, &action.name.to_ascii_lowercase()));
    let proper =
        alike.filter_map(|action| action.name.get(..front).map(|start| format!("{start}{}", &pattern[front..])));
    proper.into_iter().find(|proper| verdict(proper, catalogue) == Verdict::Known)
}

static FOREIGN_SERVICE: Rule = Rule {
    id: "A04",
    code: Code::new("foreign-service", "An action is of another service than S3, or of all services."),
    severity: Severity::Error,
    because: "A WEKA cluster has S3 actions only. Some servers of MinIO's lineage read `*` as an administrator's action.",
    fires: &[Statement(r#""Action": "*""#), Statement(r#""Action": "iam:GetUser""#)],
    silent: &[Statement(r#""Action": "s3:GetObject*""#)],
};

fn foreign_service(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        if fold_wildcards(entry.pattern) == "*" {
            Lint::new(&FOREIGN_SERVICE, entry.place, "`*` means the actions of all services").fix("s3:*")
        } else {
            let message = format!("`{}` is not an action of S3", entry.pattern);
            Lint::new(&FOREIGN_SERVICE, entry.place, message).help("every action begins with `s3:`")
        }
    };
    entries(context, Verdict::Foreign).map(lint).collect()
}

static UNTIDY_ACTION: Rule = Rule {
    id: "A05",
    code: Code::new("whitespace-or-comma", "An action is empty, or has white space or a comma."),
    severity: Severity::Error,
    because: "It matches nothing: entries are compared as they are, and a list is a JSON list.",
    fires: &[Statement(r#""Action": "s3:GetObject ""#), Statement(r#""Action": "s3:GetObject,s3:PutObject""#)],
    silent: &[Statement(r#""Action": ["s3:GetObject", "s3:PutObject"]"#)],
};

fn untidy_action(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let lint = Lint::new(&UNTIDY_ACTION, entry.place, format!("`{}` matches nothing", entry.pattern));
        let trimmed = entry.pattern.trim();
        if verdict(trimmed, context.catalogue) == Verdict::Untidy {
            lint.help("write a list of actions, without spaces")
        } else {
            lint.fix(trimmed)
        }
    };
    entries(context, Verdict::Untidy).map(lint).collect()
}
