//! What hooks return.

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyEvent, EventFlow, LocalReply, LocalReplyStatus, RequestBodyStatus, RequestFlow,
    RequestHeadersStatus, RequestTrailersStatus, Reset, ResponseBodyStatus, ResponseFlow,
    ResponseHeadersStatus, ResponseTrailersStatus, StreamResetReason, StreamedReply,
};

use crate::open;

/// A status of a hook, by name.
pub(crate) trait Status: Sized {
    fn named(name: &str) -> Option<Self>;
}

macro_rules! statuses {
    ($($status:ident { $($name:literal => $variant:ident,)+ })+) => {
        $(impl Status for $status {
            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        })+
    };
}

statuses! {
    RequestHeadersStatus {
        "continue" => Continue,
        "stop" => StopIteration,
        "continue_unended" => ContinueAndDontEndStream,
        "stop_all_and_buffer" => StopAllIterationAndBuffer,
        "stop_all_and_watermark" => StopAllIterationAndWatermark,
    }
    RequestBodyStatus {
        "continue" => Continue,
        "stop" => StopIterationNoBuffer,
        "stop_and_buffer" => StopIterationAndBuffer,
        "stop_and_watermark" => StopIterationAndWatermark,
    }
    RequestTrailersStatus { "continue" => Continue, "stop" => StopIteration, }
    ResponseHeadersStatus {
        "continue" => Continue,
        "stop" => StopIteration,
        "continue_unended" => ContinueAndDontEndStream,
        "stop_all_and_buffer" => StopAllIterationAndBuffer,
        "stop_all_and_watermark" => StopAllIterationAndWatermark,
    }
    ResponseBodyStatus {
        "continue" => Continue,
        "stop" => StopIterationNoBuffer,
        "stop_and_buffer" => StopIterationAndBuffer,
        "stop_and_watermark" => StopIterationAndWatermark,
    }
    ResponseTrailersStatus { "continue" => Continue, "stop" => StopIteration, }
    LocalReplyStatus { "continue" => Continue, "reset" => ContinueAndResetStream, }
}

pub(crate) fn request<S: Status>(word: &str) -> Option<RequestFlow<S>> {
    if let Some(status) = S::named(word) {
        return Some(RequestFlow::Status(status));
    }
    None.or_else(|| reply(word).map(RequestFlow::reply))
        .or_else(|| streamed(word).map(RequestFlow::stream))
        .or_else(|| reset(word).map(RequestFlow::reset))
}

pub(crate) fn response<S: Status>(word: &str) -> Option<ResponseFlow<S>> {
    if let Some(status) = S::named(word) {
        return Some(ResponseFlow::Status(status));
    }
    None.or_else(|| reply(word).map(ResponseFlow::reply))
        .or_else(|| reset(word).map(ResponseFlow::reset))
}

pub(crate) fn event(word: &str, envoy: &EnvoyEvent) -> Option<EventFlow> {
    let request = EventFlow::ContinueRequest;
    let response = EventFlow::ContinueResponse;
    let resumed = match word {
        "wait" => return Some(EventFlow::Wait),
        "continue_request" => envoy.held_request().map(request),
        "continue_response" => envoy.held_response().map(response),
        "continue_stale_request" => open::stale_request().map(request),
        "continue_stale_response" => open::stale_response().map(response),
        _ => {
            return None
                .or_else(|| reply(word).map(EventFlow::reply))
                .or_else(|| streamed(word).map(EventFlow::stream))
                .or_else(|| reset(word).map(EventFlow::reset));
        }
    };
    Some(resumed.unwrap_or(EventFlow::Wait))
}

fn reply(word: &str) -> Option<LocalReply> {
    Some(match word {
        "reply" => LocalReply::new(418)
            .header("x-reply", b"reply")
            .body("a reply")
            .details("hostile"),
        "reply_empty" => LocalReply::new(204),
        "reply_big" => LocalReply::new(200).body(vec![b'b'; 300_000]),
        "reply_odd" => LocalReply::new(99)
            .header(":status", b"1000")
            .header("", b"")
            .header("a\nb", b"c")
            .header("x-odd", b"\n")
            .header("content-length", b"odd")
            .header("transfer-encoding", b"odd")
            .body("\0")
            .details("de tails\n\0\u{e9}"),
        _ => return None,
    })
}

fn streamed(word: &str) -> Option<StreamedReply> {
    Some(match word {
        "stream" => StreamedReply::new(200),
        "stream_data" => StreamedReply::new(206)
            .header("x-streamed", b"yes")
            .data("begun "),
        "stream_odd" => StreamedReply::new(1000)
            .header(":status", b"101")
            .header("content-length", b"odd")
            .header("a b", b"\n")
            .data(vec![0; 100_000]),
        "stream_empty" => StreamedReply::new(204),
        _ => return None,
    })
}

fn reset(word: &str) -> Option<Reset> {
    Some(match word {
        "reset" => Reset::new(StreamResetReason::LocalReset, "hostile"),
        "reset_refused" => Reset::new(StreamResetReason::LocalRefusedStreamReset, "\n \0"),
        _ => return None,
    })
}

/// Every status has `continue`; were one to lose it, this would show.
pub(crate) fn impossible() -> LocalReply {
    LocalReply::new(500).details("hostile_status_without_continue")
}
