//! Words in the texts of policies, and the marks that stand for them in a template.

use std::ops::Range;

/// The mark of the word that the names of policies differ in.
pub(super) const ROW: char = '\u{e000}';

/// The mark of the word that only their documents differ in.
pub(super) const COLUMN: char = '\u{e001}';

/// How many words a value may have: `data-eng` has two.
const MAX_WORDS: usize = 3;

/// Whether a text can be in a template. Two braces would be written with four, and marks would be read as marks.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains("{{") && !text.contains([ROW, COLUMN])
}

/// The parts of a text that can have placeholders: not the begin of an ARN, and no `${…}`.
fn free(text: &str) -> Vec<Range<usize>> {
    let mut start = match text.find(":::") {
        Some(end) if text.starts_with("arn:") => end + 3,
        Some(_) | None => 0,
    };
    let mut parts = Vec::new();
    while let Some(open) = text[start..].find("${").map(|at| start + at)
        && let Some(close) = text[open..].find('}').map(|at| open + at)
    {
        parts.push(start..open);
        start = close + 1;
    }
    parts.push(start..text.len());
    parts
}

fn is_joint(text: &str) -> bool {
    text.chars().all(|c| "._-".contains(c))
}

/// The letters and digits in a row. A word behind `{` is none: no placeholder can be there.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    for part in free(text) {
        let mut start = None;
        for (at, c) in text[part.clone()].char_indices().chain([(part.len(), ' ')]) {
            let at = part.start + at;
            match start {
                None if c.is_alphanumeric() => start = Some(at),
                Some(first) if !c.is_alphanumeric() => {
                    start = None;
                    words.push(first..at);
                }
                Some(_) | None => {}
            }
        }
    }
    words.retain(|word| !text[..word.start].ends_with('{'));
    words
}

/// The words of a text, and those in a row that `.`, `_` and `-` join.
pub(super) fn runs(text: &str) -> impl Iterator<Item = &str> {
    let words = words(text);
    (0..words.len()).flat_map(move |first| {
        let joined = |last: &usize| is_joint(&text[words[*last].end..words[*last + 1].start]);
        let more = (first..words.len() - 1).take_while(joined).take(MAX_WORDS - 1).map(|last| last + 1);
        let start = words[first].start;
        let ends: Vec<usize> = [first].into_iter().chain(more).map(|last| words[last].end).collect();
        ends.into_iter().map(move |end| &text[start..end])
    })
}

/// The text with the mark for each run of words that is this one; `None` if there is none.
pub(super) fn marked(text: &str, run: &str, mark: char) -> Option<String> {
    let words = words(text);
    let (mut result, mut done) = (String::with_capacity(text.len()), 0);
    for word in &words {
        let end = word.start + run.len();
        let is_run = word.start >= done && text[word.start..].starts_with(run);
        if is_run && words.iter().any(|last| last.end == end) {
            result.push_str(&text[done..word.start]);
            result.push(mark);
            done = end;
        }
    }
    result.push_str(&text[done..]);
    (done > 0).then_some(result)
}

/// The text without its words: all texts of a template have the same.
pub(super) fn without_words(text: &str) -> String {
    let (mut result, mut done) = (String::new(), 0);
    for word in words(text) {
        if done > 0 && is_joint(&text[done..word.start]) {
            done = word.end;
            continue;
        }
        result.push_str(&text[done..word.start]);
        result.push(ROW);
        done = word.end;
    }
    result + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_words_that_belong_together() {
        let found = |text| runs(text).collect::<Vec<_>>();
        assert_eq!(found("ml-rw"), ["ml", "ml-rw", "rw"]);
        assert_eq!(found("a.b_c-d")[..3], ["a", "a.b", "a.b_c"]);
        assert_eq!(found("a b"), ["a", "b"]);
        assert_eq!(found("arn:aws:s3:::ml/*"), ["ml"]);
        assert_eq!(found("home/${aws:username}/x"), ["home", "x"]);
        assert_eq!(found("{a}-b"), ["b"]);
        assert_eq!(found("größe-é"), ["größe", "größe-é", "é"]);
        assert!(found("").is_empty() && found("-*/").is_empty());
    }

    #[test]
    fn a_mark_stands_for_whole_words() {
        for (text, run, expected) in [
            ("ml-rw", "ml", Some("@-rw")),
            ("html-rw", "ml", None),
            ("ml-ml.ml", "ml", Some("@-@.@")),
            ("ml-x-ml-x", "ml-x", Some("@-@")),
            ("ml-xy", "ml-x", None),
            ("arn:aws:s3:::aws/s3", "s3", Some("arn:aws:s3:::aws/@")),
            ("arn:aws:s3:::aws/s3", "aws", Some("arn:aws:s3:::@/s3")),
            ("${aws:username}/username", "username", Some("${aws:username}/@")),
            ("{ml}/ml", "ml", Some("{ml}/@")),
            ("é/a", "a", Some("é/@")),
        ] {
            let marked = marked(text, run, ROW).map(|text| text.replace(ROW, "@"));
            assert_eq!(marked.as_deref(), expected, "{text} {run}");
        }
    }

    #[test]
    fn texts_of_one_template_are_the_same_without_words() {
        let same = |a, b| without_words(a) == without_words(b);
        assert!(same("arn:aws:s3:::ml-data/*", "arn:aws:s3:::genomes/*"));
        assert!(!same("arn:aws:s3:::ml/*", "arn:aws:s3:::ml"));
        assert!(!same("${aws:username}", "ml"));
    }
}
