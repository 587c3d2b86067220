//! HTTP archives (HAR 1.2), as browsers and proxies save them.

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cases::{Body, Fields, Message};
use form_urlencoded::Serializer;
use serde::Deserialize;

use super::Exchange;

/// The type of a form whose values an archive may have by themselves.
const FORM: &str = "application/x-www-form-urlencoded";

/// An archive.
#[derive(Debug, Deserialize)]
pub(super) struct Har {
    log: Log,
}

#[derive(Debug, Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    request: Request,
    response: Option<Response>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
    post_data: Option<Content>,
}

#[derive(Debug, Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: Vec<Header>,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
    encoding: Option<String>,
    /// What a form holds, in place of `text`.
    #[serde(default)]
    params: Vec<Param>,
    /// How long an answer's body is, saved or not.
    #[serde(default)]
    size: i64,
}

#[derive(Debug, Deserialize)]
struct Param {
    name: String,
    #[serde(default)]
    value: String,
}

impl Har {
    /// Reads an archive; `None`: these bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Result<Self>> {
        let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        value.pointer("/log/entries")?;
        Some(serde_json::from_value(value).context("the HAR cannot be read"))
    }

    /// The exchange of an entry, counted from 1.
    ///
    /// # Errors
    /// There is no such entry, or its body is not base64 as it says.
    pub(super) fn exchange(self, entry: usize) -> Result<Exchange> {
        let count = self.log.entries.len();
        let found = entry
            .checked_sub(1)
            .and_then(|index| self.log.entries.into_iter().nth(index));
        let Entry { request, response } = found.with_context(|| {
            format!(
                "the HAR has {count} entries, and no entry {entry}; give another one with `--entry`"
            )
        })?;
        let body = body(request.post_data)?;
        let message = super::request(&request.method, &request.url, fields(request.headers), body);
        let response = response.filter(|response| response.status > 0);
        Ok(Exchange {
            request: Some(message),
            response: response.map(Response::message).transpose()?,
        })
    }
}

impl Response {
    fn message(self) -> Result<Message> {
        let status = (":status".to_owned(), self.status.to_string().into_bytes());
        let mut fields: Fields = std::iter::once(status)
            .chain(fields(self.headers))
            .collect();
        // Its content is saved decoded.
        fields.retain(|(name, _)| name != "content-encoding" && name != "content-length");
        Ok(Message {
            fields,
            body: body(self.content)?,
            ..Message::default()
        })
    }
}

/// The fields that a client sends: what HTTP/2 calls pseudo headers is in the URL, too.
fn fields(headers: Vec<Header>) -> Fields {
    let headers = headers
        .into_iter()
        .filter(|header| !header.name.starts_with(':'));
    headers
        .map(|header| (header.name.to_ascii_lowercase(), header.value.into_bytes()))
        .collect()
}

fn body(content: Option<Content>) -> Result<Body> {
    let content = content.unwrap_or_default();
    let Some(text) = content.text.filter(|text| !text.is_empty()) else {
        let is_form = content.mime_type.starts_with(FORM);
        return match content.params.as_slice() {
            [] if content.size <= 0 => Ok(Body::None),
            params @ [_, ..] if is_form => {
                let pairs = params.iter().map(|param| (&param.name, &param.value));
                let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
                Ok(Body::Whole(form.into_bytes()))
            }
            _ => bail!(
                "the HAR's entry has a body that was not saved; save it with the bodies, or copy the request as a call of curl"
            ),
        };
    };
    Ok(Body::Whole(match content.encoding.as_deref() {
        Some("base64") => BASE64_STANDARD
            .decode(text)
            .context("the body of the HAR's entry is not base64")?,
        _ => text.into_bytes(),
    }))
}

#[cfg(test)]
mod tests {
    use super::Har;

    const ARCHIVE: &str = r#"{"log": {"entries": [
        {"request": {"method": "GET", "url": "https://a.example/"}, "response": {"status": 0}},
        {"request": {"method": "POST", "url": "https://llm.example/v1/chat/completions",
            "headers": [{"name": ":authority", "value": "x"}, {"name": "Content-Type", "value": "application/json"}],
            "postData": {"mimeType": "application/json", "text": "{\"model\":\"m\"}"}},
         "response": {"status": 200, "headers": [{"name": "Content-Encoding", "value": "br"}],
            "content": {"text": "aGk=", "encoding": "base64"}}}]}}"#;

    #[test]
    fn reads_an_entry() {
        let read = || Har::read(ARCHIVE.as_bytes()).unwrap().unwrap();
        let exchange = read().exchange(2).unwrap();
        let (request, response) = (exchange.request.unwrap(), exchange.response.unwrap());
        assert_eq!(request.field(":authority").as_deref(), Some("llm.example"));
        assert_eq!(request.body.bytes(), br#"{"model":"m"}"#);
        assert_eq!(response.body.bytes(), b"hi");
        assert_eq!(response.field("content-encoding"), None);
        assert!(read().exchange(1).unwrap().response.is_none());
        let error = read().exchange(3).unwrap_err().to_string();
        assert!(error.contains("2 entries"), "{error}");
    }

    /// What an archive of one entry has for its request.
    fn request_with(post_data: &str) -> Result<Vec<u8>, String> {
        let text = format!(
            r#"{{"log": {{"entries": [{{"request": {{"method": "POST", "url": "https://a/", "postData": {post_data}}}}}]}}}}"#
        );
        let har = Har::read(text.as_bytes()).unwrap().unwrap();
        let exchange = har.exchange(1).map_err(|error| error.to_string())?;
        Ok(exchange.request.unwrap().body.bytes())
    }

    #[test]
    fn a_body_that_was_not_saved_is_no_empty_one() {
        let form = r#"{"mimeType": "application/x-www-form-urlencoded; charset=utf-8", "params": [{"name": "model", "value": "a b"}, {"name": "n"}]}"#;
        assert_eq!(request_with(form), Ok(b"model=a+b&n=".to_vec()));
        let upload = r#"{"mimeType": "multipart/form-data; boundary=x", "params": [{"name": "file", "fileName": "a"}]}"#;
        assert!(request_with(upload).unwrap_err().contains("was not saved"));
        assert_eq!(
            request_with(r#"{"mimeType": "", "text": ""}"#),
            Ok(Vec::new())
        );
        let unsaved = ARCHIVE.replace(r#""text": "aGk=", "encoding": "base64""#, r#""size": 5"#);
        let har = Har::read(unsaved.as_bytes()).unwrap().unwrap();
        let error = har.exchange(2).unwrap_err().to_string();
        assert!(error.contains("was not saved"), "{error}");
    }

    #[test]
    fn entries_are_counted_from_one() {
        let har = Har::read(ARCHIVE.as_bytes()).unwrap().unwrap();
        assert!(
            har.exchange(0)
                .unwrap_err()
                .to_string()
                .contains("no entry 0")
        );
    }

    #[test]
    fn other_json_is_none() {
        assert!(Har::read(br#"{"log": 1}"#).is_none());
        assert!(Har::read(b"path: /v1").is_none());
    }
}
