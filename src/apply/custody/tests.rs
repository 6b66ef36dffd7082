//! Each sink with a key pair: what it keeps, what it refuses, and what it never shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{Custody, CustodyContext, Kept};
use crate::base::{KeyPair, UserName};
use crate::desired::{Argument, Sink};

const SECRET: &str = "0123456789abcdefghijABCDEFGHIJ+/01234567\"9";
const ACCESS: &str = "0000ACCESSACCESSACCE";

fn pair() -> KeyPair {
    KeyPair { access_key: ACCESS.to_owned(), secret_key: SECRET.into() }
}

fn custody(folder: &TempDir, sink: Option<&Sink>) -> Custody {
    in_time(folder, sink, Duration::from_secs(60))
}

fn in_time(folder: &TempDir, sink: Option<&Sink>, command_timeout: Duration) -> Custody {
    let context = CustodyContext {
        cluster: "stewie".to_owned(),
        tenant: "Root".to_owned(),
        state_dir: folder.path().join("state/deep"),
        search_path: std::env::var_os("PATH").unwrap_or_default(),
        command_timeout,
    };
    Custody::new(sink, context)
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

async fn keep(custody: &Custody, name: &str) -> Kept {
    custody.keep(&user(name), &pair(), OffsetDateTime::UNIX_EPOCH).await
}

fn expected(name: &str) -> Value {
    json!({
        "cluster": "stewie", "tenant": "Root", "user": name, "access_key": ACCESS, "secret_key": SECRET,
        "created_at": "1970-01-01T00:00:00Z",
    })
}

fn json_at(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A shell script as a sink.
fn script(folder: &TempDir, text: &str) -> Sink {
    let path = folder.path().join("sink.sh");
    fs::write(&path, text).unwrap();
    let arguments = [path.to_str().unwrap(), "s3/{cluster}/{tenant}/{user}"];
    let arguments = arguments.map(|text| Argument::parse(text).unwrap()).to_vec();
    Sink::Command { program: "sh".into(), arguments }
}

#[tokio::test]
async fn a_file_is_private_and_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a/secrets");
    let custody = custody(&folder, Some(&Sink::File { dir: dir.clone() }));
    assert_eq!(custody.check(&[user("a b")]).await, Ok(Vec::new()));
    let path = dir.join("a%20b.json");
    assert_eq!(keep(&custody, "a b").await, Kept::Sink { place: path.display().to_string() });
    assert_eq!(json_at(&path), expected("a b"));
    assert_eq!((mode(&path), mode(&dir), mode(&folder.path().join("a"))), (0o600, 0o700, 0o700));

    let warnings = custody.check(&[user("a b"), user("other")]).await.unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("a%20b.json"), "{warnings:?}");
    fs::write(&path, "precious").unwrap();
    let Kept::Emergency { path: emergency, why } = keep(&custody, "a b").await else { panic!("it was written over") };
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(why.contains("exists"), "{why}");
    assert_eq!(emergency, folder.path().join("state/deep/emergency-a%20b-1.json"));
    assert_eq!(json_at(&emergency), expected("a b"));
    assert_eq!((mode(&emergency), mode(emergency.parent().unwrap())), (0o600, 0o700));
    let Kept::Emergency { path: second, .. } = keep(&custody, "a b").await else { panic!("it was written over") };
    assert_eq!(second, folder.path().join("state/deep/emergency-a%20b-2.json"));
}

#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("secrets");
    fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), dir.join("bob.json")).unwrap();
    let custody = custody(&folder, Some(&Sink::File { dir }));
    assert!(matches!(keep(&custody, "bob").await, Kept::Emergency { .. }));
    assert!(!folder.path().join("elsewhere").exists());
}

#[tokio::test]
async fn an_age_file_is_opened_by_each_recipient_and_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("secrets");
    let identities = [age::x25519::Identity::generate(), age::x25519::Identity::generate()];
    let recipients = identities.iter().map(|identity| identity.to_public().to_string().parse().unwrap()).collect();
    let custody = custody(&folder, Some(&Sink::Age { recipients, dir: dir.clone() }));
    assert_eq!(custody.check(&[user("bob")]).await, Ok(Vec::new()));
    assert!(matches!(keep(&custody, "bob").await, Kept::Sink { .. }));
    let path = dir.join("bob.json.age");
    let sealed = fs::read(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    for identity in &identities {
        let plain = age::decrypt(identity, &sealed).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap(), expected("bob"));
    }
    assert!(age::decrypt(&age::x25519::Identity::generate(), &sealed).is_err());
    assert!(!sealed.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
    assert!(matches!(keep(&custody, "bob").await, Kept::Emergency { .. }));
    assert_eq!(fs::read(&path).unwrap(), sealed);
}

#[tokio::test]
async fn a_command_gets_the_record_on_standard_input_and_nothing_of_it_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let sink = script(&folder, &format!("cat > '{out}/got'; printf '%s\\n' \"$@\" > '{out}/args'; env > '{out}/env'"));
    let custody = custody(&folder, Some(&sink));
    assert_eq!(custody.check(&[user("b.ob")]).await, Ok(Vec::new()));
    assert_eq!(keep(&custody, "b.ob").await, Kept::Sink { place: "the command `sh`".to_owned() });
    assert_eq!(json_at(&folder.path().join("got")), expected("b.ob"));
    assert_eq!(fs::read_to_string(folder.path().join("args")).unwrap(), "s3/stewie/Root/b.ob\n");
    let environment = fs::read_to_string(folder.path().join("env")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains(SECRET) && !environment.contains(ACCESS));
}

#[tokio::test]
async fn a_command_that_fails_is_quoted_without_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let custody = custody(&folder, Some(&script(&folder, "cat >&2; echo loud; echo 'no such mount' >&2; exit 7")));
    let Kept::Emergency { path, why } = keep(&custody, "bob").await else { panic!("it failed") };
    assert!(why.contains("exit status: 7") && why.contains("no such mount") && why.contains("[redacted]"), "{why}");
    assert!(!why.contains("0123456789abc") && !why.contains(ACCESS) && !why.contains("loud"), "{why}");
    assert_eq!(json_at(&path), expected("bob"));
}

#[tokio::test]
async fn a_command_that_says_too_much_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "cat > /dev/null; head -c 200000 /dev/zero | tr '\\0' ' ' >&2; echo END >&2; exit 1";
    let custody = custody(&folder, Some(&script(&folder, text)));
    let Kept::Emergency { why, .. } = keep(&custody, "bob").await else { panic!("it failed") };
    assert!(why.contains("too much") && !why.contains("END"), "{why}");
}

#[tokio::test]
async fn a_command_that_does_not_end_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let custody = in_time(&folder, Some(&script(&folder, "exec sleep 600")), Duration::from_millis(50));
    let Kept::Emergency { why, .. } = keep(&custody, "bob").await else { panic!("it ended") };
    assert!(why.contains("did not end within 0.05 s"), "{why}");
}

#[tokio::test]
async fn what_cannot_work_is_found_without_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain"), "").unwrap();
    let command = |program: &str, argument: &str| Sink::Command {
        program: program.into(),
        arguments: vec![Argument::parse(argument).unwrap()],
    };
    let cases = [
        (Sink::File { dir: folder.path().join("plain/secrets") }, "plain/secrets, cannot be written"),
        (command("no-such-program-anywhere", ""), "`no-such-program-anywhere` is not in PATH"),
        (command(folder.path().join("plain").to_str().unwrap(), ""), "plain is not a program"),
        (command("sh", "{user}"), "the name \"-x\" cannot be an argument"),
        (command("sh", "s3/{user}"), "the name \"-x\" cannot be an argument"),
    ];
    for (sink, expected) in cases {
        let custody = custody(&folder, Some(&sink));
        let problems = custody.check(&[user("-x")]).await.unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.contains(expected), "{problems:?}");
        assert_eq!(custody.check(&[]).await, Ok(Vec::new()));
        assert!(matches!(keep(&custody, "-x").await, Kept::Emergency { .. }));
    }
}

#[tokio::test]
async fn without_a_sink_a_pair_goes_to_an_emergency_file_and_without_that_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let custody = custody(&folder, None);
    assert!(matches!(keep(&custody, "bob").await, Kept::Emergency { .. }));
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    fs::write(folder.path().join("state"), "in the way").unwrap();
    assert!(custody.check(&[user("bob")]).await.is_err());
    let lost = keep(&custody, "bob").await;
    assert!(matches!(&lost, Kept::Lost { why } if why.contains("no emergency file")), "{lost:?}");
    assert!(!format!("{lost:?} {custody:?}").contains(SECRET));
}
