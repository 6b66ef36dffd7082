//! `attune access`: who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::args::{ActionArgs, CallArgs, Format, GlobalArgs, RulesArg};
use super::connect::{CommandError, connect, read_valid};
use super::documents::Documents;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{PolicyName, Principal, Release, nearest};
use crate::cluster::{Cluster, documents, observe_all};
use crate::desired::{Desired, PolicyIntent, PrincipalEntry, is_stdin, shown_path};
use crate::observed::{Body, Observed, granted};
use crate::policy::access::{ALL_RULES, Answer, Asked, Attachment, Context, Holder, Report, RequestKind, RuleList};
use crate::policy::{Catalogue, Document, normal, predefined};
use crate::render::json::{self, AccessReportV1};
use crate::render::text::{self, Detail};

/// Show what a user or group can do, or who can do something
///
/// Evaluates the attached policies in the configuration, or with --observed on the cluster. Bucket policies are not evaluated.
/// With -v, the answer also has the actions.
///
/// WHAT is a word, such as `delete-version`, or an action. A server seldom asks for the action with the name of a request, so
/// that an action stands for the request that people mean by it. The answer says which actions decide. With WHAT and ARN, exits
/// with 0 if the request is allowed by the first of the rules that count, or else with 2.
///
/// In WHAT and ARN, `*` matches any run of characters and `?` one: the answer lists what the user can do of all that. For a
/// request on objects, a bucket name means all objects in the bucket. Exits with 0 if something may be allowed.
///
/// A path that ends in `.json` is a policy document, and so is `-`, standard input. The answer is what it allows. For a bucket policy, that is the access of
/// requests without a login. No configuration is read then.
#[derive(Debug, clap::Args)]
#[command(after_long_help = help())]
pub(super) struct AccessArgs {
    /// User, group/NAME for a group, or FILE.json or `-` for a policy document
    #[arg(required_unless_present_any = ["who", "roles"])]
    user: Option<String>,
    /// A word such as `read` or `delete-version`, or an action such as s3:GetObject
    #[arg(value_name = "WHAT")]
    action: Option<String>,
    /// ARN of the resource
    arn: Option<String>,
    /// Show what a token with these roles may do: an identity provider maps each to the policy of the same name, and their
    /// access is merged. Without USER
    #[arg(long, value_delimiter = ',', value_name = "NAME", conflicts_with = "who")]
    roles: Vec<String>,
    /// Show all users and groups that can do this; patterns ask who can do something that matches
    #[arg(long, num_args = 2, value_names = ["WHAT", "ARN"], conflicts_with = "user")]
    who: Option<Vec<String>>,
    /// Take `*`, `?` and a bare bucket name literally
    #[arg(long)]
    exact: bool,
    /// Evaluate the configuration and known predefined policies (default)
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Evaluate the cluster
    #[arg(long)]
    observed: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    rules: RulesArg,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    calls: CallArgs,
}

impl AccessArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        self.check_arguments()?;
        let [user, ..] = self.arguments();
        let report = match user.filter(|user| self.is_file(user)) {
            Some(path) => {
                let mut documents = Documents::default();
                let located = documents.read_any(Path::new(path));
                let (Some(located), false) = (located, documents.has_errors()) else {
                    return documents.report_errors(self.format, output, &[path.into()]);
                };
                output.findings(&documents.findings, &documents.sources);
                self.of_document(Attachment::of_document(&shown_path(Path::new(path)), &located.document))
            }
            None => self.evaluate(global, output).await,
        };
        let report = report.map_err(|error| error.reported(self.format, output))?;
        let detail = if global.verbose > 0 { Detail::Actions } else { Detail::Requests };
        match self.format {
            Format::Text => output.result(|out, styles| text::access_report(out, styles, &report, detail))?,
            Format::Json => output.result(|out, _| json::write(out, &AccessReportV1::of(&report)))?,
        }
        if let Some(answer) = report.answers.iter().find(|answer| !answer.attachment.is_known()) {
            return Err(self.unknown(&answer.attachment));
        }
        let allowed = match &report.asked {
            Asked::Everything => true,
            Asked::Request(_) => report.answers.iter().all(Answer::is_allowed),
            Asked::Requests(_) | Asked::Actions(_) => report.answers.iter().all(Answer::may_be_allowed),
        };
        if report.has_service_accounts() {
            output.info(|out, _| writeln!(out, "{SERVICE_ACCOUNTS}"));
        }
        if matches!(report.asked, Asked::Everything) && self.format == Format::Text && detail == Detail::Requests {
            output.info(|out, _| writeln!(out, "`-v` shows the actions"));
        }
        let refused = self.who.is_none() && !allowed;
        Ok(if refused { Exit::Changes } else { Exit::Done })
    }

    /// USER, WHAT and ARN. With `--roles`, the arguments are WHAT and ARN only.
    fn arguments(&self) -> [Option<&str>; 3] {
        let [first, second, third] = [&self.user, &self.action, &self.arn].map(Option::as_deref);
        if self.roles.is_empty() { [first, second, third] } else { [None, first, second] }
    }

    fn check_arguments(&self) -> Result<(), Failure> {
        let [_, action, arn] = self.arguments();
        if action.is_some() == arn.is_some() && (self.roles.is_empty() || self.arn.is_none()) {
            return Ok(());
        }
        let message = "WHAT and ARN are given together, and with `--roles` without USER";
        Err(Failure::new(&exit::NO_REQUEST, message).help("see `attune access --help`"))
    }

    /// Whether an argument in place of a user is the path of a document.
    fn is_file(&self, user: &str) -> bool {
        let path = Path::new(user);
        !self.desired
            && !self.observed
            && (is_stdin(path) || path.extension().is_some_and(|extension| extension == "json"))
    }

    fn of_document(&self, attachment: Attachment) -> Result<Report, CommandError> {
        let catalogue = self.actions.load_or(&Release::newest())?;
        let context = Context { rules: self.rules.or(&ALL_RULES), ..Context::new(&catalogue) };
        let asked = self.asked(&catalogue)?;
        let answers = vec![attachment.answer(&asked, &context)];
        Ok(self.report(asked, context.rules, answers, 1))
    }

    async fn evaluate(&self, global: &GlobalArgs, output: &mut Output) -> Result<Report, CommandError> {
        let (attachments, catalogue, rules) = self.attachments(global, output).await?;
        let context = Context { rules: self.rules.or(&rules), ..Context::new(&catalogue) };
        let asked = self.asked(&catalogue)?;
        let [user, ..] = self.arguments();
        let attachments = match user {
            Some(user) => vec![find(user, attachments)?],
            None => attachments,
        };
        let evaluated = attachments.len();
        let answers = attachments.into_iter().map(|attachment| attachment.answer(&asked, &context));
        let shown = |answer: &Answer| self.who.is_none() || answer.may_be_allowed() || !answer.attachment.is_known();
        let answers = answers.filter(shown).collect();
        Ok(self.report(asked, context.rules, answers, evaluated))
    }

    async fn attachments(
        &self,
        global: &GlobalArgs,
        output: &mut Output,
    ) -> Result<(Vec<Attachment>, Catalogue, RuleList), CommandError> {
        let loaded = read_valid(global, output)?;
        let rules = loaded.desired.cluster.rules().clone();
        let roles = self.roles.iter().map(|role| PolicyName::reported(role.trim())).collect::<BTreeSet<_>>();
        if !self.observed {
            let release = self.actions.release_or(&Release::newest());
            let attachments = match roles.is_empty() {
                true => declared(&loaded.desired, &release),
                false => vec![of_roles(&roles, |role| {
                    declared_document(&loaded.desired, &release, role).map(|document| known(&document))
                })],
            };
            return Ok((attachments, self.actions.load_or(&release)?, rules));
        }
        let connection = connect(global, &loaded.desired.cluster, self.calls, output).await?;
        let cluster = connection.retrying();
        if !roles.is_empty() {
            let identity = cluster.identity().await?;
            let catalogue = self.actions.load_or(&identity.release)?;
            let listed: BTreeSet<PolicyName> = cluster.list_policies().await?.into_iter().collect();
            if let Some(missing) = roles.iter().find(|role| !listed.contains(*role)) {
                let message =
                    format!("the cluster has no policy `{missing}`: a token with this role gets nothing from it");
                return Err(Failure::new(&exit::UNKNOWN_ACCESS, message).help("leave it out of `--roles`").into());
            }
            let found = documents(&cluster, &roles, self.calls.jobs()).await?;
            let found: BTreeMap<PolicyName, Body> =
                found.into_iter().filter_map(|(role, text)| Some((role, Body::read(&text?)))).collect();
            return Ok((vec![of_roles(&roles, |role| found.get(role).cloned())], catalogue, rules));
        }
        let observed = observe_all(&cluster, &[], self.calls.jobs()).await?;
        let catalogue = self.actions.load_or(&observed.identity.release)?;
        Ok((observed_attachments(&observed)?, catalogue, rules))
    }

    fn asked(&self, catalogue: &Catalogue) -> Result<Asked, Failure> {
        let Some([what, on]) = self.request() else { return Ok(Asked::Everything) };
        Asked::parse(what, on, self.exact, catalogue).map_err(|problem| {
            let failure = Failure::new(&exit::NO_REQUEST, problem.to_string());
            if what.contains(':') { failure } else { failure.help("`attune access --help` has all words") }
        })
    }

    /// What is asked for, and on which resource.
    fn request(&self) -> Option<[&str; 2]> {
        let [_, what, on] = self.arguments();
        match (self.who.as_deref(), what, on) {
            (Some([what, on]), ..) => Some([what, on]),
            (_, Some(what), Some(on)) => Some([what, on]),
            (_, None, _) | (_, _, None) => None,
        }
    }

    fn report(&self, asked: Asked, rules: &RuleList, answers: Vec<Answer>, evaluated: usize) -> Report {
        let what = self.request().map(|[what, _]| what.to_owned());
        Report { asked, what, rules: rules.clone(), answers, evaluated }
    }

    fn unknown(&self, attachment: &Attachment) -> Failure {
        let policy = attachment.policy.as_ref().map(ToString::to_string).unwrap_or_default();
        let message = format!("the access of {} is unknown: it has `{policy}`", attachment.holder);
        let (why, help) = if self.observed {
            ("whose document on the cluster cannot be parsed", "replace the document")
        } else {
            ("whose document is not in the configuration", "evaluate the cluster with `--observed`")
        };
        Failure::new(&exit::UNKNOWN_ACCESS, format!("{message}, {why}")).help(help)
    }
}

/// The examples, and the words of the table of requests.
fn help() -> String {
    let words: Vec<&str> = RequestKind::ALL.iter().map(|kind| kind.word()).collect();
    format!("{EXAMPLES}\n\nWords:\n  {}", words.join(", "))
}

const EXAMPLES: &str = "\
Examples:
  attune access alice
  attune access alice -v                                   the actions, too
  attune access alice read datasets/a.csv
  attune access alice delete-version datasets/a.csv --observed
  attune access alice s3:DeleteObjectVersion datasets/a.csv
  attune access --who delete datasets
  attune access --who 's3:Delete*' 'datasets/raw/*'
  attune access --roles ml-readers,analysts --observed
  attune access --roles ml-readers,analysts read datasets
  attune access bucket-policy.json
  attune access --who list datasets --format json | jq -r '.principals[].user'";

pub(super) const SERVICE_ACCOUNTS: &str = "not shown: service accounts and temporary credentials of users, which an administrator cannot see; they \
    have at most the access of their user";

fn find(user: &str, attachments: Vec<Attachment>) -> Result<Attachment, Failure> {
    let labels: Vec<String> = attachments.iter().map(|attachment| attachment.holder.label()).collect();
    let near = nearest(user, labels.iter().map(String::as_str)).map(str::to_owned);
    let found = attachments.into_iter().zip(&labels).find(|(_, label)| *label == user);
    found.map(|(attachment, _)| attachment).ok_or_else(|| {
        let message = match user.strip_prefix("group/") {
            Some(group) => format!("there is no group `{group}` with a policy"),
            None => format!("there is no user `{user}`"),
        };
        let failure = Failure::new(&exit::UNKNOWN_USER, message);
        match near {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => {
                failure.help("this lists the users of the configuration; use `--observed` for those of the cluster")
            }
        }
    })
}

/// The merged access of a token with several roles, each of which is the name of a policy.
fn of_roles(roles: &BTreeSet<PolicyName>, body: impl Fn(&PolicyName) -> Option<Body>) -> Attachment {
    let all = roles.iter().map(PolicyName::as_str).collect::<Vec<_>>().join(",");
    let all = PolicyName::reported(all);
    let bodies: Option<BTreeMap<PolicyName, Body>> =
        roles.iter().map(|role| Some((role.clone(), body(role)?))).collect();
    let merged = bodies.and_then(|bodies| granted(&bodies, &all)?.normal().map(|normal| normal.document().clone()));
    Attachment { holder: Holder::Roles(all.clone()), policy: Some(all), document: merged }
}

fn known(document: &Document) -> Body {
    Body::Known(normal(document))
}

fn declared_document(desired: &Desired, release: &Release, policy: &PolicyName) -> Option<Document> {
    match desired.policies.get(policy).map(|entry| &entry.intent) {
        Some(PolicyIntent::Present(authored)) => Some(authored.document().clone()),
        Some(PolicyIntent::Absent) => None,
        None => predefined(policy, release),
    }
}

fn declared(desired: &Desired, release: &Release) -> Vec<Attachment> {
    let document = |policy: &PolicyName| declared_document(desired, release, policy);
    let attachment = |(principal, entry): (Principal, &PrincipalEntry)| {
        let policy = entry.intent.policy();
        Attachment {
            holder: Holder::Principal(principal),
            policy: policy.cloned(),
            document: policy.and_then(document),
        }
    };
    desired.principals().map(attachment).collect()
}

fn observed_attachments(observed: &Observed) -> Result<Vec<Attachment>, Failure> {
    if !observed.attachments_known {
        let message = format!("WEKA {} does not report attachments over REST", observed.identity.release);
        return Err(Failure::new(&exit::UNKNOWN_ACCESS, message)
            .help("evaluate the configuration instead: remove `--observed`"));
    }
    let document =
        |policy: &PolicyName| granted(&observed.policies, policy)?.normal().map(|normal| normal.document().clone());
    let attachment = |principal: Principal| {
        let policy = observed.attached_to(&principal);
        let document = policy.as_ref().and_then(document);
        Attachment { policy, document, holder: Holder::Principal(principal) }
    };
    let users = observed.users.keys().map(Principal::from);
    Ok(users.chain(observed.groups.keys().map(Principal::from)).map(attachment).collect())
}
