//! Each destination with a key pair: what it keeps, what it refuses, and what it never shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{SecretStore, SecretStoreContext, StoredIn};
use crate::base::{KeyPair, UserName};
use crate::desired::{Argument, Destination};

const SECRET: &str = "0123456789abcdefghijABCDEFGHIJ+/01234567\"9";
const ACCESS: &str = "0000ACCESSACCESSACCE";

fn pair() -> KeyPair {
    KeyPair { access_key: ACCESS.to_owned(), secret_key: SECRET.into() }
}

fn secret_store(folder: &TempDir, destination: Option<&Destination>) -> SecretStore {
    let context = SecretStoreContext {
        cluster: "stewie".to_owned(),
        tenant: "Root".to_owned(),
        state_dir: folder.path().join("state/deep"),
        search_path: std::env::var_os("PATH").unwrap_or_default(),
        timeout: Duration::from_secs(60),
        show_output: false,
    };
    SecretStore::new(destination, context)
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

async fn keep(secret_store: &SecretStore, name: &str) -> StoredIn {
    let slot = secret_store.reserve().unwrap();
    secret_store.store(slot, &user(name), &pair(), OffsetDateTime::UNIX_EPOCH, |_| {}).await
}

async fn emergency(secret_store: &SecretStore, name: &str) -> (PathBuf, String) {
    let stored = keep(secret_store, name).await;
    let StoredIn::Emergency { path, why } = stored else { panic!("{stored:?}") };
    (path, why)
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

fn script(folder: &TempDir, text: &str) -> Destination {
    let path = folder.path().join("destination.sh");
    fs::write(&path, text).unwrap();
    let arguments = [path.to_str().unwrap(), "s3/{cluster}/{tenant}/{user}"];
    let arguments = arguments.map(|text| Argument::parse(text).unwrap()).to_vec();
    Destination::Command { program: "sh".into(), arguments }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".gitignore");
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_private_and_takes_the_place_of_the_old_pair() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a/secrets");
    let secret_store = secret_store(&folder, Some(&Destination::File { dir: dir.clone() }));
    assert_eq!(secret_store.check(&[user("a b")]).await, Ok(()));
    let path = dir.join("a%20b.json");
    for _ in 0..2 {
        assert_eq!(keep(&secret_store, "a b").await, StoredIn::Destination(path.display().to_string()));
        assert_eq!(json_at(&path), expected("a b"));
        assert_eq!((mode(&path), mode(&dir), mode(&folder.path().join("a"))), (0o600, 0o700, 0o700));
        assert_eq!(names(&dir), ["a%20b.json"]);
        fs::write(&path, "an old pair").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(secret_store.check(&[user("a b")]).await, Ok(()));
    }
    let state = folder.path().join("state/deep");
    assert_eq!((mode(&state), names(&state).len()), (0o700, 0), "{:?}", names(&state));
    assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n");
}

#[tokio::test]
async fn the_pair_of_another_cluster_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("secrets");
    fs::create_dir(&dir).unwrap();
    let other = expected("bob").to_string().replace("stewie", "brian");
    fs::write(dir.join("bob.json"), &other).unwrap();
    fs::create_dir(dir.join("carl.json")).unwrap();
    let secret_store = secret_store(&folder, Some(&Destination::File { dir: dir.clone() }));
    let problems = secret_store.check(&[user("bob"), user("carl")]).await.unwrap_err();
    assert!(problems[0].message.contains("of user `bob` of cluster brian") && problems.len() == 2, "{problems:?}");
    for name in ["bob", "carl"] {
        let (path, _) = emergency(&secret_store, name).await;
        assert_eq!(json_at(&path), expected(name));
        assert_eq!(path, folder.path().join(format!("state/deep/emergency-{name}-1.json")));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
    let (second, _) = emergency(&secret_store, "bob").await;
    assert_eq!(second, folder.path().join("state/deep/emergency-bob-2.json"));
    assert_eq!(fs::read_to_string(dir.join("bob.json")).unwrap(), other);
}

#[tokio::test]
async fn no_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("secrets");
    fs::create_dir(&dir).unwrap();
    fs::write(folder.path().join("elsewhere"), "precious").unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), dir.join("bob.json")).unwrap();
    let secret_store = secret_store(&folder, Some(&Destination::File { dir: dir.clone() }));
    assert!(matches!(keep(&secret_store, "bob").await, StoredIn::Destination(_)));
    assert_eq!(fs::read_to_string(folder.path().join("elsewhere")).unwrap(), "precious");
    assert!(fs::symlink_metadata(dir.join("bob.json")).unwrap().is_file());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&dir, &link).unwrap();
    let linked = SecretStore::new(Some(&Destination::File { dir: link }), secret_store.context.clone());
    let problems = linked.check(&[user("bob")]).await;
    assert!(problems.unwrap_err()[0].message.contains("it is a link"));
}

#[tokio::test]
async fn a_received_secret_is_in_an_emergency_file_even_if_the_run_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let text = format!("cat > /dev/null; touch '{}'; exec sleep 600", started.display());
    let secret_store = secret_store(&folder, Some(&script(&folder, &text)));
    assert!(!secret_store.is_storing());
    let keeping = tokio::spawn({
        let secret_store = secret_store.clone();
        async move { keep(&secret_store, "bob").await }
    });
    while !started.exists() {
        tokio::task::yield_now().await;
    }
    assert!(secret_store.is_storing());
    let state = folder.path().join("state/deep");
    assert_eq!(json_at(&state.join("emergency-bob-1.json")), expected("bob"));
    // The run is dropped, as by a third signal.
    keeping.abort();
    assert!(keeping.await.unwrap_err().is_cancelled());
    secret_store.idle().await;
    assert_eq!(names(&state), ["emergency-bob-1.json"]);
}

#[tokio::test]
async fn the_emergency_file_is_removed_last() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state/deep");
    for dir in ["secrets", "state/deep/emergency"] {
        let secret_store = secret_store(&folder, Some(&Destination::File { dir: folder.path().join(dir) }));
        let slot = secret_store.reserve().unwrap();
        let there = std::cell::RefCell::new(Vec::new());
        let told = |_: &StoredIn| *there.borrow_mut() = names(&state);
        secret_store.store(slot, &user("bob"), &pair(), OffsetDateTime::UNIX_EPOCH, told).await;
        assert!(there.borrow().contains(&"emergency-bob-1.json".to_owned()));
        assert!(!names(&state).contains(&"emergency-bob-1.json".to_owned()));
    }
}

#[cfg(feature = "age")]
#[tokio::test]
async fn an_unreadable_response_is_stored_unchanged_for_the_recipients_alone() {
    let folder = tempfile::tempdir().unwrap();
    let answer = crate::cluster::RawAnswer::of(b"<html>\xff SECRET").unwrap();
    let plain = secret_store(&folder, None);
    let path = plain.store_response(plain.reserve().unwrap(), &user("bob"), &answer).unwrap();
    assert_eq!(path, folder.path().join("state/deep/emergency-bob-1.answer"));
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (answer.bytes().to_vec(), 0o600));
    let identity = age::x25519::Identity::generate();
    let recipients = vec![identity.to_public().to_string().parse().unwrap()];
    let sealed = secret_store(&folder, Some(&Destination::Age { recipients, dir: folder.path().join("secrets") }));
    let path = sealed.store_response(sealed.reserve().unwrap(), &user("bob"), &answer).unwrap();
    assert_eq!(path, folder.path().join("state/deep/emergency-bob-1.answer.age"));
    assert_eq!(age::decrypt(&identity, &fs::read(&path).unwrap()).unwrap(), answer.bytes());
    assert!(!format!("{answer:?}").contains("SECRET"));
}

#[cfg(feature = "age")]
#[tokio::test]
async fn an_age_file_is_opened_by_each_recipient_and_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("secrets");
    let identities = [age::x25519::Identity::generate(), age::x25519::Identity::generate()];
    let recipients = identities.iter().map(|identity| identity.to_public().to_string().parse().unwrap()).collect();
    let secret_store = secret_store(&folder, Some(&Destination::Age { recipients, dir: dir.clone() }));
    assert_eq!(secret_store.check(&[user("bob")]).await, Ok(()));
    assert!(matches!(keep(&secret_store, "bob").await, StoredIn::Destination(_)));
    let path = dir.join("bob.json.age");
    let sealed = fs::read(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    for identity in &identities {
        let plain = age::decrypt(identity, &sealed).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap(), expected("bob"));
    }
    assert!(age::decrypt(&age::x25519::Identity::generate(), &sealed).is_err());
    assert!(!sealed.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
    // Again: the old pair is worthless, and nothing is in plain text anywhere.
    assert!(matches!(keep(&secret_store, "bob").await, StoredIn::Destination(_)));
    assert_ne!(fs::read(&path).unwrap(), sealed);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (path, _) = emergency(&secret_store, "bob").await;
    assert_eq!(path, folder.path().join("state/deep/emergency-bob-1.json.age"));
    let plain = age::decrypt(&identities[0], &fs::read(&path).unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap(), expected("bob"));
}

#[tokio::test]
async fn a_command_gets_the_record_on_standard_input_and_nothing_of_it_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let destination =
        script(&folder, &format!("cat > '{out}/got'; printf '%s\\n' \"$@\" > '{out}/args'; env > '{out}/env'"));
    let secret_store = secret_store(&folder, Some(&destination));
    assert_eq!(secret_store.check(&[user("b.ob")]).await, Ok(()));
    assert_eq!(keep(&secret_store, "b.ob").await, StoredIn::Destination("the command `sh`".to_owned()));
    assert_eq!(json_at(&folder.path().join("got")), expected("b.ob"));
    assert_eq!(fs::read_to_string(folder.path().join("args")).unwrap(), "s3/stewie/Root/b.ob\n");
    let environment = fs::read_to_string(folder.path().join("env")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains(SECRET) && !environment.contains(ACCESS));
}

#[tokio::test]
async fn a_failed_command_shows_only_its_exit_status() {
    // The secret in disguises that nobody can think of all.
    let disguised = "sed 's/.*secret_key//' | rev >&2; echo 'no such mount' >&2; exit 7";
    let plain = "cat >&2; echo loud; echo 'no such mount' >&2; exit 7";
    let long = "cat > /dev/null; head -c 200000 /dev/zero | tr '\\0' ' ' >&2; echo END >&2; exit 1";
    let cases: [(_, _, &[_], &[_]); 4] = [
        (disguised, false, &["`sh` ended with exit status: 7"], &["no such mount"]),
        (disguised, true, &["no such mount"], &[]),
        (plain, true, &["exit status: 7", "no such mount", "[redacted]"], &["0123456789abc", ACCESS, "loud"]),
        (long, true, &["too long"], &["END"]),
    ];
    for (text, shows_output, quoted, hidden) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut secret_store = secret_store(&folder, Some(&script(&folder, text)));
        secret_store.context.show_output = shows_output;
        let (path, why) = emergency(&secret_store, "bob").await;
        assert!(quoted.iter().all(|part| why.contains(part)), "{text} {why}");
        assert!(!hidden.iter().any(|part| why.contains(part)), "{text} {why}");
        assert_eq!(json_at(&path), expected("bob"));
    }
}

#[tokio::test]
async fn a_command_that_does_not_end_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut secret_store = secret_store(&folder, Some(&script(&folder, "exec sleep 600")));
    secret_store.context.timeout = Duration::from_millis(50);
    let (_, why) = emergency(&secret_store, "bob").await;
    assert!(why.contains("did not end within 0.05 s"), "{why}");
}

#[tokio::test]
async fn an_unusable_destination_is_found_without_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain"), "").unwrap();
    let command = |program: &str, argument: &str| Destination::Command {
        program: program.into(),
        arguments: vec![Argument::parse(argument).unwrap()],
    };
    let cases = [
        (Destination::File { dir: folder.path().join("plain/secrets") }, "plain/secrets, cannot be written"),
        (command("no-such-program-anywhere", ""), "`no-such-program-anywhere` is not in PATH"),
        (command(folder.path().join("plain").to_str().unwrap(), ""), "plain is not a program"),
        (command("sh", "{user}"), "the name \"-x\" cannot be an argument"),
        (command("sh", "s3/{user}"), "the name \"-x\" cannot be an argument"),
    ];
    for (destination, expected) in cases {
        let secret_store = secret_store(&folder, Some(&destination));
        let problems = secret_store.check(&[user("-x")]).await.unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.contains(expected), "{problems:?}");
        assert_eq!(secret_store.check(&[]).await, Ok(()));
        assert!(matches!(keep(&secret_store, "-x").await, StoredIn::Emergency { .. }));
    }
}

#[tokio::test]
async fn without_a_destination_a_pair_stays_in_an_emergency_file_and_without_that_no_call_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let secret_store = secret_store(&folder, None);
    assert!(matches!(keep(&secret_store, "bob").await, StoredIn::Emergency { .. }));
    let slot = secret_store.reserve().unwrap();
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    fs::write(folder.path().join("state"), "in the way").unwrap();
    assert!(secret_store.check(&[user("bob")]).await.is_err());
    // It is open, but has no name any more.
    let lost = secret_store.store(slot, &user("bob"), &pair(), OffsetDateTime::UNIX_EPOCH, |_| {}).await;
    assert!(matches!(&lost, StoredIn::Lost(why) if why.contains("no emergency file")), "{lost:?}");
    assert!(secret_store.reserve().is_err());
    assert!(!format!("{lost:?} {secret_store:?}").contains(SECRET));
}
