//! What the answers of an S3 service say about the rules by which it evaluates documents. Pure.

use std::collections::BTreeMap;

use crate::policy::access::{Preset, RuleList, Rules};

/// What a request of a probe told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The service let it through.
    Through,
    /// The service denied it.
    Denied,
    /// The cluster refused the document that the request is about.
    Refused,
    /// Nothing, for this reason.
    Nothing(String),
}

/// Where the answer to a question comes from.
enum Evidence {
    /// From one request, if these others were let through.
    One {
        ask: &'static str,
        through: &'static str,
        denied: &'static str,
        refused: Option<&'static str>,
        needs: &'static [&'static str],
    },
    /// From two: the one is let through where the answer is `true`, the other where it is `false`.
    Two { yes: &'static str, no: &'static str },
    /// A probe does not ask it, for this reason.
    NotAsked(&'static str),
}

/// The answer is `true` if the request is let through.
const fn through(ask: &'static str, needs: &'static [&'static str]) -> Evidence {
    Evidence::One { ask, through: "true", denied: "false", refused: None, needs }
}

/// The answer is `true` if the request is denied.
const fn denied(ask: &'static str, needs: &'static [&'static str]) -> Evidence {
    Evidence::One { ask, through: "false", denied: "true", refused: None, needs }
}

/// The answer is `false` if the cluster refuses the document or lets the request through.
const fn refused_or_denied(ask: &'static str) -> Evidence {
    Evidence::One { ask, through: "false", denied: "true", refused: Some("false"), needs: &[] }
}

const WRITES: &str = "no request asks it without a write";

/// The questions in the order of the configuration: the name of each in `[cluster] rules`, the question in a few words, and where
/// its answer comes from.
const QUESTIONS: [(&str, &str, Evidence); 33] = [
    ("objects-cover-bucket", "does `bucket/*` cover the bucket?", through("location", &[])),
    ("wildcards-cover-buckets", "does `*-logs` cover buckets?", denied("uploads-edge", &["uploads"])),
    (
        "action-case-ignored",
        "is `s3:getobject` an action?",
        Evidence::One { ask: "small-action", through: "true", denied: "false", refused: Some("false"), needs: &[] },
    ),
    ("key-case-ignored", "is `${AWS:UserName}` a variable?", through("username-case", &["username"])),
    ("version-implies-object", "does GetObjectVersion mean GetObject?", through("implied", &["read"])),
    ("variables-need-version", "do variables need a `Version`?", denied("username-plain", &["username"])),
    ("special-variables", "is `${$}` a plain `$`?", Evidence::Two { yes: "special", no: "special-text" }),
    (
        "username-is-pattern",
        "do wildcards in a user's name count?",
        Evidence::NotAsked("it needs a user with a wildcard in its name"),
    ),
    (
        "account-is-slash",
        "are account actions about `/`?",
        Evidence::NotAsked("it needs a grant of the list of all buckets"),
    ),
    ("leading-slash-dropped", "is a key `/a` matched as `a`?", through("slash", &["control"])),
    ("not-action", "is NotAction evaluated?", refused_or_denied("not-action")),
    ("not-resource", "is NotResource evaluated?", refused_or_denied("not-resource")),
    (
        "bare-star",
        "is the resource `*` accepted?",
        Evidence::NotAsked("the API decides it: see \"the resource `*` comes back\""),
    ),
    ("question-mark-is-byte", "is `?` one byte?", Evidence::Two { yes: "two-marks", no: "one-mark" }),
    ("repeated-statements-kept", "are all kept where one is repeated?", through("repeated", &[])),
    (
        "bucket-policies",
        "whom are policies of buckets about?",
        Evidence::One {
            ask: "bucket-policy",
            through: "\"union\"",
            denied: "\"anonymous\"",
            refused: None,
            needs: &[],
        },
    ),
    ("version-actions", "do versions need their own actions?", denied("version", &["read"])),
    ("deny-of-versions", "does a Deny of DeleteObjectVersion hold?", denied("deny-version", &["delete-version"])),
    (
        "temporary-username",
        "do temporary keys have the user's name?",
        through("temporary", &["username", "temporary-control"]),
    ),
    ("userid-is-username", "is aws:userid the user's name?", through("userid", &["username-condition"])),
    ("keys-always-present", "is aws:Referer always there?", through("referer", &[])),
    ("list-shows-bucket", "does ListBucket show a bucket in lists?", through("list-shows", &[])),
    ("location-lists-bucket", "does GetBucketLocation show it there?", through("location-lists", &[])),
    ("list-covers-versions", "does ListBucket list versions?", through("list-versions", &["list"])),
    ("policy-reads-acl", "does GetBucketPolicy read ACLs?", through("acl", &["bucket-policy-read"])),
    ("legal-hold-checked", "is a legal hold of an upload checked?", Evidence::NotAsked(WRITES)),
    ("upload-tags-checked", "are tags of an upload checked?", Evidence::NotAsked(WRITES)),
    ("bucket-lock-checked", "is the lock of a new bucket checked?", Evidence::NotAsked(WRITES)),
    ("shortening-checked", "is shortening a lock checked?", Evidence::NotAsked(WRITES)),
    ("lock-configuration-bypasses", "does reading lock settings bypass locks?", Evidence::NotAsked(WRITES)),
    ("forwarded-address", "does the client decide aws:SourceIp?", through("forwarded", &[])),
    ("forced-deletion", "does a forced deletion ignore a Deny?", Evidence::NotAsked(WRITES)),
    ("missing-object-hidden", "is a missing key hidden without a list?", denied("hidden", &["read"])),
];

/// What the S3 service told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceFound {
    /// The answers about its rules, by their names in a configuration, with the values as TOML.
    pub answers: BTreeMap<&'static str, &'static str>,
    /// Why the other questions have no answer.
    pub unanswered: BTreeMap<&'static str, String>,
    /// What a user has who is attached to two policies as one name with a comma.
    pub comma: Option<&'static str>,
    /// The number of requests to the S3 service.
    pub sent: usize,
    /// Why the service was not asked, or not to the end.
    pub stopped: Option<String>,
}

/// What a question of the rules is about, by its name in a configuration. All of them, in order.
pub fn rule_questions() -> impl Iterator<Item = (&'static str, &'static str)> {
    QUESTIONS.iter().map(|(rule, about, _)| (*rule, *about))
}

/// What these answers say. `otherwise` is the reason for a request that was not sent.
pub(super) fn judged(seen: &BTreeMap<&'static str, Seen>, otherwise: &str) -> ServiceFound {
    let mut found = ServiceFound::default();
    for (rule, _, evidence) in &QUESTIONS {
        match evidence.answer(seen, otherwise) {
            Ok(answer) => drop(found.answers.insert(rule, answer)),
            Err(why) => drop(found.unanswered.insert(rule, why)),
        }
    }
    found
}

impl Evidence {
    fn answer(&self, seen: &BTreeMap<&'static str, Seen>, otherwise: &str) -> Result<&'static str, String> {
        let of = |ask: &str| seen.get(ask).cloned().unwrap_or_else(|| Seen::Nothing(otherwise.to_owned()));
        match self {
            Self::NotAsked(why) => Err((*why).to_owned()),
            Self::One { ask, through, denied, refused, needs } => {
                let answer = match of(ask) {
                    Seen::Through => through,
                    Seen::Denied => denied,
                    Seen::Refused => return refused.ok_or_else(|| REFUSED.to_owned()),
                    Seen::Nothing(why) => return Err(why),
                };
                let failed = needs.iter().find(|need| of(need) != Seen::Through);
                match failed.map(|need| of(need)) {
                    None => Ok(answer),
                    Some(Seen::Nothing(why)) => Err(why),
                    Some(Seen::Through | Seen::Denied | Seen::Refused) => {
                        Err("a request that is certainly allowed was denied as well".to_owned())
                    }
                }
            }
            Self::Two { yes, no } => match (of(yes), of(no)) {
                (Seen::Through, Seen::Denied) => Ok("true"),
                (Seen::Denied, Seen::Through) => Ok("false"),
                (Seen::Nothing(why), _) | (_, Seen::Nothing(why)) => Err(why),
                (Seen::Refused, _) | (_, Seen::Refused) => Err(REFUSED.to_owned()),
                (Seen::Through, Seen::Through) => Err("both readings were let through".to_owned()),
                (Seen::Denied, Seen::Denied) => Err("both readings were denied".to_owned()),
            },
        }
    }
}

const REFUSED: &str = "the cluster refuses the document";

impl ServiceFound {
    /// Whether no answer contradicts these rules.
    pub fn fits(&self, rules: &Rules) -> bool {
        self.contradicted(rules) == 0
    }

    /// How many answers contradict these rules.
    fn contradicted(&self, rules: &Rules) -> usize {
        let all: BTreeMap<String, String> = rules.answers().into_iter().collect();
        self.answers.iter().filter(|(name, value)| all.get(**name).is_none_or(|of| of != *value)).count()
    }

    /// The value of `[cluster] rules`: the presets that fit; else a table of the preset that fits best, with the answers that
    /// differ from it. `None` if nothing was answered, or every preset fits.
    pub fn rules(&self) -> Option<RuleList> {
        let fitting: Vec<Rules> = Preset::ALL.map(Rules::of).into_iter().filter(|rules| self.fits(rules)).collect();
        if fitting.len() == Preset::ALL.len() {
            return None;
        }
        if !fitting.is_empty() {
            return RuleList::new(fitting).ok();
        }
        let nearest = Preset::ALL.into_iter().min_by_key(|preset| self.contradicted(&Rules::of(*preset)))?;
        let answers = self.answers.iter().map(|(name, value)| (*name, *value));
        Rules::with(nearest, answers).map(RuleList::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::access::RulesTable;

    /// What a service with these rules answers to all requests of a probe.
    fn seen_by(rules: &Rules) -> BTreeMap<&'static str, Seen> {
        let answers: BTreeMap<String, String> = rules.answers().into_iter().collect();
        let mut seen = BTreeMap::new();
        for (rule, _, evidence) in &QUESTIONS {
            let answer = answers[*rule].as_str();
            let of = |is_through: bool| if is_through { Seen::Through } else { Seen::Denied };
            match evidence {
                Evidence::NotAsked(_) => {}
                Evidence::One { ask, through, needs, .. } => {
                    seen.insert(*ask, of(answer == *through));
                    seen.extend(needs.iter().map(|need| (*need, Seen::Through)));
                }
                Evidence::Two { yes, no } => {
                    seen.extend([(*yes, of(answer == "true")), (*no, of(answer == "false"))]);
                }
            }
        }
        seen
    }

    #[test]
    fn every_question_is_one_of_the_configuration_in_its_order() {
        let names: Vec<String> = Rules::AWS.answers().into_iter().map(|(name, _)| name).collect();
        assert_eq!(rule_questions().map(|(name, _)| name).collect::<Vec<_>>(), names);
        for (name, about) in rule_questions() {
            assert!(about.chars().count() <= 40, "{name}: {about}");
        }
    }

    #[test]
    fn the_answers_of_each_preset_name_it() {
        for preset in Preset::ALL {
            let told = judged(&seen_by(&Rules::of(preset)), "");
            assert_eq!(told.rules().unwrap().to_toml(), format!("\"{preset}\""));
            assert!(told.answers.len() >= 23 && told.unanswered.len() <= 10, "{told:?}");
            assert!(Preset::ALL.map(Rules::of).iter().all(|other| told.fits(other) == (other.like == preset)));
        }
    }

    #[test]
    fn a_mixture_gives_a_table_that_the_configuration_takes() {
        for (preset, change) in [
            (Preset::Minio2021, "deny-of-versions = true"),
            (Preset::Minio2026, "question-mark-is-byte = false"),
            (Preset::Minio2021, "bucket-policies = \"union\""),
            (Preset::Aws, "objects-cover-bucket = true"),
        ] {
            let (name, value) = change.split_once(" = ").unwrap();
            let rules = Rules::with(preset, [(name, value)]).unwrap();
            let found = judged(&seen_by(&rules), "").rules().unwrap();
            assert_eq!(found.to_toml(), format!("{{ like = \"{preset}\", {change} }}"));
            let table: toml::Table = toml::from_str(&format!("rules = {}", found.to_toml())).unwrap();
            let table: RulesTable = table["rules"].clone().try_into().unwrap();
            assert_eq!(Rules::from(table), rules);
        }
    }

    #[test]
    fn few_answers_leave_several_presets() {
        let only = |ask: &'static str, seen: Seen| judged(&BTreeMap::from([(ask, seen)]), "it ended");
        let told = only("location", Seen::Through);
        assert_eq!(told.rules().unwrap().to_toml(), "[\"minio-2021\", \"minio-2026\"]");
        assert_eq!(told.unanswered["not-action"], "it ended");
        assert_eq!(only("location", Seen::Nothing("busy".to_owned())).rules(), None);
        // Nothing tells without the request that proves that the answer is about the rule.
        let unproven = only("deny-version", Seen::Denied);
        assert_eq!((unproven.answers.len(), unproven.unanswered["deny-of-versions"].as_str()), (0, "it ended"));
    }

    #[test]
    fn a_refused_document_answers_only_where_a_refusal_says_so() {
        let refused = |ask: &'static str| judged(&BTreeMap::from([(ask, Seen::Refused)]), "");
        assert_eq!(refused("not-action").answers["not-action"], "false");
        assert_eq!(refused("small-action").answers["action-case-ignored"], "false");
        assert_eq!(refused("repeated").unanswered["repeated-statements-kept"], REFUSED);
        assert_eq!(refused("special").unanswered["special-variables"], "");
    }

    #[test]
    fn answers_that_contradict_each_other_are_no_answer() {
        let mut seen = seen_by(&Rules::MINIO_2021);
        seen.insert("special", Seen::Through);
        seen.insert("delete-version", Seen::Denied);
        let told = judged(&seen, "");
        assert!(told.unanswered["special-variables"].contains("both readings"));
        assert!(told.unanswered["deny-of-versions"].contains("denied as well"));
    }
}
