//! Sets of requests that a document allows: within a statement, together with another action, or without it. They are exact.

use super::super::access::{self, MINIO_2021_RULES, OfAction, allowed_of};
use super::super::catalogue::Kind;
use super::super::document::{Document, Effect, Selector, Statement};
use super::context::{LintContext, StatementAt, engine};

/// What the resources of a set are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Objects,
    Buckets,
}

impl On {
    /// The action under which the access engine evaluates the set, whatever the document calls it. No rules give it a second
    /// meaning.
    fn action(self) -> &'static str {
        match self {
            Self::Objects => "s3:DeleteObject",
            Self::Buckets => "s3:DeleteBucket",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Objects => Kind::Object,
            Self::Buckets => Kind::Bucket,
        }
    }
}

/// The requests that any of the documents allows, by the rules of MinIO. All statements of these documents have one action.
pub(super) struct Allowed<'c, 'a> {
    context: &'c LintContext<'a>,
    on: On,
    documents: Vec<Document>,
}

/// The requests that a document allows if a server asks for an action.
pub(super) fn allowed<'c, 'a>(context: &'c LintContext<'a>, action: &str, on: On) -> Allowed<'c, 'a> {
    let statements = asked(context, action).map(|statement| under(&statement, on)).collect();
    let document = Document { version: context.document.version.clone(), statements, ..Document::default() };
    Allowed { context, on, documents: vec![document] }
}

/// The statements that a server applies if it asks for an action.
fn asked<'a>(context: &LintContext<'a>, action: &str) -> impl Iterator<Item = StatementAt<'a>> {
    context.statements().filter(move |statement| asks(statement, action))
}

/// Whether a statement is about an action. On MinIO servers, `s3:GetObjectVersion` in full implies `s3:GetObject`.
pub(super) fn asks(statement: &StatementAt<'_>, action: &str) -> bool {
    let is_implied = || statement.actions.patterns.iter().any(|pattern| pattern == "s3:GetObjectVersion");
    statement.selects(action) || (action == "s3:GetObject" && !statement.actions.negated && is_implied())
}

fn under(statement: &Statement, on: On) -> Statement {
    let actions = Selector { negated: false, patterns: vec![on.action().to_owned()] };
    Statement { sid: None, actions, ..statement.clone() }
}

impl Allowed<'_, '_> {
    /// Those to which the resources and conditions of a statement apply.
    pub(super) fn within(mut self, statement: &Statement) -> Self {
        for document in &mut self.documents {
            restrict(document, statement, self.on);
        }
        self
    }

    /// Those for which the document also allows another action.
    pub(super) fn and(self, action: &str) -> Self {
        let (context, on) = (self.context, self.on);
        let both = |document: &Document, allow: StatementAt<'_>| {
            let mut both = document.clone();
            both.statements.extend(asked(context, action).filter(is_deny).map(|deny| under(&deny, on)));
            restrict(&mut both, &allow, on);
            both
        };
        let allows = || asked(context, action).filter(|statement| !is_deny(statement));
        let documents =
            self.documents.iter().flat_map(|document| allows().map(move |allow| both(document, allow))).collect();
        Self { documents, ..self }
    }

    /// Those for which the document does not allow another action.
    pub(super) fn without(self, action: &str) -> Self {
        let (context, on) = (self.context, self.on);
        let mut documents = Vec::new();
        for document in self.documents {
            for deny in asked(context, action).filter(is_deny) {
                let mut denied = document.clone();
                restrict(&mut denied, &deny, on);
                documents.push(denied);
            }
            let mut outside = document;
            let allows = asked(context, action).filter(|statement| !is_deny(statement));
            outside.statements.extend(allows.map(|allow| Statement { effect: Effect::Deny, ..under(&allow, on) }));
            documents.push(outside);
        }
        Self { documents, ..self }
    }

    /// The resource of one of them, such as `bucket/key`. `None` if there is not certainly one.
    pub(super) fn example(&self) -> Option<String> {
        self.found().find_map(|found| match found {
            OfAction::On(resource) => Some(resource.strip_prefix(access::ARN).unwrap_or(&resource).to_owned()),
            OfAction::Nothing | OfAction::Unknown => None,
        })
    }

    /// Whether there is certainly none.
    pub(super) fn is_empty(&self) -> bool {
        self.found().all(|found| found == OfAction::Nothing)
    }

    fn found(&self) -> impl Iterator<Item = OfAction> {
        let kind = self.on.kind();
        self.documents.iter().map(move |document| allowed_of(document, self.on.action(), kind, &self.engine()))
    }

    fn engine(&self) -> access::Context<'_> {
        access::Context { rules: &MINIO_2021_RULES, ..engine(self.context) }
    }
}

fn is_deny(statement: &StatementAt<'_>) -> bool {
    statement.effect == Effect::Deny
}

/// Narrows what a document allows to the resources and conditions of a statement.
fn restrict(document: &mut Document, to: &Statement, on: On) {
    for allow in document.statements.iter_mut().filter(|statement| statement.effect == Effect::Allow) {
        allow.conditions.extend(to.conditions.iter().cloned());
    }
    let outside = Selector { negated: !to.resources.negated, patterns: to.resources.patterns.clone() };
    let outside = Statement { effect: Effect::Deny, resources: outside, conditions: Vec::new(), ..to.clone() };
    document.statements.push(under(&outside, on));
}

#[cfg(test)]
mod tests {
    use super::super::super::catalogue::Catalogue;
    use super::super::super::normal::normal;
    use super::super::super::testing::{self, document};
    use super::*;

    /// Whether the set of a document is empty, and whether it has an example: never both.
    fn is_empty(statements: &str, of: impl for<'c, 'a> Fn(&'c LintContext<'a>) -> Allowed<'c, 'a>) -> bool {
        let document = document(statements);
        let (catalogue, normal) = (Catalogue::newest(), normal(&document));
        let context = LintContext {
            document: &document,
            catalogue: &catalogue,
            text_length: None,
            normal: &normal,
            bucket: None,
        };
        let set = of(&context);
        assert_ne!(set.is_empty(), set.example().is_some(), "{statements}");
        set.is_empty()
    }

    fn deletable<'c, 'a>(context: &'c LintContext<'a>) -> Allowed<'c, 'a> {
        allowed(context, "s3:DeleteObject", On::Objects)
    }

    fn statement(effect: &str, action: &str, resource: &str, condition: &str) -> String {
        let condition = if condition.is_empty() { String::new() } else { format!(r#", "Condition": {{{condition}}}"#) };
        testing::statement(effect, action, resource, &condition)
    }

    const OFFICE: &str = r#""IpAddress": {"aws:SourceIp": "10.0.0.0/8"}"#;
    const ELSEWHERE: &str = r#""NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}"#;

    #[test]
    fn a_set_is_narrowed_by_resources_and_conditions() {
        let delete = |condition| statement("Allow", "s3:DeleteObject", "ward/a*", condition);
        for (resource, condition, empty) in [
            ("ward/ab*", OFFICE, false),
            ("ward/*", "", false),
            ("ward/b*", OFFICE, true),
            ("ward/ab*", ELSEWHERE, true),
        ] {
            let deny = statement("Deny", "s3:DeleteObjectVersion", resource, condition);
            let both = [delete(OFFICE), deny].join(",");
            let within = is_empty(&both, |context| {
                let deny = context.denies().next().unwrap();
                deletable(context).within(&deny)
            });
            assert_eq!(within, empty, "{resource} {condition}");
        }
    }

    #[test]
    fn sets_are_cut_and_subtracted() {
        let delete = statement("Allow", "s3:Delete*", "ward/a*", "");
        let read = |resource: &str, condition: &str| statement("Allow", "s3:GetObjectTagging", resource, condition);
        let deny = |resource: &str| statement("Deny", "s3:GetObjectTagging", resource, "");
        let both = |statements: &[String]| {
            let statements = [std::slice::from_ref(&delete), statements].concat().join(",");
            let and = is_empty(&statements, |context| deletable(context).and("s3:GetObjectTagging"));
            let without = is_empty(&statements, |context| deletable(context).without("s3:GetObjectTagging"));
            (and, without)
        };
        assert_eq!(both(&[read("ward/*", "")]), (false, true));
        assert_eq!(both(&[read("ward/*", OFFICE)]), (false, false));
        assert_eq!(both(&[read("ward/ab*", "")]), (false, false));
        assert_eq!(both(&[read("ward/b*", "")]), (true, false));
        assert_eq!(both(&[read("ward/*", ""), deny("ward/*")]), (true, false));
        assert_eq!(both(&[read("ward/*", ""), deny("ward/ab*")]), (false, false));
        assert_eq!(both(&[]), (true, false));
    }

    #[test]
    fn a_bucket_is_no_object() {
        let on_bucket = statement("Allow", "s3:*", "ward", "");
        assert!(is_empty(&on_bucket, |context| allowed(context, "s3:DeleteObject", On::Objects)));
        assert!(!is_empty(&on_bucket, |context| allowed(context, "s3:PutBucketPolicy", On::Buckets)));
        let version = statement("Allow", "s3:GetObjectVersion", "ward/*", "");
        assert!(!is_empty(&version, |context| allowed(context, "s3:GetObject", On::Objects)));
        let wildcard = statement("Allow", "s3:GetObjectV*", "ward/*", "");
        assert!(is_empty(&wildcard, |context| allowed(context, "s3:GetObject", On::Objects)));
    }
}
