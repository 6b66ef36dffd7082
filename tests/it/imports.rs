//! No two files of the crate import each other in a loop. A file may use what the modules around it define.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

use super::harness::{files, is_test_source, root};

/// A module, or a name in one: `["plan", "build"]` for `crate::plan::build`.
type ModulePath = Vec<String>;

/// For each file the files that it imports.
type Edges<'a> = BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>;

/// What a file refers to in other files, before names are resolved.
#[derive(Default)]
struct References {
    module: ModulePath,
    /// Paths of `use` declarations and of expressions and types.
    imports: Vec<ModulePath>,
    /// What `pub use` hands on, by the name it has then.
    exports: BTreeMap<String, ModulePath>,
}

impl References {
    fn of(file: &Path) -> Self {
        let inside = file.strip_prefix(root().join("src")).unwrap().with_extension("");
        let mut module: ModulePath = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod" || last == "lib") {
            module.pop();
        }
        let mut references = Self { module, ..Self::default() };
        references.visit_file(&syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap());
        references
    }

    /// A path from the root of the crate. One of another crate looks like a name in the file itself.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let parent = self.module.get(..self.module.len().checked_sub(ups)?)?;
                Some([parent, &path[ups..]].concat())
            }
            _ => Some([&self.module, path].concat()),
        }
    }

    fn add(&mut self, path: &[String], public: bool) {
        let Some(absolute) = self.absolute(path) else { return };
        if public {
            self.exports.extend(absolute.last().cloned().map(|name| (name, absolute)));
        } else {
            self.imports.push(absolute);
        }
    }

    fn add_tree(&mut self, prefix: &[String], tree: &UseTree, public: bool) {
        let joined = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&joined(&path.ident), &path.tree, public),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(prefix, tree, public)),
            UseTree::Name(name) if name.ident == "self" => self.add(prefix, public),
            UseTree::Name(name) => self.add(&joined(&name.ident), public),
            UseTree::Rename(rename) => self.add(&joined(&rename.ident), public),
            UseTree::Glob(_) => self.add(prefix, public),
        }
    }
}

impl Visit<'_> for References {
    fn visit_item_mod(&mut self, module: &ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        if is_test(&item.attrs) {
            return;
        }
        let public = !matches!(item.vis, Visibility::Inherited);
        self.add_tree(&[], &item.tree, public);
    }

    /// `pub(super)` names no import.
    fn visit_visibility(&mut self, _: &Visibility) {}

    fn visit_path(&mut self, path: &syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&parts, false);
        visit::visit_path(self, path);
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
    })
}

/// The module that defines a name, through every `pub use` on the way.
fn defined_in<'a>(modules: &'a BTreeMap<ModulePath, References>, path: &[String]) -> Option<&'a ModulePath> {
    let longest = (0..=path.len()).rev().find_map(|end| modules.get_key_value(&path[..end]));
    let (module, references) = longest?;
    let exported = path.get(module.len()).and_then(|name| references.exports.get(name));
    match exported {
        Some(target) if target != path => defined_in(modules, target),
        _ => Some(module),
    }
}

/// The files of `edges` that are in a loop, or on a way between two loops.
fn in_loops(mut edges: Edges<'_>) -> Edges<'_> {
    loop {
        let before = edges.len();
        let left: BTreeSet<&ModulePath> = edges.keys().copied().collect();
        let imported: BTreeSet<&ModulePath> = edges.values().flatten().copied().collect();
        edges.retain(|file, imports| imported.contains(*file) && imports.iter().any(|other| left.contains(*other)));
        if edges.len() == before {
            return edges;
        }
    }
}

/// The modules with the references of their files; those that only tests compile are left out.
fn modules() -> BTreeMap<ModulePath, References> {
    files(&root().join("src"), ".rs")
        .iter()
        .filter(|file| !file.ends_with("main.rs") && !is_test_source(file))
        .map(|file| References::of(file))
        .map(|references| (references.module.clone(), references))
        .collect()
}

#[test]
fn no_two_files_import_each_other_in_a_loop() {
    let modules = modules();
    let edges = modules.iter().map(|(module, references)| {
        let imports = references.imports.iter().filter_map(|path| defined_in(&modules, path));
        (module, imports.filter(|other| !module.starts_with(other)).collect::<BTreeSet<_>>())
    });
    let edges: BTreeMap<_, BTreeSet<_>> = edges.collect();
    let imports: usize = edges.values().map(BTreeSet::len).sum();
    assert!(imports > modules.len(), "{imports} imports of {} files: the test does not see them", modules.len());
    let loops = in_loops(edges);
    assert!(loops.is_empty(), "files that import each other in a loop: {loops:#?}");
}
