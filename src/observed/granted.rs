//! The document that an attached name gives.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Body;
use crate::base::PolicyName;
use crate::policy::{Document, Normal, normal};

/// The document that the attached name `name` gives, or `None` if it gives nothing.
///
/// Servers of MinIO's lineage read a name with a comma as a list: it gives each policy of the list (measured on two of
/// them). It is unknown whether WEKA does. So the document is unknown if a policy really has such a name.
#[must_use]
pub fn granted<'a>(policies: &'a BTreeMap<PolicyName, Body>, name: &PolicyName) -> Option<Cow<'a, Body>> {
    if !name.is_list() {
        return policies.get(name).map(Cow::Borrowed);
    }
    if policies.contains_key(name) {
        return Some(Cow::Owned(Body::Unreadable(format!("[policy or list of policies {name}]"))));
    }
    let bodies: Vec<&Body> = name.listed().filter_map(|part| policies.get(&part)).collect();
    match bodies.as_slice() {
        [] => None,
        [only] => Some(Cow::Borrowed(*only)),
        several => Some(Cow::Owned(together(name, several))),
    }
}

/// Several documents as one: it allows a request that any of them allows and none denies.
fn together(name: &PolicyName, bodies: &[&Body]) -> Body {
    let known: Option<Vec<&Normal>> = bodies.iter().map(|body| body.normal()).collect();
    let Some(known) = known else {
        return Body::Unreadable(format!("[list of policies {name}, not all of which can be read]"));
    };
    let first = known.first().map(|normal| normal.document()).cloned().unwrap_or_default();
    // Servers may read variables literally in a document without a version, but not in a part of a document.
    if known.iter().any(|normal| normal.document().version != first.version) {
        return Body::Unreadable(format!("[list of policies {name}, whose documents have different versions]"));
    }
    let statements = known.iter().flat_map(|normal| normal.document().statements.iter().cloned()).collect();
    Body::Known(normal(&Document { version: first.version, statements, ..Document::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::read;

    fn body(action: &str) -> Body {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::b/*"}}]}}"#
        );
        Body::Known(normal(&read(&text).document.unwrap()))
    }

    fn name(text: &str) -> PolicyName {
        PolicyName::reported(text)
    }

    #[test]
    fn a_list_gives_all_of_its_policies() {
        let mut policies = BTreeMap::from([(name("a"), body("s3:GetObject")), (name("b"), body("s3:PutObject"))]);
        let of = |policies: &BTreeMap<_, _>, text: &str| granted(policies, &name(text)).map(Cow::into_owned);
        assert_eq!(of(&policies, "a"), Some(body("s3:GetObject")));
        assert_eq!(of(&policies, "a,gone"), Some(body("s3:GetObject")));
        assert_eq!(of(&policies, "gone,lost"), None);
        let both = of(&policies, "a, b").unwrap();
        assert_eq!(both.normal().unwrap().document().statements.len(), 2);
        policies.insert(name("b"), Body::NotRead);
        assert_eq!(of(&policies, "a,b").unwrap().normal(), None, "one is not known");
        policies.insert(name("a,a"), body("s3:GetObject"));
        assert_eq!(of(&policies, "a,a").unwrap().normal(), None, "it may be a policy or a list");
    }
}
