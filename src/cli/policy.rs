//! `attune policy`: compares, checks and prints policy documents, offline.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::args::{ActionArgs, Format, RulesArg};
use super::documents::{Documents, LocatedDocument, have_errors};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{BucketName, Finding, Location, Release};
use crate::policy::access::{ALL_RULES, Context};
use crate::policy::{Catalogue, Depth, Lint, LintInput, MAX_DOCUMENT, Sameness, compared, lint, lint_bucket, normal};
use crate::render::json::{self, FindingsV1, PolicyDiffV1};
use crate::render::{findings, text};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    Diff(DiffArgs),
    Lint(LintArgs),
    Render(RenderArgs),
}

impl PolicyCommand {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        match self {
            Self::Diff(command) => command.run(output),
            Self::Lint(command) => command.run(output),
            Self::Render(command) => command.run(output),
        }
    }
}

/// No configuration is read, so that there is another default.
const RULES: &str = "Rules of evaluation: minio-2021, minio-2026, aws, or several separated by commas; the first leads the text \
                     [default: minio-2021,minio-2026,aws]";

/// Compare two policy documents, and show gained and lost access
///
/// Differences in formatting do not count, nor the order of members, statements and entries. For bucket policies, the access is
/// that of requests without a login. If the access is the same only because of names that do not exist, the answer says so.
/// Exits with 0 if both documents are equal, or else with 2.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy diff old.json new.json
  git show main:policy.json | attune policy diff - policy.json
  attune policy diff old.json new.json --format json | jq .same_access
  attune policy diff old.json new.json --rules aws --release 4.4")]
#[command(mut_arg("rules", |rules| rules.help(RULES)))]
pub(super) struct DiffArgs {
    /// Old document, or `-` for standard input
    #[arg(value_name = "OLD")]
    before: PathBuf,
    /// New document, or `-` for standard input
    #[arg(value_name = "NEW")]
    after: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    rules: RulesArg,
    #[command(flatten)]
    actions: ActionArgs,
}

impl DiffArgs {
    fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let catalogue = self.actions.load_or(&Release::newest())?;
        let mut documents = Documents::default();
        let (before, after) = (documents.read_any(&self.before), documents.read_any(&self.after));
        let (Some(before), Some(after), false) = (before, after, documents.has_errors()) else {
            return documents.report_errors(self.format, output, &[self.before.clone(), self.after.clone()]);
        };
        output.findings(&documents.findings, &documents.sources);
        let context = Context { rules: self.rules.or(&ALL_RULES), ..Context::new(&catalogue) };
        let compared = compared(before.document, after.document, &context);
        match self.format {
            Format::Text => output.result(|out, styles| text::policy_diff(out, styles, &compared))?,
            Format::Json => output.result(|out, _| json::write(out, &PolicyDiffV1::of(&compared)))?,
        }
        Ok(if compared.sameness == Sameness::Same { Exit::Done } else { Exit::Changes })
    }
}

/// Check policy documents against all rules
///
/// An error is something that a server rejects, drops or reads differently. A warning is something that is probably a
/// mistake. Exits with 1 if there are errors. docs/lints.md explains each rule with examples.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy lint policies/*.json
  attune policy lint policy.json --release 4.4
  attune policy lint --bucket datasets bucket-policy.json
  attune policy lint policies/*.json --format json | jq '.findings[] | select(.severity == \"error\")'")]
pub(super) struct LintArgs {
    /// Policy documents, or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    documents: Vec<PathBuf>,
    /// Check them as policies of this bucket
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    actions: ActionArgs,
}

impl LintArgs {
    fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let catalogue = self.actions.load_or(&Release::newest())?;
        let bucket = self.bucket.as_deref().map(|name| {
            BucketName::parse(name)
                .map_err(|problem| Failure::new(&exit::BAD_DOCUMENT, format!("the name {name:?} {problem}")))
        });
        let bucket = bucket.transpose()?;
        let mut documents = Documents::default();
        for path in &self.documents {
            lint_document(&mut documents, path, bucket.as_ref(), &catalogue);
        }
        let Documents { findings: found, sources } = &documents;
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &FindingsV1::of(found, sources)))?,
            Format::Text if found.is_empty() => output.result(|out, _| writeln!(out, "no problems found"))?,
            Format::Text => output.result(|out, styles| findings(out, styles, found, sources))?,
        }
        if documents.has_errors() { Err(have_errors(&self.documents)) } else { Ok(Exit::Done) }
    }
}

/// Reads a document and checks it. The access of a document with errors does not matter.
fn lint_document(documents: &mut Documents, path: &Path, bucket: Option<&BucketName>, catalogue: &Catalogue) {
    let known = documents.findings.len();
    let located = if bucket.is_some() { documents.read_any(path) } else { documents.read(path) };
    let Some(located) = located else { return };
    // What a `Principal` means is said by the rules.
    documents.findings.retain(|finding| bucket.is_none() || finding.code.id != "principal-in-identity");
    let text_length = Some(documents.sources.file(located.file).text.len());
    let is_broken = documents.findings[known..].iter().any(Finding::is_error);
    let depth = if is_broken { Depth::Quick } else { Depth::Thorough };
    let input = LintInput { document: &located.document, catalogue, text_length, depth };
    let lints = bucket.map_or_else(|| lint(&input), |bucket| lint_bucket(&input, bucket));
    let mut found: Vec<Finding> = lints.into_iter().map(|lint| finding(lint, &located)).collect();
    found.retain(|finding| !finding.repeats(&documents.findings[known..]));
    documents.findings.append(&mut found);
    documents.findings[known..].sort_by_key(Finding::place);
}

fn finding(lint: Lint, located: &LocatedDocument) -> Finding {
    let at = located.places.nearest(lint.place).map(|span| Location { file: located.file, span });
    Finding { help: lint.help, ..Finding::new(lint.rule.code, lint.severity, lint.message).at(at) }
}

/// Print a policy document exactly as it is sent to a cluster
///
/// Prints the normal form: minified, in a fixed order, without empty members, and without a final line break. The size limit
/// of a cluster applies to these bytes. Their number is printed to stderr.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy render policy.json
  attune policy render policy.json --quiet | wc --bytes
  attune policy render policy.json --quiet | jq .")]
pub(super) struct RenderArgs {
    /// Policy document, or `-` for standard input
    #[arg(value_name = "FILE")]
    document: PathBuf,
}

impl RenderArgs {
    fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let mut documents = Documents::default();
        let (Some(located), false) = (documents.read(&self.document), documents.has_errors()) else {
            return documents.report_errors(Format::Text, output, std::slice::from_ref(&self.document));
        };
        output.findings(&documents.findings, &documents.sources);
        let normal = normal(&located.document);
        output.exact(normal.json().as_bytes())?;
        output.info(|out, _| writeln!(out, "{} of {MAX_DOCUMENT} bytes", normal.len()));
        if normal.len() > MAX_DOCUMENT {
            let message = format!("the document has {} bytes; the limit is {MAX_DOCUMENT}", normal.len());
            let help = "use wildcards, or fewer or shorter statements";
            return Err(Failure::new(&exit::BAD_DOCUMENT, message).help(help));
        }
        Ok(Exit::Done)
    }
}
