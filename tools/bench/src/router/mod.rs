//! A router of bodies that Envoy asks by `ext_proc`: as little as such a service can be. It finds `model` by serde,
//! names it in a header and has the route chosen again.

mod frames;
mod messages;

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use harness::Cluster;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::peers::ROUTER;
use super::processors::Processors;
use frames::Frames;
use messages::Exchange;

/// No body that is measured waits for room in a window.
const WINDOW: u32 = 64 << 20;

/// Large bodies come in few frames.
const FRAME: u32 = 1 << 20;

/// The router, served by a thread of its own for as long as the process runs.
#[derive(Debug)]
pub(super) struct Router {
    directory: TempDir,
    clock: ClockId,
}

impl Router {
    pub(super) fn start(processors: Processors) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("router-").tempdir()?;
        let listener = UnixListener::bind(socket(directory.path()))?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            // Whoever starts it waits for the clock.
            let _started = sender.send(clock_of_this_thread());
            // Whoever waits for an answer that does not come has a time limit.
            let served = processors
                .pin_load()
                .and_then(|()| runtime.block_on(serve(listener)));
            if let Err(error) = served {
                eprintln!("the router failed: {error:#}");
            }
        });
        let clock = receiver.recv().context("the router did not start")?;
        Ok(Self { directory, clock })
    }

    /// The processor time that it has used.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        let time = clock_gettime(self.clock).context("the router has ended")?;
        Ok(time.into())
    }

    /// The cluster of it.
    pub(super) fn cluster(&self) -> Cluster {
        let path = socket(self.directory.path());
        let endpoint = json!({"address": {"pipe": {"path": path}}});
        // The address is replaced by the socket's.
        Cluster::new(ROUTER, ([127, 0, 0, 1], 1).into())
            .http2()
            .field(
                "load_assignment",
                json!({
                    "cluster_name": ROUTER,
                    "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
                }),
            )
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("socket")
}

/// The clock that other threads can read of this one: Linux makes its number of the thread's.
fn clock_of_this_thread() -> ClockId {
    /// Of one thread, not of its process, and counted by the scheduler.
    const OF_A_THREAD: i32 = 6;
    ClockId::from_raw((!gettid().as_raw() << 3) | OF_A_THREAD)
}

async fn serve(listener: UnixListener) -> Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // Envoys come and go; what they leave half said is no failure of the router.
        tokio::spawn(async { drop(connection(stream).await) });
    }
}

async fn connection(stream: UnixStream) -> Result<()> {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME);
    let mut connection = builder.handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        tokio::spawn(async {
            match exchange(request.into_body(), respond).await {
                Err(error) if !has_left(&error) => eprintln!("the router: {error:#}"),
                _ => {}
            }
        });
    }
    Ok(())
}

/// Whether Envoy has ended the exchange, as it does when its own request is over.
fn has_left(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<h2::Error>();
    error.is_some_and(|error| error.is_reset() || error.is_io() || error.is_go_away())
}

async fn exchange(mut asked: RecvStream, mut respond: SendResponse<Bytes>) -> Result<()> {
    let head = http::Response::builder().header("content-type", "application/grpc");
    let mut answers = respond.send_response(head.body(())?, false)?;
    let (mut frames, mut exchange) = (Frames::default(), Exchange::default());
    while let Some(data) = asked.data().await {
        let data = data?;
        asked.flow_control().release_capacity(data.len())?;
        frames.feed(&data);
        while let Some(message) = frames.next_message()? {
            for answer in exchange.answers(&message)? {
                let (head, body) = (answer.head, answer.body);
                answers.send_data(frames::framed(&head, body.len()), false)?;
                if !body.is_empty() {
                    answers.send_data(body, false)?;
                }
            }
        }
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    // Envoy may have left: then nobody waits for them.
    let _sent = answers.send_trailers(trailers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_s_clock_is_read_by_another() {
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let busy = thread::spawn(move || {
            let began = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
            let mut sum = 0_u64;
            while Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap() - began)
                < Duration::from_millis(20)
            {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
            sender.send(clock_of_this_thread()).unwrap();
            // A thread that has ended has no clock.
            ended.recv().unwrap_err();
        });
        let clock = receiver.recv().unwrap();
        let used = Duration::from(clock_gettime(clock).unwrap());
        drop(end);
        busy.join().unwrap();
        assert!(used >= Duration::from_millis(20), "{used:?}");
        assert!(used < Duration::from_secs(2), "{used:?}");
    }
}
