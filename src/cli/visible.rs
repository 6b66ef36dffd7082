//! A writer that shows hidden characters as their numbers. All text for people goes through it.

use std::io::{self, Write};
use std::str::Utf8Chunk;

use crate::base::{VisibleText, is_plain};

/// Parameters of the escape sequences that pass: the styles of this program. None of them hides text.
const STYLES: [&str; 19] =
    ["", "0", "1", "2", "3", "4", "22", "31", "32", "33", "34", "35", "36", "91", "92", "93", "94", "95", "96"];

/// The longest style that passes. Bytes.
const LONGEST_STYLE: usize = 16;

/// Escapes every hidden character. Line breaks pass, and so do styles if the text is styled.
pub(super) struct Visible<W> {
    inner: W,
    styled: bool,
    text: VisibleText,
    /// The start of a character or style whose rest is not written yet.
    pending: Vec<u8>,
}

impl<W: Write> Visible<W> {
    pub(super) fn new(inner: W, styled: bool) -> Self {
        Self { inner, styled, text: VisibleText::default(), pending: Vec::new() }
    }

    /// The inner writer, for bytes that must not be escaped.
    pub(super) fn unfiltered(&mut self) -> &mut W {
        &mut self.inner
    }

    pub(super) fn into_inner(mut self) -> W {
        // Only used for buffers in memory, which take everything.
        let _ = self.flush();
        self.inner
    }

    pub(super) fn get(&self) -> &W {
        &self.inner
    }

    /// Writes what is complete, or everything at the end. The rest stays pending.
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

    /// Escapes a part of the text. Returns the bytes that may need the next ones.
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
                self.text = VisibleText::default();
                shown.push(c);
            } else {
                self.text.show(c, shown);
            }
            at += c.len_utf8();
        }
        if is_last && !chunk.invalid().is_empty() && is_incomplete(chunk.invalid()) {
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

/// What a text starts with.
enum Style {
    None,
    /// It may become a style.
    Begun,
    /// A style of this length in bytes.
    Whole(usize),
}

/// Whether bytes may be the start of a character.
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.is_empty() && bytes.split(|byte| *byte == b'\n').all(is_plain) {
            if let Some(last) = bytes.last() {
                self.text.hides(char::from(*last));
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
    fn only_styles_of_this_program_pass_and_only_in_styled_text() {
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
