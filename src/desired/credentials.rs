//! `[credentials]`: the destination for new secrets.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::codes;
use super::raw::RawCredentials;
use super::recipient::Recipient;
use super::spanned::{At, Report};
use crate::base::{FileId, Location, file_name};

/// The destination for new key pairs. The cluster shows a secret only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// One file per user, encrypted to these recipients.
    Age {
        /// The recipients, who can read the files.
        recipients: Vec<Recipient>,
        /// The directory of the files.
        dir: PathBuf,
    },
    /// A program that gets the pair as JSON on its standard input.
    Command {
        /// The program: a path, or a name to search in `PATH`.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<Argument>,
    },
    /// One unencrypted file per user, readable only for its owner.
    File {
        /// The directory of the files.
        dir: PathBuf,
    },
}

impl Destination {
    /// The destination of one of several tenants: files get a directory of their own, so that users of the same name do not share
    /// one. A command gets the tenant's name anyway.
    #[must_use]
    pub fn of_tenant(self, tenant: &str) -> Self {
        let below = |dir: PathBuf| dir.join(file_name(tenant));
        match self {
            Self::Age { recipients, dir } => Self::Age { recipients, dir: below(dir) },
            Self::File { dir } => Self::File { dir: below(dir) },
            Self::Command { program, arguments } => Self::Command { program, arguments },
        }
    }
}

/// An argument of a command, with placeholders such as `{user}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// One of [`PLACEHOLDERS`].
    Placeholder(&'static str),
}

/// The placeholders. None of their values is secret.
const PLACEHOLDERS: [&str; 3] = ["{user}", "{cluster}", "{tenant}"];

/// The values of the placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// For `{user}`.
    pub user: &'a str,
    /// For `{cluster}`.
    pub cluster: &'a str,
    /// For `{tenant}`.
    pub tenant: &'a str,
}

impl<'a> Names<'a> {
    fn of(self, placeholder: &str) -> &'a str {
        match placeholder {
            "{user}" => self.user,
            "{cluster}" => self.cluster,
            _ => self.tenant,
        }
    }
}

impl Argument {
    /// Reads an argument: `{user}`, `{cluster}` and `{tenant}` are placeholders, `{{` and `}}` are braces. The error is an unknown
    /// placeholder.
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
                let known = PLACEHOLDERS.into_iter().find(|known| *known == &brace[..=end]);
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Placeholder(known.ok_or_else(|| brace[..=end].to_owned())?));
                rest = &brace[end + 1..];
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The argument with the placeholders replaced.
    pub fn filled(&self, names: Names<'_>) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(placeholder) => names.of(placeholder).to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    /// The first name that is unsafe here: an option, a shell or a path could interpret it. attune cannot know whether the
    /// program is a shell, or passes its arguments to one as `ssh` does.
    pub fn unsafe_name<'n>(&self, names: Names<'n>) -> Option<&'n str> {
        let name = |part: &Part| match part {
            Part::Text(_) => None,
            Part::Placeholder(placeholder) => Some(names.of(placeholder)),
        };
        self.0.iter().filter_map(name).find(|name| !is_plain_name(name))
    }

    fn has_placeholder(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Placeholder(_)))
    }

    /// Whether a placeholder is in code that a program may run: next to quotes, blanks and the like, or after an option
    /// such as `-c`.
    fn is_code(&self, before: Option<&str>) -> bool {
        let text = |part: &Part| match part {
            Part::Text(text) => text.chars().all(|c| c.is_alphanumeric() || SAFE.contains(&c)),
            Part::Placeholder(_) => true,
        };
        let option = match self.0.first() {
            Some(Part::Text(text)) => takes_code(text.trim_end_matches('=')),
            Some(Part::Placeholder(_)) | None => false,
        };
        self.has_placeholder() && (!self.0.iter().all(text) || option || before.is_some_and(takes_code))
    }
}

/// The characters that are safe next to a placeholder, besides letters and digits.
const SAFE: [char; 9] = ['.', '_', '/', ':', '=', '@', ',', '+', '-'];

/// Whether a name is safe: no shell, path or option interprets it.
fn is_plain_name(name: &str) -> bool {
    let begins = |c: char| c.is_alphanumeric() || c == '_';
    name.chars().next().is_some_and(begins)
        && name.chars().all(|c| c.is_alphanumeric() || (c != '/' && SAFE.contains(&c)))
}

/// Whether programs run the argument after this option: `-c` or `-lc` of a shell, `-e` of Perl, `-Command` of PowerShell.
fn takes_code(option: &str) -> bool {
    const LONG: [&str; 8] =
        ["--command", "--eval", "--exec", "--execute", "-command", "-exec", "-execute", "-encodedcommand"];
    let option = option.to_ascii_lowercase();
    let short = option.strip_prefix('-').is_some_and(|letters| {
        letters.len() <= 3 && letters.chars().all(|c| c.is_ascii_alphabetic()) && letters.ends_with(['c', 'e'])
    });
    short || LONG.contains(&option.as_str()) || option == "/c" || option == "/k"
}

impl fmt::Display for Argument {
    /// As in a configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Placeholder(placeholder) => f.write_str(placeholder),
        })
    }
}

/// Reads `[credentials]`. All problems are findings.
pub(super) fn destination(raw: &At<RawCredentials>, directory: &Path, report: &mut Report) -> Option<Destination> {
    let written = raw.get();
    let plain = written.file.unwrap_or(false);
    let given = [("`age`", written.age.is_some()), ("`command`", written.command.is_some()), ("`file`", plain)];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    match given.as_slice() {
        [] => report.error(
            codes::NO_DESTINATION,
            raw.span(),
            "`[credentials]` has no destination for new secrets",
            "add `age = [\"age1…\"]` with `dir`, or `command = [\"PROGRAM\", …]`, or `file = true` with `dir`",
        ),
        [_] => {}
        several => {
            let several = several.join(", ");
            let message = format!("`[credentials]` has more than one destination for new secrets: {several}");
            report.error(codes::DESTINATION_CONFLICT, raw.span(), message, "keep one of them");
        }
    }
    let dir = written.dir.as_ref().map(|dir| directory.join(dir.get()));
    let recipients = written.age.as_ref().map(|age| recipients(age, raw.span(), report));
    let command = written.command.as_ref().map(|command| command_of(command, raw.span(), directory, report));
    if dir.is_none() && (plain || recipients.is_some()) {
        let message = format!("{} needs a directory for its files", given.join(" and "));
        let help = "add `dir = \"secrets\"`, relative to this file; keep it out of the repository";
        report.error(codes::DESTINATION_WITHOUT_DIR, raw.span(), message, help);
    }
    if let (Some(dir), Some(_), false, None) = (&written.dir, &command, plain, &recipients) {
        report.error(codes::DESTINATION_CONFLICT, dir.span(), "`command` does not use `dir`", "remove `dir`");
    }
    match (recipients, command, plain, dir) {
        (Some(recipients), None, false, Some(dir)) => Some(Destination::Age { recipients: recipients?, dir }),
        (None, Some(command), false, _) => command,
        (None, None, true, Some(dir)) => Some(Destination::File { dir }),
        (Some(_) | None, Some(_) | None, true | false, Some(_) | None) => None,
    }
}

/// The places of age identities instead of recipients. attune must not show them.
pub(super) fn misplaced_secrets(raw: Option<&At<RawCredentials>>, file: FileId) -> Vec<Location> {
    let written = raw.and_then(|raw| raw.get().age.as_ref());
    let identities = written.into_iter().flatten().filter(|text| is_identity(text.get()));
    identities.map(|text| Location { file, span: text.span() }).collect()
}

fn is_identity(text: &str) -> bool {
    text.trim().to_ascii_uppercase().starts_with("AGE-SECRET-KEY-")
}

fn recipients(written: &[At<String>], table: Range<usize>, report: &mut Report) -> Option<Vec<Recipient>> {
    if written.is_empty() {
        let message = "`age` has no recipient, so nobody could read the files";
        report.error(codes::BAD_RECIPIENT, table, message, "add a recipient, as `age-keygen` prints it");
        return None;
    }
    let mut read = Vec::new();
    for text in written {
        let (message, help) = match text.get().parse() {
            Ok(recipient) => {
                read.push(recipient);
                continue;
            }
            Err(_) if cfg!(not(feature = "age")) => (
                "this attune was built without age, so it cannot encrypt new secrets".to_owned(),
                "build attune with its default features, or use another destination",
            ),
            Err(_) if is_identity(text.get()) => (
                "`age` has an identity instead of a recipient; an identity is secret".to_owned(),
                "write the recipient (`age-keygen -y` prints it), and replace this identity: others can read this file",
            ),
            Err(why) => (
                format!("`{}` is not an age recipient: {why}", text.get()),
                "write an X25519 recipient as `age-keygen` prints it: `age1` and 58 characters",
            ),
        };
        report.error(codes::BAD_RECIPIENT, text.span(), message, help);
    }
    (read.len() == written.len()).then_some(read)
}

fn command_of(
    written: &[At<String>],
    table: Range<usize>,
    directory: &Path,
    report: &mut Report,
) -> Option<Destination> {
    let before = report.findings.len();
    let mut bad = |span: Range<usize>, message: &str, help: &str| {
        report.error(codes::BAD_COMMAND, span, message, help);
    };
    let Some((program, rest)) = written.split_first().filter(|(program, _)| !program.get().trim().is_empty()) else {
        let help =
            "write the program and its arguments, such as `[\"vault\", \"kv\", \"put\", \"secret/s3/{user}\", \"-\"]`";
        bad(table, "`command` has no program", help);
        return None;
    };
    if program.get().contains(['{', '}']) {
        let help = "use one program for all users; `{user}` is for its arguments";
        bad(program.span(), "the program cannot have a placeholder", help);
    }
    let mut arguments = Vec::new();
    for (index, text) in rest.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| rest.get(before)).map(|before| before.get().as_str());
        match Argument::parse(text.get()) {
            Ok(argument) if argument.is_code(before) => {
                let help = "pass the name as a separate argument, such as `[\"sh\", \"-c\", \"store \\\"$1\\\"\", \"sh\", \"{user}\"]`; next to \
                            `{user}` only letters, digits and `._/:=@,+-` are valid";
                bad(text.span(), "a name would become part of code that a program runs", help);
            }
            Ok(argument) => arguments.push(argument),
            Err(placeholder) => {
                let help = "valid placeholders are `{user}`, `{cluster}` and `{tenant}`; the secret is only on standard input; write `{{` for a brace";
                bad(text.span(), &format!("unknown placeholder `{placeholder}`"), help);
            }
        }
    }
    let has_path = program.get().contains('/');
    let program = if has_path { directory.join(program.get()) } else { PathBuf::from(program.get()) };
    (report.findings.len() == before).then_some(Destination::Command { program, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'static> = Names { user: "-bob", cluster: "stewie", tenant: "Root" };

    fn filled(text: &str) -> Result<String, String> {
        Argument::parse(text).map(|argument| argument.filled(NAMES))
    }

    #[test]
    fn placeholders_are_replaced_and_braces_are_escaped() {
        assert_eq!(filled("secret/{cluster}/{tenant}/{user}").unwrap(), "secret/stewie/Root/-bob");
        assert_eq!(filled("{{user}} a}b").unwrap(), "{user} a}b");
        assert_eq!(filled("").unwrap(), "");
        assert_eq!(filled("x{secret_key}").unwrap_err(), "{secret_key}");
        assert_eq!(filled("x{user").unwrap_err(), "{user");
        let written = "{{user}} {user}/{tenant}";
        assert_eq!(Argument::parse(written).unwrap().to_string(), written);
    }

    #[test]
    fn unsafe_names_are_refused() {
        let argument = Argument::parse("s3/{user}").unwrap();
        let odd = ["", "a b", "a\nb", "a\u{202e}b", "a\0b"];
        let unsafe_names = "-x .. . .x a/b a;b $(id) `id` a|b a&b a'b a\"b a\\b ~ a* {a} a%b% =a !a #a <a";
        for user in unsafe_names.split(' ').chain(odd) {
            assert_eq!(argument.unsafe_name(Names { user, ..NAMES }), Some(user));
        }
        for user in ["bob", "b.ob", "bob@example.com", "svc-1_2", "jürgen", "0", "a=b", "a:b"] {
            assert_eq!(argument.unsafe_name(Names { user, ..NAMES }), None);
        }
        assert_eq!(Argument::parse("s3/{cluster}").unwrap().unsafe_name(NAMES), None);
        assert_eq!(Argument::parse("{tenant}").unwrap().unsafe_name(Names { tenant: "a b", ..NAMES }), Some("a b"));
    }

    #[test]
    fn placeholders_in_code_are_refused_for_every_program() {
        let is_code = |before: Option<&str>, text: &str| Argument::parse(text).unwrap().is_code(before);
        for (before, text) in [
            ("-c", "vault kv put secret/{user} -"),
            ("-c", "{user}"),
            ("-lc", "{user}"),
            ("-euc", "{user}"),
            ("-e", "{user}"),
            ("-Command", "{user}"),
            ("/C", "{user}"),
            ("host", "cat > {user}"),
            ("-S", "store {user}"),
            ("x", "\"{user}\""),
            ("x", "'{user}'"),
            ("x", "$({user})"),
            ("x", "f({user})"),
            ("x", "-c{user}"),
            ("x", "--command={user}"),
            ("x", "a;{user}"),
            ("x", "{user}\n"),
        ] {
            assert!(is_code(Some(before), text), "{before} {text}");
        }
        for (before, text) in [
            ("-c", "store \"$1\""),
            ("sh", "{user}"),
            ("put", "secret/{cluster}/{tenant}/{user}"),
            ("x", "--user={user}"),
            ("--name", "{user}"),
            ("x", "s3://bucket/{user}.json"),
        ] {
            assert!(!is_code(Some(before), text), "{before} {text}");
        }
        assert!(!is_code(None, "{user}"));
    }
}
