//! Header and trailer fields as they were on the wire.

use bytes::Bytes;
use hyper::HeaderMap;

/// Header fields in the order they arrived. Names are lower case; a name may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Bytes)>);

impl Headers {
    /// Whether there is at least one field of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).next().is_some()
    }

    /// The values of `name` joined with `", "`, so that a repeated field never passes for a single one.
    /// Bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        self.contains(name).then(|| self.values(name).join(", "))
    }

    /// Every value of `name`, in order. Bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<String> {
        self.raw(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// Every value of `name` as bytes, in order.
    pub fn raw<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_ref())
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// How many fields there are, repeated ones counted each.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        Self(
            map.iter()
                .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
        )
    }
}
