//! The words of the hostile module's scripts: what each hook's handle offers, and what each hook may return.

use harness::EnvoyRelease;

/// A hook and what its handle offers.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) name: &'static str,
    pub(crate) calls: &'static [&'static [&'static str]],
    pub(crate) flows: fn() -> Vec<Flow>,
}

impl Hook {
    /// Whether a release runs it and what it does is counted: once the filter is dropped, nothing is.
    pub(crate) fn is_counted(&self, release: EnvoyRelease) -> bool {
        match self.name {
            "drop" => false,
            "local_reply" => release.at_least(1, 38),
            "above_watermark" | "below_watermark" => release.at_least(1, 37),
            _ => true,
        }
    }
}

/// What a hook returns, with what comes of it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    /// The last words of the hook.
    pub(crate) words: String,
    /// What other hooks do then.
    pub(crate) others: &'static str,
    /// Whether the exchange ends by itself.
    pub(crate) ends: bool,
}

pub(crate) const HOOKS: &[Hook] = &[
    Hook {
        name: "request_headers",
        calls: OPEN,
        flows: || request(REQUEST_HEADERS),
    },
    Hook {
        name: "request_body",
        calls: OPEN,
        flows: || request(REQUEST_BODY),
    },
    Hook {
        name: "request_trailers",
        calls: OPEN,
        flows: || request(TRAILERS),
    },
    Hook {
        name: "response_headers",
        calls: OPEN,
        flows: || response(RESPONSE_HEADERS),
    },
    Hook {
        name: "response_body",
        calls: OPEN,
        flows: || response(REQUEST_BODY),
    },
    Hook {
        name: "response_trailers",
        calls: OPEN,
        flows: || response(TRAILERS),
    },
    Hook {
        name: "local_reply",
        calls: ATTACHED,
        flows: || plain(&["continue", "reset"]),
    },
    Hook {
        name: "stream_complete",
        calls: ATTACHED,
        flows: || plain(&[""]),
    },
    Hook {
        name: "on_panic",
        calls: ATTACHED,
        flows: || plain(&[""]),
    },
    Hook {
        name: "scheduled",
        calls: EVENT,
        flows: events,
    },
    Hook {
        name: "callout_done",
        calls: EVENT,
        flows: events,
    },
    Hook {
        name: "above_watermark",
        calls: BARE,
        flows: || plain(&[""]),
    },
    Hook {
        name: "below_watermark",
        calls: BARE,
        flows: || plain(&[""]),
    },
    Hook {
        name: "drop",
        calls: &[&["commit_kept", "panic"]],
        flows: || plain(&[""]),
    },
];

const BARE: &[&[&str]] = &[OF_METRICS];
const ATTACHED: &[&[&str]] = &[
    OF_METRICS,
    OF_HEADERS,
    OF_PSEUDO_HEADERS,
    OF_BODIES,
    OF_THE_REST,
];
const OPEN: &[&[&str]] = &[
    OF_METRICS,
    OF_HEADERS,
    OF_PSEUDO_HEADERS,
    OF_BODIES,
    OF_THE_REST,
    OF_OPEN_STREAMS,
];
const EVENT: &[&[&str]] = &[
    OF_METRICS,
    OF_HEADERS,
    OF_PSEUDO_HEADERS,
    OF_BODIES,
    OF_THE_REST,
    OF_OPEN_STREAMS,
    OF_EVENTS,
];

const OF_METRICS: &[&str] = &["metrics", "foreign_metrics", "panic", "panic_twice"];
const OF_HEADERS: &[&str] = &[
    "set_headers",
    "add_headers",
    "remove_headers",
    "strip_headers",
    "many_headers",
    "long_headers",
    "length_odd",
    "length_long",
    "length_short",
    "length_twice",
    "transfer_encoding",
    "upgrade",
    "connection",
];
const OF_PSEUDO_HEADERS: &[&str] = &[
    "remove_path",
    "remove_method",
    "remove_authority",
    "remove_scheme",
    "remove_status",
    "path_odd",
    "path_long",
    "path_other",
    "method_odd",
    "method_head",
    "method_connect",
    "authority_odd",
    "scheme_odd",
    "protocol",
    "status_odd",
    "status_0",
    "status_100",
    "status_101",
    "status_103",
    "status_204",
    "status_304",
    "status_503",
    "status_large",
    "status_twice",
    "pseudo_odd",
];
const OF_BODIES: &[&str] = &[
    "append_request",
    "append_response",
    "append_big",
    "append_nothing",
    "drain_one",
    "drain_all",
    "drain_piecemeal",
    "replace_request",
    "replace_response",
    "replace_big",
    "replace_empty",
    "replace_received",
    "replace_often",
    "limit_zero",
    "limit_one",
    "limit_max",
];
const OF_THE_REST: &[&str] = &[
    "read",
    "attributes",
    "metadata",
    "filter_state",
    "small_things",
    "log",
    "nap",
    "other_phases",
    "commit_kept",
];
const OF_OPEN_STREAMS: &[&str] = &[
    "schedule",
    "schedule_twice",
    "schedule_drop",
    "schedule_thread",
    "schedule_late",
    "schedule_keep",
    "schedule_static",
    "schedule_many",
    "callout_good",
    "callout_refused",
    "callout_empty",
    "callout_unknown",
    "callout_slow",
    "callout_endless",
    "callout_hostile",
    "callout_untimed",
    "callout_many",
    "callout_odd",
    "clear_route",
    "clear_cluster",
];
const OF_EVENTS: &[&str] = &[
    "keep_proof",
    "send",
    "send_big",
    "send_nothing",
    "end",
    "end_with_data",
    "end_with_trailers",
    "end_with_odd_trailers",
];

/// Words after which a message may be one that its receiver waits for, or nobody may go on with.
pub(crate) const MAY_HANG: &[&str] = &[
    "strip_headers",
    "length_odd",
    "length_long",
    "length_short",
    "length_twice",
    "transfer_encoding",
    "upgrade",
    "connection",
    "protocol",
    "method_head",
    "method_connect",
    "status_100",
    "status_101",
    "status_103",
    "status_204",
    "status_304",
    "limit_zero",
    "limit_one",
    "callout_hostile",
];

const REQUEST_HEADERS: &[&str] = &["stop", "stop_all_and_buffer", "stop_all_and_watermark"];
const RESPONSE_HEADERS: &[&str] = REQUEST_HEADERS;
const REQUEST_BODY: &[&str] = &["stop", "stop_and_buffer", "stop_and_watermark"];
const TRAILERS: &[&str] = &["stop"];

/// Answers, resets and panics, from any hook of a message: what ends the exchange at once.
const ENDS: &[&str] = &[
    "continue",
    "reply",
    "reply_empty",
    "reply_big",
    "reply_odd",
    "reset",
    "reset_refused",
    "panic",
];

/// What comes after a hold: words before it, the hooks that follow, and whether the exchange ends by itself. A callout
/// to a cluster without hosts fails at once; from 1.38 on no hook reports that.
const AFTER_REQUEST: &[(&str, &str, bool)] = &[
    ("", "", false),
    ("schedule", "scheduled=continue_request", true),
    ("schedule_many", "scheduled=continue_request", true),
    ("schedule_thread", "scheduled=continue_request", true),
    ("schedule", "scheduled=reply", true),
    (
        "schedule",
        "scheduled=schedule,stream_data;scheduled#2=send,end_with_trailers",
        true,
    ),
    (
        "schedule",
        "scheduled=schedule,stream;scheduled#2=send_big,end",
        true,
    ),
    ("schedule", "scheduled=reset", true),
    ("schedule", "scheduled=panic", true),
    ("schedule", "scheduled=continue_response", false),
    (
        "schedule",
        "scheduled=keep_proof,schedule,continue_request;scheduled#2=continue_stale_request",
        true,
    ),
    ("callout_good", "callout_done=continue_request", true),
    ("callout_refused", "callout_done=continue_request", true),
    ("callout_empty", "callout_done=continue_request", false),
    ("callout_empty", "callout_done=reply", false),
    ("callout_empty", "callout_done=reset", false),
    ("callout_empty", "callout_done=stream_data", false),
    ("callout_many", "callout_done=reply", true),
];

const AFTER_RESPONSE: &[(&str, &str, bool)] = &[
    ("", "", false),
    ("schedule", "scheduled=continue_response", true),
    ("schedule_many", "scheduled=continue_response", true),
    ("schedule_thread", "scheduled=continue_response", true),
    ("schedule", "scheduled=reply", true),
    (
        "schedule",
        "scheduled=schedule,stream_data;scheduled#2=send,end_with_trailers",
        true,
    ),
    ("schedule", "scheduled=reset", true),
    ("schedule", "scheduled=panic", true),
    ("schedule", "scheduled=continue_request", false),
    (
        "schedule",
        "scheduled=keep_proof,schedule,continue_response;scheduled#2=continue_stale_response",
        true,
    ),
    (
        "schedule",
        "scheduled=callout_good,wait;callout_done=continue_response",
        true,
    ),
    (
        "schedule",
        "scheduled=callout_refused,wait;callout_done=continue_response",
        true,
    ),
    (
        "schedule",
        "scheduled=callout_empty,wait;callout_done=reply",
        false,
    ),
    (
        "schedule",
        "scheduled=callout_empty,wait;callout_done=reset",
        false,
    ),
    (
        "schedule",
        "scheduled=callout_many,wait;callout_done=reply",
        true,
    ),
];

fn plain(words: &[&str]) -> Vec<Flow> {
    let flow = |word: &&str| Flow {
        words: (*word).to_owned(),
        others: "",
        ends: true,
    };
    words.iter().map(flow).collect()
}

fn held(holds: &[&str], after: &[(&str, &'static str, bool)]) -> Vec<Flow> {
    let mut flows = Vec::new();
    for hold in holds {
        for (before, others, ends) in after {
            flows.push(Flow {
                words: format!("{before},{hold}"),
                others,
                ends: *ends,
            });
        }
    }
    flows
}

fn request(holds: &[&str]) -> Vec<Flow> {
    let mut flows = plain(ENDS);
    let begun = |words: &str, others: &'static str, ends| Flow {
        words: words.to_owned(),
        others,
        ends,
    };
    flows.push(begun("stream", "", false));
    flows.push(begun(
        "schedule,stream_data",
        "scheduled=end_with_data",
        true,
    ));
    flows.push(begun(
        "schedule,stream_odd",
        "scheduled=schedule,send_big;scheduled#2=end_with_odd_trailers",
        true,
    ));
    flows.push(begun(
        "schedule_thread,stream_empty",
        "scheduled=send;scheduled#3=end",
        false,
    ));
    flows.push(begun(
        "callout_empty,continue",
        "callout_done=stream_data",
        false,
    ));
    flows.push(begun("callout_empty,continue", "callout_done=reply", true));
    if holds == REQUEST_HEADERS {
        flows.push(begun("continue_unended", "", false));
    }
    flows.extend(held(holds, AFTER_REQUEST));
    flows
}

fn response(holds: &[&str]) -> Vec<Flow> {
    let mut flows = plain(ENDS);
    let begun = |words: &str, others: &'static str| Flow {
        words: words.to_owned(),
        others,
        ends: true,
    };
    flows.push(begun(
        "schedule,continue",
        "scheduled=callout_empty,wait;callout_done=reply",
    ));
    flows.push(begun(
        "schedule,continue",
        "scheduled=callout_empty,wait;callout_done=reset",
    ));
    if holds == RESPONSE_HEADERS {
        flows.push(begun("continue_unended", ""));
        if let Some(last) = flows.last_mut() {
            last.ends = false;
        }
    }
    flows.extend(held(holds, AFTER_RESPONSE));
    flows
}

/// The hooks of events: each runs because a hook of a message asked for it; see [`super::cases`].
fn events() -> Vec<Flow> {
    let mut flows = plain(&[
        "reply",
        "reply_big",
        "reply_odd",
        "reset",
        "reset_refused",
        "panic",
        "panic_twice",
        "continue_request",
        "continue_response",
        "wait",
        "stream",
        "stream_data",
        "stream_odd",
        "continue_stale_request",
        "continue_stale_response",
    ]);
    for flow in &mut flows {
        flow.ends = flow.words.starts_with("re") || flow.words.starts_with("panic");
    }
    flows
}
