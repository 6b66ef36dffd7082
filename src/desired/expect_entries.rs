//! Reads the entries of `[[expect]]`.

use super::codes;
use super::expect::{Demand, Expectation, HolderPatterns, Who};
use super::list_entry::{EntryReader, read_each};
use super::raw_contract::RawExpect;
use super::schema::SchemaErrors;
use super::spanned::{At, Entries, Report};
use crate::base::{FileId, GroupName, NamePattern, NamePatterns, NameProblem, Principal, UserName, list_some};
use crate::policy::Document;
use crate::policy::access::{Context, Holder, RequestProblem, RequestSet, SetProblem};

/// The prefix of a role in `except`.
const ROLE: &str = "role/";

/// Reads the entries of `[[expect]]`, see [`read_each`].
pub(super) fn expectations(
    raw: &[At<RawExpect>],
    files: &[FileId],
    errors: &SchemaErrors,
    report: &mut Report,
) -> Vec<Expectation> {
    read_each(raw, files, errors, (codes::BAD_EXPECTATION, report), |reader| reader.expectation())
}

/// The key of the demand, with its words or actions.
#[derive(Clone, Copy)]
enum Key {
    Nobody,
    Can,
    Cannot,
    Only,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Can => "can",
            Self::Cannot => "cannot",
            Self::Only => "only",
        }
    }
}

impl<'a> EntryReader<'a, RawExpect> {
    fn expectation(&mut self) -> Option<Expectation> {
        let demand = self.key();
        let who = demand.and_then(|(key, _)| self.who(key));
        let demand = demand.and_then(|(key, whats)| Some((key, whats, self.demand(key, whats)?)));
        let help = "write a short sentence, such as \"only cleanup deletes from prod\"";
        let name = self.own_name(self.raw.name.as_ref(), "expectation", help);
        let ((who, subject), (key, whats, demand)) = (who?, demand?);
        let text = self.text(&subject, key, whats);
        Some(Expectation {
            name: name.unwrap_or_else(|| text.clone()),
            reason: self.raw.reason.as_ref().map(|reason| reason.get().clone()),
            who,
            demand,
            strict: self.raw.strict.unwrap_or(false),
            text,
            at: Some(self.report.at(self.span.clone())),
        })
    }

    /// The only key of a demand.
    fn key(&mut self) -> Option<(Key, &'a Entries)> {
        let raw = self.raw;
        let keys =
            [(Key::Nobody, &raw.nobody), (Key::Can, &raw.can), (Key::Cannot, &raw.cannot), (Key::Only, &raw.only)];
        let given: Vec<(Key, &Entries)> =
            keys.into_iter().filter_map(|(key, entries)| Some((key, entries.as_ref()?))).collect();
        match given.as_slice() {
            [one] => Some(*one),
            [] => {
                let help = "add `nobody = \"ACTION\"`, or `user = \"NAME\"` with `can`, `cannot` or `only`";
                self.incomplete("an expectation demands nothing", help);
                None
            }
            [(one, _), (other, _), ..] => {
                let message = format!("an expectation has both `{}` and `{}`", one.name(), other.name());
                self.incomplete(message, "write two expectations");
                None
            }
        }
    }

    /// Whom it is about, and in words.
    fn who(&mut self, key: Key) -> Option<(Who, String)> {
        let raw = self.raw;
        let given: Vec<&str> = [
            ("user", raw.user.is_some()),
            ("group", raw.group.is_some()),
            ("users", raw.users.is_some()),
            ("groups", raw.groups.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_given)| is_given.then_some(key))
        .collect();
        let except = self.except();
        let is_of_one = raw.user.is_some() || raw.group.is_some();
        if let Some(first) = raw.except.first().filter(|_| is_of_one) {
            self.bad(first.span(), "`except` of an expectation about one user or group", "remove it, or use `users`");
        }
        match (key, given.as_slice()) {
            (Key::Nobody, []) => {
                let all = || "*".parse::<NamePattern>().into_iter().collect::<NamePatterns>();
                let (users, groups, roles) = (all(), all(), all());
                let patterns = HolderPatterns { users, groups, roles, anonymous: true, ..except };
                Some((Who::Matching(Box::new(patterns)), "nobody".to_owned()))
            }
            (Key::Nobody, [other, ..]) => {
                let message = format!("an expectation has both `nobody` and `{other}`");
                self.incomplete(message, format!("use `cannot` with `{other}`"));
                None
            }
            (_, []) => {
                let message = format!("an expectation with `{}` does not say about whom it is", key.name());
                let help = "add `user`, `group`, `users` or `groups`";
                self.incomplete(message, help);
                None
            }
            (_, [_]) => self.subject(except),
            (_, [one, other, ..]) => {
                let message = format!("an expectation has both `{one}` and `{other}`");
                self.incomplete(message, "write two expectations");
                None
            }
        }
    }

    /// The users or groups of `user`, `group`, `users` or `groups`.
    fn subject(&mut self, except: HolderPatterns) -> Option<(Who, String)> {
        let raw = self.raw;
        if raw.user.as_ref().is_some_and(|user| user.get() == Holder::ANONYMOUS) {
            let patterns = HolderPatterns { anonymous: true, names_anonymous: true, ..except };
            return Some((Who::Matching(Box::new(patterns)), Holder::ANONYMOUS.to_owned()));
        }
        if let Some(user) = &raw.user {
            let name = self.name(UserName::parse(user.get()), user)?;
            return Some((Who::One(Principal::User(name)), format!("user {}", user.get())));
        }
        if let Some(group) = &raw.group {
            let name = self.name(GroupName::parse(group.get()), group)?;
            return Some((Who::One(Principal::Group(name)), format!("group {}", group.get())));
        }
        if let Some(users) = &raw.users {
            let anonymous = users.0.iter().any(|(text, _)| text == Holder::ANONYMOUS);
            let names_anonymous = anonymous;
            let users_of = self.who_of(users);
            let patterns = HolderPatterns { users: users_of, anonymous, names_anonymous, ..except };
            return Some((Who::Matching(Box::new(patterns)), format!("users {}", shown(users))));
        }
        let groups = raw.groups.as_ref()?;
        let patterns = HolderPatterns { groups: self.who_of(groups), ..except };
        Some((Who::Matching(Box::new(patterns)), format!("groups {}", shown(groups))))
    }

    fn name<N>(&mut self, parsed: Result<N, NameProblem>, written: &At<String>) -> Option<N> {
        let bad = |problem| {
            let message = format!("the name {:?} {problem}", written.get());
            self.bad(
                written.span(),
                message,
                "write the name of a user or group; patterns go into `users` or `groups`",
            );
        };
        parsed.map_err(bad).ok()
    }

    fn who_of(&mut self, entries: &Entries) -> NamePatterns {
        if entries.0.is_empty() {
            self.incomplete("an empty list matches nobody", "add a name or a pattern");
        }
        self.patterns(entries.0.iter().filter(|(text, _)| text != Holder::ANONYMOUS))
    }

    /// The exceptions.
    fn except(&mut self) -> HolderPatterns {
        let (mut users, mut groups, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        let mut except_anonymous = false;
        for entry in &self.raw.except {
            let text = entry.get().as_str();
            if text == Holder::ANONYMOUS {
                except_anonymous = true;
                continue;
            }
            let (of_kind, name) = if let Some(group) = text.strip_prefix(Principal::GROUP) {
                (&mut groups, group)
            } else if let Some(role) = text.strip_prefix(ROLE) {
                (&mut roles, role)
            } else {
                (&mut users, text)
            };
            of_kind.extend(self.report.pattern(codes::BAD_EXPECTATION, name, entry.span()));
        }
        let [except_users, except_groups, except_roles] = [users, groups, roles].map(NamePatterns::from_iter);
        HolderPatterns { except_users, except_groups, except_roles, except_anonymous, ..HolderPatterns::default() }
    }

    fn demand(&mut self, key: Key, whats: &Entries) -> Option<Demand> {
        let Some(on) = self.raw.on.as_ref().filter(|on| !on.0.is_empty()) else {
            self.incomplete("an expectation has no resources", "add `on = \"BUCKET\"` or `on = \"BUCKET/KEY*\"`");
            return None;
        };
        if whats.0.is_empty() {
            self.incomplete(format!("`{}` is an empty list", key.name()), "add an action or a word");
            return None;
        }
        let [what, resources] = [whats, on].map(|of| of.0.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>());
        if let Some((text, span)) = whats.0.iter().chain(&on.0).find(|(text, _)| text.contains("${")) {
            let help =
                "write names and patterns of `*` and `?`; an expectation for each user is a template with `each`";
            self.bad(span.clone(), format!("`{text}` has a variable of a policy"), help);
            return None;
        }
        let set = RequestSet::parse(&what, &resources, self.catalogue);
        let set = set.map_err(|problems| self.unfit(whats, on, problems)).ok()?;
        for (resource, (text, span)) in resources.iter().zip(&on.0) {
            let is_empty = |set: RequestSet| set.is_empty(&Context::new(self.catalogue));
            let fitting: Vec<&str> = what
                .iter()
                .copied()
                .filter(|what| RequestSet::parse(&[what], &[resource], self.catalogue).is_ok())
                .collect();
            if RequestSet::parse(&fitting, &[resource], self.catalogue).is_ok_and(is_empty) {
                let help = "names of buckets have 3 to 63 lower-case letters, digits, `.` and `-`";
                self.bad(
                    span.clone(),
                    format!("no bucket can match `{text}`, so the expectation is about nothing"),
                    help,
                );
                return None;
            }
        }
        Some(match key {
            Key::Nobody | Key::Cannot => Demand::Cannot(set),
            Key::Can => Demand::Can(set),
            Key::Only => Demand::Only(self.only(&what, &resources, whats)?),
        })
    }

    fn only(&mut self, what: &[&str], on: &[&str], whats: &Entries) -> Option<Document> {
        let bad = |index: usize| {
            let Some((text, span)) = whats.0.get(index) else { return };
            let help = "write the actions that this request asks for, such as `s3:GetObject`";
            self.bad(span.clone(), format!("`only` takes actions, and `{text}` stands for no single one"), help);
        };
        RequestSet::document(what, on).map_err(bad).ok()
    }

    fn unfit(&mut self, whats: &Entries, on: &Entries, problems: Vec<SetProblem>) {
        for problem in problems {
            let (entry, problem) = match &problem {
                SetProblem::What(index, problem) => (whats.0.get(*index), problem),
                SetProblem::On(index, problem) => (on.0.get(*index), problem),
            };
            let help = match problem {
                RequestProblem::Action { .. } => {
                    "write an action such as `s3:GetObject`, a word such as `read`, or a pattern"
                }
                RequestProblem::Resource { .. } => {
                    "a bucket stands for itself and everything in it; `BUCKET/KEY*` for keys"
                }
            };
            let span = entry.map_or(self.span.clone(), |(_, span)| span.clone());
            self.bad(span, problem.to_string(), help);
        }
    }

    /// What it says, in words.
    fn text(&self, subject: &str, key: Key, whats: &Entries) -> String {
        let verb = match key {
            Key::Nobody | Key::Can => "can",
            Key::Cannot => "cannot",
            Key::Only => "can only",
        };
        let on = self.raw.on.as_ref().map(shown).unwrap_or_default();
        let except: Vec<&str> = self.raw.except.iter().map(|entry| entry.get().as_str()).collect();
        let except = if except.is_empty() { String::new() } else { format!(" except {}", except.join(", ")) };
        format!("{subject} {verb} {} on {on}{except}", shown(whats))
    }
}

/// The texts of a list, some of them.
fn shown(entries: &Entries) -> String {
    list_some(&entries.0, 6, |(text, _)| text.clone())
}
