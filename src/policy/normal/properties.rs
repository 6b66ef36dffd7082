//! That the normal form does not depend on the writing, for any document and any writing of it.

use proptest::prelude::*;

use crate::base::Severity;

use super::super::arbitrary::any_document;
use super::super::document::Effect;
use super::super::json::quoted;
use super::super::read::read;
use super::*;

/// Writes a document in one of its many ways, decided by a stream of choices.
struct Scribe(u64);

impl Scribe {
    /// A number below `bound`.
    fn choose(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn shuffled(&mut self, mut items: Vec<String>) -> Vec<String> {
        for end in (1..items.len()).rev() {
            let other = self.choose(end + 1);
            items.swap(end, other);
        }
        items
    }

    fn space(&mut self) -> &'static str {
        ["", " ", "\n\t"][self.choose(3)]
    }

    fn object(&mut self, members: Vec<(&str, String)>) -> String {
        let members = members
            .into_iter()
            .map(|(name, value)| format!("{}{}{}:{}{value}", self.space(), quoted(name), self.space(), self.space()))
            .collect();
        format!("{{{}{}}}", self.shuffled(members).join(","), self.space())
    }

    /// A set: in any order, with repeats, and a set of one perhaps without brackets.
    fn set(&mut self, mut items: Vec<String>) -> String {
        if items.len() == 1 && self.choose(2) == 0 {
            return items.remove(0);
        }
        if !items.is_empty() && self.choose(2) == 0 {
            let again = items[self.choose(items.len())].clone();
            items.push(again);
        }
        format!("[{}]", self.shuffled(items).join(","))
    }

    fn patterns(&mut self, patterns: &[String]) -> String {
        let items = patterns.iter().map(|pattern| {
            let again = ["*", "**", "***"][self.choose(3)];
            quoted(&pattern.replace('*', again))
        });
        let items = items.collect();
        self.set(items)
    }

    fn conditions(&mut self, clauses: &[Clause]) -> String {
        let operators: Vec<(&str, String)> = clauses
            .chunk_by(|a, b| a.operator == b.operator)
            .map(|group| {
                let keys = group.iter().map(|clause| {
                    let values = clause.values.iter().map(|value| quoted(value)).collect();
                    (clause.key.as_str(), self.set(values))
                });
                let keys = keys.collect();
                (group[0].operator.as_str(), self.object(keys))
            })
            .collect();
        self.object(operators)
    }

    fn statement(&mut self, statement: &Statement) -> String {
        let named = |selector: &Selector, plain, negated| if selector.negated { negated } else { plain };
        let effect = if statement.effect == Effect::Allow { "Allow" } else { "Deny" };
        let mut members = vec![
            ("Effect", quoted(effect)),
            (named(&statement.actions, "Action", "NotAction"), self.patterns(&statement.actions.patterns)),
            (named(&statement.resources, "Resource", "NotResource"), self.patterns(&statement.resources.patterns)),
        ];
        members.extend(statement.sid.iter().map(|sid| ("Sid", quoted(sid))));
        if !statement.conditions.is_empty() {
            members.push(("Condition", self.conditions(&statement.conditions)));
        }
        self.object(members)
    }

    fn document(&mut self, document: &Document) -> String {
        let statements = document.statements.iter().map(|statement| self.statement(statement)).collect();
        let mut members = vec![("Statement", self.set(statements))];
        members.extend(document.version.iter().map(|version| ("Version", quoted(version))));
        members.extend(document.id.iter().map(|id| (["Id", "ID"][self.choose(2)], quoted(id))));
        self.object(members)
    }
}

proptest! {
    #[test]
    fn the_normal_form_does_not_depend_on_the_writing(document in any_document(), seed in any::<u64>()) {
        let text = Scribe(seed).document(&document);
        let read = read(&text);
        prop_assert!(read.problems.iter().all(|problem| problem.severity == Severity::Note), "{text}");
        let (written, plain) = (normal(&read.document.unwrap()), normal(&document));
        prop_assert_eq!(written.json(), plain.json(), "{}", text);
    }

    #[test]
    fn the_normal_form_is_its_own_normal_form(document in any_document()) {
        let once = normal(&document);
        let read = read(once.json());
        prop_assert_eq!(read.problems.len(), 0);
        let read = read.document.unwrap();
        prop_assert_eq!(&read, once.document());
        let twice = normal(&read);
        prop_assert_eq!(twice.json(), once.json());
    }
}
