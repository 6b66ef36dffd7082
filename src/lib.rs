//! attune manages S3 access on WEKA clusters as code.
//!
//! It compares a configuration with an observed cluster, orders the changes into a plan, and runs the plan.
//! `docs/architecture.md` is the map.

pub mod apply;
pub mod approvals;
pub mod base;
pub mod cli;
pub mod cluster;
pub mod contract;
pub mod desired;
pub mod doctor;
pub mod drift;
pub mod import;
pub mod keys;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod render;
pub mod report;
pub mod s3;
#[cfg(feature = "sim")]
pub mod sim;
pub mod verify;
