//! Credentials: a password or a stored token, from the environment and never from the configuration.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use super::SetupProblem;

/// The credentials of a login.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A user's name and password.
    Password(PasswordLogin),
    /// A login that `weka user login` stored.
    Token {
        /// The access token, which may have expired.
        access: SecretString,
        /// The token that refreshes it.
        refresh: Option<SecretString>,
    },
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

impl Credentials {
    /// Finds a name, a password and a tenant: `ATTUNE_USERNAME` and `ATTUNE_PASSWORD`; otherwise `WEKA_USERNAME` and
    /// `WEKA_PASSWORD`, with `WEKA_ORG`. An empty variable counts as unset.
    ///
    /// # Errors
    /// Only one of two variables is set.
    pub fn password_from_environment(
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<PasswordLogin>, SetupProblem> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        if let Some((username, password)) = pair(get, "ATTUNE_USERNAME", "ATTUNE_PASSWORD")? {
            return Ok(Some(PasswordLogin { username, password, org: None }));
        }
        let found = pair(get, "WEKA_USERNAME", "WEKA_PASSWORD")?;
        Ok(found.map(|(username, password)| PasswordLogin { username, password, org: get("WEKA_ORG") }))
    }

    /// Finds the credentials: a password as above; otherwise the file that `weka user login` writes, at `WEKA_TOKEN` or
    /// `~/.weka/auth-token.json` (vendor documentation). An empty variable counts as unset: a pipeline sets one for a
    /// secret that it lacks.
    ///
    /// # Errors
    /// Only one of two variables is set, nothing is found, or the file cannot be read.
    pub fn from_environment(
        get: impl Fn(&str) -> Option<String>,
        read_file: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, SetupProblem> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        if let Some(login) = Self::password_from_environment(get)? {
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

fn pair(
    get: impl Fn(&str) -> Option<String>,
    username: &'static str,
    password: &'static str,
) -> Result<Option<(String, SecretString)>, SetupProblem> {
    match (get(username), get(password)) {
        (Some(name), Some(secret)) => Ok(Some((name, secret.into()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half_set(username, password)),
        (None, Some(_)) => Err(half_set(password, username)),
    }
}

fn half_set(set: &str, missing: &str) -> SetupProblem {
    let message = format!("{set} is set, but {missing} is not (or is empty)");
    SetupProblem::new(message, format!("set {missing}, or unset {set} to use other credentials"))
}

fn none(and: &str) -> SetupProblem {
    SetupProblem::new(
        format!("no credentials: ATTUNE_USERNAME, WEKA_USERNAME and WEKA_TOKEN are not set, and {and}"),
        "set ATTUNE_USERNAME and ATTUNE_PASSWORD, or log in with `weka user login`",
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
    Ok(Credentials::Token { access: stored.access_token.into(), refresh: refresh.map(Into::into) })
}

fn unreadable(path: &Path, reason: &str) -> SetupProblem {
    SetupProblem::new(
        format!("the stored login {} cannot be read: {reason}", path.display()),
        "log in again with `weka user login`, or set ATTUNE_USERNAME and ATTUNE_PASSWORD",
    )
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn found(set: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Credentials, SetupProblem> {
        let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Credentials::from_environment(get, |path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn shown(credentials: &Credentials) -> String {
        match credentials {
            Credentials::Password(PasswordLogin { username, password, org }) => {
                format!("{username}:{}@{}", password.expose_secret(), org.as_deref().unwrap_or("-"))
            }
            Credentials::Token { access, refresh } => {
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
