//! Integration tests: one binary. `cfg(test)` is always set here; it tells clippy that `unwrap` is in a test. What runs a simulated
//! cluster or makes a page needs all features.

#[cfg(test)]
mod access;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod anonymous;
#[cfg(test)]
mod approval;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod approvals;
#[cfg(test)]
mod attached;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod bad_input;
#[cfg(test)]
mod base;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod browser;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod bucket_calls;
#[cfg(test)]
mod bucket_envelopes;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod call_limits;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod complete;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod corpus;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod determinism;
#[cfg(test)]
mod docs;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod doctor;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod drift;
#[cfg(test)]
mod edit;
#[cfg(test)]
mod envelopes;
#[cfg(test)]
mod examples;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod expectations;
#[cfg(test)]
mod expiry;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod face;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod faults;
#[cfg(test)]
mod find;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod fixpoint;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod fleet_example;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod fleet_pipelines;
#[cfg(test)]
mod fmt;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod git_only_read;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod golden;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod groups;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod harness;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod help;
#[cfg(test)]
mod history;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod html;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod identity;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod import;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod init;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod inside;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod interrupt;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod keys;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod keys_over_rest;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod kubernetes_fleet;
#[cfg(test)]
mod lineage;
#[cfg(test)]
mod lint;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod logins;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod many;
#[cfg(test)]
mod markdown;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod network;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod notify;
#[cfg(test)]
mod only;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod options;
#[cfg(test)]
mod pages;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod pairs;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod policy;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod probe;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod probe_rules;
#[cfg(test)]
mod proposal;
#[cfg(test)]
mod questions;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod records;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod reference;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod reliability;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod renames;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod rest;
#[cfg(test)]
mod rollback_file;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod scripts;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod secret_store;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod secrets;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod served;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod show;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod sim_s3;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod sim_several;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod snapshot;
#[cfg(test)]
mod stdin;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod sts;
#[cfg(test)]
mod summaries;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod table;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod targets;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod tidy;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod unwritten;
#[cfg(test)]
mod usage;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod vendor;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod verify;
#[cfg(test)]
#[cfg(all(feature = "age", feature = "html", feature = "sim"))]
mod verify_new;
#[cfg(test)]
mod visible;
#[cfg(test)]
mod weka;
#[cfg(test)]
mod why;
#[cfg(test)]
mod words;
