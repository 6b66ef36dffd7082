//! Why a plan is refused: by a guard, or because it may create keys and nothing says where their secrets go.

use crate::plan::NO_DESTINATION;

/// Why a plan is refused. There is no guard to override where only a destination is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// By guards alone.
    Guards,
    /// Only because there is no destination for new secrets.
    NoDestination,
    /// For both reasons.
    Both,
}

impl Refusals {
    /// The reason, by the codes of the refusals.
    pub fn of<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut guards, mut no_destination) = (false, false);
        for code in codes {
            if code == NO_DESTINATION.id { no_destination = true } else { guards = true }
        }
        match (guards, no_destination) {
            (true, true) => Self::Both,
            (false, true) => Self::NoDestination,
            (true | false, false) => Self::Guards,
        }
    }

    /// The reason behind a verdict, such as `refused by a guard`.
    pub(in crate::render) fn verdict(self) -> &'static str {
        match self {
            Self::Guards => "refused by a guard",
            Self::NoDestination => "refused, there is no destination for new secrets",
            Self::Both => "refused by a guard, and there is no destination for new secrets",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_guard_is_said_to_be_one() {
        assert_eq!(Refusals::of(["guard-removals"]), Refusals::Guards);
        assert_eq!(Refusals::of([NO_DESTINATION.id]), Refusals::NoDestination);
        assert_eq!(Refusals::of([NO_DESTINATION.id, "guard-removals"]), Refusals::Both);
    }
}
