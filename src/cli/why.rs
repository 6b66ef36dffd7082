//! `attune access --why`: the statements that decide about a request, with their places and last changes.

use std::collections::BTreeSet;
use std::path::Path;

use super::access::AccessArgs;
use super::args::{Format, GlobalArgs};
use super::connect::CommandError;
use super::exit::{self, Exit, Failure};
use super::git::{GitProblem, last_change};
use super::output::Output;
use super::people::{People, bucket_of, with_buckets};
use crate::base::{Location, PolicyName, Sources};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::plan::{Change, ChangeKind, Plan};
use crate::policy::Catalogue;
use crate::policy::access::{Answer, Asked, Attachment, Context, Holder, Report, Request, Verdict};
use crate::render::json::{self, AccessReportV1, LastChangeV1, StatementV1, WhyChangeV1, WhyPlanV1, WhyV1};
use crate::render::text::{self, Detail};
use crate::report::{Deciding, Source, changes, deciding};

impl AccessArgs {
    /// Answers for a document, or for someone in the configuration, on the cluster or after the plan.
    pub(super) async fn run_why(
        &self,
        document: Option<Attachment>,
        global: &GlobalArgs,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let explained = match document {
            Some(document) => self.explain_document(document),
            None => self.explain(global, output).await,
        };
        let (report, why) = explained.map_err(|error| error.reported(output))?;
        match self.format {
            Format::Text => output.result(|out, styles| {
                text::access_report(out, styles, &report, Detail::Requests)?;
                text::why(out, styles, &why)
            })?,
            Format::Json => {
                let report = AccessReportV1 { why: Some(why), ..AccessReportV1::of(&report) };
                output.result(|out, _| json::write(out, &report))?;
            }
        }
        self.end(&report, output)
    }

    fn explain_document(&self, attachment: Attachment) -> Result<(Report, WhyV1), CommandError> {
        let report = self.of_document(attachment)?;
        let catalogue = self.catalogue_of_document()?;
        one_request(&report.asked, &catalogue)?;
        let context = Context { rules: &report.rules, ..Context::new(&catalogue) };
        let statements = report.answers.iter().flat_map(|answer| {
            let document = answer.attachment.document.clone().unwrap_or_default();
            deciding(
                answer,
                &report.asked,
                &[Source { policy: None, bucket: None, document, authored: None }],
                &context,
            )
        });
        let statements = statements.map(|one| StatementV1::of(&one, &Sources::default(), None)).collect();
        Ok((report, WhyV1 { statements, plan: None }))
    }

    async fn explain(&self, global: &GlobalArgs, output: &mut Output) -> Result<(Report, WhyV1), CommandError> {
        let people = self.people(global, output).await?;
        let (people, planned) = if self.plan {
            let (people, plan, before) = people.planned(output)?;
            (people, Some((plan, before)))
        } else {
            (people, None)
        };
        let rules = people.loaded.desired.cluster.rules();
        let context = Context { rules: self.rules.or(rules), ..Context::new(&people.catalogue) };
        let asked = self.asked(&people.catalogue)?;
        one_request(&asked, &people.catalogue)?;
        let (attachment, buckets, only) = (self.subject(&people)?, people.buckets(), bucket_of(&asked));
        let mut sources = people.sources(&attachment);
        sources.extend(people.sources_of_buckets(&attachment, context.rules, only.as_ref()));
        let attachment = with_buckets(attachment, &buckets, context.rules, only.as_ref());
        let answer = attachment.answer(&asked, &context);
        let found = deciding(&answer, &asked, &sources, &context);
        let plan = planned.map(|(plan, before)| plan_of(&people, (&plan, &before), &answer, &asked, &context));
        let statements = found
            .iter()
            .map(|one| StatementV1::of(one, &people.loaded.sources, of_lines(one, &people.loaded.sources, output)));
        let why = WhyV1 { statements: statements.collect(), plan };
        let evaluated = usize::from(answer.attachment.holder != Holder::Anonymous);
        Ok((self.report(asked, context.rules, vec![answer], (evaluated, people.buckets_known())), why))
    }
}

/// Refuses a question about more than one request.
fn one_request(asked: &Asked, catalogue: &Catalogue) -> Result<(), Failure> {
    let refuse = |why: String| {
        let help = "name one resource, for objects BUCKET/KEY; `--exact` takes `*` and `?` literally";
        Err(Failure::new(&exit::NO_REQUEST, why).help(help))
    };
    match asked {
        Asked::Request(_) => Ok(()),
        Asked::Actions(of) if !of.resource().contains(['*', '?']) => {
            match Request::parse(of.action(), of.resource(), catalogue) {
                Ok(_) => Ok(()),
                Err(problem) => refuse(problem.to_string()),
            }
        }
        Asked::Everything => refuse("`--why` needs WHAT and ARN".to_owned()),
        Asked::Actions(_) | Asked::Requests(_) | Asked::All(_) => {
            refuse("`--why` is about one request, not about all that match".to_owned())
        }
    }
}

/// What a plan changes of a request. `answer` is that after the plan.
fn plan_of(
    people: &People,
    (plan, before): (&Plan, &Observed),
    answer: &Answer,
    asked: &Asked,
    context: &Context<'_>,
) -> WhyPlanV1 {
    let of_before = people.in_state(before, &answer.attachment.holder);
    let of_before = with_buckets(of_before, &before.buckets, context.rules, bucket_of(asked).as_ref());
    let listed = |of: &Attachment| of.policy.iter().flat_map(|policy| policy.listed().collect::<Vec<_>>()).collect();
    let mut policies: BTreeSet<PolicyName> = listed(&of_before);
    policies.extend::<BTreeSet<_>>(listed(&answer.attachment));
    let changed = changes(plan, &answer.attachment.holder, &policies);
    let (desired, sources) = (&people.loaded.desired, &people.loaded.sources);
    WhyPlanV1 {
        before: verdict(&of_before.answer(asked, context)),
        after: verdict(answer),
        refused: !plan.refusals.is_empty(),
        changes: changed
            .into_iter()
            .map(|of| WhyChangeV1::of(of, declaration(of, desired).as_ref(), sources))
            .collect(),
    }
}

/// The answer to a question about one request or action, by the leading rules.
fn verdict(answer: &Answer) -> Verdict {
    match answer.decisions.first() {
        Some((_, decision)) => decision.verdict,
        None if !answer.attachment.is_known() => Verdict::Depends,
        None if !answer.may_be_allowed() => Verdict::Denied,
        None => {
            let is_open = |access: &crate::policy::access::Access| {
                !access.undecided.is_empty() || access.gained.iter().all(|line| !line.conditions.is_empty())
            };
            if answer.access.as_ref().is_some_and(is_open) { Verdict::Depends } else { Verdict::Allowed }
        }
    }
}

/// The place of the declaration that a change is about.
fn declaration(change: &Change, desired: &Desired) -> Option<Location> {
    match &change.kind {
        ChangeKind::AddPolicy { policy, .. }
        | ChangeKind::ReplacePolicy { policy, .. }
        | ChangeKind::RenamePolicy { policy, .. }
        | ChangeKind::RemovePolicy { policy, .. } => desired.policies.get(policy)?.at.clone(),
        ChangeKind::Attach { principal, .. }
        | ChangeKind::Move { principal, .. }
        | ChangeKind::Detach { principal, .. } => {
            desired.principals().find(|(who, _)| who == principal).and_then(|(_, entry)| entry.at.clone())
        }
        ChangeKind::SetBucketPolicy { bucket, .. } => desired.buckets.get(bucket)?.at.clone(),
    }
}

/// The last change of the lines of a statement.
fn of_lines(one: &Deciding, sources: &Sources, output: &mut Output) -> Option<LastChangeV1> {
    let at = one.extent.as_ref()?;
    let path = Path::new(&sources.file(at.file).path);
    changed(path, at, sources).unwrap_or_else(|problem| {
        let path = path.display();
        output.info(|out, _| writeln!(out, "the last change of {path} is not known: {problem}"));
        None
    })
}

fn changed(path: &Path, at: &Location, sources: &Sources) -> Result<Option<LastChangeV1>, GitProblem> {
    if !path.is_file() {
        return Ok(None);
    }
    let end = at.span.end.saturating_sub(1).max(at.span.start);
    let last = Location { file: at.file, span: end..end };
    let text = &sources.file(at.file).text;
    let (first, last) = (sources.line_column(at).0, sources.line_column(&last).0);
    last_change(path, text, first..=end_of_table(text, first).unwrap_or(last).max(last))
}

/// The last line of a table of TOML whose header is this line: the place of a statement may be its header alone.
fn end_of_table(text: &str, header: usize) -> Option<usize> {
    let mut lines = text.lines().enumerate().skip(header.checked_sub(1)?).map(|(index, line)| (index + 1, line.trim()));
    lines.next().filter(|(_, line)| line.starts_with("[["))?;
    let is_own = |(_, line): &(usize, &str)| !line.starts_with('[');
    let has_value = |(_, line): &(usize, &str)| !line.is_empty() && !line.starts_with('#');
    lines.take_while(is_own).filter(has_value).last().map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_ends_before_the_next_header() {
        let text = "[[a.statement]]\nx = 1\ny = [\n  2,\n]\n\n# About b.\n[[b]]\nz = 1\n";
        assert_eq!([1, 2, 8, 9, 20].map(|line| end_of_table(text, line)), [Some(5), None, Some(9), None, None]);
    }
}
