//! Folders for what is temporary.
//!
//! A process that is killed removes nothing. So each folder is locked by the process that it is of, and whoever makes
//! one removes those that no one holds any more.

use std::{
    env,
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::TempDir;

/// What their names begin with.
const NAME: &str = "backup-chain-local-";

/// The file in a folder that its process holds locked.
const LOCK: &str = "lock";

/// A folder that is removed when it is dropped, or else by the next process that makes one.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new() -> io::Result<Self> {
        Self::beside(&env::temp_dir())
    }

    fn beside(place: &Path) -> io::Result<Self> {
        for entry in fs::read_dir(place)?.flatten() {
            let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME));
            if is_ours && is_left(&entry.path()) {
                // Another process may be about to do the same.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let folder = TempDir::with_prefix_in(NAME, place)?;
        // Locked before it has its name: no one finds it free meanwhile.
        let unnamed = folder.path().join("unlocked");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, folder.path().join(LOCK))?;
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Whether no one holds a folder. One without a lock is just being made.
fn is_left(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let held = Scratch::beside(place.path()).unwrap();
        let left = place.path().join("backup-chain-local-left");
        let begun = place.path().join("backup-chain-local-begun");
        let other = place.path().join("other");
        for folder in [&left, &begun, &other] {
            fs::create_dir(folder).unwrap();
        }
        for folder in [&left, &other] {
            File::create(folder.join(LOCK)).unwrap();
        }
        let next = Scratch::beside(place.path()).unwrap();
        assert_eq!([&left, &begun, &other].map(|folder| folder.exists()), [false, true, true]);
        let path = held.path().to_owned();
        assert!(path.exists() && path != next.path());
        drop(held);
        assert!(!path.exists());
    }
}
