//! Templates of an import: they declare what an import without templates declares.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DocumentStyle, Import, ImportStyle, Inventory, MAIN_FILE, Selection, import};
use crate::base::{BucketName, CannedPolicy, Finding, PolicyName, Release, UserName};
use crate::desired::{Boundary, ClusterSettings, DeclaredAttachment, Loaded, PolicyIntent, load};
use crate::observed::{Body, BucketPolicy, Buckets, Duplicates, Identity, ObservedUser};

fn inventory(policies: &[(String, Value)], users: &[(String, String)]) -> Inventory {
    let user = |(name, policy): &(String, String)| {
        let attached = Some(PolicyName::reported(policy.as_str()));
        (
            UserName::reported(name.as_str()),
            ObservedUser { role: "S3".to_owned(), source: "Internal".to_owned(), attached },
        )
    };
    Inventory {
        identity: Identity {
            guid: "6d3f0a1e-2c4b-4f5a-9e8d-1b7c0f2a3d44".to_owned(),
            name: "weka01".to_owned(),
            release: Release::newest(),
            tenant: "Root".to_owned(),
            user: UserName::reported("admin"),
            role: "ClusterAdmin".to_owned(),
        },
        policies: policies
            .iter()
            .map(|(name, document)| (PolicyName::reported(name.as_str()), Some(document.to_string())))
            .collect(),
        users: users.iter().map(user).collect(),
        groups: BTreeMap::new(),
        duplicates: Duplicates::default(),
        groups_known: true,
        attachments_known: true,
        buckets: crate::observed::Buckets::NotRead,
    }
}

fn imported(of: &Inventory, documents: DocumentStyle, templates: bool) -> Import {
    import(of, &Selection::default(), ImportStyle { documents, templates }, &ClusterSettings::default())
}

fn loaded(import: &Import) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let main = (MAIN_FILE.to_owned(), import.text.clone());
    for (name, text) in import.files.clone().into_iter().chain([main]) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    load(&folder.path().join(MAIN_FILE), Boundary::Repository).unwrap()
}

/// The declarations of an import, by object.
fn declared(import: &Import) -> BTreeMap<String, String> {
    let loaded = loaded(import);
    let is_wrong = |finding: &&Finding| finding.is_error() || finding.code.id.starts_with("unused");
    let errors: Vec<_> = loaded.findings.iter().filter(is_wrong).collect();
    assert!(errors.is_empty(), "{errors:?}\n{}\n{:?}", import.text, import.files.keys());
    let policy = |intent: &PolicyIntent| match intent {
        PolicyIntent::Present(authored) => authored.normal().json().to_owned(),
        PolicyIntent::Absent => panic!("absent"),
    };
    let policies = loaded.desired.policies.iter();
    let policies =
        policies.map(|(name, of)| (format!("policy/{name}"), policy(&of.intent) + &format!("{:?}", of.lint)));
    let users = loaded.desired.users.iter().map(|(name, of)| match &of.intent {
        DeclaredAttachment::Has(policy) => (format!("user/{name}"), policy.to_string()),
        DeclaredAttachment::Detached | DeclaredAttachment::Revoked => panic!("{name} is detached"),
    });
    policies.chain(users).collect()
}

fn document(action: &str, resources: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resources}]})
}

/// The templates of these policies, each as `name: rows`, and the tables as they are written.
fn templates(policies: &[(&str, Value)], users: &[(&str, &str)]) -> (Vec<String>, String) {
    let policies: Vec<_> = policies.iter().map(|(name, document)| ((*name).to_owned(), document.clone())).collect();
    let users: Vec<_> = users.iter().map(|(name, policy)| ((*name).to_owned(), (*policy).to_owned())).collect();
    let inventory = inventory(&policies, &users);
    for style in [DocumentStyle::Files, DocumentStyle::Inline] {
        let folded = imported(&inventory, style, true);
        assert_eq!(declared(&folded), declared(&imported(&inventory, style, false)), "{}", folded.text);
    }
    let import = imported(&inventory, DocumentStyle::Files, true);
    let found = import.templates.unwrap().into_iter();
    let lines = import
        .text
        .lines()
        .skip_while(|line| !line.starts_with("[tables"))
        .take_while(|line| !line.starts_with("[cluster"));
    let tables: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    (found.map(|of| format!("{} {}: {}", of.section, of.name, of.entries)).collect(), tables.join("\n"))
}

#[test]
fn the_word_of_the_name_is_one_column() {
    let of = |team: &str| document("s3:GetObject", &[&format!("arn:aws:s3:::{team}-data/*"), "arn:aws:s3:::shared"]);
    let (found, tables) = templates(
        &[("ml-rw", of("ml")), ("data-eng-rw", of("data-eng"))],
        &[("svc-ml", "ml-rw"), ("svc-data-eng", "data-eng-rw"), ("bob", "ml-rw")],
    );
    assert_eq!(found, ["policies {{name}}-rw: 2", "users svc-{{name}}: 2"]);
    assert_eq!(tables, "[tables.name]\ndata-eng = {}\nml = {}");
}

#[test]
fn the_word_of_the_document_is_another_column_and_tables_are_shared() {
    let of = |action, bucket: &str| {
        document(action, &[&format!("arn:aws:s3:::{bucket}"), &format!("arn:aws:s3:::{bucket}/*")])
    };
    let both = |team: &str, bucket: &str| {
        [("rw", "s3:PutObject"), ("ro", "s3:GetObject")]
            .map(|(kind, action)| (format!("{team}-{kind}"), of(action, bucket)))
    };
    let policies: Vec<_> =
        [both("ml", "datasets"), both("bio", "genomes"), both("web", "web")].into_iter().flatten().collect();
    let policies: Vec<_> = policies.iter().map(|(name, document)| (name.as_str(), document.clone())).collect();
    let (found, tables) = templates(
        &policies,
        &[("ml", "ml-ro"), ("bio", "bio-ro"), ("web", "web-ro"), ("svc-ml", "ml-rw"), ("svc-bio", "bio-rw")],
    );
    // The third policy has no user, so the rows would make one too many.
    assert_eq!(found, ["policies {{name}}-ro: 3", "policies {{name}}-rw: 3", "users {{name}}: 3"]);
    assert_eq!(
        tables,
        "[tables.name]\nbio = { bucket = \"genomes\" }\nml = { bucket = \"datasets\" }\nweb = { bucket = \"web\" }"
    );
}

#[test]
fn only_words_that_a_value_may_be_are_folded() {
    let one = |resource: &str| document("s3:GetObject", &[&format!("arn:aws:s3:::{resource}")]);
    for (why, first, second) in [
        (
            "another action",
            ("ml-rw", document("s3:GetObject", &["arn:aws:s3:::a/*"])),
            ("ml-ro", document("s3:PutObject", &["arn:aws:s3:::a/*"])),
        ),
        ("a pattern", ("ml-rw", one("a*")), ("bio-rw", one("*"))),
        ("a path", ("ml-rw", one("b/x/*")), ("bio-rw", one("b/*"))),
        ("a variable", ("ml-rw", one("b/${aws:username}")), ("bio-rw", one("b/${aws:userid}"))),
        ("braces in a document", ("ml-rw", one("b/{{ml}}")), ("bio-rw", one("b/{{bio}}"))),
        ("braces in a name", ("{{ml}}-rw", one("b")), ("{{bio}}-rw", one("b"))),
        ("a brace before the word", ("{ml}", one("b/ml")), ("{bio}", one("b/bio"))),
        ("two words", ("ml-rw", one("a/b/x-c")), ("bio-rw", one("d/e/x-f"))),
        ("unrelated names", ("ml", one("a")), ("bio", one("b"))),
        ("a key of tables", ("columns-rw", one("columns")), ("ml-rw", one("ml"))),
        ("a part of a word", ("html-rw", one("html")), ("xml-rw", one("xl"))),
    ] {
        let (found, tables) = templates(&[first, second], &[]);
        if why != "a part of a word" {
            assert!(found.is_empty() && tables.is_empty(), "{why}: {found:?}");
        }
    }
    // What is there in other words, or in another order, is the same document.
    let shuffled = json!({"Statement": {"Resource": ["arn:aws:s3:::zoo", "arn:aws:s3:::ml"], "Action": ["s3:GetObject"], "Effect": "Allow"}});
    let (found, _) = templates(
        &[("ml-rw", shuffled), ("zz-rw", document("s3:GetObject", &["arn:aws:s3:::zz", "arn:aws:s3:::zoo"]))],
        &[],
    );
    assert_eq!(found, ["policies {{name}}-rw: 2"]);
}

#[test]
fn names_of_files_and_placeholders_are_free() {
    let of = |team: &str, bucket: &str| document("s3:GetObject", &[&format!("arn:aws:s3:::{bucket}/{team}/*")]);
    let policies = [
        ("ml-rw", of("ml", "b")),
        ("bio-rw", of("bio", "b")),
        ("name-rw", document("s3:*", &["arn:aws:s3:::x"])),
        ("NAME-RW2", document("s3:PutObject", &["arn:aws:s3:::x"])),
        (
            "x-value",
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b", "Condition": {"StringLike": {"s3:prefix": "one"}}}]}),
        ),
        (
            "y-value",
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b", "Condition": {"StringLike": {"s3:prefix": "two"}}}]}),
        ),
    ];
    let (found, tables) = templates(&policies, &[]);
    assert_eq!(found, ["policies {{name}}-rw: 2", "policies {{name2}}-value: 2"]);
    assert_eq!(
        tables,
        "[tables.name]\nbio = {}\nml = {}\n[tables.name2]\nx = { value = \"one\" }\ny = { value = \"two\" }"
    );
    let policies: Vec<_> = policies.iter().map(|(name, document)| ((*name).to_owned(), document.clone())).collect();
    let import = imported(&inventory(&policies, &[]), DocumentStyle::Files, true);
    let files: Vec<&str> =
        import.files.keys().map(String::as_str).filter(|name| name.starts_with("policies")).collect();
    assert_eq!(
        files,
        ["policies/NAME-RW2.json", "policies/name-rw.json", "policies/name-rw3.json", "policies/name2-value.json"]
    );
}

/// The texts that names and documents are made of; `@` is the team and `#` the bucket.
const PIECES: [&str; 18] = [
    "@",
    "#",
    "-",
    "/",
    "*",
    "ml",
    "name",
    "${aws:username}",
    "{",
    "}",
    "{{",
    "é",
    "columns",
    ".",
    "\"",
    "\\",
    "\u{301}",
    "\u{202e}",
];

fn text(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..most).prop_map(|pieces| pieces.join(""))
}

#[derive(Debug, Clone)]
struct Kind {
    name: String,
    user: String,
    resources: Vec<String>,
    action: &'static str,
    prefix: Option<String>,
}

fn kind() -> impl Strategy<Value = Kind> {
    let resources = proptest::collection::vec(text(5), 1..3);
    let action = proptest::sample::select(vec!["s3:GetObject", "s3:PutObject", "s3:*"]);
    (text(4), text(4), resources, action, proptest::option::of(text(3))).prop_map(
        |(name, user, resources, action, prefix)| Kind {
            name: format!("@{name}"),
            user: format!("u@{user}"),
            resources,
            action,
            prefix,
        },
    )
}

impl Kind {
    fn document(&self, team: &str, bucket: &str) -> Value {
        let with = |text: &str| text.replace('@', team).replace('#', bucket);
        let resources: Vec<String> = self.resources.iter().map(|text| format!("arn:aws:s3:::{}", with(text))).collect();
        let mut statement = json!({"Sid": with("@"), "Effect": "Allow", "Action": self.action, "Resource": resources});
        if let Some(prefix) = &self.prefix {
            statement["Condition"] = json!({"StringLike": {"s3:prefix": with(prefix)}});
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn templates_declare_what_an_import_without_them_declares(
        kinds in proptest::collection::vec(kind(), 1..4),
        teams in proptest::collection::btree_map("[a-c]{1,2}(-[a-c])?|é|ml|columns|name", "[a-c]{1,2}(-[a-c])?|é|ml|\\*", 1..6),
        without in any::<u16>(),
        inline in any::<bool>(),
    ) {
        let (mut policies, mut users) = (BTreeMap::new(), BTreeMap::new());
        let all = kinds.iter().flat_map(|kind| teams.iter().map(move |of| (kind, of)));
        for (at, (kind, (team, bucket))) in all.enumerate() {
            let name = kind.name.replace('@', team).replace('#', bucket);
            policies.insert(name.clone(), kind.document(team, bucket));
            if without & (1 << (at % 16)) == 0 {
                users.insert(kind.user.replace('@', team).replace('#', bucket), name);
            }
        }
        let inventory = inventory(&policies.into_iter().collect::<Vec<_>>(), &users.into_iter().collect::<Vec<_>>());
        let style = if inline { DocumentStyle::Inline } else { DocumentStyle::Files };
        let (plain, folded) = (imported(&inventory, style, false), imported(&inventory, style, true));
        prop_assert_eq!(declared(&folded), declared(&plain), "{}", folded.text);
        prop_assert_eq!(&folded.holders, &plain.holders);
        prop_assert!(folded.policies.keys().eq(plain.policies.keys()));
    }
}

#[test]
fn buckets_that_have_a_policy_are_declared_and_others_are_reported() {
    let bucket = |name: &str| BucketName::reported(name);
    let import_of = |buckets: Buckets, selection: &Selection| {
        let inventory = Inventory { buckets, ..inventory(&[], &[]) };
        let style = ImportStyle { documents: DocumentStyle::Files, templates: false };
        import(&inventory, selection, style, &ClusterSettings::default())
    };
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::own/*"]}]}"#;
    let canned = |canned| BucketPolicy { canned: Some(canned), document: Body::Unreadable(String::new()) };
    let buckets = Buckets::Known(BTreeMap::from([
        (bucket("closed"), BucketPolicy::none()),
        (bucket("open"), canned(CannedPolicy::Public)),
        (bucket("own"), BucketPolicy::custom(Body::read(text))),
        (bucket("odd"), BucketPolicy::custom(Body::Unreadable("?".to_owned()))),
        (bucket("No_Bucket"), canned(CannedPolicy::Upload)),
    ]));
    let made = import_of(buckets.clone(), &Selection::default());
    assert_eq!(made.buckets.keys().map(BucketName::as_str).collect::<Vec<_>>(), ["open", "own"]);
    assert!(made.text.contains("open = \"public\"") && made.files.contains_key("buckets/own.json"), "{}", made.text);
    let codes: Vec<&str> = made.findings.iter().map(|finding| finding.code.id).collect();
    assert_eq!(codes, ["bucket-not-declarable", "name-not-declarable"]);
    let some = Selection { buckets: ["o*".parse().unwrap()].into_iter().collect(), ..Selection::default() };
    let made = import_of(buckets, &some);
    assert_eq!((made.buckets.len(), made.left_out.other_buckets), (2, 1));
    let made = import_of(Buckets::Unreadable("no".to_owned()), &Selection::default());
    assert_eq!(made.findings.iter().map(|finding| finding.code.id).collect::<Vec<_>>(), ["buckets-not-imported"]);
}
