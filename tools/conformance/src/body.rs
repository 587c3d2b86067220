//! Bodies of messages, cut into chunks.

use anyhow::{Result, ensure};
use bytes::Bytes;
use serde::Deserialize;

/// A part of a long body.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum BodyPart {
    Text(String),
    Repeated(Repeated),
}

/// Text as often as this.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeated {
    repeat: String,
    count: usize,
}

/// A message's body, cut as the filter is to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The headers end the message, or trailers follow them.
    None,
    /// One chunk that ends the message, or that trailers follow.
    Whole(Bytes),
    /// One chunk after the other.
    Chunks(Vec<Bytes>),
}

impl Body {
    /// # Errors
    /// More than one kind of body is given.
    pub(crate) fn new(
        body: &Option<String>,
        chunks: Option<&Vec<String>>,
        parts: Option<&[BodyPart]>,
        chunk_size: Option<usize>,
    ) -> Result<Self> {
        let kinds = [body.is_some(), chunks.is_some(), parts.is_some()];
        ensure!(
            kinds.into_iter().filter(|given| *given).count() <= 1,
            "`body`, `chunks` and `body_parts` exclude each other"
        );
        ensure!(
            chunk_size.is_none() || parts.is_some(),
            "`chunk_size` belongs to `body_parts`"
        );
        if let Some(parts) = parts {
            let text: String = parts
                .iter()
                .map(|part| match part {
                    BodyPart::Text(text) => text.clone(),
                    BodyPart::Repeated(part) => part.repeat.repeat(part.count),
                })
                .collect();
            let size = chunk_size.unwrap_or(text.len().max(1));
            ensure!(size > 0, "`chunk_size` is 0");
            let chunks = text.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            return Ok(Self::Chunks(chunks.collect()));
        }
        Ok(match (body, chunks) {
            (Some(body), _) => Self::Whole(body.clone().into()),
            (None, Some(chunks)) => Self::Chunks(chunks.iter().cloned().map(Into::into).collect()),
            (None, None) => Self::None,
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.chunks().concat()
    }

    pub(crate) fn chunks(&self) -> Vec<Bytes> {
        match self {
            Self::None => Vec::new(),
            Self::Whole(body) => vec![body.clone()],
            Self::Chunks(chunks) => chunks.clone(),
        }
    }
}
