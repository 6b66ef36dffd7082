//! Declarations that are gone, and settings that change: before everything else of a plan.

use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

use crate::render::Styles;
use crate::render::json::{PlanV1, ReviewV1};
use crate::render::phrase::{
    new_keys, option, setting_change, settings_title, undeclared_fate, undeclared_object, undeclared_title,
};
use crate::render::words::shown;

/// Writes both sections. Nothing where there is nothing to show.
///
/// # Errors
/// Those of the writer.
pub(super) fn review(out: &mut dyn Write, styles: &Styles, review: Option<&ReviewV1>) -> io::Result<()> {
    let Some(review) = review else { return Ok(()) };
    if !review.undeclared.is_empty() {
        let lines = review.undeclared.iter().map(|of| (undeclared_object(of, shown), undeclared_fate(of, shown)));
        section(out, styles, &undeclared_title(review, shown), &lines.collect::<Vec<_>>())?;
    }
    if !review.settings.is_empty() {
        let lines = review.settings.iter().map(|of| (shown(&of.name), setting_change(of, shown)));
        section(out, styles, &settings_title(review, shown), &lines.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn section(out: &mut dyn Write, styles: &Styles, title: &str, lines: &[(String, String)]) -> io::Result<()> {
    writeln!(out, "{}", styles.change.apply_to(title))?;
    let width = lines.iter().map(|(name, _)| measure_text_width(name)).max().unwrap_or(0);
    for (name, what) in lines {
        writeln!(out, "  {}   {what}", pad_str(name, width, Alignment::Left, None))?;
    }
    writeln!(out)
}

/// Writes where new secrets go, and the options by which the plan was made.
pub(super) fn conditions(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    if let Some(keys) = &plan.new_keys {
        writeln!(out, "{} {}", styles.change.apply_to("keys:"), new_keys(keys, shown))?;
    }
    if !plan.options.is_empty() {
        let options: Vec<String> = plan.options.iter().map(|of| option(of, shown)).collect();
        writeln!(out, "{} {}", styles.change.apply_to("made with:"), options.join(" "))?;
    }
    Ok(())
}
