//! Policies of users and of buckets together by brute force: without a login, for users and for groups, by both readings.

use super::*;
use crate::base::{BucketName, GroupName, Principal, UserName};
use crate::policy::testing::document;
use crate::policy::{BucketDocument, combined};

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    Anonymous,
    User(&'static str),
    Group,
}

const SENDERS: [Sender; 4] = [Sender::Anonymous, Sender::User("alice"), Sender::User("bob"), Sender::Group];

const BUCKETS: [&str; 3] = ["aaa", "aab", "abb"];

/// What a `Principal` says, and whom it names: everyone, or these users.
const PRINCIPALS: [(&str, Option<&[&str]>); 7] = [
    (r#""*""#, None),
    (r#"{"AWS":"*"}"#, None),
    (r#"{"AWS":["alice","*"]}"#, None),
    (r#"{"AWS":"alice"}"#, Some(&["alice"])),
    (r#"{"AWS":["arn:aws:iam::123456789012:user/alice","bob"]}"#, Some(&["alice", "bob"])),
    (r#"{"AWS":["arn:aws:iam::123456789012:user/team/bob"]}"#, Some(&["bob"])),
    (r#"{"AWS":["carol"]}"#, Some(&["carol"])),
];

/// The requests, with the action that they ask for.
const REQUESTS: [(&str, &str, bool); 4] = [
    ("read", "s3:GetObject", true),
    ("write", "s3:PutObject", true),
    ("list", "s3:ListBucket", false),
    ("delete-bucket", "s3:DeleteBucket", false),
];

const OF_OBJECTS: [&str; 6] = ["aaa/*", "aab/*", "a*", "*", "aaa/k*", "aab/k"];
const OF_BUCKETS: [&str; 5] = ["aaa", "aab", "a*", "*", "ab?"];

/// A statement, as brute force reads it.
struct Plain {
    allows: bool,
    action: &'static str,
    resource: &'static str,
    /// Of the policy of a bucket: whom it names.
    about: Option<&'static [&'static str]>,
}

impl Plain {
    fn random(random: &mut Random) -> (Self, &'static str) {
        let (_, action, is_object) = random.pick(&REQUESTS);
        let resource = if is_object { random.pick(&OF_OBJECTS) } else { random.pick(&OF_BUCKETS) };
        let (principal, about) = random.pick(&PRINCIPALS);
        (Self { allows: random.below(4) > 0, action, resource, about }, principal)
    }

    fn text(&self, principal: Option<&str>) -> String {
        let effect = if self.allows { "Allow" } else { "Deny" };
        let principal = principal.map(|principal| format!(r#""Principal":{principal},"#)).unwrap_or_default();
        format!(r#"{{"Effect":"{effect}",{principal}"Action":"{}","Resource":"{ARN}{}"}}"#, self.action, self.resource)
    }

    /// Whether it covers a resource. In the policy of a user, a server of MinIO compares the name of a bucket with a `/`.
    fn covers(&self, resource: &str, is_own: bool, server: Server) -> bool {
        let with_slash = is_own && server == Server::Minio && !resource.contains('/');
        if with_slash && !self.resource.contains(['*', '?']) {
            return self.resource == resource || like(self.resource, &format!("{resource}/"));
        }
        like(self.resource, &if with_slash { format!("{resource}/") } else { resource.to_owned() })
    }
}

/// Whether a request is allowed: `None` if a group may have the named user as a member.
fn expected(own: &[Plain], of_bucket: &[Plain], sender: Sender, request: (&str, &str), server: Server) -> Option<bool> {
    let (action, resource) = request;
    let (mut allowed, mut denied, mut is_open) = (false, false, false);
    let own = own.iter().filter(|_| sender != Sender::Anonymous).map(|one| (one, true));
    let counts = sender == Sender::Anonymous || server == Server::Aws;
    let of_bucket = of_bucket.iter().filter(|_| counts).map(|one| (one, false));
    for (statement, is_own) in own.chain(of_bucket) {
        if statement.action != action || !statement.covers(resource, is_own, server) {
            continue;
        }
        let is_about = match (statement.about, sender) {
            _ if is_own => true,
            (None, _) => true,
            (Some(_), Sender::Anonymous) => false,
            (Some(users), Sender::User(user)) => users.contains(&user),
            (Some(_), Sender::Group) => {
                is_open = true;
                false
            }
        };
        allowed |= is_about && statement.allows;
        denied |= is_about && !statement.allows;
    }
    match (denied, is_open) {
        (true, _) => Some(false),
        (false, true) => None,
        (false, false) => Some(allowed),
    }
}

#[test]
fn policies_of_users_and_of_buckets_together_are_those_of_brute_force() {
    let catalogue = Catalogue::newest();
    let mut random = Random(31);
    let names = BUCKETS.map(|name| BucketName::parse(name).unwrap());
    let principals = [Principal::User(UserName::reported("alice")), Principal::User(UserName::reported("bob"))];
    let group = Principal::Group(GroupName::reported("g"));
    let (mut anonymous, mut by_union, mut denied) = (0, 0, 0);
    for _ in 0..pairs(60) {
        let own: Vec<Plain> = (0..random.below(3)).map(|_| Plain::random(&mut random).0).collect();
        let own_document = document(&own.iter().map(|one| one.text(None)).collect::<Vec<_>>().join(","));
        let policies: Vec<(Vec<Plain>, Document)> = (0..3)
            .map(|_| {
                let all: Vec<_> = (0..random.below(4)).map(|_| Plain::random(&mut random)).collect();
                let texts: Vec<_> = all.iter().map(|(one, principal)| one.text(Some(principal))).collect();
                (all.into_iter().map(|(one, _)| one).collect(), document(&texts.join(",")))
            })
            .collect();
        let buckets = || names.iter().zip(policies.iter().map(|(_, document)| BucketDocument::Known(document)));
        let together = combined(Some(&own_document), buckets());
        let without_login = combined(None, buckets());
        for (sender, (server, rules)) in SENDERS
            .into_iter()
            .flat_map(|sender| [(Server::Minio, Rules::MINIO_2021), (Server::Aws, Rules::AWS)].map(|of| (sender, of)))
        {
            let rules_list = RuleList::from(rules);
            let any = Context { rules: &rules_list, ..Context::new(&catalogue) };
            let (context, document) = match sender {
                Sender::Anonymous => (any.anonymous(), &without_login),
                Sender::User("alice") => (any.with(&principals[0]), &together),
                Sender::User(_) => (any.with(&principals[1]), &together),
                Sender::Group => (any.with(&group), &together),
            };
            let reach = Reach::new(document);
            for (word, action, is_object) in REQUESTS {
                for (bucket, (of_bucket, _)) in BUCKETS.iter().zip(&policies) {
                    let resource =
                        if is_object { format!("{bucket}/{}", random.pick(&["k", "x"])) } else { (*bucket).to_owned() };
                    let expected = expected(&own, of_bucket, sender, (action, &resource), server);
                    let request = RequestOn::parse(word, &resource).unwrap();
                    let decision = decide_request(Some(document), &request, &context, rules);
                    let set = RequestSet::parse(&[word], &[&resource], &catalogue).unwrap();
                    let found = set.allowed(None, &reach, &context);
                    let why = || {
                        format!("{word} {resource} by {rules} for {sender:?}\n{}\n{together:#?}", shown(&own_document))
                    };
                    match expected {
                        Some(true) => assert_eq!(decision.verdict, Verdict::Allowed, "{}", why()),
                        Some(false) => assert_eq!(decision.verdict, Verdict::Denied, "{}", why()),
                        None => {}
                    }
                    if let Some(expected) = expected {
                        assert_eq!(found.is_some(), expected, "{} {found:?}", why());
                    }
                    anonymous += usize::from(sender == Sender::Anonymous && expected == Some(true));
                    let own_alone = self::expected(&own, &[], sender, (action, &resource), server);
                    by_union +=
                        usize::from(sender != Sender::Anonymous && expected == Some(true) && own_alone == Some(false));
                    denied += usize::from(own_alone == Some(true) && expected == Some(false));
                }
            }
        }
    }
    assert!(anonymous > 20 && by_union > 20 && denied > 5, "each case is met: {anonymous} {by_union} {denied}");
}
