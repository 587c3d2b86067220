//! What the callbacks return, seen from outside: a message is sent step by step, and each step either goes on to the
//! other side at once or is held.
//!
//! Which kind of stop a callback returned cannot be seen, only that it stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::{End, PendingResponse};
use tokio::time::sleep;

use cases::{Body, Callback, Passage};

use super::play::Scene;
use super::take::chunks;

/// What has not gone on by then is held.
const HOLD: Duration = Duration::from_millis(150);

/// How long the last step may take, which only a local reply holds.
const PATIENCE: Duration = Duration::from_secs(3);

const POLL: Duration = Duration::from_millis(5);

/// How much of a message the other side has.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    headers: bool,
    bytes: usize,
    end: bool,
}

type Calls = BTreeMap<Callback, Vec<Passage>>;

fn passage(passed: bool) -> Passage {
    match passed {
        true => Passage::Passes,
        false => Passage::Held,
    }
}

/// Sends the message of each expected callback step by step.
///
/// # Errors
/// The gateway cannot be reached.
pub(crate) async fn probe(scene: &Scene<'_>) -> Result<Calls> {
    let mut calls = Calls::new();
    let expected = scene.case.case.expect.callbacks.keys().copied();
    let (requests, responses): (Vec<Callback>, Vec<Callback>) =
        expected.partition(|callback| callback.is_of_the_request());
    if !requests.is_empty() {
        request(scene, &mut calls).await?;
    }
    if !responses.is_empty() {
        response(scene, &mut calls).await?;
    }
    Ok(calls)
}

async fn request(scene: &Scene<'_>, calls: &mut Calls) -> Result<()> {
    let upstream = &scene.upstream.upstream;
    let index = upstream.requests().len();
    let progress = || {
        let requests = upstream.requests();
        let request = requests.get(index);
        request.map_or_else(Progress::default, |request| Progress {
            headers: true,
            bytes: request.body().len(),
            end: request.end == End::Complete,
        })
    };
    let body = scene.case.request_body();
    let trailers = scene.case.request_trailers();
    let connection = scene.connect().await?;
    if *body == Body::None && trailers.is_empty() {
        let mut connection = connection;
        let request = scene.wire.request(scene.case);
        let _response = tokio::time::timeout(PATIENCE, connection.send(request)).await;
        calls.insert(
            Callback::OnRequestHeaders,
            vec![passage(progress().headers)],
        );
        return Ok(());
    }
    let (mut writer, response) = connection.begin(scene.wire.head(scene.case))?;
    let reading = read(response);
    let passed = until(HOLD, || progress().headers).await;
    calls.insert(Callback::OnRequestHeaders, vec![passage(passed)]);
    let chunks = chunks(body);
    let mut passages = Vec::new();
    let mut sent = 0;
    for (number, chunk) in chunks.iter().enumerate() {
        // A local reply may have ended the exchange: the rest is then held for ever.
        let wanted = writer.send(chunk.clone()).await.is_ok();
        sent += chunk.len();
        let last = number + 1 == chunks.len() && trailers.is_empty();
        if !last {
            let passed = wanted && until(HOLD, || progress().bytes >= sent).await;
            passages.push(passage(passed));
        }
    }
    let answered = || reading.progress().end;
    let callback = if trailers.is_empty() {
        writer.finish();
        Callback::OnRequestBody
    } else {
        let trailers: Vec<(&str, &str)> = trailers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let _unwanted = writer.finish_with(&trailers).await;
        calls.insert(Callback::OnRequestBody, std::mem::take(&mut passages));
        Callback::OnRequestTrailers
    };
    until(PATIENCE, || progress().end || answered()).await;
    passages.push(passage(progress().end));
    calls.insert(callback, passages);
    Ok(())
}

async fn response(scene: &Scene<'_>, calls: &mut Calls) -> Result<()> {
    let body = scene.case.response_body();
    let trailers = scene.case.response_trailers();
    let mut connection = scene.connect().await?;
    let request = scene.wire.request(scene.case);
    if *body == Body::None && trailers.is_empty() {
        // Headers that end the response: stopped there, it never comes.
        let response = tokio::time::timeout(PATIENCE, connection.send(request)).await;
        let passed = matches!(response, Ok(Ok(_))) && !is_replaced(scene);
        calls.insert(Callback::OnResponseHeaders, vec![passage(passed)]);
        return Ok(());
    }
    let (stream, answer) = scene.wire.answer_head(scene.case).streamed();
    let answer = trailers
        .iter()
        .cloned()
        .fold(answer, |answer, (name, value)| answer.trailer(name, value));
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
    calls.insert(Callback::OnResponseHeaders, vec![passage(passed)]);
    let chunks = chunks(body);
    let mut passages = Vec::new();
    let mut sent = 0;
    for (number, chunk) in chunks.iter().enumerate() {
        let wanted = stream.send(chunk.clone()).await.is_ok();
        sent += chunk.len();
        let last = number + 1 == chunks.len() && trailers.is_empty();
        if !last {
            let passed = wanted && until(HOLD, || reading.progress().bytes >= sent).await;
            passages.push(passage(passed));
        }
    }
    drop(stream);
    let end = until(PATIENCE, || reading.progress().end).await && !is_replaced(scene);
    if trailers.is_empty() {
        passages.push(passage(end));
        calls.insert(Callback::OnResponseBody, passages);
    } else {
        calls.insert(Callback::OnResponseBody, passages);
        calls.insert(Callback::OnResponseTrailers, vec![passage(end)]);
    }
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
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
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
            Ok(Some(chunk)) => update(&|progress| progress.bytes += chunk.data.len()),
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
