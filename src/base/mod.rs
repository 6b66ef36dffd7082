//! The words every other room uses: names, releases, findings, secrets. Imports no other room.

mod capabilities;
mod confusable;
mod file_name;
mod finding;
mod many;
mod names;
mod principal;
mod release;
mod secret;
mod shell;
mod suggest;
mod visible;

pub use capabilities::{AttachmentsSource, Capabilities, DetachForm};
pub use confusable::{Confusable, confusable, spelled_out};
pub use file_name::{file_name, file_name_without_capitals};
pub(crate) use finding::codes;
pub use finding::{Code, FileId, Finding, Label, Location, Severity, SourceFile, Sources};
pub use many::{both, map, map_large};
pub use names::{GroupName, NameProblem, PolicyName, UserName};
pub use principal::Principal;
pub use release::Release;
pub use secret::{KeyPair, SessionKeys};
pub use shell::{quoted, shell_line, shell_word};
pub use suggest::{Suggestions, nearest};
pub use visible::{Eye, is_hidden, is_plain, visible, visible_lines};
