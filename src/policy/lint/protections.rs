//! Rules on statements that look like protection and are none: a server asks for another action, or the client chooses the key.

use super::super::access::{RequestKind, Rules, dead_denies};
use super::super::document::{Effect, Part};
use super::super::rule::Rule;
use super::allowed::{On, allowed, asks};
use super::context::{Check, ClauseAt, LintContext, StatementAt, engine};
use super::finding::Reporter;
use super::patterns::is_all;
use crate::base::Severity;

/// The checks that need the access engine, and a document without errors.
pub(super) const CHECKS: &[Check] = &[
    Check { rule: &VOID_DENY, run: void_deny },
    Check { rule: &VOID_ALLOW, run: void_allow },
    Check { rule: &DENY_OF_TAGS, run: deny_of_tags },
    Check { rule: &DENY_OF_BUCKET_NAMES, run: deny_of_bucket_names },
    Check { rule: &DENY_BY_USERNAME, run: deny_by_username },
    Check { rule: &ADDRESS_OF_CLIENT, run: address_of_client },
    Check { rule: &WORDS_OF_CLIENT, run: words_of_client },
];

/// A request about a version, with its method and its query. The table of requests has the actions.
struct VersionRequest(RequestKind, &'static str, &'static str);

const DELETE_VERSION: VersionRequest = VersionRequest(RequestKind::DeleteVersion, "DELETE", "versionId=…");

/// The requests whose own action no MinIO server asks for. `s3:GetObjectVersion` in full counts as `s3:GetObject`.
const OTHER_VERSION_REQUESTS: [VersionRequest; 4] = [
    VersionRequest(RequestKind::ReadVersion, "GET", "versionId=…"),
    VersionRequest(RequestKind::ReadVersionTags, "GET", "tagging&versionId=…"),
    VersionRequest(RequestKind::SetVersionTags, "PUT", "tagging&versionId=…"),
    VersionRequest(RequestKind::DeleteVersionTags, "DELETE", "tagging&versionId=…"),
];

impl VersionRequest {
    /// The action that people mean by it.
    fn action(&self) -> &'static str {
        self.0.own_action().unwrap_or_default()
    }

    /// The action that MinIO servers ask for.
    fn asked(&self) -> &'static str {
        let formula = self.0.formula(&Rules::MINIO_2021);
        formula.ways.first().and_then(|way| way.allowed.first()).map_or("", |asked| asked.name)
    }

    /// The request for a key.
    fn of(&self, key: &str) -> String {
        format!("{} {key}?{}", self.1, self.2)
    }
}

static VOID_DENY: Rule = Rule::warning(
    "P01",
    "void-deny-of-versions",
    "A `Deny` of an action on versions has no effect, because the document allows the plain action.",
);

fn void_deny(context: &LintContext<'_>, report: &mut Reporter) {
    for deny in context.denies() {
        let still = |version: &VersionRequest| {
            let is_denied = deny.selects(version.action()) && !asks(&deny, version.asked());
            let set = || allowed(context, version.asked(), On::Objects).within(&deny);
            is_denied.then(|| set().example()).flatten()
        };
        if let Some(key) = still(&DELETE_VERSION) {
            let message = format!(
                "by the rules `minio-2021`, this `Deny` keeps no version: `{}` only needs `{}`",
                DELETE_VERSION.of(&key),
                DELETE_VERSION.asked()
            );
            let help = "keep it, since by `minio-2026` nothing else keeps versions; also deny `s3:DeleteObject`, or use \
                        COMPLIANCE retention";
            report.add(deny.place_of(DELETE_VERSION.action()), message).help(help);
        }
        let void = OTHER_VERSION_REQUESTS.iter().find_map(|version| Some((version, still(version)?)));
        if let Some((version, key)) = void {
            let message = format!(
                "by MinIO rules, this `Deny` of `{}` has no effect: `{}` only needs `{}`",
                version.action(),
                version.of(&key),
                version.asked()
            );
            let place = deny.place_of(version.action());
            report.add(place, message).help(format!("also deny `{}`", version.asked()));
        }
    }
}

static VOID_ALLOW: Rule = Rule::warning(
    "P02",
    "void-version-action",
    "An `Allow` has an action on versions that MinIO servers do not ask for, without the plain action.",
);

fn void_allow(context: &LintContext<'_>, report: &mut Reporter) {
    for allow in context.allows() {
        let is_void = |version: &&VersionRequest| {
            let is_alone = allow.entry_for(version.action()).is_some() && !asks(&allow, version.asked());
            let here = |action| allowed(context, action, On::Objects).within(&allow);
            is_alone && here(version.asked()).is_empty() && here(version.action()).example().is_some()
        };
        let versions = [&DELETE_VERSION].into_iter().chain(&OTHER_VERSION_REQUESTS);
        let void: Vec<&VersionRequest> = versions.filter(is_void).collect();
        let Some((version, entry)) = void.first().and_then(|first| Some((*first, allow.entry_for(first.action())?)))
        else {
            continue;
        };
        let is_void = |name: &str| void.iter().any(|version| version.action() == name);
        let mut selected = context.catalogue.actions().iter().filter(|action| allow.selects(&action.name));
        let severity = if selected.all(|action| is_void(&action.name)) { Severity::Warning } else { Severity::Note };
        let message = format!(
            "by MinIO rules, `{}` alone allows nothing: `{}` needs `{}`",
            entry.pattern,
            version.of("BUCKET/KEY"),
            version.asked()
        );
        let help = format!("allow `{}` if you intend this; otherwise remove the action", version.asked());
        report.add(entry.place, message).severity(severity).help(help);
    }
}

static DENY_OF_TAGS: Rule = Rule::warning(
    "P03",
    "deny-of-tags",
    "A `Deny` of changes to tags has no effect, because the document allows to upload the object.",
);

fn deny_of_tags(context: &LintContext<'_>, report: &mut Reporter) {
    for deny in context.denies() {
        // A pattern such as `s3:DeleteObject*` is not meant for tags.
        let is_meant = |tags: &&str| {
            deny.selects(tags) && !["s3:DeleteObject", "s3:PutObject"].iter().any(|all| deny.selects(all))
        };
        let changes = ["s3:PutObjectTagging", "s3:DeleteObjectTagging"];
        let Some(tags) = changes.into_iter().find(is_meant) else { continue };
        if let Some(key) = allowed(context, "s3:PutObject", On::Objects).within(&deny).example() {
            let message = format!(
                "by MinIO rules, this `Deny` keeps no tags: `PUT {key}` with `x-amz-tagging` only needs `s3:PutObject`"
            );
            let help = "also deny `s3:PutObject`, or rely on no tag that this user can set";
            report.add(deny.place_of(tags), message).help(help);
        }
    }
}

static DENY_OF_BUCKET_NAMES: Rule = Rule::warning(
    "P04",
    "deny-of-bucket-names",
    "A `Deny` of `s3:ListAllMyBuckets` does not hide the buckets that the document allows to list.",
);

fn deny_of_bucket_names(context: &LintContext<'_>, report: &mut Reporter) {
    let (names, list) = ("s3:ListAllMyBuckets", "s3:ListBucket");
    for deny in context.denies().filter(|deny| deny.selects(names) && !deny.selects(list)) {
        let is_of_all = deny.resources.negated || deny.paths().any(is_all);
        let is_listed = |allow: &StatementAt<'_>| {
            allow.selects(list) && allowed(context, list, On::Buckets).within(allow).example().is_some()
        };
        let mut listed = context.allows().filter(is_listed).flat_map(StatementAt::paths);
        let Some(bucket) = listed.next().filter(|_| is_of_all) else { continue };
        let message = format!(
            "by MinIO rules, this `Deny` hides no names: `GET /` shows the buckets with `{list}`, such as `{bucket}`"
        );
        let help = format!("to hide a bucket, do not allow `{list}` and `s3:GetBucketLocation` on it");
        report.add(deny.place_of(names), message).help(help);
    }
}

static DENY_BY_USERNAME: Rule = Rule::warning(
    "P05",
    "deny-by-username",
    "A `Deny` applies to the name of a user, which temporary credentials of this user do not have.",
);

/// The keys with the name of a user.
const NAME_KEYS: [&str; 2] = ["aws:username", "aws:userid"];

fn deny_by_username(context: &LintContext<'_>, report: &mut Reporter) {
    let names = |clause: &ClauseAt<'_>| {
        let is_positive = clause.operator.contains("String") && !clause.operator.contains("Not");
        clause.statement.effect == Effect::Deny && is_positive && NAME_KEYS.contains(&clause.key.as_str())
    };
    let clauses: Vec<_> = context.clauses().filter(names).collect();
    if clauses.is_empty() {
        return;
    }
    let dead = dead_denies(context.document, &engine(context));
    for clause in clauses.into_iter().filter(|clause| !dead.contains(&clause.statement.at)) {
        let (key, name) = (&clause.key, clause.values().next().map_or("", |(_, name)| name));
        let message = format!(
            "by the rules `minio-2021`, this `Deny` misses temporary credentials and service accounts of `{name}`: their \
             `{key}` is an access key"
        );
        let help =
            "give the user another policy, which also holds for these credentials; by `minio-2026`, they have the name";
        report.add(clause.place(Part::Key), message).help(help);
    }
}

static ADDRESS_OF_CLIENT: Rule = Rule::note(
    "P06",
    "address-of-the-client",
    "A condition on `aws:SourceIp` relies on headers that the client can send.",
);

fn address_of_client(context: &LintContext<'_>, report: &mut Reporter) {
    if let Some(clause) = context.clauses().find(|clause| clause.key == "aws:SourceIp") {
        let message = "by MinIO rules, the client decides `aws:SourceIp`: it can send the header `X-Forwarded-For` or \
                       `X-Real-IP`";
        let help = "let clients reach the cluster only through a proxy that sets both headers";
        report.add(clause.place(Part::Key), message).help(help);
    }
}

static WORDS_OF_CLIENT: Rule = Rule::note(
    "P07",
    "words-of-the-client",
    "A condition relies on `aws:Referer` or `aws:UserAgent`, which the client chooses.",
);

fn words_of_client(context: &LintContext<'_>, report: &mut Reporter) {
    let chosen = ["aws:Referer", "aws:UserAgent"];
    let of_key = |key: &&str| context.clauses().find(|clause| clause.key == *key);
    let found: Vec<_> = chosen.into_iter().filter(|key| of_key(key).is_some()).collect();
    if let Some(clause) = context.clauses().find(|clause| found.contains(&clause.key.as_str())) {
        let keys: Vec<String> = found.iter().map(|key| format!("`{key}`")).collect();
        let message = format!("the client chooses {}, so the condition keeps nobody out", keys.join(" and "));
        report.add(clause.place(Part::Key), message).help("do not rely on it for protection");
    }
}
