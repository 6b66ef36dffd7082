//! What is said of plans, outcomes and drift in every form that people read: the words, with names written as the form
//! needs them.

mod access;
mod refusals;
mod review;

use serde_json::value::RawValue;

use super::json::{
    AccessChangeV1, AttachedPrincipalV1, CallV1, ChangeV1, ClusterV1, PlanV1, ReplaceMethodV1, StatusV1, StepOutcomeV1,
    SummaryV1,
};
use super::words::count;
use crate::base::{list_some, shell_word};
use crate::plan::{NotReported, Note};
use crate::policy::access::{Context, same_access};
use crate::policy::{self, Catalogue, Document, Sameness};

pub use refusals::Refusals;
pub(super) use review::{
    NOT_IN_THE_PLAN, is_left, new_keys, nothing_proposed, option, plan_of_both, setting_change, settings_title,
    undeclared_fate, undeclared_object, undeclared_title,
};

pub(super) use access::{alike, example, mark, resources, servers, shortened, undecided};

/// How a name is written: made visible, as a code span, or inside HTML.
pub(super) type Name = fn(&str) -> String;

/// The command that runs just this plan, and whether it is all that is needed.
pub(super) fn command(plan: &PlanV1) -> (String, bool) {
    let mut command = format!("attune apply --approved {}", plan.digest);
    let mut whole = true;
    // What a proposal changes in the settings counts after the merge; until then the plan is that of the base.
    let revision = plan.review.as_ref().filter(|review| !review.settings.is_empty()).map(|review| &review.revision);
    let base = revision.map(|revision| ("--base", Some(revision)));
    let options = plan.options.iter().map(|option| (option.name.as_str(), option.value.as_ref()));
    for (name, value) in base.into_iter().chain(options) {
        match value {
            // The file of a catalogue is known by its content only.
            Some(_) if name == "--catalogue" => whole = false,
            Some(value) => match shell_word(value) {
                Some(value) => command += &format!(" {name} {value}"),
                None => whole = false,
            },
            None => command += &format!(" {name}"),
        }
    }
    (command, whole)
}

/// The release without the build's hash.
pub(super) fn release(cluster: &ClusterV1) -> &str {
    cluster.release.split('-').next().unwrap_or_default()
}

/// `1 to add, 2 to remove`; empty where nothing is to be done.
pub(super) fn counts(summary: &SummaryV1) -> String {
    let SummaryV1 { add, replace, remove, attach, r#move, detach, unchanged: _, unmanaged: _, calls: _ } = *summary;
    numbers(&[
        (add, "to add"),
        (replace, "to replace"),
        (remove, "to remove"),
        (attach, "to attach"),
        (r#move, "to move"),
        (detach, "to detach"),
    ])
}

/// `12 done, 2 failed`; empty where there were no calls.
pub(super) fn endings(steps: &[StepOutcomeV1]) -> String {
    let number = |of: &[StatusV1]| steps.iter().filter(|step| of.contains(&step.status)).count();
    numbers(&[
        (number(&[StatusV1::Done]), "done"),
        (number(&[StatusV1::AlreadyDone]), "already done"),
        (number(&[StatusV1::Refused]), "refused"),
        (number(&[StatusV1::Drifted]), "drifted"),
        (number(&[StatusV1::UnknownOutcome]), "in doubt"),
        (number(&[StatusV1::Failed]), "failed"),
        (number(&[StatusV1::NotReached, StatusV1::Interrupted]), "not reached"),
    ])
}

/// Why a plan is refused, such as `refused by a guard`; `None` where it is not.
pub(super) fn refused(plan: &PlanV1) -> Option<&'static str> {
    let codes = plan.refusals.iter().map(|refusal| refusal.code.as_str());
    (!plan.refusals.is_empty()).then(|| Refusals::of(codes).verdict())
}

/// Those of the numbers that are not 0, each with what it is the number of.
fn numbers(numbers: &[(usize, &str)]) -> String {
    let some: Vec<_> = numbers.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    some.join(", ")
}

/// A user by its name, a group as such: `alice`, `group ml`.
pub(super) fn who(user: Option<&str>, group: Option<&str>, name: Name) -> String {
    match (user, group) {
        (Some(user), _) => name(user),
        (None, Some(group)) => format!("group {}", name(group)),
        (None, None) => "nobody".to_owned(),
    }
}

/// Whose access it is: a user, a group, or someone whom the cluster does not report and who has a policy by its name.
pub(super) fn whose(of: &AccessChangeV1, name: Name) -> String {
    match &of.policy {
        Some(policy) => format!("anyone who has policy {}", name(policy)),
        None => who(of.user.as_deref(), of.group.as_deref(), name),
    }
}

/// The title of what those may gain whom the cluster does not report.
pub(super) const UNREPORTED_GAINS: &str = "access that others may gain, whom the cluster does not report";

/// What the cluster does not report; empty where it reports all.
pub(super) fn not_reported(kinds: &[NotReported]) -> String {
    let one = |kind: &NotReported| {
        let words = match kind {
            NotReported::Groups => "which groups have a policy",
            NotReported::IdentityProvider => "whom an identity provider gives policies by their names",
            NotReported::ServiceAccounts => {
                "service accounts and temporary credentials (they have at most what their user has)"
            }
        };
        words.to_owned()
    };
    kinds.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Who gets a policy as soon as it is added, because they have its name already.
pub(super) fn given_at_once(holders: &[AttachedPrincipalV1], most: usize, name: Name) -> String {
    format!(
        "given at once to {}, who {} its name already",
        named(holders, most, name),
        if holders.len() == 1 { "has" } else { "have" }
    )
}

/// What a change is about: `policy NAME`, `user NAME` or `group NAME`.
pub(super) fn object(change: &ChangeV1, name: Name) -> String {
    match (&change.policy, &change.user, &change.group) {
        (Some(policy), _, _) => format!("policy {}", name(policy)),
        (None, Some(user), _) => format!("user {}", name(user)),
        (None, None, Some(group)) => format!("group {}", name(group)),
        (None, None, None) => name(&change.id),
    }
}

/// The name of the policy that somebody holds, or `nothing`.
pub(super) fn held(policy: Option<&RawValue>, name: Name) -> String {
    text_in(policy).map_or_else(|| "nothing".to_owned(), |policy| name(&policy))
}

/// The text that a value is: the name of a policy, or a document that cannot be modelled. `None` for a document.
pub(super) fn text_in(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// A document in a plan or a drift; `None` for one that cannot be modelled, of which there is the text.
pub(super) fn document(raw: &RawValue) -> Option<Document> {
    policy::read_lenient(raw.get()).ok()
}

/// A call: `attach ml-training to alice`.
pub(super) fn called(
    call: CallV1,
    policy: Option<&str>,
    (user, group): (Option<&str>, Option<&str>),
    name: Name,
) -> String {
    let (policy, holder) = (name(policy.unwrap_or_default()), who(user, group, name));
    match call {
        CallV1::AddPolicy => format!("add policy {policy}"),
        CallV1::RemovePolicy => format!("remove policy {policy}"),
        CallV1::Attach => format!("attach {policy} to {holder}"),
        CallV1::RevokeKeys => format!("revoke the keys of {holder}"),
        CallV1::Detach => format!("detach {policy} from {holder}"),
    }
}

/// How much of what a cluster takes the new document is.
pub(super) fn size(plan: &PlanV1, change: &ChangeV1) -> Option<String> {
    let after = change.after.as_ref()?;
    Some(format!("{} of {} bytes", after.get().len(), plan.limits.document_bytes))
}

/// How a document is replaced. `keeping` says who keeps access throughout, `without` who lacks it for a moment.
pub(super) fn replacing(
    method: ReplaceMethodV1,
    holders: &[AttachedPrincipalV1],
    keeping: impl Fn() -> String,
    without: impl Fn() -> String,
) -> String {
    match method {
        ReplaceMethodV1::Plain if holders.is_empty() => "replaced, nobody holds it".to_owned(),
        ReplaceMethodV1::Plain => format!("replaced while it is attached: {}", keeping()),
        ReplaceMethodV1::Swap if holders.is_empty() => "swap, nobody loses access on the way".to_owned(),
        ReplaceMethodV1::Swap => format!("swap, access is kept throughout by {}", keeping()),
        ReplaceMethodV1::Gap => format!("gap, without access for a moment: {}", without()),
        ReplaceMethodV1::Finish if holders.is_empty() => "brought back, nobody holds it".to_owned(),
        ReplaceMethodV1::Finish => format!("brought back, access is kept throughout by {}", keeping()),
    }
}

/// `2 holders: alice and bob`, of whom at most so many are named.
pub(super) fn counted(holders: &[AttachedPrincipalV1], most: usize, name: Name) -> String {
    format!("{}: {}", count(holders.len(), "holder", "holders"), named(holders, most, name))
}

/// Holders by their names, at most so many.
pub(super) fn named(holders: &[AttachedPrincipalV1], most: usize, name: Name) -> String {
    let one = |of: &AttachedPrincipalV1| {
        let who = who(of.user.as_deref(), of.group.as_deref(), name);
        if of.declared { who } else { format!("{who} (in no file)") }
    };
    list_some(holders, most, one)
}

/// What a new document does not change.
pub(super) fn sameness(before: &Document, after: &Document) -> Option<&'static str> {
    match policy::sameness(before, after) {
        Sameness::Same => None,
        Sameness::IdsOnly => Some("ids only: the document decides as before"),
        Sameness::Different => same_access(before, after, &Context::new(&Catalogue::newest()))
            .then_some("no access change: the new document allows what the old one does"),
    }
}

/// What a note says; that an interrupted replacement is finished is said with the change.
pub(super) fn noted(note: Note) -> Option<&'static str> {
    match note {
        Note::Resumed => None,
        Note::KeysKept => Some("the key pair stays valid for a later attach"),
        Note::KeysRevoked => Some("before that, a new key pair is made and thrown away: the old one is worthless"),
        Note::KeysMayBeCreated => Some(KEYS_MAY_APPEAR),
        Note::Imported => Some("the user comes from a directory, whose next refresh sets its policy again"),
        Note::NameAbsent => {
            Some("the name is absent for a moment: identities mapped to it by name (OIDC) are affected")
        }
        Note::NameGone => Some("identities mapped to it by name (OIDC) lose it; the cluster does not report them here"),
        Note::NoRoom => Some("a gap, because the cluster has no room for one policy more"),
        Note::NoRoomToMove => Some("without access for a moment, because the cluster has no room for one policy more"),
    }
}

/// Whether a note is about the key pair of a user.
pub(super) fn is_of_keys(note: Note) -> bool {
    match note {
        Note::KeysKept | Note::KeysRevoked | Note::KeysMayBeCreated => true,
        Note::Resumed | Note::Imported | Note::NameAbsent | Note::NameGone | Note::NoRoom | Note::NoRoomToMove => false,
    }
}

/// What an attach may bring.
pub(super) const KEYS_MAY_APPEAR: &str = "a key pair is made if there is none, an old one works again";
