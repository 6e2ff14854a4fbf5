//! Keeps findings as files and never overwrites one; a story of the catalogue is replaced under its own name.
//!
//! It knows texts and names, not what stands in them. A finding is written beside its place and then linked there, which
//! fails if somebody was faster; so a reader never sees half a file, and two campaigns in one folder do not destroy each
//! other's findings. On a file system without links the place is first taken by an empty file, and the finished one is
//! then put over it: nothing is overwritten there either, but a reader may find the file empty for an instant.

use super::folder::Denied;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Saved {
    /// It stands in this new file.
    New(PathBuf),
    /// The same finding stands there already.
    Already(PathBuf),
}

impl Saved {
    /// Where it stands.
    pub fn path(&self) -> &Path {
        match self {
            Saved::New(path) | Saved::Already(path) => path,
        }
    }
}

/// The name under which a finding is kept, without folder: `<invariant>-<four hexadecimal digits of the signature>.json`.
pub fn file_name(invariant: &str, signature: &str) -> String {
    format!("{invariant}-{}.json", &digits(signature)[..4])
}

/// A signature as sixteen hexadecimal digits (FNV-1a of its text).
pub fn digits(signature: &str) -> String {
    let hash = signature
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// Keeps a finding in `folder`. Another finding of the same name is left alone: this one gets a number behind its name.
/// `same` says whether the text of a file that is there already is this very finding.
///
/// # Errors
/// If the folder cannot be made or written, naming it.
pub fn save(folder: &Path, name: &str, text: &str, same: &dyn Fn(&str) -> bool) -> Result<Saved, Denied> {
    fs::create_dir_all(folder).map_err(|error| Denied::new("make the folder", folder, &error))?;
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let beside = folder.join(unfinished(stem));
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&beside);
        return Err(Denied::new("write", &folder.join(name), &error));
    }
    let saved = place(folder, stem, &beside, text, same);
    let _ = fs::remove_file(&beside);
    saved
}

/// Puts a text in a file of this name, in the place of any that is there; a reader sees the old one or the new one.
///
/// # Errors
/// If the folder cannot be made or written, naming it.
#[cfg(feature = "cli")]
pub fn replace(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Denied> {
    fs::create_dir_all(folder).map_err(|error| Denied::new("make the folder", folder, &error))?;
    let (path, beside) = (folder.join(name), folder.join(unfinished(name)));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        Denied::new("write", &path, &error)
    })?;
    Ok(path)
}

/// A hidden name that nobody else uses, whatever process or thread saves the same finding at the same time.
fn unfinished(name: &str) -> String {
    static SAVED: AtomicU64 = AtomicU64::new(0);
    format!(".{name}-{}-{}.tmp", std::process::id(), SAVED.fetch_add(1, Ordering::Relaxed))
}

fn place(folder: &Path, stem: &str, beside: &Path, text: &str, same: &dyn Fn(&str) -> bool) -> Result<Saved, Denied> {
    for n in 1.. {
        let path = folder.join(if n == 1 { format!("{stem}.json") } else { format!("{stem}-{n}.json") });
        match link_new(beside, &path) {
            Ok(()) => return Ok(Saved::New(path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if fs::read_to_string(&path).is_ok_and(|there| there == text || same(&there)) {
                    return Ok(Saved::Already(path));
                }
            }
            Err(error) => return Err(Denied::new("write", &path, &error)),
        }
    }
    unreachable!("a folder does not hold every number")
}

/// Puts the finished file in its place unless something is there.
fn link_new(beside: &Path, path: &Path) -> std::io::Result<()> {
    match fs::hard_link(beside, path) {
        Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::StorageFull) => {
            move_new(beside, path)
        }
        result => result,
    }
}

/// The same without links: whoever makes the empty file owns the place.
fn move_new(beside: &Path, path: &Path) -> std::io::Result<()> {
    fs::File::create_new(path)?;
    fs::rename(beside, path).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_never_overwrites_another() {
        let folder = tempfile::tempdir().unwrap();
        let first = save(folder.path(), "a-12ab.json", "one", &|_| false).unwrap();
        let second = save(folder.path(), "a-12ab.json", "two", &|_| false).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(fs::read_to_string(first.path()).unwrap(), "one");
        assert_eq!(fs::read_to_string(second.path()).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn without_links_a_finding_never_overwrites_another_either() {
        let folder = tempfile::tempdir().unwrap();
        let [beside, path] = [".a.tmp", "a.json"].map(|name| folder.path().join(name));
        fs::write(&beside, "one").unwrap();
        move_new(&beside, &path).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), beside.exists()), ("one", false));

        fs::write(&beside, "two").unwrap();
        assert_eq!(move_new(&beside, &path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");

        let other = folder.path().join("b.json");
        assert!(move_new(&folder.path().join(".gone.tmp"), &other).is_err() && !other.exists(), "no empty file stays");
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_story_of_the_catalogue_replaces_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["one", "two"] {
            let path = replace(&folder.path().join("catalogue"), "B01.json", text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left behind");
        }
    }

    #[test]
    fn the_same_finding_is_saved_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = save(folder.path(), "a-12ab.json", "one", &|_| false).unwrap();
        let again = save(folder.path(), "a-12ab.json", "one", &|_| false).unwrap();
        assert_eq!(again, Saved::Already(first.path().to_path_buf()));
    }

    #[test]
    fn a_file_with_the_same_finding_in_other_words_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let first = save(folder.path(), "a-12ab.json", "one", &|_| false).unwrap();
        let again = save(folder.path(), "a-12ab.json", "eins", &|there| there == "one").unwrap();
        assert_eq!(again, Saved::Already(first.path().to_path_buf()));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = save(&file.join("findings"), "a-12ab.json", "one", &|_| false).unwrap_err().to_string();
        assert!(error.contains("cannot make the folder") && error.contains("findings"), "{error}");
    }

    #[test]
    fn a_name_holds_the_invariant_and_four_digits() {
        let name = file_name("stock-never-negative", "sell · sell");
        let digits = name.strip_prefix("stock-never-negative-").and_then(|rest| rest.strip_suffix(".json")).unwrap();
        assert_eq!((digits.len(), digits.chars().all(|c| c.is_ascii_hexdigit())), (4, true));
        assert_ne!(name, file_name("stock-never-negative", "sell, sell"));
    }
}
