//! The access review: what each user and group can do, by the requests of people.

use std::collections::BTreeMap;

use super::state::{Granted, State};
use crate::base::{PolicyName, Principal};
use crate::policy::Normal;
use crate::policy::access::{Context, Requests, abilities, depends_on_user};

/// What a user or group can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The user or group.
    pub principal: Principal,
    /// The policy that it has, if any.
    pub policy: Option<PolicyName>,
    /// The requests that it may make; `None` if the document of its policy is not known.
    pub can: Option<Requests>,
}

/// What all users and groups of two states can do, in their order.
pub fn review(sides: [Option<&State>; 2], context: &Context<'_>) -> [Option<Vec<Reviewed>>; 2] {
    let mut known: BTreeMap<&Normal, Requests> = BTreeMap::new();
    sides.map(|state| Some(of_state(state?, context, &mut known)))
}

/// A document that does not depend on the user is evaluated once.
fn of_state<'a>(state: &'a State, context: &Context<'_>, known: &mut BTreeMap<&'a Normal, Requests>) -> Vec<Reviewed> {
    let mut of = |normal, who: &Principal| {
        if depends_on_user(Normal::document(normal)) {
            return abilities(normal.document(), &context.with(who));
        }
        known.entry(normal).or_insert_with(|| abilities(normal.document(), &context.with(who))).clone()
    };
    let reviewed = |(principal, policy): (&Principal, &Option<PolicyName>)| {
        let can = match state.granted(principal) {
            Granted::Nothing => Some(Requests::default()),
            Granted::Unknown => None,
            Granted::Document(normal) => Some(of(normal, principal)),
        };
        Reviewed { principal: principal.clone(), policy: policy.clone(), can }
    };
    state.attachments.iter().map(reviewed).collect()
}
