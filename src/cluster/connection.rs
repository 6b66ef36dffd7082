//! The way to a cluster: what it leads through, who can read along, and how the cluster is spoken to.

/// How a cluster is reached and spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// What the calls go through, such as `REST`.
    pub transport: &'static str,
    /// Where it leads, as a person would name it.
    pub addresses: Vec<String>,
    /// Those of the addresses to which everything goes in plain text, other than within this machine.
    pub unencrypted: Vec<String>,
    /// Whether any certificate is believed.
    pub any_certificate: bool,
    /// The call that tells who holds what at the cluster's release, when there is one.
    pub attachments_source: Option<&'static str>,
    /// Whether a cluster of this release should have a definition of its own interface here.
    pub definition_expected: bool,
    /// By how many seconds the cluster's clock is ahead of this machine's (behind, when negative), as its last answer
    /// told; unknown when none did.
    pub clock_ahead: Option<i64>,
}
