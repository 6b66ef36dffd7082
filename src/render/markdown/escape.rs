//! Foreign text in Markdown: it never becomes structure, a link or a mention. And the hidden comments that programs read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::render::json::ClusterV1;

/// The characters besides letters and digits that a value in a marker keeps.
const IN_A_MARKER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The maximum length of a value in a marker, in characters. A longer one is replaced by its hash.
const LONGEST_IN_A_MARKER: usize = 96;

/// The length of foreign text in comments that have no room, in characters.
const CLIPPED: usize = 40;

pub(super) fn visible(text: &str) -> String {
    crate::base::visible(text).into_owned()
}

/// A text as a code span, with any backticks. A code span has no mentions and references.
pub(super) fn code(text: &str) -> String {
    let text = if text.is_empty() { "\"\"".to_owned() } else { visible(text) };
    let ticks = "`".repeat(longest_run(&text) + 1);
    // A parser takes one blank off each end, unless there is nothing else.
    let blank = text.chars().all(|c| c == ' ');
    let pad = if !blank && (text.starts_with([' ', '`']) || text.ends_with([' ', '`'])) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A text as code within an HTML block, which is not read as Markdown.
pub(super) fn html_code(text: &str) -> String {
    let text = if text.is_empty() { "\"\"".to_owned() } else { visible(text) };
    format!("<code>{}</code>", html(&text))
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Lines in a fence that is longer than any run of backticks in them. Their hidden characters must be escaped already.
pub(super) fn fence(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let ticks = "`".repeat(3.max(longest + 1));
    let mut block = format!("{ticks}{language}\n");
    for line in lines {
        block.push_str(line.trim_end());
        block.push('\n');
    }
    block + &ticks + "\n"
}

/// A text as a value within an HTML comment, which it cannot end.
fn in_a_marker(text: &str) -> String {
    let value = utf8_percent_encode(text, IN_A_MARKER).to_string().replace("--", "%2D%2D");
    if value.len() <= LONGEST_IN_A_MARKER {
        return value;
    }
    format!("sha256.{}", &hex::encode(Sha256::digest(text.as_bytes()))[..32])
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The first line of a comment, the same for every plan or outcome of a tenant. A program finds its comment by it.
pub(super) fn stable_marker(kind: &str, cluster: &ClusterV1) -> String {
    format!("<!-- attune:{kind} guid={} tenant={} -->\n", in_a_marker(&cluster.guid), in_a_marker(&cluster.tenant))
}

/// The first line of a comment for several configurations, the same for all that the command line names in the same way.
pub(super) fn many_marker(named: &[String]) -> String {
    format!("<!-- attune:plan files={} -->\n", in_a_marker(&named.join("\n")))
}

/// The second line: the digest of the plan. The kind says whether it can be approved.
pub(super) fn digest_marker(kind: &str, digest: &str, cluster: &ClusterV1) -> String {
    format!("<!-- attune:{kind}={} cluster={} -->\n", in_a_marker(digest), in_a_marker(&cluster.name))
}

pub(super) fn clipped(text: &str) -> String {
    let visible = visible(text);
    if visible.chars().count() <= CLIPPED {
        return visible;
    }
    visible.chars().take(CLIPPED - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped() {
        assert_eq!(
            visible("a\u{202e}b\n\t\u{200b}\u{3164}\u{a0}\u{2028}"),
            r"a\u{202e}b\n\t\u{200b}\u{3164}\u{a0}\u{2028}"
        );
        assert_eq!(visible(r#"plain "é" \ 'ß' 政策"#), r#"plain "é" \ 'ß' 政策"#);
    }

    #[test]
    fn a_code_span_has_more_backticks_than_its_text() {
        assert_eq!(code("ml"), "`ml`");
        assert_eq!(code("`|<!-- `"), "`` `|<!-- ` ``");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code(" a"), "`  a `");
        assert_eq!(code("  "), "`  `");
        assert_eq!(code(""), "`\"\"`");
    }

    #[test]
    fn html_is_escaped_and_a_comment_is_not_ended() {
        assert_eq!(html_code("</details>&'\""), "<code>&lt;/details&gt;&amp;&#39;&quot;</code>");
        assert_eq!(in_a_marker("a-->b---"), "a%2D%2D%3Eb%2D%2D-");
        assert_eq!(in_a_marker("6e2bb63c-a0a7"), "6e2bb63c-a0a7");
        assert_eq!(in_a_marker(&"x".repeat(500)).len(), 39);
    }
}
