//! Bucket policies: how attune reads them. MinIO servers decide only requests without a login by them.

use super::document::{Document, Statement};
use super::json::{self, Json};

/// The members of a statement that say who it is about.
pub(super) const PRINCIPALS: [&str; 2] = ["Principal", "NotPrincipal"];

/// How attune reads a statement with this `Principal` or `NotPrincipal`, in one sentence.
pub(super) fn principal_note(member: &str, principal: &Json) -> &'static str {
    match (member, is_everyone(principal)) {
        ("NotPrincipal", true) => "this `NotPrincipal` leaves out everyone; the access is without this statement",
        ("NotPrincipal", false) => {
            "MinIO servers refuse a `NotPrincipal`; by the AWS user guide, it does not leave out requests without a login"
        }
        (_, true) => "this is read as a bucket policy: the access is that of requests without a login",
        (_, false) => {
            "on MinIO servers, a bucket policy gives named principals nothing; the access is without this statement"
        }
    }
}

/// A bucket policy as it decides requests without a login: without the statements for named principals. Any other document is
/// as it is.
#[must_use]
pub fn for_everyone(document: &Document) -> Document {
    let for_everyone = |statement: &Statement| {
        let mut statement = statement.clone();
        let applies = PRINCIPALS.iter().all(|member| {
            let principal = statement.extra.remove(*member).and_then(|principal| json::parse(&principal).ok());
            principal.is_none_or(|principal| is_everyone(&principal.value) == (*member == "Principal"))
        });
        applies.then_some(statement)
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
