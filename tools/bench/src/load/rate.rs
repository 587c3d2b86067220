//! Requests at a fixed rate, whether answers come or not. What waits for a free connection counts as waiting for Envoy.

use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::{CONNECTIONS_AT_A_RATE, Load, READ, Served};

/// No client has this one.
const TIMER: Token = Token(usize::MAX);

/// When each request is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Instant,
    per_second: u32,
    time: Duration,
}

impl Schedule {
    /// From now on so many in a second for this long, and one at least.
    pub(super) fn new(per_second: u32, time: Duration) -> Self {
        Self {
            start: Instant::now(),
            per_second: per_second.max(1),
            time,
        }
    }

    /// How many were due by then, the first at the start.
    fn due(&self, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.start);
        let until = elapsed.min(self.time);
        let due = until.as_nanos() * u128::from(self.per_second) / 1_000_000_000 + 1;
        usize::try_from(due).unwrap_or(usize::MAX).min(self.all())
    }

    /// How many there are.
    fn all(&self) -> usize {
        let all = self.time.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        usize::try_from(all).unwrap_or(usize::MAX).max(1)
    }

    /// When this one is due; the first is 0.
    fn at(&self, number: usize) -> Instant {
        let nanoseconds = number as u64 * 1_000_000_000 / u64::from(self.per_second);
        self.start + Duration::from_nanos(nanoseconds)
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.per_second
    }

    /// Whether no further request becomes due.
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.start) >= self.time
    }
}

impl Load {
    pub(super) fn keep_to(&mut self, schedule: Schedule, request: &[u8]) -> Result<Served> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        let every = Expiration::Interval(schedule.interval().into());
        timer.set(every, TimerSetTimeFlags::empty())?;
        let descriptor = timer.as_fd().as_raw_fd();
        let mut source = SourceFd(&descriptor);
        let registry = self.poll.registry().try_clone()?;
        registry.register(&mut source, TIMER, Interest::READABLE)?;
        let served = self.send_when_due(schedule, request, &timer);
        registry.deregister(&mut source)?;
        served
    }

    fn send_when_due(
        &mut self,
        schedule: Schedule,
        request: &[u8],
        timer: &TimerFd,
    ) -> Result<Served> {
        let mut events = Events::with_capacity(CONNECTIONS_AT_A_RATE);
        let mut buffer = vec![0; READ];
        let mut served = Served::default();
        let mut idle: Vec<usize> = (0..self.clients.len()).collect();
        let mut sent = 0;
        let mut last_answer = Instant::now();
        loop {
            let now = Instant::now();
            let is_over = schedule.is_over(now);
            // One request at least, however short the time is.
            while sent < schedule.due(now) && (!is_over || sent == 0) {
                let Some(index) = idle.pop() else { break };
                let client = self.clients.get_mut(index).context("no such client")?;
                client.start(request, schedule.at(sent))?;
                sent += 1;
            }
            if is_over && idle.len() == self.clients.len() {
                break;
            }
            self.wait(&mut events)?;
            for event in &events {
                if event.token() == TIMER {
                    clear(timer)?;
                    continue;
                }
                let index = event.token().0;
                let client = self.clients.get_mut(index).context("an event of nobody")?;
                if event.is_writable() {
                    client.write(request)?;
                }
                if event.is_readable() && client.read(&mut buffer)? {
                    served.latencies.push(client.started.elapsed());
                    idle.push(index);
                    last_answer = Instant::now();
                }
            }
            // The timer goes on where Envoy is silent.
            let silence = last_answer.elapsed();
            ensure!(silence < super::PATIENCE, "no answer for {silence:?}");
        }
        served.missed = schedule.all() - sent;
        served.elapsed = schedule.start.elapsed();
        Ok(served)
    }
}

/// Has the timer report again when it expires next.
fn clear(timer: &TimerFd) -> Result<()> {
    match timer.wait().map_err(std::io::Error::from) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error).context("the timer"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::load::{Pace, get};
    use crate::processors::Processors;

    #[test]
    fn requests_are_due_at_even_distances() {
        let schedule = Schedule::new(4000, Duration::from_millis(10));
        let after = |microseconds| schedule.start + Duration::from_micros(microseconds);
        assert_eq!(schedule.all(), 40);
        for (microseconds, due) in [(0, 1), (249, 1), (250, 2), (1000, 5), (9_750, 40)] {
            assert_eq!(schedule.due(after(microseconds)), due, "{microseconds}");
        }
        // None becomes due when the time is up.
        assert_eq!(schedule.due(after(50_000)), 40);
        assert!(!schedule.is_over(after(9_999)) && schedule.is_over(after(10_000)));
        assert_eq!(schedule.at(0), schedule.start);
        assert_eq!(schedule.at(39), after(9_750));
    }

    #[test]
    fn a_rate_that_divides_no_second_does_not_drift() {
        let schedule = Schedule::new(3, Duration::from_secs(100));
        assert_eq!(schedule.all(), 300);
        assert_eq!(
            schedule.at(299) - schedule.start,
            Duration::from_nanos(99_666_666_666)
        );
        assert_eq!(Schedule::new(0, Duration::ZERO).all(), 1);
    }

    /// A server that answers each request after this pause, one at a time.
    fn slow_server(pause: Duration) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let turn = std::sync::Arc::new(std::sync::Mutex::new(()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let turn = std::sync::Arc::clone(&turn);
                thread::spawn(move || serve_slowly(stream, pause, &turn));
            }
        });
        address
    }

    fn serve_slowly(mut stream: std::net::TcpStream, pause: Duration, turn: &std::sync::Mutex<()>) {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer) {
            let _turn = turn.lock();
            thread::sleep(pause);
            let _sent = stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    }

    fn at_a_rate(pause: Duration, per_second: u32, time: Duration) -> Served {
        let processors = Processors::available().unwrap();
        let pace = Pace::PerSecond(per_second);
        let mut load = Load::connect(slow_server(pause), processors, pace).unwrap();
        load.run(&get("/"), time).unwrap()
    }

    #[test]
    fn every_request_is_sent_where_the_server_keeps_up() {
        let served = at_a_rate(Duration::ZERO, 200, Duration::from_millis(400));
        assert_eq!((served.latencies.len(), served.missed), (80, 0));
    }

    #[test]
    fn a_request_that_had_to_wait_counts_from_when_it_was_due() {
        // Eight times as many as are served: all connections are soon in use, and what is due waits.
        let served = at_a_rate(Duration::from_millis(2), 4000, Duration::from_secs(1));
        assert!(served.missed > 500, "{} missed", served.missed);
        // Counted from their first bytes, all together could not take longer than all connections are in use.
        let together: Duration = served.latencies.iter().sum();
        let in_use = served.elapsed * u32::try_from(CONNECTIONS_AT_A_RATE).unwrap();
        assert!(together > in_use, "{together:?} of {in_use:?}");
    }
}
