//! JSON without hidden characters: they are written as escapes, which a JSON parser turns back.

use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::base::{VisibleText, is_plain};

/// A formatter that escapes hidden characters in strings.
pub(super) struct VisibleJson<F>(pub(super) F);

macro_rules! visible_json {
    ($formatter:ty; $($name:ident($($arg:ident: $type:ty),*);)*) => {
        impl Formatter for VisibleJson<$formatter> {
            fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
                visible(out, text)
            }

            $(fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $arg: $type)*) -> io::Result<()> {
                self.0.$name(out $(, $arg)*)
            })*
        }
    };
}

macro_rules! layout {
    ($formatter:ty) => {
        visible_json! { $formatter;
            begin_array();
            end_array();
            begin_array_value(first: bool);
            end_array_value();
            begin_object();
            end_object();
            begin_object_key(first: bool);
            begin_object_value();
            end_object_value();
        }
    };
}

layout! { PrettyFormatter<'_> }
layout! { CompactFormatter }

fn visible<W: ?Sized + Write>(out: &mut W, text: &str) -> io::Result<()> {
    if is_plain(text.as_bytes()) {
        return out.write_all(text.as_bytes());
    }
    let (mut eye, mut units) = (VisibleText::default(), [0; 2]);
    for c in text.chars() {
        if eye.hides(c) {
            c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
        } else {
            write!(out, "{c}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::render::json::{line, write};

    #[test]
    fn hidden_characters_are_escaped_and_read_back() {
        let value = json!({ "a\u{202e}b": ["\u{1b}[2J\n", "tag \u{e0041}", "plain é", "\u{7f}\u{ad}"] });
        let mut pretty = Vec::new();
        write(&mut pretty, &value).unwrap();
        let pretty = String::from_utf8(pretty).unwrap();
        for text in [pretty.as_str(), &line(&value)] {
            assert!(!text.contains(['\u{202e}', '\u{7f}', '\u{ad}', '\u{e0041}']) && text.contains('é'), "{text}");
            assert!(text.contains(r"\u202e") && text.contains(r"\udb40\udc41"), "{text}");
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
        }
        assert!(pretty.starts_with("{\n  \""), "{pretty}");
    }
}
