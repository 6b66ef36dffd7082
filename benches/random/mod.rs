//! Random documents of the largest size a cluster accepts, the same for the same seed.

use std::collections::BTreeMap;

use attune::policy::{Clause, Document, Effect, Selector, Statement, normal};

/// The limit of a document, in bytes.
pub(crate) const MAX_BYTES: usize = 2_048;

/// A document of these statements.
pub(crate) fn document(statements: Vec<Statement>) -> Document {
    Document { version: Some("2012-10-17".to_owned()), id: None, statements, extra: BTreeMap::new() }
}

/// A statement without conditions.
pub(crate) fn statement(effect: Effect, actions: &[&str], resources: Vec<String>) -> Statement {
    let patterns = actions.iter().map(|action| (*action).to_owned()).collect();
    Statement {
        sid: None,
        effect,
        actions: Selector { negated: false, patterns },
        resources: Selector { negated: false, patterns: resources },
        conditions: Vec::new(),
        extra: BTreeMap::new(),
        principals: None,
    }
}

/// SplitMix64: the same documents every time.
pub(crate) struct Random {
    /// Where it is.
    pub(crate) state: u64,
    /// Whether statements may have a `NotResource`, which no WEKA release is known to take.
    pub(crate) negated: bool,
}

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn pattern(&mut self) -> String {
        let bucket =
            self.pick(&["logs", "ml-data", "ml-*", "team-a", "team-?", "scratch", "*", "*-archive", "backup*"]);
        let key = self.pick(&[
            "",
            "/*",
            "/*",
            "/raw/*",
            "/raw/2024-*",
            "/*/tmp/*",
            "/*.log",
            "/*/checkpoints/*.pt",
            "/home/${aws:username}/*",
            "/a?c/*",
            "/models/v*/final",
            "/public/index.html",
        ]);
        format!("arn:aws:s3:::{bucket}{key}")
    }

    fn statement(&mut self) -> Statement {
        let effect = self.pick(&[Effect::Allow, Effect::Allow, Effect::Deny]);
        let actions = self.pick(&[
            &["s3:GetObject", "s3:ListBucket"][..],
            &["s3:*"],
            &["s3:Get*", "s3:List*"],
            &["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            &["s3:*Object*"],
            &["s3:PutBucketPolicy", "s3:DeleteBucket"],
        ]);
        // Actions on objects only are refused where no pattern can be one.
        let object = format!("arn:aws:s3:::{}", self.pick(&["team-a/*", "logs/raw/*", "ml-*/*.log", "scratch/tmp/*"]));
        let others = (0..=self.below(8)).map(|_| self.pattern());
        let patterns = [object].into_iter().chain(others).collect();
        let mut statement = statement(effect, actions, patterns);
        statement.resources.negated = self.negated && self.below(12) == 0;
        if self.below(4) == 0 {
            let (operator, key, value) = self.pick(&[
                ("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
                ("NotIpAddress", "aws:SourceIp", "10.1.0.0/16"),
                ("StringLike", "aws:Referer", "https://*.example/*"),
                ("Bool", "aws:SecureTransport", "false"),
            ]);
            let values = vec![value.to_owned()];
            statement.conditions.push(Clause { operator: operator.to_owned(), key: key.to_owned(), values });
        }
        statement
    }

    /// A document that has no room for another such statement.
    pub(crate) fn document(&mut self) -> Document {
        let mut document = document(Vec::new());
        loop {
            document.statements.push(self.statement());
            if normal(&document).len() > MAX_BYTES {
                document.statements.pop();
                return document;
            }
        }
    }

    /// A document, and the same with one to three of its patterns changed; both are of a length that a cluster takes.
    pub(crate) fn revision(&mut self) -> (Document, Document) {
        let before = self.document();
        loop {
            let mut after = before.clone();
            for _ in 0..=self.below(3) {
                let place = self.below(after.statements.len());
                let pattern = self.pattern();
                let patterns = &mut after.statements[place].resources.patterns;
                let last = patterns.len() - 1;
                patterns[last] = pattern;
            }
            if normal(&after).len() <= MAX_BYTES {
                return (before, after);
            }
        }
    }
}
