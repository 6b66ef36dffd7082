//! Bucket policies: how attune reads them, and what a requester gets by its own policy and those of buckets together.

use std::collections::BTreeMap;

use super::access::{ARN, within_bucket};
use super::document::{Document, Effect, Selector, Statement, statement_json};
use super::json::{self, Json};
use super::normal::{VERSION, fold_extra, normal_statement};
use super::principals::{Named, PRINCIPALS, Principals};
use super::rule::{self, Problem};
use crate::base::{BucketName, Severity};

/// What is known of the policy of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketDocument<'a> {
    /// Its document.
    Known(&'a Document),
    /// Nothing but a text, for example the name of a canned policy. Policies of a bucket with the same text are the same.
    Unknown(&'a str),
}

/// Why a document cannot be evaluated as the policy of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unclear {
    /// A statement does not say who it is about.
    #[error("a statement has no `Principal`")]
    NoPrincipal,
    /// A statement says twice who it is about.
    #[error("a statement has both `Principal` and `NotPrincipal`")]
    TwoPrincipals,
    /// A statement has a member that servers read differently.
    #[error("a statement has a member outside the grammar")]
    Member,
    /// A statement is about all resources but some.
    #[error("a statement has `NotResource`")]
    NotResource,
    /// A statement has no resource, or one that servers read differently.
    #[error("a statement has no resources, or one that does not begin with `arn:aws:s3:::` and the name of a bucket")]
    Resource,
}

/// The statements of the policy of a bucket as they count beside others: only for resources in this bucket, each with its title in
/// the document as its `Sid`.
fn titled(document: &Document, bucket: &BucketName) -> Result<Vec<Statement>, Unclear> {
    let statement = |(index, statement): (usize, &Statement)| {
        let principals = Some(principals(statement)?);
        if statement.resources.negated {
            return Err(Unclear::NotResource);
        }
        let patterns = &statement.resources.patterns;
        let within = patterns.iter().map(|pattern| within_bucket(pattern, bucket.as_str())).collect::<Option<Vec<_>>>();
        let patterns = within.filter(|within| !within.is_empty()).ok_or(Unclear::Resource)?.concat();
        let (resources, extra) = (Selector { negated: false, patterns }, BTreeMap::new());
        let number = format!("statement {}", index + 1);
        let own = statement.sid.as_ref().filter(|sid| !sid.is_empty());
        let sid = Some(own.map_or(number.clone(), |sid| format!("{number} {sid:?}")));
        Ok(normal_statement(&Statement { sid, resources, extra, principals, ..statement.clone() }))
    };
    let statements = document.statements.iter().enumerate().map(statement).collect::<Result<Vec<_>, _>>()?;
    Ok(statements.into_iter().filter(|statement| !statement.resources.patterns.is_empty()).collect())
}

/// What a requester gets by its own policy and by the policies of buckets together, as one document. The access engine
/// decides by the rules and by the requester which statements are about it. `own` is `None` for requests without a login.
///
/// A policy that is not known, or that servers read differently, may allow and deny everything in its bucket. Statements that
/// differ in the bucket alone are one statement. The `Sid` of a statement says which bucket it is of.
pub fn combined<'a>(
    own: Option<&Document>,
    buckets: impl IntoIterator<Item = (&'a BucketName, BucketDocument<'a>)>,
) -> Document {
    let buckets: Vec<_> = buckets.into_iter().collect();
    let known = buckets.iter().filter_map(|(_, document)| match document {
        BucketDocument::Known(document) => Some(*document),
        BucketDocument::Unknown(_) => None,
    });
    // Only variables depend on the version.
    let with_variables = own.into_iter().chain(known).find(|document| has_variables(document));
    let version = with_variables.or(own).map_or_else(|| Some(VERSION.to_owned()), |document| document.version.clone());
    let mut document = Document { version, ..own.cloned().unwrap_or_default() };
    let mut merged: Vec<Statement> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut titles: Vec<(String, usize)> = Vec::new();
    for (bucket, of_bucket) in buckets {
        for mut statement in statements(bucket, of_bucket, &document) {
            let resources = std::mem::take(&mut statement.resources.patterns);
            let title = statement.sid.take().unwrap_or_default();
            let place = *places.entry(statement_json(&statement)).or_insert(merged.len());
            if place == merged.len() {
                merged.push(statement);
                titles.push((format!("{title} of bucket {bucket}"), 0));
            }
            merged[place].resources.patterns.extend(resources);
            titles[place].1 += 1;
        }
    }
    for (statement, (title, buckets)) in merged.iter_mut().zip(titles) {
        let more = if buckets > 1 { format!(" and of others, {buckets} in all") } else { String::new() };
        statement.sid = Some(title + &more);
    }
    document.statements.extend(merged);
    document
}

/// The policy of one bucket, with the statements in their order. The `Sid` of each says its number and its own `Sid`.
pub fn alone(bucket: &BucketName, document: BucketDocument<'_>) -> Document {
    let version = match document {
        BucketDocument::Known(document) => document.version.clone(),
        BucketDocument::Unknown(_) => None,
    };
    let whole = Document { version: version.or(Some(VERSION.to_owned())), ..Document::default() };
    Document { statements: statements(bucket, document, &whole), ..whole }
}

/// The statements of the policy of a bucket in a document with this version.
fn statements(bucket: &BucketName, document: BucketDocument<'_>, combined: &Document) -> Vec<Statement> {
    let is_current = |document: &Document| document.version.as_deref() == Some(VERSION);
    let text = match document {
        BucketDocument::Known(document) if has_variables(document) && is_current(document) != is_current(combined) => {
            normal_json(document)
        }
        BucketDocument::Known(document) => match titled(document, bucket) {
            Ok(statements) => return statements,
            Err(_) => normal_json(document),
        },
        BucketDocument::Unknown(text) => text.to_owned(),
    };
    let open = |effect| {
        let resources = [format!("{ARN}{bucket}"), format!("{ARN}{bucket}/*")];
        let unknown =
            Principals::Unknown { bucket: bucket.clone(), text: text.clone(), denies: effect == Effect::Deny };
        Statement {
            sid: Some("the unknown policy".to_owned()),
            principals: Some(unknown),
            ..Statement::plain(effect, ["s3:*"], resources.iter().map(String::as_str))
        }
    };
    [Effect::Allow, Effect::Deny].map(open).to_vec()
}

fn normal_json(document: &Document) -> String {
    super::normal(document).json().to_owned()
}

/// Whether a resource or a condition has a variable.
fn has_variables(document: &Document) -> bool {
    let values = |statement: &Statement| {
        let values = statement.conditions.iter().flat_map(|clause| &clause.values);
        statement.resources.patterns.iter().chain(values).any(|text| text.contains("${"))
    };
    document.statements.iter().any(values)
}

/// Whether a problem is only the note about the `Principal` that every bucket policy needs.
pub fn is_principal_note(problem: &Problem) -> bool {
    problem.rule.id == rule::PRINCIPAL.id && problem.severity == Severity::Note
}

/// Who a statement is about, by its members.
pub(super) fn principals(statement: &Statement) -> Result<Principals, Unclear> {
    let member = |name: &str| statement.extra.get(name).map(|json| Named::parse(&fold_extra(name, json)));
    match (PRINCIPALS.map(member), statement.extra.len()) {
        ([Some(_), Some(_)], _) => Err(Unclear::TwoPrincipals),
        ([None, None], _) => Err(Unclear::NoPrincipal),
        ([Some(named), None], 1) => Ok(Principals::Named(named)),
        ([None, Some(named)], 1) => Ok(Principals::AllBut(named)),
        ([Some(_), None] | [None, Some(_)], _) => Err(Unclear::Member),
    }
}

/// How attune reads a statement with this `Principal` or `NotPrincipal`, in one sentence.
pub(super) fn principal_note(member: &str, principal: &Json) -> &'static str {
    match (member, is_everyone(principal)) {
        ("NotPrincipal", true) => "this `NotPrincipal` leaves out everyone; the access is without this statement",
        ("NotPrincipal", false) => {
            "MinIO servers refuse a `NotPrincipal`; by the AWS user guide, it does not leave out requests without a login"
        }
        (_, true) => "this is read as a bucket policy: the access is that of requests without a login",
        (_, false) => {
            "on MinIO servers, a bucket policy gives named principals nothing; the access is without this statement"
        }
    }
}

/// A bucket policy as it decides requests without a login: without the statements for named principals. Any other document is
/// as it is.
pub fn for_everyone(document: &Document) -> Document {
    let for_everyone = |statement: &Statement| {
        let mut statement = statement.clone();
        let applies = PRINCIPALS.iter().all(|member| {
            let principal = statement.extra.remove(*member).and_then(|principal| json::parse(&principal).ok());
            principal.is_none_or(|principal| is_everyone(&principal.value) == (*member == "Principal"))
        });
        applies.then_some(statement)
    };
    Document { statements: document.statements.iter().filter_map(for_everyone).collect(), ..document.clone() }
}

/// Whether a `Principal` is everyone.
fn is_everyone(principal: &Json) -> bool {
    match principal {
        Json::String(name) => name == "*",
        Json::Object(pairs) => pairs.iter().any(|pair| pair.value.list().iter().any(|node| is_everyone(&node.value))),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Catalogue;
    use crate::policy::access::{Context, Request, RuleList, Rules, Verdict, decide};
    use crate::policy::testing::document;

    fn name(text: &str) -> BucketName {
        BucketName::parse(text).unwrap()
    }

    fn allow(principal: &str, action: &str, resource: &str) -> String {
        let resource = format!(r#""Effect":"Allow","Action":"s3:{action}","Resource":"arn:aws:s3:::{resource}""#);
        format!(r#"{{"Principal":{principal},{resource}}}"#)
    }

    /// The verdicts by MinIO and by AWS about reading an object of bucket `data`: without a login, for `alice`, for `bob`, for
    /// anyone with a login, and for temporary credentials of `alice`.
    fn verdicts(document: &Document) -> [[Verdict; 5]; 2] {
        let catalogue = Catalogue::newest();
        let request = Request::parse("s3:GetObject", "data/k", &catalogue).unwrap();
        let any = Context::new(&catalogue);
        let alice = any.with_user("alice");
        let temporary = alice.with_credentials(crate::policy::access::Credentials::Any);
        let contexts = [any.anonymous(), alice, any.with_user("bob"), any, temporary];
        [Rules::MINIO_2021, Rules::AWS]
            .map(|rules| contexts.map(|context| decide(Some(document), &request, &context, rules).verdict))
    }

    const YES: Verdict = Verdict::Allowed;
    const NO: Verdict = Verdict::Denied;
    const OPEN: Verdict = Verdict::Depends;

    fn of_policy(statements: &str) -> [[Verdict; 5]; 2] {
        verdicts(&combined(None, [(&name("data"), BucketDocument::Known(&document(statements)))]))
    }

    #[test]
    fn a_statement_is_about_those_whom_its_principal_names() {
        let arn = |user: &str| format!(r#"{{"AWS":["arn:aws:iam::123456789012:user/{user}"]}}"#);
        for (principal, minio, aws) in [
            (r#""*""#, [YES, NO, NO, NO, NO], [YES; 5]),
            (r#"{"AWS":"*"}"#, [YES, NO, NO, NO, NO], [YES; 5]),
            (r#"{"AWS":["alice"]}"#, [NO; 5], [NO, YES, NO, OPEN, OPEN]),
            (&arn("team/alice"), [NO; 5], [NO, YES, NO, OPEN, OPEN]),
            (&arn("alicea"), [NO; 5], [NO, NO, NO, OPEN, NO]),
            (&arn("*"), [NO; 5], [NO, OPEN, OPEN, OPEN, OPEN]),
            (r#"{"AWS":"123456789012"}"#, [NO; 5], [NO, OPEN, OPEN, OPEN, OPEN]),
            (r#"{"AWS":"AKIAIOSFODNN7EXAMPLE"}"#, [NO; 5], [NO, OPEN, OPEN, OPEN, OPEN]),
            (r#"{"AWS":"arn:aws:iam::123456789012:role/x"}"#, [NO; 5], [NO, OPEN, OPEN, OPEN, OPEN]),
            (r#"{"AWS":"arn:aws:iam::123456789012:group/alice"}"#, [NO; 5], [NO, OPEN, OPEN, OPEN, OPEN]),
            (r#"{"AWS":["alice","*"]}"#, [YES, NO, NO, NO, NO], [YES; 5]),
            (r#"{"AWS":["**"]}"#, [OPEN, NO, NO, NO, NO], [OPEN; 5]),
            (r#"{"AWS":[""]}"#, [OPEN, NO, NO, NO, NO], [OPEN; 5]),
            (r#"{"Service":"*"}"#, [OPEN, NO, NO, NO, NO], [OPEN; 5]),
            (r#"{"Service":"alice"}"#, [NO; 5], [NO, OPEN, OPEN, OPEN, OPEN]),
            ("7", [OPEN, NO, NO, NO, NO], [OPEN; 5]),
            (r#"["*"]"#, [OPEN, NO, NO, NO, NO], [OPEN; 5]),
            (r#"{"AWS":[]}"#, [NO; 5], [NO; 5]),
        ] {
            assert_eq!(of_policy(&allow(principal, "GetObject", "data/*")), [minio, aws], "{principal}");
        }
        let all_but = allow(r#"{"AWS":"alice"}"#, "GetObject", "data/*").replace("Principal", "NotPrincipal");
        assert_eq!(of_policy(&all_but), [[YES, NO, NO, NO, NO], [YES, OPEN, OPEN, OPEN, OPEN]]);
    }

    #[test]
    fn a_member_of_a_users_own_policy_is_no_principal() {
        let own = document(&allow(r#"{"AWS":"bob"}"#, "GetObject", "data/*"));
        let together = combined(Some(&own), [(&name("data"), BucketDocument::Known(&document("")))]);
        for verdicts in verdicts(&together) {
            assert_eq!(verdicts, [OPEN; 5], "servers ignore it or refuse the document");
        }
    }

    #[test]
    fn an_explicit_deny_in_either_wins_for_a_signed_request() {
        let own = document(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::data/*"}"#);
        let deny = allow(r#""*""#, "GetObject", "data/*").replace("Allow", "Deny");
        let verdict = |own: Option<&Document>, statements: &str| {
            let [minio, aws] =
                verdicts(&combined(own, [(&name("data"), BucketDocument::Known(&document(statements)))]));
            [minio[1], aws[1]]
        };
        assert_eq!(verdict(Some(&own), &deny), [YES, NO]);
        let own_deny = document(r#"{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::data/*"}"#);
        assert_eq!(verdict(Some(&own_deny), &allow(r#""*""#, "GetObject", "data/*")), [NO, NO]);
        assert_eq!(verdict(None, &allow(r#""*""#, "GetObject", "data/*")), [NO, YES]);
    }

    #[test]
    fn a_policy_counts_in_its_bucket_alone() {
        let everywhere = document(&allow(r#""*""#, "GetObject", "*"));
        let of = |bucket| verdicts(&combined(None, [(&name(bucket), BucketDocument::Known(&everywhere))]));
        assert_eq!((of("data")[1][0], of("other")[1][0]), (YES, NO));
    }

    #[test]
    fn a_policy_that_nobody_knows_may_allow_and_deny() {
        let own = document(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::data/*"}"#);
        let of = |bucket, known| verdicts(&combined(Some(&own), [(&name(bucket), known)]));
        assert_eq!(of("data", BucketDocument::Unknown("download")), [[OPEN, YES, YES, YES, YES], [OPEN; 5]]);
        assert_eq!(of("other", BucketDocument::Unknown("download"))[1], [YES; 5]);
        for unclear in [
            allow("7,\"NotPrincipal\":\"*\"", "GetObject", "data/*"),
            allow(r#""*""#, "GetObject", "data/*").replace("Resource", "NotResource"),
            allow(r#""*""#, "GetObject", "data/*").replace("arn:aws", "arn:aws-cn"),
            allow(r#""*","Comment":1"#, "GetObject", "data/*"),
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::data/*"}"#.to_owned(),
            r#"{"Effect":"Allow","Principal":"*","Action":"s3:*"}"#.to_owned(),
        ] {
            assert_eq!(of_policy(&unclear)[1], [OPEN; 5], "{unclear}");
            assert!(titled(&document(&unclear), &name("data")).is_err(), "{unclear}");
        }
    }

    #[test]
    fn the_same_unknown_policy_before_and_after_is_no_difference() {
        let catalogue = Catalogue::newest();
        let rules = RuleList::default();
        let context = Context { rules: &rules, ..Context::new(&catalogue) }.anonymous();
        let of = |text: &str| combined(None, [(&name("data"), BucketDocument::Unknown(text))]);
        let difference = |before: &str, after: &str| {
            crate::policy::access::difference(Some(&of(before)), Some(&of(after)), &context)
        };
        assert!(difference("download", "download").gains_nothing());
        let changed = difference("download", "public");
        assert!(!changed.gains_nothing() && !changed.loses_nothing());
    }

    #[test]
    fn statements_that_differ_in_the_bucket_alone_are_one() {
        let download = |bucket: &BucketName| document(&allow(r#"{"AWS":["*"]}"#, "GetObject", &format!("{bucket}/*")));
        let names: Vec<BucketName> = (0..200).map(|index| name(&format!("data-{index}"))).collect();
        let documents: Vec<Document> = names.iter().map(download).collect();
        let buckets = names.iter().zip(documents.iter().map(BucketDocument::Known));
        let together = combined(None, buckets);
        assert_eq!((together.statements.len(), together.statements[0].resources.patterns.len()), (1, 200));
    }

    #[test]
    fn variables_keep_the_meaning_of_their_version() {
        let with_variable = |version: &str| {
            let mut document = document(&allow(r#""*""#, "GetObject", "data/${aws:username}/*"));
            document.version = Some(version.to_owned());
            document
        };
        let catalogue = Catalogue::newest();
        let request = Request::parse("s3:GetObject", "data/alice/k", &catalogue).unwrap();
        let context = Context::new(&catalogue);
        let verdict = |own: Option<&Document>, version: &str, context: &Context<'_>| {
            let together = combined(own, [(&name("data"), BucketDocument::Known(&with_variable(version)))]);
            decide(Some(&together), &request, context, Rules::AWS).verdict
        };
        assert_eq!(verdict(None, "2012-10-17", &context.with_user("alice")), YES);
        assert_eq!(verdict(None, "2012-10-17", &context.anonymous()), NO, "no name, no value");
        assert_eq!(verdict(None, "2008-10-17", &context.with_user("alice")), NO);
        let own = with_variable("2012-10-17");
        assert_eq!(verdict(Some(&own), "2008-10-17", &context.with_user("bob")), OPEN);
    }
}
