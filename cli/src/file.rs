//! A configuration as it is given.

use std::fmt;

/// A text, and what the file is called that it is from: Envoy reads a file by its name.
#[derive(Clone, Copy, Debug)]
pub struct File<'f> {
    pub(crate) name: Option<&'f str>,
    pub(crate) text: &'f str,
}

impl<'f> File<'f> {
    /// A file that is called so; `-` is standard input, which has no name.
    pub fn named(name: &'f str, text: &'f str) -> Self {
        let name = Some(name).filter(|name| *name != "-");
        Self { name, text }
    }

    /// A text that is in no file.
    pub fn unnamed(text: &'f str) -> Self {
        Self { name: None, text }
    }
}

impl fmt::Display for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.unwrap_or("the configuration"))
    }
}
