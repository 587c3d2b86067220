//! The module's object behind one stream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::HttpBody;
use crate::abi::{FilterEnvoyPtr, StreamResetReason};
use crate::callbacks::{Callbacks, FilterCallbacks};
use crate::deferred::{Action, Queue};
use crate::filter::{HttpFilter, HttpFilterConfig};
use crate::guard;
use crate::handle::{EnvoyHttpFilter, Passed};
use crate::hooks::Hook;

/// Response code details of a stream that a panic ended.
const PANIC_DETAILS: &str = "dynamic_module_panic";

/// What is left of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Hooks run.
    Live,
    /// The filter could not be made: the first hook fails the stream.
    Failed,
    /// A hook panicked, the failure above was reported, or Envoy destroyed the filter: hooks do
    /// nothing.
    Retired,
}

/// How a hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The filter's code ran, or there was none to run.
    Passed,
    /// The stream was failed.
    Failed,
}

/// One stream's filter, its deferred actions and what the handle must know.
pub(crate) struct Instance {
    envoy: FilterEnvoyPtr,
    callbacks: &'static Callbacks,
    config: Option<Arc<dyn HttpFilterConfig>>,
    /// Borrowed while a hook of the filter is on the stack, and not otherwise.
    filter: RefCell<Option<Box<dyn HttpFilter>>>,
    state: Cell<State>,
    /// Envoy has destroyed the filter: its pointer must not be used any more.
    dead: Cell<bool>,
    queue: Queue,
    request_ended: Cell<bool>,
    response_ended: Cell<bool>,
    request_passed: Passed,
    response_passed: Passed,
    next_callout: Cell<u32>,
}

impl Instance {
    /// Makes the filter of one stream; without a configuration, or when making it panics, an
    /// instance that fails the stream.
    ///
    /// # Safety
    /// `envoy` must be Envoy's filter object, live until [`Self::destroy`] is called.
    pub(crate) unsafe fn new(
        envoy: FilterEnvoyPtr,
        callbacks: &'static Callbacks,
        config: Option<Arc<dyn HttpFilterConfig>>,
    ) -> Rc<Self> {
        let instance = Rc::new(Self {
            envoy,
            callbacks,
            config,
            filter: RefCell::new(None),
            state: Cell::new(State::Failed),
            dead: Cell::new(false),
            queue: Queue::default(),
            request_ended: Cell::new(false),
            response_ended: Cell::new(false),
            request_passed: Passed::default(),
            response_passed: Passed::default(),
            next_callout: Cell::new(1),
        });
        if let Some(config) = &instance.config {
            let mut handle = EnvoyHttpFilter::new(Rc::clone(&instance), Hook::New, false);
            match guard::catch(|| config.new_http_filter(&mut handle)) {
                Ok(filter) => {
                    instance.filter.replace(Some(filter));
                    instance.state.set(State::Live);
                }
                Err(panic) => {
                    panic.log(Hook::New.name());
                    instance.report_panic(&mut handle, Hook::New);
                }
            }
        }
        instance
    }

    /// Runs `code` as `hook` of the filter, if there is one, then what it deferred. A panic of
    /// `code` is the caller's to catch, and to tell [`Self::fail`].
    #[inline(always)]
    pub(crate) fn run(
        &self,
        handle: &mut EnvoyHttpFilter,
        code: &mut dyn FnMut(&dyn HttpFilter, &mut EnvoyHttpFilter),
    ) -> Verdict {
        let (hook, end_of_stream) = handle.hook();
        self.note_end(hook, end_of_stream);
        // Inside a hook of the filter, its end performs what this one defers. Otherwise this hook
        // was called by Envoy, perhaps inside a deferred action.
        let outermost = self.is_outside();
        if outermost && !self.queue.is_empty() {
            return self.run_aside(handle, code);
        }
        let verdict = self.run_filter(handle, code);
        if outermost {
            self.perform(hook);
        }
        verdict
    }

    /// Whether no hook of the filter is on the stack.
    #[inline]
    fn is_outside(&self) -> bool {
        self.filter.try_borrow_mut().is_ok()
    }

    /// As [`Self::run`], inside an action behind which others wait.
    #[cold]
    fn run_aside(
        &self,
        handle: &mut EnvoyHttpFilter,
        code: &mut dyn FnMut(&dyn HttpFilter, &mut EnvoyHttpFilter),
    ) -> Verdict {
        let _aside = self.queue.set_aside();
        let verdict = self.run_filter(handle, code);
        let (hook, _) = handle.hook();
        self.perform(hook);
        verdict
    }

    /// Runs `code` on the filter, if there is still one.
    #[inline(always)]
    fn run_filter(
        &self,
        handle: &mut EnvoyHttpFilter,
        code: &mut dyn FnMut(&dyn HttpFilter, &mut EnvoyHttpFilter),
    ) -> Verdict {
        match self.state.get() {
            State::Retired => Verdict::Passed,
            State::Failed => {
                self.state.set(State::Retired);
                let (hook, _) = handle.hook();
                self.fail_stream(hook);
                Verdict::Failed
            }
            State::Live => {
                if let Some(filter) = self.filter.borrow().as_deref() {
                    code(filter, handle);
                }
                // A nested hook may have retired the filter, or Envoy destroyed it.
                if self.state.get() == State::Retired {
                    self.retire();
                }
                Verdict::Passed
            }
        }
    }

    /// Fails the stream: [`Self::run`] panicked.
    pub(crate) fn fail(&self, handle: &mut EnvoyHttpFilter) {
        let (hook, _) = handle.hook();
        self.retire();
        self.report_panic(handle, hook);
        self.fail_stream(hook);
        // A local reply goes on, and so does the action that called it, with those after it.
        if self.is_outside() && hook != Hook::LocalReply {
            self.perform(hook);
        }
    }

    /// Performs what a hook deferred.
    #[inline(always)]
    fn perform(&self, hook: Hook) {
        if hook == Hook::StreamComplete {
            self.queue.close(); // the response is over; sending now would be use after free
        }
        if !self.queue.is_empty() {
            self.queue.perform(|| self.live());
        }
    }

    /// Envoy has destroyed its filter object: nothing may be called on it any more.
    pub(crate) fn destroy(&self) {
        self.dead.set(true);
        self.queue.close();
        self.retire();
    }

    /// The callbacks of the stream; `None` once Envoy has destroyed its filter.
    pub(crate) fn live(&self) -> Option<FilterCallbacks> {
        (!self.dead.get()).then(|| {
            // SAFETY: the constructor was promised that `envoy` lives until `destroy`.
            unsafe { FilterCallbacks::new(self.envoy, self.callbacks) }
        })
    }

    /// The host's callbacks.
    pub(crate) fn callbacks(&self) -> &'static Callbacks {
        self.callbacks
    }

    /// Queues an action; false when the stream is over or the filter retired.
    pub(crate) fn defer(&self, action: Action) -> bool {
        !self.dead.get() && self.state.get() == State::Live && self.queue.push(action)
    }

    /// Whether the end of `body` has been seen.
    pub(crate) fn ended(&self, body: HttpBody) -> bool {
        match body {
            HttpBody::Request => self.request_ended.get(),
            HttpBody::Response => self.response_ended.get(),
        }
    }

    /// What the last hook of `body` let pass.
    pub(crate) fn passed(&self, body: HttpBody) -> &Passed {
        match body {
            HttpBody::Request => &self.request_passed,
            HttpBody::Response => &self.response_passed,
        }
    }

    /// An id for a callout, for the release that leaves the choice to the module.
    pub(crate) fn next_callout(&self) -> u32 {
        let id = self.next_callout.get();
        self.next_callout.set(id.wrapping_add(1));
        id
    }

    fn note_end(&self, hook: Hook, end_of_stream: bool) {
        if !end_of_stream {
            return;
        }
        match hook {
            Hook::RequestHeaders | Hook::RequestBody | Hook::RequestTrailers => {
                self.request_ended.set(true);
            }
            Hook::ResponseHeaders | Hook::ResponseBody | Hook::ResponseTrailers => {
                self.response_ended.set(true);
            }
            _ => {}
        }
    }

    /// Drops the filter for good; inside one of its hooks, when the outermost ends.
    fn retire(&self) {
        self.state.set(State::Retired);
        let filter = self.filter.try_borrow_mut().map(|mut filter| filter.take());
        guard::drop_quietly(filter);
    }

    fn report_panic(&self, handle: &mut EnvoyHttpFilter, hook: Hook) {
        if let Some(config) = &self.config {
            guard::quietly("on_panic", || config.on_panic(handle, hook.name()));
        }
    }

    /// Ends the stream with an error, in the way that still works at `hook`, in place of anything
    /// that the filter had asked for.
    fn fail_stream(&self, hook: Hook) {
        let action = match hook {
            Hook::New | Hook::StreamComplete | Hook::LocalReply => return,
            Hook::ResponseHeaders | Hook::ResponseBody | Hook::ResponseTrailers => {
                Action::ResetStream {
                    reason: StreamResetReason::LocalReset,
                    details: PANIC_DETAILS.to_owned(),
                }
            }
            Hook::RequestHeaders
            | Hook::RequestBody
            | Hook::RequestTrailers
            | Hook::Scheduled
            | Hook::HttpCalloutDone
            | Hook::AboveWriteBufferHighWatermark
            | Hook::BelowWriteBufferLowWatermark => Action::SendResponse {
                status: 500,
                headers: Vec::new(),
                body: Vec::new(),
                details: PANIC_DETAILS.to_owned(),
            },
        };
        self.queue.clear();
        self.queue.push(action);
    }
}
