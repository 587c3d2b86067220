//! A message in memory.

use std::collections::BTreeMap;

/// A message. Before an exchange it is what arrives; after it, what has gone on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// In order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, in pieces.
    pub chunks: Vec<Vec<u8>>,
    /// Whether trailers end it.
    pub trailers: bool,
    /// Whether it breaks off after its last piece, and never ends.
    pub broken_off: bool,
}

impl Message {
    /// A message of these headers, whose body comes in these pieces.
    pub fn new<C: AsRef<[u8]>>(
        headers: &[(&str, &str)],
        chunks: impl IntoIterator<Item = C>,
    ) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self {
            headers: headers.iter().map(owned).collect(),
            chunks: chunks
                .into_iter()
                .map(|chunk| chunk.as_ref().to_vec())
                .collect(),
            trailers: false,
            broken_off: false,
        }
    }

    /// The message with trailers at its end.
    #[must_use]
    pub fn with_trailers(mut self) -> Self {
        self.trailers = true;
        self
    }

    /// The message, which breaks off after its last piece.
    #[must_use]
    pub fn broken_off(mut self) -> Self {
        self.broken_off = true;
        self
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    /// The values of a header, in order, as text.
    pub fn values(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        let text = |(_, value): &(String, Vec<u8>)| String::from_utf8_lossy(value).into_owned();
        named.map(text).collect()
    }

    /// The values of each header, in order.
    pub fn by_name(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut headers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in &self.headers {
            headers.entry(name.clone()).or_default().push(value.clone());
        }
        headers
    }
}
