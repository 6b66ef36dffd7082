//! The keys of requests: of the AWS environment, of the shared AWS files, or of a file that attune wrote.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use configparser::ini::Ini;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Keys of an S3 service. `Debug` hides the secrets.
#[derive(Debug, Clone)]
pub struct S3Keys {
    /// The access key, which is not secret.
    pub access_key: String,
    /// The secret key.
    pub secret_key: SecretString,
    /// The token of temporary credentials.
    pub session_token: Option<SecretString>,
    /// Whose they are, if their file says so.
    pub owner: Option<KeysOwner>,
}

/// Whose keys a file has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeysOwner {
    /// The name of the cluster.
    pub cluster: String,
    /// The name of the tenant.
    pub tenant: String,
    /// The name of the user.
    pub user: String,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysProblem {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// A file has no key pair.
    #[error("`{}` holds no key pair: {why}", path.display())]
    NoPair {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// An encrypted file cannot be opened.
    #[error("`{}` is encrypted and cannot be opened: {why}", path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The profile is in neither file.
    #[error("the AWS files have no profile `{0}`")]
    NoProfile(String),
    /// The profile has no keys of its own.
    #[error("the profile `{profile}` has no keys of its own{}", instead.as_ref().map(|what| format!(", but `{what}`")).unwrap_or_default())]
    NoKeysInProfile {
        /// The profile.
        profile: String,
        /// What it has instead.
        instead: Option<&'static str>,
    },
    /// The environment has no keys, or a part of them.
    #[error("the environment has no keys: {0} is not set")]
    NoEnvironment(&'static str),
    /// A key cannot be in a header.
    #[error("the keys hold characters that no header can carry")]
    NoHeader,
}

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What a profile can have in place of keys. attune runs no program and asks no other service for them.
const INSTEAD: [&str; 5] =
    ["credential_process", "role_arn", "sso_session", "sso_start_url", "web_identity_token_file"];

/// The files of the AWS tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsFiles {
    /// Has `[NAME]` sections.
    pub credentials: PathBuf,
    /// Has `[profile NAME]` sections.
    pub config: PathBuf,
}

impl AwsFiles {
    /// The files of this environment.
    pub fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from).unwrap_or_default();
        let path = |name: &str, file: &str| {
            variable(name).filter(|path| !path.is_empty()).map_or_else(|| home.join(".aws").join(file), PathBuf::from)
        };
        Self {
            credentials: path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: path("AWS_CONFIG_FILE", "config"),
        }
    }

    /// The keys of a profile.
    pub fn keys(&self, profile: &str) -> Result<S3Keys, KeysProblem> {
        let (credentials, config) = (ini(&self.credentials)?, ini(&self.config)?);
        let of_config = if profile == "default" { profile.to_owned() } else { format!("profile {profile}") };
        let value = |name: &str| credentials.get(profile, name).or_else(|| config.get(&of_config, name));
        let has = |ini: &Ini, section: &str| ini.sections().iter().any(|name| name == section);
        if !has(&credentials, profile) && !has(&config, &of_config) {
            return Err(KeysProblem::NoProfile(profile.to_owned()));
        }
        let name = |name: &str| name.to_ascii_lowercase();
        let (Some(access_key), Some(secret)) = (value(&name(ACCESS_KEY)), value(&name(SECRET_KEY))) else {
            let instead = INSTEAD.into_iter().find(|name| value(name).is_some());
            return Err(KeysProblem::NoKeysInProfile { profile: profile.to_owned(), instead });
        };
        S3Keys::new(access_key, secret, value(&name(TOKEN)), None)
    }
}

/// The sections of a file. A file that is not there has none.
fn ini(path: &Path) -> Result<Ini, KeysProblem> {
    let mut ini = Ini::new_cs();
    ini.set_inline_comment_symbols(Some(&[]));
    let mut default = ini.defaults();
    default.delimiters = vec!['='];
    default.default_section = String::new();
    ini.load_defaults(default);
    ini.set_inline_comment_symbols(Some(&[]));
    let problem = |why: String| KeysProblem::Unreadable { path: path.to_path_buf(), why };
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ini),
        Err(error) => return Err(problem(error.to_string())),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| problem("it is not text".to_owned()))?;
    // The message of the library may have a line of the file.
    ini.read(text.to_owned()).map_err(|_| problem("it is not a file of the AWS tools".to_owned()))?;
    Ok(ini)
}

fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A key pair as attune writes it to its destinations.
#[derive(Deserialize)]
struct Pair {
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
    #[serde(flatten)]
    owner: Option<KeysOwner>,
}

impl S3Keys {
    /// Keys of these parts, if each can be in a header.
    pub fn new(
        access_key: String,
        secret_key: String,
        session_token: Option<String>,
        owner: Option<KeysOwner>,
    ) -> Result<Self, KeysProblem> {
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let secret_key = SecretString::from(secret_key);
        let session_token = session_token.filter(|token| !token.is_empty()).map(SecretString::from);
        let parts = [
            Some(access_key.as_str()),
            Some(secret_key.expose_secret()),
            session_token.as_ref().map(ExposeSecret::expose_secret),
        ];
        if !parts.into_iter().flatten().all(is_plain) {
            return Err(KeysProblem::NoHeader);
        }
        Ok(Self { access_key, secret_key, session_token, owner })
    }

    /// The keys of the AWS environment.
    pub fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, KeysProblem> {
        let text = |name| variable(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let access_key = text(ACCESS_KEY).ok_or(KeysProblem::NoEnvironment(ACCESS_KEY))?;
        let secret_key = text(SECRET_KEY).ok_or(KeysProblem::NoEnvironment(SECRET_KEY))?;
        Self::new(access_key, secret_key, text(TOKEN), None)
    }

    /// The keys of a file that attune wrote. An encrypted one needs the identities of a file.
    pub fn of_file(path: &Path, identities: Option<&Path>) -> Result<Self, KeysProblem> {
        let unreadable =
            |error: std::io::Error| KeysProblem::Unreadable { path: path.to_path_buf(), why: error.to_string() };
        let mut bytes = read(path).map_err(unreadable)?;
        if bytes.starts_with(b"age-encryption.org/") {
            let sealed = |why: String| KeysProblem::Sealed { path: path.to_path_buf(), why };
            let identities =
                identities.ok_or_else(|| sealed("name the file of your identity with --identity".to_owned()))?;
            bytes = opened(&bytes, identities).map_err(sealed)?;
        }
        // The message of the library may have a value of the file.
        let pair: Pair = serde_json::from_slice(&bytes).map_err(|_| KeysProblem::NoPair {
            path: path.to_path_buf(),
            why: "it is no JSON object with `access_key` and `secret_key`".to_owned(),
        })?;
        Self::new(pair.access_key, pair.secret_key, pair.session_token, pair.owner)
    }
}

#[cfg(feature = "age")]
fn opened(bytes: &[u8], identities: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = age::IdentityFile::from_file(identities.display().to_string())
        .map_err(|error| format!("`{}` cannot be read: {error}", identities.display()))?;
    let identities = file.into_identities().map_err(|error| error.to_string())?;
    let decryptor = age::Decryptor::new_buffered(bytes).map_err(|error| error.to_string())?;
    let mut reader = decryptor
        .decrypt(identities.iter().map(|identity| &**identity as &dyn age::Identity))
        .map_err(|error| error.to_string())?;
    let mut plain = Zeroizing::new(Vec::new());
    reader.by_ref().take(MAX_FILE).read_to_end(&mut plain).map_err(|error| error.to_string())?;
    Ok(plain)
}

#[cfg(not(feature = "age"))]
fn opened(_: &[u8], _: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    Err("this program was built without `age`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(credentials: &str, config: &str) -> (tempfile::TempDir, AwsFiles) {
        let dir = tempfile::tempdir().unwrap();
        let of = AwsFiles { credentials: dir.path().join("credentials"), config: dir.path().join("config") };
        std::fs::write(&of.credentials, credentials).unwrap();
        std::fs::write(&of.config, config).unwrap();
        (dir, of)
    }

    #[test]
    fn keys_of_the_aws_files() {
        let (_dir, of) = files(
            "[default]\naws_access_key_id = A1\naws_secret_access_key=s/1+=;#x\n\n[Al]\naws_access_key_id=A2\naws_secret_access_key = s2\naws_session_token = t==\n",
            "[profile config]\naws_access_key_id = A3\naws_secret_access_key = s3\n[profile sso]\nsso_session = x\n[profile role]\nrole_arn = x\n",
        );
        let keys = |profile| {
            of.keys(profile)
                .map(|keys| (keys.access_key, keys.secret_key.expose_secret().to_owned(), keys.session_token.is_some()))
        };
        assert_eq!(keys("default").unwrap(), ("A1".to_owned(), "s/1+=;#x".to_owned(), false));
        assert_eq!(keys("Al").unwrap(), ("A2".to_owned(), "s2".to_owned(), true));
        assert_eq!(keys("config").unwrap().0, "A3");
        for (profile, message) in
            [("al", "have no profile `al`"), ("sso", "but `sso_session`"), ("role", "but `role_arn`")]
        {
            assert!(keys(profile).unwrap_err().to_string().contains(message), "{profile}");
        }
        let nowhere = AwsFiles { credentials: "/nowhere/c".into(), config: "/nowhere/d".into() };
        assert!(matches!(nowhere.keys("x"), Err(KeysProblem::NoProfile(_))));
    }

    #[test]
    fn keys_of_a_file_that_attune_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("al.json");
        std::fs::write(&path, r#"{"cluster": "c", "tenant": "t", "user": "al", "access_key": "A", "secret_key": "geheim", "created_at": "2030-01-01T00:00:00Z"}"#).unwrap();
        let keys = S3Keys::of_file(&path, None).unwrap();
        assert_eq!(keys.owner.as_ref().unwrap().user, "al");
        assert!(!format!("{keys:?}").contains("geheim"));
        std::fs::write(&path, r#"{"access_key": "A", "secret_key": "geheim\n"}"#).unwrap();
        assert!(matches!(S3Keys::of_file(&path, None), Err(KeysProblem::NoHeader)));
        std::fs::write(&path, r#"{"access_key": "A", "secret_key": 17}"#).unwrap();
        let problem = S3Keys::of_file(&path, None).unwrap_err().to_string();
        assert!(problem.contains("holds no key pair") && !problem.contains("17"), "{problem}");
    }

    #[cfg(feature = "age")]
    #[test]
    fn keys_of_an_encrypted_file_need_its_identity() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = (dir.path().join("al.json.age"), dir.path().join("id.txt"));
        let identity = age::x25519::Identity::generate();
        let sealed = age::encrypt(&identity.to_public(), br#"{"access_key": "A", "secret_key": "geheim"}"#).unwrap();
        std::fs::write(&path, sealed).unwrap();
        std::fs::write(&file, identity.to_string().expose_secret()).unwrap();
        assert_eq!(S3Keys::of_file(&path, Some(&file)).unwrap().secret_key.expose_secret(), "geheim");
        assert!(S3Keys::of_file(&path, None).unwrap_err().to_string().contains("--identity"));
        std::fs::write(&file, age::x25519::Identity::generate().to_string().expose_secret()).unwrap();
        assert!(matches!(S3Keys::of_file(&path, Some(&file)), Err(KeysProblem::Sealed { .. })));
    }
}
