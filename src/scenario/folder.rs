//! Folders of scenario files: what stands in them, and why one cannot be read or written.
//!
//! It opens no file; see [`super::read`].

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Something that could not be done with a file or folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied(String);

impl Denied {
    /// What could not be done, with what, and why: `cannot write a.json: permission denied`.
    pub(super) fn new(doing: &str, path: &Path, error: &io::Error) -> Denied {
        Denied(format!("cannot {doing} {}: {}", path.display(), reason(error)))
    }

    fn deep(folder: &Path) -> Denied {
        Denied(format!("{} is more than 32 folders deep: is it a circle?", folder.display()))
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Denied {}

/// An operating system's reason, without its number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::StorageFull => "no space left".into(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        _ => error.to_string(),
    }
}

/// All scenario files at or below these paths, in order of path, each once.
///
/// # Errors
/// If a path is not there or a folder cannot be read.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Denied> {
    let mut found = Vec::new();
    for path in paths {
        let data = std::fs::metadata(path).map_err(|error| Denied::new("read", path, &error))?;
        if data.is_dir() { below(path, 0, &mut found)? } else { found.push(path.clone()) }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn below(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> Result<(), Denied> {
    if depth > 32 {
        return Err(Denied::deep(folder));
    }
    let fail = |error| Denied::new("read the folder", folder, &error);
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        entries.push(entry.map_err(fail)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            below(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "json" || extension == "jsonc") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_below_folders_in_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("b");
        std::fs::create_dir(&inner).unwrap();
        for name in ["c.json", "a.json", "b/x.jsonc", "notes.md", ".hidden.json"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let all = files(&[folder.path().to_path_buf(), folder.path().join("a.json")]).unwrap();
        let names: Vec<_> =
            all.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.json", "b/x.jsonc", "c.json"]);
    }
}
