//! `attune.access/1`: what users and groups can do, and who can do something.

use super::access::{AccessV1, group, user};
use super::failure::word;
use super::requests::{CanV1, DecisionV1, names, words};
use super::why::WhyV1;
use crate::plan::NotReported;
use crate::policy::access::{Answer, Asked, Attachment, ByBucket, Counterexample, Holder, Missing, Report};

json_types! {
    /// The access of users and groups, or whether they may make one request.
    pub struct AccessReportV1 = "attune.access/1" of(report: &Report) {
        /// The request; missing when the report lists all access.
        request?: RequestV1 = report.what.clone().map(|asked| RequestV1::of(asked, &report.asked)),
        /// The rules that count, `[cluster] rules` or all of them, by their names. The first of them lead.
        rules: Vec<String> = names(&report.rules.iter().collect::<Vec<_>>()),
        /// The users and groups. With `--who`, those that may make the request, and those whose document is not known.
        principals: Vec<AccessAnswerV1> =
            report.answers.iter().map(|of| AccessAnswerV1::of(SubjectV1::of(&of.attachment), of)).collect(),
        /// With `--why`, why the request is allowed or not; missing without it.
        why?: WhyV1 = None,
        /// Access that is not in here, since the cluster does not report it.
        #[serde(default)]
        not_reported: Vec<NotReported> = not_reported(report.has_service_accounts(), report.buckets_known),
    }

    /// The requests that are asked for, and their resources.
    pub struct RequestV1 of(asked: String, of: &Asked) {
        /// What was asked for: a word, an action, or a pattern of either.
        asked: String = asked,
        /// The words of the requests that are meant; empty when the table of requests has none.
        requests: Vec<String> = match of {
            Asked::Everything | Asked::Actions(_) => Vec::new(),
            Asked::Request(of) => words(&[of.kind()]),
            Asked::Requests(of) => words(&of.kinds().collect::<Vec<_>>()),
            Asked::All(of) => of.words().map(str::to_owned).collect(),
        },
        /// The resource: an ARN.
        resource: String = match of {
            Asked::Everything => String::new(),
            Asked::Request(of) => of.resource().to_owned(),
            Asked::Requests(of) => of.resource().to_owned(),
            Asked::Actions(of) => of.resource().to_owned(),
            Asked::All(of) => of.resource().to_owned(),
        },
        /// Whether it is about all requests and resources that match, instead of one.
        pattern: bool = !matches!(of, Asked::Request(_)),
    }

    /// The access of one user, group or token, or of a document alone.
    pub struct AccessAnswerV1 of(subject: SubjectV1, answer: &Answer) {
        /// The user, if it is one.
        user?: String = subject.user,
        /// The group, if it is one.
        group?: String = subject.group,
        /// The path of the document, if the access is that of a document alone.
        document?: String = subject.document,
        /// The roles of a token, if the access is that of a token.
        roles?: Vec<String> = subject.roles,
        /// Whether it is the access of anyone without a login; missing if not.
        anonymous?: bool = subject.anonymous,
        /// The policy it has; missing when it has none.
        policy?: String = subject.policy,
        /// Whether attune knows the document of that policy. If not, there is no answer.
        document_known: bool = answer.attachment.is_known(),
        /// What it can do, or the part of that which is asked for. Missing for one request, and when the document is not known.
        can?: CanV1 = answer.can.as_ref().map(CanV1::of),
        /// The actions that are allowed, as access gained over none: all of them, or those that are asked for. Missing for a
        /// question about requests.
        access?: AccessV1 = answer.access.as_ref().map(AccessV1::of),
        /// The decisions about one request, those of the leading rules first; empty without one.
        decisions: Vec<DecisionV1> =
            answer.decisions.iter().map(|(rules, decision)| DecisionV1::of(rules, decision)).collect(),
        /// What its temporary credentials and service accounts can do, and its own keys cannot, of all or of what is asked for.
        /// Some servers give them another name.
        other_keys?: CanV1 = (!answer.other_keys.gains_nothing()).then(|| CanV1::of(&answer.other_keys)),
        /// Whether all is allowed that is asked for, by the rules: those of the leading rules first. Missing without `--all`.
        all*: AllV1 = answer.missing.iter().map(AllV1::of).collect(),
        /// The policies of buckets that allow it without a login; missing when there are none.
        by*: ByBucketV1 = answer.by.iter().map(ByBucketV1::of).collect(),
    }

    /// The policy of a bucket that allows something without a login.
    pub struct ByBucketV1 of(of: &ByBucket) {
        /// The bucket.
        bucket: String = of.bucket.to_string(),
        /// The name of its policy, such as `download`; missing if the bucket has a document of its own.
        policy?: String = of.canned.map(|canned| canned.as_str().to_owned()),
        /// The statements that allow it: `statement N`, counted from 1, with the `Sid`.
        statements: Vec<String> = of.statements.clone(),
    }

    /// Whether all is allowed that is asked for, by some of the rules.
    pub struct AllV1 of((rules, missing): &Missing) {
        /// The rules.
        rules: Vec<String> = names(rules),
        /// Whether all of it is always allowed.
        allowed: bool = missing.is_none(),
        /// One of the requests that are not always allowed; missing when there is none.
        missing?: MissingV1 = missing.as_ref().map(MissingV1::of),
    }

    /// A request that is not always allowed.
    pub struct MissingV1 of(of: &Counterexample) {
        /// Its word, or the action.
        request: String = word(&of.what),
        /// The resource: an ARN. If `undecided`, a pattern.
        resource: String = of.resource.clone(),
        /// The conditions under which it is not allowed; empty if it never is.
        conditions: Vec<String> = of.conditions.clone(),
        /// Whether it is only perhaps not allowed: the search was too long, or the document has unknown parts.
        undecided: bool = of.is_open,
    }

    /// A user, a group, or a token.
    #[derive(PartialEq, Eq)]
    pub struct SubjectV1 of(of: &Attachment) {
        /// The user, if it is one.
        user?: String = of.holder.principal().and_then(user),
        /// The group, if it is one.
        group?: String = of.holder.principal().and_then(group),
        /// The path of the document, if it is a document alone.
        document?: String = if let Holder::Document(path) = &of.holder { Some(path.clone()) } else { None },
        /// The roles, if it is a token.
        roles?: Vec<String> = match &of.holder {
            Holder::Roles(roles) => Some(roles.listed().map(|role| role.to_string()).collect()),
            Holder::Principal(_) | Holder::Document(_) | Holder::Anonymous => None,
        },
        /// Whether it is anyone without a login; missing if not.
        anonymous?: bool = (of.holder == Holder::Anonymous).then_some(true),
        /// The policy it has; missing when it has none.
        policy?: String = of.policy.as_ref().map(ToString::to_string),
    }
}

pub(super) fn not_reported(has_service_accounts: bool, buckets_known: bool) -> Vec<NotReported> {
    let all = [(has_service_accounts, NotReported::ServiceAccounts), (!buckets_known, NotReported::BucketPolicies)];
    all.into_iter().filter_map(|(is_open, what)| is_open.then_some(what)).collect()
}
