//! Why someone can or cannot do something, as a part of `attune.access/1`.

use super::requests::names;
use crate::base::{Location, Sources};
use crate::plan::{Change, ChangeKind};
use crate::policy::Effect;
use crate::policy::access::Verdict;
use crate::report::Deciding;

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
