//! One request: an action on one resource, which has no wildcards.

use super::Profile;
use super::glob::Glob;
use super::universe::{ARN, Universe};
use crate::base::nearest;
use crate::policy::{Catalogue, Kind};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    action: String,
    kind: Kind,
    resource: String,
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    /// The action is not in the catalogue.
    #[error("`{action}` is no action of this release{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Action {
        /// The action.
        action: String,
        /// The action whose name is nearest to it.
        near: Option<String>,
    },
    /// The resource is none of S3, or not of the kind that the action is about.
    #[error("`{action}` is about {}, and `{resource}` is none", about(*.kind))]
    Resource {
        /// The action.
        action: String,
        /// What it is about.
        kind: Kind,
        /// The resource.
        resource: String,
    },
}

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Account => "no bucket: its resource is `*`",
        Kind::Bucket => "a bucket: `arn:aws:s3:::BUCKET`",
        Kind::Object => "an object: `arn:aws:s3:::BUCKET/KEY`",
    }
}

impl Request {
    /// Reads a request. A resource may leave out `arn:aws:s3:::`; `*` and `?` in it stand for themselves.
    ///
    /// # Errors
    /// Says why there is no such request.
    pub fn parse(action: &str, resource: &str, catalogue: &Catalogue) -> Result<Self, RequestProblem> {
        let Some(known) = catalogue.get(action) else {
            let names = catalogue.actions().iter().map(|action| action.name.as_str());
            let near = nearest(action, names).map(str::to_owned);
            return Err(RequestProblem::Action { action: action.to_owned(), near });
        };
        let kind = known.kind;
        let behind = resource.strip_prefix(ARN).unwrap_or(resource);
        let fits = !behind.starts_with("arn:")
            && match kind {
                Kind::Account => behind == "*",
                Kind::Bucket => !behind.is_empty() && !behind.contains('/'),
                Kind::Object => {
                    behind.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
                }
            };
        if !fits {
            return Err(RequestProblem::Resource { action: action.to_owned(), kind, resource: resource.to_owned() });
        }
        let bare = kind == Kind::Account && resource == behind;
        let resource = if bare { resource.to_owned() } else { format!("{ARN}{behind}") };
        Ok(Self { action: action.to_owned(), kind, resource })
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The resource: an ARN, or `*`.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Whether the resource has characters that would be wildcards in a policy. Here they stand for themselves.
    #[must_use]
    pub fn looks_like_a_pattern(&self) -> bool {
        self.kind != Kind::Account && self.resource.contains(['*', '?'])
    }

    /// What the action is about.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the resource is looked for, and its text there.
    pub(super) fn place(&self, profile: Profile) -> (Universe, Glob) {
        let behind = self.resource.strip_prefix(ARN);
        let text = behind.unwrap_or_default();
        match (self.kind, profile) {
            (Kind::Account, Profile::Aws) if behind.is_none() => (Universe::Bare, Glob::literal("")),
            (Kind::Account, Profile::Aws) => (Universe::Star, Glob::literal("*")),
            (Kind::Account, Profile::Minio) => (Universe::Root, Glob::literal("/")),
            (Kind::Bucket, Profile::Aws) => (Universe::Bucket, Glob::literal(text)),
            (Kind::Bucket, Profile::Minio) => (Universe::BucketSlash, Glob::literal(&format!("{text}/"))),
            (Kind::Object, Profile::Aws | Profile::Minio) => (Universe::Object, Glob::literal(text)),
        }
    }
}
