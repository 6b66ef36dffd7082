//! The calls that leave the state as it is.

use super::answer::Answer;
use super::body::Body;
use super::definition;
use super::query::Query;
use super::route::Look;
use super::shapes;
use crate::sim::rules::sts::Wish;
use crate::sim::rules::{Caller, Refusal, attachments, policies, s3, sts, tenants, users};
use crate::sim::state::State;

/// Answers a call; `serial` gives a number not used before.
pub(super) fn answer(
    state: &State,
    caller: &Caller,
    look: &Look,
    query: &Query,
    body: &Body,
    serial: impl FnOnce() -> u64,
) -> Result<Answer, Refusal> {
    let switches = state.switches;
    match look {
        Look::Definition => {
            let definition = definition::definition(state);
            let missing = || Refusal::NotFound("this cluster has no definition of its own".to_owned());
            Ok(Answer::body(&definition.ok_or_else(missing)?))
        }
        Look::Cluster => Ok(shapes::cluster(state)),
        Look::WhoAmI => shapes::who_am_i(state, caller),
        Look::Tenants => {
            let all = tenants::list(state, caller)?;
            let shown: Vec<_> = all.into_iter().map(|(name, tenant)| shapes::tenant(state, name, tenant)).collect();
            Ok(Answer::data(shown))
        }
        Look::Tenant(uid) => {
            let found = tenants::list(state, caller)?.into_iter().find(|(name, _)| tenants::uid(state, name) == *uid);
            let (name, tenant) = found.ok_or_else(|| Refusal::NotFound(format!("Tenant \"{uid}\" was not found")))?;
            Ok(Answer::data(shapes::tenant(state, name, tenant)))
        }
        Look::Users => {
            let places = users::list(state, caller, query.text("org"), query.flag("include_tenants")?)?;
            Ok(shapes::users(state, &places))
        }
        Look::S3 => {
            caller.may_look()?;
            s3::is_there(state)?;
            Ok(shapes::s3())
        }
        Look::IdentityProvider => {
            caller.may_look()?;
            s3::is_there(state)?;
            Ok(shapes::identity_provider(switches.identity_provider))
        }
        Look::UserPolicies => {
            Ok(shapes::user_policies(&attachments::held(state, caller)?, switches.user_policies_bare))
        }
        Look::Policies => Ok(shapes::policies(&policies::list(state, caller)?, switches.list_shape)),
        Look::Policy(name) => {
            Ok(shapes::policy(name, &policies::show(state, caller, name)?, switches.content_as_string))
        }
        Look::Sts => {
            let given = sts::assume_role(state, &caller.tenant, &wish(body)?, serial())?;
            Ok(shapes::credentials(&given, switches.sts_in_data))
        }
    }
}

fn wish(body: &Body) -> Result<Wish, Refusal> {
    Ok(Wish {
        access_key: body.text("access_key"),
        secret_key: body.text("secret_key"),
        duration: body.number("duration").unwrap_or_default(),
        policy: body.document("policy_file_content")?,
    })
}
