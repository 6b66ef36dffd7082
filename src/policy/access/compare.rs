//! The access of two users, groups or documents: what only one of them can do, and what both can.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::abilities::{Requests, UndecidedRequests, requests_of};
use super::answer::{Attachment, Holder};
use super::describe::{Exception, Reason};
use super::engine::Engine;
use super::lines::Side;
use super::requests::RequestKind;
use super::rules::RuleList;
use super::{Access, Context, action_lines};
use crate::policy::Document;
use crate::policy::document::{Piece, pieces};

/// The access of one compared with that of another one.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The first one.
    pub one: Attachment,
    /// The second one.
    pub other: Attachment,
    /// The rules that count. The first leads.
    pub rules: RuleList,
    /// What only the first one can do, in `gained`.
    pub only_one: Requests,
    /// What only the second one can do, in `gained`.
    pub only_other: Requests,
    /// What both can do, in `gained`.
    pub both: Requests,
    /// The actions that only the first one may do are `lost`, and those of only the second one are `gained`.
    pub actions: Access,
}

/// How the access of two is related. What attune cannot decide counts as a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RelationV1")]
pub enum Relation {
    /// The same requests and actions are allowed.
    Same,
    /// Both can do the same, by different actions.
    SameRequests,
    /// The first one can do all that the second one can, and more.
    OneHasMore,
    /// The second one can do all that the first one can, and more.
    OtherHasMore,
    /// Each can do something that the other one cannot.
    EachHasMore,
}

/// Compares the access of two, each with its own keys. Two members of groups, and two tokens, are taken for the same person:
/// only what their documents give differs.
pub fn compare(one: Attachment, other: Attachment, context: &Context<'_>) -> Comparison {
    let [before, after] = [&one, &other].map(|of| {
        let named = of.holder.user().zip(of.document.as_ref());
        named.map_or_else(|| of.document.clone(), |(user, document)| Some(with_name(document, user)))
    });
    let [of_one, of_other] = [&one, &other].map(|of| of.context(context));
    let is_anonymous = |of: &Attachment| of.holder == Holder::Anonymous;
    let is_another = one.holder.user() != other.holder.user() || is_anonymous(&one) != is_anonymous(&other);
    let sender = is_another.then_some(of_one);
    let engine = |is_common| {
        let mut engine = Engine::new(before.as_ref(), after.as_ref(), &of_other);
        (engine.other, engine.is_common) = (sender, is_common);
        engine
    };
    let both_sides = [Side::Gained, Side::Lost];
    let found = requests_of(&mut engine(false), &both_sides, RequestKind::ALL, None);
    let is_of = |side| move |open: &&UndecidedRequests| open.side == side;
    let open = |side| found.undecided.iter().filter(is_of(side));
    let (of_other, of_one): (Vec<_>, Vec<_>) = (
        open(Side::Gained).cloned().collect(),
        open(Side::Lost).map(|open| UndecidedRequests { side: Side::Gained, ..open.clone() }).collect(),
    );
    let only = |gained, undecided| plain(Requests { gained, lost: Vec::new(), undecided }.merged());
    let only_one = only(found.lost, of_one);
    let only_other = only(found.gained, of_other);
    let both = plain(requests_of(&mut engine(true), &[Side::Gained], RequestKind::ALL, None).merged());
    let mut actions =
        action_lines(&mut engine(false), &both_sides, [before.as_ref(), after.as_ref()], context.catalogue);
    for line in actions.gained.iter_mut().chain(&mut actions.lost) {
        line.except.iter_mut().for_each(without_time);
    }
    Comparison { rules: context.rules.clone(), only_one, only_other, both, actions, one, other }
}

/// Nobody had anything before: both have it now.
fn without_time(exception: &mut Exception) {
    if exception.reason == Reason::Had {
        exception.reason = Reason::LeftOut;
    }
}

fn plain(mut requests: Requests) -> Requests {
    requests.gained.iter_mut().for_each(|line| line.except.iter_mut().for_each(without_time));
    requests
}

/// The document with the name of its user in the place of the variable, so that a line says whose name is meant. A name with
/// characters that servers read in different ways stays a variable.
fn with_name(document: &Document, user: &str) -> Document {
    let mut document = document.clone();
    if document.version.as_deref() != Some("2012-10-17") || user.contains(['*', '?', '$']) {
        return document;
    }
    let filled = |text: &String| -> String {
        let piece = |piece| match piece {
            Piece::Plain(text) => text.to_owned(),
            Piece::Variable("aws:username") => user.to_owned(),
            Piece::Variable(inside) => format!("${{{inside}}}"),
        };
        pieces(text).into_iter().map(piece).collect()
    };
    for statement in &mut document.statements {
        let resources = &mut statement.resources.patterns;
        *resources = resources.iter().map(filled).collect();
    }
    document
}

impl Comparison {
    /// How their access is related.
    pub fn relation(&self) -> Relation {
        match (self.only_one.gains_nothing(), self.only_other.gains_nothing()) {
            (true, true) if self.actions.gains_nothing() && self.actions.loses_nothing() => Relation::Same,
            (true, true) => Relation::SameRequests,
            (false, true) => Relation::OneHasMore,
            (true, false) => Relation::OtherHasMore,
            (false, false) => Relation::EachHasMore,
        }
    }
}
