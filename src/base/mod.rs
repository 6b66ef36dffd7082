//! The types that every other room uses: names, releases, findings, secrets. Imports no other room.

mod bucket;
mod capabilities;
mod file_name;
mod finding;
mod many;
mod message;
mod names;
mod object;
mod secret;
mod shell;
mod visible;

pub use bucket::{CannedPolicy, NoCannedPolicy};
pub use capabilities::{ApiFacts, AttachmentsSource, BucketArguments, Capabilities, DetachForm, Release};
pub use file_name::{file_name, file_name_without_capitals};
pub(crate) use finding::codes;
pub use finding::{Code, FileId, Finding, Label, Location, Severity, SourceFile, Sources};
pub use many::map;
pub use message::{Suggestions, count, did_you_mean, list, list_some, nearest};
pub use names::{BucketName, GroupName, NamePattern, NamePatterns, NameProblem, PolicyName, Principal, UserName};
pub use object::ObjectId;
pub use secret::{KeyPair, SessionKeys};
pub use shell::{shell_line, shell_quoted, shell_word};
pub use visible::{Confusable, VisibleText, confusable, is_hidden, is_plain, spelled_out, visible, visible_lines};
