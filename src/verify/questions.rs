//! What to ask the service: for each line of access a request within it and one just beside it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regions::{KEY, example_keys, is_pattern, regions, resource};
use crate::policy::Document;
use crate::policy::access::{ALL_RULES, Context, RequestKind, RequestOn, RequestSet, Rules, Verdict, decide_request};
use crate::s3::{Ask, Kind, ROWS, Row, Step, Token, bucket_beside, bucket_within, key_beside, key_within};

/// Why something is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotAsked {
    /// It is about a bucket that is there: `--objects` asks it.
    Objects,
    /// It is about a setting of a bucket: `--settings --bucket NAME` asks it.
    Settings,
    /// The bucket has versions or object lock, or that is not known: a delete marker could stay. `--versioned` asks it.
    Versioned,
    /// The pattern leaves no room for a name that is certainly not there.
    Room,
    /// It depends on conditions that no request of these decides.
    Depends,
    /// The rules that count do not agree about it.
    Rules,
    /// The release does not have the action.
    Release,
    /// There are more than `--max-requests`.
    Limit,
    /// The setting cannot be read, or could not be put back.
    Restore,
    /// The run had ended before.
    Ended,
    /// No expectation says anything about it. It does not count.
    Unsaid,
}

/// What may be asked.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Buckets that are there may be read, and keys that are not there may be asked for in them.
    pub objects: bool,
    /// Buckets that are there may be read, also without `objects`: what requests without a login are about.
    pub reads: bool,
    /// The buckets whose settings may be asked for.
    pub settings: BTreeSet<String>,
    /// The largest number of questions.
    pub most: usize,
}

/// What an expectation says about a user.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The name of the expectation.
    pub name: &'a str,
    /// Whether the user can do it.
    pub allowed: bool,
    /// The requests.
    pub of: &'a RequestSet,
}

/// A question to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is sent.
    pub ask: Ask,
    /// The pattern of the document that it is about, such as `backup/*`.
    pub pattern: String,
    /// Whether the document allows it.
    pub allowed: bool,
    /// The statements that decide it. Empty if none allows it.
    pub statements: Vec<String>,
    /// Whether the document allows what the same request means on a service that ignores its parameter.
    pub plain_allowed: bool,
    /// The presets of rules by which it is decided otherwise.
    pub otherwise_by: Vec<&'static str>,
    /// Whether it only proves that the service denies something: what the document denies and no expectation is about.
    pub is_control: bool,
    /// Whether the document allows to take away what a service makes of it that takes it for another request.
    can_take_away: bool,
}

/// What to ask, and what not.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    /// The questions in the order in which they are sent: the safest kind first, and in each reads, deletes, writes.
    pub asked: Vec<Question>,
    /// How many are not asked, by reason.
    pub not_asked: BTreeMap<NotAsked, usize>,
}

/// A question, with how much it tells: the lower the rank, the sooner it is asked where not all can be.
type Ranked = (u8, Question);

/// What to ask about a document; no document allows nothing. With claims, what to ask about those expectations, instead of the
/// document that the user has.
pub fn questions(
    document: Option<&Document>,
    claims: Option<&[Claim<'_>]>,
    context: &Context<'_>,
    scope: &Scope,
    token: &Token,
) -> Questions {
    let patterns: BTreeSet<&str> = match claims {
        Some(claims) => claims.iter().flat_map(|claim| claim.of.resources()).collect(),
        None => {
            let statements = document.into_iter().flat_map(|document| &document.statements);
            statements.flat_map(|of| &of.resources.patterns).map(String::as_str).collect()
        }
    };
    let mut asking = Asking { document, claims, context, scope, token, ranked: Vec::new(), not_asked: BTreeMap::new() };
    let (regions, without_room) = regions(patterns, context.user);
    asking.skip(NotAsked::Room, without_room);
    for (bucket, keys) in &regions {
        if is_pattern(bucket) {
            asking.of_pattern(bucket, keys);
        } else {
            asking.of_bucket(bucket, keys);
        }
    }
    // A pattern of the document may cover a bucket that it does not name.
    for bucket in scope.settings.iter().filter(|bucket| !regions.contains_key(*bucket)) {
        asking.settings(bucket);
    }
    asking.anywhere();
    asking.chosen()
}

struct Asking<'a> {
    document: Option<&'a Document>,
    /// The expectations that are asked about instead of the document.
    claims: Option<&'a [Claim<'a>]>,
    context: &'a Context<'a>,
    scope: &'a Scope,
    token: &'a Token,
    ranked: Vec<Ranked>,
    not_asked: BTreeMap<NotAsked, usize>,
}

impl Asking<'_> {
    /// Asks in a bucket that is not there and matches the pattern, and in one beside it.
    fn of_pattern(&mut self, pattern: &str, keys: &BTreeSet<String>) {
        let Some(within) = bucket_within(pattern, self.token) else {
            return self.skip(NotAsked::Room, of_kind(Kind::NoBucket).count());
        };
        let keys = example_keys(keys, self.token);
        let mut allowed = Vec::new();
        for row in of_kind(Kind::NoBucket) {
            for (key, of) in keys.iter().take(if row.on_key { keys.len() } else { 1 }) {
                let shown = if row.on_key { format!("{pattern}/{of}") } else { pattern.to_owned() };
                if self.ask(row.without_bucket(&within, key), &shown, 0) == Some(true) {
                    allowed.push((row, key.clone(), shown));
                }
            }
        }
        if let Some(beside) = bucket_beside(pattern, self.token) {
            for (row, key, shown) in allowed {
                self.ask(row.without_bucket(&beside, &key), &shown, 1);
            }
        }
    }

    /// Asks beside the name of a bucket, and in the bucket itself where that is wanted.
    fn of_bucket(&mut self, bucket: &str, keys: &BTreeSet<String>) {
        let mut allowed = Vec::new();
        for row in of_kind(Kind::Read) {
            if self.in_bucket(row.of_bucket(bucket), bucket) == Some(true) {
                allowed.push((row.word, KEY.to_owned(), bucket.to_owned()));
            }
        }
        for key in keys {
            let shown = format!("{bucket}/{key}");
            let (within, beside) = (key_within(key, self.token), key_beside(key, self.token));
            if within.is_none() {
                self.skip(NotAsked::Room, of_kind(Kind::NoKey).count());
            }
            for row in of_kind(Kind::NoKey) {
                let within = within.as_ref().and_then(|key| row.without_key(bucket, key));
                let Some(within) = within else { continue };
                let example = within.key().unwrap_or_default().to_owned();
                if self.in_bucket(Some(within), &shown) == Some(true) {
                    allowed.push((row.word, example, shown.clone()));
                    if let Some(key) = beside.as_ref().filter(|_| self.scope.objects) {
                        self.ask(row.without_key(bucket, key), &shown, 1);
                    }
                }
            }
        }
        if self.scope.settings.contains(bucket) {
            self.settings(bucket);
        } else {
            self.skip(NotAsked::Settings, of_kind(Kind::Setting).count());
        }
        let Some(beside) = bucket_beside(bucket, self.token) else { return };
        for (word, key, shown) in allowed {
            for row in of_kind(Kind::NoBucket).filter(|row| row.word == word) {
                self.ask(row.without_bucket(&beside, &key), &shown, 1);
            }
        }
    }

    /// Asks for the settings of a bucket.
    fn settings(&mut self, bucket: &str) {
        for row in of_kind(Kind::Setting) {
            self.ask(row.of_bucket(bucket), bucket, 0);
        }
    }

    /// Asks what the document allows somewhere in a bucket that has nothing but the characters of the run.
    fn anywhere(&mut self) {
        self.add_control();
        let words: BTreeSet<&str> =
            self.ranked.iter().filter(|(_, one)| one.allowed).map(|(_, one)| one.ask.row().word).collect();
        let Some(bucket) = bucket_within("*", self.token) else { return };
        // Where nothing is allowed, everything is asked once.
        let is_control = |row: &&Row| words.is_empty() || words.contains(row.word) || CONTROLS.contains(&row.word);
        for row in of_kind(Kind::NoBucket).filter(is_control) {
            self.ask(row.without_bucket(&bucket, KEY), "*", 1);
        }
    }

    /// Adds something that the document denies, where only expectations are asked about.
    fn add_control(&mut self) {
        let Some(bucket) = bucket_within("*", self.token).filter(|_| self.claims.is_some()) else { return };
        let denied = of_kind(Kind::NoBucket).filter(|row| row.step == Step::Read).find_map(|row| {
            let ask = row.without_bucket(&bucket, KEY)?;
            let on = request_on(row.word, &ask)?;
            self.by_document(&on).is_ok_and(|(allowed, _)| !allowed).then_some(ask)
        });
        let Some(ask) = denied else { return };
        self.ranked.push((
            0,
            Question {
                ask,
                pattern: "*".to_owned(),
                allowed: false,
                statements: Vec::new(),
                plain_allowed: false,
                otherwise_by: Vec::new(),
                is_control: true,
                can_take_away: false,
            },
        ));
    }

    /// Asks in a bucket that is there, if that is wanted; else says what the document allows.
    fn in_bucket(&mut self, ask: Option<Ask>, shown: &str) -> Option<bool> {
        let ask = ask?;
        if self.scope.objects || self.scope.reads && ask.row().step == Step::Read {
            return self.ask(Some(ask), shown, 0);
        }
        let expected = self.expected(&ask);
        self.skip(*expected.as_ref().err().unwrap_or(&NotAsked::Objects), 1);
        expected.ok().map(|(allowed, _)| allowed)
    }

    fn skip(&mut self, why: NotAsked, count: usize) {
        if why == NotAsked::Unsaid {
            return;
        }
        *self.not_asked.entry(why).or_default() += count;
    }

    /// Adds a question, and says whether the document allows it.
    fn ask(&mut self, ask: Option<Ask>, shown: &str, rank: u8) -> Option<bool> {
        let ask = ask?;
        RequestKind::of_word(ask.row().word)?;
        match self.expected(&ask) {
            Err(why) => {
                self.skip(why, 1);
                None
            }
            Ok((allowed, statements)) => {
                let rank = if allowed { rank } else { rank.max(1) + u8::from(rank == 0) };
                let pattern = shown.to_owned();
                let allows = |word: Option<&str>| word.is_some_and(|word| self.allows(word, &ask));
                let can_take_away = ask.row().step == Step::Write
                    && allows(Some(if ask.row().kind == Kind::NoBucket { "delete-bucket" } else { "delete" }));
                let plain_allowed = allows(ask.row().plain_word());
                let otherwise_by = self.otherwise_by(&ask, allowed);
                let question = Question {
                    ask,
                    pattern,
                    allowed,
                    statements,
                    plain_allowed,
                    otherwise_by,
                    is_control: false,
                    can_take_away,
                };
                if !self.ranked.iter().any(|(_, known)| known.ask == question.ask) {
                    self.ranked.push((rank, question));
                }
                Some(allowed)
            }
        }
    }

    fn otherwise_by(&self, ask: &Ask, allowed: bool) -> Vec<&'static str> {
        let Some(on) = request_on(ask.row().word, ask) else { return Vec::new() };
        let opposite = if allowed { Verdict::Denied } else { Verdict::Allowed };
        let otherwise = |rules: &Rules| decide_request(self.document, &on, self.context, *rules).verdict == opposite;
        ALL_RULES.iter().filter(otherwise).map(|rules| rules.like.name()).collect()
    }

    /// Whether the document allows another request for the same bucket or key, by any rules.
    fn allows(&self, word: &str, ask: &Ask) -> bool {
        let Some(on) = request_on(word, ask) else { return false };
        let decide = |rules| decide_request(self.document, &on, self.context, rules).verdict;
        self.context.rules.iter().any(|rules| decide(rules) != Verdict::Denied)
    }

    /// Whether it is allowed by what is asked about, and by which statements or expectations.
    fn expected(&self, ask: &Ask) -> Result<(bool, Vec<String>), NotAsked> {
        let request = RequestKind::of_word(ask.row().word).ok_or(NotAsked::Release)?;
        if request.own_action().is_some_and(|action| self.context.catalogue.get(action).is_none()) {
            return Err(NotAsked::Release);
        }
        let on = request_on(ask.row().word, ask).ok_or(NotAsked::Room)?;
        if let Some(claims) = self.claims {
            let of: Vec<_> = claims.iter().filter(|claim| claim.of.covers(request, on.resource())).collect();
            let first = of.first().ok_or(NotAsked::Unsaid)?;
            let names = of.iter().filter(|claim| claim.allowed == first.allowed).map(|claim| claim.name.to_owned());
            return Ok((first.allowed, names.collect()));
        }
        self.by_document(&on)
    }

    /// Whether the document allows it by all rules that count, and by which statements.
    fn by_document(&self, on: &RequestOn) -> Result<(bool, Vec<String>), NotAsked> {
        let decisions = self.context.rules.iter().map(|rules| decide_request(self.document, on, self.context, rules));
        let decisions: Vec<_> = decisions.collect();
        let all = |verdict| decisions.iter().all(|decision| decision.verdict == verdict);
        if decisions.iter().any(|decision| decision.verdict == Verdict::Depends) {
            return Err(NotAsked::Depends);
        }
        let allowed = all(Verdict::Allowed);
        if !allowed && !all(Verdict::Denied) {
            return Err(NotAsked::Rules);
        }
        let deciding = decisions.first().and_then(|decision| decision.deciding());
        let grounds = deciding.into_iter().flat_map(|way| &way.actions).flat_map(|action| match allowed {
            true => &action.decision.allowed_by,
            false => &action.decision.denied_by,
        });
        let statements: BTreeSet<String> = grounds.map(|ground| ground.statement.clone()).collect();
        Ok((allowed, statements.into_iter().collect()))
    }

    /// As many questions as wanted: those that tell most, in the order in which they are sent.
    fn chosen(mut self) -> Questions {
        self.ranked.sort_by_key(|(rank, _)| *rank);
        let left = self.ranked.len().saturating_sub(self.scope.most);
        if left > 0 {
            self.skip(NotAsked::Limit, left);
            self.ranked.truncate(self.scope.most);
        }
        let mut asked: Vec<Question> = self.ranked.into_iter().map(|(_, question)| question).collect();
        asked.sort_by_key(|one| (one.ask.row().kind, one.ask.row().step, !one.can_take_away, one.ask.row().word));
        self.not_asked.retain(|_, count| *count > 0);
        Questions { asked, not_asked: self.not_asked }
    }
}

/// The request of this word, about the bucket or key of another one.
fn request_on(word: &str, ask: &Ask) -> Option<RequestOn> {
    RequestOn::parse(word, &resource(ask, RequestKind::of_word(word)?)?).ok()
}

/// Requests that few may send to every bucket: something is denied, which proves that the service denies.
const CONTROLS: [&str; 2] = ["read-location", "delete"];

fn of_kind(kind: Kind) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.kind == kind)
}
