//! A module whose hooks are closures of the test.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use envoy_fake_host::{FakeFilterConfig, FakeHost, FakeStream, Generation, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyBuffer, EnvoyEvent, EnvoyHttpFilter, EnvoyHttpFilterConfig, EnvoyMetrics,
    EnvoyRequest, EnvoyResponse, EventFlow, HttpCalloutResult, HttpFilter, HttpFilterConfig,
    LocalReplyStatus, RequestBodyStatus, RequestFlow, RequestHeadersStatus, RequestTrailersStatus,
    ResponseBodyStatus, ResponseFlow, ResponseHeadersStatus, ResponseTrailersStatus,
};

type Hook<E, T> = Option<Box<dyn Fn(&mut E) -> T>>;
type MetricsHook<T> = Option<Box<dyn Fn(&EnvoyMetrics, T)>>;
type EventHook = Option<Box<dyn Fn(&mut EnvoyEvent, u64) -> EventFlow>>;
type CalloutHook = Option<Box<dyn Fn(&mut EnvoyEvent, u64, HttpCalloutResult, &str) -> EventFlow>>;
pub(crate) type EndHook<E, T> = Option<Box<dyn Fn(&mut E, bool) -> T>>;

/// What the hooks do. What is not set passes.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) new: MetricsHook<()>,
    pub(crate) request_headers: EndHook<EnvoyRequest, RequestFlow<RequestHeadersStatus>>,
    pub(crate) request_body: EndHook<EnvoyRequest, RequestFlow<RequestBodyStatus>>,
    pub(crate) request_trailers: EndHook<EnvoyRequest, RequestFlow<RequestTrailersStatus>>,
    pub(crate) response_headers: EndHook<EnvoyResponse, ResponseFlow<ResponseHeadersStatus>>,
    pub(crate) response_body: EndHook<EnvoyResponse, ResponseFlow<ResponseBodyStatus>>,
    pub(crate) response_trailers: EndHook<EnvoyResponse, ResponseFlow<ResponseTrailersStatus>>,
    pub(crate) stream_complete: Hook<EnvoyHttpFilter, ()>,
    pub(crate) local_reply: Hook<EnvoyHttpFilter, LocalReplyStatus>,
    pub(crate) scheduled: EventHook,
    pub(crate) callout_done: CalloutHook,
    pub(crate) watermark: MetricsHook<bool>,
    pub(crate) on_panic: Hook<EnvoyMetrics, ()>,
    pub(crate) on_drop: Option<Box<dyn Fn()>>,
    /// Names of the hooks that ran, `drop` included.
    pub(crate) trace: RefCell<Vec<&'static str>>,
    pub(crate) panics: RefCell<Vec<&'static str>>,
    pub(crate) panic_counter: Cell<Option<CounterId>>,
}

thread_local! {
    static SCRIPT: RefCell<Rc<Script>> = RefCell::default();
}

/// The counter of the configuration made last on this thread.
pub(crate) fn current_counter() -> CounterId {
    SCRIPT.with_borrow(|script| script.panic_counter.get().expect("a filter was made"))
}

/// A closure in the form that [`Script`] holds.
pub(crate) fn hook<E, T>(code: impl Fn(&mut E) -> T + 'static) -> Hook<E, T> {
    Some(Box::new(code))
}

/// A closure in the form that [`Script`] holds, for hooks that are told of the end.
pub(crate) fn request_hook<S, T: Into<RequestFlow<S>>>(
    code: impl Fn(&mut EnvoyRequest, bool) -> T + 'static,
) -> EndHook<EnvoyRequest, RequestFlow<S>> {
    Some(Box::new(move |envoy, end| code(envoy, end).into()))
}

/// A closure in the form that [`Script`] holds, for hooks that are told of the end.
pub(crate) fn response_hook<S, T: Into<ResponseFlow<S>>>(
    code: impl Fn(&mut EnvoyResponse, bool) -> T + 'static,
) -> EndHook<EnvoyResponse, ResponseFlow<S>> {
    Some(Box::new(move |envoy, end| code(envoy, end).into()))
}

/// A stream in progress, with all it needs.
pub(crate) struct Play {
    pub(crate) stream: FakeStream,
    pub(crate) config: FakeFilterConfig,
    pub(crate) script: Rc<Script>,
    pub(crate) host: FakeHost,
}

/// Starts a stream through `script` in `generation`.
pub(crate) fn play(generation: Generation, script: Script) -> Play {
    let script = Rc::new(script);
    SCRIPT.set(Rc::clone(&script));
    let host = FakeHost::new(generation, MODULE);
    let config = host.filter_config("script", b"").expect("accepted");
    let stream = config.stream();
    Play {
        stream,
        config,
        script,
        host,
    }
}

/// The module.
pub(crate) const MODULE: Module = Module {
    init: || true,
    new_http_filter_config,
    new_http_filter_per_route_config,
};

fn new_http_filter_config(
    envoy: &mut EnvoyHttpFilterConfig,
    name: &str,
    _config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    assert_ne!(name, "panic", "told to panic");
    let panics = envoy.define_counter("panics", &[]).expect("defined");
    (name != "reject").then(|| Box::new(Config { panics }) as Box<dyn HttpFilterConfig>)
}

fn new_http_filter_per_route_config(
    name: &str,
    config: &[u8],
) -> Option<Box<dyn Any + Send + Sync>> {
    assert_ne!(name, "panic", "told to panic");
    (name != "reject").then(|| Box::new(config.to_vec()) as Box<dyn Any + Send + Sync>)
}

struct Config {
    panics: CounterId,
}

impl HttpFilterConfig for Config {
    fn new_http_filter(&self, envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        let script = SCRIPT.with_borrow(Rc::clone);
        script.panic_counter.set(Some(self.panics));
        if let Some(code) = &script.new {
            code(envoy, ());
        }
        Box::new(Filter(script))
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, hook: &'static str) {
        let script = SCRIPT.with_borrow(Rc::clone);
        script.panics.borrow_mut().push(hook);
        envoy
            .increment_counter(self.panics, &[], 1)
            .expect("counted");
        if let Some(code) = &script.on_panic {
            code(envoy);
        }
    }
}

struct Filter(Rc<Script>);

impl Filter {
    fn trace(&self, hook: &'static str) {
        self.0.trace.borrow_mut().push(hook);
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        self.trace("drop");
        if let Some(code) = &self.0.on_drop {
            code();
        }
    }
}

impl HttpFilter for Filter {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        end: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        self.trace("request_headers");
        let code = self.0.request_headers.as_ref();
        code.map_or(RequestHeadersStatus::Continue.into(), |code| {
            code(envoy, end)
        })
    }

    fn on_request_body(
        &self,
        envoy: &mut EnvoyRequest,
        end: bool,
    ) -> RequestFlow<RequestBodyStatus> {
        self.trace("request_body");
        let code = self.0.request_body.as_ref();
        code.map_or(RequestBodyStatus::Continue.into(), |code| code(envoy, end))
    }

    fn on_request_trailers(&self, envoy: &mut EnvoyRequest) -> RequestFlow<RequestTrailersStatus> {
        self.trace("request_trailers");
        let code = self.0.request_trailers.as_ref();
        code.map_or(RequestTrailersStatus::Continue.into(), |code| {
            code(envoy, true)
        })
    }

    fn on_response_headers(
        &self,
        envoy: &mut EnvoyResponse,
        end: bool,
    ) -> ResponseFlow<ResponseHeadersStatus> {
        self.trace("response_headers");
        let code = self.0.response_headers.as_ref();
        code.map_or(ResponseHeadersStatus::Continue.into(), |code| {
            code(envoy, end)
        })
    }

    fn on_response_body(
        &self,
        envoy: &mut EnvoyResponse,
        end: bool,
    ) -> ResponseFlow<ResponseBodyStatus> {
        self.trace("response_body");
        let code = self.0.response_body.as_ref();
        code.map_or(ResponseBodyStatus::Continue.into(), |code| code(envoy, end))
    }

    fn on_response_trailers(
        &self,
        envoy: &mut EnvoyResponse,
    ) -> ResponseFlow<ResponseTrailersStatus> {
        self.trace("response_trailers");
        let code = self.0.response_trailers.as_ref();
        code.map_or(ResponseTrailersStatus::Continue.into(), |code| {
            code(envoy, true)
        })
    }

    fn on_stream_complete(&self, envoy: &mut EnvoyHttpFilter) {
        self.trace("stream_complete");
        if let Some(code) = &self.0.stream_complete {
            code(envoy);
        }
    }

    fn on_local_reply(
        &self,
        envoy: &mut EnvoyHttpFilter,
        _code: u32,
        _details: EnvoyBuffer<'_>,
        _reset_imminent: bool,
    ) -> LocalReplyStatus {
        self.trace("local_reply");
        let code = self.0.local_reply.as_ref();
        code.map_or(LocalReplyStatus::Continue, |code| code(envoy))
    }

    fn on_scheduled(&self, envoy: &mut EnvoyEvent, event_id: u64) -> EventFlow {
        self.trace("scheduled");
        let code = self.0.scheduled.as_ref();
        code.map_or(EventFlow::Wait, |code| code(envoy, event_id))
    }

    fn on_http_callout_done(
        &self,
        envoy: &mut EnvoyEvent,
        callout_id: u64,
        result: HttpCalloutResult,
        headers: &[(EnvoyBuffer<'_>, EnvoyBuffer<'_>)],
        body: &[EnvoyBuffer<'_>],
    ) -> EventFlow {
        self.trace("http_callout_done");
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{}={};", name.to_str().unwrap(), value.to_str().unwrap()))
            .collect::<String>();
        let text = format!("{headers}{}", String::from_utf8_lossy(&body.concat()));
        let code = self.0.callout_done.as_ref();
        code.map_or(EventFlow::Wait, |code| {
            code(envoy, callout_id, result, &text)
        })
    }

    fn on_downstream_above_write_buffer_high_watermark(&self, envoy: &EnvoyMetrics) {
        self.trace("above");
        if let Some(code) = &self.0.watermark {
            code(envoy, true);
        }
    }

    fn on_downstream_below_write_buffer_low_watermark(&self, envoy: &EnvoyMetrics) {
        self.trace("below");
        if let Some(code) = &self.0.watermark {
            code(envoy, false);
        }
    }
}
