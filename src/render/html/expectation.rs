//! A table of expectations, for pages of plans and of reports.

use maud::{Markup, html};

use super::{Text, scrolling};
use crate::render::json::ExpectationV1;
use crate::render::phrase;

/// Each expectation with its result and the request that proves a failure. Those that fail come first.
pub(super) fn expectations(all: &[ExpectationV1], has_plan: bool) -> Markup {
    let (holding, failing): (Vec<_>, Vec<_>) = all.iter().partition(|of| of.holds);
    let class = |of: &ExpectationV1| match (of.holds, of.refuses) {
        (true, _) => "a",
        (false, true) => "r",
        (false, false) => "c",
    };
    let table = html! {
        table {
            caption { (phrase::expectations(all).unwrap_or_default()) "." }
            thead { tr { th scope="col" { "Expectation" } th scope="col" { "Result" } th scope="col" { "For example" } } }
            tbody {
                @for of in failing.into_iter().chain(holding) {
                    tr {
                        th scope="row" {
                            (Text(&of.name))
                            @if let Some(reason) = &of.reason { p.dim { (Text(reason)) } }
                        }
                        td { span class=(class(of)) { (phrase::result(of, has_plan)) } }
                        td { (Text(&phrase::proof(of, str::to_owned).unwrap_or_default())) }
                    }
                }
            }
        }
    };
    scrolling("Table of expectations", &table)
}
