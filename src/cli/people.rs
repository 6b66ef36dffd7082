//! Those whose access a question is about: users, groups and tokens with roles, of the configuration or of the cluster.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::args::{ActionArgs, CallArgs, GlobalArgs};
use super::connect::{CommandError, connect};
use super::exit::{self, Failure};
use super::output::Output;
use crate::base::{BucketName, PolicyName, Principal, Release, nearest};
use crate::cluster::{documents, observe_all};
use crate::contract::declared_buckets;
use crate::desired::{BucketIntent, ClusterSettings, Desired, Loaded, PolicyIntent, PrincipalEntry};
use crate::observed::{Body, BucketPolicy, Buckets, Observed, granted};
use crate::plan::{Plan, after, plan_with};
use crate::policy::access::{ARN, Asked, Attachment, ByBucket, Context, Holder, RuleList};
use crate::policy::{Catalogue, Document, alone, normal, predefined};
use crate::report::{Source, authored};

/// What a question names a token with one role by, in place of a user: `role/NAME`.
const ROLE: &str = "role/";

/// The roles that a name of a token has.
pub(super) fn role(name: &str) -> Option<BTreeSet<PolicyName>> {
    let roles = name.strip_prefix(ROLE)?;
    Some(roles.split(',').map(|role| PolicyName::reported(role.trim())).collect())
}

/// The bucket of a question about one request.
pub(super) fn bucket_of(asked: &Asked) -> Option<BucketName> {
    let Asked::Request(request) = asked else { return None };
    let behind = request.resource().strip_prefix(ARN)?;
    Some(BucketName::reported(behind.split_once('/').map_or(behind, |(bucket, _)| bucket)))
}

/// Everyone in one state.
pub(super) struct People {
    /// The configuration.
    pub(super) loaded: Loaded,
    /// The cluster; `None` if the configuration is the state.
    pub(super) observed: Option<Observed>,
    /// The known actions.
    pub(super) catalogue: Catalogue,
    release: Release,
}

impl People {
    /// Reads the cluster as well, if there is one to connect to.
    pub(super) async fn of(
        loaded: Loaded,
        connection: Option<&ClusterSettings>,
        roles: &BTreeSet<PolicyName>,
        (actions, calls): (&ActionArgs, CallArgs),
        global: &GlobalArgs,
        output: &mut Output,
    ) -> Result<Self, CommandError> {
        let Some(settings) = connection else {
            let release = actions.release_or(&Release::newest());
            let catalogue = actions.load_or(&release)?;
            return Ok(Self { loaded, observed: None, catalogue, release });
        };
        let connection = connect(global, settings, calls, output).await?;
        let cluster = connection.retrying();
        let mut observed = observe_all(&cluster, &[&loaded.desired], calls.jobs()).await?;
        // Nobody may have the policy of a role, so that its document has not been read.
        let is_unread = |role: &&PolicyName| observed.policies.get(*role) == Some(&Body::NotRead);
        let unread: BTreeSet<PolicyName> = roles.iter().filter(is_unread).cloned().collect();
        let found = documents(&cluster, &unread, calls.jobs()).await?;
        observed.policies.extend(found.into_iter().filter_map(|(role, text)| Some((role, Body::read(&text?)))));
        let release = observed.identity.release.clone();
        let catalogue = actions.load_or(&release)?;
        Ok(Self { loaded, observed: Some(observed), catalogue, release })
    }

    /// All users and groups.
    pub(super) fn all(&self) -> Result<Vec<Attachment>, Failure> {
        match &self.observed {
            None => Ok(declared(&self.loaded.desired, &self.release)),
            Some(observed) => observed_attachments(observed),
        }
    }

    /// The roles of `[roles]`.
    pub(super) fn declared_roles(&self) -> &BTreeSet<PolicyName> {
        &self.loaded.desired.guards.roles
    }

    /// A user, `group/NAME`, a token with `role/NAME`, or `@anonymous`.
    pub(super) fn named(&self, name: &str) -> Result<Attachment, Failure> {
        let is_user = |all: &[Attachment]| all.iter().any(|of| of.holder.user() == Some(name));
        // A user may have this name; `--anonymous` is never one.
        if name == Holder::ANONYMOUS && !self.all().is_ok_and(|all| is_user(&all)) {
            return Ok(self.anonymous(None));
        }
        match role(name) {
            Some(roles) if !self.all().is_ok_and(|all| is_user(&all)) => self.with_roles(&roles),
            Some(_) | None => find(name, self.all()?),
        }
    }

    /// The merged access of a token with several roles, each of which is the name of a policy.
    pub(super) fn with_roles(&self, roles: &BTreeSet<PolicyName>) -> Result<Attachment, Failure> {
        if let Some(observed) = &self.observed
            && let Some(missing) = roles.iter().find(|role| !observed.policies.contains_key(*role))
        {
            let message = format!("the cluster has no policy `{missing}`: a token with this role gets nothing from it");
            return Err(Failure::new(&exit::UNKNOWN_ACCESS, message).help("leave it out of `--roles`"));
        }
        Ok(of_roles(roles, |role| match &self.observed {
            None => declared_document(&self.loaded.desired, &self.release, role).map(|document| known(&document)),
            Some(observed) => observed.policies.get(role).cloned(),
        }))
    }

    /// The buckets of the state.
    pub(super) fn buckets(&self) -> Cow<'_, Buckets> {
        match &self.observed {
            None => Cow::Owned(declared_buckets(&self.loaded.desired)),
            Some(observed) => Cow::Borrowed(&observed.buckets),
        }
    }

    /// Whether the policies of buckets are known, as far as the configuration has any.
    pub(super) fn buckets_known(&self) -> bool {
        match &self.observed {
            None => !self.loaded.desired.buckets.is_empty(),
            Some(observed) => observed.buckets.known().is_some(),
        }
    }

    /// Requests without a login, to all buckets or to one.
    pub(super) fn anonymous(&self, only: Option<&BucketName>) -> Attachment {
        let document = if self.buckets_known() { self.buckets().together(None, only) } else { None };
        Attachment { holder: Holder::Anonymous, policy: None, document }
    }

    /// The policy of a bucket, if it counts for someone. Its statements have their numbers.
    pub(super) fn sources_of_buckets(
        &self,
        attachment: &Attachment,
        rules: &RuleList,
        only: Option<&BucketName>,
    ) -> Option<Source<'_>> {
        let counts = match attachment.holder {
            Holder::Anonymous => true,
            Holder::Principal(_) | Holder::Roles(_) => rules.has_union(),
            Holder::Document(_) => false,
        };
        let bucket = only.filter(|_| counts)?;
        let document = alone(bucket, self.buckets().get(bucket).filter(|policy| !policy.is_none())?.as_document());
        let authored = match &self.loaded.desired.buckets.get(bucket).map(|entry| &entry.intent) {
            Some(BucketIntent::Document(authored)) if self.observed.is_none() => Some(authored),
            Some(BucketIntent::Document(_) | BucketIntent::Canned(_)) | None => None,
        };
        Some(Source { policy: None, bucket: Some(bucket.clone()), document, authored })
    }

    /// The policies of buckets that allow something of a question without a login.
    pub(super) fn by_buckets(&self, asked: &Asked, context: &Context<'_>) -> Vec<ByBucket> {
        let buckets = self.buckets();
        let all = buckets.known().into_iter().flatten().filter(|(_, policy)| !policy.is_none());
        let of = |(bucket, policy): (&BucketName, &BucketPolicy)| {
            ByBucket::of((bucket, policy.canned), &alone(bucket, policy.as_document()), asked, context)
        };
        all.filter_map(of).collect()
    }

    /// The same after the plan, with the plan and the cluster before it.
    pub(super) fn planned(mut self, output: &mut Output) -> Result<(Self, Plan, Observed), Failure> {
        let missing = || Failure::new(&exit::UNKNOWN_ACCESS, "a plan needs the cluster");
        let before = self.observed.take().ok_or_else(missing)?;
        let plan = plan_with(&self.loaded.desired, &before, &self.catalogue);
        output.findings(&plan.findings, &self.loaded.sources);
        if plan.is_blocked() {
            let failure = Failure::new(&exit::UNKNOWN_ACCESS, "the plan is blocked, so there is nothing after it");
            return Err(failure.help("correct the errors, or ask about the cluster with `--observed`"));
        }
        self.observed = Some(after(&plan, &before));
        Ok((self, plan, before))
    }

    /// The same user, group or token on the cluster before a plan.
    pub(super) fn in_state(&self, before: &Observed, holder: &Holder) -> Attachment {
        let nobody = || Attachment { holder: holder.clone(), policy: None, document: None };
        match holder {
            Holder::Roles(roles) => of_roles(&roles.listed().collect(), |role| before.policies.get(role).cloned()),
            Holder::Anonymous => Attachment { document: before.buckets.together(None, None), ..nobody() },
            Holder::Principal(_) | Holder::Document(_) => {
                let all = observed_attachments(before).unwrap_or_default();
                all.into_iter().find(|of| of.holder == *holder).unwrap_or_else(nobody)
            }
        }
    }

    /// The policies by which someone has access, as the configuration has them if it has the same.
    pub(super) fn sources(&self, attachment: &Attachment) -> Vec<Source<'_>> {
        let source = |policy: PolicyName| {
            let authored = authored(&self.loaded.desired, &policy);
            let (document, authored) = match &self.observed {
                None => (declared_document(&self.loaded.desired, &self.release, &policy)?, authored),
                Some(observed) => {
                    let normal = observed.policies.get(&policy)?.normal()?;
                    match authored.filter(|authored| authored.normal() == *normal) {
                        Some(authored) => (authored.document().clone(), Some(authored)),
                        None => (normal.document().clone(), None),
                    }
                }
            };
            Some(Source { policy: Some(policy), bucket: None, document, authored })
        };
        attachment.policy.iter().flat_map(|policy| policy.listed().collect::<Vec<_>>()).filter_map(source).collect()
    }
}

/// Someone with the policies of buckets beside its own, if they count for users by some rules.
pub(super) fn with_buckets(
    attachment: Attachment,
    buckets: &Buckets,
    rules: &RuleList,
    only: Option<&BucketName>,
) -> Attachment {
    let is_user = matches!(attachment.holder, Holder::Principal(_) | Holder::Roles(_));
    if !is_user || !rules.has_union() || !attachment.is_known() || !buckets.have_policies() {
        return attachment;
    }
    Attachment { document: buckets.together(attachment.document.as_ref(), only), ..attachment }
}

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

/// What a user or group has on a cluster.
pub(super) fn attachment_in(observed: &Observed, principal: Principal) -> Attachment {
    let policy = observed.attached_to(&principal);
    let body = policy.as_ref().and_then(|policy| granted(&observed.policies, policy));
    let document = body.and_then(|body| body.normal().map(|normal| normal.document().clone()));
    Attachment { policy, document, holder: Holder::Principal(principal) }
}

fn observed_attachments(observed: &Observed) -> Result<Vec<Attachment>, Failure> {
    if !observed.attachments_known {
        let message = format!("WEKA {} does not report attachments over REST", observed.identity.release);
        return Err(Failure::new(&exit::UNKNOWN_ACCESS, message)
            .help("evaluate the configuration instead: remove `--observed`"));
    }
    let attachment = |principal| attachment_in(observed, principal);
    let users = observed.users.keys().map(Principal::from);
    Ok(users.chain(observed.groups.keys().map(Principal::from)).map(attachment).collect())
}
