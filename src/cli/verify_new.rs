//! `apply --verify`: asks the S3 service with each new key pair, after it was stored and before it leaves memory.

use std::collections::BTreeMap;
use std::future::ready;
use std::io::Error as IoError;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::args::GlobalArgs;
use super::exit::{Exit, Failure};
use super::people::{attachment_in, with_buckets};
use super::progress::{Interruptions, interruptible};
use super::service::{ServiceArgs, failure};
use super::verify::{MOST_QUESTIONS, judged, untold};
use crate::apply::{NewKeys, StopSignal};
use crate::base::{KeyPair, Principal, UserName};
use crate::desired::S3Settings;
use crate::observed::Observed;
use crate::plan::{ChangeId, Plan};
use crate::policy::Catalogue;
use crate::policy::access::{Context, RuleList};
use crate::render::json::{VerifiedUserV1, VerifiedV1, VerifySourceV1, VerifyV1};
use crate::s3::{Manners, Pace, S3Client, S3Keys, Token};
use crate::verify::{Asking, Questions, Scope, Verified, questions, reach, verify};

/// How long a service may take until it knows new keys and their policy.
const NEW: Duration = Duration::from_secs(60);

/// How many users are asked about at once. They share the pace of the requests.
const USERS_AT_ONCE: usize = 8;

/// Asking the S3 service with new key pairs.
#[derive(Debug, clap::Args)]
#[command(mut_arg("s3", |arg| arg.requires("verify")))]
#[command(mut_arg("s3_ca_file", |arg| arg.requires("verify")))]
#[command(mut_arg("s3_fingerprint", |arg| arg.requires("verify")))]
#[command(mut_arg("s3_region", |arg| arg.requires("verify")))]
pub(super) struct VerifyNewArgs {
    /// Ask the S3 service with each new key pair whether it enforces the user's policy; exits with 2 if not
    ///
    /// As `attune verify`, with requests that cannot do anything. The key pair is stored before. A service that does not know it
    /// within 60 seconds is an error.
    #[arg(long)]
    verify: bool,
    /// With --verify, also ask in buckets that the policies name
    #[arg(long, requires = "verify")]
    objects: bool,
    /// With --verify, requests in a second: many denied ones in a moment alarm people
    #[arg(long, requires = "verify", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    #[command(flatten)]
    service: ServiceArgs,
}

/// The service, and the state that it is compared with.
pub(super) struct Expected<'a> {
    pub(super) client: &'a S3Client,
    pub(super) bar: ProgressBar,
    /// The cluster after the plan.
    pub(super) after: Observed,
    /// What a new plan would change; `None` if the cluster could not be read again.
    pub(super) remaining: Option<&'a Plan>,
    pub(super) catalogue: &'a Catalogue,
    pub(super) rules: &'a RuleList,
}

/// What all users share who are asked about.
struct Session<'a> {
    client: &'a S3Client,
    manners: Manners,
    pace: Pace,
    /// Until when keys are new.
    until: Instant,
}

impl<'a> Session<'a> {
    fn new(client: &'a S3Client, per_second: u32) -> Self {
        let manners = Manners { per_second, ..Manners::default() };
        Self { client, pace: Pace::of(&manners), manners, until: Instant::now() + NEW }
    }

    fn asking<'b>(&'b self, keys: &'b S3Keys, token: &'b Token, progress: &'b (dyn Fn() + Send + Sync)) -> Asking<'b> {
        Asking {
            client: self.client,
            keys: Some(keys),
            token,
            manners: &self.manners,
            pace: &self.pace,
            versioned: false,
            new_until: Some(self.until),
            store: &|_, _| Err(IoError::other("no setting is asked about")),
            progress,
        }
    }
}

impl VerifyNewArgs {
    /// The service to ask, if one is to be asked.
    pub(super) fn client(&self, settings: &S3Settings, global: &GlobalArgs) -> Result<Option<S3Client>, Failure> {
        self.verify.then(|| self.service.client(settings, global)).transpose()
    }

    /// Asks with each key pair. After a first interruption no further user is asked about, a second ends it at once.
    pub(super) async fn ask(
        &self,
        new_keys: NewKeys,
        expected: &Expected<'_>,
        (signals, stop): (&mut Interruptions, &StopSignal),
        print: impl FnMut(&str),
    ) -> Vec<VerifiedUserV1> {
        let session = Session::new(expected.client, self.rate);
        let new_keys = new_keys.into_inner().unwrap_or_else(PoisonError::into_inner);
        let interrupted = |user| of_user(user, Err("the run was interrupted".to_owned()));
        let mut verified: BTreeMap<UserName, VerifiedUserV1> =
            new_keys.keys().map(|user| (user.clone(), interrupted(user))).collect();
        let asked = stream::iter(new_keys).map(async |(user, pair)| {
            if stop.is_requested() {
                return None;
            }
            let asked = self.ask_as(&user, pair, expected, &session).await;
            Some((user.clone(), of_user(&user, asked)))
        });
        let asked = asked.buffer_unordered(USERS_AT_ONCE).for_each(|asked| {
            verified.extend(asked);
            ready(())
        });
        // Without a result it was interrupted twice.
        let _ = interruptible(asked, (signals, stop), print).await;
        expected.bar.finish_and_clear();
        verified.into_values().collect()
    }

    /// What the service answers a user; or why it is not asked.
    async fn ask_as(
        &self,
        user: &UserName,
        pair: KeyPair,
        expected: &Expected<'_>,
        session: &Session<'_>,
    ) -> Result<(VerifyV1, Verified), String> {
        let secret = pair.secret_key.expose_secret().to_owned();
        let keys = S3Keys::new(pair.access_key, secret, None, None).map_err(|problem| problem.to_string())?;
        let token = Token::random().ok_or("this machine has no random numbers")?;
        let questions = self.questions(user, expected, &token)?;
        expected.bar.inc_length(u64::try_from(questions.asked.len()).unwrap_or_default());
        let progress = || expected.bar.inc(1);
        let verified = verify(&session.asking(&keys, &token, &progress), questions).await;
        let verified = verified.map_err(|problem| failure(&problem, session.client).finding.message)?;
        let (endpoint, source) = (session.client.endpoint(), VerifySourceV1::Desired);
        Ok((VerifyV1::of(Some(user.as_str()), endpoint, source, &token, &verified), verified))
    }

    fn questions(&self, user: &UserName, expected: &Expected<'_>, token: &Token) -> Result<Questions, String> {
        let principal = Principal::User(user.clone());
        let policy = expected.after.attached_to(&principal);
        let remaining = expected.remaining.ok_or("the cluster could not be read again")?;
        let is_about = |id: &ChangeId| match id {
            ChangeId::Principal(of) => *of == principal,
            ChangeId::Policy(of) => policy.iter().any(|policy| policy.listed().any(|listed| listed == *of)),
            ChangeId::Bucket(_) => false,
        };
        if remaining.is_blocked() || remaining.changes.iter().any(|change| is_about(&change.id)) {
            return Err("the cluster does not match the configuration there".to_owned());
        }
        let attachment = attachment_in(&expected.after, principal);
        if !attachment.is_known() {
            return Err("the document of its policy is not known".to_owned());
        }
        let attachment = with_buckets(attachment, &expected.after.buckets, expected.rules, None);
        let context = Context { rules: expected.rules, ..Context::new(expected.catalogue) }.with_user(user.as_str());
        let scope = Scope { objects: self.objects, most: MOST_QUESTIONS, ..Scope::default() };
        Ok(questions(attachment.document.as_ref(), None, &context, &scope, token))
    }
}

/// Fails unless an S3 service answers there. It is found out before the first call.
pub(super) async fn check_service(client: &S3Client) -> Result<(), Failure> {
    let Err(problem) = reach(client).await else { return Ok(()) };
    let mut failure = failure(&problem, client);
    failure.finding.message += "; nothing was changed";
    Err(failure)
}

/// How the run ends because of what the service answers.
pub(super) fn exit(verified: &[VerifiedUserV1]) -> Exit {
    let is = |outcome| verified.iter().any(|of| of.outcome == outcome);
    if is(VerifiedV1::Differs) {
        Exit::Changes
    } else if is(VerifiedV1::NotVerified) {
        Exit::Partial
    } else {
        Exit::Done
    }
}

fn of_user(user: &UserName, asked: Result<(VerifyV1, Verified), String>) -> VerifiedUserV1 {
    let (outcome, why, answers) = match asked {
        Err(why) => (VerifiedV1::NotVerified, Some(why), None),
        Ok((answers, verified)) => {
            let outcome = judged(&verified);
            let why = (outcome == VerifiedV1::NotVerified).then(|| untold(&verified).to_owned());
            (outcome, why, Some(answers))
        }
    };
    VerifiedUserV1 { user: user.to_string(), outcome, why, answers }
}
