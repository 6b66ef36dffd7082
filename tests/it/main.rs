//! Integration tests: one binary. `cfg(test)` is always set here; it tells clippy that `unwrap` is in a test.

#[cfg(test)]
mod access;
#[cfg(all(test, feature = "sim"))]
mod anonymous;
#[cfg(test)]
mod approval;
#[cfg(test)]
mod attached;
#[cfg(all(test, feature = "sim"))]
mod bad_input;
#[cfg(test)]
mod base;
#[cfg(test)]
mod browser;
#[cfg(all(test, feature = "sim"))]
mod bucket_calls;
#[cfg(test)]
mod bucket_envelopes;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod complete;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod determinism;
#[cfg(test)]
mod docs;
#[cfg(all(test, feature = "sim"))]
mod doctor;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod edit;
#[cfg(test)]
mod envelopes;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod expectations;
#[cfg(test)]
mod expiry;
#[cfg(all(test, feature = "sim"))]
mod face;
#[cfg(all(test, feature = "sim"))]
mod faults;
#[cfg(test)]
mod find;
#[cfg(all(test, feature = "sim"))]
mod fixpoint;
#[cfg(test)]
mod fmt;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod git_only_read;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod help;
#[cfg(test)]
mod history;
#[cfg(test)]
mod html;
#[cfg(all(test, feature = "sim"))]
mod identity;
#[cfg(all(test, feature = "sim"))]
mod import;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod init;
#[cfg(all(test, feature = "sim"))]
mod inside;
#[cfg(all(test, feature = "sim"))]
mod interrupt;
#[cfg(all(test, feature = "sim"))]
mod keys;
#[cfg(all(test, feature = "sim"))]
mod keys_over_rest;
#[cfg(test)]
mod lineage;
#[cfg(test)]
mod lint;
#[cfg(all(test, feature = "sim"))]
mod logins;
#[cfg(test)]
mod many;
#[cfg(test)]
mod markdown;
#[cfg(all(test, feature = "sim"))]
mod network;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod only;
#[cfg(test)]
mod options;
#[cfg(test)]
mod pages;
#[cfg(all(test, feature = "sim"))]
mod pairs;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod policy;
#[cfg(all(test, feature = "sim"))]
mod probe;
#[cfg(all(test, feature = "sim"))]
mod probe_rules;
#[cfg(test)]
mod proposal;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod records;
#[cfg(test)]
mod reference;
#[cfg(all(test, feature = "sim"))]
mod reliability;
#[cfg(test)]
mod renames;
#[cfg(all(test, feature = "sim"))]
mod rest;
#[cfg(test)]
mod rollback_file;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod scripts;
#[cfg(all(test, feature = "sim"))]
mod secret_store;
#[cfg(all(test, feature = "sim"))]
mod secrets;
#[cfg(all(test, feature = "sim"))]
mod served;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod show;
#[cfg(all(test, feature = "sim"))]
mod sim_s3;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod stdin;
#[cfg(test)]
mod sts;
#[cfg(test)]
mod summaries;
#[cfg(test)]
mod table;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod unwritten;
#[cfg(test)]
mod usage;
#[cfg(all(test, feature = "sim"))]
mod vendor;
#[cfg(all(test, feature = "sim"))]
mod verify;
#[cfg(all(test, feature = "sim"))]
mod verify_new;
#[cfg(test)]
mod visible;
#[cfg(test)]
mod weka;
#[cfg(test)]
mod why;
#[cfg(test)]
mod words;
