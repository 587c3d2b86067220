//! Which exchanges there are to play. A sample is the beginning of all of them.

use std::collections::BTreeSet;

use super::cases::{CHAINS, Case, Chain, MESSAGES, Message, ROUTES, Route};
use super::words::{Flow, HOOKS, Hook, MAY_HANG};
use harness::{EnvoyRelease, Protocol};

/// So often each word of a hook is played at least,
const OF_A_WORD: usize = 90;

/// and so often with each of the hook's flows.
const OF_A_FLOW: usize = 2;

/// A prime above every count, and about 0.618 of 2 to the power of 32: its multiples are spread evenly, however
/// many are taken.
const STEP: usize = 2_654_435_761;

/// The numbers below `count`, each once, neighbours far from each other.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| place * STEP % count)
}

/// What is chosen by rotation: each choice has nothing to do with the others, and is always the same.
struct Turn(u64);

impl Turn {
    fn of(number: usize) -> Self {
        Self(number as u64)
    }

    /// The next step of SplitMix64.
    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        from[(mixed ^ (mixed >> 31)) as usize % from.len()]
    }
}

/// What has hooks of events, of the end and of failures run. Empty: the route's own doing.
fn triggers(hook: &str) -> &'static [&'static str] {
    match hook {
        "scheduled" => &[
            "request_headers=schedule,stop",
            "request_headers=schedule,continue",
            "request_headers=schedule,stop_all_and_buffer",
            "request_body=schedule,stop_and_buffer",
            "request_trailers=schedule,stop",
            "response_headers=schedule,stop",
            "response_headers=schedule,stop_all_and_watermark",
            "response_body=schedule,stop_and_buffer",
            "response_body=schedule,continue",
            "response_trailers=schedule,stop",
            "request_headers=schedule,stream_data",
            "request_headers=schedule_thread,stream",
        ],
        "callout_done" => &[
            "request_headers=callout_good,stop",
            "request_headers=callout_empty,continue",
            "request_headers=callout_empty,stop_all_and_watermark",
            "request_body=callout_empty,stop_and_buffer",
            "request_body=callout_good,stop_and_watermark",
            "request_trailers=callout_refused,stop",
            "response_headers=schedule,stop;scheduled=callout_good,wait",
            "response_headers=schedule,stop;scheduled=callout_refused,wait",
            "response_headers=schedule,continue;scheduled=callout_empty,wait",
            "response_body=schedule,continue;scheduled=callout_empty,wait",
            "response_body=schedule,stop_and_buffer;scheduled=callout_refused,wait",
            "response_trailers=schedule,stop;scheduled=callout_good,wait",
            "request_headers=callout_good,stream_data",
        ],
        "local_reply" => &[
            "",
            "request_headers=reply",
            "request_body=reply",
            "request_trailers=reply",
            "response_headers=reply",
            "response_body=reply",
            "response_trailers=reply",
            "request_headers=schedule,stop;scheduled=reply",
            "response_body=append_big,stop_and_buffer",
            "request_body=append_big,stop_and_buffer",
        ],
        "on_panic" => &[
            "request_headers=panic",
            "request_body=panic",
            "request_trailers=panic",
            "response_headers=panic",
            "response_body=panic",
            "response_trailers=panic",
            "request_headers=schedule,stop;scheduled=panic",
            "request_headers=callout_empty,continue;callout_done=panic",
            "request_headers=reply;local_reply=panic",
            "stream_complete=panic",
        ],
        _ => &[""],
    }
}

/// Where a hook's words are played.
fn routes(hook: &str) -> &'static [Route] {
    match hook {
        "above_watermark" | "below_watermark" => &[Route::Big],
        _ => ROUTES,
    }
}

/// The messages that have what a hook is for.
fn messages(hook: &str) -> Vec<(Protocol, Message)> {
    let has = |message: Message| match hook {
        "request_body" => !matches!(message, Message::Get | Message::Head),
        "request_trailers" => matches!(message, Message::Trailers | Message::Left),
        // A client that reads.
        "above_watermark" | "below_watermark" => !matches!(message, Message::Head | Message::Left),
        _ => true,
    };
    let messages = MESSAGES.iter().copied();
    messages.filter(|&(_, message)| has(message)).collect()
}

/// Every word of every hook, `times` with each flow, the chain, the route, the message and what makes the hook run by
/// rotation.
pub(crate) fn calls() -> Vec<Case> {
    let mut cells: Vec<(&Hook, &str, Flow)> = Vec::new();
    for hook in HOOKS {
        let flows = (hook.flows)();
        let times = OF_A_FLOW.max(OF_A_WORD.div_ceil(flows.len()));
        for &call in hook.calls.iter().copied().flatten() {
            for flow in flows.iter().cycle().take(flows.len() * times) {
                cells.push((hook, call, flow.clone()));
            }
        }
    }
    let numbers = spread(cells.len());
    let cases = numbers.map(|number| {
        let (hook, call, flow) = &cells[number];
        let mut turn = Turn::of(number);
        let trigger = turn.choose(triggers(hook.name));
        let (chain, route) = (turn.choose(CHAINS), turn.choose(routes(hook.name)));
        let message = turn.choose(&messages(hook.name));
        let script = [
            trigger,
            &format!("{}={call},{}", hook.name, flow.words),
            flow.others,
        ];
        let script = script.map(|part| part.trim_end_matches(','));
        let script: Vec<_> = script.into_iter().filter(|part| !part.is_empty()).collect();
        let script = script.join(";");
        let ends = flow.ends && ends(&script, trigger, message.1, route);
        Case {
            script,
            chain,
            route,
            message,
            ends,
        }
    });
    cases.collect()
}

/// What [`calls`] must have made run: each word of each hook, with what each may return.
pub(crate) fn expected_words(release: EnvoyRelease) -> BTreeSet<(String, String)> {
    let mut words = BTreeSet::new();
    for hook in HOOKS.iter().filter(|hook| hook.is_counted(release)) {
        let flows = (hook.flows)();
        let flows = flows.iter().flat_map(|flow| flow.words.split(','));
        let calls = hook.calls.iter().copied().flatten().copied();
        for word in calls.chain(flows).filter(|word| !word.is_empty()) {
            words.insert((hook.name.to_owned(), word.to_owned()));
        }
    }
    words
}

/// Whether nothing in a script lets its exchange wait for what does not come.
fn ends(script: &str, trigger: &str, message: Message, route: Route) -> bool {
    // An event that waits for another runs less often than a large body arrives: see the module's `RUNS`.
    if route == Route::Big && script.contains("wait") {
        return false;
    }
    let resumes = script.contains("scheduled=") || script.contains("callout_done=");
    if trigger.contains("stop") && !resumes || trigger.contains("callout_empty") {
        return false;
    }
    script.split(';').all(|part| {
        let (hook, words) = part.split_once('=').unwrap_or_default();
        // A part that is dropped, or one more, while the headers say how long the body is.
        let has_length = hook.starts_with("response_") || message == Message::Whole;
        let changes_length = |word: &str| {
            hook.ends_with("_body") && word == "stop"
                || ["append", "drain", "replace"]
                    .iter()
                    .any(|call| word.starts_with(call))
        };
        let mut words = words.split(',');
        !words.any(|word| MAY_HANG.contains(&word) || has_length && changes_length(word))
    })
}

/// Every pair of flows of two hooks of messages, the chain, the route and the message by rotation.
pub(crate) fn pairs() -> Vec<Case> {
    let flows: Vec<(usize, &str, Flow)> = HOOKS
        .iter()
        .take(6)
        .enumerate()
        .flat_map(|(at, hook)| {
            (hook.flows)()
                .into_iter()
                .map(move |flow| (at, hook.name, flow))
        })
        .collect();
    let pairs: Vec<_> = flows
        .iter()
        .flat_map(|first| flows.iter().map(move |second| (first, second)))
        .filter(|(first, second)| first.0 < second.0)
        .collect();
    let numbers = spread(pairs.len());
    let cases = numbers.map(|number| {
        let ((_, one, first), (_, two, second)) = pairs[number];
        let script = format!(
            "{one}={};{two}={};{};{}",
            first.words, second.words, first.others, second.others
        );
        let mut turn = Turn::of(number);
        let (chain, route) = (turn.choose(CHAINS), turn.choose(ROUTES));
        let message = turn.choose(MESSAGES);
        Case {
            // Both may name the same event; the first wins, and the second's hold may be left.
            ends: first.ends
                && second.ends
                && first.others == second.others
                && ends(&script, "", message.1, route),
            script,
            chain,
            route,
            message,
        }
    });
    cases.collect()
}

/// A script in every chain, these routes and the messages in turn.
pub(crate) fn of_script(script: &str, number: usize, routes: &[Route]) -> Vec<Case> {
    let chains: &[Chain] = CHAINS;
    let cases = chains.iter().enumerate().map(|(place, &chain)| Case {
        script: script.to_owned(),
        chain,
        route: routes[(place + number) % routes.len()],
        message: MESSAGES[(place + number) % MESSAGES.len()],
        ends: false,
    });
    cases.collect()
}
