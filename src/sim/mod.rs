//! The simulated cluster: real HTTP on loopback, state in a JSON file, releases 3.14, 4.0, 4.4, 5.1 and 6.0.
//!
//! `state` is the data and its file format, `operations` what a cluster does with a call, `release` the differences between
//! releases, `store` the file on disk, `rest` and `weka` the two interfaces for administrators, `s3` the S3 service, `fault` what goes wrong, `fault_rules` when,
//! `serve` the listener, `observe` a record of the requests, `check` whether a request is let in. It knows the releases on its own and shares no code with the
//! client (`cluster`), so that an error in one of them shows. `docs/simulator.md` describes it for users and says which
//! behaviours are assumed.

/// Declares a struct with the default of each field beside it.
macro_rules! with_defaults {
    ($(#[$attribute:meta])* pub struct $name:ident {
        $($(#[$of:meta])* pub $field:ident: $kind:ty = $default:expr,)*
    }) => {
        $(#[$attribute])*
        pub struct $name {
            $($(#[$of])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

pub mod bucket;
pub mod check;
mod conditions;
mod document;
mod error;
pub mod fault;
mod fault_rules;
mod http;
mod ids;
pub mod observe;
mod operations;
mod pattern;
pub mod release;
mod rest;
mod s3;
mod s3_fault;
mod serve;
pub mod state;
mod store;
pub mod switches;
pub(crate) mod weka;

pub use bucket::{Bucket, BucketPolicy};
pub use check::{BucketPolicyScope, Verdict, check};
pub use document::StoredDocument;
pub use error::SimError;
pub use fault::{Applied, Fault, ForeignChange};
pub use fault_rules::{FaultRule, FaultRules, Interface, Trigger};
pub use observe::{Event, ShownKeys, history};
pub use release::SimRelease;
pub use s3_fault::S3Fault;
pub use serve::{EndReason, KillHook, Options, Running, SimulatedCluster, StateSource, start};
pub use store::{StateChange, read_state};
pub use switches::Switches;

#[cfg(test)]
mod tests;
