//! Archives whose bytes depend on nothing but their content: files in order, of one time, of no owner.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

/// A `.tar.gz` whose files lie in one folder.
pub(crate) struct Archive {
    root: String,
    time: u64,
    files: Builder<GzEncoder<Vec<u8>>>,
}

impl Archive {
    /// An empty one. Its files will lie in the folder `root` and have this time, in seconds since 1970.
    pub(crate) fn new(root: &str, time: u64) -> Self {
        Self {
            root: root.to_owned(),
            time,
            files: Builder::new(GzEncoder::new(Vec::new(), Compression::best())),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// Its name is too long.
    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.add(name, bytes, 0o644)
    }

    /// Adds a file that can be run.
    ///
    /// # Errors
    /// Its name is too long.
    pub(crate) fn program(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.add(name, bytes, 0o755)
    }

    /// Adds all files of the folder `name` in `parent`, by their names.
    ///
    /// # Errors
    /// One cannot be read.
    pub(crate) fn folder(&mut self, name: &str, parent: &Path) -> Result<()> {
        let entries = fs::read_dir(parent.join(name)).with_context(|| name.to_owned())?;
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let file = entry.file_name();
            let file = file.to_str().context("a file's name is not UTF-8")?;
            let file = format!("{name}/{file}");
            if entry.file_type()?.is_dir() {
                self.folder(&file, parent)?;
            } else {
                self.file(&file, &fs::read(entry.path())?)?;
            }
        }
        Ok(())
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// None is expected: all is in memory.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.files.into_inner()?.finish()?)
    }

    fn add(&mut self, name: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len().try_into()?);
        header.set_mode(mode);
        header.set_mtime(self.time);
        let path = format!("{}/{name}", self.root);
        Ok(self.files.append_data(&mut header, path, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Archive;

    fn packed(order: [&str; 2]) -> Vec<u8> {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir_all(parent.path().join("all/within")).unwrap();
        for name in order {
            fs::write(parent.path().join("all").join(name), name).unwrap();
        }
        let mut archive = Archive::new("root", 7);
        archive.program("run", b"#!").unwrap();
        archive.folder("all", parent.path()).unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn the_same_files_are_the_same_bytes() {
        let archive = packed(["a", "within/b"]);
        assert_eq!(archive, packed(["within/b", "a"]));
        let mut files = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
        let files = files.entries().unwrap().map(|file| {
            let file = file.unwrap();
            let header = file.header();
            let path = file.path().unwrap().display().to_string();
            (path, header.mode().unwrap(), header.mtime().unwrap())
        });
        let expected = [
            ("root/run".to_owned(), 0o755, 7),
            ("root/all/a".to_owned(), 0o644, 7),
            ("root/all/within/b".to_owned(), 0o644, 7),
        ];
        assert_eq!(files.collect::<Vec<_>>(), expected);
    }
}
