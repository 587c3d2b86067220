//! A module whose hooks are closures of the test.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use envoy_fake_host::{FakeFilterConfig, FakeHost, FakeStream, Generation, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyBuffer, EnvoyHttpFilter, EnvoyHttpFilterConfig, HttpCalloutResult, HttpFilter,
    HttpFilterConfig, LocalReplyStatus, RequestBodyStatus, RequestHeadersStatus,
    RequestTrailersStatus, ResponseBodyStatus, ResponseHeadersStatus, ResponseTrailersStatus,
};

type Envoy = EnvoyHttpFilter;
type Hook<T> = Option<Box<dyn Fn(&mut Envoy) -> T>>;
type EventHook = Option<Box<dyn Fn(&mut Envoy, u64)>>;
type CalloutHook = Option<Box<dyn Fn(&mut Envoy, u64, HttpCalloutResult, &str)>>;
type EndHook<T> = Option<Box<dyn Fn(&mut Envoy, bool) -> T>>;

/// What the hooks do. What is not set passes.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) new: Hook<()>,
    pub(crate) request_headers: EndHook<RequestHeadersStatus>,
    pub(crate) request_body: EndHook<RequestBodyStatus>,
    pub(crate) request_trailers: Hook<RequestTrailersStatus>,
    pub(crate) response_headers: EndHook<ResponseHeadersStatus>,
    pub(crate) response_body: EndHook<ResponseBodyStatus>,
    pub(crate) response_trailers: Hook<ResponseTrailersStatus>,
    pub(crate) stream_complete: Hook<()>,
    pub(crate) local_reply: Hook<LocalReplyStatus>,
    pub(crate) scheduled: EventHook,
    pub(crate) callout_done: CalloutHook,
    pub(crate) watermark: EndHook<()>,
    pub(crate) on_panic: Hook<()>,
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
pub(crate) fn hook<T>(code: impl Fn(&mut Envoy) -> T + 'static) -> Hook<T> {
    Some(Box::new(code))
}

/// A closure in the form that [`Script`] holds, for hooks that are told of the end.
pub(crate) fn end_hook<T>(code: impl Fn(&mut Envoy, bool) -> T + 'static) -> EndHook<T> {
    Some(Box::new(code))
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
    fn new_http_filter(&self, envoy: &mut Envoy) -> Box<dyn HttpFilter> {
        let script = SCRIPT.with_borrow(Rc::clone);
        script.panic_counter.set(Some(self.panics));
        if let Some(code) = &script.new {
            code(envoy);
        }
        Box::new(Filter(script))
    }

    fn on_panic(&self, envoy: &mut Envoy, hook: &'static str) {
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
    fn on_request_headers(&self, envoy: &mut Envoy, end: bool) -> RequestHeadersStatus {
        self.trace("request_headers");
        let code = self.0.request_headers.as_ref();
        code.map_or(RequestHeadersStatus::Continue, |code| code(envoy, end))
    }

    fn on_request_body(&self, envoy: &mut Envoy, end: bool) -> RequestBodyStatus {
        self.trace("request_body");
        let code = self.0.request_body.as_ref();
        code.map_or(RequestBodyStatus::Continue, |code| code(envoy, end))
    }

    fn on_request_trailers(&self, envoy: &mut Envoy) -> RequestTrailersStatus {
        self.trace("request_trailers");
        let code = self.0.request_trailers.as_ref();
        code.map_or(RequestTrailersStatus::Continue, |code| code(envoy))
    }

    fn on_response_headers(&self, envoy: &mut Envoy, end: bool) -> ResponseHeadersStatus {
        self.trace("response_headers");
        let code = self.0.response_headers.as_ref();
        code.map_or(ResponseHeadersStatus::Continue, |code| code(envoy, end))
    }

    fn on_response_body(&self, envoy: &mut Envoy, end: bool) -> ResponseBodyStatus {
        self.trace("response_body");
        let code = self.0.response_body.as_ref();
        code.map_or(ResponseBodyStatus::Continue, |code| code(envoy, end))
    }

    fn on_response_trailers(&self, envoy: &mut Envoy) -> ResponseTrailersStatus {
        self.trace("response_trailers");
        let code = self.0.response_trailers.as_ref();
        code.map_or(ResponseTrailersStatus::Continue, |code| code(envoy))
    }

    fn on_stream_complete(&self, envoy: &mut Envoy) {
        self.trace("stream_complete");
        if let Some(code) = &self.0.stream_complete {
            code(envoy);
        }
    }

    fn on_local_reply(
        &self,
        envoy: &mut Envoy,
        _code: u32,
        _details: EnvoyBuffer<'_>,
        _reset_imminent: bool,
    ) -> LocalReplyStatus {
        self.trace("local_reply");
        let code = self.0.local_reply.as_ref();
        code.map_or(LocalReplyStatus::Continue, |code| code(envoy))
    }

    fn on_scheduled(&self, envoy: &mut Envoy, event_id: u64) {
        self.trace("scheduled");
        if let Some(code) = &self.0.scheduled {
            code(envoy, event_id);
        }
    }

    fn on_http_callout_done(
        &self,
        envoy: &mut Envoy,
        callout_id: u64,
        result: HttpCalloutResult,
        headers: &[(EnvoyBuffer<'_>, EnvoyBuffer<'_>)],
        body: &[EnvoyBuffer<'_>],
    ) {
        self.trace("http_callout_done");
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{}={};", name.to_str().unwrap(), value.to_str().unwrap()))
            .collect::<String>();
        let text = format!("{headers}{}", String::from_utf8_lossy(&body.concat()));
        if let Some(code) = &self.0.callout_done {
            code(envoy, callout_id, result, &text);
        }
    }

    fn on_downstream_above_write_buffer_high_watermark(&self, envoy: &mut Envoy) {
        self.trace("above");
        if let Some(code) = &self.0.watermark {
            code(envoy, true);
        }
    }

    fn on_downstream_below_write_buffer_low_watermark(&self, envoy: &mut Envoy) {
        self.trace("below");
        if let Some(code) = &self.0.watermark {
            code(envoy, false);
        }
    }
}
