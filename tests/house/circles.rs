//! Files that import each other, by way of others too. Who names what a file passes on imports the
//! file that it comes from, so a room's `mod.rs` may pass on what lies in the room.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::tree;
use super::text::{File, words};

type Module = Vec<String>;

/// The circles of imports among these files, each as its files in order.
pub fn circles(files: &[File]) -> Vec<Vec<String>> {
    let modules: BTreeMap<Module, &File> = files.iter().map(|file| (module(file), file)).collect();
    let passed_on: BTreeMap<&Module, BTreeMap<String, Vec<String>>> =
        modules.iter().map(|(at, file)| (at, passed_on(file))).collect();
    let house = House { modules: &modules, passed_on };
    let imports: BTreeMap<&Module, BTreeSet<Module>> =
        modules.iter().map(|(at, file)| (at, house.imports(at, file))).collect();
    let reached = |from: &Module| {
        let mut seen: BTreeSet<Module> = BTreeSet::new();
        let mut next: Vec<Module> = imports[from].iter().cloned().collect();
        while let Some(at) = next.pop() {
            if seen.insert(at.clone()) {
                next.extend(imports[&at].iter().cloned());
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> =
        modules.keys().map(|at| (at, reached(at))).collect();
    let mut found = BTreeSet::new();
    for (at, there) in &reached {
        let circle = there.iter().filter(|other| reached[other].contains(*at));
        let circle: Vec<String> = circle.map(|other| modules[other].path.clone()).collect();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

struct House<'a> {
    modules: &'a BTreeMap<Module, &'a File>,
    /// For each file, the names it passes on, and where they come from.
    passed_on: BTreeMap<&'a Module, BTreeMap<String, Vec<String>>>,
}

impl House<'_> {
    /// What a file imports.
    fn imports(&self, at: &Module, file: &File) -> BTreeSet<Module> {
        let code = &file.shipped;
        let skipped: Vec<_> = passes(code).map(|(start, end, _)| start..end).collect();
        let children = self.modules.keys().filter(|other| other.len() == at.len() + 1);
        let children =
            children.filter(|other| other.starts_with(at)).map(|other| &*other[at.len()]);
        let mut found = BTreeSet::new();
        for root in ["crate", "super", "self"].into_iter().chain(children) {
            for start in words(code, root) {
                let before = code[..start].trim_end_matches(' ');
                let is_path = code[start + root.len()..].starts_with("::");
                let is_first = !before.ends_with("::") && !before.ends_with("(in");
                if !is_path || !is_first || skipped.iter().any(|range| range.contains(&start)) {
                    continue;
                }
                let paths = tree(&code[start..]);
                found.extend(paths.iter().filter_map(|path| self.resolve(at, path, 8)));
            }
        }
        found.remove(at);
        found
    }

    /// The file in which a path ends, as a file names it.
    fn resolve(&self, at: &Module, path: &[String], passes: u32) -> Option<Module> {
        let mut base = at.clone();
        let mut rest = path;
        while let [first, more @ ..] = rest {
            match &**first {
                "crate" => base.clear(),
                "super" => _ = base.pop(),
                "self" => {}
                _ => break,
            }
            rest = more;
        }
        while let [first, more @ ..] = rest {
            let deeper = [&*base, std::slice::from_ref(first)].concat();
            if !self.modules.contains_key(&deeper) {
                break;
            }
            (base, rest) = (deeper, more);
        }
        let passed = rest.first().and_then(|name| self.passed_on.get(&base)?.get(name));
        match passed.filter(|_| passes > 0) {
            Some(from) => self.resolve(&base, &[from, &rest[1..]].concat(), passes - 1),
            None => self.modules.contains_key(&base).then_some(base),
        }
    }
}

/// The names that a file passes on, and where they come from.
fn passed_on(file: &File) -> BTreeMap<String, Vec<String>> {
    let paths = passes(&file.shipped).flat_map(|(.., paths)| paths);
    paths.filter_map(|path| Some((path.last()?.clone(), path))).collect()
}

/// The `pub use` lines of a file: from where to where, and the paths.
fn passes(code: &str) -> impl Iterator<Item = (usize, usize, Vec<Vec<String>>)> + '_ {
    words(code, "use").filter_map(|at| {
        let before = code[..at].trim_end();
        let before = match before.strip_suffix(')') {
            Some(inside) => inside.rsplit_once('(')?.0,
            None => before,
        };
        let end = at + code[at..].find(';')?;
        before.ends_with("pub").then(|| (at, end, tree(&code[at + 3..end])))
    })
}

fn module(file: &File) -> Module {
    let stem = file.inside().trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if stem == "lib" { Vec::new() } else { stem.split('/').map(Into::into).collect() }
}
