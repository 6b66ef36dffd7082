//! Why a call is refused.

use crate::sim::store::StoreError;

/// A refused call. Which statuses a real cluster uses beyond 400, 401 and 404 is not documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the call cannot be done.
    Invalid {
        /// Why, for a person.
        message: String,
        /// The parameter at fault, when it is one.
        param: Option<String>,
    },
    /// 400: parameters are missing.
    Missing(Vec<String>),
    /// 401: no token, or none that holds.
    Unauthorized,
    /// 403: the caller's role does not allow it.
    Forbidden(String),
    /// 404: no such thing.
    NotFound(String),
    /// 405: the path is there, the method is not.
    WrongMethod(String),
    /// 500: the simulator itself is broken; its state file, in practice.
    Broken(String),
}

impl Refusal {
    /// A call that cannot be done.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: None }
    }

    /// A call that cannot be done because of one parameter.
    pub fn param(param: &str, message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: Some(param.to_owned()) }
    }

    /// What happened, for a person.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Invalid { message, .. }
            | Self::Forbidden(message)
            | Self::NotFound(message)
            | Self::WrongMethod(message)
            | Self::Broken(message) => message.clone(),
            Self::Missing(params) => format!("missing parameters: {}", params.join(", ")),
            Self::Unauthorized => "Unauthorized".to_owned(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.to_string())
    }
}
