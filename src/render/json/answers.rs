//! `attune.access/1`: what users and groups can do, who can do something, and why. `attune.access-comparison/1`: what only one of
//! two can do, and what both can.

use super::access::{AccessV1, CanV1, DecisionV1, group, names, user, words};
use super::expectation::word;
use crate::base::{Location, Sources};
use crate::plan::{Change, ChangeKind, NotReported};
use crate::policy::Effect;
use crate::policy::access::{
    Answer, Asked, Attachment, ByBucket, Comparison, Counterexample, Holder, Missing, Relation, Report, Verdict,
};
use crate::report::Deciding;

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

json_types! {
    /// Why someone can or cannot do something.
    pub struct WhyV1 {
        /// The statements that decide; empty if no statement allows the request.
        statements: Vec<StatementV1>,
        /// With `--plan`, what the plan changes of it.
        plan?: WhyPlanV1,
    }

    /// A statement that decides.
    pub struct StatementV1 of(one: &Deciding, sources: &Sources, last_change: Option<LastChangeV1>) {
        /// The policy; missing for a document alone, and for the policy of a bucket.
        policy?: String = one.policy.as_ref().map(ToString::to_string),
        /// The bucket, if it is a statement of the policy of one.
        bucket?: String = one.bucket.as_ref().map(ToString::to_string),
        /// The `Sid`, or else `statement N`, counted from 1.
        statement: String = one.statement.clone(),
        /// Its number in the document, counted from 1.
        number: usize = one.index + 1,
        /// Whether it allows or denies.
        effect: Effect = one.effect,
        /// The actions that it allows or denies.
        actions: Vec<String> = one.actions.iter().cloned().collect(),
        /// The conditions under which it applies, all of them.
        conditions: Vec<String> = one.conditions.clone(),
        /// The only rules by which it decides; missing if by all that count.
        rules*: String = names(&one.rules),
        /// The file, if the configuration has it.
        file?: String = one.at.as_ref().map(|at| sources.file(at.file).path.clone()),
        /// The first line, from 1.
        line?: usize = one.at.as_ref().map(|at| sources.line_column(at).0),
        /// The last change of its lines; missing if the file is in no Git repository.
        last_change?: LastChangeV1 = last_change,
    }

    /// The last change of some lines.
    #[derive(Default)]
    pub struct LastChangeV1 {
        /// Whether the lines are committed as they are. If not, nothing else is here.
        committed: bool,
        /// The hash of the commit.
        commit?: String,
        /// The day on which the author wrote it, in the author's time zone.
        date?: String,
        /// The name of the author, as the commit has it.
        author?: String,
        /// The first line of the message.
        summary?: String,
        /// Whether an older commit may have changed them, which the clone does not have.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        or_before: bool,
    }

    /// What a plan changes of a request.
    pub struct WhyPlanV1 {
        /// The answer on the cluster, by the leading rules.
        before: Verdict,
        /// The answer after the plan, by the leading rules.
        after: Verdict,
        /// Whether a guard or an expectation refuses the plan.
        refused: bool,
        /// The changes of its attachment, and of the policies that it has before or after.
        changes: Vec<WhyChangeV1>,
    }

    /// A change of a plan.
    pub struct WhyChangeV1 of(change: &Change, at: Option<&Location>, sources: &Sources) {
        /// Its name in the plan.
        id: String = change.id.to_string(),
        /// What it does, in words.
        text: String = text(change),
        /// The file of the declaration; missing if there is none.
        file?: String = at.map(|at| sources.file(at.file).path.clone()),
        /// Its line, from 1.
        line?: usize = at.map(|at| sources.line_column(at).0),
    }
}

fn text(change: &Change) -> String {
    match &change.kind {
        ChangeKind::AddPolicy { policy, .. } => format!("adds policy {policy}"),
        ChangeKind::ReplacePolicy { policy, .. } => format!("replaces policy {policy}"),
        ChangeKind::RenamePolicy { policy, old, .. } => format!("renames policy {old} to {policy}"),
        ChangeKind::RemovePolicy { policy, .. } => format!("removes policy {policy}"),
        ChangeKind::Attach { principal, after } => format!("attaches {after} to {}", principal.label()),
        ChangeKind::Move { principal, before, after } => {
            format!("moves {} from {before} to {after}", principal.label())
        }
        ChangeKind::SetBucketPolicy { bucket, .. } => format!("sets the policy of bucket {bucket}"),
        ChangeKind::Detach { principal, before } => format!("detaches {} from {before}", principal.label()),
    }
}

json_types! {
    /// What only one of two users, groups or tokens can do, and what both can.
    pub struct AccessComparisonV1 = "attune.access-comparison/1" of(comparison: &Comparison) {
        /// The rules that count, by their names. The first of them lead.
        rules: Vec<String> = names(&comparison.rules.iter().collect::<Vec<_>>()),
        /// The first one.
        one: SubjectV1 = SubjectV1::of(&comparison.one),
        /// The second one.
        other: SubjectV1 = SubjectV1::of(&comparison.other),
        /// How their access is related, by all rules that count.
        relation: Relation = comparison.relation(),
        /// What only the first one can do.
        only_one: CanV1 = CanV1::of(&comparison.only_one),
        /// What only the second one can do.
        only_other: CanV1 = CanV1::of(&comparison.only_other),
        /// What both can do.
        both: CanV1 = CanV1::of(&comparison.both),
        /// The actions: `lost` are those that only the first one may do, and `gained` those of only the second one.
        actions: AccessV1 = AccessV1::of(&comparison.actions),
    }
}
