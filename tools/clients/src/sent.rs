//! What an SDK sent, without what it chooses anew for each request.

use anyhow::{Result, ensure};
use harness::RecordedRequest;

/// A request, as far as Envoy must not change it.
#[derive(PartialEq, Eq)]
pub(super) struct Sent {
    method: String,
    path: String,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Sent {
    /// What a mock recorded.
    pub(super) fn of(request: &RecordedRequest) -> Self {
        let content_type = request.headers.value("content-type");
        let body = request.body().to_vec();
        let boundary = content_type
            .as_deref()
            .and_then(|value| value.split_once("boundary="))
            .map(|(_, boundary)| boundary.trim_matches('"').to_owned());
        let (content_type, body) = match boundary {
            Some(boundary) => (
                content_type.map(|value| value.replace(&boundary, "boundary")),
                replace(&body, boundary.as_bytes(), b"boundary"),
            ),
            None => (content_type, body),
        };
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            content_type,
            body,
        }
    }

    /// Fails unless both are the same, and names what differs. Bodies are not shown: they may be long.
    pub(super) fn compare(&self, through_envoy: &Self) -> Result<()> {
        let Self {
            method,
            path,
            content_type,
            body,
        } = self;
        ensure!(
            (method, path) == (&through_envoy.method, &through_envoy.path),
            "{method} {path} became {} {}",
            through_envoy.method,
            through_envoy.path
        );
        ensure!(
            *content_type == through_envoy.content_type,
            "content-type {content_type:?} became {:?}",
            through_envoy.content_type
        );
        let pairs = body.iter().zip(&through_envoy.body);
        let same = pairs.take_while(|(sent, arrived)| sent == arrived).count();
        ensure!(
            *body == through_envoy.body,
            "of {} bytes {} arrived, and they differ from byte {same} on",
            body.len(),
            through_envoy.body.len()
        );
        Ok(())
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(byte) = rest.first() {
        match rest.strip_prefix(from) {
            Some(behind) if !from.is_empty() => {
                replaced.extend(to);
                rest = behind;
            }
            _ => {
                replaced.push(*byte);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::{Sent, replace};

    fn sent(body: &[u8]) -> Sent {
        Sent {
            method: "POST".to_owned(),
            path: "/v1/files".to_owned(),
            content_type: None,
            body: body.to_vec(),
        }
    }

    #[test]
    fn a_boundary_is_replaced_wherever_it_stands() {
        assert_eq!(replace(b"--x1\r\n--x1--", b"x1", b"b"), b"--b\r\n--b--");
        assert_eq!(replace(b"ab", b"", b"c"), b"ab");
    }

    #[test]
    fn a_changed_byte_is_named() {
        assert!(sent(b"abc").compare(&sent(b"abc")).is_ok());
        let error = sent(b"abc").compare(&sent(b"abd")).unwrap_err();
        let expected = "of 3 bytes 3 arrived, and they differ from byte 2 on";
        assert_eq!(error.to_string(), expected);
        assert!(sent(b"abc").compare(&sent(b"ab")).is_err());
    }
}
