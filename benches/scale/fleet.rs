//! A fleet of policies and users: files that declare them, and their cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use attune::base::{Capabilities, PolicyName, Release, UserName};
use attune::observed::{Body, Duplicates, Identity, Limits, Observed, ObservedUser};
use attune::policy::{normal, read_lenient};

/// How many policies a file declares: as many as a cluster takes.
const POLICIES_OF_A_FILE: usize = 1_024;

/// How many users there are for each policy.
pub(crate) const USERS_OF_A_POLICY: usize = 1;

/// How many folders a policy names. Its document has 2048 bytes, the limit, or a few less.
const FOLDERS: usize = 48;

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fleet {
    /// How many policies.
    pub(crate) policies: usize,
    /// Of so many policies, and of so many users, one is added, one is another, and one user is moved.
    pub(crate) one_of: usize,
    /// Whether all users have one shared policy, instead of one for each ten.
    pub(crate) shared: bool,
}

/// The policy that all users share.
const SHARED: usize = 2;

/// The main file.
const MAIN: &str = r#"include = ["clusters/*.toml"]

[guards]
max_removals = 10
max_detached = "5%"

[credentials]
file = true
dir = "secrets"
"#;

/// Writes the main file, and a file for each [`POLICIES_OF_A_FILE`] policies with their users.
pub(crate) fn write(directory: &Path, fleet: Fleet) -> io::Result<()> {
    fs::write(directory.join("attune.toml"), MAIN)?;
    let clusters = directory.join("clusters");
    fs::create_dir_all(&clusters)?;
    let policies = fleet.policies;
    for (file, first) in (0..policies).step_by(POLICIES_OF_A_FILE).enumerate() {
        let mut text = String::new();
        for policy in first..policies.min(first + POLICIES_OF_A_FILE) {
            declare(&mut text, policy, fleet.shared).map_err(io::Error::other)?;
        }
        fs::write(clusters.join(format!("{file:04}.toml")), text)?;
    }
    Ok(())
}

fn declare(text: &mut String, policy: usize, shared: bool) -> std::fmt::Result {
    let name = policy_name(policy);
    writeln!(text, "[[policies.{name}.statement]]\neffect = \"Allow\"")?;
    writeln!(text, "action = [\"s3:GetObject\", \"s3:PutObject\", \"s3:ListBucket\"]")?;
    writeln!(text, "resource = [{}]\n", resources(&name))?;
    let held = if shared { policy_name(SHARED) } else { name };
    for user in users_of(policy) {
        writeln!(text, "[users.{}]\npolicy = \"{held}\"\n", user_name(user))?;
    }
    Ok(())
}

/// The cluster, which is not quite as the files say.
pub(crate) fn observed(Fleet { policies, one_of, shared }: Fleet) -> Observed {
    let (mut bodies, mut users) = (BTreeMap::new(), BTreeMap::new());
    for policy in 0..policies {
        let changed = policy % one_of;
        // One is added, the next has an old document.
        if changed != 1 {
            let actions = if changed == 2 { "\"s3:GetObject\"" } else { "\"s3:GetObject\",\"s3:PutObject\"" };
            bodies.insert(PolicyName::reported(policy_name(policy)), body(&policy_name(policy), actions));
        }
        for user in users_of(policy) {
            let holds = match user % one_of {
                _ if shared => Some(SHARED),
                3 => Some((policy / one_of) * one_of),
                4 => None,
                _ if changed == 1 => None,
                _ => Some(policy),
            };
            let holds = holds.map(|policy| PolicyName::reported(policy_name(policy)));
            let record = ObservedUser { role: "S3".to_owned(), source: "Internal".to_owned(), attached: holds };
            users.insert(UserName::reported(user_name(user)), record);
        }
    }
    Observed {
        capabilities: Capabilities::of(&identity().release),
        identity: identity(),
        policies: bodies,
        users,
        groups: BTreeMap::new(),
        groups_known: false,
        duplicates: Duplicates::default(),
        identity_provider: Some(false),
        attachments_known: true,
        keys_can_be_generated: false,
        buckets: attune::observed::Buckets::NotRead,
        limits: Limits { policies: 2 * policies, ..Limits::default() },
    }
}

fn identity() -> Identity {
    Identity {
        name: "fleet".to_owned(),
        guid: "guid".to_owned(),
        release: Release::parse("5.1.2").unwrap_or_else(|| unreachable!("a release")),
        tenant: "Root".to_owned(),
        user: UserName::reported("admin"),
        role: "ClusterAdmin".to_owned(),
    }
}

fn body(name: &str, actions: &str) -> Body {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Effect":"Allow","Action":[{actions},"s3:ListBucket"],
        "Resource":[{}]}}]}}"#,
        resources(name)
    );
    match read_lenient(&text) {
        Ok(document) => Body::Known(normal(&document)),
        Err(_) => Body::Unreadable(text),
    }
}

/// The resources of a policy, as TOML and JSON write them.
fn resources(name: &str) -> String {
    let folders = (0..FOLDERS).map(|folder| format!(", \"arn:aws:s3:::{name}/folder-{folder:02}/*\""));
    format!("\"arn:aws:s3:::{name}\"{}", folders.collect::<String>())
}

fn policy_name(number: usize) -> String {
    format!("team-{number:06}")
}

fn user_name(number: usize) -> String {
    format!("svc-{number:07}")
}

fn users_of(policy: usize) -> std::ops::Range<usize> {
    policy * USERS_OF_A_POLICY..(policy + 1) * USERS_OF_A_POLICY
}
