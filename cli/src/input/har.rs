//! HTTP archives (HAR 1.2), as browsers and proxies save them.

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cases::{Body, Fields, Message};
use serde::Deserialize;

use super::Exchange;

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
struct Content {
    text: Option<String>,
    encoding: Option<String>,
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
        let found = self.log.entries.into_iter().nth(entry.saturating_sub(1));
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
    let Content { text, encoding } = content.unwrap_or_default();
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Body::None);
    };
    Ok(Body::Whole(match encoding.as_deref() {
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

    #[test]
    fn other_json_is_none() {
        assert!(Har::read(br#"{"log": 1}"#).is_none());
        assert!(Har::read(b"path: /v1").is_none());
    }
}
