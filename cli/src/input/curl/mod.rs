//! The arguments of curl, as documentation and browsers' "copy as cURL" have them.

mod form;
mod options;
mod url;

use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cases::{Body, Fields, Message};
use form_urlencoded::byte_serialize;

use form::Form;
use options::Argument;
use url::Url;

/// What was found so far.
#[derive(Debug, Default)]
struct Call {
    method: Option<String>,
    url: Option<String>,
    /// What `-H` gives.
    fields: Fields,
    /// What `-u` and `--oauth2-bearer` give.
    user: Option<String>,
    token: Option<String>,
    /// The headers that other options stand for.
    implied: Vec<(&'static str, String)>,
    /// Names that `-H 'name:'` removes.
    removed: Vec<String>,
    /// What `-d` and its kin send.
    data: Option<Vec<u8>>,
    /// What `--url-query` adds to the URL.
    query: Vec<Vec<u8>>,
    form: Form,
    /// The file of `-T`, and what is in it.
    upload: Option<(String, Vec<u8>)>,
    is_json: bool,
    in_query: bool,
    head: bool,
    path_as_is: bool,
    no_glob: bool,
}

/// The request of a call of curl, as [`request`], that names no file.
///
/// # Errors
/// As [`request`]; a file is one too.
pub(crate) fn request_without_files(arguments: &[String]) -> Result<Message> {
    called(arguments, &|path| {
        bail!("curl: the file {path} is not read here")
    })
}

/// The request of a call of curl, the name `curl` itself left out or not.
///
/// # Errors
/// An option is not known, or its value or the URL is missing, or a file cannot be read.
pub fn request(arguments: &[String]) -> Result<Message> {
    called(arguments, &|path| super::bytes(Path::new(path)))
}

/// Reads a file that the call names.
type ReadFile<'r> = &'r dyn Fn(&str) -> Result<Vec<u8>>;

fn called(arguments: &[String], file: ReadFile<'_>) -> Result<Message> {
    let mut call = Call::default();
    for argument in options::arguments(arguments)? {
        match argument {
            Argument::Option(name, value) => call.option(name, value, file)?,
            Argument::Url(url) => call.url(url)?,
        }
    }
    call.message()
}

/// A value, or with `@` what is in a file.
fn at_file(value: &str, file: ReadFile<'_>) -> Result<Vec<u8>> {
    match value.strip_prefix('@') {
        Some(path) => file(path),
        None => Ok(value.as_bytes().to_vec()),
    }
}

/// `name=value`, `value`, `name@file` or `@file`, the value encoded as in a form.
fn urlencoded(text: &str, file: ReadFile<'_>) -> Result<Vec<u8>> {
    let (name, value) = match text
        .find(['=', '@'])
        .and_then(|at| text.split_at_checked(at))
    {
        None => ("", text.as_bytes().to_vec()),
        Some((name, rest)) => match rest.strip_prefix('@') {
            Some(path) => (name, file(path)?),
            None => (
                name,
                rest.strip_prefix('=').unwrap_or(rest).as_bytes().to_vec(),
            ),
        },
    };
    let encoded: String = byte_serialize(&value).collect();
    // curl encodes `*`, and not `~`.
    let encoded = encoded.replace('*', "%2A").replace("%7E", "~");
    Ok(match name {
        "" => encoded.into_bytes(),
        name => format!("{name}={encoded}").into_bytes(),
    })
}

impl Call {
    fn option(&mut self, name: &str, value: &str, file: ReadFile<'_>) -> Result<()> {
        match name {
            "request" => self.method = Some(value.to_owned()),
            "header" => match value.strip_prefix('@') {
                Some(path) => self.header_file(&file(path)?),
                None => self.header(value)?,
            },
            "data" | "data-ascii" => {
                let mut data = at_file(value, file)?;
                if value.starts_with('@') {
                    data.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                self.data(b"&", &data);
            }
            "data-binary" => self.data(b"&", &at_file(value, file)?),
            "data-raw" => self.data(b"&", value.as_bytes()),
            "data-urlencode" => self.data(b"&", &urlencoded(value, file)?),
            "json" => {
                self.is_json = true;
                self.data(b"", &at_file(value, file)?);
            }
            "form" => self.form.add(value, file)?,
            "form-string" => self.form.add_text(value)?,
            "upload-file" => self.upload = Some((value.to_owned(), file(value)?)),
            "user" if !value.contains(':') => {
                bail!("curl: `-u` without a password asks for it; write `-u user:password`")
            }
            "user" => self.user = Some(value.to_owned()),
            "oauth2-bearer" => self.token = Some(value.to_owned()),
            "user-agent" if value.is_empty() => self.removed.push("user-agent".to_owned()),
            "user-agent" => self.set("user-agent", value.to_owned()),
            "referer" => self.set("referer", value.trim_end_matches(";auto").to_owned()),
            "cookie" => self.cookie(value)?,
            "range" => self.set("range", format!("bytes={value}")),
            "compressed" => {
                self.set("accept-encoding", "deflate, gzip, br, zstd".to_owned());
            }
            "get" => self.in_query = true,
            "head" => self.head = true,
            "path-as-is" => self.path_as_is = true,
            "globoff" => self.no_glob = true,
            "url" => self.url(value)?,
            "url-query" => self.query.push(match value.strip_prefix('+') {
                Some(as_it_is) => as_it_is.as_bytes().to_vec(),
                None => urlencoded(value, file)?,
            }),
            other => bail!("curl: the option `--{other}` is not played"),
        }
        Ok(())
    }

    fn url(&mut self, url: &str) -> Result<()> {
        if let Some(first) = &self.url {
            bail!("curl: `{first}` and `{url}` are two requests; give one URL");
        }
        self.url = Some(url.to_owned());
        Ok(())
    }

    /// Adds to what is sent.
    fn data(&mut self, separator: &[u8], more: &[u8]) {
        match &mut self.data {
            Some(data) => {
                data.extend_from_slice(separator);
                data.extend_from_slice(more);
            }
            None => self.data = Some(more.to_vec()),
        }
    }

    /// Sets a header that an option stands for; `-H` goes before it.
    fn set(&mut self, name: &'static str, value: String) {
        self.implied.retain(|(other, _)| *other != name);
        self.implied.push((name, value));
    }

    /// `name: value`; `name:` removes what curl would send; `name;` is empty.
    fn header(&mut self, line: &str) -> Result<()> {
        let (name, value) = match (line.split_once(':'), line.strip_suffix(';')) {
            (Some(parts), _) => parts,
            (None, Some(name)) => {
                self.fields
                    .push((name.trim().to_ascii_lowercase(), Vec::new()));
                return Ok(());
            }
            (None, None) => bail!("curl: `{line}` is no header: write `name: value`"),
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        match value {
            "" => self.removed.push(name),
            value => self.fields.push((name, value.as_bytes().to_vec())),
        }
        Ok(())
    }

    /// Each line of a file that is a header; curl passes over the others.
    fn header_file(&mut self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            let _no_header = self.header(line);
        }
    }

    fn cookie(&mut self, value: &str) -> Result<()> {
        if !value.contains('=') {
            bail!(
                "curl: `{value}` is a file of cookies, which is not read here: write `-b 'name=value'`"
            );
        }
        let before = self.implied.iter().find(|(name, _)| *name == "cookie");
        let joined = match before {
            Some((_, before)) => format!("{before};{value}"),
            None => value.to_owned(),
        };
        self.set("cookie", joined);
        Ok(())
    }

    /// The URL with all that options add to it, the body, and what this is.
    fn addressed(&mut self) -> Result<(Url, Body, Option<String>)> {
        let url = self.url.take().context("curl: no URL")?;
        let mut url = Url::read(&url, !self.no_glob)?;
        if !self.path_as_is {
            url.squash();
        }
        let form = std::mem::take(&mut self.form);
        let kinds = [self.data.is_some(), !form.is_empty(), self.upload.is_some()];
        if kinds.iter().filter(|is| **is).count() > 1 {
            bail!("curl: a body is of `-d`, of `-F` or of `-T`: give one of them");
        }
        let mut query = std::mem::take(&mut self.query);
        let mut body = (Body::None, None);
        if let Some((path, content)) = self.upload.take() {
            self.method.get_or_insert("PUT".to_owned());
            url.name(&path);
            body.0 = Body::Whole(content);
        } else if !form.is_empty() {
            body = (Body::Whole(form.body()), Some(Form::content_type()));
        } else if let Some(data) = self.data.take() {
            if self.in_query {
                query.push(data);
            } else if self.head {
                bail!(
                    "curl: `-I` sends no body; leave out `-I`, or write `-G` to send the data in the URL"
                );
            } else {
                let kind = match self.is_json {
                    true => "application/json",
                    false => "application/x-www-form-urlencoded",
                };
                body = (Body::Whole(data), Some(kind.to_owned()));
            }
        }
        for part in query {
            url = url.ask(&String::from_utf8_lossy(&part))?;
        }
        let (body, kind) = body;
        Ok((url, body, kind))
    }

    /// What `authorization` is: a token goes before a user, and both before what the URL says.
    fn authorization(&self, url: &Url) -> Option<String> {
        if let Some(token) = &self.token {
            return Some(format!("Bearer {token}"));
        }
        let user = self.user.as_ref().map(|user| user.as_bytes());
        let user = user.or(url.credentials.as_deref())?;
        Some(format!("Basic {}", BASE64_STANDARD.encode(user)))
    }

    /// Whether `-H` has the body sent in chunks, which tell no length.
    fn is_chunked(&self) -> bool {
        self.fields.iter().any(|(name, value)| {
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            name == "transfer-encoding" && value.contains("chunked")
        })
    }

    fn message(mut self) -> Result<Message> {
        let (url, body, kind) = self.addressed()?;
        if let Some(kind) = kind {
            self.set("content-type", kind);
        }
        if let Some(authorization) = self.authorization(&url) {
            self.set("authorization", authorization);
        }
        if body != Body::None && !self.is_chunked() {
            self.set("content-length", body.bytes().len().to_string());
        }
        let accept = if self.is_json {
            "application/json"
        } else {
            "*/*"
        };
        let usual = [("accept", accept), ("user-agent", "curl")];
        for (name, value) in usual {
            if !self.implied.iter().any(|(other, _)| *other == name) {
                self.set(name, value.to_owned());
            }
        }
        for (name, value) in std::mem::take(&mut self.implied) {
            let given = self.fields.iter().any(|(other, _)| other == name);
            if !given && !self.removed.iter().any(|removed| removed == name) {
                self.fields.push((name.to_owned(), value.into_bytes()));
            }
        }
        let method = match (&self.method, self.head, &body) {
            (Some(method), ..) => method,
            (None, true, _) => "HEAD",
            (None, false, Body::None) => "GET",
            (None, false, _) => "POST",
        };
        Ok(super::request(method, &url.text(), self.fields, body))
    }
}

#[cfg(test)]
mod tests;
