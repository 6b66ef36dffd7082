//! The page of a report, and its sections for the page of a plan.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Section, page};
use super::plan::cluster;
use super::text::Text;
use super::{holders, matrix, policies};
use crate::render::json::{ReportV1, ScopeV1};

/// Writes the page of a report.
///
/// # Errors
/// Those of the writer.
pub fn report(out: &mut dyn Write, report: &ReportV1) -> io::Result<()> {
    let of = report.cluster.as_ref().map_or("the file", |cluster| cluster.name.as_str());
    let title = format!("S3 access: {of}");
    writeln!(out, "{}", page(&title, &head(report), &sections(report), &report.tool_version).into_string())
}

fn head(report: &ReportV1) -> Markup {
    html! {
        p {
            @match report.scope {
                ScopeV1::Cluster => "The cluster as it is.",
                ScopeV1::Configuration => "What the file declares, whatever the cluster has.",
                ScopeV1::Both => "The cluster as it is, and as it will be when the plan of the file has been applied.",
            }
        }
        dl.facts {
            @if let Some(of) = &report.cluster { (cluster(of)) }
            @if let Some(digest) = &report.digest { dt { "Digest of the plan" } dd { code { (Text(digest)) } } }
            dt { "Users" } dd { (report.principals.iter().filter(|holder| holder.user.is_some()).count()) }
            dt { "Groups" } dd {
                @if report.group_attachments_known { (report.principals.iter().filter(|holder| holder.group.is_some()).count()) }
                @else { "not told by the cluster" }
            }
            dt { "Policies" } dd { (report.policies.len()) " of at most " (report.limits.policies) }
        }
    }
}

/// The sections about who may do what, who holds what, and how large policies are.
pub(super) fn sections(report: &ReportV1) -> [Section; 3] {
    [
        Section { id: "matrix", title: "Access matrix", body: matrix::matrix(report) },
        Section { id: "holders", title: "Who holds what", body: holders::holders(report) },
        Section { id: "policies", title: "Policies by size", body: policies::policies(report) },
    ]
}
