//! A question about many requests: what a document allows of the actions and resources that two patterns match.

use super::decide::RequestProblem;
use super::resources::ARN;
use super::{Access, AccessLine, Cause, Context, gains, pattern_covers, patterns_overlap};
use crate::base::nearest;
use crate::policy::{Catalogue, Document, Effect, Kind, Selector, Statement};

/// All requests whose action and resource match two patterns. A bucket stands for itself and everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    action: String,
    resource: String,
    /// The actions and resources, by kind.
    asked: Vec<(Vec<String>, Vec<String>)>,
}

impl Question {
    /// Reads two patterns. The prefix `arn:aws:s3:::` is optional.
    ///
    /// # Errors
    /// No action matches, or the resource fits none of them.
    pub fn parse(action: &str, resource: &str, catalogue: &Catalogue) -> Result<Self, RequestProblem> {
        let matching = || catalogue.actions().iter().filter(|known| pattern_covers(action, &known.name));
        let Some(first) = matching().next() else {
            let near = nearest(action, catalogue.actions().iter().map(|known| known.name.as_str()));
            return Err(RequestProblem::Action { action: action.to_owned(), near: near.map(str::to_owned) });
        };
        let behind = resource.strip_prefix(ARN).unwrap_or(resource);
        let of_kind = |kind: Kind| {
            let actions = matching().filter(|known| known.kind == kind).map(|known| known.name.clone());
            let mut on = resources(behind, kind);
            if kind == Kind::Bucket {
                // By MinIO rules a bucket is `bucket/`.
                on.extend(on.first().map(|bucket| format!("{bucket}/")));
            }
            (actions.collect::<Vec<_>>(), on)
        };
        let asked = [Kind::Account, Kind::Bucket, Kind::Object].map(of_kind);
        let asked: Vec<_> = asked.into_iter().filter(|(actions, on)| !actions.is_empty() && !on.is_empty()).collect();
        if asked.is_empty() {
            let (action, resource) = (first.name.clone(), resource.to_owned());
            return Err(RequestProblem::Resource { action, kind: first.kind, resource });
        }
        Ok(Self { action: action.to_owned(), resource: format!("{ARN}{behind}"), asked })
    }

    /// The pattern of the actions.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The pattern of the resources, as an ARN.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What the document allows of it: what a `Deny` of all of it would take.
    pub(super) fn allowed(&self, document: &Document, context: &Context<'_>) -> Access {
        let deny = |(actions, resources): &(Vec<String>, Vec<String>)| {
            let [actions, resources] = [actions, resources].map(|patterns| patterns.iter().map(String::as_str));
            Statement::plain(Effect::Deny, actions, resources)
        };
        let mut denied = document.clone();
        denied.statements.extend(self.asked.iter().map(deny));
        let Access { gained, undecided, .. } = gains(Some(&denied), Some(document), context);
        let mut lines: Vec<AccessLine> = gained.into_iter().filter_map(|line| self.within(line)).collect();
        lines.dedup();
        Access { gained: lines, undecided, ..Access::default() }
    }

    /// A document that allows of another one only what the question is about.
    pub(super) fn part_of(&self, document: &Document) -> Document {
        let all =
            |negated, texts: &[String]| Selector { negated, ..Selector::any_of(texts.iter().map(String::as_str)) };
        let deny = |actions, resources| Statement { actions, resources, ..Statement::plain(Effect::Deny, [], []) };
        let actions: Vec<String> = self.asked.iter().flat_map(|(actions, _)| actions).cloned().collect();
        let mut part = document.clone();
        part.statements.push(deny(all(true, &actions), all(false, &["*".to_owned()])));
        part.statements.extend(self.asked.iter().map(|(actions, on)| deny(all(false, actions), all(true, on))));
        part
    }

    /// The part of a line that was asked for: its actions, its resources and the exceptions among these.
    fn within(&self, mut line: AccessLine) -> Option<AccessLine> {
        let actions = || self.asked.iter().flat_map(|(actions, _)| actions);
        line.actions.retain(|one| actions().any(|action| pattern_covers(one, action)));
        if let [(only, _)] = self.asked.as_slice()
            && only.len() == 1
            && !line.actions.is_empty()
        {
            line.actions.clone_from(only);
        }
        if let Cause::Deny { pattern } = std::mem::replace(&mut line.cause, Cause::Allow) {
            // An exception in quotes or of more than a pattern may be near.
            let is_near = |text: &String| text.contains([' ', '"']) || patterns_overlap(text, &pattern);
            line.except.retain(|except| except.resources.as_ref().is_none_or(is_near));
            if pattern_covers(&line.pattern, &pattern) {
                line.pattern = pattern.strip_suffix('/').map_or(pattern.clone(), str::to_owned);
            }
        }
        (!line.actions.is_empty()).then_some(line)
    }
}

/// The patterns of the names of buckets, or of buckets with keys, for resources of one kind.
pub(super) fn resources(behind: &str, kind: Kind) -> Vec<String> {
    let arn = |text: String| format!("{ARN}{text}");
    match (kind, behind.split_once('/')) {
        _ if behind.is_empty() || behind.starts_with("arn:") => Vec::new(),
        (Kind::Account, _) if behind == "*" => vec!["*".to_owned(), arn("*".to_owned())],
        (Kind::Account, _) | (Kind::Bucket, Some(_)) => Vec::new(),
        (Kind::Bucket, None) => vec![arn(behind.to_owned())],
        (Kind::Object, None) => vec![arn(format!("{behind}/*"))],
        (Kind::Object, Some((bucket, key))) if bucket.is_empty() || key.is_empty() => Vec::new(),
        (Kind::Object, Some(_)) => vec![arn(behind.to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::{self, document};

    /// The lines as `actions on pattern except …`.
    fn allowed(statements: &str, action: &str, resource: &str) -> Vec<String> {
        let catalogue = Catalogue::newest();
        let question = Question::parse(action, resource, &catalogue).unwrap();
        let access = question.allowed(&document(statements), &Context::new(&catalogue).with_user("al"));
        assert!(access.lost.is_empty() && access.undecided.is_empty());
        let line = |line: &AccessLine| {
            let only = line.rules.first().map(|rules| format!("{}: ", rules.like));
            let except: String =
                line.except.iter().map(|of| format!(" except {}", of.resources.as_deref().unwrap_or("?"))).collect();
            format!("{}{} on {}{except}", only.unwrap_or_default(), line.actions.join(","), line.pattern)
                .replace(ARN, "")
        };
        access.gained.iter().map(line).collect()
    }

    fn statement(effect: &str, action: &str, resource: &str) -> String {
        testing::statement(effect, action, resource, "")
    }

    #[test]
    fn only_what_is_asked_for_is_an_answer() {
        let all = statement("Allow", "s3:*", "*");
        assert_eq!(allowed(&all, "s3:DeleteObject", "ml-data/*"), ["s3:DeleteObject on ml-data/*"]);
        assert_eq!(allowed(&all, "s3:DeleteObject", "ml-data"), ["s3:DeleteObject on ml-data/*"]);
        let raw = statement("Allow", "s3:Delete*", "ml-*/raw/*");
        assert_eq!(allowed(&raw, "s3:DeleteObject", "ml-data/*"), ["s3:DeleteObject on ml-*/raw/*"]);
        assert_eq!(allowed(&raw, "s3:DeleteObject", "logs/*"), [""; 0]);
        assert_eq!(allowed(&raw, "s3:GetObject", "ml-data/*"), [""; 0]);
        let home = statement("Allow", "s3:GetObject", "home/${aws:username}/*");
        assert_eq!(allowed(&home, "s3:GetObject", "home/bo/*"), [""; 0]);
        assert_eq!(allowed(&home, "s3:GetObject", "home/al/*").len(), 1);
    }

    #[test]
    fn exceptions_are_named_if_they_are_among_it() {
        let all = statement("Allow", "s3:*", "*");
        let both = [all, statement("Deny", "s3:*", "legal/*"), statement("Deny", "s3:*", "ml-data/raw/*")].join(",");
        assert_eq!(allowed(&both, "s3:GetObject", "ml-data/*"), ["s3:GetObject on ml-data/* except ml-data/raw/*"]);
        assert_eq!(allowed(&both, "s3:GetObject", "legal/*"), [""; 0]);
    }

    #[test]
    fn a_pattern_of_actions_is_about_buckets_and_objects() {
        let all = statement("Allow", "s3:*", "*");
        let lines = allowed(&all, "s3:Delete*", "ml-data");
        assert!(lines.iter().any(|line| line.contains("s3:DeleteBucket") && line.ends_with("on ml-data")), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.contains("s3:DeleteObject") && line.ends_with("on ml-data/*")),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 2, "{lines:?}");
        let within = statement("Allow", "s3:DeleteBucket", "data/*");
        assert_eq!(allowed(&within, "s3:Delete*", "data"), ["s3:DeleteBucket on data/*"]);
    }

    #[test]
    fn a_question_that_nothing_fits_is_an_error() {
        let catalogue = Catalogue::newest();
        let problem = |action, resource| Question::parse(action, resource, &catalogue).unwrap_err();
        assert!(matches!(problem("s3:Gett*", "b"), RequestProblem::Action { .. }));
        for (action, resource) in [
            ("s3:ListBucket", "b/*"),
            ("s3:GetObject", "b/"),
            ("s3:*", ""),
            ("s3:ListAll*", "b*"),
            ("s3:*", "arn:aws:iam:::x"),
        ] {
            assert!(matches!(problem(action, resource), RequestProblem::Resource { .. }), "{action} {resource}");
        }
    }
}
