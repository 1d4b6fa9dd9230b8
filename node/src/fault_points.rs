//! The list of fault points and the code say the same.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names with whether an answer can be lost, as the code has them; every one once.
fn in_code() -> BTreeSet<(String, bool)> {
    let mut files = Vec::new();
    for crate_of_ours in ["model", "storage", "raft", "conductor", "drivers", "api", "node"] {
        sources(&root().join(crate_of_ours).join("src"), &mut files);
    }
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|file| {
        !file.ends_with("model/src/fault.rs")
            && !file.ends_with("node/src/fault_points.rs")
            && !file.components().any(|part| part.as_os_str() == "faults")
    }) {
        let text = fs::read_to_string(file).unwrap();
        for rest in text.split("fault_point!(").skip(1) {
            let rest = rest.trim_start().strip_prefix('"').unwrap_or_else(|| panic!("{}: a point without a literal name", file.display()));
            let (name, rest) = rest.split_once('"').unwrap();
            let lossy = rest.trim_start().starts_with(',');
            assert!(found.insert((name.to_owned(), lossy)), "{name} is there twice, again in {}", file.display());
        }
    }
    found
}

fn in_list() -> BTreeSet<(String, bool)> {
    let text = fs::read_to_string(root().join("deploy/fault-points.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once("` | ").unwrap();
        (name.to_owned(), rest.starts_with("yes |"))
    })
    .collect()
}

#[test]
fn the_list_of_fault_points_is_that_of_the_code() {
    let (code, list) = (in_code(), in_list());
    let only = |these: &BTreeSet<_>, those: &BTreeSet<_>| these.difference(those).cloned().collect::<Vec<(String, bool)>>();
    assert_eq!((only(&code, &list), only(&list, &code)), (Vec::new(), Vec::new()), "(only in the code, only in the list)");
}
