//! Rules on the names of actions, and on entries that another entry covers or implies.

use super::super::catalogue::Catalogue;
use super::super::normal::fold_wildcards;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{ActionForm, Check, Context, Entry, action_form, actions_of, matched, resources_of, selects};
use super::finding::Lint;
use super::patterns::covers;
use super::vocabulary::ALIASES;
use crate::base::{Code, Severity, nearest};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_ACTION, run: unknown_action },
    Check { rule: &MATCHES_NOTHING, run: matches_nothing },
    Check { rule: &ACTION_CASE, run: action_case },
    Check { rule: &FOREIGN_SERVICE, run: foreign_service },
    Check { rule: &UNTIDY_ACTION, run: untidy_action },
    Check { rule: &REDUNDANT_ACTION, run: redundant_action },
    Check { rule: &VERSION_IMPLIES_OBJECT, run: version_implies_object },
    Check { rule: &REDUNDANT_RESOURCE, run: redundant_resource },
];

fn entries<'a>(context: &Context<'a>, wanted: ActionForm) -> impl Iterator<Item = Entry<'a>> {
    context.actions().zip(&context.action_forms).filter(move |(_, form)| **form == wanted).map(|(entry, _)| entry)
}

static UNKNOWN_ACTION: Rule = Rule {
    id: "A01",
    code: Code::new("unknown-action", "The release of the cluster does not know the action."),
    severity: Severity::Error,
    explanation: "MinIO servers refuse the document. Many API calls have another name than their action: \
                  `ListObjectsV2` needs `s3:ListBucket`, and `HeadObject` needs `s3:GetObject`.",
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
            lint.help("only later releases have it")
        } else {
            let known = context.catalogue.actions().iter().map(|action| action.name.as_str());
            match nearest(&proper, known) {
                Some(known) => lint.help(format!("did you mean `{known}`?")),
                None => lint,
            }
        }
    };
    entries(context, ActionForm::Unknown).map(lint).collect()
}

static MATCHES_NOTHING: Rule = Rule {
    id: "A02",
    code: Code::new("wildcard-matches-nothing", "An action with wildcards matches no action of the cluster's release."),
    severity: Severity::Error,
    explanation: "MinIO servers refuse the document.",
    fires: &[Statement(r#""Action": "s3:Gett*""#)],
    silent: &[Statement(r#""Action": "s3:Get?bject""#)],
};

fn matches_nothing(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let message = format!("`{}` matches no action", entry.pattern);
        let later = matched(entry.pattern, &Catalogue::newest()).next().is_some();
        let help = if later { "only later releases have such actions" } else { "check its spelling" };
        Lint::new(&MATCHES_NOTHING, entry.place, message).help(help)
    };
    entries(context, ActionForm::MatchesNothing).map(lint).collect()
}

static ACTION_CASE: Rule = Rule {
    id: "A03",
    code: Code::new("action-case", "An action is written in the wrong case."),
    severity: Severity::Error,
    explanation: "AWS ignores the case of actions. MinIO servers do not: they refuse the document.",
    fires: &[Statement(r#""Action": "s3:getobject""#), Statement(r#""Action": "S3:get*""#)],
    silent: &[Statement(r#""Action": "s3:Get*""#)],
};

fn action_case(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let lint = Lint::new(&ACTION_CASE, entry.place, format!("`{}` is in the wrong case", entry.pattern));
        match proper_case(entry.pattern, context.catalogue) {
            Some(proper) => lint.fix(proper),
            None => lint.help("write the action as the documentation does"),
        }
    };
    entries(context, ActionForm::WrongCase).map(lint).collect()
}

/// The pattern with the case of an action before its first wildcard, if it then matches.
fn proper_case(pattern: &str, catalogue: &Catalogue) -> Option<String> {
    let front = pattern.find(['*', '?']).unwrap_or(pattern.len());
    let lower = pattern.to_ascii_lowercase();
    let alike = catalogue.actions().iter().filter(|action| covers(&lower, &action.name.to_ascii_lowercase()));
    let proper =
        alike.filter_map(|action| action.name.get(..front).map(|start| format!("{start}{}", &pattern[front..])));
    proper.into_iter().find(|proper| action_form(proper, catalogue) == ActionForm::Known)
}

static FOREIGN_SERVICE: Rule = Rule {
    id: "A04",
    code: Code::new("foreign-service", "An action belongs to another service than S3, or to all services."),
    severity: Severity::Error,
    explanation: "A WEKA cluster has only S3 actions. Some MinIO servers read `*` as an action of administrators.",
    fires: &[Statement(r#""Action": "*""#), Statement(r#""Action": "iam:GetUser""#)],
    silent: &[Statement(r#""Action": "s3:GetObject*""#)],
};

fn foreign_service(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        if fold_wildcards(entry.pattern) == "*" {
            Lint::new(&FOREIGN_SERVICE, entry.place, "`*` means the actions of all services").fix("s3:*")
        } else {
            let message = format!("`{}` is not an action of S3", entry.pattern);
            Lint::new(&FOREIGN_SERVICE, entry.place, message).help("every action starts with `s3:`")
        }
    };
    entries(context, ActionForm::Foreign).map(lint).collect()
}

static UNTIDY_ACTION: Rule = Rule {
    id: "A05",
    code: Code::new("whitespace-or-comma", "An action is empty, or has whitespace or a comma."),
    severity: Severity::Error,
    explanation: "The entry matches nothing. Servers compare entries character by character, and a list must be a \
                  JSON list.",
    fires: &[Statement(r#""Action": "s3:GetObject ""#), Statement(r#""Action": "s3:GetObject,s3:PutObject""#)],
    silent: &[Statement(r#""Action": ["s3:GetObject", "s3:PutObject"]"#)],
};

fn untidy_action(context: &Context<'_>) -> Vec<Lint> {
    let lint = |entry: Entry<'_>| {
        let lint = Lint::new(&UNTIDY_ACTION, entry.place, format!("`{}` matches nothing", entry.pattern));
        let trimmed = entry.pattern.trim();
        if action_form(trimmed, context.catalogue) == ActionForm::Untidy {
            lint.help("write a JSON list of actions, without spaces")
        } else {
            lint.fix(trimmed)
        }
    };
    entries(context, ActionForm::Untidy).map(lint).collect()
}

static REDUNDANT_ACTION: Rule = Rule {
    id: "A07",
    code: Code::new("redundant-action", "Another action of the statement covers an action."),
    severity: Severity::Note,
    explanation: "It uses bytes and has no effect.",
    fires: &[Statement(r#""Action": ["s3:Get*", "s3:GetObject"]"#)],
    silent: &[Statement(r#""Action": ["s3:Get*", "s3:PutObject"]"#)],
};

fn redundant_action(context: &Context<'_>) -> Vec<Lint> {
    let entries = context.statements().map(|(at, statement)| actions_of(at, statement).collect());
    entries.flat_map(|entries: Vec<_>| covered(&REDUNDANT_ACTION, &entries)).collect()
}

static REDUNDANT_RESOURCE: Rule = Rule {
    id: "R11",
    code: Code::new("redundant-resource", "Another resource of the statement covers a resource."),
    severity: Severity::Note,
    explanation: "It uses bytes and has no effect.",
    fires: &[Statement(r#""Resource": ["arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/models/*"]"#)],
    silent: &[Statement(
        r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )],
};

fn redundant_resource(context: &Context<'_>) -> Vec<Lint> {
    let entries = context.statements().map(|(at, statement)| resources_of(at, statement).collect());
    entries.flat_map(|entries: Vec<_>| covered(&REDUNDANT_RESOURCE, &entries)).collect()
}

/// Reports covered entries. Of entries that cover each other, the first one stays.
fn covered(rule: &'static Rule, entries: &[Entry<'_>]) -> Vec<Lint> {
    let covering = |at: usize| {
        entries.iter().enumerate().find(|(other, entry)| {
            let mutual = covers(entries[at].pattern, entry.pattern);
            *other != at && covers(entry.pattern, entries[at].pattern) && (!mutual || *other < at)
        })
    };
    let covered = (0..entries.len()).filter_map(|at| covering(at).map(|(_, by)| (&entries[at], by)));
    let lint = |(entry, by): (&Entry<'_>, &Entry<'_>)| {
        Lint::new(rule, entry.place, format!("`{}` covers `{}`", by.pattern, entry.pattern))
            .help("remove the narrower one")
    };
    covered.map(lint).collect()
}

static VERSION_IMPLIES_OBJECT: Rule = Rule {
    id: "A08",
    code: Code::new("version-implies-object", "A statement has `s3:GetObjectVersion` without `s3:GetObject`."),
    severity: Severity::Warning,
    explanation: "On MinIO servers, `s3:GetObjectVersion` without wildcards implies `s3:GetObject`. So the statement \
                  also allows or denies to read the newest version.",
    fires: &[Statement(r#""Action": "s3:GetObjectVersion""#)],
    silent: &[
        Statement(r#""Action": ["s3:GetObjectVersion", "s3:GetObject"]"#),
        Statement(r#""Action": "s3:GetObjectV*""#),
    ],
};

fn version_implies_object(context: &Context<'_>) -> Vec<Lint> {
    let exact =
        context.actions().filter(|entry| !entry.statement.actions.negated && entry.pattern == "s3:GetObjectVersion");
    let alone = exact.filter(|entry| !selects(entry.statement, "s3:GetObject"));
    let message = "on some servers, `s3:GetObjectVersion` implies `s3:GetObject`";
    alone
        .map(|entry| {
            Lint::new(&VERSION_IMPLIES_OBJECT, entry.place, message).help("add `s3:GetObject` if you intend this")
        })
        .collect()
}
