//! Where what people can do differs from the lines of actions: lines without effect, and requests that no line shows.

use super::abilities::{RequestLine, Requests, UndecidedRequests};
use super::lines::{AccessLine, Side};
use super::requests::{AskedAction, KEYS_OF_LIST, RequestKind, Way, means_another};
use super::rules::{RuleList, Rules};
use super::{Access, pattern_covers, patterns_overlap};
use crate::policy::{Catalogue, Level};

/// Where what people can do differs from the lines of actions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InPractice {
    /// Lines of actions, or parts of them, that change nothing.
    pub without_effect: Vec<WithoutEffect>,
    /// Requests that no line of actions shows.
    pub beyond: Requests,
}

/// Actions of a line that change nothing, because servers do not ask for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutEffect {
    /// The direction of the line.
    pub side: Side,
    /// The actions, in full.
    pub actions: Vec<String>,
    /// The kinds of requests that people mean by them.
    pub requests: Vec<RequestKind>,
    /// The resources of the line.
    pub pattern: String,
    /// The rules by which they change nothing. Empty if all rules that count.
    pub rules: Vec<Rules>,
}

impl InPractice {
    /// Whether the lines of actions say it all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn reversed(self) -> Self {
        let Requests { gained, lost, undecided } = self.beyond;
        let undecided = undecided.into_iter().map(|open| UndecidedRequests { side: open.side.opposite(), ..open });
        let without = self.without_effect.into_iter().map(|of| WithoutEffect { side: of.side.opposite(), ..of });
        let beyond = Requests { gained: lost, lost: gained, undecided: undecided.collect() };
        Self { without_effect: without.collect(), beyond }
    }
}

/// The kinds of requests that may differ from the lines of actions: those that servers decide by other actions. Lines say
/// nothing of actions that the catalogue does not know.
pub(super) fn notable(catalogue: &Catalogue, rules: &RuleList) -> Vec<RequestKind> {
    let is_known = |action| catalogue.get(action).is_some();
    let is_meant = |kind: &RequestKind| kind.own_action().map_or(kind.level() == Level::Permissions, is_known);
    let is_plain = |kind: &RequestKind| rules.iter().all(|rules| kind.is_plain(&rules));
    RequestKind::ALL.iter().copied().filter(|kind| is_meant(kind) && !is_plain(kind)).collect()
}

/// Compares the differences of actions and of requests.
pub(super) fn in_practice(access: &Access, requests: Requests, catalogue: &Catalogue, rules: &RuleList) -> InPractice {
    let sides = [(Side::Gained, &access.gained, &requests.gained), (Side::Lost, &access.lost, &requests.lost)];
    let mut without_effect = Vec::new();
    for (side, lines, changed) in sides {
        let is_open = |kind| requests.undecided.iter().any(|open| open.side == side && open.requests.contains(&kind));
        for line in lines {
            for (action, kind) in actions_of(line, catalogue) {
                let has_effect = |one: &Rules| {
                    kind.is_plain(one)
                        || means_another(&action, one)
                        || is_open(kind)
                        || changed.iter().any(|changed| affects(changed, kind, line, *one))
                };
                let rules_without: Vec<Rules> = of_line(line, rules).filter(|one| !has_effect(one)).collect();
                add(&mut without_effect, side, (action, kind), line, rules_without);
            }
        }
    }
    for line in &mut without_effect {
        if line.rules.iter().copied().eq(rules.iter()) {
            line.rules = Vec::new();
        }
    }
    let Requests { mut gained, mut lost, undecided } = requests;
    gained.retain(|line| !accounts(&access.gained, line, Side::Gained, catalogue, rules));
    lost.retain(|line| !accounts(&access.lost, line, Side::Lost, catalogue, rules));
    InPractice { without_effect, beyond: Requests { gained, lost, undecided }.merged() }
}

/// The rules by which a line of actions holds, as far as it says.
fn of_line<'a>(line: &'a AccessLine, rules: &'a RuleList) -> impl Iterator<Item = Rules> + 'a {
    rules.iter().filter(|one| line.rules.is_empty() || line.rules.contains(one))
}

/// The actions of a line that are no plain requests, each with the kind of request that people mean by it.
fn actions_of(line: &AccessLine, catalogue: &Catalogue) -> Vec<(String, RequestKind)> {
    let is_of_line = |action: &&str| line.actions.iter().any(|pattern| pattern_covers(pattern, action));
    let known = catalogue.actions().iter().map(|action| action.name.as_str());
    let named = line.actions.iter().map(String::as_str).filter(|name| catalogue.get(name).is_none());
    let all = known.filter(is_of_line).chain(named);
    all.filter_map(|action| Some((action.to_owned(), RequestKind::of_action(action)?))).collect()
}

/// Whether a line of requests is about resources of a line of actions.
fn affects(changed: &RequestLine, kind: RequestKind, line: &AccessLine, rules: Rules) -> bool {
    changed.requests.contains(&kind)
        && (changed.rules.is_empty() || changed.rules.contains(&rules))
        && (kind == RequestKind::SeeBuckets || patterns_overlap(&changed.pattern, &line.pattern))
}

fn add(
    all: &mut Vec<WithoutEffect>,
    side: Side,
    (action, kind): (String, RequestKind),
    line: &AccessLine,
    rules: Vec<Rules>,
) {
    if rules.is_empty() {
        return;
    }
    let same = |of: &&mut WithoutEffect| of.side == side && of.pattern == line.pattern && of.rules == rules;
    match all.iter_mut().find(same) {
        Some(known) if known.actions.contains(&action) => {}
        Some(known) => {
            known.actions.push(action);
            known.requests.push(kind);
        }
        None => all.push(WithoutEffect {
            side,
            actions: vec![action],
            requests: vec![kind],
            pattern: line.pattern.clone(),
            rules,
        }),
    }
}

/// Whether lines of actions show all kinds of a line of requests: they name the action that people mean by it, or actions that
/// decide it.
fn accounts(lines: &[AccessLine], of: &RequestLine, side: Side, catalogue: &Catalogue, rules: &RuleList) -> bool {
    let is_about_names = of.requests == [RequestKind::SeeBuckets];
    // The list of buckets answers these conditions itself.
    let is_answered = |text: &str| {
        is_about_names
            && KEYS_OF_LIST.iter().any(|(key, _)| text.strip_prefix(key).is_some_and(|of| of.starts_with(' ')))
    };
    let is_wider = |line: &&AccessLine| {
        let by_rules =
            line.rules.is_empty() || !of.rules.is_empty() && of.rules.iter().all(|one| line.rules.contains(one));
        by_rules
            && (pattern_covers(&line.pattern, &of.pattern) || is_about_names)
            && line.conditions.iter().all(|condition| of.conditions.contains(condition) || is_answered(condition))
            && line.except.iter().all(|exception| of.except.contains(exception))
    };
    let wider: Vec<&AccessLine> = lines.iter().filter(is_wider).collect();
    let names = |action: &str| {
        let has = |line: &&AccessLine| line.actions.iter().any(|pattern| pattern_covers(pattern, action));
        catalogue.get(action).is_some() && wider.iter().any(has)
    };
    let has_power = |asked: &AskedAction| catalogue.get(asked.name).is_some_and(|of| of.level == Level::Permissions);
    let is_shown = |kind: &RequestKind| {
        // Nobody expects it of harmless actions.
        let tells_power = |way: &Way| kind.level() != Level::Permissions || way.allowed.iter().any(has_power);
        let by_rules = |rules: Rules| {
            let formula = kind.formula(&rules);
            let mut ways = formula.ways.iter();
            match side {
                Side::Gained => ways.any(|way| tells_power(way) && way.allowed.iter().all(|asked| names(asked.name))),
                Side::Lost => ways.any(|way| way.allowed.iter().chain(&way.undenied).any(|asked| names(asked.name))),
            }
        };
        let counted = |one: &Rules| of.rules.is_empty() || of.rules.contains(one);
        kind.own_action().is_some_and(names) || rules.iter().filter(counted).all(by_rules)
    };
    of.requests.iter().all(is_shown)
}

#[cfg(test)]
mod tests {
    use super::super::{ALL_RULES, AWS_RULES, Context, difference};
    use super::*;
    use crate::policy::testing::plain;

    type Statements<'a> = &'a [(&'a str, &'a str, &'a str)];

    /// The lines without effect, and the requests beyond the lines, in short.
    fn between(before: Statements<'_>, after: Statements<'_>, rules: &RuleList) -> Vec<String> {
        let catalogue = Catalogue::newest();
        let [before, after] = [before, after].map(plain);
        let context = Context { rules, ..Context::new(&catalogue) };
        let InPractice { without_effect, beyond } = difference(Some(&before), Some(&after), &context).in_practice;
        assert_eq!(beyond.undecided, []);
        let names = |rules: &[Rules]| rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        let without = without_effect
            .iter()
            .map(|of| format!("{:?} {} without effect by {}", of.side, of.actions.join(","), names(&of.rules)));
        let words =
            |of: &RequestLine| of.requests.iter().map(|kind| kind.word().to_owned()).collect::<Vec<_>>().join(",");
        let line = |side: &'static str| move |of: &RequestLine| format!("{side} {} by {}", words(of), names(&of.rules));
        without.chain(beyond.gained.iter().map(line("gains"))).chain(beyond.lost.iter().map(line("loses"))).collect()
    }

    const ALL: (&str, &str, &str) = ("Allow", "s3:*", "arn:aws:s3:::logs/*");
    const KEPT: (&str, &str, &str) = ("Deny", "s3:DeleteObjectVersion", "arn:aws:s3:::logs/*");

    #[test]
    fn a_deny_that_takes_nothing_away_is_named() {
        assert_eq!(
            between(&[ALL], &[ALL, KEPT], &ALL_RULES),
            ["Lost s3:DeleteObjectVersion without effect by minio-2021"]
        );
        assert_eq!(between(&[ALL], &[ALL, KEPT], &AWS_RULES), [""; 0]);
    }

    #[test]
    fn an_allow_that_gives_nothing_is_named() {
        let read = ("Allow", "s3:GetObject", "arn:aws:s3:::logs/*");
        let tags = ("Allow", "s3:GetObjectVersionTagging", "arn:aws:s3:::logs/*");
        let nothing = "Gained s3:GetObjectVersionTagging without effect by minio-2021+minio-2026";
        assert_eq!(between(&[read], &[read, tags], &ALL_RULES), [nothing]);
        let version = ("Allow", "s3:DeleteObjectVersion", "arn:aws:s3:::logs/*");
        let found = between(&[read], &[read, version], &ALL_RULES);
        assert_eq!(found, ["Gained s3:DeleteObjectVersion without effect by minio-2021+minio-2026"]);
    }

    #[test]
    fn requests_that_no_line_shows_are_named() {
        let delete = ("Allow", "s3:DeleteObject", "arn:aws:s3:::logs/*");
        assert_eq!(between(&[delete, KEPT], &[delete], &ALL_RULES), ["gains delete-version by minio-2026"]);
        let lock = ("Allow", "s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::logs/*");
        assert_eq!(between(&[delete], &[delete, lock], &ALL_RULES), ["gains delete-locked-version by minio-2021"]);
    }

    #[test]
    fn power_that_harmless_actions_give_is_named() {
        let hole = ("Allow", "s3:DeleteObject|s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::logs/*");
        assert_eq!(between(&[], &[hole], &ALL_RULES), ["gains delete-locked-version by minio-2021"]);
        let retention = ("Allow", "s3:PutObjectRetention", "arn:aws:s3:::logs/*");
        let shorten = "gains shorten-retention by minio-2021+minio-2026";
        assert_eq!(between(&[], &[retention], &ALL_RULES), [shorten]);
        assert_eq!(between(&[], &[ALL], &ALL_RULES), [""; 0]);
    }

    #[test]
    fn ordinary_changes_need_no_more_lines() {
        let read = ("Allow", "s3:GetObject|s3:ListBucket", "arn:aws:s3:::logs*");
        for more in [
            "s3:GetObjectTagging",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:PutObject|s3:DeleteObject",
            "s3:*",
            "s3:GetBucketLocation",
        ] {
            assert_eq!(between(&[read], &[read, ("Allow", more, "arn:aws:s3:::logs*")], &ALL_RULES), [""; 0], "{more}");
        }
        assert_eq!(between(&[], &[read], &ALL_RULES), [""; 0]);
        assert_eq!(between(&[ALL], &[ALL, ("Deny", "s3:*", "arn:aws:s3:::logs/x/*")], &ALL_RULES), [""; 0]);
    }
}
