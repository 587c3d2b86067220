//! Bodies on their way out, and one that a test writes piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::HeaderMap;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// Why a body ended early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body on its way out.
pub(crate) type OutgoingBody = BoxBody<Bytes, BodyError>;

type Part = Result<Frame<Bytes>, BodyError>;

/// Where a body is written. Dropping it ends the body.
#[derive(Debug)]
pub(crate) struct Writer(mpsc::Sender<Part>);

/// The peer no longer wants the body.
#[derive(Debug)]
pub(crate) struct Unwanted;

/// The body. `http_body_util::channel` has one too, which loses its last frame when its writer goes while it is polled.
struct Written(mpsc::Receiver<Part>);

/// A body, and where it is written. One frame waits at a time.
pub(crate) fn written() -> (Writer, OutgoingBody) {
    let (sender, receiver) = mpsc::channel(1);
    (Writer(sender), Written(receiver).boxed())
}

impl Writer {
    pub(crate) async fn send_data(&mut self, data: Bytes) -> Result<(), Unwanted> {
        self.send(Frame::data(data)).await
    }

    pub(crate) async fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Unwanted> {
        self.send(Frame::trailers(trailers)).await
    }

    async fn send(&mut self, frame: Frame<Bytes>) -> Result<(), Unwanted> {
        self.0.send(Ok(frame)).await.map_err(|_| Unwanted)
    }

    /// Cuts the body behind what is written.
    pub(crate) fn abort(self, error: BodyError) {
        tokio::spawn(async move { self.0.send(Err(error)).await });
    }
}

impl Body for Written {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Part>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;

    use super::written;

    /// Over and over, for it is a race: the writer goes while the body is polled.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn trailers_are_never_lost() {
        for _ in 0..2_000 {
            let (mut writer, body) = written();
            let writing = tokio::spawn(async move {
                writer.send_data(Bytes::from_static(b"a")).await.unwrap();
                let mut trailers = HeaderMap::new();
                trailers.insert("x-after", HeaderValue::from_static("sent"));
                writer.send_trailers(trailers).await.unwrap();
            });
            let collected = body.collect().await.unwrap();
            assert!(collected.trailers().is_some());
            writing.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_body_is_cut_behind_what_is_written() {
        let (mut writer, mut body) = written();
        writer.send_data(Bytes::from_static(b"a")).await.unwrap();
        writer.abort("cut".into());
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
    }
}
