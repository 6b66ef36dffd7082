//! Bucket policies: how attune reads them. MinIO servers decide only requests without a login by them.

use super::document::{Document, Statement};
use super::json::{self, Json};

/// How attune reads a statement with this `Principal`, in one sentence.
pub(super) fn principal_note(principal: &Json) -> &'static str {
    match is_everyone(principal) {
        true => "this is read as a bucket policy: the access is that of requests without a login",
        false => {
            "on MinIO servers, a bucket policy gives named principals nothing; the access is without this statement"
        }
    }
}

/// A bucket policy as it decides requests without a login: without the statements for named principals. Any other document is
/// as it is.
pub(super) fn for_everyone(document: &Document) -> Document {
    let for_everyone = |statement: &Statement| {
        let mut statement = statement.clone();
        let principal = statement.extra.remove("Principal").and_then(|principal| json::parse(&principal).ok());
        principal.is_none_or(|principal| is_everyone(&principal.value)).then_some(statement)
    };
    Document { statements: document.statements.iter().filter_map(for_everyone).collect(), ..document.clone() }
}

/// Whether a `Principal` is everyone.
fn is_everyone(principal: &Json) -> bool {
    match principal {
        Json::String(name) => name == "*",
        Json::Object(pairs) => pairs.iter().any(|pair| pair.value.list().iter().any(|node| is_everyone(&node.value))),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => false,
    }
}
