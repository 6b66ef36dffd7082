//! Shards: which part of the targets a job takes.

use std::collections::BTreeMap;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A part of all targets: the `number`th of `of` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Shard {
    number: usize,
    of: usize,
}

/// What `--shard` says: a part, or that the environment says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum ShardArg {
    Given(Shard),
    /// The number comes from the environment, and the number of parts too unless it is here.
    Auto(Option<usize>),
}

/// The most parts.
const MOST: usize = 10_000;

const HELP: &str = "write `3/16` for the third of 16 parts, or `auto`, or `auto/16`";

impl FromStr for ShardArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |text: &str| match text.parse() {
            Ok(of) if (1..=MOST).contains(&of) => Ok(of),
            Ok(_) | Err(_) => Err(format!("`{text}` is no number of parts from 1 to {MOST}; {HELP}")),
        };
        match text.split_once('/') {
            None if text == "auto" => Ok(Self::Auto(None)),
            None => Err(HELP.to_owned()),
            Some(("auto", of)) => Ok(Self::Auto(Some(count(of)?))),
            Some((number, of)) => {
                let number = number.parse().map_err(|_| HELP.to_owned())?;
                Shard::new(number, count(of)?).map(Self::Given)
            }
        }
    }
}

/// Variables with the number of a job among its parallel jobs: their names, the number of the first job, and the variable with the
/// number of jobs. The documentation of each service says so.
const SERVICES: [(&str, usize, Option<&str>); 7] = [
    // An Indexed Job of Kubernetes does not tell its `completions`. Our manifests set this variable.
    ("JOB_COMPLETION_INDEX", 0, Some("JOB_COMPLETIONS")),
    ("CI_NODE_INDEX", 1, Some("CI_NODE_TOTAL")), // GitLab
    ("CIRCLE_NODE_INDEX", 0, Some("CIRCLE_NODE_TOTAL")),
    ("BUILDKITE_PARALLEL_JOB", 0, Some("BUILDKITE_PARALLEL_JOB_COUNT")),
    ("CLOUD_RUN_TASK_INDEX", 0, Some("CLOUD_RUN_TASK_COUNT")),
    ("AWS_BATCH_JOB_ARRAY_INDEX", 0, Some("AWS_BATCH_JOB_ARRAY_SIZE")),
    ("SLURM_ARRAY_TASK_ID", 0, Some("SLURM_ARRAY_TASK_COUNT")),
];

impl ShardArg {
    /// The part. Only `auto` asks for variables of the environment.
    pub(in crate::cli) fn shard(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        let of = match self {
            Self::Given(shard) => return Ok(shard),
            Self::Auto(of) => of,
        };
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let set: Vec<_> = SERVICES.iter().filter_map(|found| Some((found, variable(found.0)?))).collect();
        let ((name, first, total), index) = match set.as_slice() {
            [] => return Err(format!("no variable says which part this is, such as {}", SERVICES[0].0)),
            [one] => one,
            [one, other, ..] => {
                let (one, other) = (one.0.0, other.0.0);
                return Err(format!("both {one} and {other} are set, so it is unclear which part this is"));
            }
        };
        let number = |name: &str, text: &str| {
            text.parse::<usize>().map_err(|_| format!("{name} is {text:?}, which is no number"))
        };
        let of = match (of, total.and_then(|total| Some((total, variable(total)?)))) {
            (Some(of), _) => of,
            (None, Some((total, text))) => number(total, &text)?,
            (None, None) => {
                let total = total.unwrap_or_default();
                return Err(format!("{name} is set, but {total}, the number of parts, is not"));
            }
        };
        let index = number(name, index)?;
        let place = index.checked_sub(*first).ok_or(format!("{name} is {index}, less than {first}"))?;
        Shard::new(place + 1, of).map_err(|why| format!("{name} is {index}: {why}"))
    }
}

impl Shard {
    fn new(number: usize, of: usize) -> Result<Self, String> {
        match (1..=of).contains(&number) {
            true => Ok(Self { number, of }),
            false => Err(format!("there is no part {number} of {of}; {HELP}")),
        }
    }

    /// This part of some targets, in their order. Targets are sorted by a hash of their ids and cut into equal parts: each target
    /// is in exactly one part, the parts have the same size, and if targets are added, most stay where they are.
    pub(in crate::cli) fn part<T>(self, targets: Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
        let hash = |target: &T| <[u8; 32]>::from(Sha256::digest(id(target)));
        let by_hash: BTreeMap<([u8; 32], usize), usize> =
            targets.iter().enumerate().map(|(place, target)| ((hash(target), place), place)).collect();
        let [start, end] = [self.number - 1, self.number].map(|cut| cut * targets.len() / self.of);
        let mut is_here = vec![false; targets.len()];
        for place in by_hash.into_values().skip(start).take(end - start) {
            is_here[place] = true;
        }
        targets.into_iter().zip(is_here).filter_map(|(target, is_here)| is_here.then_some(target)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("clusters/c{number:04}.toml")).collect()
    }

    fn parts(ids: &[String], of: usize) -> Vec<Vec<String>> {
        (1..=of).map(|number| Shard { number, of }.part(ids.to_vec(), |id| id)).collect()
    }

    #[test]
    fn each_target_is_in_one_part_and_parts_are_equal() {
        for (count, of) in [(1000, 16), (40, 7), (3, 16), (0, 4), (17, 1)] {
            let parts = parts(&ids(count), of);
            let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            assert!(parts.iter().all(|part| part.is_sorted()), "the order of the targets stays");
            let mut all = parts.concat();
            all.sort();
            assert_eq!(all, ids(count));
        }
    }

    #[test]
    fn most_targets_stay_in_their_part_if_targets_are_added() {
        let before = parts(&ids(1000), 16);
        for (more, moved_at_most) in [(1, 16), (100, 150)] {
            let after = parts(&ids(1000 + more), 16);
            let stayed = before.iter().zip(&after).flat_map(|(old, new)| old.iter().filter(|id| new.contains(id)));
            assert!(1000 - stayed.count() <= moved_at_most, "{more}");
        }
    }

    #[test]
    fn a_part_is_written_or_comes_from_the_environment() {
        let read = |text: &str, set: &[(&str, &str)]| -> Result<(usize, usize), String> {
            let get = |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
            let shard = text.parse::<ShardArg>()?.shard(get)?;
            Ok((shard.number, shard.of))
        };
        let kubernetes = [("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "16")];
        assert_eq!(read("3/16", &[]), Ok((3, 16)));
        assert_eq!(read("3/16", &kubernetes), Ok((3, 16)));
        assert_eq!(read("auto", &kubernetes), Ok((1, 16)));
        assert_eq!(read("auto/8", &kubernetes[..1]), Ok((1, 8)));
        assert_eq!(read("auto", &[("CI_NODE_INDEX", "4"), ("CI_NODE_TOTAL", "4")]), Ok((4, 4)));
        for (text, set, why) in [
            ("0/16", &[][..], "no part 0"),
            ("17/16", &[], "no part 17"),
            ("3", &[], "3/16"),
            ("-1/4", &[], "3/16"),
            ("1/0", &[], "from 1 to"),
            ("1/99999999999999999999", &[], "from 1 to"),
            ("auto", &[], "no variable"),
            ("auto", &kubernetes[..1], "JOB_COMPLETIONS, the number of parts, is not"),
            ("auto/2", &[("JOB_COMPLETION_INDEX", "2")], "no part 3 of 2"),
            ("auto", &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")], "less than 1"),
            ("auto", &[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "4")], "no number"),
            ("auto", &[("CI_NODE_INDEX", "1"), ("CIRCLE_NODE_INDEX", "1")], "both CI_NODE_INDEX and CIRCLE_NODE_INDEX"),
        ] {
            let error = read(text, set).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
