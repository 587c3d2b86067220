//! The parts of `multipart/form-data` that `-F` makes.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::ReadFile;

/// What separates the parts.
const BOUNDARY: &str = "------------------------rustformations";

/// The keys that may follow a part's content.
const KEYS: [&str; 4] = ["type", "filename", "headers", "encoder"];

/// What curl takes a file for, by the end of its name.
const TYPES: [(&str, &str); 10] = [
    ("gif", "image/gif"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("pdf", "application/pdf"),
    ("xml", "application/xml"),
];

/// A body of parts.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<u8>);

impl Form {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `content-type` of such a body.
    pub(super) fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// The body, with its end.
    pub(super) fn body(mut self) -> Vec<u8> {
        let end = format!("--{BOUNDARY}--\r\n");
        self.0.extend_from_slice(end.as_bytes());
        self.0
    }

    /// Adds `name=value`, `name=@file` or `name=<file`, with `;type=…` and `;filename=…`.
    pub(super) fn add(&mut self, text: &str, file: ReadFile<'_>) -> Result<()> {
        let (name, value) = named(text)?;
        let mark = value
            .chars()
            .next()
            .filter(|mark| ['@', '<'].contains(mark));
        let (source, rest) = word(value.trim_start_matches(['@', '<']));
        let options = Options::read(text, rest)?;
        match mark {
            Some(mark) => {
                if source.contains(',') && mark == '@' {
                    bail!("curl: `{text}` names several files; write an `-F` for each");
                }
                let content = file(&source)?;
                let own = Path::new(&source).file_name().unwrap_or_default();
                let own = own.to_string_lossy();
                let filename = options.filename.as_deref();
                let filename = filename.or((mark == '@').then_some(&*own));
                let guessed = guessed(filename.unwrap_or(&own));
                let kind = options.kind.or((mark == '@').then(|| guessed.to_owned()));
                self.part(name, filename, kind.as_deref(), &content);
            }
            None => {
                let (filename, kind) = (options.filename, options.kind);
                self.part(
                    name,
                    filename.as_deref(),
                    kind.as_deref(),
                    source.as_bytes(),
                );
            }
        }
        Ok(())
    }

    /// Adds `name=value`, the value as it is.
    pub(super) fn add_text(&mut self, text: &str) -> Result<()> {
        let (name, value) = named(text)?;
        self.part(name, None, None, value.as_bytes());
        Ok(())
    }

    fn part(&mut self, name: &str, filename: Option<&str>, kind: Option<&str>, content: &[u8]) {
        let mut head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some(filename) = filename {
            head += &format!("; filename=\"{filename}\"");
        }
        if let Some(kind) = kind {
            head += &format!("\r\ncontent-type: {kind}");
        }
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(b"\r\n\r\n");
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
    }
}

fn named(text: &str) -> Result<(&str, &str)> {
    text.split_once('=')
        .with_context(|| format!("curl: `{text}` is no part of a form: write `name=value`"))
}

/// The content up to `;`, or within quotes, and what follows it.
fn word(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (word.to_owned(), rest);
    };
    let mut word = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return (word, letters.as_str()),
            '\\' => word.extend(letters.next()),
            letter => word.push(letter),
        }
    }
    // Nothing ends the quotes: they are part of the content.
    (text.to_owned(), "")
}

/// What follows the content of a part.
#[derive(Debug, Default)]
struct Options {
    kind: Option<String>,
    filename: Option<String>,
}

impl Options {
    fn read(text: &str, rest: &str) -> Result<Self> {
        let mut options = Self::default();
        for option in rest.split(';').skip(1) {
            let trimmed = option.trim_start();
            let (key, value) = trimmed.split_once('=').unwrap_or((trimmed, ""));
            match (key, &mut options.kind) {
                ("type", kind) => *kind = Some(value.to_owned()),
                ("filename", _) => options.filename = Some(word(value).0),
                (key, _) if KEYS.contains(&key) => {
                    bail!("curl: `{key}` of the part `{text}` is not known here; leave it out")
                }
                // A parameter of the type, such as `charset`.
                (_, Some(kind)) => *kind += &format!(";{option}"),
                (key, None) => bail!(
                    "curl: the part `{text}` has `{key}` after `;`: put the value in double quotes, or use `--form-string`"
                ),
            }
        }
        Ok(options)
    }
}

/// The type of a file by its name.
fn guessed(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let found = TYPES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(end));
    found.map_or("application/octet-stream", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::Form;

    /// What curl 7.88 sends for these parts, without its boundary.
    fn sent(parts: &[&str]) -> Result<String, String> {
        let file = |path: &str| match path {
            "f.json" | "dir/a b.txt" => Ok(b"{}".to_vec()),
            other => bail!("{other}: cannot be read"),
        };
        let mut form = Form::default();
        for part in parts {
            form.add(part, &file).map_err(|error| error.to_string())?;
        }
        let body = String::from_utf8(form.body()).unwrap();
        Ok(body
            .replace("--------------------------rustformations", "*")
            .replace("\r\n", "|"))
    }

    #[test]
    fn a_part_is_what_curl_makes_of_it() {
        for (part, expected) in [
            ("a=x", "name=\"a\"||x|"),
            (
                "a=@f.json",
                "name=\"a\"; filename=\"f.json\"|content-type: application/octet-stream||{}|",
            ),
            (
                "a=@dir/a b.txt",
                "name=\"a\"; filename=\"a b.txt\"|content-type: text/plain||{}|",
            ),
            ("a=<f.json", "name=\"a\"||{}|"),
            (
                "a=<f.json;type=application/json",
                "name=\"a\"|content-type: application/json||{}|",
            ),
            (
                "a=@f.json;filename=z.bin;type=application/json",
                "name=\"a\"; filename=\"z.bin\"|content-type: application/json||{}|",
            ),
            (
                "a=x;type=text/plain;charset=utf-8",
                "name=\"a\"|content-type: text/plain;charset=utf-8||x|",
            ),
            ("a=\"x;y\"", "name=\"a\"||x;y|"),
            (r#"a="x\"y""#, "name=\"a\"||x\"y|"),
        ] {
            let expected = format!("*|content-disposition: form-data; {expected}*--|");
            assert_eq!(sent(&[part]), Ok(expected), "{part}");
        }
    }

    #[test]
    fn what_is_not_played_is_named() {
        for (part, message) in [
            ("nonsense", "`nonsense` is no part of a form"),
            ("a=@f.json,g.json", "names several files"),
            ("a=x;y", "has `y` after `;`: put the value in double quotes"),
            ("a=x;headers=@h", "`headers` of the part"),
            ("a=@nothing", "nothing: cannot be read"),
        ] {
            let error = sent(&[part]).unwrap_err();
            assert!(error.contains(message), "{part}: {error}");
        }
    }
}
