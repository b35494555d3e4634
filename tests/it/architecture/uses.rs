//! Which file uses which: every path that the sources name, followed to the file that has the item.
//!
//! A path is followed through re-exports: `docker::Container` is in `docker/container.rs`, wherever it is named from. A `pub use`
//! passes a name on and uses nothing. Methods are not followed: a value's type stands for them. Names in macros and in
//! attributes count like those in code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, Meta, UseTree, Visibility};

/// A path of modules and items, from the crate's root or relative.
type Names = Vec<String>;

/// All modules, by their paths from the root.
#[derive(Debug)]
pub(super) struct Sources {
    modules: BTreeMap<Names, Module>,
}

/// A file names something of another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) from: String,
    pub(super) to: String,
    /// As it is written.
    pub(super) path: String,
}

#[derive(Debug, Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    /// What may be an item that a macro makes.
    made: BTreeSet<String>,
    imports: BTreeMap<String, Names>,
    globs: Vec<Names>,
    named: BTreeSet<Names>,
}

enum Target {
    Module(Names),
    Item(String),
}

impl Sources {
    /// Reads the crate below `root`, from its `lib.rs`.
    pub(super) fn read(root: &Path, with_tests: bool) -> Self {
        let mut sources = Self { modules: BTreeMap::new() };
        sources.read_file(root, Path::new("lib.rs"), Vec::new(), with_tests);
        sources
    }

    fn read_file(&mut self, root: &Path, file: &Path, module: Names, with_tests: bool) {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        let items =
            syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items;
        let folder = match file.file_stem().unwrap().to_str().unwrap() {
            "lib" | "mod" => file.parent().unwrap().to_owned(),
            _ => file.with_extension(""),
        };
        for path in self.read_module(file, module.clone(), &items, with_tests) {
            let name = path.last().unwrap().clone();
            let files: [PathBuf; 2] = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
            let file = files.iter().find(|file| root.join(file).exists()).unwrap();
            self.read_file(root, file, path, with_tests);
        }
    }

    /// Returns the modules that have files of their own.
    fn read_module(&mut self, file: &Path, path: Names, items: &[Item], with_tests: bool) -> Vec<Names> {
        let mut module = Module { file: file.to_str().unwrap().to_owned(), ..Module::default() };
        let mut elsewhere = Vec::new();
        for item in items.iter().filter(|item| with_tests || !is_test(attributes(item))) {
            if let Item::Mod(inner) = item {
                let name = inner.ident.to_string();
                let below = [path.clone(), vec![name.clone()]].concat();
                module.children.insert(name);
                match &inner.content {
                    Some((_, items)) => elsewhere.extend(self.read_module(file, below, items, with_tests)),
                    None => elsewhere.push(below),
                }
                continue;
            }
            if let Some(name) = name_of(item) {
                module.items.insert(name);
            } else if let Item::Macro(made) = item {
                module.made.extend(paths_of(&made.mac.tokens).into_iter().flatten());
            }
            module.visit_item(item);
        }
        self.modules.insert(path, module);
        elsewhere
    }

    /// All uses of one file by another.
    pub(super) fn uses(&self) -> BTreeSet<Use> {
        let mut uses = BTreeSet::new();
        for (at, module) in &self.modules {
            for path in &module.named {
                match self.find(at, path, 0) {
                    Some(Target::Item(file)) if file != module.file => {
                        uses.insert(Use { from: module.file.clone(), to: file, path: path.join("::") });
                    }
                    Some(Target::Item(_) | Target::Module(_)) => {}
                    None => {
                        let is_ours = path.first().is_some_and(|name| ["crate", "super"].contains(&&**name));
                        assert!(!is_ours, "{}: {} is nowhere", module.file, path.join("::"));
                    }
                }
            }
        }
        uses
    }

    /// What a file names of another module, as it is written: the file, and that module's name.
    pub(super) fn arrows(&self) -> BTreeSet<(String, String)> {
        let mut arrows = BTreeSet::new();
        for (at, module) in &self.modules {
            for path in module.named.iter().chain(module.imports.values()).chain(&module.globs) {
                let up = path.iter().take_while(|name| *name == "super").count();
                let is_from_root =
                    path.first().is_some_and(|name| name == "crate") || (up > 0 && up == at.len());
                let named = path.get(up.max(1)).filter(|_| is_from_root);
                arrows.extend(named.map(|named| (module.file.clone(), named.clone())));
            }
        }
        arrows
    }

    /// `path`, as the module at `at` means it. `depth` is the number of imports that have led there.
    fn find(&self, at: &[String], path: &[String], depth: usize) -> Option<Target> {
        let mut at = at.to_vec();
        for (i, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()?),
                _ => match self.step(&at, name, i + 1 == path.len(), depth)? {
                    Target::Module(module) => at = module,
                    Target::Item(file) => return Some(Target::Item(file)),
                },
            }
        }
        Some(Target::Module(at))
    }

    /// A module and an item may have the same name; the last of a path is the item.
    fn step(&self, at: &[String], name: &str, is_last: bool, depth: usize) -> Option<Target> {
        // An import of another crate leads back to itself.
        if depth > 8 {
            return None;
        }
        let module = self.modules.get(at)?;
        let child =
            || module.children.contains(name).then(|| Target::Module([at, &[name.to_owned()]].concat()));
        let item = || module.items.contains(name).then(|| Target::Item(module.file.clone()));
        let import = || self.find(at, module.imports.get(name)?, depth + 1);
        let glob = || {
            let found = |glob: &Names| match self.find(at, glob, depth + 1)? {
                Target::Module(module) if module != at => self.step(&module, name, is_last, depth + 1),
                Target::Module(_) | Target::Item(_) => None,
            };
            module.globs.iter().find_map(found)
        };
        let made = || module.made.contains(name).then(|| Target::Item(module.file.clone()));
        let found = if is_last {
            item().or_else(import).or_else(child)
        } else {
            child().or_else(import).or_else(item)
        };
        found.or_else(glob).or_else(made)
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, before: &[String], is_passed_on: bool) {
        let with = |name: String| [before, &[name]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => {
                return self.import(&path.tree, &with(path.ident.to_string()), is_passed_on);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, is_passed_on));
            }
            UseTree::Glob(_) => return self.globs.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last().unwrap().clone()),
            UseTree::Name(name) => (with(name.ident.to_string()), name.ident.to_string()),
            UseTree::Rename(name) => (with(name.ident.to_string()), name.rename.to_string()),
        };
        if !is_passed_on {
            self.named.insert(path.clone());
        }
        if name != "_" {
            self.imports.insert(name, path);
        }
    }
}

impl<'a> Visit<'a> for Module {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.named.insert(path.segments.iter().map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        self.named.extend(paths_of(&call.tokens));
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.named.extend(paths_of(&list.tokens));
        }
    }
}

/// Everything in tokens that looks like a path, texts included: `#[serde(with = "super::words")]`.
fn paths_of(tokens: &TokenStream) -> Vec<Names> {
    let mut paths: Vec<Names> = Vec::new();
    // `::` after a name, up to its second colon.
    let mut colons = 0;
    let is_name =
        |text: &str| syn::parse_str::<syn::Ident>(text).is_ok() || ["crate", "self", "super"].contains(&text);
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(name) => match paths.last_mut() {
                Some(path) if colons == 2 => path.push(name.to_string()),
                Some(_) | None => paths.push(vec![name.to_string()]),
            },
            TokenTree::Punct(punct) if punct.as_char() == ':' && !paths.is_empty() => {
                colons += 1;
                continue;
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let names: Names = text.trim_matches('"').split("::").map(str::to_owned).collect();
                if names.iter().all(|name| is_name(name)) {
                    paths.push(names);
                }
            }
            TokenTree::Group(group) => paths.extend(paths_of(&group.stream())),
            TokenTree::Punct(_) => {}
        }
        colons = 0;
    }
    paths
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        Meta::Path(_) | Meta::NameValue(_) => false,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "there are kinds that no source has")]
fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => panic!("an item of a kind that is not read"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others have no names, or are not named by paths")]
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
