//! The plans of several configurations as one comment: a section for each, which share the length limit.

use super::changes::{Body, Cut};
use super::escape::{clipped, code, many_marker};
use super::plan::{findings, in_short, section, too_large};
use super::{LEAST, fits};
use crate::base::{Severity, list};
use crate::render::json::{FindingV1, PlanV1, PlannedTarget};
use crate::render::phrase::{blocked, count, counted, refused};

/// The plans of several configurations in Markdown, in at most `max` characters (Unicode code points). `named` is what the
/// command line names. A limit below [`LEAST`] counts as [`LEAST`].
///
/// Each section first gets the room for what a comment never leaves out: errors, the digest, removals, detaches, moves and
/// gained access. The rest of the room is shared equally, and what a short section leaves goes to the longer ones. If not
/// everything indispensable fits, the longest sections say that their plans must not be approved from the comment. If that
/// is not enough, the whole comment says so.
pub fn many(named: &[String], targets: &[PlannedTarget], max: usize) -> String {
    let max = max.max(LEAST);
    let head = head(named, targets);
    let sections: Vec<Section<'_>> = targets.iter().map(|target| Section::of(target, max)).collect();
    let lengths: Vec<Lengths> = sections.iter().map(Section::lengths).collect();
    let room = max.saturating_sub(head.chars().count());
    match shares(&lengths, room) {
        Some(forms) => head + &sections.iter().zip(forms).map(|(section, form)| section.text(form)).collect::<String>(),
        None => nothing_fits(named, targets, max),
    }
}

/// The result of another command for one of several configurations: a heading, and below it what the command wrote itself.
pub fn one_of_many(name: &str, text: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!("\n{}\n", code(error))).unwrap_or_default();
    format!("## {}\n\n{}\n{error}\n", code(name), text.trim_end())
}

/// The marker, the plans in numbers, and a line for each.
fn head(named: &[String], targets: &[PlannedTarget]) -> String {
    let line = |target: &PlannedTarget| match &target.result {
        Ok(plan) if plan.changes.is_empty() => format!("- {}: {}\n", code(&target.name), in_short(plan)),
        Ok(plan) => format!("- {}: {}, digest {}\n", code(&target.name), in_short(plan), code(plan.short_digest())),
        Err(_) => format!("- {}: error\n", code(&target.name)),
    };
    let lines: String = targets.iter().map(line).collect();
    format!("{}\n### attune: {}\n\n{lines}\n", many_marker(named), numbers(targets))
}

fn numbers(targets: &[PlannedTarget]) -> String {
    let plans = || targets.iter().filter_map(|target| target.result.as_deref().ok());
    let stopped = |plan: &&PlanV1| blocked(plan).is_some() || refused(plan).is_some();
    let changes = plans().filter(|plan| !stopped(plan) && !plan.changes.is_empty()).count();
    let none = plans().filter(|plan| !stopped(plan) && plan.changes.is_empty()).count();
    let parts = counted([
        (changes, "plan with changes", "plans with changes"),
        (none, "without changes", "without changes"),
        (plans().filter(stopped).count(), "blocked or refused", "blocked or refused"),
        (targets.len() - plans().count(), "error", "errors"),
    ]);
    format!("{}: {}", count(targets.len(), "configuration", "configurations"), list(&parts))
}

struct Section<'a> {
    target: &'a PlannedTarget,
    max: usize,
    bodies: Vec<Body>,
}

/// What is shown of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Cut(Cut),
    /// Not enough for an approval.
    Short,
}

/// The lengths of a section in each of its forms, in characters.
#[derive(Debug, Clone)]
struct Lengths {
    /// With each cut, from nothing left out to the indispensable.
    cuts: [usize; Cut::ALL.len()],
    short: usize,
}

impl Lengths {
    /// The shortest form with all that is indispensable. To say what is left out can be longer than that.
    fn least(&self) -> usize {
        self.cuts.into_iter().min().unwrap_or_default()
    }

    /// The form that leaves out the least in at most so many characters.
    fn within(&self, share: usize) -> Option<(usize, Form)> {
        let fitting = self.cuts.into_iter().zip(Cut::ALL).find(|(length, _)| *length <= share);
        fitting.map(|(length, cut)| (length, Form::Cut(cut)))
    }
}

impl<'a> Section<'a> {
    fn of(target: &'a PlannedTarget, max: usize) -> Self {
        let changes = target.result.as_ref().map(|plan| plan.changes.as_slice()).unwrap_or_default();
        Self { target, max, bodies: changes.iter().map(Body::of).collect() }
    }

    fn lengths(&self) -> Lengths {
        let length = |form| self.text(form).chars().count();
        Lengths { cuts: Cut::ALL.map(|cut| length(Form::Cut(cut))), short: length(Form::Short) }
    }

    fn text(&self, form: Form) -> String {
        let name = &self.target.name;
        let text = match (&self.target.result, form) {
            (Ok(plan), Form::Cut(cut)) => section(plan, &self.bodies, cut, self.max, Some(self.target)),
            (Ok(plan), Form::Short) => too_large(plan, self.max, Some(self.target)),
            (Err(found), Form::Cut(_)) => {
                let errors: Vec<&FindingV1> =
                    found.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
                let why = self.target.error.as_deref().map(|why| format!("{}\n\n", code(why))).unwrap_or_default();
                format!("#### {}: error\n\n{why}{}", code(name), findings("Errors", &errors))
            }
            (Err(_), Form::Short) => {
                let why = self.target.error.as_deref().unwrap_or_default();
                format!("#### {}: error\n\n{}\n", code(&clipped(name)), code(&clipped(why)))
            }
        };
        text.trim_end().to_owned() + "\n\n"
    }
}

/// The form of each section, so that all of them fit in `room` characters; `None` if not even the short forms do.
fn shares(sections: &[Lengths], room: usize) -> Option<Vec<Form>> {
    let mut forms = vec![Form::Short; sections.len()];
    let mut used: usize = sections.iter().map(Lengths::least).sum();
    let mut by_need: Vec<usize> = (0..sections.len()).collect();
    by_need.sort_by_key(|at| sections[*at].least());
    while used > room {
        let longest = &sections[by_need.pop()?];
        // To say that a section does not fit can be longer than the section.
        used -= longest.least().checked_sub(longest.short)?;
    }
    // Short sections first: each takes at most its share, and the others get what it leaves.
    let mut spare = room - used;
    by_need.sort_by_key(|at| sections[*at].cuts[0]);
    for (place, at) in by_need.iter().enumerate() {
        let (lengths, waiting) = (&sections[*at], by_need.len() - place);
        let share = lengths.least() + spare / waiting;
        if let Some((length, form)) = lengths.within(share) {
            forms[*at] = form;
            spare -= length - lengths.least();
        }
    }
    Some(forms)
}

/// The comment for plans of which nothing fits: never enough to approve one.
fn nothing_fits(named: &[String], targets: &[PlannedTarget], max: usize) -> String {
    let text = format!(
        "{}\n### attune: too large to show here\n\n\
         **Do not approve these plans from this comment.** Their removals, moves and new access do not fit in {max} \
         characters, and are not shown.\n\n{}\n\n\
         See all of it with `attune plan`, or with a larger `--max-chars`.\n",
        many_marker(named),
        numbers(targets),
    );
    debug_assert!(fits(&text, LEAST));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lengths(full: usize, least: usize) -> Lengths {
        let step = (full - least) / 5;
        let mut cuts = [0, 1, 2, 3, 4, 5].map(|cut| full - step * cut);
        cuts[5] = least;
        Lengths { cuts, short: 50 }
    }

    fn length(of: &Lengths, form: Form) -> usize {
        match form {
            Form::Cut(cut) => Cut::ALL.iter().zip(of.cuts).find(|(known, _)| **known == cut).unwrap().1,
            Form::Short => of.short,
        }
    }

    #[test]
    fn a_short_section_leaves_its_room_to_the_long_ones() {
        let sections = [lengths(1_000, 100), lengths(200, 100), lengths(150, 100)];
        let forms = shares(&sections, 1_350).unwrap();
        assert_eq!(forms, [Form::Cut(Cut::Nothing); 3]);
        let forms = shares(&sections, 700).unwrap();
        assert_eq!((forms[1], forms[2]), (Form::Cut(Cut::Nothing), Form::Cut(Cut::Nothing)));
        assert!(matches!(forms[0], Form::Cut(cut) if cut > Cut::Nothing && cut < Cut::Names), "{forms:?}");
    }

    #[test]
    fn if_not_all_that_is_indispensable_fits_the_longest_section_is_short() {
        let sections = [lengths(400, 300), lengths(2_000, 1_500), lengths(400, 300)];
        assert_eq!(shares(&sections, 1_000).unwrap(), [Form::Cut(Cut::Nothing), Form::Short, Form::Cut(Cut::Nothing)]);
        assert_eq!(shares(&sections, 149), None);
        assert_eq!(shares(&sections, 150).unwrap(), [Form::Short; 3]);
    }

    proptest! {
        #[test]
        fn sections_fit_and_the_indispensable_is_shown_where_it_fits(
            sizes in prop::collection::vec((60..5_000_usize, 0..3_000_usize), 1..30),
            room in 0..60_000_usize,
        ) {
            let sections: Vec<Lengths> = sizes.iter().map(|(least, more)| lengths(least + more, *least)).collect();
            let needed: usize = sections.iter().map(Lengths::least).sum();
            match shares(&sections, room) {
                None => prop_assert!(sections.len() * 50 > room),
                Some(forms) => {
                    let used: usize = sections.iter().zip(&forms).map(|(of, form)| length(of, *form)).sum();
                    prop_assert!(used <= room, "{used} of {room}");
                    prop_assert!(needed > room || !forms.contains(&Form::Short), "{forms:?}");
                }
            }
        }
    }
}
