//! `attune approve`: writes one file that approves the plans of many targets, and signs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::approvals::read_approvals;
use super::exit::{self, Failure};
use super::files::save;
use super::git::full_hash;
use super::output::Output;
use super::plan::read_all_saved;
use super::signers::{NAMESPACE, SshKeygen};
use crate::approvals::{Approvals, Approved, LONGEST};
use crate::base::{count, list_some, shell_word};
use crate::desired::shown_path;
use crate::render::json::{PlanV1, PlannedTarget, Saved, time_text};
use crate::render::text;

/// Approve the plans of many targets with one file, and sign it
///
/// Reads saved plans, shows a line for each, and writes a file with their digests. `attune apply --approvals FILE` runs only these
/// plans: on these clusters and tenants, for this commit, until the file expires. The digests are those in the plans, so take the
/// plans from a job that you trust, or make them yourself.
///
/// With `--sign`, signs the file as `ssh-keygen -Y sign -n attune-approvals@v1` does, and writes FILE.NAME.sig. Several people can
/// sign the same file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune plan --file clusters --out plans/
  attune approve plans --out approvals.json
  attune approve plans --out approvals.json --note CHG-4711 --expires 8h
  attune approve --sign ~/.ssh/id_ed25519 approvals.json
  attune approve plans --same-as approvals.json --sign key.pub
  attune apply --file clusters --approvals approvals.json")]
pub(super) struct ApproveArgs {
    /// Saved plans, also those of shards, or directories of `attune plan --out DIR`; without `--out` and `--same-as`, one file of approvals
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// File of approvals to write
    #[arg(long, value_name = "FILE", conflicts_with = "same_as")]
    out: Option<PathBuf>,
    /// Check that this file of approvals approves exactly these plans, before you sign it
    #[arg(long, value_name = "FILE")]
    same_as: Option<PathBuf>,
    /// Why, for example a ticket; people sign it, too
    #[arg(long, value_name = "TEXT", requires = "out", value_parser = super::args::reason)]
    note: Option<String>,
    /// When the approvals end: a duration such as `8h` or `3d`, a day, or a time such as 2030-12-31T18:00:00Z; at most 30 days
    #[arg(long, value_name = "TIME", requires = "out", default_value = "24h")]
    expires: String,
    /// Commit that was reviewed [default: the one that is checked out in the current directory]
    #[arg(long, value_name = "REV", requires = "out")]
    commit: Option<String>,
    /// Leave out targets whose plan failed or is refused, instead of writing nothing
    #[arg(long, requires = "out")]
    skip_failed: bool,
    /// Sign with this SSH key: the file of a private key, or of the public key of one that an agent has
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// Name of the signer in the name of the signature [default: USER, or the name of the key]
    #[arg(long = "as", id = "as", value_name = "NAME", requires = "sign", value_parser = signer)]
    signer: Option<String>,
}

fn signer(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    if text.is_empty() || text.starts_with(['.', '-']) || !text.chars().all(is_plain) {
        return Err("use letters, digits, `.`, `_`, `@` and `-`".to_owned());
    }
    Ok(text.to_owned())
}

/// A target for the summary: its id, and what is said about it.
type Row = (String, String);

impl ApproveArgs {
    pub(super) async fn run(&self, output: &mut Output) -> Result<exit::Exit, Failure> {
        // These bytes are signed, whatever happens to the file meanwhile.
        let (file, bytes) = match (&self.out, &self.same_as, self.files.as_slice()) {
            (Some(out), ..) => (out, self.write(out, output)?),
            (None, Some(same), _) => (same, self.compare(same, output)?),
            (None, None, [one]) => {
                let (approvals, bytes) = read_approvals(one).map_err(|failure| {
                    let is_plan = read_all_saved(std::slice::from_ref(one)).is_ok();
                    if is_plan { failure.help("to approve plans, name a new file with `--out FILE`") } else { failure }
                })?;
                let rows = approvals.targets.iter().map(|(id, of)| (id.clone(), about(of)));
                show(&approvals, &rows.collect::<Vec<_>>(), output)?;
                (one, bytes)
            }
            (None, None, several) => {
                let message = format!("{} files are given, and no file to write", several.len());
                return Err(
                    Failure::new(&exit::BAD_APPROVALS, message).help("name a file of approvals with `--out FILE`")
                );
            }
        };
        match &self.sign {
            Some(key) => self.sign((file, &bytes), key, output).await?,
            None if self.out.is_some() => {
                let named = shell_word(&shown_path(file)).unwrap_or_else(|| "FILE".to_owned());
                output.info(|out, _| writeln!(out, "to sign it: attune approve --sign KEY {named}"));
            }
            None => {}
        }
        Ok(exit::Exit::Done)
    }

    /// Writes the file of approvals.
    fn write(&self, out: &Path, output: &mut Output) -> Result<Vec<u8>, Failure> {
        let now = OffsetDateTime::now_utc();
        let bad = |why: String| Failure::new(&exit::BAD_APPROVALS, why);
        let expires = expiry(&self.expires, now).map_err(|why| bad(format!("`--expires {}`: {why}", self.expires)))?;
        let commit = match &self.commit {
            Some(full) if is_full_hash(full) => full.to_ascii_lowercase(),
            other => {
                let revision = other.as_deref().unwrap_or("HEAD");
                full_hash(revision, Path::new("attune.toml")).map_err(|problem| {
                    bad(format!("the commit that was reviewed is unknown: {problem}"))
                        .help("run this in the checkout, or name the commit with `--commit` and its full hash")
                })?
            }
        };
        let (targets, rows) = self.approved(output)?;
        let approvals = Approvals { commit, expires, note: self.note.clone(), targets };
        show(&approvals, &rows, output)?;
        let others = signatures_beside(out);
        if !others.is_empty() && read_approvals(out).is_ok_and(|(old, _)| old != approvals) {
            let message = format!("{} is signed already, and the new file would differ", shown_path(out));
            let help = format!("name another file, or remove it with its signatures: {}", others.join(", "));
            return Err(Failure::new(&exit::IN_THE_WAY, message).help(help));
        }
        let bytes = approvals.text().into_bytes();
        save("the approvals", out, |file| file.write_all(&bytes))?;
        if approvals.targets.is_empty() {
            output.warn("no plan has changes, so the file approves nothing");
        }
        Ok(bytes)
    }

    /// Fails unless a file approves exactly the plans.
    fn compare(&self, same: &Path, output: &mut Output) -> Result<Vec<u8>, Failure> {
        let (approvals, bytes) = read_approvals(same)?;
        let (targets, rows) = self.approved(output)?;
        show(&approvals, &rows, output)?;
        let differs = |id: &&String| approvals.targets.get(*id) != targets.get(*id);
        let ids: std::collections::BTreeSet<&String> = approvals.targets.keys().chain(targets.keys()).collect();
        let different: Vec<&String> = ids.into_iter().filter(differs).collect();
        if different.is_empty() {
            return Ok(bytes);
        }
        let named = list_some(&different, super::preflight::NAMED, |id| format!("`{id}`"));
        let message = format!("{} does not approve exactly these plans: {named}", shown_path(same));
        Err(Failure::new(&exit::BAD_APPROVALS, message)
            .help("a target has another plan, is missing in one of them, or is of another cluster; nothing was signed"))
    }

    /// The plans to approve, and a row for each target.
    fn approved(&self, output: &mut Output) -> Result<(BTreeMap<String, Approved>, Vec<Row>), Failure> {
        let mut plans = Vec::new();
        for file in &self.files {
            plans.extend(saved(file)?);
        }
        let (mut targets, mut rows, mut failed) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, plan) in plans {
            match plan.and_then(|plan| approvable(&plan).map(|id| (id, plan))) {
                Err(why) => failed.push(format!("{name}: {why}")),
                Ok((id, plan)) if rows.iter().any(|(other, _): &Row| *other == id) => {
                    let message = format!("two plans are for the target {id}: {}", plan.short_digest());
                    return Err(Failure::new(&exit::BAD_APPROVALS, message).help("approve the one that you reviewed"));
                }
                Ok((id, plan)) => {
                    let verdict = text::verdict(&plan);
                    if plan.changes.is_empty() {
                        rows.push((id, format!("{verdict}, so it needs no approval")));
                        continue;
                    }
                    rows.push((id.clone(), verdict));
                    let (PlanV1 { digest, cluster, .. }, id) = (*plan, id);
                    let (cluster, guid, tenant) = (cluster.name, cluster.guid, cluster.tenant);
                    targets.insert(id, Approved { digest, cluster, guid, tenant });
                }
            }
        }
        rows.sort();
        for why in &failed {
            output.warn(&format!("not approved: {why}"));
        }
        if failed.is_empty() || self.skip_failed {
            return Ok((targets, rows));
        }
        let message = format!("{} cannot be approved; no file was written", count(failed.len(), "plan", "plans"));
        Err(Failure::new(&exit::BAD_APPROVALS, message)
            .help("fix them and plan again, or approve the others with `--skip-failed`"))
    }

    async fn sign(&self, (file, bytes): (&Path, &[u8]), key: &Path, output: &mut Output) -> Result<(), Failure> {
        let name = self.signer.clone().unwrap_or_else(|| default_signer(key));
        let path = PathBuf::from(format!("{}.{name}.sig", file.display()));
        let in_the_way = || {
            Failure::new(&exit::IN_THE_WAY, format!("{} exists, and no signature is overwritten", path.display()))
                .help("give your signature another name with `--as NAME`, or remove the old one")
        };
        if path.symlink_metadata().is_ok() {
            return Err(in_the_way());
        }
        let program = SshKeygen::find()?;
        let signature = program.sign(bytes, key)?;
        let made = program.file("signature", signature.as_bytes())?;
        let fingerprint = program
            .key(bytes, &made, NAMESPACE)
            .await?
            .map_err(|why| Failure::new(&exit::NOT_SIGNED, format!("the new signature does not hold: {why}")))?;
        let directory = path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".attune-").tempfile_in(directory);
        let written = temporary.and_then(|mut file| {
            use std::io::Write;
            use std::os::unix::fs::PermissionsExt;
            file.write_all(signature.as_bytes())?;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map_err(|failed| failed.error)
        });
        match written {
            Ok(_) => output.result(|out, _| writeln!(out, "signed with the key {fingerprint}: {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(in_the_way()),
            Err(error) => Err(Failure::unwritten("the signature", &path, &error)),
        }
    }
}

/// A plan with its name, or why there is none.
type SavedPlan = (String, Result<Box<PlanV1>, String>);

/// The plans of a file or directory.
fn saved(path: &PathBuf) -> Result<Vec<SavedPlan>, Failure> {
    match read_all_saved(std::slice::from_ref(path))? {
        Saved::Plan(plan) => Ok(vec![(shown_path(path), Ok(plan))]),
        Saved::Outcome(outcome) => {
            let message = format!("{} is an outcome, and no plan", shown_path(path));
            Err(Failure::new(&exit::BAD_APPROVALS, message).help(format!("its plan was {}", outcome.digest)))
        }
        Saved::Many(many) => {
            let targets = PlannedTarget::all(&many).map_err(|problem| {
                Failure::new(
                    &exit::BAD_APPROVALS,
                    format!("cannot approve the plans of {}: {problem}", shown_path(path)),
                )
                .help("use files that `attune plan --out FILE` wrote")
            })?;
            let failed = |error: Option<String>| error.unwrap_or_else(|| "it has no plan".to_owned());
            Ok(targets.into_iter().map(|of| (of.name, of.result.map_err(|_| failed(of.error)))).collect())
        }
    }
}

/// The id of the target of a plan that can be approved; why not, if it cannot.
fn approvable(plan: &PlanV1) -> Result<String, String> {
    let own = env!("CARGO_PKG_VERSION");
    if plan.tool_version != own {
        return Err(format!("attune {} made the plan, and this is {own}: use one version", plan.tool_version));
    }
    if plan.snapshot.is_some() {
        return Err("the plan is from a snapshot, which cannot be approved".to_owned());
    }
    if plan.is_blocked() || !plan.refusals.is_empty() {
        return Err(text::verdict(plan));
    }
    if let Some(part) = &plan.only {
        return Err(format!(
            "the plan is of a part ({}), and an approval is for a whole target",
            part.patterns.join(", ")
        ));
    }
    if plan.digest.len() != 64
        || !plan.digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Err("the plan has no digest of 64 digits".to_owned());
    }
    plan.target.clone().ok_or_else(|| {
        "the plan names no target: its configuration came from standard input, or an old attune made it".to_owned()
    })
}

fn about(of: &Approved) -> String {
    let digest = of.digest.get(..crate::plan::Digest::SHORT).unwrap_or(&of.digest);
    format!("plan {digest} · cluster {}, tenant {}", of.cluster, of.tenant)
}

/// Prints what a file approves.
fn show(approvals: &Approvals, rows: &[Row], output: &mut Output) -> Result<(), Failure> {
    let width = rows.iter().map(|(id, _)| console::measure_text_width(id)).max().unwrap_or(0);
    output.result(|out, _| {
        for (id, text) in rows {
            writeln!(out, "{}   {text}", console::pad_str(id, width, console::Alignment::Left, None))?;
        }
        writeln!(out)?;
        let plans = count(approvals.targets.len(), "plan", "plans");
        writeln!(out, "approved: {plans} of commit {}", approvals.commit)?;
        let over = if approvals.expires <= OffsetDateTime::now_utc() { ", which is over" } else { "" };
        writeln!(out, "until:    {}{over}", time_text(approvals.expires))?;
        approvals.note.iter().try_for_each(|note| writeln!(out, "note:     {note}"))
    })
}

fn is_full_hash(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// When approvals end that are written now.
fn expiry(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let until = if let Ok(duration) = humantime::parse_duration(text) {
        now + Duration::try_from(duration).map_err(|_| "it is too long")?
    } else {
        let moment: crate::desired::Moment = text.parse().map_err(|_| "it is no duration, day or time".to_owned())?;
        moment.begin()
    };
    let until = until.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(until);
    if until <= now {
        return Err("it is over".to_owned());
    }
    if until - now > LONGEST {
        return Err(format!("approvals last at most {} days", LONGEST.whole_days()));
    }
    Ok(until)
}

/// The signatures of a file of approvals, by their names.
fn signatures_beside(file: &Path) -> Vec<String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|of| of.starts_with(&format!("{name}.")) && of.ends_with(".sig")).collect();
    names.sort();
    names
}

/// The name of the person at the keyboard, else that of the key.
fn default_signer(key: &Path) -> String {
    let user = std::env::var("USER").ok().and_then(|user| signer(&user).ok());
    let of_key = || signer(&key.file_stem().unwrap_or_default().to_string_lossy()).ok();
    user.or_else(of_key).unwrap_or_else(|| "signer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_duration_a_day_or_a_time() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let parse = |text: &str| expiry(text, now).map(time_text);
        assert_eq!(parse("24h").unwrap(), "1970-01-02T00:00:00Z");
        assert_eq!(parse("30d").unwrap(), "1970-01-31T00:00:00Z");
        assert_eq!(parse("1970-01-05").unwrap(), "1970-01-05T00:00:00Z");
        assert_eq!(parse("1970-01-05T06:00:00+02:00").unwrap(), "1970-01-05T04:00:00Z");
        for (text, why) in
            [("31d", "at most 30 days"), ("0s", "it is over"), ("1969-12-31", "it is over"), ("soon", "no")]
        {
            assert!(parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
