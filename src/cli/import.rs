//! `attune import`: a desired-state file of what a cluster has.

use std::path::{Path, PathBuf};

use super::args::{Format, GlobalArgs, Pace, ViaArg};
use super::connect::connect;
use super::desired::{NotReady, SIM, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::place::{NewFile, in_the_way, place};
use crate::base::{NamePattern, Sources, shell_line};
use crate::cluster::CallError;
use crate::cluster::rest::Fingerprint;
use crate::desired::{ClusterSettings, Endpoint, Via};
use crate::import::{self, DocumentStyle, Import, Inventory, MAIN_FILE, Selection};
use crate::render::json::{self, ImportV1};
use crate::render::text;

/// Write a file of what a cluster has
///
/// Reads the policies of a cluster and who holds them, changes nothing there, and writes `attune.toml` and
/// `policies/*.json`, so that `attune plan` finds nothing to do. Nothing is written over: where a file is in the way, none
/// is written. Predefined policies are not declared, users that hold them are; users that hold nothing are not. What no
/// file can declare is left out, with a word why.
///
/// No file is needed: --cluster says where the cluster is, and the environment has the login. Where there is a file, what
/// it says under `[cluster]` holds.
///
/// With --policies alone, the users and groups are those that hold such a policy; with --users or --groups alone, the
/// policies are those that such users and groups hold. Names are matched as in `[ownership]`: `*` is any run of characters, `?` is one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune import --cluster https://weka01.example.com:14000
  attune import --cluster https://weka01:14000 --fingerprint sha256:… --out clusters/weka01
  attune import --via weka                                on a host of the cluster that is logged in
  attune import --file old/attune.toml --out new          of the cluster that a file names
  attune import --cluster sim:cluster.json --policies 'ml-*' --inline --out ml")]
pub(super) struct ImportArgs {
    /// Only policies whose names match; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    policies: Vec<NamePattern>,
    /// Only users whose names match; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    users: Vec<NamePattern>,
    /// Only groups whose names match; may be given several times. Groups are told of over the weka command from 6.0
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    groups: Vec<NamePattern>,
    /// Write documents as statements in attune.toml, instead of into files
    #[arg(long)]
    inline: bool,
    /// The directory to write into
    #[arg(long, default_value = ".", value_name = "DIR")]
    out: PathBuf,
    /// The SHA-256 of the certificate to trust, as `sha256:` and 64 hexadecimal digits
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "ca_file")]
    fingerprint: Option<Fingerprint>,
    /// A PEM file with the certificates to trust
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pace: Pace,
}

fn pattern(text: &str) -> Result<NamePattern, String> {
    text.parse().map_err(|error: glob::PatternError| error.to_string())
}

impl ImportArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let (inventory, import) = match self.made(global, output).await {
            Ok(made) => made,
            Err(failed) => return failed.reported(self.format, output),
        };
        output.findings(&import.findings, &Sources::default());
        match self.write(&import) {
            Ok(()) => {}
            Err(failure) => return NotReady::from(failure).reported(self.format, output),
        }
        match self.format {
            Format::Text => {
                output.result(|out, styles| text::import(out, styles, &inventory.identity, &import))?;
                let file = shown(&self.out.join(MAIN_FILE));
                match shell_line(["attune", "plan", "--file", &file]) {
                    Some(command) => output.aside(|out, _| writeln!(out, "next: {command}")),
                    None => output.aside(|out, _| writeln!(out, "next: `attune plan` with {file}")),
                }
            }
            Format::Json => {
                let report = ImportV1::of(&inventory.identity, &import, &self.out.display().to_string());
                output.result(|out, _| json::write(out, &report))?;
            }
        }
        Ok(Exit::Done)
    }

    async fn made(&self, global: &GlobalArgs, output: &mut Output) -> Result<(Inventory, Import), NotReady> {
        let settings = self.settings(global, output)?;
        let connection = connect(global, &settings, self.pace.jobs(), output).await?;
        let patterns = |patterns: &[NamePattern]| patterns.iter().cloned().collect();
        let selection = Selection {
            policies: patterns(&self.policies),
            users: patterns(&self.users),
            groups: patterns(&self.groups),
        };
        let inventory = import::read_cluster(&connection.retrying(&self.pace), &selection, self.pace.jobs())
            .await
            .map_err(untrusted_said)?;
        let style = if self.inline { DocumentStyle::Inline } else { DocumentStyle::Files };
        let import = import::import(&inventory, &selection, style, &self.reached(global, settings));
        Ok((inventory, import))
    }

    /// How the cluster is reached: as a file says, where there is one, and then as the command line does.
    fn settings(&self, global: &GlobalArgs, output: &mut Output) -> Result<ClusterSettings, NotReady> {
        let mut settings = if global.file.exists() {
            read_whole(global, output)?.desired.cluster
        } else if global.cluster.is_some() || global.via == Some(ViaArg::Weka) {
            ClusterSettings::default()
        } else {
            let failure = Failure::new(&exit::NO_ENDPOINT, "nothing says where the cluster is");
            return Err(failure
                .help("give `--cluster https://HOST:14000`, or `--via weka` on a host of the cluster")
                .into());
        };
        if let Some(fingerprint) = &self.fingerprint {
            settings.fingerprint = Some(fingerprint.to_string().trim_start_matches("sha256:").to_owned());
            settings.ca_file = None;
        }
        if let Some(file) = &self.ca_file {
            settings.ca_file = Some(file.clone());
            settings.fingerprint = None;
        }
        Ok(settings)
    }

    /// The same for the file that is written, which is in another directory.
    fn reached(&self, global: &GlobalArgs, mut settings: ClusterSettings) -> ClusterSettings {
        if let Some(cluster) = &global.cluster {
            settings.endpoints = vec![Endpoint { text: cluster.clone(), directory: PathBuf::new(), at: None }];
        }
        for endpoint in &mut settings.endpoints {
            if let Some(path) = endpoint.text.strip_prefix(SIM) {
                endpoint.text = format!("{SIM}{}", seen_from(&self.out, &endpoint.directory.join(path)).display());
            }
        }
        settings.ca_file = settings.ca_file.map(|file| seen_from(&self.out, &file));
        match global.via {
            Some(ViaArg::Weka) => settings.via = Via::Weka,
            Some(ViaArg::Rest) => settings.via = Via::Rest,
            None => {}
        }
        settings
    }

    /// Writes the documents, and the file that names them last.
    fn write(&self, import: &Import) -> Result<(), Failure> {
        let documents = import.documents.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let files: Vec<NewFile<'_>> = documents.chain([(MAIN_FILE, import.text.as_str())]).collect();
        let there = in_the_way(&self.out, &files);
        if !there.is_empty() {
            let there: Vec<String> = there.iter().map(|path| shown(path)).collect();
            let message = format!("nothing is written, since this is there already: {}", there.join(", "));
            return Err(Failure::new(&exit::IN_THE_WAY, message)
                .help("name another directory with `--out DIR`, or move it away"));
        }
        place(&self.out, &files).map_err(|error| {
            let message = format!("nothing is written: {error}");
            Failure::new(&exit::ENVIRONMENT, message).help("name a directory that can be written with `--out DIR`")
        })
    }
}

/// Where there is no file yet, what would be said in it is said on the command line.
fn untrusted_said(error: CallError) -> Failure {
    let failure = Failure::from(error);
    match failure.finding.help.clone() {
        Some(help) if help.contains("fingerprint = ") => {
            failure.help(format!("{help}; for an import, give `--fingerprint` or `--ca-file`"))
        }
        Some(_) | None => failure,
    }
}

/// A path as a person would name it from here.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// A path as it is written in a file of that directory.
fn seen_from(directory: &Path, path: &Path) -> PathBuf {
    if path.is_absolute() {
        return path.to_path_buf();
    }
    let (directory, path) = (whole(directory), whole(path));
    let common = directory.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = directory.components().skip(common).map(|_| std::path::Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

/// The path from the root, with its links followed as far as it exists.
fn whole(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    for part in path.ancestors() {
        if let Ok(known) = part.canonicalize() {
            return known.join(path.strip_prefix(part).unwrap_or(Path::new("")));
        }
    }
    path
}
