//! Reads the entries of `[[envelope]]`.

use std::ops::Range;

use glob::Pattern;

use super::codes;
use super::envelope::{Envelope, FilePatterns, Limits};
use super::list_entry::{EntryReader, read_each};
use super::raw_contract::RawEnvelope;
use super::schema::SchemaErrors;
use super::spanned::{At, Entries, Report};
use super::statement::clauses;
use crate::base::{FileId, NamePattern, NamePatterns, did_you_mean, list_some, nearest};
use crate::policy::access::ARN;
use crate::policy::{Clause, Document, Effect, Statement};

/// Reads the entries of `[[envelope]]`, see [`read_each`].
pub(super) fn envelopes(
    raw: &[At<RawEnvelope>],
    files: &[FileId],
    errors: &SchemaErrors,
    report: &mut Report,
) -> Vec<Envelope> {
    read_each(raw, files, errors, (codes::BAD_ENVELOPE, report), |reader| reader.envelope())
}

impl EntryReader<'_, RawEnvelope> {
    fn envelope(&mut self) -> Option<Envelope> {
        let raw = self.raw;
        let limits = Limits {
            files: self.files(raw.files.as_ref()),
            policies: self.names(raw.policies.as_ref()),
            users: self.names(raw.users.as_ref()),
            groups: self.names(raw.groups.as_ref()),
            buckets: self.names(raw.buckets.as_ref()),
            may_attach: self.names(raw.may_attach.as_ref()),
            documents: self.files(raw.documents.as_ref()),
        };
        if raw.files.as_ref().is_none_or(|files| files.0.is_empty()) {
            self.incomplete("an envelope has no files", "add `files = \"teams/NAME.toml\"`");
        }
        let granted = self.granted();
        let name = self.own_name(raw.name.as_ref(), "envelope", "write a short name, such as \"ml\"");
        Some(Envelope {
            name: name.unwrap_or_else(|| texts(raw.files.as_ref())),
            reason: raw.reason.as_ref().map(|reason| reason.get().clone()),
            text: self.text(&granted),
            granted,
            limits,
            in_base: false,
            at: Some(self.report.at(self.span.clone())),
        })
    }

    fn names(&mut self, entries: Option<&Entries>) -> NamePatterns {
        self.patterns(entries.into_iter().flat_map(|entries| &entries.0))
    }

    fn files(&mut self, entries: Option<&Entries>) -> FilePatterns {
        let mut pattern = |(text, span): &(String, Range<usize>)| {
            let help =
                "write a path from the directory of the main file, with `/`; `*` matches no `/`, `**` directories";
            if text.is_empty() || text.starts_with('/') || text.contains('\\') {
                self.bad(span.clone(), format!("`{text}` is not a pattern of paths in the repository"), help);
                return None;
            }
            let plain = text.split('/').filter(|name| *name != "." && !name.is_empty()).collect::<Vec<_>>().join("/");
            let bad = |error| self.bad(span.clone(), format!("`{text}` is not a pattern of paths: {error}"), help);
            Pattern::new(&plain).map_err(bad).ok()
        };
        FilePatterns(entries.into_iter().flat_map(|entries| &entries.0).filter_map(&mut pattern).collect())
    }

    /// The document that allows what the envelope gives.
    fn granted(&mut self) -> Document {
        let raw = self.raw;
        let list = |entries: &Option<Entries>| entries.as_ref().map(|of| of.0.clone()).unwrap_or_default();
        let (actions, resources) = (list(&raw.actions), list(&raw.resources));
        for (text, span) in &actions {
            self.action(text, span);
        }
        for (text, span) in &resources {
            let is_arn = text.strip_prefix(ARN).is_some_and(|rest| !rest.is_empty());
            if text.contains("${") {
                let help = "write a name or a pattern; an envelope for each team is a template with `each`";
                self.bad(span.clone(), format!("`{text}` has a variable of a policy"), help);
            } else if !is_arn && text != "*" {
                let help = "write `arn:aws:s3:::BUCKET` for a bucket and `arn:aws:s3:::BUCKET/*` for its keys";
                self.bad(span.clone(), format!("`{text}` is not the ARN of a bucket or of keys"), help);
            }
        }
        let clauses = clauses(&raw.conditions);
        if let (false, true) | (true, false) = (actions.is_empty(), resources.is_empty()) {
            let (has, lacks) = if resources.is_empty() { ("actions", "resources") } else { ("resources", "actions") };
            let message = format!("an envelope has `{has}` and no `{lacks}`, so it gives nothing");
            self.incomplete(message, format!("add `{lacks}`, or remove `{has}` if the files give no access"));
        }
        let version = Some("2012-10-17".to_owned());
        if actions.is_empty() {
            if !clauses.is_empty() {
                self.incomplete("an envelope has `conditions` and no `actions`", "add `actions` and `resources`");
            }
            return Document { version, ..Document::default() };
        }
        let [actions, resources] = [&actions, &resources].map(|all| all.iter().map(|(text, _)| text.as_str()));
        let statement = Statement { conditions: clauses, ..Statement::plain(Effect::Allow, actions, resources) };
        Document { version, statements: vec![statement], ..Document::default() }
    }

    fn action(&mut self, text: &str, span: &Range<usize>) {
        let names = || self.catalogue.actions().iter().map(|action| action.name.as_str());
        let is_known = text.parse::<NamePattern>().is_ok_and(|pattern| names().any(|name| pattern.matches(name)));
        if !is_known {
            let write = || "write an action such as `s3:GetObject`, or a pattern such as `s3:Get*`".to_owned();
            let help = did_you_mean(nearest(text, names()), write);
            self.bad(span.clone(), format!("`{text}` is no action that attune knows"), help);
        }
    }

    /// What it says, in words: everything that decides.
    fn text(&self, granted: &Document) -> String {
        let raw = self.raw;
        let mut parts = vec![format!("files {}", texts(raw.files.as_ref()))];
        let lists = [
            ("policies", &raw.policies),
            ("users", &raw.users),
            ("groups", &raw.groups),
            ("buckets", &raw.buckets),
            ("may attach", &raw.may_attach),
            ("documents", &raw.documents),
        ];
        for (kind, entries) in lists {
            if entries.as_ref().is_some_and(|entries| !entries.0.is_empty()) {
                parts.push(format!("{kind} {}", texts(entries.as_ref())));
            }
        }
        match granted.statements.first() {
            None => parts.push("no access".to_owned()),
            Some(statement) => {
                let on = texts(raw.resources.as_ref()).replace(ARN, "");
                let conditions: Vec<String> = statement.conditions.iter().map(condition).collect();
                let conditions =
                    if conditions.is_empty() { String::new() } else { format!(" if {}", conditions.join(" and ")) };
                parts.push(format!("{} on {on}{conditions}", texts(raw.actions.as_ref())));
            }
        }
        parts.join("; ")
    }
}

fn condition(clause: &Clause) -> String {
    format!("{} {} {}", clause.key, clause.operator, clause.values.join(", "))
}

/// All texts of a list: none of them may be changed without a trace.
fn texts(entries: Option<&Entries>) -> String {
    let entries = entries.map(|entries| entries.0.as_slice()).unwrap_or_default();
    list_some(entries, usize::MAX, |(text, _)| text.clone())
}
