//! The hidden comments at the head, by which a program finds its own comment and what it stands for.

use super::escape::in_a_marker;
use crate::render::json::ClusterV1;

/// The first line: the same for every plan, or every outcome, of a tenant of a cluster.
pub(super) fn stable(what: &str, cluster: &ClusterV1) -> String {
    format!("<!-- attune:{what} guid={} tenant={} -->\n", in_a_marker(&cluster.guid), in_a_marker(&cluster.tenant))
}

/// The second line: which one this is. `what` tells a digest that can be approved from one that cannot.
pub(super) fn digest(what: &str, digest: &str, cluster: &ClusterV1) -> String {
    format!("<!-- attune:{what}={} cluster={} -->\n", in_a_marker(digest), in_a_marker(&cluster.name))
}
