//! The part of a resource pattern that is in one bucket, or in buckets with a common beginning.

use super::glob::{Glob, Token};
use super::resources::{ARN, Position, ResourceSpace};

/// The patterns for what a pattern covers of a bucket: the bucket, and objects in it. `None` if servers read it differently.
///
/// For a bucket policy, servers of MinIO compare the name of the bucket without a `/` behind it.
pub(in crate::policy) fn within_bucket(pattern: &str, bucket: &str) -> Option<Vec<String>> {
    let inside = format!("{bucket}/");
    let behind = behind_prefix(pattern)?;
    if behind == bucket || behind.starts_with(&inside) {
        return Some(vec![pattern.to_owned()]);
    }
    if behind.contains("${") {
        let name = behind.split_once('/').map_or(behind, |(name, _)| name);
        return (!name.contains(['*', '?', '$'])).then(Vec::new);
    }
    let glob = Glob::parse(behind);
    let is_wild = glob.tokens().iter().any(|token| matches!(token, Token::Any | Token::Run));
    let text = |rest: &Glob| format!("{ARN}{inside}{}", rest.text());
    let objects: Vec<String> = glob.behind(&inside).iter().map(text).collect();
    if is_wild && objects.iter().any(|pattern| is_cleaned(pattern)) {
        return None;
    }
    Some(glob.matches(bucket).then(|| format!("{ARN}{bucket}")).into_iter().chain(objects).collect())
}

/// A beginning of names of buckets behind which the same names can follow as behind this one. `None` if it is none, or too
/// short to have such a substitute.
pub fn similar_beginning(beginning: &str) -> Option<&'static str> {
    let start = Position::Start;
    match beginning.chars().try_fold(start, |at, letter| ResourceSpace::Bucket.next(at, letter))? {
        Position::Named => Some("bucket"),
        Position::Within if beginning.len() > 2 => Some("bucket-"),
        Position::Start | Position::First | Position::Within | Position::Slash | Position::Key => None,
    }
}

/// What a pattern matches behind this beginning of resources: the ends of patterns that start with it. `None` if servers
/// read such patterns differently.
pub fn ends_behind(pattern: &str, beginning: &str) -> Option<Vec<String>> {
    let behind = behind_prefix(pattern)?;
    if let Some(end) = behind.strip_prefix(beginning) {
        return Some(vec![end.to_owned()]);
    }
    if behind.contains("${") {
        return None;
    }
    let ends: Vec<String> = Glob::parse(behind).behind(beginning).iter().map(Glob::text).collect();
    (is_cleaned(behind) || !ends.iter().any(|end| is_cleaned(end))).then_some(ends)
}

/// A pattern behind the prefix of S3.
fn behind_prefix(pattern: &str) -> Option<&str> {
    if *Glob::parse(pattern).tokens() == [Token::Run] { Some("*") } else { pattern.strip_prefix(ARN) }
}

/// Whether servers of MinIO clean the path of a resource for this pattern: they do only for patterns without wildcards.
fn is_cleaned(pattern: &str) -> bool {
    !pattern.contains(['*', '?']) && !pattern.ends_with('/')
}

impl Glob {
    /// Its text. A plain `*` or `?` would not be told from a wildcard.
    fn text(&self) -> String {
        let letter = |token: &Token| match token {
            Token::One(letter) => *letter,
            Token::Any => '?',
            Token::Run => '*',
        };
        self.tokens().iter().map(letter).collect()
    }

    /// The globs for what follows a beginning: together they match each text that the glob matches behind the beginning.
    fn behind(&self, beginning: &str) -> Vec<Self> {
        let tokens = self.tokens();
        // A `*` is a state that stays, and that can be left without a letter.
        let with_skipped = |mut states: Vec<usize>| {
            for (at, token) in tokens.iter().enumerate() {
                if *token == Token::Run && states.contains(&at) && !states.contains(&(at + 1)) {
                    states.push(at + 1);
                }
            }
            states
        };
        let states = beginning.chars().fold(vec![0], |states, letter| {
            let next = |state: usize| match tokens.get(state)? {
                Token::Run => Some(state),
                Token::Any => Some(state + 1),
                Token::One(own) => (*own == letter).then_some(state + 1),
            };
            let mut next: Vec<usize> = with_skipped(states).into_iter().filter_map(next).collect();
            next.sort_unstable();
            next.dedup();
            next
        });
        let mut rests: Vec<Self> = Vec::new();
        for rest in states.iter().map(|state| Self::new(tokens[*state..].iter().copied())) {
            if !rests.iter().any(|known| known.subsumes(&rest)) {
                rests.retain(|known| !rest.subsumes(known));
                rests.push(rest);
            }
        }
        rests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pattern: &str) -> Option<Vec<String>> {
        let short = |pattern: &String| pattern.strip_prefix(ARN).unwrap().to_owned();
        within_bucket(pattern, "data").map(|patterns| patterns.iter().map(short).collect())
    }

    #[test]
    fn a_pattern_is_cut_to_its_part_in_the_bucket() {
        for (pattern, within) in [
            ("data", &["data"][..]),
            ("data/*", &["data/*"]),
            ("data/${aws:username}/*", &["data/${aws:username}/*"]),
            ("*", &["data", "data/*"]),
            ("data*", &["data", "data/*"]),
            ("d*", &["data", "data/*"]),
            ("dat?", &["data"]),
            ("*a", &["data", "data/*a"]),
            ("*/x*", &["data/*/x*", "data/x*"]),
            ("d?ta/?", &["data/?"]),
            ("d*/", &["data/*/", "data/"]),
            ("other", &[]),
            ("other/*", &[]),
            ("datas*", &[]),
            ("dat", &[]),
            ("other/${aws:username}", &[]),
            ("", &[]),
        ] {
            let mut found = cut(&format!("{ARN}{pattern}")).unwrap();
            found.sort();
            let mut within = within.to_vec();
            within.sort_unstable();
            assert_eq!(found, within, "{pattern}");
        }
        assert_eq!(cut("*").unwrap(), ["data", "data/*"]);
    }

    #[test]
    fn what_servers_read_differently_is_not_cut() {
        for pattern in [
            "data/*",
            "arn:aws-cn:s3:::data",
            "arn:aws:s3:::${aws:username}/*",
            "arn:aws:s3:::d*a/k",
            "arn:aws:s3*",
            "",
        ] {
            assert_eq!(cut(pattern), None, "{pattern}");
        }
    }

    /// The parts match exactly the texts of the bucket that the whole matches.
    #[test]
    fn the_part_matches_what_the_whole_matches_in_the_bucket() {
        let mut random = crate::policy::Random(5);
        let letters = ["a", "b", "/", "*", "?"];
        for _ in 0..3_000 {
            let pattern: String = (0..random.below(6)).map(|_| random.pick(&letters)).collect();
            let Some(parts) = within_bucket(&format!("{ARN}{pattern}"), "ab") else { continue };
            let whole = Glob::parse(&pattern);
            let parts: Vec<Glob> = parts.iter().map(|part| Glob::parse(part.strip_prefix(ARN).unwrap())).collect();
            let mut texts = vec!["ab".to_owned()];
            for length in 0..4_u32 {
                texts.extend((0..3_usize.pow(length)).map(|n| {
                    let key = (0..length).map(|at| letters[n / 3_usize.pow(at) % 3]);
                    format!("ab/{}", key.collect::<String>())
                }));
            }
            for text in texts {
                let in_part = parts.iter().any(|part| part.matches(&text));
                assert_eq!(whole.matches(&text), in_part, "{pattern} {text}: {parts:?}");
            }
        }
    }
}
