//! The calls that change the state.

use super::answer::Answer;
use super::body::Body;
use super::route::Change;
use super::shapes;
use crate::sim::rules::users::{NewUser, UserChange};
use crate::sim::rules::{Caller, Refusal, attachments, policies, s3, users};
use crate::sim::state::State;

/// Answers a call and changes the state, which is thrown away when the call is refused.
pub(super) fn answer(state: &mut State, caller: &Caller, change: &Change, body: &Body) -> Result<Answer, Refusal> {
    match change {
        Change::AddUser => {
            let place = users::add(state, caller, new_user(body)?)?;
            Ok(shapes::user(state, &place))
        }
        Change::User(uid) => {
            let place = users::change(state, caller, uid, &user_change(body)?)?;
            Ok(shapes::user(state, &place))
        }
        Change::RemoveUser(uid) => users::remove(state, caller, uid).map(|()| Answer::done()),
        Change::DeleteS3 => s3::delete(state, caller).map(|()| Answer::done()),
        Change::AddPolicy => {
            let document = body.document("policy_file_content")?;
            let document = document.ok_or_else(|| Refusal::Missing(vec!["policy_file_content".to_owned()]))?;
            policies::add(state, caller, &body.text("policy_name"), document).map(|()| Answer::done())
        }
        Change::RemovePolicy(name) => policies::remove(state, caller, name).map(|()| Answer::done()),
        Change::Attach => {
            let made = attachments::attach(state, caller, &body.text("policy_name"), &body.text("user_name"))?;
            Ok(shapes::attached(made.as_ref(), &state.switches))
        }
        Change::Detach => attachments::detach(state, caller, &body.text("user_name")).map(|()| Answer::done()),
    }
}

fn new_user(body: &Body) -> Result<NewUser, Refusal> {
    Ok(NewUser {
        name: body.text("username"),
        password: body.text("password"),
        role: body.optional_text("role"),
        posix_uid: body.posix_id("posix_uid")?,
        posix_gid: body.posix_id("posix_gid")?,
        org: body.optional_text("org"),
    })
}

fn user_change(body: &Body) -> Result<UserChange, Refusal> {
    Ok(UserChange {
        role: body.optional_text("role"),
        posix_uid: body.posix_id("posix_uid")?,
        posix_gid: body.posix_id("posix_gid")?,
    })
}
