//! One direction of a stream.

use crate::message::{HeaderMap, Message};

/// Whether what arrives is passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    /// Passed on.
    #[default]
    Continue,
    /// Held; hooks run for what else arrives.
    StopSingle,
    /// Held; no hooks run.
    StopAll,
}

/// The chunk that a body hook runs for.
#[derive(Debug, Default)]
pub(crate) enum Received {
    /// No body hook runs.
    #[default]
    None,
    /// A chunk of its own.
    Own(Vec<Vec<u8>>),
    /// The very buffer of what was held.
    Buffered,
}

/// State of one direction.
#[derive(Debug, Default)]
pub(crate) struct Half {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) received: Received,
    /// What is held; there may be a buffer with nothing in it.
    pub(crate) buffered: Option<Vec<Vec<u8>>>,
    pub(crate) iteration: Iteration,
    pub(crate) headers_continued: bool,
    /// The end of the message has arrived.
    pub(crate) ended: bool,
    /// The trailers hook is running.
    pub(crate) in_trailers: bool,
    /// A filter behind keeps what passes, in the buffer that all share.
    pub(crate) kept_behind: bool,
    /// What has been passed on.
    pub(crate) forwarded: Message,
}

impl Half {
    /// The received chunk, wherever it is.
    pub(crate) fn received(&self) -> Option<&Vec<Vec<u8>>> {
        match &self.received {
            Received::None => None,
            Received::Own(chunks) => Some(chunks),
            Received::Buffered => self.buffered.as_ref(),
        }
    }

    pub(crate) fn received_mut(&mut self) -> Option<&mut Vec<Vec<u8>>> {
        match &mut self.received {
            Received::None => None,
            Received::Own(chunks) => Some(chunks),
            Received::Buffered => self.buffered.as_mut(),
        }
    }

    /// Bytes held.
    pub(crate) fn buffered_size(&self) -> u64 {
        self.buffered
            .iter()
            .flatten()
            .map(|chunk| chunk.len() as u64)
            .sum()
    }

    /// Holds chunks in addition to what is held.
    pub(crate) fn buffer(&mut self, chunks: Vec<Vec<u8>>) {
        let buffered = self.buffered.get_or_insert_default();
        buffered.extend(chunks.into_iter().filter(|chunk| !chunk.is_empty()));
    }

    pub(crate) fn forward_headers(&mut self, end: bool) {
        self.headers_continued = true;
        self.forwarded.headers.clone_from(&self.headers);
        self.forwarded.ended |= end;
    }

    pub(crate) fn forward_data(&mut self, chunks: Vec<Vec<u8>>, end: bool) {
        if self.kept_behind {
            self.buffer(chunks.clone());
        }
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty());
        self.forwarded.chunks.extend(chunks);
        self.forwarded.ended |= end;
    }

    pub(crate) fn forward_trailers(&mut self) {
        self.forwarded.trailers.clone_from(&self.trailers);
        self.forwarded.ended = true;
    }
}

/// Drains up to `bytes` bytes from the front of `chunks`.
pub(crate) fn drain(chunks: &mut Vec<Vec<u8>>, mut bytes: usize) {
    for chunk in chunks.iter_mut() {
        let taken = bytes.min(chunk.len());
        chunk.drain(..taken);
        bytes -= taken;
    }
    chunks.retain(|chunk| !chunk.is_empty());
}
