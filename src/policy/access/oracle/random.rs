//! Random documents, the same for the same seed.

use super::*;

/// SplitMix64: the same random documents every time.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(super) fn pattern(&mut self) -> String {
        if self.below(25) == 0 {
            return "*".to_owned();
        }
        let start = self.pick(&["", "", "aba", "aab/", "*", "bab/", "aba*"]);
        let length = self.below(6);
        let rest: String = (0..length).map(|_| self.pick(&['a', 'b', 'a', 'b', '/', '~', '*', '*', '?'])).collect();
        format!("{ARN}{start}{rest}")
    }

    pub(super) fn clause(&mut self) -> Clause {
        let operator = self.pick(&["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]);
        let values = self.pick(&[&["a"][..], &["b"], &["a", "b"], &["a*"], &["a*", "b"]]);
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Clause { operator: operator.to_owned(), key: self.pick(&["k", "k", "l"]).to_owned(), values }
    }

    pub(super) fn statement(&mut self, pool: &[String], conditions: bool) -> Statement {
        let resources = (0..=self.below(3)).map(|_| self.pick(pool)).collect();
        let actions = self.pick(&[
            &["s3:GetObject"][..],
            &["s3:GetObject", "s3:ListBucket"],
            &["s3:*"],
            &["s3:GetObjectVersion"],
            &["s3:Get*", "s3:ListAllMyBuckets"],
            &["s3:P*", "s3:DeleteObject"],
        ]);
        let clauses = if conditions { self.below(3) } else { 0 };
        Statement {
            sid: None,
            effect: if self.below(5) < 3 { Effect::Allow } else { Effect::Deny },
            actions: Selector {
                negated: self.below(8) == 0,
                patterns: actions.iter().map(|action| (*action).to_owned()).collect(),
            },
            resources: Selector { negated: self.below(8) == 0, patterns: resources },
            conditions: (0..clauses).map(|_| self.clause()).collect(),
            extra: BTreeMap::new(),
        }
    }

    pub(super) fn document(&mut self, pool: &[String], conditions: bool) -> Document {
        let statements = (0..=self.below(4)).map(|_| self.statement(pool, conditions)).collect();
        Document { version: Some("2012-10-17".to_owned()), id: None, statements, extra: BTreeMap::new() }
    }

    /// Another document, or the same one with an added, removed or changed statement.
    pub(super) fn variant(&mut self, document: &Document, pool: &[String], conditions: bool) -> Document {
        let mut variant = document.clone();
        let place = self.below(variant.statements.len());
        match self.below(4) {
            0 => return self.document(pool, conditions),
            1 => variant.statements.push(self.statement(pool, conditions)),
            2 => drop(variant.statements.remove(place)),
            _ => variant.statements[place].resources.patterns.push(self.pick(pool)),
        }
        variant
    }
}
