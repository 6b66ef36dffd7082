//! The layout of values, and the comments between items.

use toml_edit::{Array, Decor, InlineTable, RawString, Value};

#[derive(Debug, Default)]
pub(super) struct Comments {
    /// Headings, each with an empty line after it.
    pub(super) headings: Vec<Vec<String>>,
    /// The comments right before the item.
    pub(super) own: Vec<String>,
    /// Whether an empty line comes first.
    pub(super) parted: bool,
}

impl Comments {
    /// Reads the text between an item and the one before it.
    pub(super) fn of(raw: &str) -> Self {
        let mut lines: Vec<&str> = raw.split('\n').map(str::trim).collect();
        // After the last newline comes the indentation of the item.
        lines.pop();
        let mut comments = Self { parted: lines.first().is_some_and(|line| line.is_empty()), ..Self::default() };
        for line in lines {
            if !line.is_empty() {
                comments.own.push(line.to_owned());
            } else if !comments.own.is_empty() {
                comments.headings.push(std::mem::take(&mut comments.own));
            }
        }
        comments
    }

    pub(super) fn any(&self) -> bool {
        !self.headings.is_empty() || !self.own.is_empty()
    }

    /// The text before the item, with an empty line first if `parted`.
    pub(super) fn text(&self, parted: bool) -> String {
        let mut text = String::from(if parted { "\n" } else { "" });
        for paragraph in &self.headings {
            paragraph.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
            text.push('\n');
        }
        self.own.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        text
    }
}

/// The comment at the end of a line, with a blank before it.
pub(super) fn line_comment(raw: &str) -> String {
    let comment = raw.trim();
    if comment.is_empty() { String::new() } else { format!(" {comment}") }
}

/// The maximum width of a line with a whole list, in characters.
const WIDTH: usize = 120;

const INDENT: &str = "    ";

/// Formats a value after `before` on its line. A value with comments that the layout has no place for stays as it is.
pub(super) fn format(value: &mut Value, before: &str) {
    let end = line_comment(text(value.decor().suffix()));
    match value {
        Value::Array(array) => list(array, before),
        Value::InlineTable(table) if !has_comments(table) => inline_on_one_line(table),
        Value::InlineTable(_)
        | Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
    *value.decor_mut() = Decor::new(" ", end);
}

fn list(array: &mut Array, before: &str) {
    if array.iter().any(has_comments_inside) {
        return;
    }
    let comments = ListComments::of(array);
    for value in array.iter_mut() {
        on_one_line(value);
    }
    array.set_trailing("");
    array.set_trailing_comma(false);
    array.decor_mut().clear();
    let width = before.chars().count() + array.to_string().chars().count();
    if comments.any() || width > WIDTH {
        comments.on_several_lines(array);
    }
}

struct ListComments {
    /// The lines before each entry, and before the closing bracket.
    before: Vec<Vec<String>>,
    /// The comment at the end of the line of each entry.
    beside: Vec<Option<String>>,
}

impl ListComments {
    fn of(array: &Array) -> Self {
        let count = array.len();
        let mut comments = Self { before: vec![Vec::new(); count + 1], beside: vec![None; count] };
        for (at, value) in array.iter().enumerate() {
            comments.take(at, text(value.decor().prefix()));
            comments.take(at + 1, text(value.decor().suffix()));
        }
        comments.take(count, text(Some(array.trailing())));
        comments
    }

    /// Reads the comments before an entry. A comment on the line of the previous entry belongs to that one.
    fn take(&mut self, at: usize, stretch: &str) {
        for (line, comment) in stretch.split('\n').map(str::trim).enumerate() {
            if comment.is_empty() {
                continue;
            }
            let previous = at.checked_sub(1).and_then(|previous| self.beside.get_mut(previous));
            match previous {
                Some(beside @ None) if line == 0 && self.before[at].is_empty() => *beside = Some(comment.to_owned()),
                Some(_) | None => self.before[at].push(comment.to_owned()),
            }
        }
    }

    fn any(&self) -> bool {
        self.before.iter().any(|lines| !lines.is_empty()) || self.beside.iter().any(Option::is_some)
    }

    fn on_several_lines(&self, array: &mut Array) {
        let count = array.len();
        for (at, value) in array.iter_mut().enumerate() {
            let comments = format!("{}\n{INDENT}", self.comments(at));
            value.decor_mut().set_prefix(comments);
            value.decor_mut().set_suffix("");
        }
        array.set_trailing(format!("{}\n", self.comments(count)));
        array.set_trailing_comma(count > 0);
    }

    /// The rest of the line of the previous entry, and the lines with the comments of this one.
    fn comments(&self, at: usize) -> String {
        let beside = at.checked_sub(1).and_then(|previous| self.beside.get(previous)?.as_deref());
        let mut comments = beside.map(|comment| format!(" {comment}")).unwrap_or_default();
        for line in &self.before[at] {
            comments.push_str(&format!("\n{INDENT}{line}"));
        }
        comments
    }
}

fn on_one_line(value: &mut Value) {
    match value {
        Value::Array(array) => {
            array.iter_mut().for_each(on_one_line);
            array.set_trailing("");
            array.set_trailing_comma(false);
        }
        Value::InlineTable(table) => inline_on_one_line(table),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
    value.decor_mut().clear();
}

fn inline_on_one_line(table: &mut InlineTable) {
    for (mut key, value) in table.iter_mut() {
        key.fmt();
        on_one_line(value);
    }
    table.set_trailing("");
    table.set_trailing_comma(false);
}

fn has_comments_inside(value: &Value) -> bool {
    match value {
        Value::Array(array) => {
            let around = |value: &Value| has_comment(value.decor()) || has_comments_inside(value);
            text(Some(array.trailing())).contains('#') || array.iter().any(around)
        }
        Value::InlineTable(table) => has_comments(table),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => false,
    }
}

fn has_comments(table: &InlineTable) -> bool {
    let mut inside = table.iter().map(|(key, value)| {
        let key = table.key(key).is_some_and(|key| has_comment(key.leaf_decor()) || has_comment(key.dotted_decor()));
        key || has_comment(value.decor()) || has_comments_inside(value)
    });
    text(Some(table.trailing())).contains('#') || inside.any(|commented| commented)
}

fn has_comment(decor: &Decor) -> bool {
    text(decor.prefix()).contains('#') || text(decor.suffix()).contains('#')
}

/// The text of a part between items.
pub(in crate::desired) fn text(raw: Option<&RawString>) -> &str {
    raw.and_then(RawString::as_str).unwrap_or_default()
}
