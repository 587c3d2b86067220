//! A load that keeps nothing: clients that send one request over and over, and an upstream that forgets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::{Connection, Protocol, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections kept open at once.
const CONNECTIONS: usize = 4;

/// An upstream that reads each request to its end and answers 200.
pub(super) struct Sink(SocketAddr);

impl Sink {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Ok(Self(address))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0
    }
}

async fn serve(stream: TcpStream) {
    let answer = service_fn(|request: hyper::Request<Incoming>| async {
        let mut body = request.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from_static(b"ok"))))
    });
    // A connection that Envoy closes is none of the measurement's business.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

/// Clients that repeat one request.
pub(super) struct Load {
    address: SocketAddr,
    request: Request,
}

impl Load {
    pub(super) fn new(address: SocketAddr, body: &str) -> Self {
        let request = Request::post("/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body.to_owned());
        Self { address, request }
    }

    /// Sends for this long and returns how many requests were served.
    pub(super) async fn run(&self, time: Duration) -> Result<u32> {
        let served = Arc::new(AtomicU32::new(0));
        let end = Instant::now() + time;
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let mut connection = Connection::open(self.address, Protocol::Http1).await?;
            let (request, served) = (self.request.clone(), Arc::clone(&served));
            clients.spawn(async move {
                while Instant::now() < end {
                    connection.send(request.clone()).await?.expect_status(200)?;
                    served.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        Ok(served.load(Ordering::Relaxed))
    }
}
