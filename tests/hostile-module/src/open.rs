//! What works while a stream is not over: callouts, schedulers, the route, the answer that was begun.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyEvent, EnvoyHttpFilter, EnvoyHttpFilterScheduler, EnvoyOpenStream, HeldRequest,
    HeldResponse,
};

use crate::filter::Hostile;
use crate::reads;

/// Schedulers that outlive their streams.
static KEPT: Mutex<Vec<EnvoyHttpFilterScheduler>> = Mutex::new(Vec::new());

/// Proofs that outlive what they prove.
static STALE: Mutex<Vec<(Option<HeldRequest>, Option<HeldResponse>)>> = Mutex::new(Vec::new());

/// Does what `word` says; false when it is no such call. In a hook whose handle has it not, nothing.
pub(crate) fn perform(filter: &Hostile, envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    schedule(filter, envoy, word)
        || call_out(envoy, word)
        || choose(envoy, word)
        || reply(envoy, word)
}

/// The wider handle of the hook, if it has one.
fn open(envoy: &mut EnvoyHttpFilter) -> Option<&mut EnvoyOpenStream> {
    if envoy.as_request().is_some() {
        return envoy.as_request().map(|request| &mut ***request);
    }
    if envoy.as_response().is_some() {
        return envoy.as_response().map(|response| &mut **response);
    }
    envoy.as_event().map(|event| &mut ***event)
}

fn schedule(filter: &Hostile, envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    match word {
        "commit_kept" => {
            filter.commit();
            let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().for_each(|scheduler| scheduler.commit(7));
            return true;
        }
        "schedule" | "schedule_twice" | "schedule_drop" | "schedule_thread" | "schedule_late"
        | "schedule_keep" | "schedule_static" | "schedule_forever" | "schedule_many" => {}
        _ => return false,
    }
    let Some(envoy) = open(envoy) else {
        return true;
    };
    let scheduler = envoy.new_scheduler();
    match word {
        "schedule" => {
            scheduler.commit(1);
            filter.keep(scheduler);
        }
        "schedule_twice" => {
            scheduler.commit(1);
            scheduler.commit(u64::MAX);
            filter.keep(scheduler);
        }
        "schedule_many" => {
            for id in 0..50 {
                filter.keep(envoy.new_scheduler());
                scheduler.commit(id);
            }
            filter.keep(scheduler);
        }
        // Gone before the event is due.
        "schedule_drop" => {
            drop(envoy.new_scheduler());
            scheduler.commit(1);
        }
        "schedule_thread" | "schedule_late" => {
            let pause = Duration::from_millis(if word == "schedule_late" { 40 } else { 1 });
            thread::spawn(move || {
                for id in 0..5 {
                    thread::sleep(pause);
                    scheduler.commit(id);
                }
            });
        }
        "schedule_keep" => filter.keep(scheduler),
        "schedule_static" => {
            let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() > 64 {
                kept.clear();
            }
            kept.push(scheduler);
        }
        _ => drop(thread::spawn(move || {
            loop {
                scheduler.commit(1);
                thread::yield_now();
            }
        })),
    }
    true
}

/// A callout, where the handle has them.
fn send(
    envoy: &mut EnvoyHttpFilter,
    cluster: &str,
    headers: &[(&str, &[u8])],
    body: &[u8],
    timeout: u64,
) {
    if let Some(envoy) = envoy.as_request() {
        let _odd = envoy.send_http_callout(cluster, headers, body, timeout);
    }
    if let Some(envoy) = envoy.as_event() {
        let _odd = envoy.send_http_callout(cluster, headers, body, timeout);
    }
}

fn call_out(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    const GOOD: [(&str, &[u8]); 3] = [
        (":method", b"POST"),
        (":path", b"/callout"),
        ("host", b"callout"),
    ];
    let (cluster, times, timeout) = match word {
        "callout_good" => ("upstream", 1, 2000),
        "callout_refused" => ("refusing", 1, 2000),
        "callout_empty" => ("empty", 1, 2000),
        "callout_unknown" => ("unknown", 1, 2000),
        "callout_slow" => ("slow", 1, 30),
        "callout_endless" => ("slow", 1, 600_000),
        "callout_hostile" => ("hostile", 1, 2000),
        "callout_untimed" => ("empty", 3, 0),
        "callout_many" => ("upstream", 20, 2000),
        "callout_odd" => {
            call_out_oddly(envoy);
            return true;
        }
        _ => return false,
    };
    for _time in 0..times {
        send(envoy, cluster, &GOOD, b"body", timeout);
    }
    true
}

fn call_out_oddly(envoy: &mut EnvoyHttpFilter) {
    let path = [&b"/"[..], &[b'x'; 70_000]].concat();
    let headers: [&[(&str, &[u8])]; 8] = [
        &[],
        &[(":method", b"GET")],
        &[(":method", b""), (":path", b""), ("host", b"")],
        &[
            (":method", b"NO SUCH"),
            (":path", b"no slash"),
            ("host", b"a b"),
        ],
        &[(":method", b"CONNECT"), (":path", b"/"), ("host", b"x")],
        &[
            (":method", b"HEAD"),
            (":path", &path),
            ("host", b"x"),
            (":status", b"x"),
        ],
        &[
            (":method", b"GET"),
            (":path", b"/"),
            ("host", b"x"),
            ("a b", b"\n"),
        ],
        &[
            (":method", b"GET"),
            (":path", b"/"),
            ("host", b"x"),
            ("content-length", b"99"),
            ("transfer-encoding", b"odd"),
            (":odd", b""),
        ],
    ];
    for headers in headers {
        for cluster in ["upstream", "refusing", "empty", "", "a\0b"] {
            send(envoy, cluster, headers, b"", 500);
            send(envoy, cluster, headers, &[0; 100_000], 500);
        }
    }
}

fn choose(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    match word {
        "clear_route" => {
            envoy.as_request().map(|envoy| envoy.clear_route_cache());
            envoy.as_event().map(|envoy| envoy.clear_route_cache());
        }
        "clear_cluster" => {
            envoy
                .as_request()
                .map(|envoy| envoy.clear_route_cluster_cache());
            envoy
                .as_event()
                .map(|envoy| envoy.clear_route_cluster_cache());
        }
        "other_phases" => {
            if let Some(envoy) = envoy.as_request() {
                reads::messages(envoy);
            }
            if let Some(envoy) = envoy.as_response() {
                reads::messages(envoy);
            }
            if let Some(envoy) = envoy.as_event() {
                reads::messages(envoy);
            }
        }
        _ => return false,
    }
    true
}

fn reply(envoy: &mut EnvoyHttpFilter, word: &str) -> bool {
    let envoy = envoy.as_event();
    match word {
        "keep_proof" => {
            if let Some(envoy) = envoy {
                let mut stale = STALE.lock().unwrap_or_else(PoisonError::into_inner);
                stale.truncate(64);
                stale.push((envoy.held_request(), envoy.held_response()));
            }
        }
        "send"
        | "send_big"
        | "send_nothing"
        | "end"
        | "end_with_data"
        | "end_with_trailers"
        | "end_with_odd_trailers" => {
            if let Some(envoy) = envoy {
                answer(envoy, word);
            }
        }
        _ => return false,
    }
    true
}

fn answer(envoy: &mut EnvoyEvent, word: &str) {
    let Some(mut stream) = envoy.reply_stream() else {
        return;
    };
    match word {
        "send" => stream.send(b"sent"),
        "send_big" => stream.send(&vec![b's'; 300_000]),
        "send_nothing" => stream.send(b""),
        "end" => stream.end(b""),
        "end_with_data" => stream.end(b"the end"),
        "end_with_trailers" => stream.end_with_trailers(&[("x-end", b"end")]),
        _ => stream.end_with_trailers(&[(":status", b"1"), ("", b""), ("a b", b"\n")]),
    }
}

/// A proof of another stream, or of an earlier hook.
pub(crate) fn stale_request() -> Option<HeldRequest> {
    let mut stale = STALE.lock().unwrap_or_else(PoisonError::into_inner);
    stale.iter_mut().find_map(|(request, _)| request.take())
}

/// A proof of another stream, or of an earlier hook.
pub(crate) fn stale_response() -> Option<HeldResponse> {
    let mut stale = STALE.lock().unwrap_or_else(PoisonError::into_inner);
    stale.iter_mut().find_map(|(_, response)| response.take())
}
