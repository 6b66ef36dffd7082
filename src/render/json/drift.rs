//! `attune.drift/1`: how the cluster differs from the configuration. `attune.drift-state/1`: the state of `--since`.

use serde_json::value::RawValue;

use super::access::{AccessChangeV1, group, user};
use super::change::{ReviewV1, TermV1, side};
use super::finding::FindingV1;
use super::plan::{ClusterV1, UnmanagedV1};
use crate::base::Sources;
use crate::drift::{Drift, Ignored, Kind, Memory, News, Object, Remembered};
use crate::observed::Identity;

json_types! {
    /// How the cluster differs from the configuration.
    pub struct DriftV1 = "attune.drift/1" of(drift: &Drift, news: Option<&News>, sources: &Sources) {
        /// The cluster and the tenant.
        cluster: ClusterV1 = ClusterV1::of(&drift.identity),
        /// The drift in numbers.
        summary: DriftSummaryV1 = DriftSummaryV1::of(drift, news),
        /// Removed declarations and changed settings, compared with `--base`; missing when there are none.
        review?: ReviewV1 = None,
        /// The patterns of the objects that were compared, by `--only`; missing when all were.
        only*: String = drift.only.clone(),
        /// The objects that differ; with `--since`, only the new ones.
        drift: Vec<DriftedV1> = drift.objects.iter().filter(|object| is_new(object, news)).map(DriftedV1::of).collect(),
        /// With `--since`: the objects that differ and were reported before.
        known*: RememberedV1 = known(news).map(RememberedV1::of).collect(),
        /// With `--since`: the objects that were reported before and match the configuration now.
        resolved*: RememberedV1 = news.iter().flat_map(|news| news.over.0.values()).map(RememberedV1::of).collect(),
        /// The objects that differ and are ignored.
        ignored: Vec<IgnoredV1> = drift.ignored.iter().map(IgnoredV1::of).collect(),
        /// Objects that no configuration declares. They are not compared.
        unmanaged: UnmanagedV1 = UnmanagedV1::of(&drift.unmanaged),
        /// Errors, warnings and notes.
        findings: Vec<FindingV1> = drift.findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
    }

    /// The drift in numbers.
    pub struct DriftSummaryV1 of(drift: &Drift, news: Option<&News>) {
        /// The objects in `drift`.
        reported: usize = drift.objects.iter().filter(|object| is_new(object, news)).count(),
        /// The objects in `known`.
        known: usize = known(news).count(),
        /// The objects in `resolved`.
        resolved: usize = news.map_or(0, |news| news.over.0.len()),
        /// The objects in `ignored`.
        ignored: usize = drift.ignored.len(),
    }

    /// An object that does not match the configuration.
    pub struct DriftedV1 of(object: &Object) {
        /// `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
        id: String = object.id.to_string(),
        /// The kind of drift.
        kind: Kind = object.kind,
        /// The policy, if it is one.
        policy?: String = object.id.policy().map(ToString::to_string),
        /// The old name, which the cluster still has for a renamed policy.
        renamed_from?: String = object.renamed_from.as_ref().map(ToString::to_string),
        /// The user, if it is one.
        user?: String = object.id.principal().and_then(user),
        /// The group, if it is one.
        group?: String = object.id.principal().and_then(group),
        /// The bucket, if it is one.
        bucket?: String = object.id.bucket().map(ToString::to_string),
        /// The declared state: the document of a policy, or the name of the policy of a user, group or bucket; missing for none.
        #[schemars(with = "Option<serde_json::Value>")]
        declared?: Box<RawValue> = side(&object.declared),
        /// The state of the cluster: the document of a policy, or the name of the policy of a user or group; missing for
        /// none.
        #[schemars(with = "Option<serde_json::Value>")]
        observed?: Box<RawValue> = side(&object.observed),
        /// Access that differs: `gained` is allowed by the cluster and not by the configuration, `lost` the reverse.
        access*: AccessChangeV1 = object.access.iter().map(AccessChangeV1::of).collect(),
        /// When the declared access of the user or group begins and ends; missing when it does neither.
        term?: TermV1 = object.term.as_ref().and_then(|term| Some(TermV1::of(object.id.principal()?, term))),
    }

    /// An object that was reported before.
    pub struct RememberedV1 of(of: &Remembered) {
        /// `policy/NAME`, `user/NAME` or `group/NAME`.
        id: String = of.id.clone(),
        /// The kind of drift.
        kind: String = of.kind.clone(),
        /// The time of the first report.
        since: String = of.since.clone(),
    }

    /// An object that differs and is ignored.
    pub struct IgnoredV1 of(ignored: &Ignored) {
        /// `policy/NAME`, `user/NAME` or `group/NAME`.
        id: String = ignored.object.id.to_string(),
        /// The kind of drift.
        kind: Kind = ignored.object.kind,
        /// The reason to ignore it.
        reason: String = ignored.reason.clone(),
        /// The last day on which it is ignored; missing for `--ignore`.
        until?: String = ignored.until.map(|until| until.to_string()),
    }
}

fn is_new(object: &Object, news: Option<&News>) -> bool {
    news.is_none_or(|news| news.new.contains(&object.id.to_string()))
}

/// Drift that was reported before.
fn known(news: Option<&News>) -> impl Iterator<Item = &Remembered> {
    news.into_iter().flat_map(|news| news.memory.0.values().filter(|of| !news.new.contains(&of.id)))
}

/// The format of the state file.
const STATE_FORMAT: &str = "attune.drift-state/1";

json_types! {
    /// The drift that earlier runs reported and that is not resolved.
    #[serde(deny_unknown_fields)]
    pub struct DriftStateV1 = "attune.drift-state/1" of(identity: &Identity, memory: &Memory) {
        /// The cluster's id.
        guid: String = identity.guid.clone(),
        /// The tenant.
        tenant: String = identity.tenant.clone(),
        /// The reported objects that are not resolved.
        reported: Vec<Remembered> = memory.0.values().cloned().collect(),
    }
}

impl DriftStateV1 {
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
        Ok(Memory(self.reported.into_iter().map(|of| (of.id.clone(), of)).collect()))
    }
}
