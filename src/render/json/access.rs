//! Access: differences as parts of plans and of `attune.policy-diff/1`.

use crate::base::Principal;
use crate::plan::{AccessChange, NameAccess};
use crate::policy::access::{
    Access, AccessLine, Basis, Cause, Exception, Holder, InPractice, Reason, RequestKind, RequestLine, Requests, Rules,
    Side, Undecided, Witness,
};
use crate::policy::{Compared, Sameness};

impl Profile {
    fn of(rules: &[Rules]) -> Option<Self> {
        rules.first().map(Self::from)
    }
}

impl From<&Rules> for Profile {
    fn from(rules: &Rules) -> Self {
        if rules.objects_cover_bucket { Self::Minio } else { Self::Aws }
    }
}

json_types! {
    /// The rules that evaluate a document. WEKA does not document which rules its servers follow; its S3 shows signs of
    /// MinIO.
    #[derive(PartialOrd, Ord)]
    pub enum Profile {
        /// AWS rules, by the AWS user guide.
        Aws,
        /// MinIO rules: the resource of a bucket is `bucket/`, so `bucket/*` covers the bucket.
        Minio,
    }

    /// Access that is gained and lost.
    #[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
    pub struct AccessV1 {
        /// Allowed after the change and not before.
        gained: Vec<AccessLineV1>,
        /// Allowed before the change and not after.
        lost: Vec<AccessLineV1>,
        /// Undecided: it may be gained or lost. Treat it as if it were.
        undecided: Vec<UndecidedV1>,
        /// Where what people can do differs from these lines.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        in_practice: Vec<InPracticeV1>,
    }

    /// A set of requests that are gained or lost.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct AccessLineV1 {
        /// The actions. A wildcard stands for the actions of the release that it matches.
        actions: Vec<String>,
        /// The same actions in words; missing when they are not all of a kind.
        in_words?: String,
        /// The resources, as a pattern of one of the documents.
        pattern: String,
        /// The requests of `pattern` that are excluded.
        except: Vec<ExceptionV1>,
        /// The conditions, all of which must hold.
        conditions: Vec<String>,
        /// The only rules under which this line holds; missing when it holds under all rules that attune evaluates.
        profile?: Profile,
        /// The resources of the `Deny` that makes the difference, if one does. For `gained`, the `Deny` is removed; for `lost`,
        /// it is added. The line covers only the resources of `pattern` that are among these.
        denied?: String,
        /// One of the requests.
        example: ExampleV1,
        /// The policies that this line comes from, if the policy that decides it combines others.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        from: Vec<String>,
    }

    /// Requests that a line does not cover, although its pattern does.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct ExceptionV1 {
        /// The resources, as a pattern or as `everything but` patterns; missing for all resources of the line.
        resources?: String,
        /// The conditions, all of which must hold, without those of the line.
        conditions: Vec<String>,
        /// Why they are excluded.
        reason: Reason,
    }

    /// A request.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct ExampleV1 {
        /// The action.
        action: String,
        /// The resource, as an ARN.
        resource: String,
        /// The conditions that must hold, and those that must not.
        conditions: Vec<String>,
    }

    /// Undecided access: attune does not know the actions or the resources, or it gave up the search.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct UndecidedV1 {
        /// Whether it may be gained or lost.
        side: Side,
        /// The actions.
        actions: Vec<String>,
        /// The pattern of the resources.
        pattern: String,
        /// The only rules under which this holds; missing when it holds under all rules that attune evaluates.
        profile?: Profile,
    }

    /// The access that a user or group gains and loses.
    pub struct AccessChangeV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// True if it is everyone without a login.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        anonymous: bool,
        /// The policy whose name gives the access to principals that the cluster does not report. Only in `unreported` of a plan.
        policy?: String,
        /// Whether no access is left; missing when some is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        loses_all: bool,
        /// Allowed after the change and not before.
        gained: Vec<AccessLineV1>,
        /// Allowed before the change and not after.
        lost: Vec<AccessLineV1>,
        /// Undecided: it may be gained or lost. Treat it as if it were.
        undecided: Vec<UndecidedV1>,
        /// Where what people can do differs from these lines.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        in_practice: Vec<InPracticeV1>,
    }

    /// Where what people can do differs from the lines of actions: a server may ask for other actions than a request is named
    /// after.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct InPracticeV1 {
        /// The direction.
        side: Side,
        /// What differs.
        kind: PracticeKind,
        /// The actions that have no effect; empty for other kinds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        actions: Vec<String>,
        /// The kinds of requests, such as `delete-version`.
        requests: Vec<String>,
        /// The resources, as a pattern of one of the documents.
        pattern: String,
        /// Further patterns: the resources are also among each of these.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        within: Vec<String>,
        /// The requests of `pattern` that are excluded.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<ExceptionV1>,
        /// The conditions, all of which must hold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conditions: Vec<String>,
        /// The rules by which this holds; empty if all rules that count.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
    }

    /// What differs from the lines of actions.
    #[derive(PartialOrd, Ord)]
    pub enum PracticeKind {
        /// The actions are in a line, and people can do the same as before.
        NoEffect,
        /// People can do something else than before, and no line says so.
        Requests,
        /// The same, undecided. Treat it as if it were so.
        Undecided,
    }

    /// How two policy documents differ.
    pub struct PolicyDiffV1 = "attune.policy-diff/1" {
        /// Whether both are the same document, apart from formatting.
        same_document: bool,
        /// Whether both documents certainly allow the same.
        same_access: bool,
        /// What it rests on that both documents allow the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        basis: Vec<Basis>,
        /// Allowed by the newer document only.
        gained: Vec<AccessLineV1>,
        /// Allowed by the older document only.
        lost: Vec<AccessLineV1>,
        /// Undecided: it may be gained or lost. Treat it as if it were.
        undecided: Vec<UndecidedV1>,
        /// Where what people can do differs from these lines.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        in_practice: Vec<InPracticeV1>,
    }
}

impl AccessV1 {
    /// A copy of a difference.
    pub fn of(access: &Access) -> Self {
        let undecided = |open: &Undecided| UndecidedV1 {
            side: open.side,
            actions: open.actions.clone(),
            pattern: open.pattern.clone(),
            profile: Profile::of(&open.rules),
        };
        Self {
            gained: access.gained.iter().map(AccessLineV1::of).collect(),
            lost: access.lost.iter().map(AccessLineV1::of).collect(),
            undecided: access.undecided.iter().map(undecided).collect(),
            in_practice: InPracticeV1::of(&access.in_practice),
        }
    }
}

impl InPracticeV1 {
    pub(super) fn of(all: &InPractice) -> Vec<Self> {
        let new = |side, kind, requests: &[RequestKind], pattern: &str, rules: &[Rules]| Self {
            side,
            kind,
            actions: Vec::new(),
            requests: requests.iter().map(|kind| kind.word().to_owned()).collect(),
            pattern: pattern.to_owned(),
            within: Vec::new(),
            except: Vec::new(),
            conditions: Vec::new(),
            rules: rules.iter().map(ToString::to_string).collect(),
        };
        let without_effect = all.without_effect.iter().map(|of| Self {
            actions: of.actions.clone(),
            ..new(of.side, PracticeKind::NoEffect, &of.requests, &of.pattern, &of.rules)
        });
        let line = |side| {
            move |line: &RequestLine| Self {
                within: line.within.clone(),
                except: line.except.iter().map(ExceptionV1::of).collect(),
                conditions: line.conditions.clone(),
                ..new(side, PracticeKind::Requests, &line.requests, &line.pattern, &line.rules)
            }
        };
        let Requests { gained, lost, undecided } = &all.beyond;
        let open = undecided
            .iter()
            .map(|open| new(open.side, PracticeKind::Undecided, &open.requests, &open.pattern, &open.rules));
        let changed = gained.iter().map(line(Side::Gained)).chain(lost.iter().map(line(Side::Lost)));
        without_effect.chain(changed).chain(open).collect()
    }
}

impl ExceptionV1 {
    fn of(Exception { resources, conditions, reason }: &Exception) -> Self {
        Self { resources: resources.clone(), conditions: conditions.clone(), reason: *reason }
    }
}

impl AccessLineV1 {
    fn of(line: &AccessLine) -> Self {
        let Witness { action, resource, conditions } = line.witness.clone();
        Self {
            actions: line.actions.clone(),
            in_words: line.in_words.clone(),
            pattern: line.pattern.clone(),
            except: line.except.iter().map(ExceptionV1::of).collect(),
            conditions: line.conditions.clone(),
            profile: Profile::of(&line.rules),
            denied: match &line.cause {
                Cause::Allow => None,
                Cause::Deny { pattern } => Some(pattern.clone()),
            },
            example: ExampleV1 { action, resource, conditions },
            from: Vec::new(),
        }
    }
}

impl AccessChangeV1 {
    pub(super) fn of(of: &AccessChange) -> Self {
        let (user, group) = match &of.holder {
            Holder::Principal(principal) => user_or_group(principal),
            Holder::Anonymous | Holder::Document(_) | Holder::Roles(_) => (None, None),
        };
        let anonymous = of.holder == Holder::Anonymous;
        let AccessV1 { mut gained, mut lost, undecided, in_practice } = AccessV1::of(&of.access);
        if let Some(combined) = &of.combined {
            let names =
                |line: &AccessLine, side| combined.of_line(line, side).iter().map(ToString::to_string).collect();
            gained.iter_mut().zip(&of.access.gained).for_each(|(copy, line)| copy.from = names(line, Side::Gained));
            lost.iter_mut().zip(&of.access.lost).for_each(|(copy, line)| copy.from = names(line, Side::Lost));
        }
        Self { user, group, anonymous, policy: None, loses_all: of.loses_all, gained, lost, undecided, in_practice }
    }

    pub(super) fn by_name(of: &NameAccess) -> Self {
        let AccessV1 { gained, lost, undecided, in_practice } = AccessV1::of(&of.access);
        let policy = Some(of.policy.to_string());
        Self {
            user: None,
            group: None,
            anonymous: false,
            policy,
            loses_all: false,
            gained,
            lost,
            undecided,
            in_practice,
        }
    }
}

impl PolicyDiffV1 {
    /// A copy of a comparison.
    pub fn of(compared: &Compared) -> Self {
        let AccessV1 { gained, lost, undecided, in_practice } = AccessV1::of(&compared.access);
        Self {
            format: "attune.policy-diff/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            same_document: compared.sameness == Sameness::Same,
            same_access: compared.same_access(),
            basis: compared.basis.clone(),
            gained,
            lost,
            undecided,
            in_practice,
        }
    }
}

/// The name as the member it goes into: the user and the group, one of which is `None`.
pub(super) fn user_or_group(principal: &Principal) -> (Option<String>, Option<String>) {
    (principal.user().map(ToString::to_string), principal.group().map(ToString::to_string))
}
