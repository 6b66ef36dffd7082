//! Plans held against a small model of a cluster: whatever order independent calls run in, and wherever a run stops.

mod after;
mod cases;
mod effects;
mod guards;
mod precedence;
mod properties;
mod shown;
mod world;
