//! `attune import`: writes a configuration from a running cluster.

use std::path::{Path, PathBuf};

use super::args::{CallArgs, Format, GlobalArgs};
use super::connect::{CommandError, SIM, cluster_settings, connect};
use super::exit::{self, Exit, Failure};
use super::files::{NewFile, create_new, shown};
use super::output::Output;
use crate::base::{NamePattern, Sources, shell_line};
use crate::cluster::CallError;
use crate::desired::{ClusterSettings, Endpoint};
use crate::import::{self, DocumentStyle, Import, ImportStyle, Inventory, MAIN_FILE, SCHEMA_FILE, Selection};
use crate::render::json::{self, ImportV1};
use crate::render::text;

/// Write a configuration from a running cluster
///
/// Reads policies and attachments, and writes `attune.toml`, `policies/*.json` and, for editors, `attune.schema.json`. The
/// cluster is not changed, and `attune plan` has nothing to do afterwards. Users and buckets without a policy and predefined
/// policies are not declared. Objects that
/// cannot be declared are skipped with a warning. If a file exists, nothing is written; an existing schema is kept.
///
/// To connect without a configuration, use --cluster and a login from the environment. An existing configuration provides
/// `[cluster]`.
///
/// --policies also selects the users and groups that have such a policy. --users and --groups also select their policies. In
/// patterns, `*` matches any characters and `?` matches one, as in `[ownership]`.
///
/// --templates writes `ml-rw` and `bio-rw` as `{{name}}-rw` with a table of rows, if their documents are the same or differ in
/// one word, too. So it does with their users. The configuration declares the same.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune import --cluster https://weka01.example.com:14000
  attune import --cluster https://weka01:14000 --fingerprint sha256:… --out clusters/weka01
  attune import --via weka                          run on a host of the cluster
  attune import --file old/attune.toml --out new    use the same cluster
  attune import --cluster sim:cluster.json --policies 'ml-*' --inline --out ml
  attune import --cluster sim:cluster.json --templates")]
pub(super) struct ImportArgs {
    /// Import only policies that match; repeatable
    #[arg(long, value_name = "GLOB")]
    policies: Vec<NamePattern>,
    /// Import only users that match; repeatable
    #[arg(long, value_name = "GLOB")]
    users: Vec<NamePattern>,
    /// Import only groups that match; repeatable. Groups need the weka command and WEKA 6.0
    #[arg(long, value_name = "GLOB")]
    groups: Vec<NamePattern>,
    /// Import only buckets that match; repeatable. Without patterns, all buckets that have a policy
    #[arg(long, value_name = "GLOB")]
    buckets: Vec<NamePattern>,
    /// Write documents into attune.toml, instead of separate files
    #[arg(long)]
    inline: bool,
    /// Write policies that differ in one word as one template with rows
    #[arg(long)]
    templates: bool,
    /// Output directory
    #[arg(long, default_value = ".", value_name = "DIR")]
    out: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    calls: CallArgs,
}

impl ImportArgs {
    /// Everything of a cluster, for people.
    pub(super) fn everything(out: &Path, calls: CallArgs) -> Self {
        let (policies, users, groups, buckets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            policies,
            users,
            groups,
            buckets,
            inline: false,
            templates: false,
            out: out.to_path_buf(),
            format: Format::Text,
            calls,
        }
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let (inventory, import) = self.import(global, output).await.map_err(|error| error.reported(output))?;
        output.findings(&import.findings, &Sources::default());
        self.write(&import).map_err(|failure| CommandError::from(failure).reported(output))?;
        match self.format {
            Format::Text => {
                output.result(|out, styles| text::import(out, styles, &inventory.identity, &import))?;
                let file = shown(&self.out.join(MAIN_FILE));
                match shell_line(["attune", "plan", "--file", &file]) {
                    Some(command) => output.info(|out, _| writeln!(out, "next: {command}")),
                    None => output.info(|out, _| writeln!(out, "next: `attune plan` with {file}")),
                }
            }
            Format::Json => {
                let report = ImportV1::of(&inventory.identity, &import, &self.out.display().to_string());
                output.result(|out, _| json::write(out, &report))?;
            }
        }
        Ok(Exit::Done)
    }

    async fn import(&self, global: &GlobalArgs, output: &mut Output) -> Result<(Inventory, Import), CommandError> {
        let settings = Self::settings(global, output)?;
        let connection = connect(global, &settings, self.calls, output).await?;
        let patterns = |patterns: &[NamePattern]| patterns.iter().cloned().collect();
        let selection = Selection {
            policies: patterns(&self.policies),
            users: patterns(&self.users),
            groups: patterns(&self.groups),
            buckets: patterns(&self.buckets),
        };
        let inventory = import::read_cluster(&connection.retrying(), &selection, self.calls.jobs())
            .await
            .map_err(with_trust_options)?;
        let documents = if self.inline { DocumentStyle::Inline } else { DocumentStyle::Files };
        let style = ImportStyle { documents, templates: self.templates };
        let mut import = import::import(&inventory, &selection, style, &self.written_settings(global, settings));
        if self.out.join(SCHEMA_FILE).is_file() {
            import.files.remove(SCHEMA_FILE);
        }
        Ok((inventory, import))
    }

    fn settings(global: &GlobalArgs, output: &mut Output) -> Result<ClusterSettings, CommandError> {
        if !global.has_file() && !global.names_cluster() {
            let help = "use `--cluster https://HOST:14000`, or `--via weka` on a host of the cluster";
            return Err(Failure::new(&exit::NO_ENDPOINT, "no cluster is configured").help(help).into());
        }
        Ok(global.over(&cluster_settings(global, output)?))
    }

    /// The settings for the new configuration: relative paths start at its directory.
    fn written_settings(&self, global: &GlobalArgs, mut settings: ClusterSettings) -> ClusterSettings {
        if let Some(cluster) = &global.cluster {
            settings.endpoints = vec![Endpoint { text: cluster.clone(), directory: PathBuf::new(), at: None }];
        }
        for endpoint in &mut settings.endpoints {
            if let Some(path) = endpoint.text.strip_prefix(SIM) {
                endpoint.text = format!("{SIM}{}", relative_to(&self.out, &endpoint.directory.join(path)).display());
            }
        }
        settings.ca_file = settings.ca_file.map(|file| relative_to(&self.out, &file));
        settings
    }

    fn write(&self, import: &Import) -> Result<(), Failure> {
        let documents = import.files.iter().map(|(path, text)| NewFile { path, text });
        let files: Vec<NewFile<'_>> = documents.chain([NewFile { path: MAIN_FILE, text: &import.text }]).collect();
        let help =
            ["name another directory with `--out DIR`, or move them", "name a writable directory with `--out DIR`"];
        create_new(&self.out, &files, help)
    }
}

/// Adds the options that replace a missing configuration to the help about an untrusted certificate.
fn with_trust_options(error: CallError) -> Failure {
    let failure = Failure::from(error);
    match failure.finding.help.clone() {
        Some(help) if help.contains("fingerprint = ") => {
            failure.help(format!("{help}; for an import, use `--fingerprint` or `--ca-file`"))
        }
        Some(_) | None => failure,
    }
}

/// A path as a file of that directory names it.
fn relative_to(directory: &Path, path: &Path) -> PathBuf {
    if path.is_absolute() {
        return path.to_path_buf();
    }
    let (directory, path) = (absolute(directory), absolute(path));
    let common = directory.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = directory.components().skip(common).map(|_| std::path::Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    for part in path.ancestors() {
        if let Ok(known) = part.canonicalize() {
            return known.join(path.strip_prefix(part).unwrap_or(Path::new("")));
        }
    }
    path
}
