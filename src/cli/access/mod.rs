//! `attune access`: who may do what.

mod holders;

use super::actions::{ActionArgs, Rules};
use super::args::{Format, GlobalArgs, Pace};
use super::connect::connect;
use super::desired::{NotReady, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{Release, nearest};
use crate::cluster::observe_held;
use crate::policy::Catalogue;
use crate::policy::access::{Answer, Context, Holder, Report, Request};
use crate::render::json::{self, AccessReportV1};
use crate::render::text;

/// Show what a user or group may do, whether it may do one thing, or who may
///
/// Asks the file, or with --observed the cluster. Looks at the policies that users hold; bucket policies are outside.
/// With ACTION and ARN, exits with 0 when that is allowed, else with 2. In an ARN, `*` and `?` stand for themselves.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune access alice
  attune access alice s3:GetObject arn:aws:s3:::datasets/a.csv
  attune access alice s3:GetObject arn:aws:s3:::datasets/a.csv --observed
  attune access --who s3:DeleteObject arn:aws:s3:::datasets/a.csv
  attune access --who s3:ListBucket arn:aws:s3:::datasets --format json | jq -r '.principals[].user'")]
pub(super) struct AccessArgs {
    /// The user; a group as group/NAME
    #[arg(required_unless_present = "who")]
    user: Option<String>,
    /// The action, such as s3:GetObject
    #[arg(requires = "arn")]
    action: Option<String>,
    /// The resource, as an ARN
    arn: Option<String>,
    /// Show every user and group that may do this
    #[arg(long, num_args = 2, value_names = ["ACTION", "ARN"], conflicts_with = "user")]
    who: Option<Vec<String>>,
    /// Ask the file: its users, groups and documents, and what is known of predefined policies; the default
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Ask the cluster
    #[arg(long)]
    observed: bool,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Whose rules of evaluation apply
    #[arg(long, value_enum, default_value_t = Rules::Both)]
    profile: Rules,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    pace: Pace,
}

impl AccessArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let report = match self.ask(global, output).await {
            Ok(report) => report,
            Err(failed) => return failed.reported(self.format, output),
        };
        if report.request.as_ref().is_some_and(Request::looks_like_a_pattern) {
            output.warn("a request is about one resource: `*` and `?` in it stand for themselves");
        }
        match self.format {
            Format::Text => output.result(|out, styles| text::access_report(out, styles, &report))?,
            Format::Json => output.result(|out, _| json::write(out, &AccessReportV1::of(&report)))?,
        }
        if let Some(answer) = report.answers.iter().find(|answer| !answer.holder.is_known()) {
            return Err(self.unknown(&answer.holder));
        }
        let refused = self.who.is_none() && report.request.is_some() && !report.answers.iter().all(Answer::is_allowed);
        Ok(if refused { Exit::Changes } else { Exit::Done })
    }

    async fn ask(&self, global: &GlobalArgs, output: &mut Output) -> Result<Report, NotReady> {
        let (holders, catalogue) = self.holders(global, output).await?;
        let context = Context { profile: self.profile.profile(), ..Context::new(&catalogue) };
        let request = self.request(&catalogue)?;
        let holders = match &self.user {
            Some(user) => vec![find(user, holders)?],
            None => holders,
        };
        let answers = holders.into_iter().map(|holder| match &request {
            Some(request) => holder.asked(request, &context),
            None => holder.everything(&context),
        });
        let shown = |answer: &Answer| self.who.is_none() || answer.may_be_allowed() || !answer.holder.is_known();
        Ok(Report { answers: answers.filter(shown).collect(), request })
    }

    async fn holders(&self, global: &GlobalArgs, output: &mut Output) -> Result<(Vec<Holder>, Catalogue), NotReady> {
        let loaded = read_whole(global, output)?;
        if !self.observed {
            let newest = Release::newest();
            let release = self.actions.release().unwrap_or(&newest);
            return Ok((holders::declared(&loaded.desired, release), self.actions.catalogue()?));
        }
        let connection = connect(global, &loaded.desired.cluster, self.pace.jobs(), output).await?;
        let observed = observe_held(&connection.retrying(&self.pace), self.pace.jobs()).await.map_err(Failure::from)?;
        let catalogue = self.actions.catalogue_or(&observed.identity.release)?;
        Ok((holders::observed(&observed)?, catalogue))
    }

    fn request(&self, catalogue: &Catalogue) -> Result<Option<Request>, Failure> {
        let asked = match (self.who.as_deref(), &self.action, &self.arn) {
            (Some([action, arn]), ..) => Some((action, arn)),
            (_, Some(action), Some(arn)) => Some((action, arn)),
            (_, None, _) | (_, _, None) => None,
        };
        let Some((action, arn)) = asked else { return Ok(None) };
        let request = Request::parse(action, arn, catalogue);
        request.map(Some).map_err(|problem| Failure::new(&exit::NO_REQUEST, problem.to_string()))
    }

    fn unknown(&self, holder: &Holder) -> Failure {
        let policy = holder.policy.as_ref().map(ToString::to_string).unwrap_or_default();
        let message = format!("what {} may do is not known: it holds `{policy}`", holder.principal);
        let (why, help) = if self.observed {
            ("whose document on the cluster cannot be understood", "replace it with one that can")
        } else {
            ("whose document is not in the file", "ask the cluster with `--observed`")
        };
        Failure::new(&exit::UNKNOWN_ACCESS, format!("{message}, {why}")).help(help)
    }
}

fn find(user: &str, holders: Vec<Holder>) -> Result<Holder, Failure> {
    let labels: Vec<String> = holders.iter().map(|holder| holder.principal.label()).collect();
    let near = nearest(user, labels.iter().map(String::as_str)).map(str::to_owned);
    let found = holders.into_iter().zip(&labels).find(|(_, label)| *label == user);
    found.map(|(holder, _)| holder).ok_or_else(|| {
        let message = match user.strip_prefix("group/") {
            Some(group) => format!("there is no group `{group}` that holds a policy"),
            None => format!("there is no user `{user}`"),
        };
        let failure = Failure::new(&exit::UNKNOWN_USER, message);
        match near {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("the file's users are asked; those of the cluster with `--observed`"),
        }
    })
}
