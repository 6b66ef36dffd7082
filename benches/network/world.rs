//! Clusters and files to run with: as much of everything as there is to be.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Outcome;

/// A folder with a file and the state of a simulated cluster.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// A cluster and a file, each by what its users hold; users without a policy hold nothing. `edited` is a policy
    /// whose document is another one in the file.
    pub(crate) fn new(
        policies: usize,
        on_cluster: &[Option<usize>],
        in_file: &[Option<usize>],
        edited: Option<usize>,
    ) -> Outcome<Self> {
        let world = Self { folder: tempfile::tempdir()? };
        fs::write(world.path().join("cluster.json"), state(policies, on_cluster).to_string())?;
        fs::write(world.path().join("attune.toml"), file(policies, in_file, edited))?;
        Ok(world)
    }

    /// A cluster with these buckets, of which every tenth is open to everyone, and a file that declares one of them.
    pub(crate) fn of_buckets(buckets: usize) -> Outcome<Self> {
        let world = Self { folder: tempfile::tempdir()? };
        let mut state = state(0, &[]);
        for number in 0..buckets {
            let policy = if number % 10 == 0 { "download" } else { "none" };
            state["tenants"]["Root"]["buckets"][format!("bucket-{number:05}")] = json!({ "policy": policy });
        }
        fs::write(world.path().join("cluster.json"), state.to_string())?;
        fs::write(world.path().join("attune.toml"), "[buckets]\nbucket-00000 = \"download\"\n")?;
        Ok(world)
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The name of a policy.
pub(crate) fn policy(number: usize) -> String {
    format!("policy-{number:04}")
}

/// The name of a user.
pub(crate) fn user(number: usize) -> String {
    format!("user-{number:04}")
}

/// A document of a few hundred bytes.
pub(crate) fn document(number: usize, revision: usize) -> String {
    let statement = |sid: &str, actions: &[&str], resources: &[String]| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    let bucket = format!("arn:aws:s3:::bucket-{number:04}");
    json!({
        "Version": "2012-10-17",
        "Statement": [
            statement("Look", &["s3:ListBucket"], std::slice::from_ref(&bucket)),
            statement("Read", &["s3:GetObject"], &[format!("{bucket}/raw/*"), format!("{bucket}/models/*")]),
            statement("Write", &["s3:PutObject", "s3:DeleteObject"], &[format!("{bucket}/out-{revision}/*")]),
        ],
    })
    .to_string()
}

/// A release in which no attach makes a key pair, so that nothing has to be kept.
const RELEASE: &str = "4.4";

fn state(policies: usize, attached: &[Option<usize>]) -> Value {
    let mut root = json!({ "users": { "admin": { "role": "ClusterAdmin", "password": "admin" } }, "policies": {} });
    for number in 0..policies {
        let document: Value = serde_json::from_str(&document(number, 0)).unwrap_or_default();
        root["policies"][policy(number)] = json!({ "document": document });
    }
    for (number, attached) in attached.iter().enumerate() {
        root["users"][user(number)] =
            attached.map_or_else(|| json!({}), |attached| json!({ "policy": policy(attached) }));
    }
    json!({
        "format": "attune.sim/1",
        "release": RELEASE,
        "limits": { "s3_users": attached.len().max(1_024) },
        "tenants": { "Root": root },
    })
}

fn file(policies: usize, attached: &[Option<usize>], edited: Option<usize>) -> String {
    let mut text = String::new();
    for number in 0..policies {
        let revision = usize::from(edited == Some(number));
        let document: Value = serde_json::from_str(&document(number, revision)).unwrap_or_default();
        for statement in document["Statement"].as_array().into_iter().flatten() {
            text += &format!("[[policies.{}.statement]]\n", policy(number));
            for (member, key) in [("Sid", "sid"), ("Effect", "effect"), ("Action", "action"), ("Resource", "resource")]
            {
                // JSON writes texts and arrays of them as TOML does.
                text += &format!("{key} = {}\n", statement[member]);
            }
        }
    }
    for (number, attached) in attached.iter().enumerate() {
        if let Some(attached) = attached {
            text += &format!("[users.{}]\npolicy = \"{}\"\n", user(number), policy(*attached));
        }
    }
    text
}
