//! An upstream that records every request. Speaks HTTP/1.1 and HTTP/2 with prior knowledge on one port.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::answer::{Answer, full};
use crate::headers::Headers;
use crate::incoming::{Chunk, IncomingBody, Part, join};
use crate::outgoing::OutgoingBody;

/// How long a test waits for a request before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// More of it may come.
    Open,
    /// It ended as it should.
    Complete,
    /// It was cut: reset, or closed before its end.
    Broken(String),
}

/// A request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// Such as `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The `host` header or `:authority`.
    pub authority: String,
    /// `:scheme`; HTTP/1.1 has none.
    pub scheme: Option<String>,
    /// The protocol it came by.
    pub version: Version,
    /// Its header fields, without pseudo headers.
    pub headers: Headers,
    /// Its body, as it was cut into frames or chunks.
    pub chunks: Vec<Chunk>,
    /// Its trailer fields.
    pub trailers: Headers,
    /// Whether it is all here.
    pub end: End,
    /// Whether the peer left before the end of its answer.
    pub left: bool,
}

impl RecordedRequest {
    /// The body that has arrived.
    #[must_use]
    pub fn body(&self) -> Bytes {
        join(&self.chunks)
    }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body())
            .with_context(|| format!("upstream got no JSON: {:?}", self.text()))
    }
}

type Respond = dyn Fn(&RecordedRequest) -> Answer + Send + Sync;

/// A running upstream. Stops when dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    recorded: watch::Receiver<Vec<RecordedRequest>>,
    malformed: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

/// When the answer is chosen.
#[derive(Clone, Copy)]
enum AnswerAt {
    Headers,
    End,
    /// As `End`, but the record keeps neither headers nor body.
    EndAndForget,
}

struct Service {
    respond: Box<Respond>,
    answer_at: AnswerAt,
    recorded: watch::Sender<Vec<RecordedRequest>>,
    malformed: Arc<AtomicUsize>,
}

impl Upstream {
    /// An upstream that chooses its answer once the request has ended.
    ///
    /// # Errors
    /// No free port.
    pub async fn start(
        respond: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::serve(Box::new(respond), AnswerAt::End).await
    }

    /// The same for any number of requests: what it was sent is not kept.
    ///
    /// # Errors
    /// No free port.
    pub async fn forgetful(
        respond: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::serve(Box::new(respond), AnswerAt::EndAndForget).await
    }

    /// An upstream that answers as soon as the headers have arrived, and goes on recording the body.
    ///
    /// # Errors
    /// No free port.
    pub async fn start_on_headers(
        respond: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::serve(Box::new(respond), AnswerAt::Headers).await
    }

    /// An upstream that says who it is: header `x-served-by` and a JSON body.
    ///
    /// # Errors
    /// No free port.
    pub async fn named(name: &str) -> Result<Self> {
        Self::answering(Answer::json(&json!({"served_by": name})).header("x-served-by", name)).await
    }

    /// An upstream that always answers the same.
    ///
    /// # Errors
    /// No free port.
    pub async fn answering(answer: Answer) -> Result<Self> {
        Self::start(move |_| answer.clone()).await
    }

    /// An upstream that answers with the body it got.
    ///
    /// # Errors
    /// No free port.
    pub async fn echo() -> Result<Self> {
        Self::start(|request| {
            Answer::echo_of(
                request.body(),
                request.headers.value("content-type").as_deref(),
            )
        })
        .await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far, unfinished ones too, in the order they began.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.recorded.borrow().clone()
    }

    /// How many connections carried something that is no request, such as what a wrong length leaves of a body.
    #[must_use]
    pub fn malformed(&self) -> usize {
        self.malformed.load(Ordering::Relaxed)
    }

    /// The last request, once it is complete.
    ///
    /// # Errors
    /// None came within ten seconds.
    pub async fn request(&self) -> Result<RecordedRequest> {
        self.request_where("a complete request", |request| request.end == End::Complete)
            .await
    }

    /// The last request, complete or not, once it satisfies `condition`.
    ///
    /// # Errors
    /// It did not within ten seconds; `what` says in the error what was awaited.
    pub async fn request_where(
        &self,
        what: &str,
        condition: impl Fn(&RecordedRequest) -> bool,
    ) -> Result<RecordedRequest> {
        self.wait_for(what, |requests| {
            requests
                .last()
                .filter(|request| condition(request))
                .cloned()
        })
        .await
    }

    /// The first `count` requests, once so many are complete.
    ///
    /// # Errors
    /// Fewer came within ten seconds.
    pub async fn first_requests(&self, count: usize) -> Result<Vec<RecordedRequest>> {
        self.wait_for(&format!("{count} complete requests"), |requests| {
            let first = requests.get(..count)?;
            let complete = first.iter().all(|request| request.end == End::Complete);
            complete.then(|| first.to_vec())
        })
        .await
    }

    /// The requests that satisfy `condition`, once `count` of them have ended or `patience` is over.
    pub async fn settled(
        &self,
        count: usize,
        patience: Duration,
        condition: impl Fn(&RecordedRequest) -> bool,
    ) -> Vec<RecordedRequest> {
        let mut recorded = self.recorded.clone();
        let enough = recorded.wait_for(|requests| {
            let ended = requests
                .iter()
                .filter(|request| condition(request) && request.end != End::Open);
            ended.count() >= count
        });
        // Too few are the caller's to judge.
        let _enough = timeout(patience, enough).await.is_ok();
        let recorded = self.recorded.borrow();
        let found = recorded.iter().filter(|request| condition(request));
        found.cloned().collect()
    }

    async fn wait_for<T>(
        &self,
        what: &str,
        find: impl Fn(&[RecordedRequest]) -> Option<T>,
    ) -> Result<T> {
        let mut recorded = self.recorded.clone();
        let search = async {
            loop {
                let found = find(&recorded.borrow_and_update());
                if found.is_some() {
                    return found;
                }
                recorded.changed().await.ok()?;
            }
        };
        let found = timeout(PATIENCE, search).await.ok().flatten();
        found.with_context(|| {
            format!(
                "upstream waited for {what}, but has only {:#?}",
                self.requests()
            )
        })
    }

    async fn serve(respond: Box<Respond>, answer_at: AnswerAt) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind an upstream")?;
        let address = listener.local_addr()?;
        let (sender, recorded) = watch::channel(Vec::new());
        let malformed = Arc::new(AtomicUsize::new(0));
        let service = Arc::new(Service {
            respond,
            answer_at,
            recorded: sender,
            malformed: Arc::clone(&malformed),
        });
        let mut server = JoinSet::new();
        server.spawn(accept(listener, service));
        Ok(Self {
            address,
            recorded,
            malformed,
            _server: server,
        })
    }
}

/// Serves every connection; dropping the future drops them all.
async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _unsupported = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        connections.spawn(async move {
            let handling = Arc::clone(&service);
            let handler = service_fn(move |request| Arc::clone(&handling).handle(request));
            let ended = auto::Builder::new(TokioExecutor::new())
                .serve_connection_with_upgrades(TokioIo::new(stream), handler)
                .await;
            // A connection may end in any other way a test provokes: what it carried is in the record.
            let error = ended
                .err()
                .and_then(|error| error.downcast::<hyper::Error>().ok());
            if error.is_some_and(|error| error.is_parse()) {
                service.malformed.fetch_add(1, Ordering::Relaxed);
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Service {
    async fn handle(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<OutgoingBody>, Infallible> {
        let upgrade = hyper::upgrade::on(&mut request);
        let index = self.begin(&request);
        let version = request.version();
        let body = IncomingBody::new(request.into_body(), version);
        match self.answer_at {
            AnswerAt::End | AnswerAt::EndAndForget => self.record(index, body).await,
            AnswerAt::Headers => {
                let service = Arc::clone(&self);
                tokio::spawn(async move { service.record(index, body).await });
            }
        }
        let seen = self.recorded.borrow().get(index).cloned();
        let Some(seen) = seen else {
            return Ok(failure("the request was not recorded"));
        };
        if let AnswerAt::EndAndForget = self.answer_at {
            self.update(index, |request| {
                request.headers = Headers::default();
                request.chunks = Vec::new();
            });
        }
        let mut answer = (self.respond)(&seen);
        if !answer.delay().is_zero() {
            sleep(answer.delay()).await;
        }
        if let Some(tunnel) = answer.take_tunnel() {
            let recorded = tunnel.is_recorded();
            if recorded {
                self.update(index, |request| request.end = End::Open);
            }
            let service = Arc::clone(&self);
            tokio::spawn(async move {
                let Ok(stream) = upgrade.await else { return };
                let record = |chunk| service.update(index, |request| request.chunks.push(chunk));
                tunnel.run(TokioIo::new(stream), record).await;
                if recorded {
                    service.update(index, |request| request.end = End::Complete);
                }
            });
        }
        let service = Arc::clone(&self);
        let left = move || service.update(index, |request| request.left = true);
        Ok(answer
            .into_response(left)
            .unwrap_or_else(|error| failure(&format!("{error:#}"))))
    }

    fn begin(&self, request: &Request<Incoming>) -> usize {
        let headers = Headers::from(request.headers());
        let authority = request.uri().authority().map(ToString::to_string);
        let recorded = RecordedRequest {
            method: request.method().to_string(),
            path: request
                .uri()
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            authority: authority
                .or_else(|| headers.value("host"))
                .unwrap_or_default(),
            scheme: request.uri().scheme_str().map(ToOwned::to_owned),
            version: request.version(),
            headers,
            chunks: Vec::new(),
            trailers: Headers::default(),
            end: End::Open,
            left: false,
        };
        let mut index = 0;
        self.recorded.send_modify(|requests| {
            index = requests.len();
            requests.push(recorded);
        });
        index
    }

    async fn record(&self, index: usize, mut body: IncomingBody) {
        let end = loop {
            match body.next().await {
                Ok(Some(Part::Chunk(chunk))) => {
                    self.update(index, |request| request.chunks.push(chunk));
                }
                Ok(Some(Part::Trailers(trailers))) => {
                    self.update(index, |request| request.trailers = trailers);
                }
                Ok(None) => break End::Complete,
                Err(error) => break End::Broken(format!("{error:#}")),
            }
        };
        self.update(index, |request| request.end = end);
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut RecordedRequest)) {
        self.recorded.send_modify(|requests| {
            if let Some(request) = requests.get_mut(index) {
                change(request);
            }
        });
    }
}

/// A mistake of the test itself, shown where it will be noticed.
fn failure(message: &str) -> Response<OutgoingBody> {
    let mut response = Response::new(full(format!("harness: {message}")));
    *response.status_mut() = hyper::StatusCode::NOT_IMPLEMENTED;
    response
}
