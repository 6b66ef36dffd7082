//! A quick look at which parts of a document can matter for some requests. It errs on the side of too much: what it leaves out
//! can neither allow nor deny any of them, by no rules.

use std::collections::BTreeSet;

use super::glob::Glob;
use super::requests::RequestKind;
use super::resources::ARN;
use super::rules::ALL_RULES;
use crate::policy::{Document, Effect, Selector, Statement};

/// A document, prepared for questions about its parts.
#[derive(Debug)]
pub struct Reach<'d> {
    document: &'d Document,
    /// The action patterns in lower case, and the beginnings of the resource patterns, of each statement.
    statements: Vec<(Vec<Glob>, Vec<Beginning<'d>>)>,
}

/// The names of all actions that some kinds of requests ask for by any rules, in lower case.
pub(super) fn asked_names(kinds: &[RequestKind]) -> BTreeSet<String> {
    let formulas = kinds.iter().flat_map(|kind| ALL_RULES.iter().map(|rules| kind.formula(&rules)));
    let mut names: BTreeSet<String> =
        formulas.flat_map(|of| of.actions()).map(|asked| asked.name.to_ascii_lowercase()).collect();
    if names.contains("s3:getobject") {
        // By some rules who is given this one has the other as well.
        names.insert("s3:getobjectversion".to_owned());
    }
    names
}

impl<'d> Reach<'d> {
    /// Prepares a document.
    pub fn new(document: &'d Document) -> Self {
        let of = |statement: &'d Statement| {
            let actions = &statement.actions.patterns;
            let actions = actions.iter().map(|pattern| Glob::parse(&pattern.to_ascii_lowercase())).collect();
            (actions, statement.resources.patterns.iter().map(|pattern| Beginning::of(pattern)).collect())
        };
        Self { document, statements: document.statements.iter().map(of).collect() }
    }

    /// The whole document.
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// The statements and resource patterns that can matter for the requests; `None` if none of them can be allowed.
    pub(super) fn part(&self, asked: &BTreeSet<String>, on: &[String]) -> Option<Document> {
        let on: Vec<Beginning<'_>> = on.iter().map(|pattern| Beginning::of(pattern)).collect();
        let asked: Vec<Glob> = asked.iter().map(|name| Glob::literal(name)).collect();
        let statements = self.document.statements.iter().zip(&self.statements);
        let part = |(statement, (actions, beginnings)): (&Statement, &(Vec<Glob>, Vec<Beginning<'_>>))| {
            let is_near = |beginning: &Beginning<'_>| on.iter().any(|on| beginning.may_overlap(on));
            let resources = &statement.resources;
            let near = || resources.patterns.iter().zip(beginnings).filter(|(_, beginning)| is_near(beginning));
            if !resources.negated && near().next().is_none() {
                return None;
            }
            let is_asked = |pattern: &Glob| asked.iter().any(|action| pattern.subsumes(action));
            if !statement.actions.negated && !actions.iter().any(is_asked) {
                return None;
            }
            let resources = match resources.negated {
                true => resources.clone(),
                false => Selector::any_of(near().map(|(pattern, _)| pattern.as_str())),
            };
            Some(Statement { resources, ..statement.clone() })
        };
        let statements: Vec<Statement> = statements.filter_map(part).collect();
        let allows = statements.iter().any(|statement| statement.effect == Effect::Allow);
        allows.then(|| Document { statements, ..self.document.clone() })
    }
}

/// What a pattern of resources certainly begins with, behind the prefix of S3: the name of a bucket, or a part of it.
#[derive(Debug, Clone, Copy)]
struct Beginning<'p> {
    text: &'p str,
    /// Whether it is the whole name of a bucket.
    is_whole: bool,
}

impl<'p> Beginning<'p> {
    fn of(pattern: &'p str) -> Self {
        // Servers read other patterns differently. What has no bucket in front is about all of them.
        let behind = pattern.strip_prefix(ARN).unwrap_or_default();
        let end = behind.find(['*', '?', '$', '/']).unwrap_or(behind.len());
        let (text, rest) = behind.split_at(end);
        Self { text, is_whole: !text.is_empty() && (rest.is_empty() || rest.starts_with('/')) }
    }

    fn may_overlap(&self, other: &Self) -> bool {
        match (self.is_whole, other.is_whole) {
            (true, true) => self.text == other.text,
            (true, false) => self.text.starts_with(other.text),
            (false, true) => other.text.starts_with(self.text),
            (false, false) => self.text.starts_with(other.text) || other.text.starts_with(self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::abilities::requests_of;
    use super::super::engine::Engine;
    use super::super::lines::Side;
    use super::super::{Context, RequestSet};
    use super::*;
    use crate::policy::{Catalogue, Random};

    const PATTERNS: [&str; 16] = [
        "*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::abc",
        "arn:aws:s3:::abc/*",
        "arn:aws:s3:::abcd/*",
        "arn:aws:s3:::abc*",
        "arn:aws:s3:::ab?/k",
        "arn:aws:s3:::abc//k",
        "arn:aws:s3:::${aws:username}/*",
        "arn:aws:s3:::ab${aws:username}/*",
        "arn:aws:s3:::*/k",
        "arn:aws:s3:::/*",
        "arn:aws:s3:::xyz/k*",
        "arn:aws:s3:::xyz",
        "arn:aws:s3*:::xyz/*",
        "xyz/*",
    ];
    const ACTIONS: [&str; 10] = [
        "s3:*",
        "*",
        "s3:GetObject",
        "S3:getobject",
        "s3:GetObjectVersion",
        "s3:Delete*",
        "s3:ListBucket",
        "s3:List*",
        "s3:ListAllMyBuckets",
        "s3:PutObject",
    ];
    const WHATS: [&str; 8] =
        ["*", "read", "list", "list-buckets", "delete-version", "s3:GetObject*", "s3:Delete*", "s3:List*"];
    const ON: [&str; 10] = ["*", "abc", "abc/*", "abcd", "ab*", "abc/k", "abc//k", "xyz/k", "?yz", "*/k"];

    fn random(random: &mut Random) -> Document {
        let mut statement = || {
            let effect = if random.below(3) == 0 { Effect::Deny } else { Effect::Allow };
            let mut statement = Statement::plain(effect, [random.pick(&ACTIONS)], [random.pick(&PATTERNS)]);
            statement.resources.patterns.push(random.pick(&PATTERNS).to_owned());
            statement.resources.negated = random.below(9) == 0;
            statement.actions.negated = random.below(9) == 0;
            statement
        };
        let statements = (0..4).map(|_| statement()).collect();
        Document { version: Some("2012-10-17".to_owned()), statements, ..Document::default() }
    }

    /// What is left out changes no answer, by no rules, for known and unknown users.
    #[test]
    fn a_part_of_a_document_answers_like_the_whole() {
        let catalogue = Catalogue::newest();
        let (mut left_out, mut allowed) = (0, 0);
        for seed in 0..600 {
            let mut of = Random(seed);
            let (before, after) = (random(&mut of), random(&mut of));
            let (what, on) = (of.pick(&WHATS), of.pick(&ON));
            let Ok(set) = RequestSet::parse(&[what], &[on], &catalogue) else { continue };
            let context =
                if of.below(2) == 0 { Context::new(&catalogue) } else { Context::new(&catalogue).with_user("abc") };
            let [from, to] = [&before, &after].map(Reach::new);
            for before in [None, Some((&before, &from))] {
                let part = set.allowed(before.map(|(_, reach)| reach), &to, &context);
                let whole = set.requests.iter().any(|(kinds, on)| {
                    let mut engine = Engine::new(before.map(|(document, _)| document), Some(&after), &context);
                    let found = requests_of(&mut engine, &[Side::Gained], kinds, Some(on));
                    !found.gained.is_empty() || !found.undecided.is_empty()
                });
                assert_eq!(part.is_some(), whole, "{what} on {on}, seed {seed}: {part:?} {before:?} {after:?}");
                allowed += usize::from(whole);
            }
            let kept = |(kinds, on): &(Vec<RequestKind>, Vec<String>)| to.part(&asked_names(kinds), on);
            left_out += usize::from(set.requests.iter().any(|of| kept(of).is_none_or(|part| part != after)));
        }
        assert!(left_out > 300 && allowed > 200, "{left_out} {allowed}");
    }
}
