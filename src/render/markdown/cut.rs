//! What is left out of a plan that is too long, step by step; and what is said about it.

use super::diff::Body;
use crate::render::json::{KindV1, PlanV1};
use crate::render::words::count;

/// How much is left out. Each step includes those before it. What is removed, detached, moved and gained is never left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    /// Nothing.
    Nothing,
    /// What is unchanged in documents.
    Context,
    /// The documents of policies that are added.
    Added,
    /// All other documents.
    Documents,
    /// What is lost, and examples of what is gained; who loses is still named.
    Lost,
    /// Names of what is added and attached, the holders that keep their access, warnings and notes.
    Names,
}

impl Cut {
    /// All steps, from nothing left out to all that may be.
    pub(super) const ALL: [Self; 6] =
        [Self::Nothing, Self::Context, Self::Added, Self::Documents, Self::Lost, Self::Names];

    /// Whether the document of a change is shown.
    pub(super) fn shows(self, kind: KindV1) -> bool {
        match kind {
            KindV1::AddPolicy => self < Self::Added,
            KindV1::ReplacePolicy | KindV1::RemovePolicy => self < Self::Documents,
            KindV1::Attach | KindV1::Move | KindV1::Detach => false,
        }
    }

    /// What is left out, in sentences without their ends.
    pub(super) fn said(self, plan: &PlanV1, bodies: &[Body]) -> Vec<String> {
        let with_documents = |kinds: &[KindV1]| {
            let all = plan.changes.iter().zip(bodies);
            all.filter(|(change, body)| kinds.contains(&change.kind) && !body.lines.is_empty()).count()
        };
        let access = plan.changes.iter().map(|change| change.access.len()).sum();
        let unchanged = bodies.iter().flat_map(|body| &body.lines).filter(|line| line.context).count();
        let (added, replaced) = (with_documents(&[KindV1::AddPolicy]), with_documents(&[KindV1::ReplacePolicy]));
        let removed = with_documents(&[KindV1::RemovePolicy]);
        let documents = |number| count(number, "document", "documents");
        let steps = [
            (Self::Context, unchanged, "what is unchanged in documents".to_owned()),
            (Self::Added, added, format!("{} of additions", documents(added))),
            (Self::Documents, replaced, format!("{} of replacements", documents(replaced))),
            (Self::Documents, removed, format!("{} of removals", documents(removed))),
            (
                Self::Lost,
                access,
                "what access is lost (who loses some is named), and examples of what is gained".to_owned(),
            ),
            (
                Self::Names,
                1,
                "the names of what is added and attached, the holders that keep their access, warnings and notes"
                    .to_owned(),
            ),
        ];
        steps.into_iter().filter(|(cut, number, _)| *cut <= self && *number > 0).map(|(_, _, text)| text).collect()
    }
}
