//! Fault rules: at which calls a fault happens, and how often.

use std::str::FromStr;

use crate::sim::error::SimError;
use crate::sim::fault::Fault;
use crate::sim::ids;

/// What a request goes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interface {
    /// The API of the cluster.
    #[default]
    Api,
    /// Its S3 service.
    S3,
}

/// A fault, its trigger, and how often it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// The cluster whose calls count, if the simulator serves several; each of them by default, with its own counts.
    pub cluster: Option<String>,
    /// The interface whose calls count.
    pub interface: Interface,
    /// The calls at which it happens.
    pub trigger: Trigger,
    /// The fault.
    pub fault: Fault,
    /// At how many of these calls it happens; at all of them by default.
    pub times: Option<u64>,
}

/// Rules in order. Of several faults at one call, the first that replaces the response happens, and all that do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultRules(pub Vec<FaultRule>);

impl FaultRules {
    /// A single rule.
    pub fn one(trigger: Trigger, fault: Fault) -> Self {
        Self::default().and(trigger, fault)
    }

    /// These rules and one more.
    pub fn and(mut self, trigger: Trigger, fault: Fault) -> Self {
        self.0.push(FaultRule { cluster: None, interface: Interface::Api, trigger, fault, times: None });
        self
    }
}

impl FromStr for FaultRule {
    type Err = SimError;

    /// `WHEN[,times=N]=FAULT`, after `s3 ` for calls of the S3 service, and after `NAME:` for those of one cluster of several.
    /// Both sides may contain a `=`: the first one that separates a trigger from a fault counts. A fault that only the S3
    /// service has may stand alone: then it is at all calls.
    fn from_str(text: &str) -> Result<Self, SimError> {
        if let Ok(fault @ Fault::S3(_)) = text.parse() {
            return Ok(Self { cluster: None, interface: Interface::S3, trigger: Trigger::every(), fault, times: None });
        }
        if let Some((name, rule)) = text.split_once(':')
            && !Trigger::PREFIXES.contains(&name)
            && is_cluster_name(name)
        {
            let rule: Self = rule.trim_start().parse()?;
            let is_one = rule.cluster.is_none();
            return if is_one { Ok(Self { cluster: Some(name.to_owned()), ..rule }) } else { Err(no_trigger(text)) };
        }
        let (interface, text) = text.strip_prefix(S3).map_or((Interface::Api, text), |rest| (Interface::S3, rest));
        let mut problem = None;
        for (at, _) in text.match_indices('=') {
            let Ok((trigger, times)) = parse_trigger(&text[..at]) else { continue };
            match text[at + 1..].parse() {
                Ok(fault @ Fault::S3(_)) if interface == Interface::Api => {
                    return Err(SimError(format!("only the S3 service has `{fault}`; write `s3 {text}`")));
                }
                Ok(fault) => return Ok(Self { cluster: None, interface, trigger, fault, times }),
                Err(wrong) => {
                    problem.get_or_insert(wrong);
                }
            }
        }
        Err(problem.unwrap_or_else(|| match text.split_once('=') {
            Some((trigger, _)) => no_trigger(trigger),
            None => SimError(format!("`{text}` is not a rule; write `WHEN=FAULT`, such as `write:3=drop-after`")),
        }))
    }
}

fn no_trigger(text: &str) -> SimError {
    let forms = "`call:N`, `write:N`, `METHOD PATH`, `METHOD PATH#N` or `p=SHARE,seed=N`; `,times=N` may \
         follow, `s3 ` before it means the S3 service, and `NAME:` one cluster of several";
    SimError(format!("`{text}` does not say when; write {forms}"))
}

fn parse_trigger(text: &str) -> Result<(Trigger, Option<u64>), SimError> {
    let Some((trigger, times)) = text.rsplit_once(",times=") else { return Ok((text.parse()?, None)) };
    let times = positive(times).ok_or_else(|| no_trigger(text))?;
    Ok((trigger.parse()?, Some(times)))
}

#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct CallInfo<'c> {
    pub(in crate::sim) method: &'c str,
    /// The path as it was sent.
    pub(in crate::sim) path: &'c str,
    pub(in crate::sim) writes: bool,
    pub(in crate::sim) others: u64,
}

#[derive(Debug, Default)]
pub(in crate::sim) struct ActiveFaults {
    calls: u64,
    writes: u64,
    rules: Vec<CountedRule>,
}

#[derive(Debug)]
struct CountedRule {
    rule: FaultRule,
    /// How many calls matched the pattern of the rule.
    matched: u64,
    done: u64,
}

impl ActiveFaults {
    /// The rules of one interface of a cluster, none of which has been used.
    pub(in crate::sim) fn of(rules: &FaultRules, cluster: &str, interface: Interface) -> Self {
        let is_meant = |rule: &&FaultRule| rule.cluster.as_deref().is_none_or(|name| name == cluster);
        let rules = rules.0.iter().filter(|rule| rule.interface == interface).filter(is_meant).cloned();
        Self { rules: rules.map(|rule| CountedRule { rule, matched: 0, done: 0 }).collect(), ..Self::default() }
    }

    /// The faults of the next call, in order; only the last may replace the response.
    pub(in crate::sim) fn next(&mut self, call: CallInfo<'_>) -> Vec<Fault> {
        self.calls += 1;
        self.writes += u64::from(call.writes);
        let (calls, writes) = (self.calls, self.writes);
        let (mut faults, mut decided) = (Vec::new(), None);
        for counted in &mut self.rules {
            let fault = counted.rule.fault.clone();
            let replaces = fault.replaces_response();
            // Every rule counts the call, even if its fault gives way to another one.
            if counted.is_due(call, calls, writes) && !(replaces && decided.is_some()) {
                counted.done += 1;
                if replaces { decided = Some(fault) } else { faults.push(fault) }
            }
        }
        faults.extend(decided);
        faults
    }
}

impl CountedRule {
    /// Counts the call, and says whether the fault is due at it.
    fn is_due(&mut self, call: CallInfo<'_>, calls: u64, writes: u64) -> bool {
        let met = match &self.rule.trigger {
            Trigger::Call(number) => calls == *number,
            Trigger::Write(number) => call.writes && writes == *number,
            Trigger::On { method, path, prefix, nth } => {
                let sent = call.path.strip_prefix(PREFIX).unwrap_or(call.path);
                let is_path = if *prefix { sent.starts_with(path) } else { sent == path };
                let among = is_path && method.as_deref().is_none_or(|method| method == call.method);
                self.matched += u64::from(among);
                among && nth.is_none_or(|nth| nth == self.matched)
            }
            Trigger::Crowd(number) => call.others >= *number,
            Trigger::Chance { millionths, seed } => chance_hits(*millionths, *seed, calls),
        };
        met && self.rule.times.is_none_or(|times| self.done < times)
    }
}

const PREFIX: &str = "/api/v2";

/// Begins a rule for the S3 service.
const S3: &str = "s3 ";

/// The calls at which a fault happens. Counts start at 1 when the rules are set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// The call with this number.
    Call(u64),
    /// The call with this number among those that change the state.
    Write(u64),
    /// All calls of a method and a path, or only the one with this number.
    On {
        /// The method; any by default.
        method: Option<String>,
        /// The path after `/api/v2` as it is sent, without the query.
        path: String,
        /// Whether `path` is a prefix.
        prefix: bool,
        /// The number.
        nth: Option<u64>,
    },
    /// Calls during which at least this number of others is in flight.
    Crowd(u64),
    /// Random calls, derived from the seed and the call's number.
    Chance {
        /// The number of calls in a million.
        millionths: u32,
        /// The seed of the choice.
        seed: u64,
    },
}

fn chance_hits(millionths: u32, seed: u64, number: u64) -> bool {
    ids::number(&["fault", &seed.to_string(), &number.to_string()]) % 1_000_000 < u64::from(millionths)
}

impl Trigger {
    /// The words before the first `:` of a trigger. No cluster has these names in a rule.
    const PREFIXES: [&str; 3] = ["call", "write", "crowd"];

    fn every() -> Self {
        Self::On { method: None, path: "/".to_owned(), prefix: true, nth: None }
    }
}

impl FromStr for Trigger {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        let parsed = match text.split_once(':') {
            Some(("call", number)) => positive(number).map(Self::Call),
            Some(("write", number)) => positive(number).map(Self::Write),
            Some(("crowd", number)) => positive(number).map(Self::Crowd),
            Some(_) | None => match text.strip_prefix("p=") {
                Some(chance) => parse_chance(chance),
                None => parse_calls(text),
            },
        };
        parsed.ok_or_else(|| no_trigger(text))
    }
}

fn parse_chance(text: &str) -> Option<Trigger> {
    let (share, seed) = text.split_once(",seed=").unwrap_or((text, "0"));
    let share: f64 = share.parse().ok().filter(|share| (0.0..=1.0).contains(share))?;
    Some(Trigger::Chance { millionths: (share * 1e6).round() as u32, seed: seed.parse().ok()? })
}

/// `METHOD PATH` with `*` for any method, and `*` after a prefix.
fn parse_calls(text: &str) -> Option<Trigger> {
    let (method, path) = text.split_once(' ')?;
    let (path, nth) = match path.split_once('#') {
        Some((path, nth)) => (path, Some(positive(nth)?)),
        None => (path, None),
    };
    let is_name = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = match method {
        "*" => None,
        method => Some(is_name.then(|| method.to_owned())?),
    };
    let (path, prefix) = path.strip_suffix('*').map_or((path, false), |path| (path, true));
    // An invalid `times` must not become a part of the path.
    let is_path = path.starts_with('/') && !path.contains(",times");
    is_path.then(|| Trigger::On { method, path: path.to_owned(), prefix, nth })
}

/// Whether a text can be the name of one cluster of several: a label of a host name.
pub(in crate::sim) fn is_cluster_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::ForeignChange;
    use crate::sim::operations::Refusal;
    use crate::sim::state::ClusterState;

    fn rule(text: &str) -> FaultRule {
        text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    fn problem(text: &str) -> String {
        text.parse::<FaultRule>().unwrap_err().to_string()
    }

    /// The names of the faults of some calls in turn, `-` for none.
    fn faults_of(rules: &[&str], calls: &[(&str, &str)]) -> Vec<String> {
        let mut armed =
            ActiveFaults::of(&FaultRules(rules.iter().map(|text| rule(text)).collect()), "", Interface::Api);
        let fault_names = |(method, path): &(&str, &str)| {
            let path = format!("/api/v2{path}");
            let faults = armed.next(CallInfo { method, path: &path, writes: *method != "GET", others: 0 });
            let names: Vec<String> = faults.iter().map(Fault::name).collect();
            if names.is_empty() { "-".to_owned() } else { names.join("+") }
        };
        calls.iter().map(fault_names).collect()
    }

    fn on(method: Option<&str>, path: &str, prefix: bool, nth: Option<u64>) -> Trigger {
        Trigger::On { method: method.map(str::to_owned), path: path.to_owned(), prefix, nth }
    }

    #[test]
    fn a_rule_says_when_and_how_often() {
        let chance = |millionths, seed| Trigger::Chance { millionths, seed };
        for (text, trigger, times, fault) in [
            ("call:1=drop-before", Trigger::Call(1), None, "drop-before"),
            ("write:3=drop-after", Trigger::Write(3), None, "drop-after"),
            ("crowd:4=429-before:2", Trigger::Crowd(4), None, "429-before:2"),
            ("POST /users#2=500-after", on(Some("POST"), "/users", false, Some(2)), None, "500-after"),
            ("* /s3/*,times=4=503-before:20", on(None, "/s3/", true, None), Some(4), "503-before:20"),
            ("GET /a=b=drop-after", on(Some("GET"), "/a=b", false, None), None, "drop-after"),
            ("p=0.05,seed=7=reset", chance(50_000, 7), None, "reset"),
            ("p=0.5=reset", chance(500_000, 0), None, "reset"),
            ("p=1,seed=0,times=2=delay:1s 500ms", chance(1_000_000, 0), Some(2), "delay:1s 500ms"),
        ] {
            let fault: Fault = fault.parse().unwrap();
            for (interface, text) in [(Interface::Api, text.to_owned()), (Interface::S3, format!("s3 {text}"))] {
                let expected =
                    FaultRule { cluster: None, interface, trigger: trigger.clone(), fault: fault.clone(), times };
                assert_eq!(text.parse(), Ok(expected), "{text}");
            }
        }
        for text in ["s3-allow:s3:PutObject", "s3-takes-any-body", "s3-clock:-20m"] {
            assert_eq!(rule(text), rule(&format!("s3 * /*={text}")));
        }
    }

    #[test]
    fn a_rule_can_be_about_one_cluster_of_several() {
        for (text, name, same) in [
            ("c3:write:3=drop-after", "c3", "write:3=drop-after"),
            ("c3: GET /users,times=2=503:1", "c3", "GET /users,times=2=503:1"),
            ("eu-1:s3 call:2=s3-clock:20m", "eu-1", "s3 call:2=s3-clock:20m"),
            ("c3:s3-allow:s3:PutObject", "c3", "s3-allow:s3:PutObject"),
            ("s3:call:2=drop", "s3", "call:2=drop"),
        ] {
            assert_eq!(rule(text), FaultRule { cluster: Some(name.to_owned()), ..rule(same) }, "{text}");
        }
        let rules = FaultRules(vec![rule("c3:call:1=drop"), rule("call:1=delay:1ms")]);
        let call = CallInfo { method: "GET", path: "/", writes: false, others: 0 };
        for (cluster, faults) in [("c3", 2), ("c4", 1), ("", 1)] {
            assert_eq!(ActiveFaults::of(&rules, cluster, Interface::Api).next(call).len(), faults, "{cluster}");
        }
    }

    #[test]
    fn a_displayed_fault_parses_again() {
        let document = r#"{"Version":"2012-10-17"}"#;
        for text in [
            "delay:1s 500ms",
            "429-before:2",
            "refuse:409:it is =drop there: now",
            "html-after:200",
            &format!(r#"behind:{{"add":{{"tenant":"etl","policy":"a=b","document":{document}}}}}"#),
            r#"behind:{"detach":{"user":"bob"}}"#,
            "s3-deny:s3:GetObject",
            "s3-takes-any-body",
            "s3-clock:-20m",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
            let rule = format!("s3 call:2={text}");
            assert_eq!(rule.parse::<FaultRule>().unwrap().fault.to_string(), text);
        }
        for fault in Fault::all() {
            let text = fault.to_string();
            let read = text.parse::<Fault>();
            if matches!(fault, Fault::Kill(_)) {
                assert!(read.is_err(), "{text} is for in-process use");
            } else {
                assert_eq!(read, Ok(fault), "{text}");
            }
        }
    }

    #[test]
    fn a_crowd_is_so_many_others_at_the_same_time() {
        let mut armed = ActiveFaults::of(&FaultRules(vec![rule("crowd:2=429")]), "", Interface::Api);
        let mut faults_of =
            |others| !armed.next(CallInfo { method: "GET", path: "/api/v2/users", writes: false, others }).is_empty();
        assert_eq!([0, 1, 2, 3].map(&mut faults_of), [false, false, true, true]);
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (short, long) in [
            ("drop", "drop-before"),
            ("429", "429-before"),
            ("html", "html-before:502"),
            ("refuse", "refuse:400:refused by a fault"),
            ("refuse:409", "refuse:409:refused by a fault"),
        ] {
            assert_eq!(short.parse::<Fault>().unwrap().to_string(), long);
        }
    }

    #[test]
    fn an_invalid_rule_gets_a_helpful_error() {
        for (text, part) in [
            ("drop", "write `WHEN=FAULT`"),
            ("call:0=drop", "`call:0` does not say when"),
            ("third=drop", "`third` does not say when"),
            ("p=2=drop", "does not say when"),
            ("get /users=drop", "does not say when"),
            ("GET users=drop", "does not say when"),
            ("GET /users#x=drop", "does not say when"),
            ("GET /users,times=0=drop", "does not say when"),
            ("call:1=explode", "`explode` is not a fault"),
            ("call:1=404", "`404` is not a fault"),
            ("call:1=reset-after", "`reset-after` is not a fault"),
            ("call:1=drop:1", "`drop:1` is not a fault: it takes nothing"),
            ("call:1=refuse:500", "400 to 499"),
            ("call:1=delay", "a duration such as"),
            ("call:1=500:soon", "Retry-After"),
            ("call:1=html:x", "200 to 599"),
            ("call:1=s3-makes-buckets", "write `s3 call:1=s3-makes-buckets`"),
            ("s3-allow", "write `WHEN=FAULT`"),
            ("s3 call:1=s3-clock:x", "such as `20m`"),
            ("s3 call:1=s3-allow:GetObject", "an action such as"),
            (r#"call:1=behind:{"attach":{"policy":"p"}}"#, "missing field `user`"),
            (r#"call:1=behind:{"detach":{"user":"u","x":1}}"#, "unknown field `x`"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn calls_are_counted_as_the_rule_says() {
        let calls = [
            ("POST", "/login"),
            ("GET", "/users"),
            ("POST", "/s3/policies"),
            ("POST", "/s3/policies/attach"),
            ("GET", "/users"),
            ("POST", "/s3/policies/attach"),
        ];
        assert_eq!(faults_of(&["call:2=drop", "write:3=reset"], &calls), ["-", "drop-before", "-", "reset", "-", "-"]);
        assert_eq!(faults_of(&["POST /s3/policies/attach#2=drop"], &calls), ["-", "-", "-", "-", "-", "drop-before"]);
        assert_eq!(faults_of(&["POST /s3/policies=reset"], &calls), ["-", "-", "reset", "-", "-", "-"]);
        assert_eq!(faults_of(&["POST /s3/*=reset"], &calls), ["-", "-", "reset", "reset", "-", "reset"]);
        assert_eq!(faults_of(&["* /*,times=2=reset"], &calls), ["reset", "reset", "-", "-", "-", "-"]);
    }

    #[test]
    fn one_fault_replaces_the_response_and_the_others_happen_too() {
        let all = ["call:1=delay:1ms", "call:1=drop", "* /*=reset", r#"call:1=behind:{"detach":{"user":"u"}}"#];
        assert_eq!(faults_of(&all, &[("GET", "/users"); 2]), ["delay+behind+drop-before", "reset"]);
        // A rule whose fault gives way to another one is not used up.
        assert_eq!(
            faults_of(&["call:1=drop", "* /*,times=1=reset"], &[("GET", "/a"); 3]),
            ["drop-before", "reset", "-"]
        );
    }

    #[test]
    fn random_calls_are_derived_from_the_seed() {
        let of = |seed: u64| faults_of(&[&format!("p=0.05,seed={seed}=drop")], &[("GET", "/users"); 2000]);
        let hits = of(7).iter().filter(|names| *names != "-").count();
        assert!((50..150).contains(&hits), "{hits} of 2000 at 0.05");
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        assert!(faults_of(&["p=1=drop"], &[("GET", "/users"); 9]).iter().all(|names| names == "drop-before"));
        assert!(faults_of(&["p=0=drop"], &[("GET", "/users"); 9]).iter().all(|names| names == "-"));
    }

    #[test]
    fn another_administrator_is_bound_by_the_same_rules() {
        let text = r#"{"tenants":{"Root":{"users":{"bob":{}}},"etl":{"users":{"eve":{"policy":"readonly"}}}}}"#;
        let mut state = serde_json::from_str::<ClusterState>(text).unwrap().complete().unwrap();
        let mut behind = |text: &str| serde_json::from_str::<ForeignChange>(text).unwrap().apply(&mut state);
        let document = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        behind(&format!(r#"{{"add":{{"policy":"ml","document":{document}}}}}"#)).unwrap();
        behind(r#"{"attach":{"policy":"ml","user":"bob"}}"#).unwrap();
        assert!(matches!(behind(r#"{"remove":{"policy":"ml"}}"#), Err(Refusal::Invalid { .. })), "it is attached");
        behind(r#"{"detach":{"user":"bob"}}"#).unwrap();
        behind(r#"{"remove":{"policy":"ml"}}"#).unwrap();
        behind(r#"{"detach":{"tenant":"etl","user":"eve"}}"#).unwrap();
        assert!(behind(r#"{"detach":{"tenant":"lab","user":"eve"}}"#).is_err());
        assert!(state.tenants.values().flat_map(|tenant| tenant.users.values()).all(|user| user.policy.is_none()));
    }
}
