//! Declarations that are gone, settings that change, new keys and the options of the run. Never left out, never in a fold.

use super::escape::code;
use crate::render::json::{PlanV1, ReviewV1};
use crate::render::phrase::{
    new_keys, option, setting_change, settings_title, undeclared_fate, undeclared_object, undeclared_title,
};

/// What a configuration changes beside the objects that it declares.
pub(super) fn review(review: Option<&ReviewV1>) -> String {
    let Some(review) = review else { return String::new() };
    let mut text = String::new();
    if !review.undeclared.is_empty() {
        text += &format!("**{}**\n\n", capital(&undeclared_title(review, code)));
        for of in &review.undeclared {
            text += &format!("- {}: {}\n", undeclared_object(of, code), undeclared_fate(of, code));
        }
        text.push('\n');
    }
    if !review.settings.is_empty() {
        text += &format!("**{}**\n\n", capital(&settings_title(review, code)));
        for of in &review.settings {
            text += &format!("- {}: {}\n", code(&of.name), setting_change(of, code));
        }
        text.push('\n');
    }
    text
}

/// Where new secrets go, and the options by which the plan was made.
pub(super) fn conditions(plan: &PlanV1) -> String {
    let mut text = String::new();
    if let Some(keys) = &plan.new_keys {
        text += &format!("**Keys**: {}\n\n", new_keys(keys, code));
    }
    if !plan.options.is_empty() {
        let options: Vec<String> = plan.options.iter().map(|of| option(of, code)).collect();
        text += &format!("**Made with**: {}\n\n", options.join(" "));
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
