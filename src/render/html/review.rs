//! Declarations that are gone, settings that change, new keys and the options of the run.

use maud::{Markup, html};

use super::text::{Text, name};
use crate::render::json::{PlanV1, ReviewV1};
use crate::render::phrase::{
    new_keys, option, setting_change, settings_title, undeclared_fate, undeclared_object, undeclared_title,
};

/// What a configuration changes beside the objects that it declares.
pub(super) fn review(review: &ReviewV1) -> Markup {
    let plain = |text: &str| text.to_owned();
    html! {
        @if !review.undeclared.is_empty() {
            h3 { (Text(&undeclared_title(review, plain))) }
            ul { @for of in &review.undeclared {
                li { (name(&undeclared_object(of, plain))) ": " (Text(&undeclared_fate(of, plain))) }
            } }
        }
        @if !review.settings.is_empty() {
            h3 { (Text(&settings_title(review, plain))) }
            ul { @for of in &review.settings { li { (name(&of.name)) ": " (Text(&setting_change(of, plain))) } } }
        }
    }
}

/// Where new secrets go, and the options by which the plan was made, as rows of facts.
pub(super) fn conditions(plan: &PlanV1) -> Markup {
    let plain = |text: &str| text.to_owned();
    html! {
        @if let Some(keys) = &plan.new_keys { dt { "Keys" } dd { (Text(&new_keys(keys, plain))) } }
        @if !plan.options.is_empty() {
            dt { "Made with" }
            dd { @for of in &plan.options { code { (Text(&option(of, plain))) } " " } }
        }
    }
}
