//! Phrases about bucket policies.

use serde_json::value::RawValue;

use super::{Name, text_in};
use crate::base::CannedPolicy;

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
