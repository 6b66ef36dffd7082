//! Asks the S3 service by which rules it evaluates documents: one policy of the probe after the other is attached to its user.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::asker::{Asker, Place};
use super::rules::{Seen, ServiceFound, judged};
use super::run::{Change, Run, Stopped};
use super::trials::{About, SignedBy, TOGETHER, TRIALS, Trial, TrialAsk, allowed_key, denied_key, is_plain};
use crate::base::{KeyPair, PolicyName, SessionKeys, UserName};
use crate::cluster::AssumeRole;
use crate::s3::{Failing, S3Keys};

/// After so many policies without an effect, no more are tried.
const MOST_WITHOUT_EFFECT: usize = 2;

/// The time between two looks whether a policy is in effect.
pub(super) const LOOK: Duration = Duration::from_millis(300);

/// A policy is in effect after so many answers in a row: a service may have several servers.
const EVERYWHERE: u32 = 3;

/// Why the service is asked nothing more.
pub(super) enum End {
    /// The probe ends.
    Stopped(Stopped),
    /// The service tells nothing.
    Service(String),
}

impl From<Stopped> for End {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

/// What is known of the service.
pub(super) struct Asking<'a> {
    pub(super) asker: Asker<'a>,
    pub(super) keys: S3Keys,
    pub(super) user: UserName,
    pub(super) wait: Duration,
    /// The policy of the probe that the user has.
    attached: Option<PolicyName>,
    pub(super) seen: BTreeMap<&'static str, Seen>,
    /// Policies without an effect, in a row.
    without_effect: usize,
    /// Why the service has told nothing so far, or tells nothing more.
    otherwise: String,
}

impl Asking<'_> {
    /// Notes what a request told. One that is answered otherwise the second time tells nothing: a service of several servers may
    /// not know a policy everywhere.
    fn saw(&mut self, tells: &'static str, seen: Seen, is_first: bool) {
        match self.seen.get(tells).filter(|_| !is_first) {
            Some(Seen::Nothing(_)) => {}
            Some(before) if *before != seen => {
                let why = "it was answered otherwise the second time".to_owned();
                self.seen.insert(tells, Seen::Nothing(why));
            }
            Some(_) | None => drop(self.seen.insert(tells, seen)),
        }
    }
}

impl Run<'_> {
    /// Asks the service. The user has no policy of these questions afterwards.
    pub(super) async fn ask_service(&mut self, user: &UserName, pair: Option<&KeyPair>) -> Result<(), Stopped> {
        let Some(options) = &self.options.service else { return Ok(()) };
        let held = self.policy_of(user).await?;
        let keys = match self.service_keys(user, pair).await {
            Ok(keys) => keys,
            Err(why) => {
                self.found.service = Some(not_asked(why));
                return Ok(());
            }
        };
        let Some(asker) = Asker::new(options, user.as_str()) else {
            self.found.service = Some(not_asked("this machine has no random numbers".to_owned()));
            return Ok(());
        };
        let mut asking = Asking {
            asker,
            keys,
            user: user.clone(),
            wait: options.wait,
            attached: None,
            seen: BTreeMap::new(),
            without_effect: 0,
            otherwise: "the probe ended before".to_owned(),
        };
        let ended = self.questions(&mut asking).await;
        let (comma, stopped) = match &ended {
            Ok(comma) => (*comma, None),
            Err(End::Service(why) | End::Stopped(Stopped(why))) => (None, Some(why.clone())),
        };
        let otherwise = if stopped.is_some() { asking.otherwise.as_str() } else { NEEDS_BUCKET };
        let sent = asking.asker.sent();
        self.found.service = Some(ServiceFound { comma, sent, stopped, ..judged(&asking.seen, otherwise) });
        match ended {
            Err(End::Stopped(stopped)) => Err(stopped),
            Ok(_) | Err(End::Service(_)) => self.back_to(&mut asking, held).await,
        }
    }

    /// The keys of the user: those that the cluster has just made, else those that the user has, else new ones.
    async fn service_keys(&mut self, user: &UserName, pair: Option<&KeyPair>) -> Result<S3Keys, String> {
        let given = self.options.service.as_ref().and_then(|service| service.keys.clone());
        let made;
        let pair = match (pair, given) {
            (Some(pair), _) => pair,
            (None, Some(keys)) => {
                self.keys_are_theirs = true;
                return Ok(keys);
            }
            (None, None) if self.options.cluster.can_generate_keys() && self.options.capabilities.key_pairs => {
                let generated = self.options.cluster.generate_keys(user).await;
                made = generated.map_err(|error| format!("the cluster made no key pair: {error}"))?;
                &made
            }
            (None, None) => {
                let help = "name the keys of the user with `--keys` or `--aws-profile`";
                return Err(format!("the cluster showed no key pair for the user; {help}"));
            }
        };
        S3Keys::new(pair.access_key.clone(), pair.secret_key.expose_secret().to_owned(), None, None)
            .map_err(|problem| problem.to_string())
    }

    /// Asks all questions. Returns what a user has who is attached to two policies as one name.
    async fn questions(&mut self, asking: &mut Asking<'_>) -> Result<Option<&'static str>, End> {
        self.check_first(asking).await?;
        let bucket = match &asking.asker.place {
            Place::There(bucket) => Some(bucket.clone()),
            Place::Absent(_) => None,
        };
        if let Some(bucket) = &bucket {
            self.check_empty(asking, bucket).await?;
        }
        let trials: Vec<&Trial> = TRIALS.iter().filter(|trial| bucket.is_some() || !trial.needs_bucket).collect();
        for (number, trial) in trials.iter().enumerate() {
            self.trial(asking, trial).await?;
            (self.options.progress)(number + 1, trials.len());
        }
        if let Some(bucket) = &bucket {
            self.ask_bucket_policy(asking, bucket).await?;
        }
        self.ask_comma(asking).await
    }

    /// A request without a login must be denied: otherwise nothing tells.
    async fn check_first(&mut self, asking: &mut Asking<'_>) -> Result<(), End> {
        let first = &TRIALS[0];
        let Some(request) = asking.asker.request(About::Parts(&allowed_key(first.name))) else {
            return Err(End::Service("no harmless request can be made".to_owned()));
        };
        let told = asking.asker.told(&request, None).await;
        let brief = told.brief();
        let why = match (told.seen, &asking.asker.place) {
            (Seen::Denied, _) => return Ok(()),
            (Seen::Nothing(why), _) => why,
            (Seen::Through | Seen::Refused, Place::Absent(_)) => format!(
                "the service answers {brief} without a login: it looks for the bucket before it decides, as AWS does, or it does not \
                 decide; make an empty bucket for this and name it with `--bucket`"
            ),
            (Seen::Through | Seen::Refused, Place::There(_)) => {
                format!("the service answers {brief} without a login: it lets everyone through, so nothing tells")
            }
        };
        asking.otherwise.clone_from(&why);
        Err(End::Service(why))
    }

    /// Attaches the policy of a trial, and asks its questions.
    async fn trial(&mut self, asking: &mut Asking<'_>, trial: &Trial) -> Result<(), End> {
        let of_user = |ask: &TrialAsk| matches!(ask.about, About::Parts(key) if key.contains("USER"));
        let has_name = trial.asks.iter().any(of_user) || trial.name == "condition";
        if has_name && !is_plain(asking.user.as_str()) {
            let why = "the name of the user is no plain text: make another user for this";
            self.answer_all(asking, trial, &Seen::Nothing(why.to_owned()));
            return Ok(());
        }
        if let Some(seen) = self.put_in_effect(asking, trial).await? {
            self.answer_all(asking, trial, &seen);
            return Ok(());
        }
        let session = match trial.asks.iter().any(|ask| ask.signed_by == SignedBy::Temporary) {
            true => Some(self.session_keys(asking).await),
            false => None,
        };
        for is_first in [true, false] {
            for ask in trial.asks {
                self.go_on()?;
                let keys = match (ask.signed_by, &session) {
                    (SignedBy::Temporary, Some(Ok(keys))) => keys,
                    (SignedBy::Temporary, Some(Err(why))) => {
                        asking.seen.insert(ask.tells, Seen::Nothing(why.clone()));
                        continue;
                    }
                    (SignedBy::User, _) | (SignedBy::Temporary, None) => &asking.keys,
                };
                let seen = match is_first {
                    true => asking.asker.ask(ask.about, keys).await,
                    false => asking.asker.ask_again(ask.about, keys).await,
                };
                asking.saw(ask.tells, seen, is_first);
            }
        }
        if !self.is_in_effect(asking, trial).await {
            let why = "the control was answered otherwise afterwards".to_owned();
            self.answer_all(asking, trial, &Seen::Nothing(why));
        }
        Ok(())
    }

    fn answer_all(&self, asking: &mut Asking<'_>, trial: &Trial, seen: &Seen) {
        asking.seen.extend(trial.asks.iter().map(|ask| (ask.tells, seen.clone())));
    }

    /// Attaches the policy of a trial and waits until it is in effect. Otherwise says what its questions told.
    pub(super) async fn put_in_effect(&mut self, asking: &mut Asking<'_>, trial: &Trial) -> Result<Option<Seen>, End> {
        let policy = self.policy(trial.name);
        let document = trial.document(asking.asker.place.name(), asking.user.as_str());
        if self.add(&policy, &document).await? == Change::Refused {
            return Ok(Some(self.refused(asking, trial, &policy).await?));
        }
        self.exchange(asking, &policy).await?;
        let why = match self.wait_for(asking, trial).await? {
            Ok(()) => {
                asking.without_effect = 0;
                return Ok(None);
            }
            Err(why) => why,
        };
        asking.without_effect += 1;
        let is_first = asking.seen.is_empty();
        if is_first || asking.without_effect >= MOST_WITHOUT_EFFECT {
            asking.otherwise.clone_from(&why);
            return Err(End::Service(why));
        }
        Ok(Some(Seen::Nothing(why)))
    }

    /// What it says that the cluster refuses the document of a trial: only something about the statements if it takes a document
    /// without them, and refuses these again.
    async fn refused(&mut self, asking: &Asking<'_>, trial: &Trial, policy: &PolicyName) -> Result<Seen, Stopped> {
        let (bucket, user) = (asking.asker.place.name(), asking.user.as_str());
        let nothing = "the cluster refused a policy for another reason than its document".to_owned();
        if self.add(policy, &trial.plain_document(bucket)).await? == Change::Refused {
            return Ok(Seen::Nothing(nothing));
        }
        self.remove(policy).await?;
        if self.add(policy, &trial.document(bucket, user)).await? == Change::Refused {
            return Ok(Seen::Refused);
        }
        self.remove(policy).await?;
        Ok(Seen::Nothing(nothing))
    }

    /// Gives the user this policy in place of the one before, which is removed.
    async fn exchange(&mut self, asking: &mut Asking<'_>, policy: &PolicyName) -> Result<(), Stopped> {
        let user = asking.user.clone();
        if self.attach(&user, std::slice::from_ref(policy)).await?.change == Change::Refused {
            self.detach_if_attached(&user).await?;
            if self.attach(&user, std::slice::from_ref(policy)).await?.change == Change::Refused {
                return Err(Stopped("the cluster refuses to attach a policy to the user".to_owned()));
            }
        }
        if let Some(before) = asking.attached.replace(policy.clone()) {
            self.remove(&before).await?;
        }
        Ok(())
    }

    /// Waits until the policy of a trial is in effect: what it allows is let through, and what it denies is not.
    async fn wait_for(&mut self, asking: &Asking<'_>, trial: &Trial) -> Result<Result<(), String>, Stopped> {
        let keys = Some(&asking.keys);
        let requests =
            [allowed_key(trial.name), denied_key(trial.name)].map(|key| asking.asker.request(About::Parts(&key)));
        let [Some(allowed), Some(denied)] = &requests else {
            return Ok(Err("no harmless request can be made".to_owned()));
        };
        let until = Instant::now() + asking.wait;
        let mut in_a_row = 0;
        while in_a_row < EVERYWHERE {
            self.go_on()?;
            let told = asking.asker.told(allowed, keys).await;
            let why = match told.seen {
                Seen::Through => {
                    in_a_row += 1;
                    continue;
                }
                Seen::Denied | Seen::Refused => "the service denies what the policy allows".to_owned(),
                Seen::Nothing(why) => why,
            };
            if matches!(told.failing, Some(Failing::Clock(_) | Failing::Region)) {
                return Ok(Err(why));
            }
            if Instant::now() >= until {
                let seconds = asking.wait.as_secs();
                return Ok(Err(format!("a policy of the probe had no effect for {seconds} s: {why}")));
            }
            in_a_row = 0;
            sleep(LOOK).await;
        }
        Ok(match asking.asker.told(denied, keys).await.seen {
            Seen::Denied => Ok(()),
            Seen::Through | Seen::Refused => {
                Err("the service lets through what the policy denies, so nothing tells".to_owned())
            }
            Seen::Nothing(why) => Err(why),
        })
    }

    /// Whether the policy of a trial is in effect.
    async fn is_in_effect(&self, asking: &Asking<'_>, trial: &Trial) -> bool {
        let Some(allowed) = asking.asker.request(About::Parts(&allowed_key(trial.name))) else { return false };
        asking.asker.told(&allowed, Some(&asking.keys)).await.seen == Seen::Through
    }

    /// Temporary credentials of the user, or why there are none.
    async fn session_keys(&self, asking: &Asking<'_>) -> Result<S3Keys, String> {
        let S3Keys { access_key, secret_key, .. } = asking.keys.clone();
        let ask = AssumeRole { access_key, secret_key, seconds: 900, document: None };
        let made = self.options.cluster.assume_role(&ask).await;
        let made = made.map_err(|_| "the cluster gives no temporary credentials".to_owned())?;
        let SessionKeys { access_key, secret_key, session_token, .. } = made;
        let token = session_token.expose_secret().to_owned();
        S3Keys::new(access_key, secret_key.expose_secret().to_owned(), Some(token), None)
            .map_err(|problem| problem.to_string())
    }

    /// What a user has who is attached to two policies as one name with a comma.
    async fn ask_comma(&mut self, asking: &mut Asking<'_>) -> Result<Option<&'static str>, End> {
        if self.found.answers.get("comma").is_none_or(|answer| answer != "makes a list") {
            return Ok(None);
        }
        let policies = TOGETHER.each_ref().map(|trial| self.policy(trial.name));
        for (policy, trial) in policies.iter().zip(&TOGETHER) {
            let document = trial.document(asking.asker.place.name(), asking.user.as_str());
            if self.add(policy, &document).await? == Change::Refused {
                return Ok(None);
            }
        }
        let user = asking.user.clone();
        self.detach_if_attached(&user).await?;
        if self.attach(&user, &policies).await?.change == Change::Refused {
            return Ok(Some("neither of the two policies"));
        }
        let mut effects = [false, false];
        for (effect, trial) in effects.iter_mut().zip(&TOGETHER) {
            *effect = self.wait_for(asking, trial).await?.is_ok();
        }
        Ok(Some(match effects {
            [true, true] => "both policies",
            [false, false] => "neither of the two policies",
            [true, false] => "only the first policy",
            [false, true] => "only the second policy",
        }))
    }

    /// The user has the policy again that it had before the service was asked.
    async fn back_to(&mut self, asking: &mut Asking<'_>, held: Option<PolicyName>) -> Result<(), Stopped> {
        let user = asking.user.clone();
        self.detach_if_attached(&user).await?;
        if let Some(held) = held.filter(|held| self.made.contains(held)) {
            self.attach(&user, &[held]).await?;
        }
        let ours = TOGETHER.each_ref().map(|trial| self.policy(trial.name));
        for policy in asking.attached.take().into_iter().chain(ours) {
            if self.made.contains(&policy) {
                self.remove(&policy).await?;
            }
        }
        Ok(())
    }
}

const NEEDS_BUCKET: &str = "it needs an empty bucket: `--bucket`";

fn not_asked(why: String) -> ServiceFound {
    let found = judged(&BTreeMap::new(), &why);
    ServiceFound { stopped: Some(why), ..found }
}
