//! `attune.drift/1`: how the cluster differs from the configuration. `attune.drift-state/1`: the state of `--since`.

use serde_json::value::RawValue;

use super::access::{AccessChangeV1, user_or_group};
use super::change::{ReviewV1, body, text};
use super::finding::FindingV1;
use super::plan::{ClusterV1, UnmanagedV1};
use super::term::TermV1;
use crate::base::Sources;
use crate::drift::{Drift, Kind, Memory, News, Object, ObjectState, Remembered};
use crate::observed::Identity;
use crate::plan::ChangeId;

json_types! {
    /// How the cluster differs from the configuration.
    pub struct DriftV1 = "attune.drift/1" {
        /// The cluster and the tenant.
        cluster: ClusterV1,
        /// The drift in numbers.
        summary: DriftSummaryV1,
        /// Removed declarations and changed settings, compared with `--base`; missing when there are none.
        review?: ReviewV1,
        /// The patterns of the objects that were compared, by `--only`; missing when all were.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        only: Vec<String>,
        /// The objects that differ; with `--since`, only the new ones.
        drift: Vec<DriftedV1>,
        /// With `--since`: the objects that differ and were reported before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        known: Vec<RememberedV1>,
        /// With `--since`: the objects that were reported before and match the configuration now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resolved: Vec<RememberedV1>,
        /// The objects that differ and are ignored.
        ignored: Vec<IgnoredV1>,
        /// Objects that no configuration declares. They are not compared.
        unmanaged: UnmanagedV1,
        /// Errors, warnings and notes.
        findings: Vec<FindingV1>,
    }

    /// The drift in numbers.
    #[derive(Copy)]
    pub struct DriftSummaryV1 {
        /// The objects in `drift`.
        reported: usize,
        /// The objects in `known`.
        known: usize,
        /// The objects in `resolved`.
        resolved: usize,
        /// The objects in `ignored`.
        ignored: usize,
    }

    /// An object that does not match the configuration.
    pub struct DriftedV1 {
        /// `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
        id: String,
        /// The kind of drift.
        kind: Kind,
        /// The policy, if it is one.
        policy?: String,
        /// The old name, which the cluster still has for a renamed policy.
        renamed_from?: String,
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// The bucket, if it is one.
        bucket?: String,
        /// The declared state: the document of a policy, or the name of the policy of a user, group or bucket; missing for none.
        #[schemars(with = "Option<serde_json::Value>")]
        declared?: Box<RawValue>,
        /// The state of the cluster: the document of a policy, or the name of the policy of a user or group; missing for
        /// none.
        #[schemars(with = "Option<serde_json::Value>")]
        observed?: Box<RawValue>,
        /// Access that differs: `gained` is allowed by the cluster and not by the configuration, `lost` the reverse.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        access: Vec<AccessChangeV1>,
        /// When the declared access of the user or group begins and ends; missing when it does neither.
        term?: TermV1,
    }

    /// An object that was reported before.
    pub struct RememberedV1 {
        /// `policy/NAME`, `user/NAME` or `group/NAME`.
        id: String,
        /// The kind of drift.
        kind: String,
        /// The time of the first report.
        since: String,
    }

    /// An object that differs and is ignored.
    pub struct IgnoredV1 {
        /// `policy/NAME`, `user/NAME` or `group/NAME`.
        id: String,
        /// The kind of drift.
        kind: Kind,
        /// The reason to ignore it.
        reason: String,
        /// The last day on which it is ignored; missing for `--ignore`.
        until?: String,
    }
}

impl DriftV1 {
    /// A copy of a drift; with `news`, only its new objects.
    pub fn of(drift: &Drift, news: Option<&News>, sources: &Sources) -> Self {
        let is_new = |object: &&Object| news.is_none_or(|news| news.new.contains(&object.id.to_string()));
        let reported: Vec<DriftedV1> = drift.objects.iter().filter(is_new).map(DriftedV1::of).collect();
        let known = news.map(|news| RememberedV1::all(&news.memory, |id| !news.new.contains(id))).unwrap_or_default();
        let resolved = news.map(|news| RememberedV1::all(&news.over, |_| true)).unwrap_or_default();
        let ignored = drift.ignored.iter().map(|ignored| IgnoredV1 {
            id: ignored.object.id.to_string(),
            kind: ignored.object.kind,
            reason: ignored.reason.clone(),
            until: ignored.until.map(|until| until.to_string()),
        });
        Self {
            format: "attune.drift/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: ClusterV1::of(&drift.identity),
            review: None,
            only: drift.only.clone(),
            summary: DriftSummaryV1 {
                reported: reported.len(),
                known: known.len(),
                resolved: resolved.len(),
                ignored: drift.ignored.len(),
            },
            drift: reported,
            known,
            resolved,
            ignored: ignored.collect(),
            unmanaged: UnmanagedV1::of(&drift.unmanaged),
            findings: drift.findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        }
    }
}

impl DriftedV1 {
    fn of(object: &Object) -> Self {
        let (policy, (user, group)) = match &object.id {
            ChangeId::Policy(policy) => (Some(policy.to_string()), (None, None)),
            ChangeId::Principal(principal) => (None, user_or_group(principal)),
            ChangeId::Bucket(_) => (None, (None, None)),
        };
        let side = |said: &ObjectState| match said {
            ObjectState::Nothing => None,
            ObjectState::Document(document) => body(document),
            ObjectState::Policy(policy) => text(policy.as_str()),
            ObjectState::Canned(canned) => text(canned.as_str()),
        };
        Self {
            id: object.id.to_string(),
            kind: object.kind,
            policy,
            renamed_from: object.renamed_from.as_ref().map(ToString::to_string),
            user,
            group,
            bucket: object.id.bucket().map(ToString::to_string),
            declared: side(&object.declared),
            observed: side(&object.observed),
            access: object.access.iter().map(AccessChangeV1::of).collect(),
            term: object.term.as_ref().and_then(|term| Some(TermV1::of(object.id.principal()?, term))),
        }
    }
}

impl RememberedV1 {
    fn all(memory: &Memory, keep: impl Fn(&str) -> bool) -> Vec<Self> {
        let of = memory.0.iter().filter(|(id, _)| keep(id));
        of.map(|(id, of)| Self { id: id.clone(), kind: of.kind.clone(), since: of.since.clone() }).collect()
    }
}

/// The format of the state file.
const STATE_FORMAT: &str = "attune.drift-state/1";

json_types! {
    /// The drift that earlier runs reported and that is not resolved.
    #[derive(PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct DriftStateV1 = "attune.drift-state/1" {
        /// The cluster's id.
        guid: String,
        /// The tenant.
        tenant: String,
        /// The reported objects that are not resolved.
        reported: Vec<ReportedV1>,
    }

    /// A reported object.
    #[derive(PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct ReportedV1 {
        /// `policy/NAME`, `user/NAME` or `group/NAME`.
        id: String,
        /// The kind of drift.
        kind: String,
        /// A value that is equal only for the same drift.
        fingerprint: String,
        /// The time of the first report.
        since: String,
    }
}

impl DriftStateV1 {
    /// The state of one cluster and tenant.
    pub fn of(identity: &Identity, memory: &Memory) -> Self {
        let reported = memory.0.iter().map(|(id, of)| ReportedV1 {
            id: id.clone(),
            kind: of.kind.clone(),
            fingerprint: of.fingerprint.clone(),
            since: of.since.clone(),
        });
        Self {
            format: STATE_FORMAT.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            guid: identity.guid.clone(),
            tenant: identity.tenant.clone(),
            reported: reported.collect(),
        }
    }

    /// Reads a state file.
    pub fn read(text: &str) -> Result<Self, String> {
        let state: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if state.format == STATE_FORMAT {
            Ok(state)
        } else {
            Err(format!("its format is `{}`, not `{STATE_FORMAT}`", state.format))
        }
    }

    /// The state as a memory, if it belongs to this cluster and tenant.
    pub fn memory(self, identity: &Identity) -> Result<Memory, String> {
        if (&self.guid, &self.tenant) != (&identity.guid, &identity.tenant) {
            return Err(format!(
                "it belongs to the tenant {:?} of the cluster with the id {:?}",
                self.tenant, self.guid
            ));
        }
        let remembered =
            |of: ReportedV1| (of.id, Remembered { kind: of.kind, fingerprint: of.fingerprint, since: of.since });
        Ok(Memory(self.reported.into_iter().map(remembered).collect()))
    }
}
