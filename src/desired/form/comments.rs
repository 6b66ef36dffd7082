//! Comments, as they stand between things and at the ends of lines.

/// The comments before a thing.
#[derive(Debug, Default)]
pub(super) struct Lead {
    /// Those that stand alone, by paragraph: an empty line is after each.
    pub(super) alone: Vec<Vec<String>>,
    /// Those right before it.
    pub(super) own: Vec<String>,
    /// Whether an empty line comes before all of it.
    pub(super) parted: bool,
}

impl Lead {
    /// The comments of the stretch between a thing and the one before it.
    pub(super) fn of(raw: &str) -> Self {
        let mut lines: Vec<&str> = raw.split('\n').map(str::trim).collect();
        // What is after the last break is the indentation of what follows.
        lines.pop();
        let mut lead = Self { parted: lines.first().is_some_and(|line| line.is_empty()), ..Self::default() };
        for line in lines {
            if !line.is_empty() {
                lead.own.push(line.to_owned());
            } else if !lead.own.is_empty() {
                lead.alone.push(std::mem::take(&mut lead.own));
            }
        }
        lead
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        !self.alone.is_empty() || !self.own.is_empty()
    }

    /// The stretch, after an empty line or not.
    pub(super) fn text(&self, parted: bool) -> String {
        let mut text = String::from(if parted { "\n" } else { "" });
        for paragraph in &self.alone {
            paragraph.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
            text.push('\n');
        }
        self.own.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        text
    }
}

/// The comment at the end of a line, a blank before it.
pub(super) fn beside(raw: &str) -> String {
    let comment = raw.trim();
    if comment.is_empty() { String::new() } else { format!(" {comment}") }
}
