//! Bodies on their way out, of client and upstream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// A part of a body.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    Pause(Duration),
    /// The body breaks off: the stream is reset, or the connection closed.
    Break,
}

/// A body that broke off, as it should.
#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the body breaks off here")
    }
}

impl std::error::Error for Broken {}

/// A body in pieces.
#[derive(Debug)]
pub(crate) struct Pieces {
    left: VecDeque<Piece>,
    pausing: Option<Pin<Box<Sleep>>>,
    /// Of a body whose length is announced.
    length: Option<u64>,
}

impl Pieces {
    /// One piece, its length announced.
    pub(crate) fn whole(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = Some(body.len() as u64);
        let left = match body.is_empty() {
            true => VecDeque::new(),
            false => VecDeque::from([Piece::Data(body)]),
        };
        Self {
            left,
            pausing: None,
            length,
        }
    }

    /// These pieces, and no length.
    pub(crate) fn of(pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self {
            left: pieces.into_iter().collect(),
            pausing: None,
            length: None,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(pause) = &mut self.pausing {
                ready!(pause.as_mut().poll(context));
                self.pausing = None;
            }
            match self.left.pop_front() {
                Some(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Piece::Pause(time)) => self.pausing = Some(Box::pin(sleep(time))),
                Some(Piece::Break) => return Poll::Ready(Some(Err(Broken))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.pausing.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
