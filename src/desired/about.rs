//! What the errors of a configuration are about: settings, declared objects, or a file whose declarations are unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Desired, Loaded, codes};
use crate::base::{
    BucketName, FileId, Finding, GroupName, Location, ObjectId, PolicyName, Principal, Sources, UserName,
};

/// What an error of a configuration is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A setting, or the main file as a whole.
    Settings,
    /// These declarations, which count as unreadable.
    Objects(BTreeSet<ObjectId>),
    /// A file whose declarations are not all known.
    File,
}

/// The parts of a configuration that could not be read, although they declare something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// The declared objects with errors.
    pub objects: BTreeSet<ObjectId>,
    /// The files, or entries of `include`, that may declare objects of unknown names.
    pub files: BTreeSet<String>,
}

impl Unread {
    /// Whether everything could be read.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.files.is_empty()
    }
}

/// The place of each declaration of a configuration.
#[derive(Debug)]
pub struct Declarations<'a> {
    loaded: &'a Loaded,
    by_file: BTreeMap<FileId, Vec<Declaration>>,
    /// The objects that each row made.
    by_row: BTreeMap<FileId, BTreeSet<ObjectId>>,
}

#[derive(Debug)]
struct Declaration {
    /// Its object; `None` if its name is not one name.
    id: Option<ObjectId>,
    /// The places of its keys and values.
    spans: Vec<Range<usize>>,
    /// The users and groups in `attached_to` of a policy, readable or not.
    attached: Vec<ObjectId>,
}

/// The sections with declarations.
const SECTIONS: [&str; 4] = ["policies", "users", "groups", "buckets"];

/// The object of a name in a section with declarations.
fn object(section: &str, name: &str) -> ObjectId {
    match section {
        "policies" => ObjectId::Policy(PolicyName::reported(name)),
        "users" => ObjectId::Principal(Principal::User(UserName::reported(name))),
        "groups" => ObjectId::Principal(Principal::Group(GroupName::reported(name))),
        _ => ObjectId::Bucket(BucketName::reported(name)),
    }
}

impl<'a> Declarations<'a> {
    /// Finds the declarations of a configuration.
    pub fn of(loaded: &'a Loaded) -> Self {
        let ids = loaded.sources.ids().filter(|id| !loaded.documents.contains_key(id));
        let by_file = ids.map(|id| (id, declarations(&loaded.sources.file(id).text))).collect();
        let mut by_row: BTreeMap<FileId, BTreeSet<ObjectId>> = BTreeMap::new();
        for (id, at) in placed(&loaded.desired).filter(|(_, at)| at.file.is_use()) {
            by_row.entry(at.file).or_default().insert(id);
        }
        Self { loaded, by_file, by_row }
    }

    /// What an error is about.
    pub fn about(&self, error: &Finding) -> About {
        // No part of a configuration is outside its envelopes.
        if codes::ENVELOPES.contains(&error.code) {
            return About::Settings;
        }
        if self.loaded.not_included.contains(error) {
            return About::File;
        }
        let Some(at) = &error.at else { return About::Settings };
        let (mut objects, mut rest) = (BTreeSet::new(), None);
        for at in self.declaring(at) {
            match self.about_place(error, &at) {
                About::Objects(of_place) => objects.extend(of_place),
                other @ (About::Settings | About::File) => rest = Some(other),
            }
        }
        rest.unwrap_or(About::Objects(objects))
    }

    fn about_place(&self, error: &Finding, at: &Location) -> About {
        let rest =
            if Some(at.file.whole()) == self.loaded.sources.ids().next() { About::Settings } else { About::File };
        if error.code == codes::TOML_SYNTAX {
            return rest;
        }
        // The error of one row is about what that row made, if its name could be made.
        if let Some(made) = self.by_row.get(&at.file) {
            return About::Objects(made.clone());
        }
        let at = &Location { file: at.file.whole(), span: at.span.clone() };
        let found = self.by_file.get(&at.file).into_iter().flatten().find(|found| found.contains(at));
        let Some(found) = found else { return rest };
        let objects = self.objects(found, at.file);
        if objects.is_empty() { About::File } else { About::Objects(objects) }
    }

    /// The path of the configuration file that an error is in; for a document, of the file that names it.
    pub fn path(&self, error: &Finding) -> Option<&'a str> {
        let at = self.declaring(error.at.as_ref()?).into_iter().next()?;
        Some(self.loaded.sources.file(at.file).path.as_str())
    }

    /// The places in configuration files: of a document, the places that name it; of one use of it, that place.
    fn declaring(&self, at: &Location) -> Vec<Location> {
        match (self.loaded.documents.get(&at.file.whole()), self.loaded.sources.place_of_use(at.file)) {
            (Some(_), Some(place)) => vec![place.clone()],
            (Some(places), None) => places.clone(),
            (None, _) => vec![at.clone()],
        }
    }

    /// The objects of a declaration: its own, and those that were read from its places.
    fn objects(&self, of: &Declaration, file: FileId) -> BTreeSet<ObjectId> {
        let read = placed(&self.loaded.desired).filter(|(_, at)| at.file.whole() == file && of.contains(at));
        let mut objects: BTreeSet<ObjectId> = read.map(|(id, _)| id).collect();
        objects.extend(of.ids());
        objects
    }

    /// The objects that a file declares, readable or not.
    pub fn of_file(&self, path: &str) -> BTreeSet<ObjectId> {
        let is_file = |id: &FileId| self.loaded.sources.file(*id).path == path;
        let read = placed(&self.loaded.desired).filter(|(_, at)| self.declaring(at).iter().any(|at| is_file(&at.file)));
        let mut objects: BTreeSet<ObjectId> = read.map(|(id, _)| id).collect();
        let written = self.by_file.iter().filter(|(id, _)| is_file(id)).flat_map(|(_, found)| found);
        objects.extend(written.flat_map(Declaration::ids));
        objects
    }

    /// The declared objects that could not be read, by an error of their own or of an object that they use, with their places.
    pub fn unread(&self) -> Vec<(ObjectId, Location)> {
        let desired = &self.loaded.desired;
        let is_read = |id: &ObjectId| match id {
            ObjectId::Policy(policy) => desired.policy(policy).is_some(),
            ObjectId::Principal(principal) => desired.entry(principal).is_some(),
            ObjectId::Bucket(bucket) => desired.buckets.contains_key(bucket),
        };
        let written = self.by_file.iter().flat_map(|(file, found)| found.iter().map(|one| (*file, one)));
        let placed = written.flat_map(|(file, one)| {
            let at = one.spans.first().map(|span| Location { file, span: span.clone() });
            one.ids().filter_map(move |id| Some((id, at.clone()?)))
        });
        placed.filter(|(id, _)| !is_read(id)).collect()
    }

    /// The paths of the configuration files, in the order of reading.
    pub fn paths(&self) -> impl Iterator<Item = &'a str> {
        let sources: &'a Sources = &self.loaded.sources;
        self.by_file.keys().map(|id| sources.file(*id).path.as_str())
    }
}

impl Declaration {
    fn contains(&self, at: &Location) -> bool {
        self.spans.iter().any(|span| span.start <= at.span.start && at.span.start < span.end.max(span.start + 1))
    }

    /// Its object, and the users and groups that it attaches.
    fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.id.iter().chain(&self.attached).cloned()
    }
}

/// The users and groups in `attached_to` of a policy, also if it is no list.
fn attached(policy: &DeValue<'_>) -> Vec<ObjectId> {
    let Some(value) = policy.as_table().and_then(|policy| policy.get("attached_to")) else { return Vec::new() };
    let list = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
    let texts = list.filter_map(|item| item.get_ref().as_str()).chain(value.get_ref().as_str());
    let names = texts.filter(|text| !text.contains("{{"));
    names
        .map(|text| text.strip_prefix("group/").map_or_else(|| object("users", text), |name| object("groups", name)))
        .collect()
}

/// The declared objects with their places.
fn placed(desired: &Desired) -> impl Iterator<Item = (ObjectId, &Location)> {
    let policies = desired.policies.iter().chain(&desired.broken).chain(&desired.abstracts);
    let policies = policies.filter_map(|(policy, entry)| Some((ObjectId::Policy(policy.clone()), entry.at.as_ref()?)));
    let principals = desired.principals();
    let principals = principals.filter_map(|(who, entry)| Some((ObjectId::Principal(who), entry.at.as_ref()?)));
    let buckets = desired.buckets.iter();
    let buckets = buckets.filter_map(|(bucket, entry)| Some((ObjectId::Bucket(bucket.clone()), entry.at.as_ref()?)));
    policies.chain(principals).chain(buckets)
}

/// The declarations of a file, as far as it can be read.
fn declarations(text: &str) -> Vec<Declaration> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    for section in SECTIONS {
        let Some(entries) = table.get_ref().get(section).and_then(|value| value.get_ref().as_table()) else { continue };
        for (key, value) in entries {
            let mut spans = vec![key.span()];
            places(value.get_ref(), value.span(), &mut spans);
            let attached = if section == "policies" { attached(value.get_ref()) } else { Vec::new() };
            let name: &str = key.get_ref();
            let id = (!name.contains("{{")).then(|| object(section, name));
            found.push(Declaration { id, spans, attached });
        }
    }
    found
}

/// The places of all keys and values of a value. A table has none of its own: it may be written in several parts.
fn places(value: &DeValue<'_>, span: Range<usize>, spans: &mut Vec<Range<usize>>) {
    match value {
        DeValue::Table(table) => {
            for (key, value) in table {
                spans.push(key.span());
                places(value.get_ref(), value.span(), spans);
            }
        }
        DeValue::Array(array) => {
            spans.push(span);
            array.iter().for_each(|item| places(item.get_ref(), item.span(), spans));
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            spans.push(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::testing::loaded;

    /// The code of each error and what it is about.
    fn about(files: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let loaded = loaded(files);
        let declarations = Declarations::of(&loaded);
        let word = |about: About| match about {
            About::Settings => "settings".to_owned(),
            About::File => "file".to_owned(),
            About::Objects(objects) => objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        };
        let errors = loaded.findings.iter().filter(|finding| finding.is_error());
        errors.map(|error| (error.code.id, word(declarations.about(error)))).collect()
    }

    #[test]
    fn an_error_is_about_the_declaration_that_it_is_in() {
        let main = "[guards]\nmax = 1\n[policies.a]\ndocument = \"a.json\"\n[policies.b]\n[users.u]\npolcy = \"a\"\n\
                    [[policies.c.statement]]\neffect = \"Allow\"\naction = 7\n[users.w]\npolicy = \"a\"\ndetached = true\n\
                    [groups]\ng = { policy = 3 }\n[[policies.b.statement]]\nefect = 1\n[policies.gone]\ndocument = \"no.json\"\n";
        let found = about(&[("attune.toml", main), ("a.json", "{ \"Statement\": 1 ")]);
        let objects: BTreeSet<&str> = found.iter().map(|(_, about)| about.as_str()).collect();
        let expected = ["settings", "policy/a", "policy/b", "user/u", "policy/c", "user/w", "group/g", "policy/gone"];
        assert_eq!(objects, expected.into_iter().collect(), "{found:?}");
    }

    #[test]
    fn errors_of_included_files_are_about_the_file_or_its_objects() {
        let main = "include = [\"t.toml\", \"u.toml\", \"none.toml\"]\n[users.u]\npolicy = \"readonly\"\n";
        let team = "[users.u]\npolicy = \"readwrite\"\n[guards]\nmax_removals = 1\n";
        let found = about(&[("attune.toml", main), ("t.toml", team), ("u.toml", "[users.x]\npolicy = \n")]);
        let expected = [
            ("include-matches-nothing", "file"),
            ("section-in-include", "file"),
            ("declared-twice", "user/u"),
            ("toml-syntax", "file"),
        ];
        let expected: BTreeSet<_> = expected.iter().map(|(code, about)| (*code, (*about).to_owned())).collect();
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(about(&[("attune.toml", "[users.x]\npolicy = \n")]), [("toml-syntax", "settings".to_owned())]);
    }

    #[test]
    fn an_error_in_a_policy_is_also_about_whom_it_is_attached_to() {
        let statement =
            "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:*\"\nresource = \"arn:aws:s3:::bucket\"\n";
        for (attached, objects) in [
            ("\"bob\"", "policy/p user/bob"),
            ("[\"bob\", 7]", "policy/p user/bob"),
            ("[\"bob\", \"group/ops\", \"a/b\"]", "policy/p user/a/b user/bob group/ops"),
        ] {
            let main = format!("[policies.p]\nattached_to = {attached}\n{statement}");
            let found = about(&[("attune.toml", &main)]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].1, objects);
        }
    }

    #[test]
    fn a_file_has_its_objects_whether_they_can_be_read_or_not() {
        let team = "[policies.p]\ndocument = \"no.json\"\n[users.u]\npolicy = \"readonly\"\n[users.w]\n";
        let loaded =
            loaded(&[("attune.toml", "include = [\"t.toml\"]\n[users.m]\npolicy = \"readonly\"\n"), ("t.toml", team)]);
        let declarations = Declarations::of(&loaded);
        let path = declarations.paths().find(|path| path.ends_with("t.toml")).unwrap();
        let found: Vec<String> = declarations.of_file(path).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["policy/p", "user/u", "user/w"]);
    }
}
