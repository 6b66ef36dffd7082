//! What both transports read from what a cluster tells.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::base::PolicyName;

/// What an answer should have held and did not; none of what it did hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected(pub(super) &'static str);

/// A policy in a list: its name, or an object with a `name`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Name(String),
    Object { name: String },
}

impl From<Listed> for PolicyName {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Name(name) | Listed::Object { name } => Self::reported(name),
        }
    }
}

/// All members of a JSON object in their order, those of the same name too.
pub(super) struct Members<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for All<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All(PhantomData))
    }
}

/// The policy that somebody holds; an empty name is none.
pub(super) fn policy_or_none(policy: Option<String>) -> Option<PolicyName> {
    policy.filter(|name| !name.is_empty()).map(PolicyName::reported)
}
