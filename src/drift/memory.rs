//! What was reported before, so that only what is new is reported.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Drift, Object, Said};

/// What was reported and is not over, by object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory(pub BTreeMap<String, Remembered>);

/// Something that was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The kind of drift, by its name for machines.
    pub kind: String,
    /// What is the same for the same drift only: another document or policy is another drift.
    pub fingerprint: String,
    /// When it was first reported, as the clock of that run said.
    pub since: String,
}

/// What is new compared with what was reported before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The objects whose drift is new.
    pub new: BTreeSet<String>,
    /// What was reported and is as the file says now. What is ignored by now is not over.
    pub over: Memory,
    /// What is to be remembered.
    pub memory: Memory,
}

impl Memory {
    /// Compares a drift with what was reported before. `now` is what is remembered as the time of what is new.
    #[must_use]
    pub fn compare(&self, drift: &Drift, now: &str) -> News {
        let mut news = News { new: BTreeSet::new(), over: Self::default(), memory: Self::default() };
        for object in &drift.objects {
            let (id, fingerprint) = (object.id.to_string(), fingerprint(object));
            let known = self.0.get(&id).filter(|known| known.fingerprint == fingerprint);
            let remembered = known.cloned().unwrap_or_else(|| {
                news.new.insert(id.clone());
                Remembered { kind: object.kind.name().to_owned(), fingerprint, since: now.to_owned() }
            });
            news.memory.0.insert(id, remembered);
        }
        let ignored: BTreeSet<String> = drift.ignored.iter().map(|ignored| ignored.object.id.to_string()).collect();
        let over = self.0.iter().filter(|(id, _)| !news.memory.0.contains_key(*id) && !ignored.contains(*id));
        news.over.0 = over.map(|(id, remembered)| (id.clone(), remembered.clone())).collect();
        news
    }
}

fn fingerprint(object: &Object) -> String {
    let side = |said: &Said| match said {
        Said::Nothing => json!(null),
        Said::Document(body) => json!(["document", body.text()]),
        Said::Policy(policy) => json!(["policy", policy.as_str()]),
    };
    let line = json!([object.id.to_string(), object.kind.name(), side(&object.declared), side(&object.observed)]);
    hex::encode(&Sha256::digest(line.to_string())[..16])
}
