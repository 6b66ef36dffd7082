//! Who sent a request: the owner of the keys that signed it, or nobody that is known.

use time::OffsetDateTime;

use crate::sim::http::HttpRequest;
use crate::sim::operations::sts::Claims;
use crate::sim::s3::answer::S3Error;
use crate::sim::s3::signature::Authorization;
use crate::sim::state::{ClusterState, User};
use crate::sim::switches::S3Rules;

/// The owner of the keys of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requester {
    pub(super) tenant: String,
    pub(super) user: String,
    /// The value of `aws:username`.
    pub(super) username: Option<String>,
    /// The session policy, or the policy of a service account.
    pub(super) narrowed_by: Option<String>,
}

/// The owner of a signed request; `None` for a request without a signature.
pub(super) fn requester(
    state: &ClusterState,
    request: &HttpRequest,
    now: OffsetDateTime,
) -> Result<Option<Requester>, S3Error> {
    let query = request.query.as_deref().unwrap_or_default().to_ascii_lowercase();
    if query.contains("x-amz-signature=") || query.contains("awsaccesskeyid=") {
        return Err(S3Error::new("NotImplemented", "The simulator takes signatures in the header Authorization only"));
    }
    let Some(header) = request.header("authorization") else { return Ok(None) };
    let authorization = Authorization::parse(&header)?;
    let (secret_key, until, requester) = owner(state, request, &authorization.access_key)?;
    if state.switches.s3_rules == S3Rules::Aws && authorization.region != REGION {
        let message = format!("The authorization header is malformed; the region '{}' is wrong", authorization.region);
        return Err(S3Error::new("AuthorizationHeaderMalformed", message).with("Region", REGION));
    }
    authorization.check(request, &secret_key, now)?;
    if until.is_some_and(|until| i128::from(until) <= i128::from(now.unix_timestamp())) {
        return Err(S3Error::of("ExpiredToken"));
    }
    Ok(Some(requester))
}

/// The region of all buckets.
pub(super) const REGION: &str = "us-east-1";

/// The secret key of an access key, when it expires (in seconds since 1970), and whose it is.
fn owner(
    state: &ClusterState,
    request: &HttpRequest,
    access_key: &str,
) -> Result<(String, Option<u64>, Requester), S3Error> {
    let unknown = || S3Error::of("InvalidAccessKeyId");
    let Some(token) = request.header("x-amz-security-token") else {
        let (secret_key, requester) = permanent(state, access_key).ok_or_else(unknown)?;
        return Ok((secret_key, None, requester));
    };
    let is_aws = state.switches.s3_rules == S3Rules::Aws;
    let invalid = || S3Error::of(if is_aws { "InvalidToken" } else { "InvalidTokenId" });
    let claims = Claims::read(state, &token).ok_or_else(invalid)?;
    if claims.access_key != access_key {
        return Err(if permanent(state, access_key).is_some() { invalid() } else { unknown() });
    }
    state.tenants.get(&claims.tenant).and_then(|tenant| tenant.users.get(&claims.user)).ok_or_else(unknown)?;
    let secret_key = claims.secret_key(state);
    let username = match state.switches.s3_rules {
        // Measured: it is not the user's name.
        S3Rules::Minio2021 => Some(claims.access_key),
        S3Rules::Minio2026 => Some(claims.user.clone()),
        S3Rules::Aws => None,
    };
    let narrowed_by = claims.policy.map(|policy| policy.as_str().to_owned());
    let requester = Requester { tenant: claims.tenant, user: claims.user, username, narrowed_by };
    Ok((secret_key, Some(claims.until), requester))
}

/// The owner of a key pair or of a service account.
fn permanent(state: &ClusterState, access_key: &str) -> Option<(String, Requester)> {
    let users = state.tenants.iter().flat_map(|(tenant, inside)| {
        inside.users.iter().map(move |(name, user)| (tenant.as_str(), name.as_str(), user))
    });
    users.filter(|(.., user)| user.can_have_policy()).find_map(|(tenant, name, user)| {
        let (secret_key, narrowed_by) = secret_of(state, name, user, access_key)?;
        let (user, username) = (name.to_owned(), Some(name.to_owned()));
        Some((secret_key, Requester { tenant: tenant.to_owned(), user, username, narrowed_by }))
    })
}

/// The secret key of one of the user's access keys, and the policy of the service account.
fn secret_of(state: &ClusterState, name: &str, user: &User, access_key: &str) -> Option<(String, Option<String>)> {
    if let Some((_, secret_key)) = user.key_pair(state, name).filter(|(of_user, _)| *of_user == access_key) {
        return Some((secret_key.to_owned(), None));
    }
    let account = user.service_accounts.get(access_key)?;
    Some((account.secret_key.clone(), account.policy.as_ref().map(|policy| policy.as_str().to_owned())))
}
