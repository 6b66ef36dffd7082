//! A writer that everything a person reads goes through: what is hidden in a text is made visible, wherever it came from.

use std::io::{self, Write};
use std::str::Utf8Chunk;

use crate::base::{VisibleText, is_plain};

/// The numbers of the sequences that style text here; all others are not passed on. None of them hides text.
const STYLES: [&str; 19] =
    ["", "0", "1", "2", "3", "4", "22", "31", "32", "33", "34", "35", "36", "91", "92", "93", "94", "95", "96"];

/// The longest style that is passed on, in bytes.
const LONGEST_STYLE: usize = 16;

/// Passes a text on with every hidden character written as its number. Lines stay lines, and styles stay where there are
/// any.
pub(super) struct Visible<W> {
    inner: W,
    /// Whether the text may be styled.
    styled: bool,
    eye: VisibleText,
    /// The beginning of a character or a style whose rest was not written yet.
    pending: Vec<u8>,
}

impl<W: Write> Visible<W> {
    /// Text for this writer.
    pub(super) fn new(inner: W, styled: bool) -> Self {
        Self { inner, styled, eye: VisibleText::default(), pending: Vec::new() }
    }

    /// The writer, for what must reach it byte by byte.
    pub(super) fn exact(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The writer, with all that was written.
    pub(super) fn into_inner(mut self) -> W {
        // What is kept in memory is always written.
        let _ = self.flush();
        self.inner
    }

    /// The writer, to be looked at.
    pub(super) fn get(&self) -> &W {
        &self.inner
    }

    /// Passes on what is whole, or everything at the end, and keeps the rest.
    fn pass(&mut self, bytes: &[u8], is_end: bool) -> io::Result<()> {
        let mut shown = String::with_capacity(bytes.len());
        let mut left = bytes.len();
        for chunk in bytes.utf8_chunks() {
            left -= chunk.valid().len() + chunk.invalid().len();
            let is_last = left == 0 && !is_end;
            if let Some(rest) = self.chunk(&chunk, is_last, &mut shown) {
                self.pending = rest;
            }
        }
        self.inner.write_all(shown.as_bytes())
    }

    /// Shows a part of the text; what more may belong to is returned.
    fn chunk(&mut self, chunk: &Utf8Chunk<'_>, is_last: bool, shown: &mut String) -> Option<Vec<u8>> {
        let text = chunk.valid();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            match self.style(&text[at..]) {
                Style::Whole(length) => {
                    shown.push_str(&text[at..at + length]);
                    at += length;
                    continue;
                }
                Style::Begun if is_last && chunk.invalid().is_empty() => return Some(text.as_bytes()[at..].to_vec()),
                Style::Begun | Style::None => {}
            }
            if c == '\n' {
                self.eye = VisibleText::default();
                shown.push(c);
            } else {
                self.eye.show(c, shown);
            }
            at += c.len_utf8();
        }
        if is_last && !chunk.invalid().is_empty() && may_go_on(chunk.invalid()) {
            return Some(chunk.invalid().to_vec());
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
        None
    }

    fn style(&self, text: &str) -> Style {
        let Some(rest) = text.strip_prefix('\u{1b}').filter(|_| self.styled) else { return Style::None };
        let Some(rest) = rest.strip_prefix('[') else {
            return if rest.is_empty() { Style::Begun } else { Style::None };
        };
        match rest.find(|c: char| !c.is_ascii_digit() && c != ';') {
            None if rest.len() < LONGEST_STYLE => Style::Begun,
            Some(end) if rest[end..].starts_with('m') && rest[..end].split(';').all(|n| STYLES.contains(&n)) => {
                Style::Whole(end + "\u{1b}[m".len())
            }
            None | Some(_) => Style::None,
        }
    }
}

/// What a text begins with.
enum Style {
    /// No style.
    None,
    /// What may become one.
    Begun,
    /// A style of so many bytes.
    Whole(usize),
}

/// Whether bytes that are no character yet may be the beginning of one.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.is_empty() && bytes.split(|byte| *byte == b'\n').all(is_plain) {
            if let Some(last) = bytes.last() {
                self.eye.hides(char::from(*last));
            }
            return self.inner.write_all(bytes).map(|()| bytes.len());
        }
        let mut all = std::mem::take(&mut self.pending);
        all.extend(bytes);
        self.pass(&all, false).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.pass(&pending, true)?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(parts: &[&[u8]], styled: bool) -> String {
        let mut out = Vec::new();
        let mut visible = Visible::new(&mut out, styled);
        parts.iter().for_each(|part| visible.write_all(part).unwrap());
        visible.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hidden_characters_are_written_out_however_the_text_is_cut() {
        let text = "a\u{202e}é\u{1b}[2J\t\u{7}b\ne\u{301}\u{e0041}\r\n";
        let expected = "a\\u{202e}é\\u{1b}[2J\\t\\u{7}b\ne\u{301}\\u{e0041}\\r\n";
        assert_eq!(passed(&[text.as_bytes()], false), expected);
        assert_eq!(passed(&text.as_bytes().chunks(1).collect::<Vec<_>>(), false), expected);
        assert_eq!(passed(&text.as_bytes().chunks(3).collect::<Vec<_>>(), true), expected);
        assert_eq!(passed(&[b"a\xff\xc3", b"(\xe2\x80"], false), r"a\xff\xc3(\xe2\x80");
    }

    #[test]
    fn only_styles_of_this_program_pass_and_only_where_there_are_any() {
        let styled = "\u{1b}[1m\u{1b}[31mred\u{1b}[0m";
        assert_eq!(passed(&[styled.as_bytes()], true), styled);
        assert_eq!(passed(&styled.as_bytes().chunks(1).collect::<Vec<_>>(), true), styled);
        assert!(!passed(&[styled.as_bytes()], false).contains('\u{1b}'));
        for other in [
            "\u{1b}[8m",
            "\u{1b}[30;40m",
            "\u{1b}[2J",
            "\u{1b}]0;title\u{7}",
            "\u{1b}",
            "\u{1b}[",
            "\u{1b}[1",
            "\u{1b}c",
        ] {
            assert!(!passed(&[other.as_bytes()], true).contains(['\u{1b}', '\u{7}']), "{other:?}");
        }
    }
}
