//! Takes objects as the cluster has them into the configuration, for `attune edit adopt` and `attune drift --adopt`.

use std::path::{Path, PathBuf};

use super::args::{CallArgs, GlobalArgs};
use super::connect::{Connection, connect};
use super::edited::{Changes, CheckArg, cannot_edit, editable, refused_edits, with_attachments};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{
    GroupName, NamePattern, PolicyName, Principal, Sources, UserName, file_name, file_name_without_capitals,
};
use crate::desired::{
    Authored, CannotEdit, Desired, DocumentPlace, EditedText, Editor, Loaded, NewText, PolicyContent, PolicyEntry,
    PolicyIntent, escaped,
};
use crate::import::{self, Adopted, AdoptedDocument, Adoption, Selection, adoption};
use crate::plan::ChangeId;

/// Take objects as the cluster has them into the configuration
///
/// Declares the attachment of a user or group, or the document of a policy, as the cluster has it. A document goes into the file that
/// the policy names, or into a new one below `policies/`. Inline statements move into such a file. What does not exist on the
/// cluster becomes `absent = true` or `detached = true`. The cluster is not changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune edit adopt user/alice policy/ml-ro
  attune edit adopt group/ops --check
  attune drift --adopt                        adopt all drift")]
pub(super) struct AdoptArgs {
    /// Objects: user/NAME, group/NAME or policy/NAME
    #[arg(id = "objects", required = true, value_name = "OBJECT", value_parser = object)]
    objects: Vec<ChangeId>,
    #[command(flatten)]
    check: CheckArg,
    #[command(flatten)]
    calls: CallArgs,
}

fn object(text: &str) -> Result<ChangeId, String> {
    let parsed = match text.split_once('/') {
        Some(("policy", name)) => PolicyName::parse(name).map(ChangeId::Policy),
        Some(("user" | "group", _)) => Principal::parse(text).map(ChangeId::Principal),
        Some(_) | None => return Err("write `user/NAME`, `group/NAME` or `policy/NAME`".to_owned()),
    };
    parsed.map_err(|problem| format!("the name {problem}"))
}

impl AdoptArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let loaded = editable(global, output)?;
        let mut settings = global.over(&loaded.desired.cluster);
        settings.insecure = global.insecure;
        let connection = connect(global, &settings, self.calls, output).await?;
        adopt(global, &loaded, &self.objects, &connection, self.check, output).await
    }
}

/// Takes objects as the cluster has them into the configuration.
pub(super) async fn adopt(
    global: &GlobalArgs,
    loaded: &Loaded,
    objects: &[ChangeId],
    connection: &Connection,
    check: CheckArg,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let adopted = Adopted {
        policies: objects.iter().filter_map(|id| id.policy().cloned()).collect(),
        principals: objects.iter().filter_map(|id| id.principal().cloned()).collect(),
    };
    let patterns = |names: Vec<&str>| names.iter().filter_map(|name| name.parse::<NamePattern>().ok()).collect();
    let users = adopted.principals.iter().filter_map(Principal::user).map(UserName::as_str).collect();
    let groups = adopted.principals.iter().filter_map(Principal::group).map(GroupName::as_str).collect();
    let policies = patterns(adopted.policies.iter().map(PolicyName::as_str).collect());
    let selection = Selection { policies, users: patterns(users), groups: patterns(groups), ..Selection::default() };
    let inventory = import::read_cluster(&connection.retrying(), &selection, connection.jobs()).await?;
    let adoption = adoption(&adopted, &inventory, &loaded.desired);
    if !adoption.refused.is_empty() {
        output.findings(&adoption.refused, &Sources::default());
        return Err(Failure::new(&exit::NOT_EDITED, "nothing was changed"));
    }
    let changes = Adopter { loaded, adoption: &adoption }.changes(output)?;
    changes.finish(global, &expected(&loaded.desired, &adoption), check, output)
}

struct Adopter<'a> {
    loaded: &'a Loaded,
    adoption: &'a Adoption,
}

impl Adopter<'_> {
    fn changes(&self, output: &mut Output) -> Result<Changes, Failure> {
        let mut editor = Editor::new(self.loaded).map_err(|problem| cannot_edit(&problem))?;
        let (mut edited, mut new, mut refused): (_, _, Vec<CannotEdit>) = (Vec::new(), Vec::new(), Vec::new());
        for (principal, attachment) in &self.adoption.attachments {
            refused.extend(editor.attach(principal, attachment).err());
        }
        for (policy, document) in &self.adoption.policies {
            let Some(document) = document else {
                refused.extend(editor.declare(policy, PolicyContent::Absent, &[]).err());
                continue;
            };
            match editor.document_place(policy) {
                Ok(DocumentPlace::File(path)) => {
                    match self.replaced(&path, document) {
                        Ok(replaced) => edited.extend(replaced),
                        Err(problem) => refused.push(problem),
                    }
                    let allowed = self.not_yet_allowed(policy, document);
                    if !allowed.is_empty() {
                        refused.extend(editor.declare(policy, PolicyContent::SameFile, &allowed).err());
                    }
                }
                Ok(DocumentPlace::NewBelow(directory)) => {
                    let relative = free_path(policy, &directory, &new);
                    let path = directory.join(&relative).display().to_string();
                    let allowed = self.not_yet_allowed(policy, document);
                    refused.extend(editor.declare(policy, PolicyContent::Document(&relative), &allowed).err());
                    new.push(NewText { path, text: escaped(&document.text).into_owned() });
                }
                Err(problem) => refused.push(problem),
            }
        }
        if !refused.is_empty() {
            return Err(refused_edits(&refused, self.loaded, output));
        }
        edited.extend(editor.finish());
        Ok(Changes { edited, new })
    }

    /// The new text of a document's file.
    fn replaced(&self, path: &Path, document: &AdoptedDocument) -> Result<Option<EditedText>, CannotEdit> {
        let path = path.display().to_string();
        let before = self.loaded.sources.files().iter().find(|file| file.path == path).map(|file| file.text.clone());
        let before = before.unwrap_or_default();
        if before.contains("{{") {
            let (message, help) = (format!("the document {path} has placeholders"), "change it by hand".to_owned());
            return Err(CannotEdit { message, help, at: None });
        }
        let after = escaped(&document.text).into_owned();
        Ok((before != after).then_some(EditedText { path, before, after }))
    }

    fn not_yet_allowed(&self, policy: &PolicyName, document: &AdoptedDocument) -> Vec<&'static str> {
        let known = self.loaded.desired.policies.get(policy);
        let lists = [Some(&self.loaded.desired.lint), known.map(|entry| &entry.lint)];
        let is_known = |rule: &str| lists.into_iter().flatten().any(|allowed| allowed.has(rule));
        document.allowed.iter().copied().filter(|rule| !is_known(rule)).collect()
    }
}

/// The path of a new document, relative to its configuration file. It differs from others even if the file system ignores case.
fn free_path(policy: &PolicyName, directory: &Path, new: &[NewText]) -> String {
    let is_free = |path: &String| {
        let full: PathBuf = directory.join(path);
        let is_new = |of: &NewText| of.path.eq_ignore_ascii_case(&full.display().to_string());
        full.symlink_metadata().is_err() && !new.iter().any(is_new)
    };
    let names = [file_name(policy.as_str()), file_name_without_capitals(policy.as_str())];
    let [usual, other] = names.map(|name| format!("policies/{name}.json"));
    // If neither is free, writing the usual one fails with the reason.
    if !is_free(&usual) && is_free(&other) { other } else { usual }
}

/// The configuration after the adoption.
fn expected(desired: &Desired, adoption: &Adoption) -> Desired {
    let mut expected = with_attachments(desired, &adoption.attachments);
    for (name, document) in &adoption.policies {
        let intent = match document {
            Some(adopted) => PolicyIntent::Present(Authored::new(adopted.document.clone(), None)),
            None => PolicyIntent::Absent,
        };
        let known = expected.policies.get(name).cloned();
        let entry = match known {
            Some(entry) => PolicyEntry { intent, ..entry },
            None => PolicyEntry::new(intent),
        };
        expected.policies.insert(name.clone(), entry);
    }
    expected
}
