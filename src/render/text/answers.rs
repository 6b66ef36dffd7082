//! The answers of `attune access`: what people can do, and who can do something.

use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

use super::access::access;
use super::questions::{self, UNKNOWN, grounds, grounds_of};
use super::wrapped;
use crate::base::{GroupName, UserName, list};
use crate::policy::access::{
    Access, ActionDecision, Answer, Asked, Attachment, Holder, Need, Report, RequestDecision, RequestKind, RequestOn,
    Rules, Side, Verdict, WayDecision, Whole, in_words,
};
use crate::render::Styles;
use crate::render::json::{AccessLineV1, AccessV1, CanV1, Profile, UndecidedRequestsV1, UndecidedV1};
use crate::render::phrase::{self, grouped, places, shown};

/// How much a report says about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What people can do.
    Requests,
    /// The actions as well.
    Actions,
}

/// The widest column of resources. Longer ones have a line of their own.
const RESOURCES: usize = 32;

/// Writes the answers, one after the other.
pub fn access_report(out: &mut dyn Write, styles: &Styles, report: &Report, detail: Detail) -> io::Result<()> {
    wrapped(out, styles, |out| match &report.asked {
        Asked::Everything | Asked::Request(_) => blocks(out, styles, report, detail),
        Asked::Requests(_) | Asked::Actions(_) => matching(out, styles, report),
        Asked::All(whole) => having_all(out, styles, report, whole),
    })
}

/// Users and groups with the same policy and the same answer share a block.
fn blocks(out: &mut dyn Write, styles: &Styles, report: &Report, detail: Detail) -> io::Result<()> {
    let mut blocks = Vec::new();
    for answer in &report.answers {
        let mut block = Vec::new();
        block_of(&mut block, styles, report, answer, detail)?;
        blocks.push(((answer.attachment.policy.as_ref(), block), &answer.attachment));
    }
    for ((_, block), some) in grouped(blocks) {
        writeln!(out, "{}", attached(&some))?;
        out.write_all(&block)?;
    }
    if report.answers.is_empty() {
        writeln!(out, "nobody")?;
    }
    Ok(())
}

fn block_of(out: &mut dyn Write, styles: &Styles, report: &Report, answer: &Answer, detail: Detail) -> io::Result<()> {
    if !answer.attachment.is_known() {
        return writeln!(out, "  {}", styles.change.apply_to(UNKNOWN));
    }
    if let Asked::Request(request) = &report.asked {
        return decisions(out, styles, report, request, answer);
    }
    let nothing = Access::default();
    let allowed = answer.access.as_ref().unwrap_or(&nothing);
    let can = answer.can.as_ref().map(CanV1::of).unwrap_or_default();
    match (can == CanV1::default(), *allowed == nothing) {
        (true, true) => return writeln!(out, "  no access"),
        (true, false) => writeln!(out, "  nothing: no server asks for the actions of this policy alone")?,
        (false, _) => everything(out, styles, &can, &rules_of(report))?,
    }
    other_keys(out, styles, report, answer)?;
    questions::by_buckets(out, answer)?;
    match detail {
        Detail::Requests => Ok(()),
        Detail::Actions => {
            writeln!(out, "  {}", styles.strong.apply_to("actions"))?;
            access(out, styles, "  ", &AccessV1::of(allowed))
        }
    }
}

fn rules_of(report: &Report) -> Vec<String> {
    report.rules.iter().map(|rules| rules.to_string()).collect()
}

/// Writes what can be done, by resources; then how the other rules differ from the leading ones.
pub(super) fn everything(out: &mut dyn Write, styles: &Styles, can: &CanV1, rules: &[String]) -> io::Result<()> {
    let places = places(can, rules);
    let rows: Vec<(String, String)> =
        places.iter().filter_map(|place| Some((place.resources(shown), place.leading()?))).collect();
    let widths = rows.iter().map(|(resources, _)| measure_text_width(resources));
    let width = widths.filter(|width| *width <= RESOURCES).max().unwrap_or(0);
    for (resources, words) in &rows {
        if measure_text_width(resources) > width {
            writeln!(out, "  {resources}\n      {}", styles.add.apply_to(words))?;
        } else {
            let start = format!("  {}   ", pad_str(resources, width, Alignment::Left, None));
            hanging(out, styles, &start, words)?;
        }
    }
    if rows.is_empty() {
        writeln!(out, "  nothing by {}", rules.first().map_or("", String::as_str))?;
    }
    let different = places.iter().filter_map(|place| Some((place.differences(rules)?, place.resources(shown))));
    for (difference, of) in grouped(different) {
        writeln!(out, "  {} {}: {difference}", styles.change.apply_to("!"), of.join("; "))?;
    }
    can.undecided.iter().try_for_each(|open| writeln!(out, "  {}", styles.change.apply_to(undecided(open))))
}

/// Writes text after a start. Its lines begin below each other.
fn hanging(out: &mut dyn Write, styles: &Styles, start: &str, text: &str) -> io::Result<()> {
    let indent = measure_text_width(start);
    let most = styles.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(20));
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= most => *line += &format!(" {word}"),
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    for (index, line) in lines.iter().enumerate() {
        let start = if index == 0 { start.to_owned() } else { " ".repeat(indent) };
        writeln!(out, "{start}{}", styles.add.apply_to(line))?;
    }
    Ok(())
}

fn undecided(open: &UndecidedRequestsV1) -> String {
    let kinds = open.requests.iter().filter_map(|word| RequestKind::of_word(word));
    format!("? {}: perhaps {} (undecided)", phrase::pattern(&open.pattern, shown), in_words(kinds))
}

/// Writes one line for each user and group, and their number.
fn matching(out: &mut dyn Write, styles: &Styles, report: &Report) -> io::Result<()> {
    for answer in &report.answers {
        let (parts, others) = match (&answer.can, &answer.access) {
            (Some(can), _) => of_requests(&within_question(CanV1::of(can), report), &rules_of(report)),
            (None, Some(all)) => of_actions(&AccessV1::of(all)),
            (None, None) => (vec![UNKNOWN.to_owned()], Vec::new()),
        };
        let (style, text) = match parts.as_slice() {
            _ if !answer.attachment.is_known() => (&styles.change, UNKNOWN.to_owned()),
            [] => (&styles.remove, "- nothing of that".to_owned()),
            some => (&styles.add, format!("+ {}", some.join("; "))),
        };
        writeln!(out, "{}: {}", attached(&[&answer.attachment]), style.apply_to(text))?;
        others.iter().try_for_each(|line| writeln!(out, "  {} {line}", styles.change.apply_to("!")))?;
        other_keys(out, styles, report, answer)?;
        questions::by_buckets(out, answer)?;
    }
    if questions::is_about_one(report) {
        return Ok(());
    }
    let some = report.answers.iter().filter(|answer| questions::is_counted(answer) && answer.may_be_allowed()).count();
    writeln!(out, "{}", questions::counted(report, some, &asked(report)))
}

/// Writes one line for everyone who can do all of something, or may under conditions, and the number of those who always can.
fn having_all(out: &mut dyn Write, styles: &Styles, report: &Report, whole: &Whole) -> io::Result<()> {
    for answer in &report.answers {
        let (text, others) = questions::all(styles, answer);
        writeln!(out, "{}: {text}", attached(&[&answer.attachment]))?;
        others.iter().try_for_each(|line| writeln!(out, "  {} {line}", styles.change.apply_to("!")))?;
        questions::by_buckets(out, answer)?;
    }
    let some = report.answers.iter().filter(|answer| questions::is_counted(answer) && answer.is_all_allowed()).count();
    let asked = questions::asked(whole, report.what.as_deref().unwrap_or_default());
    writeln!(out, "{}", questions::counted(report, some, &asked))
}

/// What was asked for: `can read in logs`.
fn asked(report: &Report) -> String {
    let what = shown(report.what.as_deref().unwrap_or_default());
    match &report.asked {
        Asked::Everything | Asked::Request(_) | Asked::All(_) => what,
        Asked::Requests(question) => {
            let resource = shown(phrase::bare(question.resource()));
            match question.kinds().collect::<Vec<_>>().as_slice() {
                [only] => format!("can {} in {resource}", only.phrase()),
                _ => format!("can do something of {what} in {resource}"),
            }
        }
        Asked::Actions(question) => {
            format!("may do {what} on something in {}", shown(phrase::bare(question.resource())))
        }
    }
}

/// The same without the patterns of the question: whoever asks knows them.
fn within_question(mut can: CanV1, report: &Report) -> CanV1 {
    if let Asked::Requests(question) = &report.asked {
        let asked = question.resource();
        let is_asked = |one: &String| one.strip_prefix(asked).is_some_and(|rest| ["", "/", "/*"].contains(&rest));
        can.requests.iter_mut().for_each(|line| line.within.retain(|one| !is_asked(one)));
    }
    can
}

/// What can be done by the leading rules, and how the others differ.
fn of_requests(can: &CanV1, rules: &[String]) -> (Vec<String>, Vec<String>) {
    let places = places(can, rules);
    let part = |of: &phrase::Place<'_>| Some(format!("{} on {}", of.leading()?, of.resources(shown)));
    let other = |of: &phrase::Place<'_>| Some(format!("{}: {}", of.resources(shown), of.differences(rules)?));
    let parts = places.iter().filter_map(part).chain(can.undecided.iter().map(undecided)).collect();
    (parts, places.iter().filter_map(other).collect())
}

/// Which actions are allowed by the leading rules, and which only by others.
fn of_actions(all: &AccessV1) -> (Vec<String>, Vec<String>) {
    let of_others = |rules: Profile| {
        let parts = allowed(all, |of| of == Some(rules)).into_iter();
        parts.map(move |part| (Some(rules), format!("+ {part}"))).collect::<Vec<_>>()
    };
    let others = phrase::also([Profile::Minio, Profile::Aws].into_iter().flat_map(of_others));
    (allowed(all, |profile| profile.is_none()), others)
}

fn allowed(access: &AccessV1, by: impl Fn(Option<Profile>) -> bool) -> Vec<String> {
    let line = |line: &AccessLineV1| {
        format!("{} {}", phrase::actions(line, false, shown), phrase::resources(line, Side::Gained, shown))
    };
    let open = |open: &UndecidedV1| format!("{} {}", shown(&open.actions.join(", ")), phrase::undecided(open, shown));
    let gained = access.gained.iter().filter(|line| by(line.profile)).map(line);
    gained.chain(access.undecided.iter().filter(|open| by(open.profile)).map(open)).collect()
}

/// Users and groups with one policy, or a document alone.
fn attached(all: &[&Attachment]) -> String {
    let policy = all.first().and_then(|attachment| attachment.policy.as_ref());
    let policy = policy.map_or_else(|| "no policy".to_owned(), |policy| shown(policy.as_str()));
    let who = |attachment: &&Attachment| match &attachment.holder {
        Holder::Principal(principal) => {
            phrase::who(principal.user().map(UserName::as_str), principal.group().map(GroupName::as_str), shown)
        }
        Holder::Document(path) => shown(path),
        Holder::Roles(roles) => {
            format!("a token with {}", shown(&roles.listed().map(|it| it.to_string()).collect::<Vec<_>>().join(", ")))
        }
        Holder::Anonymous => "anonymous".to_owned(),
    };
    let whose = list(&all.iter().map(who).collect::<Vec<_>>());
    if all.iter().any(|attachment| !matches!(attachment.holder, Holder::Principal(_))) {
        return whose;
    }
    let has = if all.len() == 1 { "has" } else { "have" };
    format!("{whose} {has} {policy}")
}

/// Writes the decisions about one request: that of the leading rules, then those of the others that differ.
fn decisions(
    out: &mut dyn Write,
    styles: &Styles,
    report: &Report,
    request: &RequestOn,
    answer: &Answer,
) -> io::Result<()> {
    let what = report.what.as_deref().unwrap_or(request.kind().word());
    let decisions = answer.decisions.iter();
    let alike = grouped(decisions.map(|(rules, of)| ((sentence(request, of), of.verdict), rules)));
    let is_plain = |(_, decision): &(Vec<Rules>, RequestDecision)| of_own_action(request, decision).is_some();
    let name = match RequestKind::of_word(what) {
        Some(kind) => kind.phrase().to_owned(),
        None if answer.decisions.iter().all(is_plain) => shown(what),
        None => format!("{} ({})", shown(what), request.kind().phrase()),
    };
    let title = format!("{name} on {}", shown(request.resource()));
    for (index, ((text, verdict), rules)) in alike.iter().enumerate() {
        let (mark, style) = match verdict {
            Verdict::Allowed => ("+", &styles.add),
            Verdict::Denied => ("-", &styles.remove),
            Verdict::Depends => ("?", &styles.change),
        };
        let by = list(&rules.iter().copied().flatten().map(ToString::to_string).collect::<Vec<_>>());
        match (index, alike.len()) {
            (0, 1) => writeln!(out, "  {}", style.apply_to(format!("{mark} {title}: {text}")))?,
            (0, _) => writeln!(out, "  {}", style.apply_to(format!("{mark} {title}: by {by} {text}")))?,
            (_, _) => writeln!(out, "  {} by {by} {}", styles.change.apply_to("!"), style.apply_to(text))?,
        }
    }
    other_keys(out, styles, report, answer)
}

/// What only its temporary credentials and service accounts can do.
fn other_keys(out: &mut dyn Write, styles: &Styles, report: &Report, answer: &Answer) -> io::Result<()> {
    let can = CanV1::of(&answer.other_keys);
    let rules = rules_of(report);
    for place in places(&can, &rules) {
        let words = place.leading().map(|words| format!("{words} on {}", place.resources(shown)));
        let words = words.into_iter().chain(place.differences(&rules)).collect::<Vec<_>>().join("; ");
        let text = format!("its temporary credentials and service accounts also: {words}");
        writeln!(out, "  {} {text}", styles.change.apply_to("!"))?;
    }
    Ok(())
}

/// The decision about the action that people mean by the request, if no other one decides.
fn of_own_action<'a>(request: &RequestOn, decision: &'a RequestDecision) -> Option<&'a ActionDecision> {
    let [WayDecision { actions, .. }] = decision.ways.as_slice() else { return None };
    let [only] = actions.as_slice() else { return None };
    (Some(only.action) == request.kind().own_action()).then_some(only)
}

/// The decision, and what it rests on: `allowed by Logs`.
fn sentence(request: &RequestOn, decision: &RequestDecision) -> String {
    let verdict = decision.verdict;
    let of_verdict = match verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "not allowed",
        Verdict::Depends => "it depends",
    };
    if let Some(only) = of_own_action(request, decision) {
        let is_whole = match verdict {
            Verdict::Allowed => true,
            Verdict::Denied => !only.decision.denied_by.is_empty() && !only.decision.allowed_by.is_empty(),
            Verdict::Depends => false,
        };
        return if is_whole { grounds_of(only) } else { format!("{of_verdict}, {}", grounds_of(only)) };
    }
    let ways: Vec<&WayDecision> = match verdict {
        Verdict::Allowed | Verdict::Depends => decision.deciding().into_iter().collect(),
        Verdict::Denied => decision.ways.iter().collect(),
    };
    let ways = ways.iter().map(|way| asked_for(request, way, verdict)).collect::<Vec<_>>().join("; or ");
    format!("{of_verdict}: {ways}")
}

/// The actions of a way that a server asks for, as far as they decide.
fn asked_for(request: &RequestOn, way: &WayDecision, verdict: Verdict) -> String {
    let decides = |of: &&ActionDecision| match verdict {
        Verdict::Denied => of.decision.verdict != Verdict::Allowed,
        Verdict::Allowed | Verdict::Depends => true,
    };
    let action = |of: &ActionDecision| {
        let is_same = of.resource == request.resource();
        let on = if is_same { String::new() } else { format!(" on {}", shown(&of.resource)) };
        let keys: Vec<String> = of.keys.iter().map(|(key, value)| format!("{key} \"{value}\"")).collect();
        let keys = if keys.is_empty() { String::new() } else { format!(" with {}", keys.join(" and ")) };
        format!("{}{on}{keys} ({})", of.action, grounds_of(of))
    };
    let of_need = |need| way.actions.iter().filter(move |of| of.need == need);
    let asked: Vec<String> = of_need(Need::Allowed).filter(decides).map(action).collect();
    let denied = of_need(Need::NotDenied).filter(|of| !of.decision.denied_by.is_empty());
    let denied = denied.map(|of| format!("{} is denied {}", of.action, grounds(&of.decision.denied_by)));
    let asked = (!asked.is_empty()).then(|| format!("a server asks for {}", list(&asked)));
    list(&asked.into_iter().chain(denied).collect::<Vec<_>>())
}
