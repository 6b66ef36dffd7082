//! The names that a file writes, in whatever key: what envelopes bind.

use super::envelope::{What, Written};
use super::raw::{RawAttached, RawBucket, RawFile, RawPolicy, RawUser};
use super::rows::{AllMade, Made};
use super::schedule::DETACHED;
use super::spanned::At;
use crate::base::{FileId, Location, Principal};

/// The names that the entries of a file write, each with the row that made its entry.
pub(super) fn written<'m>(raw: &RawFile, made: &'m AllMade, file: FileId) -> Vec<(Option<&'m Made>, Written)> {
    // A new section must say here which names it has.
    let RawFile {
        policies,
        users,
        groups,
        buckets,
        required_version: _,
        include: _,
        vars: _,
        tables: _,
        cluster: _,
        ownership: _,
        guards: _,
        drift: _,
        lint: _,
        credentials: _,
        roles: _,
        expect: _,
        envelope: _,
    } = raw;
    let mut all = Vec::new();
    let mut entry = |section, name: &At<String>, read: &dyn Fn(&mut Names)| {
        let made = made.get(section, name.get());
        let mut names = Names { file: made.map_or(file, |made| made.file), all: Vec::new() };
        read(&mut names);
        all.extend(names.all.into_iter().map(|written| (made, written)));
    };
    for (name, policy) in &policies.0 {
        entry("policies", name, &|names| names.policy(name, policy));
    }
    for (name, user) in &users.0 {
        entry("users", name, &|names| names.principal(What::User, name, user));
    }
    for (name, group) in &groups.0 {
        entry("groups", name, &|names| names.principal(What::Group, name, &group.clone().into()));
    }
    for (name, bucket) in &buckets.0 {
        entry("buckets", name, &|names| names.bucket(name, bucket));
    }
    all
}

/// The name of a user in `attached_to` may start with this.
const USER: &str = "user/";

struct Names {
    file: FileId,
    all: Vec<Written>,
}

impl Names {
    fn add(&mut self, what: What, name: &At<String>) {
        self.add_text(what, name.get(), name);
    }

    fn add_text(&mut self, what: What, text: &str, at: &At<String>) {
        let at = Location { file: self.file, span: at.span() };
        self.all.push(Written { what, text: text.to_owned(), at });
    }

    /// What somebody has at one time: a policy, or `detached`.
    fn term(&mut self, others: [&Option<At<String>>; 2]) {
        let policies = others.into_iter().flatten().filter(|name| name.get() != DETACHED);
        policies.for_each(|name| self.add(What::Used, name));
    }

    fn policy(&mut self, name: &At<String>, raw: &RawPolicy) {
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
        self.add(What::Policy, name);
        renamed_from.iter().for_each(|old| self.add(What::Policy, old));
        combine.iter().flatten().for_each(|part| self.add(What::Used, part));
        attached_to.iter().for_each(|attached| self.attached(attached));
    }

    fn attached(&mut self, raw: &RawAttached) {
        let RawAttached { name, user, group, from: _, before, until: _, then, revoke_keys: _ } = raw;
        if let Some(name) = name {
            match name.get().strip_prefix(Principal::GROUP) {
                Some(group) => self.add_text(What::Group, group, name),
                None => self.add_text(What::User, name.get().strip_prefix(USER).unwrap_or(name.get()), name),
            }
        }
        user.iter().for_each(|user| self.add(What::User, user));
        group.iter().for_each(|group| self.add(What::Group, group));
        self.term([before, then]);
    }

    fn principal(&mut self, what: What, name: &At<String>, raw: &RawUser) {
        let RawUser { policy, detached: _, revoke_keys: _, from: _, before, until: _, then } = raw;
        self.add(what, name);
        policy.iter().for_each(|policy| self.add(What::Used, policy));
        self.term([before, then]);
    }

    fn bucket(&mut self, name: &At<String>, raw: &RawBucket) {
        let RawBucket { description: _, policy: _, document: _, statement: _, lint: _ } = raw;
        self.add(What::Bucket, name);
    }
}
