//! Phrases about replaced documents and policies of buckets.

use serde_json::value::RawValue;

use super::{Name, size, text_in};
use crate::base::CannedPolicy;
use crate::render::json::{ChangeV1, PlanV1, ReplaceMethodV1};

/// How a document is replaced. `attached` are the users and groups that keep access; `interrupted` those that a gap
/// interrupts.
pub(in crate::render) fn replacing(
    method: ReplaceMethodV1,
    unattached: bool,
    attached: &str,
    interrupted: &str,
) -> String {
    match (method, unattached) {
        (ReplaceMethodV1::Plain, true) => "replaced, attached to nobody".to_owned(),
        (ReplaceMethodV1::Plain, false) => format!("replaced while attached to {attached}"),
        (ReplaceMethodV1::Swap, true) => "replaced without interruption".to_owned(),
        (ReplaceMethodV1::Swap, false) => format!("replaced without interruption for {attached}"),
        (ReplaceMethodV1::Gap, _) => format!("replaced with a gap, interrupts access of {interrupted}"),
        (ReplaceMethodV1::Finish, true) => "restored, attached to nobody".to_owned(),
        (ReplaceMethodV1::Finish, false) => format!("restored without interruption for {attached}"),
    }
}

/// Whether a text is the name of a canned bucket policy. An unreadable document is not.
pub(in crate::render) fn is_canned(text: &str) -> bool {
    text.parse::<CannedPolicy>().is_ok()
}

/// The policy of a bucket: its name, or that it is a document.
pub(in crate::render) fn bucket_policy(value: Option<&RawValue>, name: Name) -> String {
    match text_in(value) {
        Some(text) if is_canned(&text) => name(&text),
        Some(_) => "a document that attune cannot read".to_owned(),
        None => "a document".to_owned(),
    }
}

/// The change of a bucket: `none → download`, or with the size of a new document.
pub(in crate::render) fn bucket_change(plan: &PlanV1, change: &ChangeV1, name: Name) -> String {
    let [before, after] = [&change.before, &change.after].map(|side| bucket_policy(side.as_deref(), name));
    let has_document = text_in(change.after.as_deref()).is_none();
    let size = size(plan, change).filter(|_| has_document).map(|size| format!(" · {size}")).unwrap_or_default();
    format!("{before} → {after}{size}")
}
