//! Logins for many clusters and tenants, from one file that only its owner can read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use super::credentials::{Credentials, PasswordLogin, TokenOrigin, line_of};
use super::error::SetupProblem;
use crate::base::NamePattern;

/// The logins of a file. `Debug` hides the secrets.
#[derive(Debug)]
pub struct Logins {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    line: usize,
    /// The addresses that may get this login.
    endpoints: Vec<NamePattern>,
    tenant: Option<String>,
    secret: Secret,
}

#[derive(Debug)]
enum Secret {
    Password(String, Place),
    Token(Place),
}

/// Where a secret is: in the file itself, or in another one.
#[derive(Debug)]
enum Place {
    Here(SecretString),
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogins {
    #[serde(default)]
    login: Vec<toml::Spanned<RawLogin>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogin {
    endpoints: Vec<String>,
    tenant: Option<String>,
    username: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    token: Option<String>,
    token_file: Option<PathBuf>,
}

const HELP: &str = "each `[[login]]` has `endpoints`, perhaps `tenant`, and either `username` with `password` or `password_file`, or `token` or `token_file`";

impl Logins {
    /// Reads the text of a file of logins. Paths in it are relative to its directory.
    ///
    /// # Errors
    /// It is not in the format. An error names a line and quotes nothing.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SetupProblem> {
        let line_at = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let problem = |line: usize, why: &str| {
            SetupProblem::new(format!("the file of logins {}, line {line}: {why}", path.display()), HELP)
        };
        // The error of the parser can quote the file.
        let raw: RawLogins = toml::from_str(text).map_err(|error| {
            problem(line_at(error.span().map_or(0, |span| span.start)), "a key is missing, unknown or has another type")
        })?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let entry = |raw: toml::Spanned<RawLogin>| {
            let line = line_at(raw.span().start);
            Entry::of(raw.into_inner(), line, directory).map_err(|why| problem(line, &why))
        };
        let entries: Vec<Entry> = raw.login.into_iter().map(entry).collect::<Result<_, _>>()?;
        if entries.is_empty() {
            return Err(problem(1, "it has no `[[login]]`"));
        }
        Ok(Self { path: path.to_path_buf(), entries })
    }

    /// The login for a cluster with these addresses. An entry counts only if it names every address, so that no address gets a
    /// login that is not meant for it. An entry for exactly this tenant counts before one for all tenants.
    ///
    /// # Errors
    /// No entry counts, several do, or a file with a secret cannot be read.
    pub fn find(
        &self,
        endpoints: &[String],
        tenant: Option<&str>,
        read_file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Credentials, SetupProblem> {
        let fits = |entry: &&Entry| {
            !endpoints.is_empty()
                && endpoints.iter().all(|endpoint| entry.endpoints.iter().any(|pattern| pattern.matches(endpoint)))
        };
        let all: Vec<&Entry> = self.entries.iter().filter(fits).collect();
        let of_tenant: Vec<&Entry> =
            all.iter().copied().filter(|entry| tenant.is_some() && entry.tenant.as_deref() == tenant).collect();
        let of_any: Vec<&Entry> = all.iter().copied().filter(|entry| entry.tenant.is_none()).collect();
        let cluster = endpoints.join(", ");
        let of = tenant.map(|tenant| format!(", tenant {tenant:?}")).unwrap_or_default();
        match if of_tenant.is_empty() { of_any } else { of_tenant }.as_slice() {
            [one] => self.credentials(one, read_file),
            [] => Err(SetupProblem::new(
                format!("the file of logins {} has no login for {cluster}{of}", self.path.display()),
                "add a `[[login]]` whose `endpoints` name every address of the configuration",
            )),
            [first, second, ..] => {
                let (path, one, other) = (self.path.display(), first.line, second.line);
                let message =
                    format!("the file of logins {path} has several logins for {cluster}{of}: lines {one} and {other}");
                Err(SetupProblem::new(message, "leave one of them, so that only one login is meant"))
            }
        }
    }

    fn credentials(
        &self,
        entry: &Entry,
        read_file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Credentials, SetupProblem> {
        let secret = |place: &Place| match place {
            Place::Here(secret) => Ok(secret.clone()),
            Place::File(path) => {
                let problem = |why: &str| {
                    let from = format!("line {} of {}", entry.line, self.path.display());
                    let message = format!("the file {} of {from} cannot be used: {why}", path.display());
                    SetupProblem::new(message, "name a file with only the secret")
                };
                let text = Zeroizing::new(read_file(path).map_err(|error| problem(&error.to_string()))?);
                let line = line_of(&text);
                if line.is_empty() { Err(problem("it is empty")) } else { Ok(SecretString::from(line.to_owned())) }
            }
        };
        Ok(match &entry.secret {
            Secret::Password(username, place) => {
                Credentials::Password(PasswordLogin { username: username.clone(), password: secret(place)?, org: None })
            }
            Secret::Token(place) => {
                Credentials::Token { access: secret(place)?, refresh: None, origin: TokenOrigin::Logins }
            }
        })
    }
}

impl Entry {
    fn of(raw: RawLogin, line: usize, directory: &Path) -> Result<Self, String> {
        let RawLogin { endpoints, tenant, username, password, password_file, token, token_file } = raw;
        if endpoints.is_empty() {
            return Err("`endpoints` is empty".to_owned());
        }
        let distinct: BTreeSet<&String> = endpoints.iter().collect();
        if distinct.len() < endpoints.len() {
            return Err("`endpoints` names an address twice".to_owned());
        }
        let pattern = |text: &String| match text.parse::<NamePattern>() {
            Ok(pattern) if text.starts_with("https://") || text.starts_with("http://") => Ok(pattern),
            Ok(_) | Err(_) => Err(format!("`{text}` is no address such as https://weka01.example.com:14000")),
        };
        let endpoints = endpoints.iter().map(pattern).collect::<Result<_, _>>()?;
        let place = |here: Option<String>, file: Option<PathBuf>| match (here, file) {
            (Some(secret), None) if !secret.is_empty() => Ok(Some(Place::Here(secret.into()))),
            (None, Some(path)) => Ok(Some(Place::File(directory.join(path)))),
            (None, None) => Ok(None),
            (Some(_), _) => Err("a secret is empty, or is given twice".to_owned()),
        };
        let secret = match (username, place(password, password_file)?, place(token, token_file)?) {
            (Some(username), Some(password), None) if !username.is_empty() => Secret::Password(username, password),
            (None, None, Some(token)) => Secret::Token(token),
            _ => return Err("it needs a user name with a password, or a token".to_owned()),
        };
        Ok(Self { line, endpoints, tenant, secret })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const FILE: &str = "
[[login]]
endpoints = [\"https://east1:14000\", \"https://east2:14000\"]
username = \"all\"
password = \"one\"

[[login]]
endpoints = [\"https://east*:14000\"]
tenant = \"ml\"
username = \"ml\"
password_file = \"ml.txt\"

[[login]]
endpoints = [\"https://*.example.com:14000\"]
token = \"two\"
";

    fn found(endpoints: &[&str], tenant: Option<&str>) -> Result<String, String> {
        let logins = Logins::parse(Path::new("/etc/logins.toml"), FILE).unwrap();
        let endpoints: Vec<String> = endpoints.iter().map(|&of| of.to_owned()).collect();
        let read = |path: &Path| {
            assert_eq!(path, Path::new("/etc/ml.txt"));
            Ok("three\n".to_owned())
        };
        match logins.find(&endpoints, tenant, read).map_err(|problem| problem.message)? {
            Credentials::Password(login) => Ok(format!("{}:{}", login.username, login.password.expose_secret())),
            Credentials::Token { access, .. } => Ok(access.expose_secret().to_owned()),
        }
    }

    #[test]
    fn a_login_goes_only_where_its_entry_names_every_address() {
        assert_eq!(found(&["https://east1:14000"], None).unwrap(), "all:one");
        assert_eq!(found(&["https://east1:14000", "https://east2:14000"], Some("bio")).unwrap(), "all:one");
        assert_eq!(found(&["https://east2:14000"], Some("ml")).unwrap(), "ml:three");
        assert_eq!(found(&["https://weka01.example.com:14000"], Some("ml")).unwrap(), "two");
        for others in [
            &["https://east1:14000", "https://evil:14000"][..],
            &["https://east3:14000"],
            &["https://east1:14001"],
            &["https://weka01.example.com.evil:14000"],
        ] {
            assert!(found(others, None).unwrap_err().contains("has no login for https://"), "{others:?}");
        }
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_line_and_without_its_secrets() {
        for (text, line, why) in [
            ("", 1, "no `[[login]]`"),
            ("[[login]]\npassword = \"hunter2\"\n", 1, "a key is missing"),
            ("\n[[login]]\nendpoints = [\"https://a\"]\nusername = \"u\"\npasswrd = \"hunter2\"\n", 5, "a key is"),
            ("[[login]]\nendpoints = [\"https://a\"]\npassword = hunter2\n", 3, "a key is"),
            ("[[login]]\nendpoints = []\ntoken = \"hunter2\"\n", 1, "`endpoints` is empty"),
            ("[[login]]\nendpoints = [\"*\"]\ntoken = \"hunter2\"\n", 1, "`*` is no address"),
            ("[[login]]\nendpoints = [\"https://a\"]\nusername = \"u\"\n", 1, "a user name with a password"),
            ("[[login]]\nendpoints = [\"https://a\"]\nusername = \"u\"\ntoken = \"hunter2\"\n", 1, "or a token"),
            (
                "[[login]]\nendpoints = [\"https://a\"]\nusername = \"u\"\npassword = \"hunter2\"\npassword_file = \"f\"\n",
                1,
                "given twice",
            ),
        ] {
            let problem = Logins::parse(Path::new("l.toml"), text).unwrap_err();
            let SetupProblem { message, help } = &problem;
            assert!(message.contains(&format!("l.toml, line {line}: ")) && message.contains(why), "{message}");
            assert!(!format!("{message}{help}{problem:?}").contains("hunter2"), "{problem:?}");
        }
        assert!(!format!("{:?}", Logins::parse(Path::new("l"), FILE).unwrap()).contains("\"one\""));
    }

    #[test]
    fn two_logins_for_the_same_are_none() {
        let twice = FILE.replace("tenant = \"ml\"\n", "");
        let logins = Logins::parse(Path::new("l.toml"), &twice).unwrap();
        let found = logins.find(&["https://east1:14000".to_owned()], None, |_| Ok(String::new()));
        assert!(found.unwrap_err().message.contains("lines 2 and 7"));
    }
}
