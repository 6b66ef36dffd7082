//! Credentials: a password or a stored token, from the environment and never from the configuration.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::SetupProblem;

/// The credentials of a login.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A user's name and password.
    Password(PasswordLogin),
    /// A token.
    Token {
        /// The access token, which may have expired.
        access: SecretString,
        /// The token that refreshes it.
        refresh: Option<SecretString>,
        /// Where the token comes from.
        origin: TokenOrigin,
    },
}

/// Where a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrigin {
    /// `weka user login` stored it.
    Stored,
    /// This variable has it, or the path of its file.
    Variable(&'static str),
    /// The file of logins has it.
    Logins,
}

/// A login with a password.
#[derive(Debug, Clone)]
pub struct PasswordLogin {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The tenant to log in to if the configuration asks for none. None: the default tenant.
    pub org: Option<String>,
}

const TOKEN: &str = "ATTUNE_TOKEN";
const TOKEN_FILE: &str = "ATTUNE_TOKEN_FILE";
const PASSWORD: &str = "ATTUNE_PASSWORD";
const PASSWORD_FILE: &str = "ATTUNE_PASSWORD_FILE";
const USERNAME: &str = "ATTUNE_USERNAME";

/// The environment of the process. An empty variable counts as unset: a pipeline sets one for a secret that it lacks.
pub struct Environment<'a> {
    get: Box<Variables<'a>>,
    read_file: Box<Files<'a>>,
}

/// The value of a variable.
type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The text of a file.
type Files<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

impl<'a> Environment<'a> {
    /// The environment with these variables and files.
    pub fn new(
        get: impl Fn(&str) -> Option<String> + 'a,
        read_file: impl Fn(&Path) -> io::Result<String> + 'a,
    ) -> Self {
        Self { get: Box::new(get), read_file: Box::new(read_file) }
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    /// The secret in a variable, or in the file that another variable names. One line break at the end of a file is removed.
    fn secret(
        &self,
        variable: &'static str,
        file: &'static str,
    ) -> Result<Option<(SecretString, &'static str)>, SetupProblem> {
        match (self.get(variable), self.get(file)) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(both_set(variable, file)),
            (Some(secret), None) => Ok(Some((secret.into(), variable))),
            (None, Some(path)) => {
                let unreadable = |reason: &str| {
                    let message = format!("the file {path} of {file} cannot be used: {reason}");
                    SetupProblem::new(message, format!("name a file with only the secret in {file}"))
                };
                let text = (self.read_file)(Path::new(&path)).map_err(|error| unreadable(&error.to_string()))?;
                let text = Zeroizing::new(text);
                let line = line_of(&text);
                if line.is_empty() { Err(unreadable("it is empty")) } else { Ok(Some((line.to_owned().into(), file))) }
            }
        }
    }

    /// The token of `ATTUNE_TOKEN`, or of the file that `ATTUNE_TOKEN_FILE` names, with the name of that variable.
    ///
    /// # Errors
    /// It is no token, its file cannot be read, or a password is set as well.
    pub fn token(&self) -> Result<Option<(SecretString, &'static str)>, SetupProblem> {
        let Some((token, variable)) = self.secret(TOKEN, TOKEN_FILE)? else { return Ok(None) };
        if let Some(other) = [USERNAME, PASSWORD, PASSWORD_FILE].into_iter().find(|name| self.get(name).is_some()) {
            return Err(both_set(variable, other));
        }
        if !token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!("{variable} holds no token: a token is one word");
            return Err(SetupProblem::new(message, "make one with `weka user generate-token`"));
        }
        Ok(Some((token, variable)))
    }

    /// Finds a name, a password and a tenant: `ATTUNE_USERNAME`, and `ATTUNE_PASSWORD` or the file that
    /// `ATTUNE_PASSWORD_FILE` names; otherwise `WEKA_USERNAME` and `WEKA_PASSWORD`, with `WEKA_ORG`.
    ///
    /// # Errors
    /// Only one of two variables is set, or the file cannot be read.
    pub fn password(&self) -> Result<Option<PasswordLogin>, SetupProblem> {
        let password = self.secret(PASSWORD, PASSWORD_FILE)?;
        let (password, variable) = password.map_or((None, PASSWORD), |(secret, from)| (Some(secret), from));
        if let Some((username, password)) = pair((USERNAME, self.get(USERNAME)), (variable, password))? {
            return Ok(Some(PasswordLogin { username, password, org: None }));
        }
        let (username, password) = ("WEKA_USERNAME", "WEKA_PASSWORD");
        let found = pair((username, self.get(username)), (password, self.get(password).map(Into::into)))?;
        Ok(found.map(|(username, password)| PasswordLogin { username, password, org: self.get("WEKA_ORG") }))
    }
}

impl Credentials {
    /// Finds the credentials: a token of `ATTUNE_TOKEN` or `ATTUNE_TOKEN_FILE`; otherwise a password as [`Environment::password`]
    /// does; otherwise the file that `weka user login` writes, at `WEKA_TOKEN` or `~/.weka/auth-token.json` (vendor
    /// documentation).
    ///
    /// # Errors
    /// Only one of two variables is set, two exclude each other, nothing is found, or a file cannot be read.
    pub fn from_environment(environment: &Environment<'_>) -> Result<Self, SetupProblem> {
        let (get, read_file) = (|name: &str| environment.get(name), &environment.read_file);
        if let Some((access, variable)) = environment.token()? {
            return Ok(Self::Token { access, refresh: None, origin: TokenOrigin::Variable(variable) });
        }
        if let Some(login) = environment.password()? {
            return Ok(Self::Password(login));
        }
        if let Some(path) = get("WEKA_TOKEN").map(PathBuf::from) {
            let text = read_file(&path).map_err(|error| unreadable(&path, &error.to_string()))?;
            return stored(&path, text);
        }
        let Some(home) = get("HOME") else {
            return Err(none("without HOME there is no ~/.weka/auth-token.json"));
        };
        let path = Path::new(&home).join(".weka/auth-token.json");
        match read_file(&path) {
            Ok(text) => stored(&path, text),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unreadable(&path, &error.to_string())),
            Err(_) => Err(none(&format!("there is no {}", path.display()))),
        }
    }
}

/// The text of a file with a secret, without one line break at its end.
pub(super) fn line_of(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

/// Two variables that belong together, each with its name.
fn pair(
    (username, name): (&'static str, Option<String>),
    (password, secret): (&'static str, Option<SecretString>),
) -> Result<Option<(String, SecretString)>, SetupProblem> {
    match (name, secret) {
        (Some(name), Some(secret)) => Ok(Some((name, secret))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half_set(username, password)),
        (None, Some(_)) => Err(half_set(password, username)),
    }
}

fn half_set(set: &str, missing: &str) -> SetupProblem {
    let message = format!("{set} is set, but {missing} is not (or is empty)");
    SetupProblem::new(message, format!("set {missing}, or unset {set} to use other credentials"))
}

fn both_set(one: &str, other: &str) -> SetupProblem {
    SetupProblem::new(format!("{one} and {other} are both set"), "unset one of them, so that only one login is meant")
}

fn none(and: &str) -> SetupProblem {
    SetupProblem::new(
        format!("no credentials: ATTUNE_USERNAME, WEKA_USERNAME and WEKA_TOKEN are not set, and {and}"),
        "set ATTUNE_USERNAME and ATTUNE_PASSWORD, or ATTUNE_TOKEN, or log in with `weka user login`",
    )
}

/// Reads what `weka user login` stores: JSON with `access_token` and `refresh_token`.
fn stored(path: &Path, text: String) -> Result<Credentials, SetupProblem> {
    #[derive(Deserialize)]
    struct Stored {
        access_token: String,
        refresh_token: Option<String>,
    }
    let text = Zeroizing::new(text);
    // The error of the JSON reader can quote the file.
    let stored: Stored = serde_json::from_str(&text)
        .map_err(|_| unreadable(path, "it is not JSON with an `access_token` and a `refresh_token`"))?;
    let refresh = stored.refresh_token.filter(|token| !token.is_empty());
    Ok(Credentials::Token {
        access: stored.access_token.into(),
        refresh: refresh.map(Into::into),
        origin: TokenOrigin::Stored,
    })
}

fn unreadable(path: &Path, reason: &str) -> SetupProblem {
    SetupProblem::new(
        format!("the stored login {} cannot be read: {reason}", path.display()),
        "log in again with `weka user login`, or set ATTUNE_USERNAME and ATTUNE_PASSWORD",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(set: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Credentials, SetupProblem> {
        let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Credentials::from_environment(&Environment::new(get, |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }))
    }

    fn shown(credentials: &Credentials) -> String {
        match credentials {
            Credentials::Password(PasswordLogin { username, password, org }) => {
                format!("{username}:{}@{}", password.expose_secret(), org.as_deref().unwrap_or("-"))
            }
            Credentials::Token { access, refresh, .. } => {
                format!("{}/{}", access.expose_secret(), refresh.as_ref().map_or("-", |token| token.expose_secret()))
            }
        }
    }

    const ATTUNE: [(&str, &str); 2] = [("ATTUNE_USERNAME", "a"), ("ATTUNE_PASSWORD", "pa")];
    const WEKA: [(&str, &str); 3] = [("WEKA_USERNAME", "w"), ("WEKA_PASSWORD", "pw"), ("WEKA_ORG", "ml")];
    const STORED: &str = r#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer"}"#;

    #[test]
    fn the_first_that_is_set_is_taken() {
        let home = [("HOME", "/h")];
        let files = [("/h/.weka/auth-token.json", STORED), ("/t", r#"{"access_token":"only"}"#)];
        assert_eq!(shown(&found(&[&ATTUNE[..], &WEKA, &home].concat(), &files).unwrap()), "a:pa@-");
        assert_eq!(shown(&found(&[&WEKA[..], &home].concat(), &files).unwrap()), "w:pw@ml");
        assert_eq!(shown(&found(&[("WEKA_TOKEN", "/t"), home[0]], &files).unwrap()), "only/-");
        assert_eq!(shown(&found(&home, &files).unwrap()), "at/rt");
    }

    #[test]
    fn a_secret_is_in_a_variable_or_in_a_file_without_its_line_break() {
        let files = [("/p", "two\n\n"), ("/crlf", "pw\r\n"), ("/t", "tok"), ("/empty", "\n"), ("/json", "{\"a\": 1}")];
        let with = |variables: &[(&str, &str)]| found(&[&[("HOME", "/h")], variables].concat(), &files);
        let user = ("ATTUNE_USERNAME", "a");
        assert_eq!(shown(&with(&[user, ("ATTUNE_PASSWORD_FILE", "/p")]).unwrap()), "a:two\n@-");
        assert_eq!(shown(&with(&[user, ("ATTUNE_PASSWORD_FILE", "/crlf")]).unwrap()), "a:pw@-");
        for (name, value) in [("ATTUNE_TOKEN", "tok"), ("ATTUNE_TOKEN_FILE", "/t")] {
            let found = with(&[(name, value), WEKA[0], WEKA[1]]).unwrap();
            assert_eq!(shown(&found), "tok/-");
            assert!(matches!(found, Credentials::Token { origin: TokenOrigin::Variable(from), .. } if from == name));
        }
        for (variables, part) in [
            (vec![("ATTUNE_TOKEN", "t"), user], "ATTUNE_TOKEN and ATTUNE_USERNAME are both set"),
            (vec![("ATTUNE_TOKEN", "t"), ("ATTUNE_TOKEN_FILE", "/t")], "are both set"),
            (vec![user, ("ATTUNE_PASSWORD", "x"), ("ATTUNE_PASSWORD_FILE", "/p")], "are both set"),
            (vec![("ATTUNE_PASSWORD_FILE", "/p")], "ATTUNE_PASSWORD_FILE is set, but ATTUNE_USERNAME is not"),
            (vec![user, ("ATTUNE_PASSWORD_FILE", "/gone")], "the file /gone of ATTUNE_PASSWORD_FILE cannot be used"),
            (vec![user, ("ATTUNE_PASSWORD_FILE", "/empty")], "it is empty"),
            (vec![("ATTUNE_TOKEN_FILE", "/json")], "holds no token"),
            (vec![("ATTUNE_TOKEN", "two words")], "holds no token"),
        ] {
            let problem = with(&variables).unwrap_err();
            assert!(problem.message.contains(part), "{variables:?}: {problem}");
        }
    }

    #[test]
    fn half_a_pair_is_an_error_and_no_fall_through() {
        for (set, missing) in [
            ("ATTUNE_USERNAME", "ATTUNE_PASSWORD"),
            ("ATTUNE_PASSWORD", "ATTUNE_USERNAME"),
            ("WEKA_USERNAME", "WEKA_PASSWORD"),
            ("WEKA_PASSWORD", "WEKA_USERNAME"),
        ] {
            let mut variables = vec![(set, "x"), (missing, ""), ("HOME", "/h")];
            if set.starts_with("ATTUNE") {
                variables.extend(WEKA);
            }
            let problem = found(&variables, &[("/h/.weka/auth-token.json", STORED)]).unwrap_err();
            assert_eq!(problem.message, format!("{set} is set, but {missing} is not (or is empty)"));
        }
    }

    #[test]
    fn what_was_looked_for_is_said() {
        let problem = found(&[("HOME", "/h")], &[]).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "no credentials: ATTUNE_USERNAME, WEKA_USERNAME and WEKA_TOKEN are not set, and there is no \
             /h/.weka/auth-token.json"
        );
        assert!(problem.help.contains("ATTUNE_PASSWORD"));
        assert!(found(&[], &[]).unwrap_err().message.contains("without HOME"));
        let missing = found(&[("WEKA_TOKEN", "/t"), ("HOME", "/h")], &[("/h/.weka/auth-token.json", STORED)]);
        assert!(missing.unwrap_err().message.starts_with("the stored login /t cannot be read"));
    }

    #[test]
    fn no_problem_and_no_debug_output_shows_a_secret() {
        let problem = found(&[("WEKA_TOKEN", "/t")], &[("/t", r#"{"access_token":{"v":"s3cret"}}"#)]).unwrap_err();
        assert!(!format!("{problem} {problem:?}").contains("s3cret"));
        let credentials = found(&ATTUNE, &[]).unwrap();
        assert!(!format!("{credentials:?}").contains("pa\""), "{credentials:?}");
    }
}
