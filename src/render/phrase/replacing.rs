//! Phrases about replaced documents.

use crate::render::json::ReplaceMethodV1;

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
