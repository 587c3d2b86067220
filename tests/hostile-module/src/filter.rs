//! The filter: plays its script.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyBuffer, EnvoyEvent, EnvoyHttpFilter, EnvoyHttpFilterScheduler, EnvoyMetrics, EnvoyRequest,
    EnvoyResponse, EventFlow, HttpCalloutResult, HttpFilter, HttpHeaderType, LocalReplyStatus,
    RequestBodyStatus, RequestFlow, RequestHeadersStatus, RequestTrailersStatus,
    ResponseBodyStatus, ResponseFlow, ResponseHeadersStatus, ResponseTrailersStatus,
    envoy_log_critical,
};

use crate::flows::{self, Status};
use crate::script::Script;
use crate::{Config, calls, metrics, open};

/// So often a hook plays all of its script; else an event that schedules itself would go on for ever. Later runs
/// only return what the script returns.
const RUNS: u32 = 8;

pub(crate) struct Hostile {
    config: Arc<Config>,
    script: OnceCell<Script>,
    runs: RefCell<HashMap<&'static str, u32>>,
    schedulers: RefCell<Vec<EnvoyHttpFilterScheduler>>,
}

impl Hostile {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            script: OnceCell::new(),
            runs: RefCell::default(),
            schedulers: RefCell::default(),
        }
    }

    /// Keeps a scheduler as long as the filter lives.
    pub(crate) fn keep(&self, scheduler: EnvoyHttpFilterScheduler) {
        self.schedulers.borrow_mut().push(scheduler);
    }

    /// Commits to every scheduler kept.
    pub(crate) fn commit(&self) {
        for scheduler in self.schedulers.borrow().iter() {
            scheduler.commit(3);
        }
    }

    /// The words of a hook's next run.
    fn next_words(&self, hook: &'static str) -> &[String] {
        let mut runs = self.runs.borrow_mut();
        let run = runs.entry(hook).or_default();
        *run = run.saturating_add(1);
        let words = self.script.get().map(|script| script.words(hook, *run));
        match words.unwrap_or_default() {
            [.., last] if *run > RUNS && hook_may_repeat(hook) => std::slice::from_ref(last),
            words => words,
        }
    }

    /// Plays a hook: every call, up to the first word that `flow` knows.
    fn play<F>(
        &self,
        hook: &'static str,
        envoy: &mut EnvoyHttpFilter,
        flow: impl Fn(&str, &mut EnvoyHttpFilter) -> Option<F>,
    ) -> Option<F> {
        for word in self.next_words(hook) {
            self.config.metrics.count(envoy, hook, word);
            if metrics::perform(&self.config.metrics, envoy, word)
                || calls::perform(envoy, word)
                || open::perform(self, envoy, word)
            {
                continue;
            }
            let flow = flow(word, envoy);
            if flow.is_none() {
                envoy_log_critical!("hostile: {word} is no word of the hook {hook}");
            }
            return flow;
        }
        None
    }

    fn request<S: Status>(&self, hook: &'static str, envoy: &mut EnvoyRequest) -> RequestFlow<S> {
        let flow = self.play(hook, envoy, |word, _| flows::request(word));
        flow.or_else(|| S::named("continue").map(RequestFlow::Status))
            .unwrap_or_else(|| RequestFlow::reply(flows::impossible()))
    }

    fn response<S: Status>(
        &self,
        hook: &'static str,
        envoy: &mut EnvoyResponse,
    ) -> ResponseFlow<S> {
        let flow = self.play(hook, envoy, |word, _| flows::response(word));
        flow.or_else(|| S::named("continue").map(ResponseFlow::Status))
            .unwrap_or_else(|| ResponseFlow::reply(flows::impossible()))
    }

    fn event(&self, hook: &'static str, envoy: &mut EnvoyEvent) -> EventFlow {
        let flow = self.play(hook, envoy, |word, envoy| {
            flows::event(word, envoy.as_event()?)
        });
        flow.unwrap_or(EventFlow::Wait)
    }

    /// Plays a hook that has metrics only.
    fn bare(&self, hook: &'static str, envoy: &EnvoyMetrics) {
        for word in self.next_words(hook) {
            self.config.metrics.count(envoy, hook, word);
            if !metrics::perform(&self.config.metrics, envoy, word) {
                envoy_log_critical!("hostile: {word} is no word of the hook {hook}");
            }
        }
    }
}

/// Whether a script can make Envoy run this hook again.
fn hook_may_repeat(hook: &str) -> bool {
    matches!(hook, "scheduled" | "callout_done" | "local_reply")
}

impl HttpFilter for Hostile {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        _end_of_stream: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        let script = envoy.header(HttpHeaderType::RequestHeader, &self.config.header);
        let script = script.and_then(|script| script.to_str().ok());
        let _first = self.script.set(Script::parse(script.unwrap_or_default()));
        self.request("request_headers", envoy)
    }

    fn on_request_body(
        &self,
        envoy: &mut EnvoyRequest,
        _end_of_stream: bool,
    ) -> RequestFlow<RequestBodyStatus> {
        self.request("request_body", envoy)
    }

    fn on_request_trailers(&self, envoy: &mut EnvoyRequest) -> RequestFlow<RequestTrailersStatus> {
        self.request("request_trailers", envoy)
    }

    fn on_response_headers(
        &self,
        envoy: &mut EnvoyResponse,
        _end_of_stream: bool,
    ) -> ResponseFlow<ResponseHeadersStatus> {
        self.response("response_headers", envoy)
    }

    fn on_response_body(
        &self,
        envoy: &mut EnvoyResponse,
        _end_of_stream: bool,
    ) -> ResponseFlow<ResponseBodyStatus> {
        self.response("response_body", envoy)
    }

    fn on_response_trailers(
        &self,
        envoy: &mut EnvoyResponse,
    ) -> ResponseFlow<ResponseTrailersStatus> {
        self.response("response_trailers", envoy)
    }

    fn on_stream_complete(&self, envoy: &mut EnvoyHttpFilter) {
        self.play("stream_complete", envoy, |_, _| None::<()>);
    }

    fn on_local_reply(
        &self,
        envoy: &mut EnvoyHttpFilter,
        _code: u32,
        details: EnvoyBuffer<'_>,
        _reset_imminent: bool,
    ) -> LocalReplyStatus {
        let copy = details.to_vec();
        let status = self.play("local_reply", envoy, |word, _| {
            LocalReplyStatus::named(word)
        });
        if details.as_slice() != copy {
            envoy_log_critical!("hostile: details changed while they were borrowed");
        }
        status.unwrap_or(LocalReplyStatus::Continue)
    }

    fn on_scheduled(&self, envoy: &mut EnvoyEvent, _event_id: u64) -> EventFlow {
        self.event("scheduled", envoy)
    }

    fn on_http_callout_done(
        &self,
        envoy: &mut EnvoyEvent,
        _callout_id: u64,
        _result: HttpCalloutResult,
        headers: &[(EnvoyBuffer<'_>, EnvoyBuffer<'_>)],
        body: &[EnvoyBuffer<'_>],
    ) -> EventFlow {
        let names = headers.iter().flat_map(|(name, value)| [name, value]);
        let lent: Vec<_> = names.chain(body).collect();
        let copy: Vec<_> = lent.iter().map(|buffer| buffer.to_vec()).collect();
        let flow = self.event("callout_done", envoy);
        if !lent.iter().map(|buffer| buffer.as_slice()).eq(copy) {
            envoy_log_critical!("hostile: a callout's response changed while it was borrowed");
        }
        flow
    }

    fn on_downstream_above_write_buffer_high_watermark(&self, envoy: &EnvoyMetrics) {
        self.bare("above_watermark", envoy);
    }

    fn on_downstream_below_write_buffer_low_watermark(&self, envoy: &EnvoyMetrics) {
        self.bare("below_watermark", envoy);
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        for word in self.next_words("drop") {
            match word.as_str() {
                "commit_kept" => self.commit(),
                _ => metrics::panic(),
            }
        }
    }
}

/// After a panic the filter is gone: the script is read again, if the request still has it.
pub(crate) fn play_on_panic(config: &Arc<Config>, envoy: &mut EnvoyMetrics) {
    let Some(envoy) = envoy.as_attached() else {
        return;
    };
    let script = envoy.header(HttpHeaderType::RequestHeader, &config.header);
    let script = script.and_then(|script| script.to_str().ok());
    let filter = Hostile::new(Arc::clone(config));
    let _first = filter.script.set(Script::parse(script.unwrap_or_default()));
    filter.play("on_panic", envoy, |_, _| None::<()>);
}
