//! What a probe asks with the user and the bucket that were made for it, and the way back: a user without a policy and without keys
//! that anybody knows, and a bucket without a policy.

use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::UserEnd;
use super::rules::Seen;
use super::run::{Change, Run, Stopped, changed};
use super::service::{Asking, End, LOOK};
use super::trials::{About, BESIDE_BUCKET_POLICY, INVENTORY, bucket_policy};
use crate::base::{BucketName, CannedPolicy, KeyPair, PolicyName, Principal, UserName};
use crate::cluster::{AssumeRole, CallError, Cluster, read_bucket_policy};
use crate::s3::{S3Answer, contents};

impl Run<'_> {
    pub(super) async fn ask_about_user(&mut self, user: &UserName) -> Result<(), Stopped> {
        let (one, two) = (self.policy("a"), self.policy("b"));
        for (policy, number) in [(&one, 0), (&two, 1)] {
            if self.add(policy, &self.document(number)).await? == Change::Refused {
                return Err(Stopped("the cluster refuses to add a plain policy".to_owned()));
            }
        }
        let missing = self.attach(user, &[self.policy("missing")]).await?;
        self.answer("missing-policy", of_change(missing.change));
        let attached = self.attach(user, std::slice::from_ref(&one)).await?;
        self.answer("attach-keys", attached.keys());
        if attached.change == Change::Refused {
            return Err(Stopped("the cluster refuses to attach a policy to the user".to_owned()));
        }
        let reported = self.policy_of(user).await?;
        self.answer("reported", if reported.as_ref() == Some(&one) { "as attached" } else { "otherwise" });
        self.attach_again(user, &one).await?;
        let pair = attached.pair;
        self.sessions(pair.as_ref()).await;
        self.attach_over(user, &two).await?;
        self.comma(user, &one, &two).await?;
        self.remove_held(user).await?;
        self.ask_service(user, pair.as_ref()).await?;
        self.reset_keys(user).await?;
        self.detach_other(user, &one).await?;
        let again = self.detach(user, &one).await?;
        self.answer("detach-again", of_change(again));
        Ok(())
    }

    async fn attach_again(&mut self, user: &UserName, held: &PolicyName) -> Result<(), Stopped> {
        let attached = self.attach(user, std::slice::from_ref(held)).await?.change;
        let has = self.policy_of(user).await?;
        let answer = match (attached, has.as_ref() == Some(held)) {
            (change, true) => of_change(change),
            (_, false) => "takes it from the user",
        };
        self.answer("attach-again", answer);
        Ok(())
    }

    /// The lengths of new keys are no secret.
    fn key_length(&mut self, pair: &KeyPair) {
        let secret = pair.secret_key.expose_secret().chars().count();
        self.answer("key-length", format!("{} and {secret} characters", pair.access_key.chars().count()));
    }

    /// Temporary credentials last at least 15 minutes. They are for buckets that do not exist, and are forgotten at once.
    async fn sessions(&mut self, pair: Option<&KeyPair>) {
        let Some(pair) = pair else { return };
        self.key_length(pair);
        let KeyPair { access_key, secret_key } = pair.clone();
        let ask = AssumeRole { access_key, secret_key, seconds: 900, document: None };
        let made = self.options.cluster.assume_role(&ask).await;
        self.answer("session", if made.is_ok() { "made" } else { "refused" });
    }

    async fn attach_over(&mut self, user: &UserName, other: &PolicyName) -> Result<(), Stopped> {
        let attached = self.attach(user, std::slice::from_ref(other)).await?.change;
        let has = self.policy_of(user).await?;
        self.answer("attach-over", of_effect(attached, has.as_ref() == Some(other), "replaces it"));
        Ok(())
    }

    async fn comma(&mut self, user: &UserName, one: &PolicyName, two: &PolicyName) -> Result<(), Stopped> {
        let both = PolicyName::reported(format!("{one},{two}"));
        let before = self.policy_of(user).await?;
        let attached = self.attach(user, &[one.clone(), two.clone()]).await?.change;
        let has = self.policy_of(user).await?;
        self.answer("comma", of_effect(attached, has.as_ref() == Some(&both), "makes a list"));
        if has != before {
            self.detach(user, &both).await?;
            if let Some(before) = before {
                self.attach(user, &[before]).await?;
            }
        }
        Ok(())
    }

    async fn remove_held(&mut self, user: &UserName) -> Result<(), Stopped> {
        let Some(held) = self.policy_of(user).await?.filter(|held| self.made.contains(held)) else { return Ok(()) };
        let removed = changed(self.options.cluster.remove_policy(&held).await)?;
        let has = self.policy_of(user).await?;
        let answer = match removed {
            Change::Accepted if has.is_none() => "takes it from the user",
            Change::Accepted => "leaves its name with the user",
            Change::Refused => "refused",
        };
        self.answer("remove-held", answer);
        if answer != "refused" {
            self.made.remove(&held);
            self.detach_if_attached(user).await?;
            if self.add(&held, &self.document(0)).await? == Change::Accepted {
                self.attach(user, &[held]).await?;
            }
        }
        Ok(())
    }

    /// A pair that the cluster made on the way is replaced while the user has a policy: later the cluster refuses.
    async fn reset_keys(&mut self, user: &UserName) -> Result<(), Stopped> {
        if !self.options.capabilities.key_pairs || self.keys_are_theirs {
            return Ok(());
        }
        if !self.options.cluster.can_generate_keys() {
            self.answer("keys-reset", "not possible here");
            return Ok(());
        }
        let made = self.options.cluster.generate_keys(user).await;
        self.answer("keys-reset", if made.is_ok() { "made" } else { "refused" });
        if let Ok(pair) = made {
            self.key_length(&pair);
            self.found.user = Some(UserEnd::AsBefore);
        }
        Ok(())
    }

    async fn detach_other(&mut self, user: &UserName, other: &PolicyName) -> Result<(), Stopped> {
        let held = self.policy_of(user).await?;
        let other = if held.as_ref() == Some(other) { self.policy("b") } else { other.clone() };
        let detached = self.detach(user, &other).await?;
        let is_free = self.policy_of(user).await?.is_none();
        let answer = match (detached, is_free) {
            (_, true) => "detaches the user",
            (Change::Accepted, false) => "accepted without an effect",
            (Change::Refused, false) => "refused",
        };
        self.answer("detach-other", answer);
        self.detach_if_attached(user).await
    }

    /// The user has no policy afterwards, as far as attune can bring that about.
    pub(super) async fn release_user(&mut self) {
        let (Some(user), Some(end)) = (self.options.user.clone(), self.found.user) else { return };
        if end == UserEnd::Attached && self.policy_of(&user).await.is_ok_and(|has| has.is_some()) {
            // The stop of the questions may have come before this.
            self.reset_keys(&user).await.ok();
        }
        let detached = self.detach_if_attached(&user).await;
        let may_have_keys = self.options.capabilities.key_pairs && !self.keys_are_theirs;
        let has_keys = may_have_keys && self.found.user != Some(UserEnd::AsBefore);
        self.found.user = Some(match (detached, has_keys) {
            (Err(_), _) => UserEnd::Attached,
            (Ok(()), true) => UserEnd::KeysLeft,
            (Ok(()), false) => UserEnd::AsBefore,
        });
    }

    pub(super) async fn detach_if_attached(&mut self, user: &UserName) -> Result<(), Stopped> {
        let Some(held) = self.policy_of(user).await? else { return Ok(()) };
        self.detach(user, &held).await?;
        match self.policy_of(user).await? {
            None => Ok(()),
            Some(_) => Err(Stopped("the user cannot be detached".to_owned())),
        }
    }

    pub(super) async fn policy_of(&self, user: &UserName) -> Result<Option<PolicyName>, Stopped> {
        let users = self.options.cluster.users().await?;
        Ok(users.users.into_iter().find(|record| record.name == *user).and_then(|record| record.policy))
    }

    pub(super) async fn attach(&mut self, user: &UserName, policies: &[PolicyName]) -> Result<Attached, Stopped> {
        self.go_on()?;
        policies.iter().try_for_each(|policy| self.options.record.attaching(user, policy))?;
        self.found.user = Some(UserEnd::Attached);
        let attached = match policies {
            [one] => self.options.cluster.attach(one, &Principal::from(user)).await,
            several => self.options.cluster.attach_list(several, user).await,
        };
        let not_understood = attached.as_ref().is_err_and(|error| error.answer.is_some());
        match attached {
            Err(_) if not_understood => Ok(Attached { change: Change::Accepted, pair: None, not_understood }),
            Err(error) => Ok(Attached { change: changed::<()>(Err(error))?, pair: None, not_understood }),
            Ok(pair) => Ok(Attached { change: Change::Accepted, pair, not_understood }),
        }
    }

    pub(super) async fn detach(&mut self, user: &UserName, policy: &PolicyName) -> Result<Change, Stopped> {
        changed(self.options.cluster.detach(policy, &Principal::from(user)).await)
    }
}

/// The end of an attach.
pub(super) struct Attached {
    pub(super) change: Change,
    pair: Option<KeyPair>,
    /// Whether the answer may have a key pair that attune does not find. It is thrown away.
    not_understood: bool,
}

impl Attached {
    fn keys(&self) -> &'static str {
        match (&self.pair, self.not_understood) {
            (Some(_), _) => "in the answer",
            (None, true) => "perhaps in an answer that attune does not understand",
            (None, false) => "not in the answer",
        }
    }
}

fn of_effect(change: Change, has_effect: bool, effect: &'static str) -> &'static str {
    match change {
        Change::Accepted if has_effect => effect,
        Change::Accepted => "accepted without an effect",
        Change::Refused => "refused",
    }
}

fn of_change(change: Change) -> &'static str {
    match change {
        Change::Accepted => "accepted",
        Change::Refused => "refused",
    }
}

/// Why a bucket cannot be the bucket of a probe; `None` if it can, as far as the cluster says. Whether it is empty, only the S3
/// service says.
pub async fn unsuitable_bucket(bucket: &BucketName, cluster: &dyn Cluster) -> Result<Option<String>, CallError> {
    if !cluster.buckets().await?.contains(bucket) {
        return Ok(Some(format!("the bucket `{bucket}` does not exist")));
    }
    let policy = read_bucket_policy(cluster, bucket).await?;
    Ok((!policy.is_none()).then(|| format!("the bucket `{bucket}` has a policy")))
}

impl Run<'_> {
    /// Nothing is asked about a bucket that is not empty.
    pub(super) async fn check_empty(&mut self, asking: &mut Asking<'_>, bucket: &BucketName) -> Result<(), End> {
        let not_shown =
            |why: &str| End::Service(format!("the bucket of `--bucket` cannot be shown to be empty: {why}"));
        match self.put_in_effect(asking, &INVENTORY).await? {
            None => {}
            Some(Seen::Nothing(why)) => return Err(not_shown(&why)),
            Some(Seen::Through | Seen::Denied | Seen::Refused) => {
                return Err(not_shown("the cluster refuses the policy that looks at it"));
            }
        }
        for request in contents(bucket.as_str()) {
            let answer = asking.asker.told(&request, Some(&asking.keys)).await.answer;
            match answer.filter(S3Answer::is_done) {
                Some(answer) if answer.lists_nothing() => {}
                Some(_) => {
                    let why = "the bucket of `--bucket` is not empty: nothing was asked about it";
                    return Err(End::Service(format!("{why}; make a new bucket for this")));
                }
                None => return Err(not_shown(&format!("{} is not answered with a list", request.line()))),
            }
        }
        let Some(request) = asking.asker.request(About::Bucket("read-versioning")) else { return Ok(()) };
        let told = asking.asker.told(&request, Some(&asking.keys)).await;
        if told.answer.is_some_and(|answer| answer.has_no_versions() == Some(true)) {
            return Ok(());
        }
        let why = "the bucket of `--bucket` has versions or object lock, or does not say so";
        Err(End::Service(format!("{why}; make a new bucket without them for this")))
    }

    /// Whether a policy of the bucket counts for users. It lets everyone ask where the empty bucket is, and nothing else.
    pub(super) async fn ask_bucket_policy(&mut self, asking: &mut Asking<'_>, bucket: &BucketName) -> Result<(), End> {
        const TELLS: &str = "bucket-policy";
        if let Some(seen) = self.put_in_effect(asking, &BESIDE_BUCKET_POLICY).await? {
            asking.seen.insert(TELLS, seen);
            return Ok(());
        }
        self.go_on()?;
        self.options.record.opening(bucket).map_err(Stopped::from)?;
        self.found.opened = Some(bucket.clone());
        let set = self.options.cluster.set_bucket_document(bucket, &bucket_policy(bucket.as_str())).await;
        let seen = match set {
            Err(_) => Seen::Nothing("the cluster refuses the policy of the bucket".to_owned()),
            Ok(()) => self.beside_bucket_policy(asking).await?,
        };
        asking.seen.insert(TELLS, seen);
        self.close_bucket().await;
        Ok(())
    }

    async fn beside_bucket_policy(&self, asking: &Asking<'_>) -> Result<Seen, Stopped> {
        let Some(request) = asking.asker.request(About::Bucket("read-location")) else {
            return Ok(Seen::Nothing("no request".to_owned()));
        };
        let until = Instant::now() + asking.wait;
        while asking.asker.told(&request, None).await.seen != Seen::Through {
            self.go_on()?;
            if Instant::now() >= until {
                let why = format!("the policy of the bucket had no effect for {} s", asking.wait.as_secs());
                return Ok(Seen::Nothing(why));
            }
            sleep(LOOK).await;
        }
        let told = asking.asker.told(&request, Some(&asking.keys)).await;
        Ok(match told.failing {
            None => told.seen,
            Some(_) => Seen::Nothing("the service stopped taking the keys".to_owned()),
        })
    }

    /// Puts the policy of the bucket back to none.
    pub(super) async fn close_bucket(&mut self) {
        let Some(bucket) = self.found.opened.clone() else { return };
        let cluster = self.options.cluster;
        let _ = cluster.set_canned_bucket_policy(&bucket, CannedPolicy::None).await;
        if read_bucket_policy(cluster, &bucket).await.is_ok_and(|policy| policy.is_none()) {
            self.found.opened = None;
        }
    }
}
