//! Values: blanks around them, and lists on one line or on several.

use toml_edit::{Array, Decor, InlineTable, RawString, Value};

use super::comments::beside;

/// The widest line that a list is kept on, in characters.
const WIDTH: usize = 120;

/// How far the entries of a list of several lines are from the edge.
const INDENT: &str = "    ";

/// Lays out a value after `before` on its line. Where it holds comments that have no place in the form, it stays as it is.
pub(super) fn value(value: &mut Value, before: &str) {
    let end = beside(text(value.decor().suffix()));
    match value {
        Value::Array(array) => list(array, before),
        Value::InlineTable(table) if !commented(table) => table_on_a_line(table),
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
    if array.iter().any(holds_comments) {
        return;
    }
    let comments = Comments::of(array);
    for value in array.iter_mut() {
        on_a_line(value);
    }
    array.set_trailing("");
    array.set_trailing_comma(false);
    array.decor_mut().clear();
    let width = before.chars().count() + array.to_string().chars().count();
    if comments.any() || width > WIDTH {
        comments.on_several_lines(array);
    }
}

/// The comments within a list.
struct Comments {
    /// For each entry the lines before it; what is before the bracket comes last.
    before: Vec<Vec<String>>,
    /// For each entry the comment at the end of its line.
    beside: Vec<Option<String>>,
}

impl Comments {
    fn of(array: &Array) -> Self {
        let count = array.len();
        let mut comments = Self { before: vec![Vec::new(); count + 1], beside: vec![None; count] };
        for (at, value) in array.iter().enumerate() {
            comments.take(at, text(value.decor().prefix()));
            comments.take(at + 1, text(value.decor().suffix()));
        }
        comments.take(count, raw(array.trailing()));
        comments
    }

    /// Takes the comments of a stretch before an entry. What is on the line of the one before it belongs to that.
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
            let lead = format!("{}\n{INDENT}", self.lead(at));
            value.decor_mut().set_prefix(lead);
            value.decor_mut().set_suffix("");
        }
        array.set_trailing(format!("{}\n", self.lead(count)));
        array.set_trailing_comma(count > 0);
    }

    /// The rest of the line before an entry, and the lines of its comments.
    fn lead(&self, at: usize) -> String {
        let beside = at.checked_sub(1).and_then(|previous| self.beside.get(previous)?.as_deref());
        let mut lead = beside.map(|comment| format!(" {comment}")).unwrap_or_default();
        for line in &self.before[at] {
            lead.push_str(&format!("\n{INDENT}{line}"));
        }
        lead
    }
}

fn on_a_line(value: &mut Value) {
    match value {
        Value::Array(array) => {
            array.iter_mut().for_each(on_a_line);
            array.set_trailing("");
            array.set_trailing_comma(false);
        }
        Value::InlineTable(table) => table_on_a_line(table),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
    value.decor_mut().clear();
}

fn table_on_a_line(table: &mut InlineTable) {
    for (mut key, value) in table.iter_mut() {
        key.fmt();
        on_a_line(value);
    }
    table.set_trailing("");
    table.set_trailing_comma(false);
}

/// Whether there are comments within a value.
fn holds_comments(value: &Value) -> bool {
    match value {
        Value::Array(array) => {
            let around = |value: &Value| has_comment(value.decor()) || holds_comments(value);
            raw(array.trailing()).contains('#') || array.iter().any(around)
        }
        Value::InlineTable(table) => commented(table),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => false,
    }
}

fn commented(table: &InlineTable) -> bool {
    let mut inside = table.iter().map(|(key, value)| {
        let key = table.key(key).is_some_and(|key| has_comment(key.leaf_decor()) || has_comment(key.dotted_decor()));
        key || has_comment(value.decor()) || holds_comments(value)
    });
    raw(table.trailing()).contains('#') || inside.any(|commented| commented)
}

fn has_comment(decor: &Decor) -> bool {
    text(decor.prefix()).contains('#') || text(decor.suffix()).contains('#')
}

fn text(raw: Option<&RawString>) -> &str {
    raw.and_then(RawString::as_str).unwrap_or_default()
}

fn raw(raw: &RawString) -> &str {
    raw.as_str().unwrap_or_default()
}
