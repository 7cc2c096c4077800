//! Rules that the crate boundaries cannot hold, checked on the parsed sources: which modules may name what, how long a file
//! may be, and that each file says what it is.

use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// Most lines of a Rust file.
const CEILING: usize = 400;

/// A path that only some files may name: the path, the folders (or files) that may, and the folder that the rule covers.
const RULES: &[(&str, &[&str], &str)] = &[
    ("nifti", &["engine/imaging/src/io/nifti"], "engine"),
    ("burn", &["engine/network/src"], "engine"),
    ("pulp", &["engine/network/src/cpu"], "engine"),
    ("cubecl", &["engine/network/src/gpu", "engine/network/src/device.rs"], "engine"),
    // One generator, so that training can be resumed bit for bit.
    ("chacha20", &["engine/imaging/src/random.rs"], "engine"),
    ("rand_distr", &["engine/imaging/src/random.rs"], "engine"),
    ("crossbeam_channel", &["engine/inference/src/runner"], "engine"),
    ("std::thread", &["engine/inference/src/runner", "engine/network/src/gpu/answer.rs"], "engine"),
    // The document can be tested with a thousand edits a second: no window, thread, clock, file or device.
    ("egui", &[], "app/src/document"),
    ("eframe", &[], "app/src/document"),
    ("network", &[], "app/src/document"),
    ("inference", &[], "app/src/document"),
    ("std::thread", &[], "app/src/document"),
    ("std::time::Instant", &[], "app/src/document"),
    ("std::time::SystemTime", &[], "app/src/document"),
    ("std::fs", &[], "app/src/document"),
    ("exemplar::cli", &[], "app/src/document"),
    ("exemplar::viewer", &[], "app/src/document"),
    ("exemplar::jobs", &["app/src/jobs", "app/src/import", "app/src/state", "app/src/window"], "app/src"),
    (
        "exemplar::import",
        &["app/src/import", "app/src/state", "app/src/commands", "app/src/window"],
        "app/src",
    ),
    ("exemplar::state", &["app/src/state", "app/src/commands", "app/src/window"], "app/src"),
    ("exemplar::commands", &["app/src/commands", "app/src/window"], "app/src"),
    ("egui", &[], "app/src/jobs"),
    ("egui", &[], "app/src/import"),
    // A thread is a lane's.
    ("std::thread", &["app/src/jobs/lane.rs", "app/src/main.rs"], "app/src"),
    ("exemplar::window", &["app/src/window", "app/src/main.rs"], "app/src"),
    ("eframe", &["app/src/viewer", "app/src/window"], "app/src"),
    // Hooks for tests.
    ("network::pretend_gpu", &[], "app/src"),
    ("imaging::memory::guard_pages", &[], "app/src"),
];

/// The data side of training knows cubes and label maps, no files and no network.
const DATA: [&str; 4] = [
    "engine/imaging/src/filter",
    "engine/learning/src/augment",
    "engine/learning/src/synthesis",
    "engine/learning/src/tasks",
];
const NOT_FOR_DATA: [&str; 4] = ["imaging::io", "network", "inference::pipeline", "inference::runner"];

#[test]
fn files_stay_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|source| (source.path, source.text.lines().count()))
        .filter(|(_, lines)| *lines > CEILING)
        .collect();
    assert!(long.is_empty(), "split these files, their limit is {CEILING} lines: {long:?}");
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|s| !s.text.starts_with("//!")).map(|s| s.path).collect();
    assert!(silent.is_empty(), "these files have no module documentation: {silent:?}");
}

#[test]
fn modules_name_only_what_they_may() {
    let mut broken = Vec::new();
    for source in sources() {
        let inside = |folders: &[&str]| folders.iter().any(|folder| source.path.starts_with(folder));
        let named = source.named();
        let mut forbid = |path: &str| {
            let names = |name: &&String| *name == path || name.starts_with(&format!("{path}::"));
            broken.extend(named.iter().find(names).map(|name| format!("{}: {name}", source.path.display())));
        };
        let rules = RULES.iter().filter(|(_, allowed, scope)| inside(&[scope]) && !inside(allowed));
        rules.for_each(|(path, ..)| forbid(path));
        if inside(&DATA) {
            NOT_FOR_DATA.iter().for_each(|path| forbid(path));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_engine_names_no_option_of_the_command_line() {
    let names_one = |text: &String| {
        let mut rest = text.split("--").skip(1);
        rest.any(|after| after.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let mut broken = Vec::new();
    for source in sources().into_iter().filter(|source| source.path.starts_with("engine")) {
        let mut texts = Texts(Vec::new());
        texts.visit_file(&syn::parse_file(&source.text).expect("the sources compile"));
        broken.extend(texts.0.into_iter().filter(names_one).map(|text| (source.path.clone(), text)));
    }
    assert!(broken.is_empty(), "`app/src/cli/errors.rs` says which option it is: {broken:#?}");
}

#[test]
fn only_kernels_are_unsafe() {
    let open: Vec<_> = sources()
        .into_iter()
        .filter(|s| s.path.ends_with("src/lib.rs") && !s.path.starts_with("engine/network"))
        .filter(|s| !s.text.contains("#![forbid(unsafe_code)]"))
        .map(|s| s.path)
        .collect();
    assert!(open.is_empty(), "these crates do not forbid unsafe code: {open:?}");
}

/// A Rust file of the workspace, with its path relative to the top.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Every path that the file names, in `use` items and elsewhere, from the crate's name on where it says `crate`.
    fn named(&self) -> Vec<String> {
        let file = syn::parse_file(&self.text).expect("the sources compile");
        let mut names = Names { own: self.own_crate(), found: Vec::new() };
        names.visit_file(&file);
        names.found
    }

    fn own_crate(&self) -> String {
        let mut parts = self.path.iter().map(|part| part.to_string_lossy());
        match (parts.next().as_deref(), parts.next().as_deref()) {
            (Some("app"), _) => "exemplar".into(),
            (Some("engine"), Some("src") | None) => "exemplar_engine".into(),
            (Some("engine"), Some(name)) => name.into(),
            _ => "tests".into(),
        }
    }
}

struct Names {
    own: String,
    found: Vec<String>,
}

impl Names {
    fn add(&mut self, path: String) {
        let path = match path.strip_prefix("crate") {
            Some(rest) if rest.is_empty() || rest.starts_with("::") => format!("{}{rest}", self.own),
            _ => path,
        };
        self.found.push(path);
    }

    fn tree(&mut self, before: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| {
            if before.is_empty() { name.to_string() } else { format!("{before}::{name}") }
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(&join(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(join(&name.ident)),
            syn::UseTree::Rename(name) => self.add(join(&name.ident)),
            syn::UseTree::Glob(_) => self.add(before.to_owned()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(before, item)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree("", &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // A single name is a variable or was imported.
        if path.segments.len() > 1 {
            let parts: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(parts.join("::"));
        }
        visit::visit_path(self, path);
    }
}

/// The string literals of a file, and the contents of its macros and attributes; not its documentation.
struct Texts(Vec<String>);

impl<'ast> Visit<'ast> for Texts {
    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.push(text.value());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.0.push(call.tokens.to_string());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.0.push(list.tokens.to_string());
        }
    }
}

fn sources() -> Vec<Source> {
    let top =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace");
    let mut found = Vec::new();
    for folder in ["app", "engine", "tests"] {
        collect(&top.join(folder), top, &mut found);
    }
    assert!(found.len() > 20, "the walk finds the sources");
    found
}

fn collect(folder: &Path, top: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, top, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("the source is text");
            found.push(Source { path: path.strip_prefix(top).expect("below the top").into(), text });
        }
    }
}
