//! `attune access`: who may do what.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::{ActionArgs, CallArgs, Format, GlobalArgs, RulesArg};
use super::connect::{CommandError, read_valid};
use super::documents::Documents;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::people::{People, bucket_of, role, with_buckets};
use crate::base::{PolicyName, Release, count};
use crate::desired::{is_stdin, shown_path};
use crate::policy::Catalogue;
use crate::policy::access::{
    ALL_RULES, Answer, Asked, Attachment, Comparison, Context, Holder, Relation, Report, RequestKind, RuleList, compare,
};
use crate::render::json::{self, AccessComparisonV1, AccessReportV1};
use crate::render::text::{self, Detail};

/// Show what a user or group can do, or who can do something
///
/// Evaluates the attached policies and the policies of buckets in the configuration, or with --observed on the cluster. With -v, the answer also has the actions.
///
/// Only the policy of a bucket lets in requests without a login: `--anonymous` shows what they can do. Whether it counts for users
/// as well is a question of the rules.
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
    #[arg(required_unless_present_any = ["who", "roles", "compare", "anonymous"])]
    user: Option<String>,
    /// A word such as `read` or `delete-version`, or an action such as s3:GetObject
    #[arg(value_name = "WHAT")]
    action: Option<String>,
    /// ARN of the resource
    arn: Option<String>,
    /// Show what a token with these roles may do: an identity provider maps each to the policy of the same name, and their
    /// access is merged. Without USER. With `--who`, also show the tokens with one of these roles, or one of `[roles]`
    #[arg(long, value_delimiter = ',', value_name = "NAME", num_args = 0..=1)]
    roles: Option<Vec<String>>,
    /// Show what anyone can do without a login. Without USER
    #[arg(long, conflicts_with_all = ["who", "roles", "compare"])]
    anonymous: bool,
    /// Show all users and groups that can do this, and whether anyone can without a login; patterns ask who can do something that
    /// matches
    #[arg(long, num_args = 2, value_names = ["WHAT", "ARN"], conflicts_with = "user")]
    who: Option<Vec<String>>,
    /// With `--who`, show who can do something of what matches (default)
    #[arg(long, requires = "who", conflicts_with = "all")]
    any: bool,
    /// With `--who`, show who can do all of what matches, on every resource that matches
    #[arg(long, requires = "who", conflicts_with = "exact")]
    all: bool,
    /// Show what only one of two can do, and what both can: users, group/NAME, role/NAME of a token, or @anonymous
    #[arg(long, num_args = 2, value_names = ["USER", "USER"], conflicts_with_all = ["user", "who", "roles", "exact"])]
    compare: Option<Vec<String>>,
    /// Also show which statements decide about one request, where they are, and which commit last changed them
    #[arg(long, conflicts_with_all = ["who", "compare"])]
    why: bool,
    /// With `--why`, evaluate the cluster after the plan, and show which of its changes concern the request
    #[arg(long, requires = "why", conflicts_with_all = ["observed", "desired"])]
    pub(super) plan: bool,
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
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) rules: RulesArg,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    calls: CallArgs,
}

impl AccessArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        self.check_arguments()?;
        if let Some([one, other]) = self.compare.as_deref() {
            return self.run_comparison([one, other], global, output).await;
        }
        let [user, ..] = self.arguments();
        let mut document = None;
        if let Some(path) = user.filter(|user| self.is_file(user)) {
            let mut documents = Documents::default();
            let located = documents.read_any(Path::new(path));
            let (Some(located), false) = (located, documents.has_errors()) else {
                return documents.report_errors(self.format, output, &[path.into()]);
            };
            output.findings(&documents.findings, &documents.sources);
            document = Some(Attachment::of_document(&shown_path(Path::new(path)), &located.document));
        }
        if self.why {
            return self.run_why(document, global, output).await;
        }
        let report = match document {
            Some(attachment) => self.of_document(attachment),
            None => self.evaluate(global, output).await,
        };
        let report = report.map_err(|error| error.reported(output))?;
        let detail = self.detail(global);
        match self.format {
            Format::Text => output.result(|out, styles| text::access_report(out, styles, &report, detail))?,
            Format::Json => output.result(|out, _| json::write(out, &AccessReportV1::of(&report)))?,
        }
        if matches!(report.asked, Asked::Everything) && self.format == Format::Text && detail == Detail::Requests {
            output.info(|out, _| writeln!(out, "`-v` shows the actions"));
        }
        self.end(&report, output)
    }

    /// The exit code of an answer, and what it does not cover.
    pub(super) fn end(&self, report: &Report, output: &mut Output) -> Result<Exit, Failure> {
        if let Some(answer) = report.answers.iter().find(|answer| !answer.attachment.is_known()) {
            return Err(self.unknown(&answer.attachment));
        }
        let allowed = match &report.asked {
            Asked::Everything => true,
            Asked::Request(_) => report.answers.iter().all(Answer::is_allowed),
            Asked::Requests(_) | Asked::Actions(_) | Asked::All(_) => report.answers.iter().all(Answer::may_be_allowed),
        };
        if report.has_service_accounts() {
            output.info(|out, _| writeln!(out, "{SERVICE_ACCOUNTS}"));
        }
        if !report.buckets_known {
            output.info(|out, _| writeln!(out, "{BUCKETS}"));
        }
        let refused = self.who.is_none() && !allowed;
        Ok(if refused { Exit::Changes } else { Exit::Done })
    }

    /// Whether the first argument is USER.
    fn has_user(&self) -> bool {
        !self.anonymous && (self.roles.is_none() || self.who.is_some())
    }

    /// USER, WHAT and ARN. With `--roles` or `--anonymous`, the arguments are WHAT and ARN only.
    fn arguments(&self) -> [Option<&str>; 3] {
        let [first, second, third] = [&self.user, &self.action, &self.arn].map(Option::as_deref);
        if self.has_user() { [first, second, third] } else { [None, first, second] }
    }

    fn check_arguments(&self) -> Result<(), Failure> {
        let [_, action, arn] = self.arguments();
        let refused = |message: &str| Failure::new(&exit::NO_REQUEST, message).help("see `attune access --help`");
        if self.plan && !self.why {
            return Err(refused("`--plan` belongs to `--why`"));
        }
        if (self.any || self.all) && self.who.is_none() {
            return Err(refused("`--any` and `--all` belong to `--who WHAT ARN`"));
        }
        if self.roles.as_ref().is_some_and(Vec::is_empty) && self.who.is_none() {
            return Err(refused("`--roles` names no role").help(
                "name some, for example `--roles analysts`; only with `--who`, it stands for those of `[roles]`",
            ));
        }
        if action.is_some() == arn.is_some() && (self.has_user() || self.arn.is_none()) {
            return Ok(());
        }
        Err(refused("WHAT and ARN are given together, and with `--roles` or `--anonymous` without USER"))
    }

    /// Whether an argument in place of a user is the path of a document.
    fn is_file(&self, user: &str) -> bool {
        let path = Path::new(user);
        !self.desired
            && !self.observed
            && !self.plan
            && (is_stdin(path) || path.extension().is_some_and(|extension| extension == "json"))
    }

    pub(super) fn catalogue_of_document(&self) -> Result<Catalogue, Failure> {
        self.actions.load_or(&Release::newest())
    }

    pub(super) fn of_document(&self, attachment: Attachment) -> Result<Report, CommandError> {
        let catalogue = self.catalogue_of_document()?;
        let context = Context { rules: self.rules.or(&ALL_RULES), ..Context::new(&catalogue) };
        let asked = self.asked(&catalogue)?;
        let answers = vec![attachment.answer(&asked, &context)];
        Ok(self.report(asked, context.rules, answers, (1, true)))
    }

    async fn evaluate(&self, global: &GlobalArgs, output: &mut Output) -> Result<Report, CommandError> {
        let people = self.people(global, output).await?;
        let rules = people.loaded.desired.cluster.rules();
        let context = Context { rules: self.rules.or(rules), ..Context::new(&people.catalogue) };
        let asked = self.asked(&people.catalogue)?;
        let mut attachments = match self.who {
            None => vec![self.subject(&people)?],
            Some(_) => self.everyone(&people, output)?,
        };
        let is_anonymous = |attachment: &Attachment| attachment.holder == Holder::Anonymous;
        let evaluated = attachments.iter().filter(|attachment| !is_anonymous(attachment)).count();
        // Without an answer about them, a line says so.
        attachments.retain(|attachment| self.who.is_none() || !is_anonymous(attachment) || attachment.is_known());
        let (buckets, only) = (people.buckets(), bucket_of(&asked));
        let answers = attachments.into_iter().map(|attachment| {
            let mut attachment = with_buckets(attachment, &buckets, context.rules, only.as_ref());
            if is_anonymous(&attachment) && only.is_some() {
                attachment = people.anonymous(only.as_ref());
            }
            let mut answer = attachment.answer(&asked, &context);
            let is_about_some = !matches!(asked, Asked::Everything | Asked::Request(_));
            if answer.attachment.holder == Holder::Anonymous && is_about_some && answer.may_be_allowed() {
                answer.by = people.by_buckets(&asked, &context);
            }
            answer
        });
        let shown = |answer: &Answer| self.who.is_none() || answer.may_be_allowed() || !answer.attachment.is_known();
        let answers = answers.filter(shown).collect();
        Ok(self.report(asked, context.rules, answers, (evaluated, people.buckets_known())))
    }

    /// The user, group or token that is asked about.
    pub(super) fn subject(&self, people: &People) -> Result<Attachment, Failure> {
        let [user, ..] = self.arguments();
        match user {
            Some(user) => people.named(user),
            None if self.anonymous => Ok(people.anonymous(None)),
            None => people.with_roles(&self.roles()),
        }
    }

    pub(super) async fn people(&self, global: &GlobalArgs, output: &mut Output) -> Result<People, CommandError> {
        let mut roles = self.roles();
        let compared = self.compare.iter().flatten().chain(&self.user);
        roles.extend(compared.filter_map(|name| role(name)).flatten());
        let loaded = read_valid(global, output)?;
        let settings = loaded.desired.cluster.clone();
        let connection = (self.observed || self.plan).then_some(&settings);
        People::of(loaded, connection, &roles, (&self.actions, self.calls), global, output).await
    }

    /// The roles that are named.
    fn roles(&self) -> BTreeSet<PolicyName> {
        self.roles.iter().flatten().map(|role| PolicyName::reported(role.trim())).collect()
    }

    /// Everyone whom `--who` asks about: users, groups, anyone without a login, and with `--roles` tokens with one role.
    fn everyone(&self, people: &People, output: &mut Output) -> Result<Vec<Attachment>, Failure> {
        let mut all = people.all()?;
        let declared = people.declared_roles();
        if self.roles.is_none() && !declared.is_empty() {
            let roles = count(declared.len(), "role", "roles");
            output.info(|out, _| writeln!(out, "not asked: {roles} of an identity provider; `--roles` adds them"));
        }
        let roles = match (&self.roles, self.roles()) {
            (Some(_), named) if named.is_empty() => declared.clone(),
            (_, named) => named,
        };
        for role in roles {
            all.push(people.with_roles(&BTreeSet::from([role]))?);
        }
        all.push(people.anonymous(None));
        Ok(all)
    }

    async fn compared(
        &self,
        [one, other]: [&str; 2],
        global: &GlobalArgs,
        output: &mut Output,
    ) -> Result<Comparison, CommandError> {
        let people = self.people(global, output).await?;
        let rules = people.loaded.desired.cluster.rules();
        let context = Context { rules: self.rules.or(rules), ..Context::new(&people.catalogue) };
        let buckets = people.buckets();
        let [one, other] = [people.named(one)?, people.named(other)?]
            .map(|attachment| with_buckets(attachment, &buckets, context.rules, None));
        if let Some(unknown) = [&one, &other].into_iter().find(|of| !of.is_known()) {
            return Err(self.unknown(unknown).into());
        }
        Ok(compare(one, other, &context))
    }

    async fn run_comparison(&self, pair: [&str; 2], global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let comparison = self.compared(pair, global, output).await;
        let comparison = comparison.map_err(|error| error.reported(output))?;
        let of = AccessComparisonV1::of(&comparison);
        match self.format {
            Format::Text => output.result(|out, styles| text::comparison(out, styles, &of, self.detail(global)))?,
            Format::Json => output.result(|out, _| json::write(out, &of))?,
        }
        Ok(if comparison.relation() == Relation::Same { Exit::Done } else { Exit::Changes })
    }

    fn detail(&self, global: &GlobalArgs) -> Detail {
        if global.verbose > 0 { Detail::Actions } else { Detail::Requests }
    }

    pub(super) fn asked(&self, catalogue: &Catalogue) -> Result<Asked, Failure> {
        let Some([what, on]) = self.request() else { return Ok(Asked::Everything) };
        let asked = match self.all {
            true => Asked::all(what, on, catalogue),
            false => Asked::parse(what, on, self.exact, catalogue),
        };
        asked.map_err(|problem| {
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

    /// A report. `evaluated` is the number of users and groups, and whether the policies of buckets are known.
    pub(super) fn report(
        &self,
        asked: Asked,
        rules: &RuleList,
        answers: Vec<Answer>,
        (evaluated, buckets_known): (usize, bool),
    ) -> Report {
        let what = self.request().map(|[what, _]| what.to_owned());
        let with_roles = self.who.is_some() && self.roles.is_some();
        Report { asked, what, rules: rules.clone(), answers, evaluated, with_roles, buckets_known }
    }

    fn unknown(&self, attachment: &Attachment) -> Failure {
        if attachment.holder == Holder::Anonymous {
            let message = "what anyone can do without a login is unknown: no policies of buckets were read";
            let help = match self.observed {
                true => "see the warning about the policies of buckets",
                false => "evaluate the cluster with `--observed`, or declare `[buckets.NAME]`",
            };
            return Failure::new(&exit::UNKNOWN_ACCESS, message).help(help);
        }
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
  attune access --who read datasets --all                  who can read all of it
  attune access --compare alice group/ops
  attune access --why alice read datasets/a.csv            which statement, where, and who wrote it
  attune access --why alice read datasets/a.csv --plan     and which change of the plan gives it
  attune access --anonymous read datasets/a.csv --observed
  attune access --roles ml-readers,analysts --observed
  attune access --roles ml-readers,analysts read datasets
  attune access bucket-policy.json
  attune access --who list datasets --format json | jq -r '.principals[].user'";

const BUCKETS: &str =
    "not counted: the policies of buckets, which are not known; it is unknown what anyone can do without a login";

pub(super) const SERVICE_ACCOUNTS: &str = "not counted: service accounts and temporary credentials of users, which an administrator cannot see; they \
    have at most the access of their user";
