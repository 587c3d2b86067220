//! `rustformations playground`: a page that plays a configuration as one types.

mod copies;
mod examples;
mod play;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, Result};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use play::{Played, Playground as Input};

/// The longest configuration and messages that the page may send, in bytes.
const LONGEST: usize = 8 << 20;

/// Only what this server gives, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves a page on 127.0.0.1 that plays a configuration, a request and an answer as you type.
///
/// Nothing leaves the machine: the page is in the command, loads nothing from elsewhere, and keeps its state in its link.
#[derive(clap::Args)]
pub struct Playground {
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8642)]
    port: u16,
}

impl Playground {
    /// Serves the page until the process is ended.
    ///
    /// # Errors
    /// The port is taken.
    pub fn execute(&self) -> Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            let listener = TcpListener::bind(address);
            let listener = listener
                .await
                .with_context(|| format!("cannot listen on {address}; choose another `--port`"))?;
            let address = listener.local_addr()?;
            writeln!(io::stdout(), "the playground is at http://{address}/")?;
            axum::serve(listener, router(address)).await?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// What the server answers, at this address.
fn router(address: SocketAddr) -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route(
            "/",
            file("text/html; charset=utf-8", include_str!("page/index.html")),
        )
        .route(
            "/page.css",
            file("text/css; charset=utf-8", include_str!("page/page.css")),
        )
        .route(
            "/page.js",
            file(
                "text/javascript; charset=utf-8",
                include_str!("page/page.js"),
            ),
        )
        .route(
            "/result.js",
            file(
                "text/javascript; charset=utf-8",
                include_str!("page/result.js"),
            ),
        )
        .route(
            "/state.js",
            file(
                "text/javascript; charset=utf-8",
                include_str!("page/state.js"),
            ),
        )
        .route("/examples.json", get(|| async { Json(examples::all()) }))
        .route("/play", post(played))
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(middleware::from_fn_with_state(address, guarded))
}

async fn played(Json(input): Json<Input>) -> Response {
    let played = spawn_blocking(move || input.play()).await;
    match played {
        Ok(played) => Json::<Played>(played).into_response(),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the engine panicked: a bug",
        )
            .into_response(),
    }
}

/// Answers only who calls the server by its address: a page elsewhere whose name is made to lead here is refused.
async fn guarded(State(address): State<SocketAddr>, request: Request, next: Next) -> Response {
    let port = address.port();
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let known = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let from_here = |origin: &str| {
        known
            .iter()
            .any(|known| origin == format!("http://{known}"))
    };
    if !known.iter().any(|known| host == Some(known)) || !origin.is_none_or(from_here) {
        return (
            StatusCode::FORBIDDEN,
            "the playground answers its own page only",
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
