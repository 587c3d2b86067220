//! Bodies around the buffer limit: Envoy's own, and `limits.maxHeldBytes` below it, equal to it and above it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, Bootstrap, Cluster, End, Envoy, EnvoyRelease, Protocol, RecordedRequest, Request,
    Response, Route, Upstream,
};
use serde_json::{Value, json};

use super::together::{Together, logged};
use crate::gateway::MODEL;
use crate::stage::{Stage, same};

/// Envoy's limit, and with it the window of HTTP/2, which is the limit there if it is larger.
const LIMIT: usize = 64 << 10;

/// `limits.maxHeldBytes`.
const HELD: [Option<usize>; 4] = [None, Some(LIMIT / 2), Some(LIMIT), Some(2 * LIMIT)];

/// Below all limits, twice between some of them, and above all.
const SIZES: [usize; 4] = [20_000, 40_000, 100_000, 200_000];

/// How a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Arrival {
    Burst,
    Pieces,
    Http2,
    /// With HTTP/2's usual window, and so a limit of 16 MiB.
    Http2Wide,
}

const ARRIVALS: [Arrival; 4] = [
    Arrival::Burst,
    Arrival::Pieces,
    Arrival::Http2,
    Arrival::Http2Wide,
];

/// A message at a limit.
#[derive(Clone, Copy, Debug)]
struct Case {
    release: EnvoyRelease,
    held: Option<usize>,
    arrival: Arrival,
    trailers: bool,
    size: usize,
}

/// What has to become of a message of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fits {
    Yes,
    No,
    /// The releases differ, and what is documented leaves it open.
    Either,
}

impl Case {
    fn all(release: EnvoyRelease) -> impl Iterator<Item = Self> {
        HELD.into_iter().flat_map(move |held| {
            ARRIVALS.into_iter().flat_map(move |arrival| {
                [false, true].into_iter().flat_map(move |trailers| {
                    SIZES.into_iter().map(move |size| Self {
                        release,
                        held,
                        arrival,
                        trailers,
                        size,
                    })
                })
            })
        })
    }

    fn name(self) -> String {
        let Self {
            held,
            arrival,
            trailers,
            size,
            ..
        } = self;
        let held = held.map_or("unset".to_owned(), |held| held.to_string());
        let trailers = if trailers { " × trailers" } else { "" };
        format!("maxHeldBytes {held} × {arrival:?}{trailers} × {size} bytes")
    }

    fn path(self) -> String {
        format!("/{}", self.name().replace([' ', '×'], "-"))
    }

    /// The listener's name.
    fn listener(self) -> String {
        listener_name(self.held, self.arrival == Arrival::Http2Wide)
    }

    /// The smaller and the larger of the limits that may hold.
    fn limits(self) -> (usize, usize) {
        match (self.held, self.arrival) {
            (Some(held), Arrival::Http2Wide) => (held, held),
            (None, Arrival::Http2Wide) => (1 << 20, 1 << 20),
            (Some(held), _) => (held.min(LIMIT), held.max(LIMIT)),
            // Earlier releases do not tell the module their limit.
            (None, _) if self.release.at_least(1, 38) => (LIMIT, LIMIT),
            (None, _) => (LIMIT, 1 << 20),
        }
    }

    fn fits(self, size: usize) -> Fits {
        let (smaller, larger) = self.limits();
        match size {
            _ if size < smaller => Fits::Yes,
            _ if size > larger => Fits::No,
            _ => Fits::Either,
        }
    }

    /// The same for a message that is held whole: from 1.38 on `maxHeldBytes` is the limit.
    fn fits_whole(self, size: usize) -> Fits {
        match self.held {
            Some(held) if self.release.at_least(1, 38) && size < held => Fits::Yes,
            _ => self.fits(size),
        }
    }

    /// A request with this body.
    fn request(self, body: &str) -> Request {
        let request = Request::post(&self.path()).header("content-type", "application/json");
        let request = match self.arrival {
            Arrival::Burst if self.trailers => request.chunks([body.to_owned()]),
            Arrival::Burst => request.body(body.to_owned()),
            Arrival::Pieces => request.chunks(pieces(body)),
            Arrival::Http2 | Arrival::Http2Wide => request.http2().ended_chunks(pieces(body)),
        };
        match self.trailers {
            true => request.trailer("x-after", "sent"),
            false => request,
        }
    }

    /// A request without a body, for an answer of this kind.
    fn ask(self) -> Request {
        let protocol = match self.arrival {
            Arrival::Burst | Arrival::Pieces => Protocol::Http1,
            Arrival::Http2 | Arrival::Http2Wide => Protocol::Http2,
        };
        Request::get(&self.path()).by(protocol)
    }

    fn answer(self) -> Answer {
        let body = named_first("a", self.size);
        let answer = match self.arrival {
            Arrival::Burst => Answer::body(body),
            _ => Answer::chunks(pieces(&body)),
        };
        let answer = answer.header("content-type", "application/json");
        match self.trailers {
            true => answer.trailer("x-after", "sent"),
            false => answer,
        }
    }
}

fn listener_name(held: Option<usize>, wide: bool) -> String {
    format!("{held:?} {wide}")
}

/// Each a little more than what one read of Envoy's takes.
fn pieces(body: &str) -> Vec<Vec<u8>> {
    body.as_bytes().chunks(17_000).map(<[u8]>::to_vec).collect()
}

/// A body of this size whose model comes first.
fn named_first(model: &str, size: usize) -> String {
    let (front, back) = (format!("{{\"model\":\"{model}\",\"text\":\""), "\"}");
    let text = "y".repeat(size - front.len() - back.len());
    front + &text + back
}

/// A body over every limit whose model comes after so many bytes.
fn named_after(offset: usize) -> String {
    let text = |size| "y".repeat(size);
    let rest = 250_000 - offset;
    format!(
        "{{\"before\":\"{}\",\"model\":\"gpt-4o\",\"text\":\"{}\"}}",
        text(offset),
        text(rest)
    )
}

/// An Envoy with a listener for each `maxHeldBytes` and window.
struct Limited {
    envoy: Arc<Envoy>,
    addresses: HashMap<String, SocketAddr>,
    upstream: Upstream,
}

impl Limited {
    async fn start(stage: &Stage, config: &Value) -> Result<Arc<Self>> {
        let release = stage.release;
        let upstream = Upstream::start(move |request| {
            let mut cases = Case::all(release);
            let case = cases.find(|case| case.path() == request.path);
            match (request.method.as_str(), case) {
                ("GET", Some(case)) => case.answer(),
                _ => Answer::status(200),
            }
        })
        .await?;
        let mut bootstrap = Bootstrap::new();
        for wide in [false, true] {
            for held in HELD {
                let mut config = config.clone();
                if let Some(held) = held {
                    config["limits"] = json!({"maxHeldBytes": held});
                }
                bootstrap = bootstrap.beside(listener(&listener_name(held, wide), wide, config));
            }
        }
        // Trailers travel by HTTP/2 whatever the request said of them.
        let cluster = Cluster::new("upstream", upstream.address()).http2();
        let envoy = stage.envoy(&bootstrap.add_cluster(cluster)).await?;
        let addresses = envoy.listener_addresses().await?.into_iter().collect();
        Ok(Arc::new(Self {
            envoy,
            addresses,
            upstream,
        }))
    }

    async fn send(&self, case: Case, request: Request) -> Result<Response> {
        let address = self.addresses.get(&case.listener());
        request
            .send(*address.context("a case without a listener")?)
            .await
    }

    /// Whether Envoy cut an answer off by its own fault. Releases before 1.36.6 and 1.37.2 move the
    /// last frame of what a module let go to a buffer, also one that is over its limit: HTTP/2 from the
    /// upstream can bring such a frame when the client reads slowly.
    async fn envoy_cut_it(&self, case: Case) -> Result<bool> {
        let faulty = !case.release.at_least(1, 38);
        let stats = self.envoy.stats("rs_too_large").await?;
        let counts = stats.lines().filter_map(|line| line.rsplit(' ').next());
        let too_large: u64 = counts.filter_map(|count| count.parse::<u64>().ok()).sum();
        let cut = faulty && case.arrival == Arrival::Burst && too_large > 0;
        if cut {
            eprintln!(
                "{}: Envoy {} cut it off by its own fault",
                case.name(),
                case.release
            );
        }
        Ok(cut)
    }

    /// What the upstream saw of a case, once it has ended.
    async fn seen(&self, case: Case) -> Result<RecordedRequest> {
        let path = case.path();
        let seen = self
            .upstream
            .settled(1, Duration::from_secs(2), |request| request.path == path)
            .await;
        ensure!(
            seen.len() == 1,
            "the upstream was reached {} times",
            seen.len()
        );
        let seen = seen.into_iter().next().context("nothing seen")?;
        ensure!(
            seen.end == End::Complete,
            "the request ended with {:?}",
            seen.end
        );
        let trailer = case.trailers.then_some("sent");
        same(
            "trailer",
            seen.trailers.value("x-after").as_deref(),
            trailer,
        )?;
        Ok(seen)
    }

    async fn counted(&self, case: Case) -> Result<String> {
        logged(&self.envoy, &case.path()).await
    }
}

fn listener(name: &str, wide: bool, config: Value) -> Bootstrap {
    let listener = Bootstrap::named(name)
        .filter(config)
        .http1_trailers()
        .access_log("%REQ(:PATH)%|%DYNAMIC_METADATA(rustformations:failure)%")
        .buffer_limit(u32::try_from(LIMIT).unwrap_or(u32::MAX))
        .route(Route::to("upstream"));
    match wide {
        true => listener,
        false => listener.connection_manager(
            "http2_protocol_options",
            json!({"initial_stream_window_size": LIMIT}),
        ),
    }
}

/// Plays cases with this configuration.
async fn play<F>(
    stage: &Stage,
    what: &str,
    cases: impl Iterator<Item = Case>,
    config: Value,
    case: impl Fn(Arc<Limited>, Case) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let limited = Limited::start(stage, &config).await?;
    let mut together = Together::default();
    for each in cases {
        together.play(each.name(), case(Arc::clone(&limited), each));
    }
    together.finish(&format!("{} {what}", stage.release)).await
}

/// Whatever its size, it goes on unchanged; a field behind the limit counts as missing.
pub(crate) async fn streamed_requests(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"bodyMode": "streamed", "extract": [{"header": MODEL}]}});
    play(
        stage,
        "streamed requests",
        Case::all(stage.release),
        config,
        |limited, case| async move {
            let body = named_after(case.size);
            let response = limited.send(case, case.request(&body)).await?;
            same("status", response.status, 200)?;
            let seen = limited.seen(case).await?;
            ensure!(seen.text() == body, "the body has changed");
            let found = seen.headers.value(MODEL);
            let expected = match found.is_some() {
                true => "-",
                false => "limit",
            };
            same("counted", limited.counted(case).await?.as_str(), expected)?;
            // The piece that reaches the limit is read too, and may be as large as two limits.
            let fits = match case.fits(case.size) {
                Fits::No if case.fits(case.size.saturating_sub(2 * LIMIT)) != Fits::No => {
                    Fits::Either
                }
                fits => fits,
            };
            match fits {
                Fits::Yes => same("model", found.as_deref(), Some("gpt-4o")),
                Fits::No => same("model", found, None::<String>),
                Fits::Either => Ok(()),
            }
        },
    )
    .await
}

/// Edited, or refused with 413.
pub(crate) async fn held_requests(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"patch": [{"replace": "/model", "value": "longer"}]}});
    play(
        stage,
        "held requests",
        Case::all(stage.release),
        config,
        |limited, case| async move {
            let response = limited
                .send(case, case.request(&named_first("a", case.size)))
                .await?;
            let fits = case.fits_whole(case.size);
            if fits == Fits::No || (fits == Fits::Either && response.status != 200) {
                return same("status", response.status, 413);
            }
            same("status", response.status, 200)?;
            let edited = named_first("longer", case.size + "longer".len() - "a".len());
            let seen = limited.seen(case).await?;
            ensure!(seen.text() == edited, "the body is not the edited one");
            same("counted", limited.counted(case).await?.as_str(), "-")
        },
    )
    .await
}

/// Edited, or as it was and counted: an answer that the upstream has given is never lost.
pub(crate) async fn held_responses(stage: &Stage) -> Result<()> {
    let config = json!({"response": {"patch": [{"replace": "/model", "value": "longer"}]}});
    play(
        stage,
        "held responses",
        Case::all(stage.release),
        config,
        |limited, case| async move {
            let response = match limited.send(case, case.ask()).await {
                Err(_) if limited.envoy_cut_it(case).await? => return Ok(()),
                response => response?,
            };
            same("status", response.status, 200)?;
            let trailer = case.trailers.then_some("sent");
            same(
                "trailer",
                response.trailers.value("x-after").as_deref(),
                trailer,
            )?;
            let edited = named_first("longer", case.size + "longer".len() - "a".len());
            let (body, counted) = (response.text(), limited.counted(case).await?);
            let is_edited = match case.fits_whole(case.size) {
                Fits::Yes => true,
                Fits::No => false,
                Fits::Either => body == edited,
            };
            if is_edited {
                ensure!(body == edited, "the body is not the edited one");
                return same("counted", counted.as_str(), "-");
            }
            ensure!(
                body == named_first("a", case.size),
                "the body is not what it was"
            );
            same("counted", counted.as_str(), "limit")
        },
    )
    .await
}

/// A request and an answer that fit, and no longer fit once they are edited.
pub(crate) async fn bodies_that_outgrow_the_limit(stage: &Stage) -> Result<()> {
    let cases = Case::all(stage.release).filter(|case| case.fits_whole(case.size) == Fits::Yes);
    let grown = "g".repeat(40_000);
    let patch = json!({"patch": [{"replace": "/model", "value": grown}]});
    let config = json!({"request": patch, "response": patch, "limits": {"renderedBytes": 1 << 20}});
    play(
        stage,
        "bodies that grow",
        cases,
        config,
        move |limited, case| {
            let grown = grown.clone();
            async move {
                let edited = named_first(&grown, case.size + grown.len() - "a".len());
                let response = limited
                    .send(case, case.request(&named_first("a", case.size)))
                    .await?;
                let raised = case.release.at_least(1, 38);
                if raised || response.status != 413 {
                    same("status", response.status, 200)?;
                    let seen = limited.seen(case).await?;
                    ensure!(seen.text() == edited, "the request is not the edited one");
                }
                let response = limited.send(case, case.ask()).await?;
                same("status of the answer", response.status, 200)?;
                let body = response.text();
                let kept = !raised && body == named_first("a", case.size);
                ensure!(kept || body == edited, "the answer is not the edited one");
                Ok(())
            }
        },
    )
    .await
}

/// `buffer` sets its limit for the whole stream. It is one of requests: an answer is held as without it.
pub(crate) async fn answers_beside_a_filter_that_bounds_requests(stage: &Stage) -> Result<()> {
    let long = json!({"model": "a", "x": "y".repeat(5000)}).to_string();
    let edited = long.replace("\"a\"", "\"edited\"");
    let upstream = Upstream::start(move |_| {
        Answer::body(long.clone()).header("content-type", "application/json")
    });
    let upstream = upstream.await?;
    let buffer = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": 2000,
    });
    let patch = json!({"response": {"patch": [{"replace": "/model", "value": "edited"}]}});
    let rule = json!({"response": {"reject": [
        {"when": "string(response.body).contains('yyy')", "status": 451},
    ]}});
    for (config, status) in [(patch, 200), (rule, 451)] {
        let before = Bootstrap::new().http_filter("buffer", &buffer);
        let behind = Bootstrap::new().filter(config.clone());
        for listener in [before.filter(config), behind.http_filter("buffer", &buffer)] {
            let cluster = Cluster::new("upstream", upstream.address());
            let listener = listener.add_cluster(cluster).route(Route::to("upstream"));
            let envoy = stage.envoy(&listener).await?;
            let request = Request::post("/").body("{}");
            let response = request.send(envoy.address().await?).await?;
            same("status", response.status, status)?;
            if status == 200 {
                same("answer", response.text().as_str(), edited.as_str())?;
            }
        }
    }
    Ok(())
}
