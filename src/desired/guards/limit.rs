//! How many may be: a number, or a percentage of all.

use std::fmt;
use std::str::FromStr;

/// How many may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// So many.
    Number(usize),
    /// So many percent of all, at most 100.
    Percent(u8),
}

/// A text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLimit {
    /// It is neither a number nor a percentage.
    #[error("`{0}` is neither a number nor a percentage such as `10%`")]
    Neither(String),
    /// It is more than all.
    #[error("`{0}` is more than all: 100% is the most")]
    MoreThanAll(String),
}

impl Limit {
    /// Whether `count` of `all` is more than may be. Exact: nothing is rounded, so that 1 of 5 exceeds 10%.
    #[must_use]
    pub fn is_exceeded_by(self, count: usize, all: usize) -> bool {
        match self {
            Self::Number(most) => count > most,
            Self::Percent(percent) => wide(count) * 100 > u128::from(percent) * wide(all),
        }
    }

    /// The limit in words, with what a percentage comes to.
    #[must_use]
    pub fn of(self, all: usize) -> String {
        match self {
            Self::Number(most) => most.to_string(),
            Self::Percent(percent) => {
                let most = u128::from(percent) * wide(all) / 100;
                format!("{percent}% of {all}, which is {most},")
            }
        }
    }
}

/// The number with room for what it is multiplied by.
fn wide(number: usize) -> u128 {
    u128::try_from(number).unwrap_or(u128::MAX / 100)
}

impl FromStr for Limit {
    type Err = NoLimit;

    /// Reads `5` or `10%`.
    fn from_str(text: &str) -> Result<Self, NoLimit> {
        let neither = || NoLimit::Neither(text.to_owned());
        let digits = text.strip_suffix('%').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(neither());
        }
        if digits.len() == text.len() {
            return digits.parse().map(Self::Number).map_err(|_| neither());
        }
        match digits.parse() {
            Ok(percent) if percent <= 100 => Ok(Self::Percent(percent)),
            Ok(_) | Err(_) => Err(NoLimit::MoreThanAll(text.to_owned())),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(most) => most.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_a_number_or_at_most_all() {
        let parse = |text: &str| text.parse::<Limit>();
        assert_eq!(parse("0"), Ok(Limit::Number(0)));
        assert_eq!(parse("12"), Ok(Limit::Number(12)));
        assert_eq!(parse("0%"), Ok(Limit::Percent(0)));
        assert_eq!(parse("100%"), Ok(Limit::Percent(100)));
        for text in ["", "%", "ten", "-1", "+1", "1.5", "2.5%", "10 %", " 10%", "99999999999999999999999"] {
            assert_eq!(parse(text), Err(NoLimit::Neither(text.to_owned())), "{text:?}");
        }
        for text in ["101%", "256%", "1000%"] {
            assert_eq!(parse(text), Err(NoLimit::MoreThanAll(text.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn one_of_a_few_is_more_than_a_tenth_of_them() {
        let tenth = Limit::Percent(10);
        assert!(tenth.is_exceeded_by(1, 5) && tenth.is_exceeded_by(1, 9));
        assert!(!tenth.is_exceeded_by(1, 10) && !tenth.is_exceeded_by(1, 19) && tenth.is_exceeded_by(2, 19));
        assert!(!tenth.is_exceeded_by(0, 0) && tenth.is_exceeded_by(1, 0));
        assert_eq!(tenth.of(19), "10% of 19, which is 1,");
    }

    proptest! {
        #[test]
        fn a_percentage_holds_as_counting_the_hundredths_says(percent in 0..=100_u8, all in 0..400_usize, count in 0..400_usize) {
            // The most that may be, found by counting up.
            let most = (0..=all).take_while(|some| some * 100 <= usize::from(percent) * all).count() - 1;
            prop_assert_eq!(Limit::Percent(percent).is_exceeded_by(count, all), count > most);
            prop_assert_eq!(Limit::Number(most).is_exceeded_by(count, all), count > most);
        }

        #[test]
        fn a_higher_limit_is_never_exceeded_by_less(low in 0..=100_u8, more in 0..=100_u8, count: usize, all: usize) {
            let high = low.saturating_add(more).min(100);
            let exceeded = |percent: u8| Limit::Percent(percent).is_exceeded_by(count, all);
            prop_assert!(exceeded(low) || !exceeded(high));
        }

        #[test]
        fn what_is_shown_reads_back(limit in prop_oneof![any::<usize>().prop_map(Limit::Number), (0..=100_u8).prop_map(Limit::Percent)]) {
            prop_assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }
}
