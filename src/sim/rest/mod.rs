//! The REST face of the simulated cluster: `/api/v2`, answered from the state by the rules.

mod answer;
mod api;
mod body;
mod change;
mod definition;
mod look;
mod query;
mod route;
mod shapes;
mod tokens;

pub use answer::Answer;
pub use api::{Answered, Api, Asked};
pub use route::{Change, Look, Route};
pub use tokens::Life;
