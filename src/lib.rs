//! attune keeps the S3 access of a WEKA cluster in tune with a file under review.
//!
//! The data goes one way: a desired-state file and an observed cluster are compared, the changes are ordered
//! into a plan, and the plan is run. `docs/architecture.md` is the map.

pub mod apply;
pub mod base;
pub mod cli;
pub mod cluster;
pub mod desired;
pub mod doctor;
pub mod drift;
pub mod import;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod render;
pub mod report;
pub mod sim;
