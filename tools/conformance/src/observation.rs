//! What could be seen of a case from outside the filter.

use std::collections::BTreeMap;

use anyhow::Result;
use cases::Body;
use cases::verdict::Arrival;
use harness::{RecordedRequest, Response};

use super::gateway::LogLine;
use super::steps::Steps;

/// What the client, the upstream, the access log and the counters saw.
pub(crate) struct Observation {
    /// What the upstream got.
    pub(crate) request: Option<Message>,
    /// Why the upstream did not see the end of it.
    pub(crate) request_end: Result<(), String>,
    /// What the client got.
    pub(crate) response: Result<Message, String>,
    /// Whether that was cut off.
    pub(crate) response_cut_off: bool,
    /// When the first byte of the response's body arrived.
    pub(crate) arrival: Arrival,
    /// By how much each expected counter rose; `None` if there is no such counter.
    pub(crate) counters: BTreeMap<String, Option<u64>>,
    /// What went on when.
    pub(crate) steps: Steps,
    /// What the access log says; `None` if it says nothing.
    pub(crate) log: Option<LogLine>,
}

/// A message as its receiver saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// Header fields, pseudo headers among them, in order.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The values of a field. `host` is `:authority` to Envoy.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let name = name.to_ascii_lowercase();
        let name = if name == "host" { ":authority" } else { &name };
        let fields = self.fields.iter();
        fields
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.clone())
            .collect()
    }
}

impl From<&Message> for cases::Message {
    fn from(message: &Message) -> Self {
        let fields = message.fields.iter().cloned();
        let fields = fields.map(|(name, value)| (name, value.into_bytes()));
        Self {
            fields: fields.collect(),
            body: Body::Whole(message.body.clone()),
            ..Self::default()
        }
    }
}

impl From<&RecordedRequest> for Message {
    fn from(request: &RecordedRequest) -> Self {
        let pseudo = [
            (":method", Some(&request.method)),
            (":path", Some(&request.path)),
            (":authority", Some(&request.authority)),
            (":scheme", request.scheme.as_ref()),
        ];
        let pseudo = pseudo
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
        let plain = request.headers.iter().filter(|(name, _)| *name != "host");
        Self {
            fields: pseudo.chain(plain.map(text)).collect(),
            body: request.body().to_vec(),
        }
    }
}

impl From<&Response> for Message {
    fn from(response: &Response) -> Self {
        let status = (":status".to_owned(), response.status.to_string());
        Self {
            fields: std::iter::once(status)
                .chain(response.headers.iter().map(text))
                .collect(),
            body: response.body().to_vec(),
        }
    }
}

fn text((name, value): (&str, &[u8])) -> (String, String) {
    (name.to_owned(), String::from_utf8_lossy(value).into_owned())
}
