//! `weka s3 bucket`: the commands of 6.0, and their older names and orders of arguments (vendor documentation).

use clap::Subcommand;
use serde_json::{Value, json};

use super::parsed::{Parsed, document, read, write};
use super::print::Printout;
use super::protocol::{CommandRun, RunNeeds};
use crate::sim::bucket::BucketPolicy;
use crate::sim::operations::buckets::{self, NewBucket};
use crate::sim::operations::{Caller, Refusal};
use crate::sim::release::Behaviour;
use crate::sim::state::ClusterState;
use crate::sim::switches::CommandShape;

#[derive(Debug, Subcommand)]
pub(super) enum BucketCommand {
    /// List the buckets
    List,
    /// Add a bucket
    #[command(alias = "create")]
    Add {
        name: String,
        /// One of none, download, upload, public
        #[arg(long)]
        policy: Option<String>,
        /// File with a policy document
        #[arg(long)]
        policy_json: Option<String>,
        /// Quota, such as 1MB
        #[arg(long)]
        hard_quota: Option<String>,
        /// Filesystem
        #[arg(long)]
        fs_name: Option<String>,
        /// Directory in the filesystem
        #[arg(long)]
        existing_path: Option<String>,
    },
    /// Remove a bucket
    #[command(aliases = ["destroy", "delete"])]
    Remove {
        name: String,
        /// Do not ask
        #[arg(short, long)]
        force: bool,
        /// Keep the directory
        #[arg(long)]
        unlink: bool,
    },
    /// Manage the policies of buckets
    #[command(subcommand)]
    Policy(BucketPolicyCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum BucketPolicyCommand {
    /// Show the name of a bucket's policy
    Get { bucket: String },
    /// Show the document of a bucket's policy
    GetJson { bucket: String },
    /// Set a predefined policy: BUCKET POLICY since 6.0, POLICY BUCKET before
    Set { first: String, second: String },
    /// Set a document: BUCKET FILE since 6.0, FILE BUCKET before
    SetCustom { first: String, second: String },
    /// Set the policy `none`
    #[command(alias = "unset")]
    Reset { bucket: String },
}

pub(super) fn bucket_command(command: BucketCommand, behaviour: &Behaviour) -> Parsed {
    match command {
        BucketCommand::List => read(list),
        BucketCommand::Add { name, policy, policy_json, hard_quota, fs_name, existing_path } => {
            let has_file = policy_json.is_some();
            let add = write(move |run, state, caller| {
                let document = if has_file { Some(document(run)?) } else { None };
                let new = NewBucket { name, policy, document, hard_quota, path: existing_path, fs: fs_name };
                buckets::add(state, caller, new)
            });
            Parsed { needs: RunNeeds { file: policy_json, prompt: None }, ..add }
        }
        BucketCommand::Remove { name, .. } => write(move |_, state, caller| buckets::remove(state, caller, &name)),
        BucketCommand::Policy(policy) => policy_command(policy, behaviour),
    }
}

fn policy_command(command: BucketPolicyCommand, behaviour: &Behaviour) -> Parsed {
    let in_order = |first, second| if behaviour.wekactl { (first, second) } else { (second, first) };
    match command {
        BucketPolicyCommand::Get { bucket } => read(move |state, caller| {
            let word = buckets::word(state, buckets::policy(state, caller, &bucket)?)?;
            Ok(shown(state, &word.into()))
        }),
        BucketPolicyCommand::GetJson { bucket } => read(move |state, caller| {
            let policy = buckets::policy(state, caller, &bucket)?;
            Ok(shown(state, &buckets::shown(state, policy, &bucket)?))
        }),
        BucketPolicyCommand::Set { first, second } => {
            let (bucket, word) = in_order(first, second);
            write(move |_, state, caller| buckets::set_canned(state, caller, &bucket, &word))
        }
        BucketPolicyCommand::SetCustom { first, second } => {
            let (bucket, file) = in_order(first, second);
            let set = write(move |run: &CommandRun, state, caller| {
                buckets::set(state, caller, &bucket, BucketPolicy::Document(document(run)?))
            });
            Parsed { needs: RunNeeds { file: Some(file), prompt: None }, ..set }
        }
        BucketPolicyCommand::Reset { bucket } => {
            write(move |_, state, caller| buckets::set_canned(state, caller, &bucket, "none"))
        }
    }
}

fn list(state: &ClusterState, caller: &Caller) -> Result<Printout, Refusal> {
    let rows = buckets::list(state, caller)?.into_iter();
    let rows: Vec<Value> = rows.map(|(name, bucket)| buckets::row(name, bucket)).collect();
    let json = match state.switches.command_shape {
        CommandShape::Raw => json!({ "buckets": rows }),
        CommandShape::Table | CommandShape::Bare => json!(rows),
    };
    Ok(Printout::Rows { rows, json })
}

/// A policy as REST answers it, as a row, or alone.
fn shown(state: &ClusterState, policy: &Value) -> Printout {
    let alone = policy.as_str().map_or_else(|| policy.to_string(), str::to_owned);
    let row = json!({ "policy": policy });
    match state.switches.command_shape {
        CommandShape::Raw => Printout::Members(row),
        CommandShape::Table if state.behaviour().wekactl => Printout::Members(row),
        CommandShape::Table => Printout::Members(json!([row])),
        CommandShape::Bare => Printout::Text(alone),
    }
}
