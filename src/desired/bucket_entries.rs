//! The declarations of buckets.

use super::allowed::Allowed;
use super::entries::{FileReader, declare, document_from_file};
use super::raw::{RawBucket, RawFile};
use super::spanned::At;
use super::statement::{Of, inline_document};
use super::{BucketEntry, BucketIntent, codes};
use crate::base::{BucketName, CannedPolicy};

impl FileReader<'_> {
    /// Adds the declared buckets.
    pub(super) fn buckets(&mut self, raw: &RawFile) {
        let file = self.report.file;
        for (written, bucket) in &raw.buckets.0 {
            self.report.file = self.made.get("buckets", written.get()).map_or(file, |made| made.file);
            let Some(name) = self.bucket_name(written) else { continue };
            let Some(intent) = self.bucket_intent(&name, written, bucket) else { continue };
            let lint = Allowed::read(bucket.lint.as_ref(), self.report);
            let at = Some(self.report.at(written.span()));
            let entry = BucketEntry { description: bucket.description.clone(), intent, lint, at };
            declare("bucket", &mut self.desired.buckets, name, entry, |entry| entry.at.as_ref(), self.report);
        }
        self.report.file = file;
    }

    fn bucket_name(&mut self, written: &At<String>) -> Option<BucketName> {
        let bad = |problem| {
            let message = format!("the bucket name {:?} {problem}", written.get());
            self.report.error(codes::BAD_NAME, written.span(), message, "write the name as the cluster has it");
        };
        BucketName::parse(written.get()).map_err(bad).ok()
    }

    fn bucket_intent(&mut self, bucket: &BucketName, name: &At<String>, raw: &RawBucket) -> Option<BucketIntent> {
        let has_errors = self.errors.contain("buckets", name.get());
        let statements = raw.statement.as_ref().filter(|statements| !statements.is_empty());
        let given = [raw.policy.is_some(), raw.document.is_some(), raw.statement.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            let message = format!("bucket `{bucket}` has more than one of `policy`, `document` and `statement`");
            self.report.error(codes::BUCKET_CONFLICT, name.span(), message, "keep one of them");
            return None;
        }
        if let Some(policy) = &raw.policy {
            let bad = |problem| {
                let message = format!("the policy {:?} of bucket `{bucket}` {problem}", policy.get());
                let help = "a policy of `[policies]` is for users; for a bucket, write one of these names, `document` or \
                            `statement`";
                self.report.error(codes::BUCKET_POLICY, policy.span(), message, help);
            };
            // Names in a configuration have one spelling.
            let exact = |canned: &CannedPolicy| canned.as_str() == policy.get();
            let parsed = CannedPolicy::ALL.into_iter().find(exact).ok_or(crate::base::NoCannedPolicy);
            return parsed.map_err(bad).ok().map(BucketIntent::Canned);
        }
        if let Some(statements) = statements {
            return inline_document(statements, Of::Bucket, has_errors, self.report).map(BucketIntent::Document);
        }
        if let Some(document) = self.documents.remove(&("buckets", name.get().clone())) {
            return document_from_file(&document, &mut self.report.findings).map(BucketIntent::Document);
        }
        if raw.document.is_none() && !has_errors {
            let help = "add `policy = \"none\"` (or `download`, `upload`, `public`), `document = \"FILE.json\"` or \
                        `[[buckets.NAME.statement]]` tables";
            self.report.error(codes::BUCKET_CONFLICT, name.span(), format!("bucket `{bucket}` has no policy"), help);
        }
        None
    }
}
