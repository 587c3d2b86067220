//! The arguments of curl, as documentation and browsers' "copy as cURL" have them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cases::{Body, Fields, Message};
use form_urlencoded::byte_serialize;

/// What separates the parts of a form that `-F` makes.
const BOUNDARY: &str = "------------------------rustformations";

/// Options that change nothing of the request, and take no value.
const SILENT: [&str; 22] = [
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-i",
    "--include",
    "-k",
    "--insecure",
    "-L",
    "--location",
    "-N",
    "--no-buffer",
    "-f",
    "--fail",
    "--fail-with-body",
    "--http1.1",
    "--http2",
    "--http2-prior-knowledge",
    "-g",
    "--globoff",
];

/// The same, with a value that is left out.
const SILENT_WITH_VALUE: [&str; 12] = [
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "-w",
    "--write-out",
    "--retry",
    "--cacert",
    "--resolve",
    "-x",
    "--proxy",
];

/// What was found so far.
#[derive(Debug, Default)]
struct Call {
    method: Option<String>,
    url: Option<String>,
    fields: Fields,
    /// Names that `-H 'name:'` removes.
    removed: Vec<String>,
    data: Vec<Vec<u8>>,
    form: Vec<u8>,
    is_json: bool,
    in_query: bool,
    head: bool,
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
    let mut arguments = arguments
        .iter()
        .map(String::as_str)
        .skip_while(|argument| *argument == "curl");
    while let Some(argument) = arguments.next() {
        let (option, attached) = split(argument);
        let mut value = || match attached {
            Some(value) => Ok(value),
            None => arguments
                .next()
                .with_context(|| format!("curl: `{option}` has no value")),
        };
        match option {
            "-X" | "--request" => call.method = Some(value()?.to_owned()),
            "-H" | "--header" => call.header(value()?)?,
            "-d" | "--data" | "--data-ascii" => {
                let mut data = at_file(value()?, file)?;
                data.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                call.data.push(data);
            }
            "--data-binary" => call.data.push(at_file(value()?, file)?),
            "--data-raw" => call.data.push(value()?.as_bytes().to_vec()),
            "--data-urlencode" => call.data.push(urlencoded(value()?)),
            "--json" => {
                call.is_json = true;
                call.data.push(at_file(value()?, file)?);
            }
            "-F" | "--form" => call.part(value()?, file)?,
            "-T" | "--upload-file" => {
                call.method.get_or_insert("PUT".to_owned());
                call.data.push(file(value()?)?);
            }
            "-u" | "--user" => {
                let encoded = BASE64_STANDARD.encode(value()?);
                call.set("authorization", &format!("Basic {encoded}"));
            }
            "--oauth2-bearer" => {
                let token = format!("Bearer {}", value()?);
                call.set("authorization", &token);
            }
            "-A" | "--user-agent" => {
                let agent = value()?;
                call.set("user-agent", agent);
            }
            "-e" | "--referer" => {
                let referer = value()?;
                call.set("referer", referer);
            }
            "-b" | "--cookie" => {
                let cookie = value()?;
                call.set("cookie", cookie);
            }
            "--compressed" => call.set("accept-encoding", "deflate, gzip, br, zstd"),
            "-G" | "--get" => call.in_query = true,
            "-I" | "--head" => call.head = true,
            "--url" => call.url = Some(value()?.to_owned()),
            known if SILENT.contains(&known) => {}
            known if SILENT_WITH_VALUE.contains(&known) => {
                value()?;
            }
            option if option.starts_with('-') && option != "-" => {
                bail!(
                    "curl: the option `{option}` is not known here; leave it out, or write the request to a file for `--request`"
                )
            }
            url => call.url = Some(url.to_owned()),
        }
    }
    call.message()
}

/// An option, and the value that is written into it: `-XPOST`, `--request=POST`.
fn split(argument: &str) -> (&str, Option<&str>) {
    const WITH_VALUE: [&str; 14] = [
        "-X", "-H", "-d", "-F", "-T", "-u", "-A", "-e", "-b", "-o", "-m", "-w", "-x", "-z",
    ];
    if argument.starts_with("--") {
        return match argument.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (argument, None),
        };
    }
    // Letters without values may stand together, and the last may have one: `-sSXPOST` is not common enough.
    match argument.split_at_checked(2) {
        Some((option, value)) if !value.is_empty() && WITH_VALUE.contains(&option) => {
            (option, Some(value))
        }
        Some((first, rest))
            if first.starts_with('-') && !rest.is_empty() && all_silent(argument) =>
        {
            ("-s", None)
        }
        _ => (argument, None),
    }
}

/// Whether an argument is several letters that change nothing: `-sSL`.
fn all_silent(argument: &str) -> bool {
    let letters = argument.strip_prefix('-').unwrap_or_default();
    letters
        .chars()
        .all(|letter| SILENT.contains(&format!("-{letter}").as_str()))
}

/// A value, or with `@` what is in a file.
fn at_file(value: &str, file: ReadFile<'_>) -> Result<Vec<u8>> {
    match value.strip_prefix('@') {
        Some(path) => file(path),
        None => Ok(value.as_bytes().to_vec()),
    }
}

/// `name=value` or `value`, the value percent-encoded.
fn urlencoded(value: &str) -> Vec<u8> {
    let encoded = |value: &str| {
        byte_serialize(value.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    };
    match value.split_once('=') {
        Some(("", value)) => encoded(value).into_bytes(),
        Some((name, value)) => format!("{name}={}", encoded(value)).into_bytes(),
        None => encoded(value).into_bytes(),
    }
}

impl Call {
    fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(other, _)| other != name);
        self.fields
            .push((name.to_owned(), value.as_bytes().to_vec()));
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

    /// A part of `multipart/form-data`: `name=value`, `name=@file;type=…`, `name=<file`.
    fn part(&mut self, text: &str, file: ReadFile<'_>) -> Result<()> {
        let (name, value) = text
            .split_once('=')
            .with_context(|| format!("curl: `{text}` is no part of a form: write `name=value`"))?;
        let mut options = value.split(';');
        let source = options.next().unwrap_or_default();
        let given = |key: &str| {
            options
                .clone()
                .find_map(|option| option.trim().strip_prefix(key)?.strip_prefix('='))
        };
        let (content, is_file) = match (source.strip_prefix('@'), source.strip_prefix('<')) {
            (Some(path), _) => (file(path)?, true),
            (None, Some(path)) => (file(path)?, false),
            (None, None) => (source.as_bytes().to_vec(), false),
        };
        let mut head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if is_file {
            let path = Path::new(source.trim_start_matches('@'));
            let own = path.file_name().unwrap_or_default().to_string_lossy();
            let filename = given("filename").unwrap_or(&own);
            head += &format!(
                "; filename=\"{filename}\"\r\ncontent-type: {}",
                given("type").unwrap_or("application/octet-stream")
            );
        } else if let Some(kind) = given("type") {
            head += &format!("\r\ncontent-type: {kind}");
        }
        self.form.extend_from_slice(head.as_bytes());
        self.form.extend_from_slice(b"\r\n\r\n");
        self.form.extend_from_slice(&content);
        self.form.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn message(mut self) -> Result<Message> {
        let mut url = self.url.take().context("curl: no URL")?;
        let mut body = Body::None;
        let mut usual = vec![("accept", "*/*"), ("user-agent", "curl")];
        let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
        if !self.form.is_empty() {
            self.form
                .extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
            body = Body::Whole(std::mem::take(&mut self.form));
            usual.push(("content-type", &multipart));
        } else if !self.data.is_empty() {
            let separator: &[u8] = if self.is_json { b"" } else { b"&" };
            let data = self.data.join(separator);
            if self.in_query {
                let query = String::from_utf8_lossy(&data).into_owned();
                let joint = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{joint}{query}");
            } else if self.is_json {
                usual = vec![
                    ("accept", "application/json"),
                    ("user-agent", "curl"),
                    ("content-type", "application/json"),
                ];
                body = Body::Whole(data);
            } else {
                usual.push(("content-type", "application/x-www-form-urlencoded"));
                body = Body::Whole(data);
            }
        }
        let length = body.bytes().len().to_string();
        if body != Body::None {
            usual.push(("content-length", &length));
        }
        for (name, value) in usual {
            let given = self.fields.iter().any(|(other, _)| other == name);
            if !given && !self.removed.iter().any(|removed| removed == name) {
                self.fields
                    .push((name.to_owned(), value.as_bytes().to_vec()));
            }
        }
        let method = match (&self.method, self.head, &body) {
            (Some(method), ..) => method,
            (None, true, _) => "HEAD",
            (None, false, Body::None) => "GET",
            (None, false, _) => "POST",
        };
        Ok(super::request(method, &url, self.fields, body))
    }
}

#[cfg(test)]
mod tests {
    use cases::Message;

    use super::request;

    fn read(arguments: &[&str]) -> Message {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect();
        request(&arguments).unwrap()
    }

    fn text(message: &Message) -> String {
        String::from_utf8(message.body.bytes()).unwrap()
    }

    #[test]
    fn a_call_from_documentation_is_read() {
        let message = read(&[
            "curl",
            "https://api.example/v1/chat/completions",
            "-sSN",
            "-H",
            "Content-Type: application/json",
            "-H",
            "Authorization: Bearer x",
            "-d",
            "{\"model\": \"gpt-4o\",\n \"messages\": []}",
        ]);
        assert_eq!(message.field(":method").as_deref(), Some("POST"));
        assert_eq!(message.field(":scheme").as_deref(), Some("https"));
        assert_eq!(
            message.field(":path").as_deref(),
            Some("/v1/chat/completions")
        );
        assert_eq!(
            message.field("content-type").as_deref(),
            Some("application/json")
        );
        assert_eq!(text(&message), "{\"model\": \"gpt-4o\", \"messages\": []}");
        let length = text(&message).len().to_string();
        assert_eq!(message.field("content-length"), Some(length));
    }

    #[test]
    fn data_is_sent_as_curl_sends_it() {
        let message = read(&["-d", "a=1", "--data-urlencode", "b=x y&z", "host/p"]);
        assert_eq!(text(&message), "a=1&b=x%20y%26z");
        assert_eq!(
            message.field("content-type").as_deref(),
            Some("application/x-www-form-urlencoded")
        );
        let message = read(&["-G", "-d", "a=1", "host/p?x=2"]);
        assert_eq!(message.field(":path").as_deref(), Some("/p?x=2&a=1"));
        assert_eq!(message.field(":method").as_deref(), Some("GET"));
        let message = read(&["--json", "{\"a\":1}", "host"]);
        assert_eq!(message.field("accept").as_deref(), Some("application/json"));
        let message = read(&["-XPUT", "--data-raw=@x", "host"]);
        assert_eq!(
            (text(&message).as_str(), message.field(":method").as_deref()),
            ("@x", Some("PUT"))
        );
    }

    #[test]
    fn a_form_has_parts_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        std::fs::write(&path, "RIFF").unwrap();
        let message = read(&[
            "-F",
            "model=whisper-1",
            "-F",
            &format!("file=@{};type=audio/wav", path.display()),
            "host",
        ]);
        let body = text(&message);
        assert!(
            body.contains("name=\"model\"\r\n\r\nwhisper-1\r\n"),
            "{body}"
        );
        assert!(
            body.contains(
                "name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\nRIFF\r\n"
            ),
            "{body}"
        );
        assert!(
            message
                .field("content-type")
                .unwrap()
                .starts_with("multipart/form-data; boundary=")
        );
    }

    #[test]
    fn headers_are_set_removed_and_emptied() {
        let message = read(&[
            "-H", "Accept:", "-H", "X-Empty;", "-u", "a:b", "-A", "me", "host",
        ]);
        assert_eq!(message.field("accept"), None);
        assert_eq!(message.field("x-empty").as_deref(), Some(""));
        assert_eq!(
            message.field("authorization").as_deref(),
            Some("Basic YTpi")
        );
        assert_eq!(message.field("user-agent").as_deref(), Some("me"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (arguments, part) in [
            (
                &["--no-such-option", "host"][..],
                "`--no-such-option` is not known",
            ),
            (&["-d"][..], "`-d` has no value"),
            (&["-s"][..], "no URL"),
            (&["-H", "nonsense", "host"][..], "`nonsense` is no header"),
            (&["-F", "nonsense", "host"][..], "`nonsense` is no part"),
            (
                &["-d", "@/no/such/file", "host"][..],
                "/no/such/file: cannot be read",
            ),
        ] {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect();
            let error = format!("{:#}", request(&arguments).unwrap_err());
            assert!(error.contains(part), "{arguments:?}: {error}");
        }
    }
}
