//! Notes the names that included files write, in whatever key: what envelopes bind.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Loader;
use crate::base::Principal;
use crate::desired::envelope::{What, Written};
use crate::desired::raw::{RawAttached, RawBucket, RawPolicy, RawUser};
use crate::desired::schedule::DETACHED;
use crate::desired::spanned::At;

/// The name of a user in `attached_to` may start with this.
const USER: &str = "user/";

impl Loader {
    /// Notes a name or a document of the entry that is read. One that a row makes counts for the file of the template and for that
    /// of the row.
    pub(super) fn note(&mut self, what: What, text: &str, span: Range<usize>) {
        let at = self.report.at(span);
        let of_row = self.sources.place_of_use(at.file).map(|row| row.file.whole());
        for file in BTreeSet::from_iter(of_row.into_iter().chain([at.file.whole()])) {
            if let Some(index) = self.included(file) {
                self.desired.included[index].written.push(Written { what, text: text.to_owned(), at: at.clone() });
            }
        }
    }

    fn note_name(&mut self, what: What, name: &At<String>) {
        self.note(what, name.get(), name.span());
    }

    /// What somebody has at one time: a policy, or `detached`.
    fn note_term(&mut self, others: [&Option<At<String>>; 2]) {
        let policies = others.into_iter().flatten().filter(|name| name.get() != DETACHED);
        policies.for_each(|name| self.note_name(What::Used, name));
    }

    pub(super) fn note_policy(&mut self, name: &At<String>, raw: &RawPolicy) {
        let RawPolicy {
            description: _,
            document: _,
            statement: _,
            combine,
            is_abstract: _,
            absent: _,
            attached_to,
            renamed_from,
            lint: _,
        } = raw;
        self.note_name(What::Policy, name);
        renamed_from.iter().for_each(|old| self.note_name(What::Policy, old));
        combine.iter().flatten().for_each(|part| self.note_name(What::Used, part));
        attached_to.iter().for_each(|attached| self.note_attached(attached));
    }

    fn note_attached(&mut self, raw: &RawAttached) {
        let RawAttached { name, user, group, from: _, before, until: _, then, revoke_keys: _ } = raw;
        if let Some(name) = name {
            let text = name.get().as_str();
            match text.strip_prefix(Principal::GROUP) {
                Some(group) => self.note(What::Group, group, name.span()),
                None => self.note(What::User, text.strip_prefix(USER).unwrap_or(text), name.span()),
            }
        }
        user.iter().for_each(|user| self.note_name(What::User, user));
        group.iter().for_each(|group| self.note_name(What::Group, group));
        self.note_term([before, then]);
    }

    pub(super) fn note_principal(&mut self, what: What, name: &At<String>, raw: &RawUser) {
        let RawUser { policy, detached: _, revoke_keys: _, from: _, before, until: _, then } = raw;
        self.note_name(what, name);
        policy.iter().for_each(|policy| self.note_name(What::Used, policy));
        self.note_term([before, then]);
    }

    pub(super) fn note_bucket(&mut self, name: &At<String>, raw: &RawBucket) {
        let RawBucket { description: _, policy: _, document: _, statement: _, lint: _ } = raw;
        self.note_name(What::Bucket, name);
    }
}
