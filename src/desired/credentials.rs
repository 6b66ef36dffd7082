//! Where new secrets go: `[credentials]`, read and checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::at::At;
use super::codes;
use super::raw::RawCredentials;
use crate::base::{FileId, Finding, Location};

/// Where a new key pair goes, whose secret the cluster shows once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// One file per user, encrypted to these recipients.
    Age {
        /// Who can read the files.
        recipients: Vec<Recipient>,
        /// Where the files are.
        dir: PathBuf,
    },
    /// A program that gets the pair as JSON on its standard input.
    Command {
        /// The program: a path, or a name to be looked for in `PATH`.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<Argument>,
    },
    /// One file per user, readable for its owner alone.
    File {
        /// Where the files are.
        dir: PathBuf,
    },
}

/// An age recipient: the public half of an X25519 identity.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// The recipient as the `age` crate takes it.
    #[must_use]
    pub fn key(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.0)
    }
}

/// An argument of a command, with places that are filled in for each key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// What can be filled in. Nothing of it is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    User,
    Cluster,
    Tenant,
}

/// What stands in an argument's places.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// For `{user}`.
    pub user: &'a str,
    /// For `{cluster}`.
    pub cluster: &'a str,
    /// For `{tenant}`.
    pub tenant: &'a str,
}

impl Argument {
    /// Reads an argument: `{user}`, `{cluster}` and `{tenant}` are places, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// Says what stands between braces that is no place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..];
            if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
                plain.push_str(&brace[..1]);
                rest = after;
            } else if let Some(after) = brace.strip_prefix('}') {
                plain.push('}');
                rest = after;
            } else {
                let end = brace.find('}').ok_or_else(|| brace.to_owned())?;
                let place = match &brace[1..end] {
                    "user" => Place::User,
                    "cluster" => Place::Cluster,
                    "tenant" => Place::Tenant,
                    _ => return Err(brace[..=end].to_owned()),
                };
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Place(place));
                rest = &brace[end + 1..];
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The argument for one key pair.
    #[must_use]
    pub fn filled(&self, names: Names<'_>) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(Place::User) => names.user.to_owned(),
            Part::Place(Place::Cluster) => names.cluster.to_owned(),
            Part::Place(Place::Tenant) => names.tenant.to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    /// Whether what is filled in, rather than the author of the file, makes an option of this argument: a user may be
    /// called `-x`.
    #[must_use]
    pub fn becomes_option(&self, names: Names<'_>) -> bool {
        matches!(self.0.first(), Some(Part::Place(_))) && self.filled(names).starts_with('-')
    }
}

impl fmt::Display for Argument {
    /// As it is written in a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Place(Place::User) => f.write_str("{user}"),
            Part::Place(Place::Cluster) => f.write_str("{cluster}"),
            Part::Place(Place::Tenant) => f.write_str("{tenant}"),
        })
    }
}

/// Reads `[credentials]`; all that is wrong with it is said.
pub(super) fn sink(
    raw: &At<RawCredentials>,
    file: FileId,
    directory: &Path,
    findings: &mut Vec<Finding>,
) -> Option<Sink> {
    let at = Location { file, span: raw.span() };
    let written = raw.get();
    let plain = written.file.unwrap_or(false);
    let given = [("`age`", written.age.is_some()), ("`command`", written.command.is_some()), ("`file`", plain)];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    match given.as_slice() {
        [] => {
            let finding = Finding::error(codes::NO_SINK, "`[credentials]` does not say where new secrets go");
            findings.push(finding.at(at.clone()).help(
                "add `age = [\"age1…\"]` with `dir`, or `command = [\"PROGRAM\", …]`, or `file = true` with `dir`",
            ));
        }
        [_] => {}
        several => {
            let message = format!("`[credentials]` names more than one place for new secrets: {}", several.join(", "));
            findings.push(Finding::error(codes::SINK_CONFLICT, message).at(at.clone()).help("keep one of them"));
        }
    }
    let dir = written.dir.as_ref().map(|dir| directory.join(dir.get()));
    let recipients = written.age.as_ref().map(|age| recipients(age, &at, findings));
    let command = written.command.as_ref().map(|command| command_of(command, &at, directory, findings));
    if dir.is_none() && (plain || recipients.is_some()) {
        let message = format!("a directory is needed for the files of {}", given.join(" and "));
        let finding = Finding::error(codes::SINK_WITHOUT_DIR, message).at(at.clone());
        findings.push(finding.help("add `dir = \"secrets\"`, relative to this file; keep it out of the repository"));
    }
    if let (Some(dir), Some(_), false, None) = (&written.dir, &command, plain, &recipients) {
        let finding = Finding::error(codes::SINK_CONFLICT, "`dir` means nothing beside `command`");
        findings.push(finding.at(Location { file, span: dir.span() }).help("take it out"));
    }
    match (recipients, command, plain, dir) {
        (Some(recipients), None, false, Some(dir)) => Some(Sink::Age { recipients: recipients?, dir }),
        (None, Some(command), false, _) => command,
        (None, None, true, Some(dir)) => Some(Sink::File { dir }),
        (Some(_) | None, Some(_) | None, true | false, Some(_) | None) => None,
    }
}

/// Where age identities stand instead of recipients: they must not be shown.
pub(super) fn misplaced_secrets(raw: Option<&At<RawCredentials>>, file: FileId) -> Vec<Location> {
    let written = raw.and_then(|raw| raw.get().age.as_ref());
    let identities = written.into_iter().flatten().filter(|text| is_identity(text.get()));
    identities.map(|text| Location { file, span: text.span() }).collect()
}

fn is_identity(text: &str) -> bool {
    text.trim().to_ascii_uppercase().starts_with("AGE-SECRET-KEY-")
}

fn recipients(written: &[At<String>], at: &Location, findings: &mut Vec<Finding>) -> Option<Vec<Recipient>> {
    if written.is_empty() {
        let finding =
            Finding::error(codes::BAD_RECIPIENT, "`age` names no recipient, so that nobody could read the files");
        findings.push(finding.at(at.clone()).help("add a recipient, such as `age-keygen` prints it"));
        return None;
    }
    let mut read = Vec::new();
    for text in written {
        match text.get().parse() {
            Ok(recipient) => read.push(recipient),
            Err(why) => {
                let (message, help) = if is_identity(text.get()) {
                    (
                        "an age identity stands where a recipient belongs: that is the secret half".to_owned(),
                        "write the recipient instead (`age-keygen -y` prints it), and treat this identity as known to everybody who can read this file",
                    )
                } else {
                    (
                        format!("`{}` is not an age recipient: {why}", text.get()),
                        "write an X25519 recipient as `age-keygen` prints it: `age1` and 58 characters",
                    )
                };
                let finding = Finding::error(codes::BAD_RECIPIENT, message);
                findings.push(finding.at(Location { file: at.file, span: text.span() }).help(help));
            }
        }
    }
    (read.len() == written.len()).then_some(read)
}

fn command_of(written: &[At<String>], at: &Location, directory: &Path, findings: &mut Vec<Finding>) -> Option<Sink> {
    let before = findings.len();
    let mut bad = |at: Location, message: String, help: &str| {
        findings.push(Finding::error(codes::BAD_COMMAND, message).at(at).help(help));
    };
    let Some((program, rest)) = written.split_first().filter(|(program, _)| !program.get().trim().is_empty()) else {
        let help =
            "write the program and its arguments, such as `[\"vault\", \"kv\", \"put\", \"secret/s3/{user}\", \"-\"]`";
        bad(at.clone(), "`command` names no program".to_owned(), help);
        return None;
    };
    if program.get().contains(['{', '}']) {
        let help = "name one program for all users; `{user}` may stand in its arguments";
        bad(Location { file: at.file, span: program.span() }, "the program cannot hold a `{…}`".to_owned(), help);
    }
    let mut arguments = Vec::new();
    for text in rest {
        match Argument::parse(text.get()) {
            Ok(argument) => arguments.push(argument),
            Err(place) => {
                let message = format!("`{place}` stands for nothing");
                let help = "known are `{user}`, `{cluster}` and `{tenant}`; the secret is on standard input only; write `{{` for a brace";
                bad(Location { file: at.file, span: text.span() }, message, help);
            }
        }
    }
    let has_path = program.get().contains('/');
    let program = if has_path { directory.join(program.get()) } else { PathBuf::from(program.get()) };
    (findings.len() == before).then_some(Sink::Command { program, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'static> = Names { user: "-bob", cluster: "stewie", tenant: "Root" };

    fn filled(text: &str) -> Result<String, String> {
        Argument::parse(text).map(|argument| argument.filled(NAMES))
    }

    #[test]
    fn places_are_filled_and_braces_can_be_written() {
        assert_eq!(filled("secret/{cluster}/{tenant}/{user}").unwrap(), "secret/stewie/Root/-bob");
        assert_eq!(filled("{{user}} a}b").unwrap(), "{user} a}b");
        assert_eq!(filled("").unwrap(), "");
        assert_eq!(filled("x{secret_key}").unwrap_err(), "{secret_key}");
        assert_eq!(filled("x{user").unwrap_err(), "{user");
        let written = "{{user}} {user}/{tenant}";
        assert_eq!(Argument::parse(written).unwrap().to_string(), written);
    }

    #[test]
    fn a_name_that_becomes_an_option_is_told() {
        assert!(Argument::parse("{user}").unwrap().becomes_option(NAMES));
        assert!(!Argument::parse("s3/{user}").unwrap().becomes_option(NAMES));
        assert!(!Argument::parse("--user={user}").unwrap().becomes_option(NAMES));
    }
}
