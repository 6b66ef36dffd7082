//! attune keeps the S3 access of a WEKA cluster in tune with a file under review.
//!
//! The data goes one way: a desired-state file and an observed cluster are compared, the changes are ordered
//! into a plan, and the plan is run. `docs/architecture.md` is the map.

pub mod base;
pub mod policy;

pub mod desired;
pub mod observed;

pub mod plan;

pub mod drift;

pub mod report;

pub mod cluster;

pub mod apply;

pub mod doctor;

pub mod adopt;

pub mod render;

pub mod sim;

pub mod cli;
