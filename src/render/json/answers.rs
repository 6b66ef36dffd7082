//! `attune.access/1`: what users and groups can do, and who can do something.

use super::access::AccessV1;
use super::requests::{CanV1, DecisionV1, names};
use super::why::WhyV1;
use crate::plan::NotReported;
use crate::policy::access::{
    Answer, Asked, Attachment, ByBucket, Holder, Missing, Report, RequestKind, RequestOrAction,
};

json_types! {
    /// The access of users and groups, or whether they may make one request.
    pub struct AccessReportV1 = "attune.access/1" {
        /// The request; missing when the report lists all access.
        request?: RequestV1,
        /// The rules that count, `[cluster] rules` or all of them, by their names. The first of them lead.
        rules: Vec<String>,
        /// The users and groups. With `--who`, those that may make the request, and those whose document is not known.
        principals: Vec<AccessAnswerV1>,
        /// With `--why`, why the request is allowed or not; missing without it.
        why?: WhyV1,
        /// Access that is not in here, since the cluster does not report it.
        #[serde(default)]
        not_reported: Vec<NotReported>,
    }

    /// The requests that are asked for, and their resources.
    pub struct RequestV1 {
        /// What was asked for: a word, an action, or a pattern of either.
        asked: String,
        /// The words of the requests that are meant; empty when the table of requests has none.
        requests: Vec<String>,
        /// The resource: an ARN.
        resource: String,
        /// Whether it is about all requests and resources that match, instead of one.
        pattern: bool,
    }

    /// The access of one user, group or token, or of a document alone.
    pub struct AccessAnswerV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// The path of the document, if the access is that of a document alone.
        document?: String,
        /// The roles of a token, if the access is that of a token.
        roles?: Vec<String>,
        /// Whether it is the access of anyone without a login; missing if not.
        anonymous?: bool,
        /// The policy it has; missing when it has none.
        policy?: String,
        /// Whether attune knows the document of that policy. If not, there is no answer.
        document_known: bool,
        /// What it can do, or the part of that which is asked for. Missing for one request, and when the document is not known.
        can?: CanV1,
        /// The actions that are allowed, as access gained over none: all of them, or those that are asked for. Missing for a
        /// question about requests.
        access?: AccessV1,
        /// The decisions about one request, those of the leading rules first; empty without one.
        decisions: Vec<DecisionV1>,
        /// What its temporary credentials and service accounts can do, and its own keys cannot, of all or of what is asked for.
        /// Some servers give them another name.
        other_keys?: CanV1,
        /// Whether all is allowed that is asked for, by the rules: those of the leading rules first. Missing without `--all`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        all: Vec<AllV1>,
        /// The policies of buckets that allow it without a login; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<ByBucketV1>,
    }

    /// The policy of a bucket that allows something without a login.
    pub struct ByBucketV1 {
        /// The bucket.
        bucket: String,
        /// The name of its policy, such as `download`; missing if the bucket has a document of its own.
        policy?: String,
        /// The statements that allow it: `statement N`, counted from 1, with the `Sid`.
        statements: Vec<String>,
    }

    /// Whether all is allowed that is asked for, by some of the rules.
    pub struct AllV1 {
        /// The rules.
        rules: Vec<String>,
        /// Whether all of it is always allowed.
        allowed: bool,
        /// One of the requests that are not always allowed; missing when there is none.
        missing?: MissingV1,
    }

    /// A request that is not always allowed.
    pub struct MissingV1 {
        /// Its word, or the action.
        request: String,
        /// The resource: an ARN. If `undecided`, a pattern.
        resource: String,
        /// The conditions under which it is not allowed; empty if it never is.
        conditions: Vec<String>,
        /// Whether it is only perhaps not allowed: the search was too long, or the document has unknown parts.
        undecided: bool,
    }

    /// A user, a group, or a token.
    #[derive(PartialEq, Eq)]
    pub struct SubjectV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// The path of the document, if it is a document alone.
        document?: String,
        /// The roles, if it is a token.
        roles?: Vec<String>,
        /// Whether it is anyone without a login; missing if not.
        anonymous?: bool,
        /// The policy it has; missing when it has none.
        policy?: String,
    }
}

impl AccessReportV1 {
    /// A copy of a report.
    pub fn of(report: &Report) -> Self {
        let words = |kinds: &[RequestKind]| kinds.iter().map(|kind| kind.word().to_owned()).collect();
        let (requests, resource) = match &report.asked {
            Asked::Everything => (Vec::new(), ""),
            Asked::Request(of) => (words(&[of.kind()]), of.resource()),
            Asked::Requests(of) => (words(&of.kinds().collect::<Vec<_>>()), of.resource()),
            Asked::Actions(of) => (Vec::new(), of.resource()),
            Asked::All(of) => (of.words().map(str::to_owned).collect(), of.resource()),
        };
        let request = report.what.clone().map(|asked| RequestV1 {
            asked,
            requests,
            resource: resource.to_owned(),
            pattern: !matches!(report.asked, Asked::Request(_)),
        });
        Self {
            format: "attune.access/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            request,
            rules: names(&report.rules.iter().collect::<Vec<_>>()),
            principals: report.answers.iter().map(AccessAnswerV1::of).collect(),
            why: None,
            not_reported: [
                (report.has_service_accounts(), NotReported::ServiceAccounts),
                (!report.buckets_known, NotReported::BucketPolicies),
            ]
            .into_iter()
            .filter_map(|(is_open, what)| is_open.then_some(what))
            .collect(),
        }
    }
}

impl AccessAnswerV1 {
    fn of(answer: &Answer) -> Self {
        let SubjectV1 { user, group, document, roles, anonymous, policy } = SubjectV1::of(&answer.attachment);
        Self {
            user,
            group,
            document,
            roles,
            anonymous,
            policy,
            document_known: answer.attachment.is_known(),
            can: answer.can.as_ref().map(CanV1::of),
            access: answer.access.as_ref().map(AccessV1::of),
            decisions: answer.decisions.iter().map(|(rules, decision)| DecisionV1::of(rules, decision)).collect(),
            other_keys: (!answer.other_keys.gains_nothing()).then(|| CanV1::of(&answer.other_keys)),
            all: answer.missing.iter().map(AllV1::of).collect(),
            by: answer.by.iter().map(ByBucketV1::of).collect(),
        }
    }
}

impl ByBucketV1 {
    fn of(of: &ByBucket) -> Self {
        Self {
            bucket: of.bucket.to_string(),
            policy: of.canned.map(|canned| canned.as_str().to_owned()),
            statements: of.statements.clone(),
        }
    }
}

impl SubjectV1 {
    /// Whose access it is.
    pub(super) fn of(attachment: &Attachment) -> Self {
        let (user, group, document, roles) = match &attachment.holder {
            Holder::Principal(principal) => (principal.user(), principal.group(), None, None),
            Holder::Document(path) => (None, None, Some(path.clone()), None),
            Holder::Roles(roles) => (None, None, None, Some(roles.listed().map(|role| role.to_string()).collect())),
            Holder::Anonymous => (None, None, None, None),
        };
        Self {
            user: user.map(ToString::to_string),
            group: group.map(ToString::to_string),
            document,
            roles,
            anonymous: (attachment.holder == Holder::Anonymous).then_some(true),
            policy: attachment.policy.as_ref().map(ToString::to_string),
        }
    }
}

impl AllV1 {
    /// What is missing, by some rules.
    pub fn of((rules, missing): &Missing) -> Self {
        let missing = missing.as_ref().map(|of| MissingV1 {
            request: match &of.what {
                RequestOrAction::Request(kind) => kind.word().to_owned(),
                RequestOrAction::Action(action) => action.clone(),
            },
            resource: of.resource.clone(),
            conditions: of.conditions.clone(),
            undecided: of.is_open,
        });
        Self { rules: names(rules), allowed: missing.is_none(), missing }
    }
}
