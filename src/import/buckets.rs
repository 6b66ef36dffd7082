//! Writes the buckets that have a policy.

use std::collections::BTreeMap;

use toml_edit::{Item, Table, value};

use super::adopt::{broken_rules, suppress};
use super::select::undeclarable;
use super::{Import, ImportedBucket, Inventory, Selection, codes};
use crate::base::{BucketName, Finding, Severity, file_name};
use crate::desired::{escaped, implicit_table};
use crate::observed::{BucketPolicy, Buckets};
use crate::policy::{self, Catalogue, LintInput};

/// Declares the buckets, and reports those that no configuration can declare.
pub(super) fn declare(inventory: &Inventory, selection: &Selection, catalogues: &[Catalogue; 2], import: &mut Import) {
    match &inventory.buckets {
        Buckets::NotRead => {}
        Buckets::Unreadable(why) => {
            let message = format!("the policies of buckets cannot be read: {why}; no buckets are written");
            let help = "give the login the right to list buckets, and import them with `--buckets '*'`";
            import.findings.push(Finding::warning(codes::BUCKETS_UNKNOWN, message).help(help));
        }
        Buckets::Known(buckets) => {
            for (bucket, policy) in buckets.iter().filter(|(_, policy)| !policy.is_none()) {
                if !selection.has_bucket(bucket) {
                    import.left_out.other_buckets += 1;
                } else if let Err(problem) = bucket.addressable() {
                    import.findings.push(undeclarable("bucket", bucket.as_str(), &problem.to_string()));
                } else if let Err(why) = add(bucket, policy, catalogues, import) {
                    let message = format!("cannot declare the policy of bucket `{bucket}`: {why}; left out");
                    let help = "the bucket keeps its policy; to replace it, declare it by hand with a valid document";
                    import.findings.push(Finding::warning(codes::UNDECLARABLE_BUCKET, message).help(help));
                }
            }
        }
    }
}

fn add(
    bucket: &BucketName,
    policy: &BucketPolicy,
    catalogues: &[Catalogue; 2],
    import: &mut Import,
) -> Result<(), String> {
    let imported = match (policy.canned, policy.document.normal()) {
        (Some(canned), _) => ImportedBucket::Canned(canned),
        (None, None) => return Err("attune cannot read its document".to_owned()),
        (None, Some(document)) => {
            let text = policy::file_text(document.document()).unwrap_or_else(|| document.json().to_owned());
            let read = policy::read_bucket_policy(&text);
            if let Some(problem) = read.problems.iter().find(|problem| problem.severity == Severity::Error) {
                return Err(problem.message.clone());
            }
            let path = format!("buckets/{}.json", file_name(bucket.as_str()));
            import.files.insert(path.clone(), escaped(&text).into_owned());
            let lint = |input: &LintInput<'_>| policy::lint_bucket(input, bucket);
            let broken = broken_rules(document.document(), catalogues, lint);
            ImportedBucket::Document(path, broken)
        }
    };
    import.buckets.insert(bucket.clone(), imported);
    Ok(())
}

/// The section `[buckets]`.
pub(super) fn table(buckets: &BTreeMap<BucketName, ImportedBucket>) -> Table {
    let mut table = implicit_table();
    for (bucket, imported) in buckets {
        let item = match imported {
            ImportedBucket::Canned(canned) => value(canned.as_str()),
            ImportedBucket::Document(path, broken) => {
                let mut entry = Table::new();
                entry.insert("document", value(path));
                suppress(broken, &mut entry);
                Item::Table(entry)
            }
        };
        table.insert(bucket.as_str(), item);
    }
    table
}
