//! The few styles that text is written in. The default is plain.

use console::Style;

/// How the parts of a text look. `Styles::default()` is plain; colour is only for terminals.
#[derive(Debug, Clone, Default)]
pub struct Styles {
    /// What comes, and what went well.
    pub add: Style,
    /// What goes, and what went wrong.
    pub remove: Style,
    /// What becomes something else.
    pub change: Style,
    /// What must be seen first.
    pub strong: Style,
    /// What may be passed over.
    pub dim: Style,
    /// Whether anything above shows.
    pub coloured: bool,
}

impl Styles {
    /// The styles for a terminal.
    #[must_use]
    pub fn coloured() -> Self {
        let style = || Style::new().force_styling(true);
        Self {
            add: style().green(),
            remove: style().red(),
            change: style().yellow(),
            strong: style().bold(),
            dim: style().dim(),
            coloured: true,
        }
    }
}
