//! Messages as they pass through the fake host.

/// Headers or trailers: names in lower case, in order, several values per name allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap(pub(crate) Vec<(String, Vec<u8>)>);

impl HeaderMap {
    /// A map of these headers.
    pub fn new(headers: &[(&str, &str)]) -> Self {
        Self(
            headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec()))
                .collect(),
        )
    }

    /// Every value of a header, in order.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        self.0
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
            .collect()
    }

    /// The first value of a header as text; `None` also when it is not UTF-8.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name)
            .first()
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Number of headers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    pub(crate) fn add(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }
}

/// What has left the host in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The headers, as they were when they left.
    pub headers: Option<HeaderMap>,
    /// The body, in the pieces it left in; empty pieces are left out.
    pub chunks: Vec<Vec<u8>>,
    /// The trailers.
    pub trailers: Option<HeaderMap>,
    /// Whether the message is complete.
    pub ended: bool,
}

impl Message {
    /// The body in one piece.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// The first value of a header that left.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref()?.value(name)
    }

    /// Whether the body is as long as `content-length` says. True without that header.
    pub fn length_is_right(&self) -> bool {
        self.header("content-length")
            .is_none_or(|length| length == self.body().len().to_string())
    }
}

/// A response that Envoy made by itself, for a module or on its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The status.
    pub status: u32,
    /// The headers the module gave.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The response code details.
    pub details: String,
}

/// A callout that a module started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// Its id.
    pub id: u64,
    /// The cluster.
    pub cluster: String,
    /// The request headers.
    pub headers: HeaderMap,
    /// The request body.
    pub body: Vec<u8>,
    /// The timeout in milliseconds.
    pub timeout_milliseconds: u64,
}

/// A value of metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// Text.
    String(String),
    /// A number.
    Number(f64),
    /// A boolean.
    Bool(bool),
}
