//! `attune verify`: asks the S3 service itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::args::{ActionArgs, BaseArg, CallArgs, GlobalArgs, OnlyArg, RulesArg};
use super::base::Reviewed;
use super::connect::CommandError;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::people::{People, with_buckets};
use super::preflight::confirm;
use super::progress::progress_bar;
use super::service::{KeysArgs, ServiceArgs, failure};
use crate::apply::files;
use crate::desired::{Demand, Desired, Expectation};
use crate::policy::access::{Context, Credentials, Holder};
use crate::render::json::{self, VerifiedV1, VerifySourceV1, VerifyV1};
use crate::render::junit_of_verify;
use crate::render::text;
use crate::s3::{Kind, Manners, Pace, S3Client, S3Keys, Step, Token};
use crate::verify::{Asking, Claim, Questions, Scope, Verified, questions, verify};

/// How many questions are asked about a user, unless more are wanted.
pub(super) const MOST_QUESTIONS: usize = 500;

/// Ask the S3 service itself whether it enforces a user's policy
///
/// Sends requests that cannot do anything: about buckets and keys that are not there. A server that decides before it looks answers
/// 403 to what is denied, and something else to what is allowed. Exits with 2 if the service lets through what the document denies, or
/// the other way round.
///
/// That the keys are those of USER, and the address is the S3 service of the cluster, cannot be proven.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune verify alice --s3 https://s3.example.com:9000 --aws-profile alice
  attune verify alice --keys secrets/alice.json --objects
  attune verify alice --contract --keys secrets/alice.json
  attune verify --anonymous --s3 https://s3.example.com:9000")]
pub(super) struct VerifyArgs {
    /// User
    #[arg(required_unless_present = "anonymous", conflicts_with = "anonymous")]
    user: Option<String>,
    /// Ask without a login
    #[arg(long, conflicts_with_all = ["keys", "aws_profile"])]
    anonymous: bool,
    /// Ask what the expectations say about the user, instead of what its policy says
    #[arg(long)]
    contract: bool,
    /// Evaluate the configuration (default)
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Evaluate the cluster
    #[arg(long)]
    observed: bool,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    keys: KeysArgs,
    /// Also ask in buckets that the document names: read their settings, and ask for keys that are not there
    #[arg(long)]
    objects: bool,
    /// With --objects, also in buckets with versions: on a server that ignores a parameter, a delete marker could stay
    #[arg(long, requires = "objects")]
    versioned: bool,
    /// Also ask for settings of the buckets of --bucket: with a text that no server takes
    #[arg(long, requires = "bucket")]
    settings: bool,
    /// Bucket whose settings are asked for
    #[arg(long, value_name = "NAME", requires = "settings")]
    bucket: Vec<String>,
    /// Largest number of questions
    #[arg(long, value_name = "N", default_value_t = MOST_QUESTIONS)]
    max_requests: usize,
    /// Requests in a second: many denied ones in a moment alarm people
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = VerifyFormat::Text)]
    format: VerifyFormat,
    #[command(flatten)]
    base: BaseArg,
    #[command(flatten)]
    rules: RulesArg,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerifyFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// JUnit XML
    Junit,
}

impl VerifyArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        // What was printed says why it failed: two documents would be no JSON.
        self.evaluate(global, output).await.map_err(|error| error.reported(output))?
    }

    /// The error of a run that printed nothing, or what a printed one ends with.
    async fn evaluate(&self, global: &GlobalArgs, output: &mut Output) -> Result<Result<Exit, Failure>, CommandError> {
        let reviewed = Reviewed::read(global, &self.base, &OnlyArg::default(), output)?;
        let connection = match (&self.base.base, self.observed) {
            (None, false) => reviewed.cluster().clone(),
            (Some(_), _) | (None, true) => reviewed.connection(global)?.clone(),
        };
        let client = self.service.client(&connection.s3, global)?;
        let keys = if self.anonymous { None } else { Some(self.keys.keys()?) };
        let loaded = reviewed.loaded;
        let observed = self.observed.then_some(&connection);
        let people =
            People::of(loaded, observed, &BTreeSet::new(), (&self.actions, self.calls), global, output).await?;
        if let Some(keys) = &keys {
            self.check_owner(keys, &people)?;
        }
        let token = Token::random();
        let token = token.ok_or_else(|| Failure::new(&exit::ENVIRONMENT, "this machine has no random numbers"))?;
        let asked = self.questions(&people, keys.as_ref(), &token)?;
        self.check_asked(&asked, &client, output)?;
        let verified = self.ask(&client, keys.as_ref(), &token, asked, output).await?;
        let source = match (self.contract, self.observed) {
            (true, _) => VerifySourceV1::Expectations,
            (false, true) => VerifySourceV1::Observed,
            (false, false) => VerifySourceV1::Desired,
        };
        let verify_json = VerifyV1::of(self.user.as_deref(), client.endpoint(), source, &token, &verified);
        Ok(self.print(&verify_json, &verified, global, output))
    }

    /// The keys of a file have the name of their user, cluster and tenant.
    fn check_owner(&self, keys: &S3Keys, people: &People) -> Result<(), Failure> {
        let (Some(owner), Some(user)) = (&keys.owner, &self.user) else { return Ok(()) };
        let tenant = people.observed.as_ref().map(|observed| observed.identity.tenant.clone());
        let tenant = tenant.or_else(|| people.loaded.desired.cluster.tenant.clone());
        let cluster = people.observed.as_ref().map(|observed| observed.identity.name.clone());
        let is_other = |theirs: &str, ours: Option<String>| ours.is_some_and(|ours| ours != theirs);
        if owner.user == *user && !is_other(&owner.tenant, tenant) && !is_other(&owner.cluster, cluster) {
            return Ok(());
        }
        let message = format!(
            "the keys are those of user `{}` of cluster {}, tenant {}: not of `{user}` there",
            owner.user, owner.cluster, owner.tenant
        );
        Err(Failure::new(&exit::NO_KEYS, message).help("name the file with the keys of this user; nothing was asked"))
    }

    fn questions(&self, people: &People, keys: Option<&S3Keys>, token: &Token) -> Result<Questions, Failure> {
        let rules = self.rules.or(people.loaded.desired.cluster.rules());
        let buckets = people.buckets();
        let attachment = match &self.user {
            Some(user) => with_buckets(people.named(user)?, &buckets, rules, None),
            None => people.anonymous(None),
        };
        if !matches!(attachment.holder, Holder::Principal(_) | Holder::Anonymous) {
            let failure = Failure::new(&exit::UNKNOWN_USER, "only users and requests without a login can be verified");
            return Err(failure);
        }
        if !attachment.is_known() {
            let message = match &attachment.holder {
                Holder::Anonymous => "no policies of buckets are known, so there is nothing to compare with".to_owned(),
                who @ (Holder::Principal(_) | Holder::Document(_) | Holder::Roles(_)) => {
                    format!("the policy of {who} is not known, so there is nothing to compare with")
                }
            };
            return Err(Failure::new(&exit::UNKNOWN_ACCESS, message).help("evaluate the cluster with `--observed`"));
        }
        let context = Context { rules, ..Context::new(&people.catalogue) };
        let context = match &self.user {
            Some(user) => context.with_user(user),
            None => context.anonymous(),
        };
        // Some servers give temporary credentials another `aws:username`.
        let is_temporary = keys.is_some_and(|keys| keys.session_token.is_some());
        let credentials = if is_temporary { Credentials::Any } else { context.credentials };
        let context = Context { credentials, ..context };
        let settings = self.bucket.iter().cloned().collect();
        let scope = Scope { objects: self.objects, reads: self.anonymous, settings, most: self.max_requests };
        let document = attachment.document.clone();
        if !self.contract {
            return Ok(questions(document.as_ref(), None, &context, &scope, token));
        }
        let claims = claims(&people.loaded.desired, &attachment.holder);
        if claims.is_empty() {
            let message = format!("no expectation with `can` or `cannot` is about {}", attachment.holder);
            return Err(Failure::new(&exit::NOT_VERIFIED, message).help("leave out `--contract`, or write one"));
        }
        Ok(questions(document.as_ref(), Some(&claims), &context, &scope, token))
    }

    /// Shows what is asked, and asks first on a terminal.
    fn check_asked(&self, asked: &Questions, client: &S3Client, output: &mut Output) -> Result<(), Failure> {
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        for question in asked.asked.iter().filter(|question| !question.is_control) {
            *kinds.entry(question.ask.row().kind).or_default() += 1;
        }
        let kinds: Vec<(&str, usize)> = kinds.iter().map(|(kind, count)| (kind.name(), *count)).collect();
        let writes = asked.asked.iter().filter(|question| question.ask.row().step != Step::Read).count();
        let who = self.user.clone().unwrap_or_else(|| "everyone without a login".to_owned());
        let service = client.endpoint().to_string();
        output.info(|out, styles| text::about_verify(out, styles, (&who, &service), &kinds, writes));
        if self.yes || asked.asked.is_empty() || !output.can_ask() {
            return Ok(());
        }
        confirm("Ask the service?", "run it on a terminal, or with --yes", output)
    }

    async fn ask(
        &self,
        client: &S3Client,
        keys: Option<&S3Keys>,
        token: &Token,
        asked: Questions,
        output: &Output,
    ) -> Result<Verified, Failure> {
        let bar = progress_bar(u64::try_from(asked.asked.len()).ok(), output);
        let manners = Manners { per_second: self.rate, ..Manners::default() };
        let asking = Asking {
            client,
            keys,
            token,
            manners: &manners,
            pace: &Pace::of(&manners),
            versioned: self.versioned,
            new_until: None,
            store: &|name, value| emergency_file(name, token, value),
            progress: &|| bar.inc(1),
        };
        let verified = verify(&asking, asked).await;
        bar.finish_and_clear();
        verified.map_err(|problem| failure(&problem, client))
    }

    fn print(
        &self,
        of: &VerifyV1,
        verified: &Verified,
        global: &GlobalArgs,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        match self.format {
            VerifyFormat::Text => output.result(|out, styles| text::verified(out, styles, of))?,
            VerifyFormat::Json => output.result(|out, _| json::write(out, of))?,
            VerifyFormat::Junit => output.result(|out, _| junit_of_verify(out, &global.file_name(), of))?,
        }
        output.info(|out, _| writeln!(out, "{NOT_PROVEN}"));
        match judged(verified) {
            VerifiedV1::Differs => return Ok(Exit::Changes),
            VerifiedV1::AsDocument => return Ok(Exit::Done),
            VerifiedV1::NotVerified => {}
        }
        let why = untold(verified);
        let help = "see what it says about each kind of request; `--objects` asks in buckets that are there";
        Err(Failure::new(&exit::NOT_VERIFIED, format!("nothing is verified: {why}")).help(help))
    }
}

/// What the answers of a run tell together.
pub(super) fn judged(verified: &Verified) -> VerifiedV1 {
    if verified.void.is_none() && verified.differs() {
        VerifiedV1::Differs
    } else if verified.tells() {
        VerifiedV1::AsDocument
    } else {
        VerifiedV1::NotVerified
    }
}

/// Why nothing is verified.
pub(super) fn untold(verified: &Verified) -> &'static str {
    match (verified.answers.len(), &verified.void) {
        (_, Some(_)) => "the run is void",
        (0, None) => "nothing was asked",
        (_, None) if verified.left.iter().any(|left| left.is_there) => "something of this run is left on the service",
        (_, None) if !verified.left.is_empty() => "a request made or changed something, which ended the run",
        (_, None) => "no answer tells",
    }
}

/// What the expectations say about someone.
fn claims<'a>(desired: &'a Desired, of: &Holder) -> Vec<Claim<'a>> {
    let is_about = |expectation: &&Expectation| match of {
        Holder::Principal(principal) => expectation.who.covers(principal),
        Holder::Anonymous => expectation.who.covers_anonymous(),
        Holder::Document(_) | Holder::Roles(_) => false,
    };
    let claim = |expectation: &'a Expectation| {
        let (allowed, of) = match &expectation.demand {
            Demand::Can(of) => (true, of),
            Demand::Cannot(of) => (false, of),
            Demand::Only(_) => return None,
        };
        Some(Claim { name: &expectation.name, allowed, of })
    };
    desired.expectations.iter().filter(is_about).filter_map(claim).collect()
}

const NOT_PROVEN: &str =
    "not proven: that the keys are those of the user, and that the address is the S3 service of the cluster";

/// Writes the value of a setting to a file that only its owner can read.
fn emergency_file(name: &str, token: &Token, value: &str) -> std::io::Result<PathBuf> {
    let path = Path::new(".").join(format!("attune-verify-{name}-{token}.txt"));
    files::write_atomic(&path, value.as_bytes(), None).map(|()| path)
}
