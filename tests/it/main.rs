//! Integration tests: one binary. `cfg(test)` is always set here; it tells clippy that `unwrap` is in a test.

#[cfg(test)]
mod access;
#[cfg(test)]
mod anonymous;
#[cfg(test)]
mod approval;
#[cfg(test)]
mod attached;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod base;
#[cfg(test)]
mod browser;
#[cfg(test)]
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
#[cfg(test)]
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
#[cfg(test)]
mod face;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod find;
#[cfg(test)]
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
#[cfg(test)]
mod identity;
#[cfg(test)]
mod import;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod init;
#[cfg(test)]
mod inside;
#[cfg(test)]
mod interrupt;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod keys_over_rest;
#[cfg(test)]
mod lineage;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod many;
#[cfg(test)]
mod markdown;
#[cfg(test)]
mod network;
#[cfg(test)]
mod notify;
mod only;
#[cfg(test)]
mod options;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod probe_rules;
#[cfg(test)]
mod proposal;
#[cfg(test)]
mod questions;
mod records;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod reliability;
#[cfg(test)]
mod renames;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod rollback_file;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod secret_store;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod served;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod show;
#[cfg(test)]
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
#[cfg(test)]
mod vendor;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod verify_new;
#[cfg(test)]
mod visible;
#[cfg(test)]
mod weka;
#[cfg(test)]
mod why;
#[cfg(test)]
mod words;
