//! The upstream: it echoes, counts, streams or breaks off, by the path.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::body::{Broken, Piece, Pieces};

/// Who answered: the value of the route, or the upstream's own name.
pub(crate) const SERVED_BY: &str = "x-served-by";

/// What the route, or the module, sets for the upstream to send back.
pub(crate) const ROUTE: &str = "x-route";

/// What becomes of a request at the upstream that dies: `closes` or `fails`.
pub(crate) const FATE: &str = "x-fate";

/// What the names of headers begin with that it sends back.
const VERSION: &str = "x-version-";

/// The model in what the upstream sends.
pub(crate) const MODEL: &str = "upstream-model";

/// Events of a stream, the one with usage and the end not counted.
const EVENTS: usize = 20;

/// How long an answer that breaks off, or does not end, pauses.
const BEFORE_BREAK: Duration = Duration::from_millis(50);
const ENDLESS: Duration = Duration::from_secs(600);

/// A running upstream. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    _server: JoinSet<()>,
}

impl Upstream {
    pub(crate) async fn start(name: &'static str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("cannot bind an upstream")?;
        let address = listener.local_addr()?;
        let answers = Arc::new(Answers::new());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _unsupported = stream.set_nodelay(true);
                let answers = Arc::clone(&answers);
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let answers = Arc::clone(&answers);
                        async move { answers.answer(name, request).await }
                    });
                    let served = auto::Builder::new(TokioExecutor::new());
                    // However it ends: what matters is what the client sees.
                    let _ended = served.serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            _server: server,
        })
    }
}

/// What is the same each time.
struct Answers {
    stream: Vec<Bytes>,
}

impl Answers {
    fn new() -> Self {
        Self {
            stream: events(MODEL),
        }
    }

    async fn answer(
        &self,
        name: &'static str,
        request: Request<Incoming>,
    ) -> Result<Response<Pieces>, Broken> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
        let data = |event: &Bytes| Piece::Data(event.clone());
        let (kind, answer) = match head.uri.path() {
            "/count" => ("application/json", Pieces::whole(counted(body.len()))),
            "/stream" => {
                let events = Pieces::of(self.stream.iter().map(data));
                ("text/event-stream", events)
            }
            "/endless" => {
                let begin = self.stream.iter().take(3).map(data);
                let endless = Pieces::of(begin.chain([Piece::Pause(ENDLESS)]));
                ("text/event-stream", endless)
            }
            "/breaks" => {
                let begin = self.stream.iter().take(3).map(data);
                let end = [Piece::Pause(BEFORE_BREAK), Piece::Break];
                ("text/event-stream", Pieces::of(begin.chain(end)))
            }
            _ => ("application/json", Pieces::whole(body)),
        };
        let mut answer = Response::new(answer);
        match head.headers.get(FATE).map(HeaderValue::as_bytes) {
            Some(b"closes") if name == "first" => return Err(Broken),
            Some(b"fails") if name == "first" => {
                *answer.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
            }
            _ => {}
        }
        let route = head.headers.get(ROUTE).cloned();
        let headers = answer.headers_mut();
        for (name, value) in &head.headers {
            if name.as_str().starts_with(VERSION) {
                headers.append(name.clone(), value.clone());
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(SERVED_BY, route.unwrap_or(HeaderValue::from_static(name)));
        Ok(answer)
    }
}

/// The answer about a body of so many bytes.
pub(crate) fn counted(length: usize) -> String {
    format!(
        r#"{{"length":{length},"usage":{{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}}}"#
    )
}

/// A stream with this model in each event.
pub(crate) fn events(model: &str) -> Vec<Bytes> {
    let delta = |number| {
        format!(
            "data: {{\"id\":\"c\",\"model\":\"{model}\",\"choices\":[{{\"delta\":{{\"content\":\"token {number}\"}}}}]}}\n\n"
        )
    };
    let usage = format!(
        "data: {{\"id\":\"c\",\"model\":\"{model}\",\"choices\":[],\
         \"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":{EVENTS},\"total_tokens\":25}}}}\n\n"
    );
    let events = (0..EVENTS)
        .map(delta)
        .chain([usage, "data: [DONE]\n\n".to_owned()]);
    events.map(Bytes::from).collect()
}
