//! Whether a document allows one request, and by which of its statements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::atoms::{Atoms, Literal};
use super::pairs::Numbers;
use super::request::Request;
use super::solve::{Solution, Wish, solve};
use super::terms::{Setting, normal_statements};
use super::verbs::Verb;
use super::wording::text;
use super::{Context, Profile};
use crate::policy::{Document, Effect};

/// What a document says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub verdict: Verdict,
    /// The statements that allow it; none: nothing does.
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
    /// Under conditions, or by what cannot be known offline.
    Depends,
}

/// A statement that has to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Its `Sid`, or else `statement N`, counted from 1.
    pub statement: String,
    /// The conditions under which it applies, all of them; none when it always does.
    pub conditions: Vec<String>,
}

/// What a document says to a request by the rules of a profile. No document is no access.
#[must_use]
pub fn decide(document: Option<&Document>, request: &Request, context: &Context<'_>, profile: Profile) -> Decision {
    let mut atoms = Atoms::default();
    let applying = document.map_or(Vec::new(), |document| applying(document, request, context, profile, &mut atoms));
    let of = |effect: Effect| applying.iter().filter(move |one| one.effect == effect);
    let whens = |effect: Effect| of(effect).map(|one| one.when.clone()).collect::<Vec<_>>();
    let verdict = verdict(&whens(Effect::Allow), &whens(Effect::Deny), &atoms, context.state_cap);
    let grounds = |effect: Effect| {
        let mut grounds: Vec<Ground> = of(effect).map(|one| one.ground(&atoms)).collect();
        grounds.dedup();
        grounds
    };
    Decision { verdict, allowed_by: grounds(Effect::Allow), denied_by: grounds(Effect::Deny) }
}

/// A statement that covers the request, with what must hold for it to apply.
struct Applying {
    title: String,
    effect: Effect,
    when: Vec<Literal>,
}

impl Applying {
    fn ground(&self, atoms: &Atoms) -> Ground {
        let conditions = self.when.iter().map(|literal| text(*literal, atoms).to_string()).collect();
        Ground { statement: self.title.clone(), conditions }
    }
}

fn applying(
    document: &Document,
    request: &Request,
    context: &Context<'_>,
    profile: Profile,
    atoms: &mut Atoms,
) -> Vec<Applying> {
    let verbs = [Verb::new(request.action(), request.kind())];
    let setting = Setting { profile, user: context.user, verbs: &verbs };
    let (universe, resource) = request.place(profile);
    let normal = normal_statements(document);
    let mut found = Vec::new();
    for (index, taken) in setting.take(&normal, atoms, &mut Numbers::default()).into_iter().enumerate() {
        let about = taken.about.contains(&true);
        let terms = taken.terms.iter().filter(|_| about);
        let mut whens: Vec<_> = terms.filter_map(|term| term.within(universe).applies_when(&resource)).collect();
        if whens.iter().any(Vec::is_empty) {
            whens = vec![Vec::new()];
        }
        let title = title(document, index);
        found.extend(whens.into_iter().map(|when| Applying { title: title.clone(), effect: taken.effect, when }));
    }
    found
}

fn title(document: &Document, index: usize) -> String {
    let sid = document.statements.get(index).and_then(|statement| statement.sid.clone());
    sid.filter(|sid| !sid.is_empty()).unwrap_or_else(|| format!("statement {}", index + 1))
}

/// Allowed when there are no answers to the conditions by which it is not, denied when there are none by which it is.
fn verdict(allows: &[Vec<Literal>], denies: &[Vec<Literal>], atoms: &Atoms, cap: usize) -> Verdict {
    let may = Wish { all: Vec::new(), none: denies.to_vec(), some: Some(allows.to_vec()) };
    let unallowed = Wish { all: Vec::new(), none: allows.to_vec(), some: None };
    let denied = Wish { all: Vec::new(), none: Vec::new(), some: Some(denies.to_vec()) };
    let never = |wish: &Wish| {
        let mut tries = cap;
        solve(wish, atoms, &mut tries) == Solution::Impossible
    };
    if never(&may) {
        return Verdict::Denied;
    }
    if never(&unallowed) && never(&denied) { Verdict::Allowed } else { Verdict::Depends }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::access::RequestProblem;
    use crate::policy::{Catalogue, Kind, read};

    const HOME: &str = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}"#;

    fn found(statements: &str, action: &str, resource: &str, profile: Profile) -> Decision {
        let catalogue = Catalogue::newest();
        let document = read(&format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)).document.unwrap();
        let request = Request::parse(action, resource, &catalogue).unwrap();
        decide(Some(&document), &request, &Context::new(&catalogue).with_user("al"), profile)
    }

    fn verdicts(statements: &str, action: &str, resource: &str) -> (Verdict, Verdict) {
        let verdict = |profile| found(statements, action, resource, profile).verdict;
        (verdict(Profile::Aws), verdict(Profile::Minio))
    }

    const BOTH: (Verdict, Verdict) = (Verdict::Allowed, Verdict::Allowed);
    const NEITHER: (Verdict, Verdict) = (Verdict::Denied, Verdict::Denied);
    const OPEN: (Verdict, Verdict) = (Verdict::Depends, Verdict::Depends);

    fn statement(effect: &str, action: &str, resource: &str, more: &str) -> String {
        format!(r#"{{"Effect": "{effect}", "Action": "{action}", "Resource": "arn:aws:s3:::{resource}"{more}}}"#)
    }

    #[test]
    fn an_allow_allows_what_it_covers_and_nothing_else() {
        let read = statement("Allow", "s3:GetObject", "logs/*", r#", "Sid": "Read""#);
        assert_eq!(verdicts(&read, "s3:GetObject", "arn:aws:s3:::logs/a"), BOTH);
        assert_eq!(verdicts(&read, "s3:GetObject", "logs/a"), BOTH, "an ARN may be cut short");
        assert_eq!(verdicts(&read, "s3:PutObject", "logs/a"), NEITHER);
        assert_eq!(verdicts(&read, "s3:GetObject", "log/a"), NEITHER);
        let decision = found(&read, "s3:GetObject", "logs/a", Profile::Aws);
        assert_eq!(decision.allowed_by, [Ground { statement: "Read".into(), conditions: Vec::new() }]);
        assert_eq!(found(&read, "s3:GetObject", "x/a", Profile::Aws).allowed_by, []);
    }

    #[test]
    fn a_deny_wins_and_is_named() {
        let both = [statement("Allow", "s3:*", "*", ""), statement("Deny", "s3:Put*", "logs/*", "")].join(",");
        assert_eq!(verdicts(&both, "s3:PutObject", "logs/a"), NEITHER);
        assert_eq!(verdicts(&both, "s3:PutObject", "other/a"), BOTH);
        let decision = found(&both, "s3:PutObject", "logs/a", Profile::Minio);
        assert_eq!(decision.denied_by, [Ground { statement: "statement 2".into(), conditions: Vec::new() }]);
        assert_eq!(decision.allowed_by[0].statement, "statement 1");
    }

    #[test]
    fn conditions_are_named_and_weighed_together() {
        let condition =
            |operator: &str| format!(r#", "Condition": {{"{operator}": {{"aws:SourceIp": "10.0.0.0/8"}}}}"#);
        let inside = statement("Allow", "s3:GetObject", "b/*", &condition("IpAddress"));
        assert_eq!(verdicts(&inside, "s3:GetObject", "b/k"), OPEN);
        let ground = &found(&inside, "s3:GetObject", "b/k", Profile::Aws).allowed_by[0];
        assert_eq!(ground.conditions, ["aws:SourceIp in 10.0.0.0/8"]);
        let outside = statement("Allow", "s3:GetObject", "b/*", &condition("NotIpAddress"));
        assert_eq!(verdicts(&format!("{inside},{outside}"), "s3:GetObject", "b/k"), BOTH);
        let denied = statement("Deny", "s3:GetObject", "b/*", &condition("IpAddress"));
        assert_eq!(verdicts(&format!("{inside},{denied}"), "s3:GetObject", "b/k"), NEITHER);
        let always = statement("Allow", "s3:GetObject", "b/*", "");
        assert_eq!(verdicts(&format!("{always},{denied}"), "s3:GetObject", "b/k"), OPEN);
    }

    #[test]
    fn profiles_differ_where_servers_do() {
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
    fn what_is_no_request_is_said_to_be_none() {
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
        let told = problem("s3:GetObject", "b").to_string();
        assert_eq!(told, "`s3:GetObject` is about an object: `arn:aws:s3:::BUCKET/KEY`, and `b` is none");
        assert_eq!(Request::parse("s3:GetObject", "b/k", &catalogue).unwrap().kind(), Kind::Object);
    }

    #[test]
    fn no_document_allows_nothing() {
        let catalogue = Catalogue::newest();
        let request = Request::parse("s3:GetObject", "b/k", &catalogue).unwrap();
        let decision = decide(None, &request, &Context::new(&catalogue), Profile::Aws);
        assert_eq!(decision.verdict, Verdict::Denied);
    }
}
