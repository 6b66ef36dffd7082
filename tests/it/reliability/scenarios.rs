//! The scenarios: a configuration, and a cluster that differs from it by some changes.
//!
//! A file and the changes of its cluster are written as words:
//!
//! | word | in a file | in a cluster |
//! |---|---|---|
//! | `ml=1` | policy `ml` has document 1 | the same |
//! | `ml=absent` | it is declared absent | |
//! | `ml<old=1` | it has document 1 and is renamed from `old` | |
//! | `!ml` | | it is not there |
//! | `~ml=2` | | the temporary policy of `ml` for document 2 exists |
//! | `~ml=2/9` | | it is there with document 9 |
//! | `~ml<old=2` | | the temporary policy of a rename from `old` exists |
//! | `alice:ml`, `alice:~ml=2` | alice has it | the same |
//! | `alice:-` | alice has no policy | the same |
//! | `@etl:ml`, `@etl:-` | group etl, likewise | the same |
//! | `policies~ml-*`, `users~svc-*` | ownership | |
//! | `bucket/data=public`, `bucket/data=doc` | it has that policy, or a document; `buckets~*` | the same |
//! | `gap` | documents are replaced with a gap | |

use std::collections::BTreeMap;

use attune::base::{GroupName, NamePattern, PolicyName, UserName};
use attune::desired::{
    Authored, DeclaredAttachment, Desired, ObjectPatterns, PolicyEntry, PolicyIntent, PrincipalEntry, RenamedFrom,
    Strategy,
};
use attune::policy::{Normal, normal, read};
use attune::sim::StoredDocument;
use attune::sim::state::{ClusterState, Policy, ROOT};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::buckets::{bucket_word, buckets, declare_bucket, in_state};
use super::invariants::{BUCKET, GROUP};
use crate::pairs;

/// One file and one cluster.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) cluster: &'static str,
    pub(super) release: &'static str,
    /// As `name=value`, in words.
    pub(super) switches: &'static str,
    /// How many policies the cluster is filled up to, predefined ones included.
    pub(super) fill: usize,
    /// The users that the plan itself leaves without access for a moment.
    pub(super) without: &'static str,
    /// The users whose attachment is lost if a run is interrupted in their gap.
    pub(super) forgotten: &'static str,
}

/// The documents of the scenarios, as they are sent.
pub(super) fn document(number: u8) -> Normal {
    normal(&read(&pairs::document(number).to_string()).document.unwrap())
}

/// A policy with such a document, byte for byte as it is sent.
pub(super) fn policy(number: u8) -> Policy {
    Policy { document: StoredDocument::parse(document(number).json()).unwrap() }
}

/// The temporary policy of a policy for a document.
fn temporary(policy: &str, number: u8) -> PolicyName {
    let (policy, old) = policy.split_once('<').map_or((policy, None), |(policy, old)| (policy, Some(old)));
    let renamed = old.map(|old| format!("renamed from {old}\n")).unwrap_or_default();
    let digest = Sha256::digest(format!("{renamed}{}", document(number).json()));
    PolicyName::parse(policy).unwrap().temporary(&hex::encode(&digest[..4]))
}

/// The name of a word: `ml`, or `~ml=2` for a temporary policy.
fn policy_name(word: &str) -> PolicyName {
    match word.strip_prefix('~').and_then(|rest| rest.split_once('=')) {
        Some((policy, number)) => temporary(policy, number.parse().unwrap()),
        None => PolicyName::parse(word).unwrap(),
    }
}

impl Scenario {
    pub(super) fn desired(&self) -> Desired {
        let mut desired = Desired::default();
        let (mut policies, mut users, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
        let pattern = |text: &str| text.parse::<NamePattern>().unwrap();
        for word in self.file.split_whitespace() {
            if word == "gap" {
                desired.cluster.replace = Strategy::Gap;
            } else if declare_bucket(&mut desired, word) {
            } else if let Some(text) = word.strip_prefix("buckets~") {
                buckets.push(pattern(text));
            } else if let Some(text) = word.strip_prefix("policies~") {
                policies.push(pattern(text));
            } else if let Some(text) = word.strip_prefix("users~") {
                users.push(pattern(text));
            } else if let Some((user, policy)) = word.split_once(':') {
                let intent = match policy {
                    "-" => DeclaredAttachment::Detached,
                    policy => DeclaredAttachment::Has(PolicyName::parse(policy).unwrap()),
                };
                let entry = PrincipalEntry { intent, at: None };
                match user.strip_prefix(GROUP) {
                    Some(group) => drop(desired.groups.insert(GroupName::parse(group).unwrap(), entry)),
                    None => drop(desired.users.insert(UserName::parse(user).unwrap(), entry)),
                }
            } else {
                let (policy, what) = word.split_once('=').unwrap();
                let intent = match what {
                    "absent" => PolicyIntent::Absent,
                    number => PolicyIntent::Present(Authored::new(
                        read(document(number.parse().unwrap()).json()).document.unwrap(),
                        None,
                    )),
                };
                let (policy, old) = policy.split_once('<').map_or((policy, None), |(policy, old)| (policy, Some(old)));
                let renamed = |old| RenamedFrom { policy: PolicyName::parse(old).unwrap(), in_base: false, at: None };
                let entry = PolicyEntry { renamed_from: old.map(renamed), ..PolicyEntry::new(intent) };
                desired.policies.insert(PolicyName::parse(policy).unwrap(), entry);
            }
        }
        desired.ownership = ObjectPatterns {
            policies: policies.into_iter().collect(),
            users: users.into_iter().collect(),
            buckets: buckets.into_iter().collect(),
            ..ObjectPatterns::default()
        };
        desired
    }

    /// The cluster before: as the file says, but for the changes.
    pub(super) fn state(&self) -> ClusterState {
        let mut policies: BTreeMap<String, u8> = BTreeMap::new();
        let mut users: BTreeMap<String, Option<String>> = BTreeMap::new();
        for word in self.file.split_whitespace().chain(self.cluster.split_whitespace()) {
            if let Some((bucket, policy)) = bucket_word(word) {
                users.insert(format!("{BUCKET}{bucket}"), Some(in_state(&policy)));
            } else if let Some(policy) = word.strip_prefix('!') {
                policies.remove(policy);
            } else if let Some((user, policy)) = word.split_once(':') {
                let attached = (policy != "-").then(|| policy_name(policy).as_str().to_owned());
                users.insert(user.to_owned(), attached);
            } else if let Some((policy, number)) = word.rsplit_once('=') {
                let (name, number) = match (policy.strip_prefix('~'), number.split_once('/')) {
                    (Some(policy), Some((tag, number))) => (temporary(policy, tag.parse().unwrap()), number),
                    (Some(_), None) => (policy_name(word), number),
                    (None, _) => (policy_name(policy.split('<').next().unwrap()), number),
                };
                if number != "absent" {
                    policies.insert(name.as_str().to_owned(), number.parse().unwrap());
                }
            }
        }
        self.build(&policies, &users)
    }

    fn build(&self, policies: &BTreeMap<String, u8>, users: &BTreeMap<String, Option<String>>) -> ClusterState {
        let (mut accounts, mut groups, mut buckets) = (Map::new(), Map::new(), Map::new());
        for (at, (user, policy)) in users.iter().enumerate() {
            if let (Some(bucket), Some(policy)) = (user.strip_prefix(BUCKET), policy) {
                let policy = serde_json::from_str(policy).unwrap_or_else(|_| json!(policy));
                buckets.insert(bucket.to_owned(), json!({"policy": policy}));
                continue;
            }
            if let Some(group) = user.strip_prefix(GROUP) {
                groups.insert(group.to_owned(), json!(policy));
                continue;
            }
            let mut account = json!({"policy": policy});
            if policy.is_some() && self.release >= "5.1" {
                account["keys"] = json!({"access_key": format!("0AKIA{at:015}"), "secret_key": format!("{at:040}")});
            }
            accounts.insert(user.clone(), account);
        }
        let state: ClusterState = serde_json::from_value(json!({
            "release": self.release,
            "switches": self.switches(),
            "tenants": {"Root": {"users": accounts, "groups": groups, "buckets": buckets}},
        }))
        .unwrap();
        let mut state = state.complete().unwrap();
        let own = &mut state.tenants.get_mut(ROOT).unwrap().policies;
        own.extend(policies.iter().map(|(name, number)| (name.clone(), policy(*number))));
        for number in PolicyName::PREDEFINED.len() + own.len()..self.fill {
            own.insert(format!("filler-{number:04}"), policy(8));
        }
        state
    }

    fn switches(&self) -> Value {
        let value = |text: &str| text.parse::<bool>().map_or_else(|_| json!(text), Value::from);
        let pairs = self.switches.split_whitespace().filter_map(|word| word.split_once('='));
        pairs.map(|(name, text)| (name.to_owned(), value(text))).collect::<Map<_, _>>().into()
    }
}

/// Those with groups, which only the `weka` command knows.
pub(super) fn scenarios_with_groups() -> Vec<Scenario> {
    let on_6_0 = |name, file, cluster| Scenario { release: "6.0.1", ..plain(name, file, cluster) };
    vec![
        on_6_0("attach, move and detach groups", "ml=1 etl=2 @a:ml @b:ml @c:-", "@a:- @b:etl @c:etl"),
        on_6_0("swap with groups, one of which no file names", "ml=1 alice:ml @a:ml", "ml=2 @z:ml"),
        on_6_0("a user and a group of the same name change places", "ml=1 etl=2 x:ml @x:etl", "x:etl @x:ml"),
        on_6_0("a policy that groups leave goes", "ml=1 old=absent @a:ml @b:-", "old=2 @a:old @b:old"),
        Scenario { without: "@a", ..on_6_0("gap with a group", "ml=1 @a:ml gap", "ml=2") },
        on_6_0("a temporary policy that a group has", "ml=1 @a:ml", "!ml ~ml=1 @a:~ml=1"),
        on_6_0("rename with groups", "ml<old=1 alice:ml @a:ml @b:-", "!ml old=1 alice:old @a:old @b:old @z:old"),
    ]
}

/// All scenarios but those with groups.
pub(super) fn scenarios() -> Vec<Scenario> {
    let on = |release, name, file, cluster| Scenario {
        name,
        file,
        cluster,
        release,
        switches: "",
        fill: 0,
        without: "",
        forgotten: "",
    };
    [changes().as_slice(), &replacements(), &leftovers(), &renames(), &buckets(), &full(), &switched()]
        .concat()
        .into_iter()
        .chain(RELEASES.map(|(release, name, file, cluster)| on(release, name, file, cluster)))
        .collect()
}

pub(super) fn plain(name: &'static str, file: &'static str, cluster: &'static str) -> Scenario {
    Scenario { name, file, cluster, release: "5.1.2", switches: "", fill: 0, without: "", forgotten: "" }
}

/// Every kind of change but replacing.
fn changes() -> Vec<Scenario> {
    vec![
        plain("add a policy", "ml=1", "!ml"),
        plain("add a policy and attach it", "ml=1 alice:ml", "!ml alice:-"),
        plain("attach", "ml=1 alice:ml", "alice:-"),
        plain("attach a predefined policy", "alice:readonly", "alice:-"),
        plain("move", "ml=1 etl=2 alice:ml", "alice:etl"),
        plain("move from a predefined policy", "ml=1 alice:ml", "alice:readwrite"),
        plain("move to a new policy from one that goes", "ml=1 old=absent alice:ml", "!ml old=2 alice:old"),
        plain("detach", "ml=1 alice:-", "alice:ml"),
        plain("detach and remove", "old=absent alice:-", "old=2 alice:old"),
        plain("tombstones", "old=absent older=absent", "old=2 older=3"),
        plain("owned policies", "policies~p*", "pa=1 pb=2 other=3"),
        plain("owned users", "ml=1 users~svc-*", "svc-a:ml svc-b:readonly bob:ml"),
        plain("owned policies and users", "policies~p* users~u*", "pa=1 ua:pa pb=2 ub:pb bob:readonly"),
        plain("names with odd characters", "m+l%2e=1 ü:m+l%2e #?&:m+l%2e", "m+l%2e=2 #?&:-"),
        plain(
            "every kind of change",
            "ml=1 new=2 old=absent alice:ml bob:new carol:- dora:ml",
            "ml=3 !new old=4 alice:- bob:old carol:ml zoe:ml",
        ),
    ]
}

/// Documents that are replaced.
fn replacements() -> Vec<Scenario> {
    let gap = |name, file, cluster, without| Scenario { without, ..plain(name, file, cluster) };
    vec![
        plain("replace without attachments", "ml=1", "ml=2"),
        plain("swap", "ml=1 alice:ml bob:ml", "ml=2"),
        plain("swap with an unmanaged user", "ml=1 alice:ml", "ml=2 zoe:ml"),
        plain("swap with unmanaged users only", "ml=1", "ml=2 yves:ml zoe:ml"),
        plain("swap two policies", "ml=1 etl=2 alice:ml bob:etl", "ml=3 etl=4"),
        plain("swap, and one joins", "ml=1 alice:ml bob:ml", "ml=2 bob:-"),
        plain("swap, and one leaves for good", "ml=1 alice:ml bob:-", "ml=2 bob:ml"),
        plain("swap, and one moves away", "ml=1 etl=2 alice:ml bob:etl", "ml=3 bob:ml"),
        plain("swap, and one moves here", "ml=1 etl=2 alice:ml bob:ml", "ml=3 bob:etl"),
        plain("move between replaced policies", "ml=1 etl=2 alice:ml", "ml=3 etl=4 alice:etl"),
        plain("change places between replaced policies", "ml=1 etl=2 alice:ml bob:etl", "ml=3 etl=4 alice:etl bob:ml"),
        plain(
            "move round three replaced policies",
            "a=1 b=2 c=3 alice:a bob:b carol:c",
            "a=4 b=5 c=6 alice:b bob:c carol:a",
        ),
        gap("gap", "ml=1 alice:ml bob:ml gap", "ml=2", "alice bob"),
        plain("gap with an unmanaged user", "ml=1 alice:ml gap", "ml=2 zoe:ml"),
        gap("gap, and one moves between", "ml=1 etl=2 alice:ml bob:etl gap", "ml=3 etl=4 alice:etl", "alice bob"),
    ]
}

/// Swaps that were interrupted, at each of their stages.
fn leftovers() -> Vec<Scenario> {
    vec![
        plain("after the temporary policy is added", "ml=1 alice:ml bob:ml", "ml=2 ~ml=1"),
        plain("after one moves out", "ml=1 alice:ml bob:ml", "ml=2 ~ml=1 alice:~ml=1"),
        plain("after all move out", "ml=1 alice:ml", "ml=2 ~ml=1 alice:~ml=1 zoe:~ml=1"),
        plain("after the old document is removed", "ml=1 alice:ml", "!ml ~ml=1 alice:~ml=1 zoe:~ml=1"),
        plain("after the new document is added", "ml=1 alice:ml", "~ml=1 alice:~ml=1 zoe:~ml=1"),
        plain("after one moves back", "ml=1 alice:ml", "~ml=1 zoe:~ml=1"),
        plain("after all move back", "ml=1 alice:ml", "~ml=1 zoe:ml"),
        plain("a temporary policy for another document", "ml=1 alice:ml", "ml=2 ~ml=3 alice:~ml=3 zoe:ml"),
        plain(
            "a temporary policy for another document, and no policy",
            "ml=1 alice:ml",
            "!ml ~ml=3 alice:~ml=3 zoe:~ml=3",
        ),
        plain("a temporary policy with a document not its own", "ml=1 alice:ml", "ml=2 ~ml=1/9"),
        plain("a temporary policy of a policy that is removed", "ml=absent alice:-", "~ml=3 alice:~ml=3"),
        plain("a temporary policy of a policy that is owned", "policies~m* users~z*", "ml=2 ~ml=3 zoe:~ml=3 zara:ml"),
    ]
}

/// Policies that get another name, and renames that were interrupted.
fn renames() -> Vec<Scenario> {
    vec![
        plain("rename", "ml<old=1 alice:ml bob:ml", "!ml old=1 alice:old bob:old"),
        plain("rename without attachments", "ml<old=1", "!ml old=2"),
        plain("rename with unmanaged users", "ml<old=1 alice:ml", "!ml old=1 alice:old yves:old zoe:old"),
        plain("rename an owned policy", "ml<old=1 policies~o* alice:ml", "!ml old=1 alice:old zoe:old"),
        plain(
            "rename and replace at once",
            "ml<old=1 etl=2 alice:ml bob:- carol:etl dora:ml",
            "!ml old=3 alice:old bob:old carol:old dora:- zoe:old",
        ),
        plain(
            "rename, and one moves here from a replaced policy",
            "ml<old=1 etl=2 alice:ml bob:ml",
            "!ml old=1 alice:old etl=3 bob:etl",
        ),
        plain(
            "two renames whose users change places",
            "ml<old=1 etl<raw=2 alice:ml bob:etl",
            "!ml !etl old=3 raw=4 alice:raw bob:old zoe:old",
        ),
        plain(
            "after the temporary policy of a rename is added",
            "ml<old=1 alice:ml",
            "!ml old=1 ~ml<old=1 alice:old zoe:old",
        ),
        plain("after one moves out of a rename", "ml<old=1 alice:ml", "!ml old=2 ~ml<old=1 alice:old zoe:~ml<old=1"),
        plain("after the old name is removed", "ml<old=1 alice:ml", "!ml ~ml<old=1 alice:~ml<old=1 zoe:~ml<old=1"),
        plain("after the new name is added", "ml<old=1 alice:ml", "~ml<old=1 alice:ml zoe:~ml<old=1"),
        plain("a rename for another document", "ml<old=1 alice:ml", "!ml old=2 ~ml<old=3 alice:~ml<old=3 zoe:old"),
    ]
}

/// Clusters with little room.
fn full() -> Vec<Scenario> {
    let full = |fill, without, scenario| Scenario { fill, without, ..scenario };
    vec![
        full(1023, "", plain("room for a temporary policy", "ml=1 alice:ml", "ml=2")),
        full(1024, "alice", plain("no room for a temporary policy", "ml=1 alice:ml", "ml=2")),
        full(1023, "", plain("room to rename", "ml<old=1 alice:ml", "!ml old=1 alice:old zoe:old")),
        full(1024, "alice", plain("no room to rename", "ml<old=1 alice:ml", "!ml old=1 alice:old")),
        full(1024, "", plain("room after a removal", "ml=1 old=absent alice:ml", "ml=2 old=3")),
        full(1024, "", plain("room for a policy after a removal", "new=1 old=absent alice:new", "!new old=3 alice:-")),
        full(1024, "alice", plain("no room to move", "new=1 old=absent alice:new", "!new old=2 alice:old")),
    ]
}

/// Clusters that behave otherwise.
fn switched() -> Vec<Scenario> {
    let by = |switches, scenario| Scenario { switches, ..scenario };
    let refusing =
        |without, forgotten, scenario| Scenario { switches: "attach_over=refuse", without, forgotten, ..scenario };
    let swap = |name| plain(name, "ml=1 alice:ml bob:ml", "ml=2 bob:- zoe:ml");
    vec![
        by("remove_attached=allow", swap("removal of attached policies allowed")),
        by("remove_attached=detaches", swap("removal detaches")),
        by("attach_again=present", swap("attaching again is a 500")),
        by("float_numbers=true login_in_array=true keys=long", swap("numbers, logins and keys of another shape")),
        by("add_over=overwrite", swap("addition over a name allowed")),
        by(
            "detach_unattached=allow",
            plain("detach without a policy allowed", "ml=1 alice:- bob:ml", "alice:ml bob:-"),
        ),
        by("list_shape=objects content_as_string=true", swap("policies listed as objects, documents in strings")),
        by("list_shape=bare_names", swap("policies listed bare")),
        by("attach_shows_keys=false", plain("key pairs that nobody sees", "ml=1 alice:ml", "!ml alice:-")),
        by(
            "add_over=overwrite remove_attached=allow",
            plain("rename where more is allowed", "ml<old=1 alice:ml", "!ml old=2 alice:old zoe:old"),
        ),
        refusing(
            "alice",
            "",
            plain("no attach over an attachment: rename", "ml<old=1 alice:ml", "!ml old=1 alice:old"),
        ),
        refusing("alice", "", plain("no attach over an attachment: move", "ml=1 etl=2 alice:ml", "alice:etl")),
        refusing("alice bob", "", plain("no attach over an attachment: swap", "ml=1 alice:ml bob:ml", "ml=2")),
        refusing("alice zoe", "zoe", plain("no attach over an attachment: undeclared", "ml=1 alice:ml", "ml=2 zoe:ml")),
    ]
}

/// Other releases.
const RELEASES: [(&str, &str, &str, &str); 6] = [
    ("4.0.6", "swap on 4.0", "ml=1 alice:ml bob:ml", "ml=2 bob:- zoe:ml"),
    (
        "4.0.6",
        "every kind of change on 4.0",
        "ml=1 new=2 old=absent alice:ml bob:new carol:- dora:ml",
        "ml=3 !new old=4 alice:- bob:old carol:ml",
    ),
    ("4.4.8", "swap on 4.4", "ml=1 alice:ml bob:ml", "ml=2 bob:- zoe:ml"),
    ("4.4.8", "move between replaced policies on 4.4", "ml=1 etl=2 alice:ml", "ml=3 etl=4 alice:etl"),
    ("3.14.4", "add a policy on 3.14", "ml=1", "!ml"),
    ("3.14.4", "add policies on 3.14", "ml=1 etl=2 web=3", "!ml !etl"),
];
