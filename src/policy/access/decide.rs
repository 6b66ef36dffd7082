//! One request: whether a document allows it, and by which statements; and the answers for users and groups.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Context;
use super::actions::ActionSet;
use super::conditions::{Atoms, Constraint, Literal, Solution, solve};
use super::glob::Glob;
use super::requests::{AskedAction, AskedOn};
use super::resources::{ARN, ResourceSpace};
use super::rules::Rules;
use super::terms::{Compiler, Numbers, normal_statements};
use super::wording::text;
use crate::base::nearest;
use crate::policy::{Catalogue, Document, Effect, Kind};

/// The decision of a document about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The statements that allow it.
    pub allowed_by: Vec<Ground>,
    /// The statements that deny it.
    pub denied_by: Vec<Ground>,
}

/// Whether a request is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Always.
    Allowed,
    /// Never.
    Denied,
    /// It depends on conditions, or on facts that are unknown offline.
    Depends,
}

/// A statement that applies to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Its `Sid`, or else `statement N`, counted from 1.
    pub statement: String,
    /// Its index in the document.
    pub index: usize,
    /// The conditions, all of which must hold.
    pub conditions: Vec<String>,
}

/// Evaluates a request by one set of rules. No document gives no access.
pub fn decide(document: Option<&Document>, request: &Request, context: &Context<'_>, rules: Rules) -> Decision {
    let action_sets = [ActionSet::new(&request.action, request.kind)];
    let compiler = Compiler { rules, requester: context.requester(&rules), action_sets: &action_sets };
    let (space, resource) = request.place(&rules);
    let (mut atoms, mut numbers) = (Atoms::default(), Numbers::default());
    let compiled = document.map(normal_statements).map(|normal| compiler.compile(&normal, &mut atoms, &mut numbers));
    let (mut allowed_by, mut denied_by) = (Vec::new(), Vec::new());
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    // No bucket policy is about what has no bucket, and nobody lists buckets without a login.
    let is_without_bucket = request.kind == Kind::Account || !request.keys.is_empty();
    let compiled = compiled.filter(|_| !(is_without_bucket && compiler.requester.is_anonymous));
    for (index, statement) in compiled.into_iter().flatten().enumerate().filter(|(_, one)| one.selects.contains(&true))
    {
        let terms = statement.terms.iter().filter_map(|term| {
            let term = term.within(space, &mut numbers);
            term.with_keys(request.keys, &atoms, &mut numbers)?.applies_when(&resource)
        });
        let mut whens: Vec<_> = terms.collect();
        if whens.iter().any(Vec::is_empty) {
            whens = vec![Vec::new()];
        }
        let (grounds, all_whens) = match statement.effect {
            Effect::Allow => (&mut allowed_by, &mut allow),
            Effect::Deny => (&mut denied_by, &mut deny),
        };
        grounds.extend(whens.iter().map(|when| Ground {
            statement: title(document, index),
            index,
            conditions: when.iter().map(|literal| text(*literal, &atoms).to_string()).collect(),
        }));
        grounds.dedup();
        all_whens.append(&mut whens);
    }
    let verdict = Applying::verdict(&[Applying { allow: vec![allow], deny }], &atoms, context.state_cap);
    Decision { verdict, allowed_by, denied_by }
}

fn title(document: Option<&Document>, index: usize) -> String {
    let sid = document.and_then(|document| document.statements.get(index)?.sid.clone());
    sid.filter(|sid| !sid.is_empty()).unwrap_or_else(|| format!("statement {}", index + 1))
}

/// The literals under which the terms of a way apply to one resource.
pub(super) struct Applying {
    /// One of each of these lists must hold.
    pub(super) allow: Vec<Vec<Vec<Literal>>>,
    pub(super) deny: Vec<Vec<Literal>>,
}

/// The number of combinations of statements beyond which a verdict is open.
const MAX_COMBINATIONS: usize = 2_000;

impl Applying {
    /// `Denied` if no answers allow the request by one of some ways, `Allowed` if no answers deny it.
    pub(super) fn verdict(ways: &[Self], atoms: &Atoms, cap: usize) -> Verdict {
        let is_possible = |constraints: Option<Vec<Constraint>>| {
            let solved = |constraint: &Constraint| solve(constraint, atoms, &mut cap.clone()) != Solution::Impossible;
            constraints.is_none_or(|constraints| constraints.iter().any(solved))
        };
        let allowing = ways.iter().map(Self::allowing).collect::<Option<Vec<_>>>().map(|all| all.concat());
        if !is_possible(allowing) {
            Verdict::Denied
        } else if !is_possible(Self::not_allowing(ways)) {
            Verdict::Allowed
        } else {
            Verdict::Depends
        }
    }

    /// What must hold for the way to allow the request: one of these.
    fn allowing(&self) -> Option<Vec<Constraint>> {
        let start = Constraint { none: self.deny.clone(), ..Constraint::default() };
        self.allow.iter().try_fold(vec![start], |constraints, list| {
            let with = |constraint: &Constraint| {
                let all = |when: &Vec<Literal>| [constraint.all.as_slice(), when].concat();
                let constraint = constraint.clone();
                list.iter().map(all).map(move |all| Constraint { all, ..constraint.clone() }).collect::<Vec<_>>()
            };
            let constraints: Vec<_> = constraints.iter().flat_map(with).collect();
            (constraints.len() <= MAX_COMBINATIONS).then_some(constraints)
        })
    }

    /// What must hold for no way to allow the request: one of these.
    fn not_allowing(ways: &[Self]) -> Option<Vec<Constraint>> {
        ways.iter().try_fold(vec![Constraint::default()], |constraints, way| {
            let with = |constraint: &Constraint| {
                let lacking = way
                    .allow
                    .iter()
                    .map(|list| Constraint { none: [constraint.none.as_slice(), list].concat(), ..constraint.clone() });
                let denied = way
                    .deny
                    .iter()
                    .map(|when| Constraint { all: [constraint.all.as_slice(), when].concat(), ..constraint.clone() });
                lacking.chain(denied).collect::<Vec<_>>()
            };
            let constraints: Vec<_> = constraints.iter().flat_map(with).collect();
            (constraints.len() <= MAX_COMBINATIONS).then_some(constraints)
        })
    }
}

/// An action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    action: String,
    kind: Kind,
    /// An ARN or `*`.
    pub(super) resource: String,
    /// The keys that the server sets, with their values.
    keys: &'static [(&'static str, &'static str)],
}

/// Why a request is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    /// The catalogue does not have the action, or the table of requests the word.
    #[error("`{action}` is no {}{}", if action.contains(':') { "action of this release" } else { "word for a request" }, near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Action {
        /// The action or word.
        action: String,
        /// The action or word with the most similar name.
        near: Option<String>,
    },
    /// The resource is not an S3 resource of the right kind.
    #[error("`{action}` is about {}, and `{resource}` is none", about(*.kind))]
    Resource {
        /// The action.
        action: String,
        /// The kind of resource that it needs.
        kind: Kind,
        /// The resource.
        resource: String,
    },
}

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Account => "no bucket: its resource is `*`",
        Kind::Bucket => "a bucket: `arn:aws:s3:::BUCKET`",
        Kind::Object => "an object: `arn:aws:s3:::BUCKET/KEY`",
    }
}

impl Request {
    /// Reads a request. The prefix `arn:aws:s3:::` is optional. `*` and `?` in the resource are plain characters.
    ///
    /// # Errors
    /// The action is unknown, or the resource does not fit it.
    pub fn parse(action: &str, resource: &str, catalogue: &Catalogue) -> Result<Self, RequestProblem> {
        let Some(known) = catalogue.get(action) else {
            let names = catalogue.actions().iter().map(|action| action.name.as_str());
            let near = nearest(action, names).map(str::to_owned);
            return Err(RequestProblem::Action { action: action.to_owned(), near });
        };
        let kind = known.kind;
        let behind = resource.strip_prefix(ARN).unwrap_or(resource);
        let fits = !behind.starts_with("arn:")
            && match kind {
                Kind::Account => behind == "*",
                Kind::Bucket => !behind.is_empty() && !behind.contains('/'),
                Kind::Object => {
                    behind.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
                }
            };
        if !fits {
            return Err(RequestProblem::Resource { action: action.to_owned(), kind, resource: resource.to_owned() });
        }
        let bare = kind == Kind::Account && resource == behind;
        let resource = if bare { resource.to_owned() } else { format!("{ARN}{behind}") };
        Ok(Self { action: action.to_owned(), kind, resource, keys: &[] })
    }

    /// The action that a request asks for, on its resource or on no bucket.
    pub(super) fn of_asked(asked: &AskedAction, kind: Kind, resource: &str) -> Self {
        let (kind, resource) = match asked.on {
            AskedOn::Resource | AskedOn::Listed => (kind, resource.to_owned()),
            AskedOn::Account => (Kind::Account, format!("{ARN}*")),
        };
        Self { action: asked.name.to_owned(), kind, resource, keys: asked.on.keys() }
    }

    /// The resource space of the request, and the text of the resource in it.
    pub(super) fn place(&self, rules: &Rules) -> (ResourceSpace, Glob) {
        let behind = self.resource.strip_prefix(ARN);
        let text = behind.unwrap_or_default();
        match self.kind {
            Kind::Account if rules.account_is_slash => (ResourceSpace::Root, Glob::literal("/")),
            Kind::Account if behind.is_none() => (ResourceSpace::Bare, Glob::literal("")),
            Kind::Account => (ResourceSpace::Star, Glob::literal("*")),
            Kind::Bucket if rules.objects_cover_bucket => {
                (ResourceSpace::BucketSlash, Glob::literal(&format!("{text}/")))
            }
            Kind::Bucket => (ResourceSpace::Bucket, Glob::literal(text)),
            Kind::Object if rules.leading_slash_dropped => {
                let (bucket, key) = text.split_once('/').unwrap_or((text, ""));
                (ResourceSpace::TrimmedObject, Glob::literal(&format!("{bucket}/{}", key.trim_start_matches('/'))))
            }
            Kind::Object => (ResourceSpace::Object, Glob::literal(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::{document, statement};

    const HOME: &str = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}"#;

    fn found(statements: &str, action: &str, resource: &str, rules: Rules) -> Decision {
        let catalogue = Catalogue::newest();
        let request = Request::parse(action, resource, &catalogue).unwrap();
        decide(Some(&document(statements)), &request, &Context::new(&catalogue).with_user("al"), rules)
    }

    fn verdicts(statements: &str, action: &str, resource: &str) -> (Verdict, Verdict) {
        let verdict = |rules| found(statements, action, resource, rules).verdict;
        (verdict(Rules::AWS), verdict(Rules::MINIO_2021))
    }

    const BOTH: (Verdict, Verdict) = (Verdict::Allowed, Verdict::Allowed);
    const NEITHER: (Verdict, Verdict) = (Verdict::Denied, Verdict::Denied);
    const OPEN: (Verdict, Verdict) = (Verdict::Depends, Verdict::Depends);

    #[test]
    fn an_allow_allows_exactly_its_actions_and_resources() {
        let read = statement("Allow", "s3:GetObject", "logs/*", r#", "Sid": "Read""#);
        assert_eq!(verdicts(&read, "s3:GetObject", "arn:aws:s3:::logs/a"), BOTH);
        assert_eq!(verdicts(&read, "s3:GetObject", "logs/a"), BOTH, "an ARN may be cut short");
        assert_eq!(verdicts(&read, "s3:PutObject", "logs/a"), NEITHER);
        assert_eq!(verdicts(&read, "s3:GetObject", "log/a"), NEITHER);
        let decision = found(&read, "s3:GetObject", "logs/a", Rules::AWS);
        assert_eq!(decision.allowed_by, [Ground { statement: "Read".into(), index: 0, conditions: Vec::new() }]);
        assert_eq!(found(&read, "s3:GetObject", "x/a", Rules::AWS).allowed_by, []);
    }

    #[test]
    fn a_deny_wins_and_is_named() {
        let both = [statement("Allow", "s3:*", "*", ""), statement("Deny", "s3:Put*", "logs/*", "")].join(",");
        assert_eq!(verdicts(&both, "s3:PutObject", "logs/a"), NEITHER);
        assert_eq!(verdicts(&both, "s3:PutObject", "other/a"), BOTH);
        let decision = found(&both, "s3:PutObject", "logs/a", Rules::MINIO_2021);
        assert_eq!(decision.denied_by, [Ground { statement: "statement 2".into(), index: 1, conditions: Vec::new() }]);
        assert_eq!(decision.allowed_by[0].statement, "statement 1");
    }

    #[test]
    fn conditions_are_named_and_weighed_together() {
        let condition =
            |operator: &str| format!(r#", "Condition": {{"{operator}": {{"aws:SourceIp": "10.0.0.0/8"}}}}"#);
        let inside = statement("Allow", "s3:GetObject", "b/*", &condition("IpAddress"));
        assert_eq!(verdicts(&inside, "s3:GetObject", "b/k"), OPEN);
        let ground = &found(&inside, "s3:GetObject", "b/k", Rules::AWS).allowed_by[0];
        assert_eq!(ground.conditions, ["aws:SourceIp in 10.0.0.0/8"]);
        let outside = statement("Allow", "s3:GetObject", "b/*", &condition("NotIpAddress"));
        assert_eq!(verdicts(&format!("{inside},{outside}"), "s3:GetObject", "b/k"), BOTH);
        let denied = statement("Deny", "s3:GetObject", "b/*", &condition("IpAddress"));
        assert_eq!(verdicts(&format!("{inside},{denied}"), "s3:GetObject", "b/k"), NEITHER);
        let always = statement("Allow", "s3:GetObject", "b/*", "");
        assert_eq!(verdicts(&format!("{always},{denied}"), "s3:GetObject", "b/k"), OPEN);
    }

    #[test]
    fn rules_differ_where_servers_do() {
        let all = statement("Allow", "s3:*", "b/*", "");
        assert_eq!(verdicts(&all, "s3:DeleteBucket", "b"), (Verdict::Denied, Verdict::Allowed));
        let version = statement("Allow", "s3:GetObjectVersion", "b/*", "");
        assert_eq!(verdicts(&version, "s3:GetObject", "b/k"), (Verdict::Denied, Verdict::Allowed));
        let lower = statement("Allow", "s3:getobject", "b/*", "");
        assert_eq!(verdicts(&lower, "s3:GetObject", "b/k"), (Verdict::Allowed, Verdict::Denied));
        assert_eq!(verdicts(&statement("Allow", "s3:ListBucket", "b", ""), "s3:ListBucket", "b"), BOTH);
    }

    #[test]
    fn the_user_stands_for_its_variable_and_wildcards_of_a_request_for_themselves() {
        assert_eq!(verdicts(HOME, "s3:GetObject", "home/al/x"), BOTH);
        assert_eq!(verdicts(HOME, "s3:GetObject", "home/bo/x"), NEITHER);
        assert_eq!(verdicts(HOME, "s3:GetObject", "home/*/x"), NEITHER);
        let one = statement("Allow", "s3:GetObject", "b/k", "");
        assert_eq!(verdicts(&one, "s3:GetObject", "b/*"), NEITHER);
        assert_eq!(verdicts(&one, "s3:GetObject", "b/?"), NEITHER);
    }

    #[test]
    fn complements_and_no_bucket_at_all() {
        let but = r#"{"Effect": "Allow", "NotAction": "s3:Put*", "NotResource": "arn:aws:s3:::b/*"}"#;
        assert_eq!(verdicts(but, "s3:GetObject", "c/k"), BOTH);
        assert_eq!(verdicts(but, "s3:PutObject", "c/k"), NEITHER);
        assert_eq!(verdicts(but, "s3:GetObject", "b/k"), NEITHER);
        let list = statement("Allow", "s3:ListAllMyBuckets", "*", "");
        assert_eq!(verdicts(&list, "s3:ListAllMyBuckets", "arn:aws:s3:::*"), BOTH);
        assert_eq!(verdicts(&list, "s3:ListAllMyBuckets", "*"), (Verdict::Denied, Verdict::Allowed));
    }

    #[test]
    fn an_invalid_request_is_an_error() {
        let catalogue = Catalogue::newest();
        let problem = |action, resource| Request::parse(action, resource, &catalogue).unwrap_err();
        let near = Some("s3:GetObject".to_owned());
        assert_eq!(problem("s3:getobject", "b/k"), RequestProblem::Action { action: "s3:getobject".into(), near });
        for (action, resource) in [
            ("s3:GetObject", "b"),
            ("s3:GetObject", "b/"),
            ("s3:GetObject", "arn:aws:iam:::b/k"),
            ("s3:ListBucket", "b/k"),
            ("s3:ListBucket", "arn:aws:s3:::"),
            ("s3:ListAllMyBuckets", "b"),
        ] {
            assert!(matches!(problem(action, resource), RequestProblem::Resource { .. }), "{action} {resource}");
        }
        let message = problem("s3:GetObject", "b").to_string();
        assert_eq!(message, "`s3:GetObject` is about an object: `arn:aws:s3:::BUCKET/KEY`, and `b` is none");
        assert_eq!(Request::parse("s3:GetObject", "b/k", &catalogue).unwrap().kind, Kind::Object);
    }

    #[test]
    fn no_document_allows_nothing() {
        let catalogue = Catalogue::newest();
        let request = Request::parse("s3:GetObject", "b/k", &catalogue).unwrap();
        let decision = decide(None, &request, &Context::new(&catalogue), Rules::AWS);
        assert_eq!(decision.verdict, Verdict::Denied);
    }
}
