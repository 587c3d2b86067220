//! The URL of a call, as curl 7.88 changes it before it asks.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Result, bail};
use form_urlencoded::byte_serialize;
use percent_encoding::percent_decode_str;

/// A URL in its parts. A fragment stays with the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    scheme: String,
    /// The user and the password, with a colon between them.
    pub(super) credentials: Option<Vec<u8>>,
    host: String,
    path: String,
    query: Option<String>,
}

impl Url {
    /// Reads a URL, whose scheme may be missing.
    ///
    /// # Errors
    /// curl refuses it, or asks for several in its place.
    pub(super) fn read(url: &str, is_glob: bool) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (authority, rest) = cut(rest, &['/', '?', '#']);
        let (rest, _fragment) = cut(rest, &['#']);
        let (path, query) = cut(rest, &['?']);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if is_glob && rest.contains(['{', '}', '[', ']']) {
            bail!(
                "curl: `{url}` has braces or brackets, which curl takes for several URLs: add `-g`, or escape them"
            );
        }
        let url = Self {
            scheme: scheme.to_ascii_lowercase(),
            credentials: user.map(credentials),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.strip_prefix('?').map(str::to_owned),
        };
        url.sound()
    }

    /// The same without what curl refuses.
    fn sound(self) -> Result<Self> {
        let refused = |c: char| c == ' ' || c.is_ascii_control();
        let parts = [
            &self.host,
            &self.path,
            self.query.as_ref().unwrap_or(&self.host),
        ];
        if parts.iter().any(|part| part.contains(refused)) {
            bail!("curl: the URL has a space or a control character: escape it, a space as `%20`");
        }
        Ok(self)
    }

    /// Leaves `.` and `..` out of the path, as curl does but for `--path-as-is`. Those that are escaped stay.
    pub(super) fn squash(&mut self) {
        let mut kept: Vec<&str> = Vec::new();
        let mut segments = self.path.split('/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            match segment {
                "." => {}
                ".." => {
                    kept.pop();
                }
                segment => {
                    kept.push(segment);
                    continue;
                }
            }
            if is_last {
                kept.push("");
            }
        }
        if !self.path.is_empty() {
            self.path = format!("/{}", kept.join("/"));
        }
    }

    /// Adds the name of the file that `-T` sends, if the path ends with `/`.
    pub(super) fn name(&mut self, file: &str) {
        let name = Path::new(file).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        if name == "-" || !(self.path.is_empty() || self.path.ends_with('/')) {
            return;
        }
        if self.path.is_empty() {
            self.path.push('/');
        }
        let escaped = byte_serialize(name.as_bytes());
        self.path.extend(escaped.map(|part| match part {
            "+" => "%20",
            part => part,
        }));
    }

    /// Adds parameters, up to a `#`.
    ///
    /// # Errors
    /// curl refuses them.
    pub(super) fn ask(mut self, parameters: &str) -> Result<Self> {
        let (parameters, _fragment) = cut(parameters, &['#']);
        self.query = Some(match self.query {
            Some(query) if !query.is_empty() => format!("{query}&{parameters}"),
            _ => parameters.to_owned(),
        });
        self.sound()
    }

    /// The URL without credentials. Bytes of the path that are not ASCII are escaped; a query goes as it is.
    pub(super) fn text(&self) -> String {
        let escaped = |c: char| match c.is_ascii() {
            true => c.to_string(),
            false => byte_serialize(c.to_string().as_bytes()).collect(),
        };
        let path: String = self.path.chars().map(escaped).collect();
        let query = self.query.as_ref().map(|query| format!("?{query}"));
        let (scheme, host) = (&self.scheme, &self.host);
        format!("{scheme}://{host}{path}{}", query.unwrap_or_default())
    }
}

/// A text up to one of these, and from there.
fn cut<'t>(text: &'t str, at: &[char]) -> (&'t str, &'t str) {
    let place = text.find(at).unwrap_or(text.len());
    text.split_at_checked(place).unwrap_or((text, ""))
}

/// What stands before `@`.
fn credentials(user: &str) -> Vec<u8> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let [name, password] = [name, password].map(|part| Cow::from(percent_decode_str(part)));
    [&*name, b":", &*password].concat()
}
