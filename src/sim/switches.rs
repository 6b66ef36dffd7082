//! Switches for behaviours that differ between clusters or are unknown, and the limits of a cluster.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sim::error::SimError;

/// Whether the cluster refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefuseOrAllow {
    /// With a 400.
    Refuse,
    /// It executes the call.
    Allow,
}

/// How a removal treats a policy that a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveAttached {
    /// The cluster refuses it with a 400.
    Refuse,
    /// The policy goes, and the users keep its name.
    Allow,
    /// The policy goes, and its name is taken from the users (a server of the lineage, from 2021).
    Detaches,
}

/// How an attach treats a user that has this very policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachAgain {
    /// As one that has another policy.
    Accept,
    /// The cluster answers 500 with `… is already present in the list`, as seen for policies of another kind.
    Present,
}

/// What a comma in the name of a policy means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommaInName {
    /// It is a letter like any other.
    Name,
    /// It separates the names of several policies in an attach, and no policy can have it in its name (servers of the lineage).
    List,
}

impl CommaInName {
    /// The policies that an attached name stands for.
    pub(crate) fn names(self, attached: &str) -> Vec<&str> {
        match self {
            Self::Name => vec![attached],
            Self::List => attached.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
        }
    }
}

/// The shape in which the `weka` command prints policies as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandShape {
    /// The `data` of the REST API: `{"policy":{"name":…,"content":…}}`, and the list in its shape.
    Raw,
    /// The rows of the table: `[{"name":…,"content":…}]`; one object since 6.0.
    Table,
    /// The document alone, as on the vendor's page.
    Bare,
}

/// The length of new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLength {
    /// 20 characters for the access key and 40 for the secret key.
    Usual,
    /// 128 characters for both.
    Long,
}

/// The response of `GET /s3/oidc` without an identity provider. No definition has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoProvider {
    /// `{"data":null}`
    Null,
    /// `{"data":{}}`
    Empty,
    /// `{"data":{"config_url":"","claim_name":""}}`
    EmptyTexts,
    /// A 404.
    NotFound,
    /// Unknown members.
    Unknown,
}

/// How an attach treats a user that has a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachOver {
    /// The new policy replaces the old one.
    Replace,
    /// The cluster refuses the call with a 400.
    Refuse,
}

/// How an add treats a name that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddOver {
    /// The cluster refuses the call with a 400.
    Refuse,
    /// The new document replaces the old one.
    Overwrite,
}

/// The shape of the list in `GET /s3/policies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListShape {
    /// `{"data":{"policies":["readonly"]}}`
    Names,
    /// `{"data":{"policies":[{"name":"readonly"}]}}`
    Objects,
    /// `{"data":["readonly"]}`
    BareNames,
    /// `{"data":[{"name":"readonly"}]}`
    BareObjects,
}

/// Which names are in a list more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListDuplicates {
    /// None.
    Once,
    /// Each S3 user is there twice: the second record is from the directory `LDAP` and has no policy.
    UsersTwice,
    /// Each policy is there twice.
    PoliciesTwice,
}

/// The definition of its API that the cluster serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnDefinition {
    /// The true one.
    Own,
    /// One in which the next release renamed `user_name` to `user`. The calls stay as they are.
    Renamed,
    /// None.
    Missing,
}

/// What `GET /s3/buckets/{bucket}/policy` answers for a bucket with a document of its own. No definition says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomBucketPolicy {
    /// `Custom`, as the client of the lineage does.
    Custom,
    /// `None`, as for a bucket without a policy.
    None,
    /// An empty text.
    Empty,
    /// The document.
    Document,
    /// A 400.
    Refuse,
}

/// What `GET /s3/buckets/{bucket}/policyJson` answers for a bucket whose policy is `None`. No definition says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsetBucketPolicy {
    /// An empty text.
    Empty,
    /// `null`
    Null,
    /// `{}`
    Object,
    /// A 400.
    Refuse,
    /// A 404.
    NotFound,
}

/// How the cluster spells the names of its bucket policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketWords {
    /// `Download`, as in the definitions.
    Title,
    /// `download`, as for the `weka` command.
    Lower,
}

/// The form in which the cluster takes the document of a bucket policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketDocumentForm {
    /// As an object, or as JSON in a string.
    Either,
    /// As an object, like the example in the definitions.
    Object,
    /// As JSON in a string, which the definitions declare.
    Text,
}

/// Which documents the cluster accepts as a bucket policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketDocuments {
    /// Those that a server of the lineage accepts (measured on one of 2021).
    Strict,
    /// Every document that it accepts as a policy of users.
    Any,
}

/// The shape of the response to a call that creates a key pair. For an attach, no definition has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachAnswer {
    /// `{"data":{"access_key":…,"secret_key":…}}`
    Snake,
    /// `{"data":{"accessKey":…,"secretKey":…}}`, as in the response of the call that renews a pair (a later 5.1).
    Camel,
    /// `{"data":{"access_key_id":…,"secret_access_key":…}}`
    Ids,
    /// One level deeper, in an array.
    Deep,
    /// A text under `data`.
    Text,
    /// A text, and no JSON at all.
    Body,
    /// Unknown members.
    Unknown,
    /// A message for people, and no key pair.
    Message,
    /// No key pair at all.
    Nothing,
}

/// The rules by which the S3 service decides requests and answers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum S3Rules {
    /// Those of MinIO of April 2021 (measured).
    #[serde(rename = "minio-2021")]
    Minio2021,
    /// Those of MinIO of February 2026 (measured).
    #[serde(rename = "minio-2026")]
    Minio2026,
    /// Those of AWS, by its user guide.
    #[serde(rename = "aws")]
    Aws,
}

with_defaults! {
    /// How this cluster behaves where clusters differ or the behaviour is unknown.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Switches {
        /// Removing an attached policy. The newest documentation says it is refused; clients rely on older releases that
        /// allow it.
        pub remove_attached: RemoveAttached = RemoveAttached::Refuse,
        /// Attaching a policy to a user that has one.
        pub attach_over: AttachOver = AttachOver::Replace,
        /// Attaching the policy that a user has already.
        pub attach_again: AttachAgain = AttachAgain::Accept,
        /// What a comma in the name of a policy means: unknown.
        pub comma: CommaInName = CommaInName::Name,
        /// Adding a policy under a name that exists: unknown.
        pub add_over: AddOver = AddOver::Refuse,
        /// Detaching a user without a policy: unknown.
        pub detach_unattached: RefuseOrAllow = RefuseOrAllow::Refuse,
        /// Whether the response to an attach contains the new key pair: unknown for REST.
        pub attach_shows_keys: bool = true,
        /// The shape of that response.
        pub attach_answer: AttachAnswer = AttachAnswer::Snake,
        /// The shape of the list of policies. No definition has it.
        pub list_shape: ListShape = ListShape::Names,
        /// Which names are in a list twice: a user may be in two directories.
        pub lists: ListDuplicates = ListDuplicates::Once,
        /// Whether a policy is shown with its document as JSON in a string.
        pub content_as_string: bool = false,
        /// Whether `/s3/userPolicies` answers `{"users":…}` as in the definition, without `data` around it.
        pub user_policies_bare: bool = false,
        /// Whether `/s3/sts` answers inside `data`, unlike the definition.
        pub sts_in_data: bool = false,
        /// The response of `GET /s3/oidc` without an identity provider.
        pub no_provider: NoProvider = NoProvider::Null,
        /// Whether `/login` and `/login/refresh` answer `data` as an array of one, as on a page of the documentation.
        pub login_in_array: bool = false,
        /// Whether responses have numbers such as `300.0`.
        pub float_numbers: bool = false,
        /// The shape in which the `weka` command prints policies as JSON. It prints what the cluster returned, says the
        /// documentation.
        pub command_shape: CommandShape = CommandShape::Raw,
        /// The length of new keys.
        pub keys: KeyLength = KeyLength::Usual,
        /// Whether it has `POST /users/{uid}/s3/resetCredentials`: builds of 5.1 differ, and the definition of 6.0 is not public.
        pub key_reset: bool = false,
        /// The shape of its response. The default is that of the definition.
        pub reset_answer: AttachAnswer = AttachAnswer::Camel,
        /// What a cluster calls the policy of a bucket that has a document of its own.
        pub custom_bucket_policy: CustomBucketPolicy = CustomBucketPolicy::Custom,
        /// The document that it shows for a bucket whose policy is `None`.
        pub unset_bucket_policy: UnsetBucketPolicy = UnsetBucketPolicy::Empty,
        /// How it spells the names of bucket policies.
        pub bucket_words: BucketWords = BucketWords::Title,
        /// The form in which it takes the document of a bucket policy. The definitions declare a string, and their example is
        /// an object.
        pub bucket_document_form: BucketDocumentForm = BucketDocumentForm::Either,
        /// Whether it shows that document as an object, unlike the definition.
        pub bucket_document_as_object: bool = false,
        /// Which documents it accepts.
        pub bucket_documents: BucketDocuments = BucketDocuments::Strict,
        /// Whether `/s3/buckets` answers inside `data`, unlike the definition.
        pub buckets_in_data: bool = false,
        /// The response of `/docs/schema`, from 5.0.
        pub own_definition: OwnDefinition = OwnDefinition::Own,
        /// The rules of its S3 service.
        pub s3_rules: S3Rules = S3Rules::Minio2021,
    }
}

impl Switches {
    /// These switches with one changed, as `name=value`.
    ///
    /// # Errors
    /// The error lists the switches, or the values of this one.
    pub fn with(self, setting: &str) -> Result<Self, SimError> {
        let (name, value) = setting.split_once('=').ok_or_else(|| {
            SimError(format!("`{setting}` is not a switch; write `name=value`, such as `remove_attached=allow`"))
        })?;
        let set = || -> Result<Self, serde_json::Error> {
            let mut all = serde_json::to_value(self)?;
            let value = match value {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                other => Value::from(other),
            };
            if let Some(members) = all.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
            serde_json::from_value(all)
        };
        // The error of serde lists the possible names or values.
        set().map_err(|error| SimError(format!("`{setting}` is not a switch of the simulator: {error}")))
    }
}

with_defaults! {
    /// The limits of a cluster.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Limits {
        /// Policies of one tenant. Assumed: the predefined ones count, and the limit is per tenant.
        pub policies: usize = 1024,
        /// Bytes of one minified document. How a cluster counts is unknown.
        pub document_bytes: usize = 2048,
        /// S3 users of one tenant. Assumed: the limit is per tenant.
        pub s3_users: usize = 1024,
        /// Buckets of the cluster (vendor documentation).
        pub buckets: usize = 10_000,
        /// Bytes of the minified document of one bucket policy. Assumed: as on servers of the lineage.
        pub bucket_document_bytes: usize = 20_480,
        /// Service accounts of one user.
        pub service_accounts: usize = 100,
        /// Failed logins, after which a user is locked out. Assumed.
        pub login_attempts: u32 = 5,
        /// How long a user is locked out, in seconds. Each further login starts it again (a public client).
        pub lockout_seconds: u64 = 120,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_set_by_name() {
        let switches =
            Switches::default().with("remove_attached=allow").unwrap().with("content_as_string=true").unwrap();
        assert_eq!(switches.remove_attached, RemoveAttached::Allow);
        assert!(switches.content_as_string);
        for wrong in ["remove_attached", "remove_attached=yes", "colour=red", "content_as_string=refuse"] {
            assert!(Switches::default().with(wrong).is_err(), "{wrong}");
        }
    }
}
