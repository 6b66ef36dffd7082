//! Any two small documents: the engine never panics, finds nothing between a document and itself, every example it gives
//! is one by the rules for single requests, and what those rules tell apart it does not call the same.

#![no_main]

use std::collections::BTreeMap;

use attune::policy::access::{AccessLine, Context, Request, Rules, Verdict, decide, difference};
use attune::policy::{Catalogue, Clause, Document, Effect, Selector, Statement};
use libfuzzer_sys::fuzz_target;

/// The rules that the engine tells apart.
const RULES: [Rules; 2] = [Rules::MINIO_2021, Rules::AWS];

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let catalogue = Catalogue::newest();
    let context = Context { state_cap: 2_000, ..Context::new(&catalogue) };
    let context = if bytes.below(2) == 0 { context } else { context.with_user("ab") };
    let (before, after) = (bytes.document(), bytes.document());
    let access = difference(Some(&before), Some(&after), &context);
    for line in &access.gained {
        confirm(line, &before, &after, &context);
    }
    for line in &access.lost {
        confirm(line, &after, &before, &context);
    }
    for document in [&before, &after] {
        let same = difference(Some(document), Some(document), &context);
        assert!(same.gained.is_empty() && same.lost.is_empty(), "{document:#?}\n{same:#?}");
    }
    while let Some(request) = bytes.request(&catalogue) {
        for rules in RULES {
            let verdict = |document| decide(Some(document), &request, &context, rules).verdict;
            match (verdict(&before), verdict(&after)) {
                (Verdict::Denied, Verdict::Allowed) => assert!(!access.gains_nothing(), "{request:?} is gained"),
                (Verdict::Allowed, Verdict::Denied) => assert!(!access.loses_nothing(), "{request:?} is lost"),
                (Verdict::Allowed | Verdict::Denied | Verdict::Depends, _) => {}
            }
        }
    }
});

/// That the example of a line is allowed by one document and not by the other, by rules the line is about. Where
/// conditions decide, that it may be.
fn confirm(line: &AccessLine, less: &Document, more: &Document, context: &Context<'_>) {
    let witness = &line.witness;
    let request = Request::parse(&witness.action, &witness.resource, context.catalogue)
        .unwrap_or_else(|problem| panic!("{problem}: {line:#?}"));
    let rules = RULES.into_iter().filter(|rules| line.rules.is_empty() || line.rules.contains(rules));
    let mut verdicts = rules.map(|rules| {
        let verdict = |document| decide(Some(document), &request, context, rules).verdict;
        (verdict(less), verdict(more))
    });
    let open = !witness.conditions.is_empty() || conditional(less) || conditional(more);
    let confirmed = verdicts.any(|(less, more)| match (less, more) {
        (Verdict::Denied, Verdict::Allowed) => true,
        (Verdict::Denied | Verdict::Depends, Verdict::Allowed | Verdict::Depends) => open,
        (Verdict::Allowed, _) | (_, Verdict::Denied) => false,
    });
    assert!(confirmed, "{line:#?}\nless: {less:#?}\nmore: {more:#?}");
}

/// Whether a document says different things to one request.
fn conditional(document: &Document) -> bool {
    document.statements.iter().any(|statement| {
        !statement.conditions.is_empty() || statement.resources.patterns.iter().any(|pattern| pattern.contains("${"))
    })
}

/// The input as a row of choices; when it is used up, every choice is the first.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        let length = self.below(most + 1);
        (0..length).map(|_| self.pick(pieces)).collect()
    }

    fn pattern(&mut self) -> String {
        if self.below(24) == 23 {
            return self.pick(&["*", "arn:aws:s3:::", "", "arn:aws:s3::", "arn:aws:s3:::*"]).to_owned();
        }
        let pieces =
            ["a", "b", "*", "/", "?", "-", ".", "~", "é", "ab", "aba", "/*", "${aws:username}", "${s3:prefix}"];
        format!("arn:aws:s3:::{}", self.text(&pieces, 8))
    }

    fn statement(&mut self) -> Statement {
        let actions = [
            "s3:GetObject",
            "s3:*",
            "s3:GetObjectVersion",
            "s3:Get*",
            "s3:ListBucket",
            "s3:ListAllMyBuckets",
            "s3:P*",
            "s3:*Bucket?olicy",
            "s3:DeleteBucket",
            "*",
            "s3:getobject",
        ];
        let effect = self.pick(&[Effect::Allow, Effect::Allow, Effect::Deny]);
        let actions = (0..=self.below(2)).map(|_| self.pick(&actions).to_owned()).collect();
        let actions = Selector { negated: self.below(8) == 7, patterns: actions };
        let resources = (0..=self.below(3)).map(|_| self.pattern()).collect();
        let resources = Selector { negated: self.below(8) == 7, patterns: resources };
        let conditions = (0..self.below(4).saturating_sub(1)).map(|_| self.clause()).collect();
        Statement { sid: None, effect, actions, resources, conditions, extra: BTreeMap::new(), principals: None }
    }

    fn clause(&mut self) -> Clause {
        let (operator, key, values) = self.pick(&[
            ("StringEquals", "s3:prefix", &["a", "b", "a"][..]),
            ("StringNotEquals", "s3:prefix", &["a", "b"]),
            ("StringLike", "s3:prefix", &["a*", "*b", "${aws:username}/*", "?"]),
            ("StringNotLike", "s3:prefix", &["a*", "*"]),
            ("IpAddress", "aws:SourceIp", &["10.0.0.0/8", "10.1.0.0/16", "::1"]),
            ("NotIpAddress", "aws:SourceIp", &["10.0.0.0/8", "10.1.0.0/16"]),
            ("Bool", "aws:SecureTransport", &["true", "false"]),
            ("Null", "s3:prefix", &["true", "false"]),
            ("NumericLessThan", "s3:max-keys", &["10", "x"]),
            ("ForAllValues:StringEquals", "s3:prefix", &["a"]),
            ("StringEqualsIfExists", "s3:prefix", &["a"]),
        ]);
        let values = (0..=self.below(2)).map(|_| self.pick(values).to_owned()).collect();
        Clause { operator: operator.to_owned(), key: key.to_owned(), values }
    }

    fn document(&mut self) -> Document {
        let version = self.pick(&[Some("2012-10-17"), None]).map(str::to_owned);
        let statements = (0..self.below(5)).map(|_| self.statement()).collect();
        Document { version, id: None, statements, extra: BTreeMap::new() }
    }

    /// A request, as long as there is input to make one of.
    fn request(&mut self, catalogue: &Catalogue) -> Option<Request> {
        while !self.0.is_empty() {
            let action = &catalogue.actions()[self.below(catalogue.actions().len())];
            let rest = self.text(&["a", "b", "/", "-", "~", "é", "ab", "a/b"], 6);
            let resource = ["*".to_owned(), format!("aba{rest}"), format!("aba/{rest}")][self.below(3)].clone();
            if let Ok(request) = Request::parse(&action.name, &resource, catalogue) {
                return Some(request);
            }
        }
        None
    }
}
