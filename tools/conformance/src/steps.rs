//! What goes on when: a message is sent step by step, and each step either goes on to the other side at once or is held.
//!
//! Which kind of stop a callback returned cannot be seen, only that it stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::{End, PendingResponse};
use tokio::time::sleep;

use cases::{Body, Callback, Change, Expect, Matcher, Pass, Passage};

use super::play::Scene;
use super::take::chunks;

/// What has not gone on by then is held.
const HOLD: Duration = Duration::from_millis(150);

/// How long the last step may take, which only a local reply holds.
const PATIENCE: Duration = Duration::from_secs(3);

const POLL: Duration = Duration::from_millis(5);

/// How much of a message the other side has.
#[derive(Clone, Debug, Default)]
struct Progress {
    headers: bool,
    body: Vec<u8>,
    end: bool,
}

/// What came of the steps.
#[derive(Default)]
pub(crate) struct Steps {
    /// Of each expected callback, what became of what each call was given.
    pub(crate) callbacks: BTreeMap<Callback, Vec<Passage>>,
    /// Of each message whose pieces are expected, what had gone on after each.
    pub(crate) pieces: BTreeMap<Pass, Vec<Vec<u8>>>,
}

/// The pieces of one message on their way.
struct Pieces<'a> {
    /// What is expected to have gone on after each.
    expected: Option<&'a [Matcher]>,
    sent: usize,
    passages: Vec<Passage>,
    gone: Vec<Vec<u8>>,
}

impl<'a> Pieces<'a> {
    fn of(change: Option<&'a Change>) -> Self {
        Self {
            expected: change.and_then(|change| change.pieces.as_deref()),
            sent: 0,
            passages: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Waits for what comes of one more piece, which the sender could send or not.
    async fn follow(&mut self, piece: usize, sent: bool, progress: impl Fn() -> Progress) {
        self.sent += piece;
        let before: usize = self.gone.iter().map(Vec::len).sum();
        let since = |progress: &Progress| progress.body.get(before..).unwrap_or_default().to_vec();
        let expected = self
            .expected
            .and_then(|expected| expected.get(self.gone.len()));
        let passed = match expected {
            None => sent && until(HOLD, || progress().body.len() >= self.sent).await,
            // That nothing comes shows only when time has passed.
            Some(expected) if expected.matches(b"", b"") => {
                sent && until(HOLD, || progress().body.len() > before).await
            }
            Some(expected) => {
                let met = || expected.matches(&since(&progress()), b"");
                sent && until(PATIENCE, met).await
            }
        };
        self.passages.push(passage(passed));
        self.gone.push(since(&progress()));
    }

    /// The last piece, after which the message has ended.
    fn end(&mut self, ended: bool, body: &[u8]) {
        let before: usize = self.gone.iter().map(Vec::len).sum();
        self.passages.push(passage(ended));
        self.gone
            .push(body.get(before..).unwrap_or_default().to_vec());
    }
}

fn passage(passed: bool) -> Passage {
    match passed {
        true => Passage::Passes,
        false => Passage::Held,
    }
}

/// Whether the case expects anything that only steps show.
pub(crate) fn are_expected(expect: &Expect) -> bool {
    let pieces = |change: &Option<Change>| change.as_ref().is_some_and(|one| one.pieces.is_some());
    !expect.callbacks.is_empty() || pieces(&expect.request) || pieces(&expect.response)
}

/// Sends each message that is expected to go on in steps, step by step.
///
/// # Errors
/// The gateway cannot be reached.
pub(crate) async fn probe(scene: &Scene<'_>) -> Result<Steps> {
    let mut steps = Steps::default();
    let expect = &scene.case.case.expect;
    let request = Pieces::of(expect.request.as_ref());
    let response = Pieces::of(expect.response.as_ref());
    let (requests, responses): (Vec<Callback>, Vec<Callback>) = expect
        .callbacks
        .keys()
        .partition(|callback| callback.is_of_the_request());
    if !requests.is_empty() || request.expected.is_some() {
        self::request(scene, request, &mut steps).await?;
    }
    if !responses.is_empty() || response.expected.is_some() {
        self::response(scene, response, &mut steps).await?;
    }
    Ok(steps)
}

async fn request(scene: &Scene<'_>, mut pieces: Pieces<'_>, steps: &mut Steps) -> Result<()> {
    let upstream = &scene.upstream.upstream;
    let index = upstream.requests().len();
    let progress = || {
        let requests = upstream.requests();
        let request = requests.get(index);
        request.map_or_else(Progress::default, |request| Progress {
            headers: true,
            body: request.body().to_vec(),
            end: request.end == End::Complete,
        })
    };
    let body = scene.case.request_body();
    let trailers = scene.case.request_trailers();
    let broken_off = scene.case.case.request.0.broken_off;
    let connection = scene.connect().await?;
    if *body == Body::None && trailers.is_empty() && !broken_off {
        let mut connection = connection;
        let request = scene.wire.request(scene.case);
        let _response = tokio::time::timeout(PATIENCE, connection.send(request)).await;
        let passages = vec![passage(progress().headers)];
        steps.callbacks.insert(Callback::OnRequestHeaders, passages);
        return Ok(());
    }
    let (mut writer, response) = connection.begin(scene.wire.head(scene.case))?;
    let reading = read(response);
    let passed = until(HOLD, || progress().headers).await;
    steps
        .callbacks
        .insert(Callback::OnRequestHeaders, vec![passage(passed)]);
    let chunks = chunks(body);
    let ends = trailers.is_empty() && !broken_off;
    for (number, chunk) in chunks.iter().enumerate() {
        // A local reply may have ended the exchange: the rest is then held for ever.
        let sent = writer.send(chunk.clone()).await.is_ok();
        if number + 1 < chunks.len() || !ends {
            pieces.follow(chunk.len(), sent, progress).await;
        }
    }
    let answered = || reading.progress().end;
    let ended = if broken_off {
        writer.abort();
        None
    } else if ends {
        writer.finish();
        until(PATIENCE, || progress().end || answered()).await;
        pieces.end(progress().end, &progress().body);
        None
    } else {
        let trailers: Vec<(&str, &str)> = trailers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let _unwanted = writer.finish_with(&trailers).await;
        until(PATIENCE, || progress().end || answered()).await;
        Some(progress().end)
    };
    if let Some(ended) = ended {
        let passages = vec![passage(ended)];
        steps
            .callbacks
            .insert(Callback::OnRequestTrailers, passages);
    }
    steps
        .callbacks
        .insert(Callback::OnRequestBody, pieces.passages);
    steps.pieces.insert(Pass::Request, pieces.gone);
    Ok(())
}

async fn response(scene: &Scene<'_>, mut pieces: Pieces<'_>, steps: &mut Steps) -> Result<()> {
    let body = scene.case.response_body();
    let trailers = scene.case.response_trailers();
    let broken_off = scene
        .case
        .response()
        .is_some_and(|answer| answer.broken_off);
    let mut connection = scene.connect().await?;
    let request = scene.wire.request(scene.case);
    if *body == Body::None && trailers.is_empty() && !broken_off {
        // Headers that end the response: stopped there, it never comes.
        let response = tokio::time::timeout(PATIENCE, connection.send(request)).await;
        let passed = matches!(response, Ok(Ok(_))) && !is_replaced(scene);
        let passages = vec![passage(passed)];
        steps
            .callbacks
            .insert(Callback::OnResponseHeaders, passages);
        return Ok(());
    }
    let (stream, answer) = scene.wire.answer_head(scene.case).streamed();
    let answer = match broken_off {
        true => answer.abort(),
        false => trailers
            .iter()
            .cloned()
            .fold(answer, |answer, (name, value)| answer.trailer(name, value)),
    };
    scene.upstream.answer_with(answer);
    let progress = Arc::new(Mutex::new(Progress::default()));
    let seen = Arc::clone(&progress);
    let reader = tokio::spawn(async move {
        if let Ok(response) = connection.stream(request).await {
            follow(response, &seen).await;
        }
    });
    let reading = Reading { progress, reader };
    let passed = until(HOLD, || reading.progress().headers).await;
    steps
        .callbacks
        .insert(Callback::OnResponseHeaders, vec![passage(passed)]);
    let chunks = chunks(body);
    let ends = trailers.is_empty() && !broken_off;
    for (number, chunk) in chunks.iter().enumerate() {
        let sent = stream.send(chunk.clone()).await.is_ok();
        if number + 1 < chunks.len() || !ends {
            pieces
                .follow(chunk.len(), sent, || reading.progress())
                .await;
        }
    }
    drop(stream);
    if !broken_off {
        let end = until(PATIENCE, || reading.progress().end).await && !is_replaced(scene);
        if ends {
            pieces.end(end, &reading.progress().body);
        } else {
            steps
                .callbacks
                .insert(Callback::OnResponseTrailers, vec![passage(end)]);
        }
    }
    steps
        .callbacks
        .insert(Callback::OnResponseBody, pieces.passages);
    steps.pieces.insert(Pass::Response, pieces.gone);
    Ok(())
}

/// Whether the filter is to answer in the upstream's place: the case compares the details, so they can be relied on.
fn is_replaced(scene: &Scene<'_>) -> bool {
    let details = scene.case.case.expect.details.as_deref();
    details.is_some_and(|details| details != "via_upstream")
}

/// A response that is being read.
struct Reading {
    progress: Arc<Mutex<Progress>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Reading {
    fn progress(&self) -> Progress {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn read(response: PendingResponse) -> Reading {
    let progress = Arc::new(Mutex::new(Progress::default()));
    let seen = Arc::clone(&progress);
    let reader = tokio::spawn(async move {
        if let Ok(response) = response.stream().await {
            follow(response, &seen).await;
        }
    });
    Reading { progress, reader }
}

async fn follow(mut response: harness::ResponseStream, seen: &Mutex<Progress>) {
    let update = |change: &dyn Fn(&mut Progress)| {
        change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
    };
    update(&|progress| progress.headers = true);
    loop {
        match response.next().await {
            Ok(Some(chunk)) => update(&|progress| progress.body.extend_from_slice(&chunk.data)),
            Ok(None) => return update(&|progress| progress.end = true),
            Err(_) => return,
        }
    }
}

async fn until(time: Duration, happened: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + time;
    loop {
        if happened() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        sleep(POLL).await;
    }
}
