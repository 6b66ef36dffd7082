//! `attune apply --approvals`: whether a file of approvals and its signatures are for the plan that is about to run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::allowed_signers::{self, read_bounded};
use super::args::GlobalArgs;
use super::base::{Reviewed, is_path};
use super::exit::{self, Exit, Failure};
use super::git::{Commit, approvable, proposed};
use super::output::Output;
use super::signers::{NAMESPACE, OF_COMMITS, Private, SshKeygen};
use crate::approvals::{AllowedSigners, Approvals, Counted, Exclusion, Run, Signature, count_signers};
use crate::base::{count, list};
use crate::desired::{SignedApprovals, shown_path};
use crate::plan::Plan;
use crate::render::json::ApprovalsV1;

/// The largest file of approvals, in bytes: that of thousands of targets.
const MAX_FILE: u64 = 4 << 20;

/// The largest signature, in bytes.
const MAX_SIGNATURE: u64 = 64 * 1024;

/// The most signatures of one file.
const MAX_SIGNATURES: usize = 64;

#[derive(Debug, clap::Args)]
pub(super) struct ApprovalsArgs {
    /// Run only plans that this file of `attune approve` approves, for this commit, cluster and tenant
    #[arg(long = "approvals", id = "approvals", value_name = "FILE", conflicts_with_all = ["approved", "yes", "expired", "only"])]
    file: Option<PathBuf>,
    /// Signature over the file of `--approvals`; repeat for more [default: FILE.sig and FILE.*.sig]
    #[arg(long, value_name = "FILE", requires = "approvals")]
    signature: Vec<PathBuf>,
    /// Who proposed the change, as the trusted job knows it: the signature of this person does not count; repeat for more
    #[arg(long, value_name = "NAME", requires = "approvals")]
    proposer: Vec<String>,
}

/// What is known about an approval.
#[derive(Debug, Default)]
pub(super) struct Signed {
    /// The note of its file.
    pub(super) note: Option<String>,
    /// The people whose signatures count.
    pub(super) people: Vec<String>,
}

/// Nobody signed what a guard wants to be signed.
pub(super) fn unsigned(signed: &SignedApprovals) -> Failure {
    let people = count(signed.people, "person", "people");
    let message = format!("a guard demands an approval that {people} signed; nothing was changed");
    Failure::new(&exit::NOT_APPROVED, message)
        .help("`attune approve` writes a file of approvals and signs it, and `attune apply --approvals FILE` takes it")
        .exit(Exit::Refused)
}

/// A file of approvals, and the bytes that people sign.
pub(super) fn read_approvals(path: &Path) -> Result<(Approvals, Vec<u8>), Failure> {
    let bad = |why: String| {
        Failure::new(&exit::BAD_APPROVALS, format!("cannot use the approvals {}: {why}", shown_path(path)))
            .help("use the file as `attune approve` wrote it")
    };
    let bytes = read_bounded(path, MAX_FILE).map_err(|error| bad(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
    let approvals = ApprovalsV1::read(text).map_err(bad)?;
    Ok((approvals, bytes))
}

impl ApprovalsArgs {
    pub(super) fn are_given(&self) -> bool {
        self.file.is_some()
    }

    /// Fails unless the file approves this plan, and the people signed it whom the guard demands.
    pub(super) async fn check(
        &self,
        global: &GlobalArgs,
        plan: &Plan,
        reviewed: &Reviewed,
        output: &mut Output,
    ) -> Result<Signed, Failure> {
        let Some(file) = &self.file else { return Ok(Signed::default()) };
        let (approvals, bytes) = read_approvals(file)?;
        let target = global.target.clone().ok_or_else(|| {
            stale(
                "a configuration from standard input is no target that a file can approve; nothing was changed"
                    .to_owned(),
            )
            .help("name its file in a Git repository")
        })?;
        let commits = approvable(&global.file).map_err(|problem| {
            stale(format!("the commit of {target} is unknown: {problem}; nothing was changed")).help(problem.help())
        })?;
        let run = Run {
            target: &target,
            digest: plan.digest.as_str(),
            guid: &plan.identity.guid,
            tenant: &plan.identity.tenant,
            commits: &commits,
            // Not the time of `--now`, which is that of the plan.
            now: OffsetDateTime::now_utc(),
        };
        let named = shown_path(file);
        let people = match reviewed.signed_approvals() {
            Some(signed) => {
                let merge =
                    commits.first().filter(|head| **head != approvals.commit && commits.contains(&approvals.commit));
                let about = (global, reviewed, merge.map(String::as_str));
                self.check_signed((file, &bytes), &signed, about, output).await?
            }
            None if self.signature.is_empty() => Vec::new(),
            None => {
                let message = "`--signature` is given, and `[guards]` does not say who may sign; nothing was changed";
                let help = "set `approvals` and `allowed_signers` in `[guards]`, or remove the option";
                return Err(Failure::new(&exit::NOT_APPROVED, message).help(help).exit(Exit::Refused));
            }
        };
        approvals.check(&run).map_err(|why| {
            let message = format!("{named} does not approve the plan of {target}: {why}; nothing was changed");
            stale(message).help(why.help())
        })?;
        output.info(|out, _| writeln!(out, "approved: {target} by {named}"));
        Ok(Signed { note: approvals.note, people })
    }

    async fn check_signed(
        &self,
        (file, bytes): (&Path, &[u8]),
        signed: &SignedApprovals,
        (global, reviewed, merge): (&GlobalArgs, &Reviewed, Option<&str>),
        output: &mut Output,
    ) -> Result<Vec<String>, Failure> {
        let refused = |message: String| Failure::new(&exit::NOT_APPROVED, message).exit(Exit::Refused);
        let untrusted = |why: String| {
            let named = reviewed.base.as_ref().map(|base| format!(" of {}", base.revision)).unwrap_or_default();
            refused(format!("cannot use the allowed signers{named}: {why}; nothing was changed"))
                .help("`allowed_signers` of `[guards]` names a file with a name and a public key on each line")
        };
        let (text, allowed) = allowed_signers::read(&signed.allowed_signers).map_err(untrusted)?;
        let program = SshKeygen::find()?;
        let signers = Signers { allowed_file: program.file("allowed_signers", text.as_bytes())?, allowed, program };
        let mut notes = Vec::new();
        let mut excluded: Vec<Exclusion> = Vec::new();
        for name in &self.proposer {
            if !signers.allowed.has(name) {
                notes.push(format!("no allowed signer is called {name}: as the proposer, that name excludes nobody"));
            }
            let (names, why) = (vec![name.clone()], "proposed the change (`--proposer`)".to_owned());
            excluded.push(Exclusion { names, key: None, why });
        }
        excluded.extend(signers.proposers((global, merge), reviewed, &mut notes).await?);
        let files = self.signatures(file).map_err(|error| refused(format!("{error}; nothing was changed")))?;
        let (signatures, left_out) = signers.verified(bytes, &files).await?;
        let Counted { people, left_out: not_counted } = count_signers(&signers.allowed, &signatures, &excluded);
        let left_out: Vec<String> = left_out.into_iter().chain(not_counted).collect();
        let said = || notes.iter().chain(&left_out);
        output.info(|out, _| said().try_for_each(|note| writeln!(out, "approvals: {note}")));
        let need = signed.people;
        if people.len() < need {
            let by = if people.is_empty() { String::new() } else { format!(" ({})", list(&people)) };
            let (named, have) = (shown_path(file), people.len());
            let message = format!("{named} has {have} of {need} signatures that count{by}; nothing was changed");
            let who = list(&names(&signers.allowed));
            let help = match left_out.as_slice() {
                [] => format!("sign it with `attune approve --sign KEY {named}`, as one of: {who}"),
                some => some.join(
                    "
",
                ),
            };
            return Err(refused(message).help(help));
        }
        output.info(|out, _| writeln!(out, "approvals: {} of {need} signatures: {}", people.len(), list(&people)));
        Ok(people)
    }

    /// The files with signatures: those of the command line, or those beside the file of approvals, in the order of their names.
    fn signatures(&self, file: &Path) -> io::Result<Vec<PathBuf>> {
        if !self.signature.is_empty() {
            return Ok(self.signature.clone());
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let directory = file.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut found = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?.file_name();
            let rest = entry.to_str().and_then(|entry| entry.strip_prefix(name.as_str()));
            if rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".sig")) {
                found.push(file.with_file_name(&entry));
            }
        }
        found.sort();
        if found.len() > MAX_SIGNATURES {
            return Err(io::Error::other(format!("{} has more than {MAX_SIGNATURES} signatures", file.display())));
        }
        Ok(found)
    }
}

fn names(allowed: &AllowedSigners) -> Vec<String> {
    allowed.names().into_iter().map(str::to_owned).collect()
}

fn stale(message: String) -> Failure {
    Failure::new(&exit::STALE, message).exit(Exit::Stale)
}

/// The people who may sign, and the program that says who did.
struct Signers {
    allowed: AllowedSigners,
    allowed_file: Private,
    program: SshKeygen,
}

impl Signers {
    /// The signatures over these bytes by people who may sign them, and why the others are none.
    async fn verified(&self, bytes: &[u8], files: &[PathBuf]) -> Result<(Vec<Signature>, Vec<String>), Failure> {
        let (mut signatures, mut left_out) = (Vec::new(), Vec::new());
        for path in files {
            let file = shown_path(path);
            match self.verify(bytes, path).await? {
                Ok((name, key)) => signatures.push(Signature { file, name, key }),
                Err(why) => left_out.push(format!("{file}: {why}")),
            }
        }
        Ok((signatures, left_out))
    }

    async fn verify(&self, bytes: &[u8], path: &Path) -> Result<Result<(String, String), String>, Failure> {
        let signature = match read_bounded(path, MAX_SIGNATURE) {
            Ok(signature) => self.program.file("signature", &signature)?,
            Err(error) => return Ok(Err(format!("cannot read it: {error}"))),
        };
        let key = match self.program.key(bytes, &signature, NAMESPACE).await? {
            Ok(key) => key,
            Err(why) => return Ok(Err(format!("no signature of these approvals: {why}"))),
        };
        let mut names: Vec<String> = self.program.names(&signature, &self.allowed_file).await?;
        names.extend(self.allowed.names_of(&key));
        let mut last = format!("its key {key} is not that of an allowed signer");
        for name in names.into_iter().filter(|name| self.allowed.has(name)) {
            match self.program.verify(bytes, &signature, (&self.allowed_file, &name)).await? {
                Ok(()) => return Ok(Ok((name, key))),
                Err(why) => last = format!("{name} may not sign with the key {key}: {why}"),
            }
        }
        Ok(Err(last))
    }

    /// The people who signed a commit of the proposal. Others are unknown: the author of a commit is only text. A merge of the
    /// approved commit that changes no file is not a part of it.
    async fn proposers(
        &self,
        (global, merge): (&GlobalArgs, Option<&str>),
        reviewed: &Reviewed,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Exclusion>, Failure> {
        let base = reviewed.base.as_ref().map(|base| base.revision.as_str()).filter(|base| !is_path(base));
        let Some(base) = base else {
            notes.push(
                "without `--base REV`, it is unknown who proposed the change, so no signature is left out for it"
                    .to_owned(),
            );
            return Ok(Vec::new());
        };
        let commits = proposed(base, &global.file).map_err(|problem| {
            let message = format!("cannot tell who proposed the change: {problem}; nothing was changed");
            Failure::new(&exit::NOT_APPROVED, message).help(problem.help()).exit(Exit::Refused)
        })?;
        if commits.is_empty() {
            notes.push(format!("{base} is what is checked out: it is unknown who proposed the change, so no signature is left out for it"));
        }
        let (mut excluded, mut unknown) = (Vec::new(), 0);
        for commit in commits.iter().filter(|commit| merge != Some(commit.id.as_str())) {
            match self.signer(commit).await? {
                Some(of) => excluded.push(of),
                None => unknown += 1,
            }
        }
        if unknown > 0 {
            let commits = count(unknown, "commit", "commits");
            notes.push(format!(
                "{commits} since {base} without an SSH signature that holds: it is unknown who proposed them, since an author is \
                 only text"
            ));
        }
        Ok(excluded)
    }

    async fn signer(&self, commit: &Commit) -> Result<Option<Exclusion>, Failure> {
        let Some(signature) = &commit.signature else { return Ok(None) };
        let signature = self.program.file("signature", signature.as_bytes())?;
        let Ok(key) = self.program.key(&commit.signed, &signature, OF_COMMITS).await? else { return Ok(None) };
        let mut names = self.program.names(&signature, &self.allowed_file).await?;
        names.extend(self.allowed.names_of(&key));
        let why = format!("signed commit {} of the proposal", commit.id.get(..12).unwrap_or(&commit.id));
        Ok(Some(Exclusion { names, key: Some(key), why }))
    }
}
