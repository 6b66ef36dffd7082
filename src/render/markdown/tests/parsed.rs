//! A comment as a parser of Markdown sees it.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What a page is made of.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Text outside code and HTML.
    pub(super) text: String,
    /// The text of each code span, in order.
    pub(super) spans: Vec<String>,
    /// The language and the text of each fence.
    pub(super) fences: Vec<(String, String)>,
    /// All HTML blocks.
    pub(super) html: String,
    /// What kinds of structure there are, each time.
    pub(super) tags: Vec<&'static str>,
}

impl Parsed {
    /// Reads a page with all that GitHub adds to Markdown, and some that others do.
    pub(super) fn of(page: &str) -> Self {
        let mut parsed = Self::default();
        let mut in_fence = false;
        for event in Parser::new_ext(page, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => "indented".to_owned(),
                    };
                    parsed.fences.push((language, String::new()));
                    in_fence = true;
                }
                Event::End(TagEnd::CodeBlock) => in_fence = false,
                Event::Text(text) if in_fence => parsed.fences.last_mut().unwrap().1.push_str(&text),
                Event::Text(text) => parsed.text.push_str(&text),
                Event::Code(text) => parsed.spans.push(text.into_string()),
                Event::Html(html) => parsed.html.push_str(&html),
                Event::Start(tag) => parsed.tags.push(name(&tag)),
                Event::End(_) | Event::SoftBreak => {}
                Event::InlineHtml(_)
                | Event::HardBreak
                | Event::Rule
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_) => parsed.tags.push("injected"),
            }
        }
        parsed
    }

    pub(super) fn number(&self, tag: &str) -> usize {
        self.tags.iter().filter(|other| **other == tag).count()
    }

    /// The names in the summaries of folds.
    pub(super) fn summaries(&self) -> Vec<String> {
        let parts = self.html.split("<code>").skip(1).map(|rest| rest.split("</code>").next().unwrap());
        let plain = |text: &str| {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            text.replace("&amp;", "&")
        };
        parts.map(plain).collect()
    }

    /// The HTML without what is in code, line by line.
    pub(super) fn own_html(&self) -> Vec<String> {
        let strip = |line: &str| {
            let mut parts = line.split("<code>");
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |all, part| all + part.split_once("</code>").unwrap().1)
        };
        self.html.lines().filter(|line| !line.is_empty()).map(strip).collect()
    }
}

fn name(tag: &Tag<'_>) -> &'static str {
    match tag {
        Tag::Paragraph => "paragraph",
        Tag::Heading { .. } => "heading",
        Tag::List(_) => "list",
        Tag::Item => "item",
        Tag::Strong => "strong",
        Tag::HtmlBlock => "html",
        Tag::CodeBlock(_)
        | Tag::BlockQuote(_)
        | Tag::FootnoteDefinition(_)
        | Tag::DefinitionList
        | Tag::DefinitionListTitle
        | Tag::DefinitionListDefinition
        | Tag::Table(_)
        | Tag::TableHead
        | Tag::TableRow
        | Tag::TableCell
        | Tag::Emphasis
        | Tag::Strikethrough
        | Tag::Superscript
        | Tag::Subscript
        | Tag::Link { .. }
        | Tag::Image { .. }
        | Tag::MetadataBlock(_) => "injected",
    }
}
