//! The module's object behind one stream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::abi::{FilterEnvoyPtr, StreamResetReason};
use crate::callbacks::{Callbacks, FilterCallbacks};
use crate::deferred::{Action, Queue, has_host};
use crate::filter::{HttpFilter, HttpFilterConfig};
use crate::flow::{LocalReply, Reset, StreamedReply};
use crate::handle::{EnvoyHttpFilter, Passed, Schedulers};
use crate::hooks::Hook;
use crate::message::{Message, Progress};
use crate::{HttpBody, envoy_log_error, guard};

/// Response code details of a stream that a panic ended.
const PANIC_DETAILS: &str = "dynamic_module_panic";

/// Response code details of a stream whose filter began an answer too late.
const MISUSE_DETAILS: &str = "dynamic_module_late_answer";

/// What is left of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Hooks run.
    Live,
    /// The filter answers bit by bit. The request stays here, and the response is the filter's own:
    /// its response hooks do not run, as from Envoy 1.39 on.
    Replying,
    /// The filter has ended its answer; else as above.
    Replied,
    /// The filter could not be made, or panicked before the stream was attached: the next hook fails
    /// the stream.
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
    /// The message must not go on: the stream was answered, reset or failed.
    Stopped,
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
    request: Message,
    response: Message,
    schedulers: Schedulers,
    request_passed: Passed,
    response_passed: Passed,
    next_callout: Cell<u32>,
    /// The end of a callout is on the stack.
    ending_callout: Cell<bool>,
    /// The filter leaves out the hook of the stream's end.
    leaves_out_complete: Cell<bool>,
}

/// Until this goes, the end of a callout is on the stack.
pub(crate) struct CalloutEnd<'i> {
    ending: &'i Cell<bool>,
    before: bool,
}

impl Drop for CalloutEnd<'_> {
    fn drop(&mut self) {
        self.ending.set(self.before);
    }
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
            request: Message::default(),
            response: Message::default(),
            schedulers: Schedulers::default(),
            request_passed: Passed::default(),
            response_passed: Passed::default(),
            next_callout: Cell::new(1),
            ending_callout: Cell::new(false),
            leaves_out_complete: Cell::new(false),
        });
        if let Some(config) = &instance.config {
            let mut handle = EnvoyHttpFilter::new(Rc::clone(&instance), Hook::New, false);
            match guard::catch(|| config.new_http_filter(handle.metrics())) {
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
        if !outermost {
            handle.note_nested();
        }
        let verdict = self.run_filter(handle, code);
        if outermost && self.perform(hook) == Verdict::Stopped {
            return Verdict::Stopped;
        }
        verdict
    }

    /// Whether a hook of `body` has nothing to do: the filter leaves it out, the stream is as it was, and
    /// nothing waits to be performed.
    #[inline]
    pub(crate) fn leaves_out(&self, body: HttpBody, end_of_stream: bool) -> bool {
        let message = self.message(body);
        let leaves_out = message.passes_unwatched() && self.is_undisturbed();
        if leaves_out && end_of_stream {
            message.ended.set(true);
        }
        leaves_out
    }

    /// Whether the hook of the stream's end has nothing to do; see [`leaves_out`](Self::leaves_out).
    #[inline]
    pub(crate) fn leaves_out_complete(&self) -> bool {
        self.leaves_out_complete.get() && self.is_undisturbed()
    }

    /// Whether the stream is as it was, and nothing waits to be performed.
    #[inline]
    fn is_undisturbed(&self) -> bool {
        self.state.get() == State::Live && self.queue.is_empty()
    }

    /// Notes whether the filter leaves out the hook of the stream's end.
    #[inline]
    pub(crate) fn leave_out_complete(&self, leaves_out: bool) {
        self.leaves_out_complete.set(leaves_out);
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
        match self.perform(hook) {
            Verdict::Stopped => Verdict::Stopped,
            Verdict::Passed => verdict,
        }
    }

    /// Runs `code` on the filter, if there is still one.
    #[inline(always)]
    fn run_filter(
        &self,
        handle: &mut EnvoyHttpFilter,
        code: &mut dyn FnMut(&dyn HttpFilter, &mut EnvoyHttpFilter),
    ) -> Verdict {
        if self.state.get() != State::Live {
            return self.run_what_is_left(handle, code);
        }
        if let Some(filter) = self.filter.borrow().as_deref() {
            code(filter, handle);
        }
        match self.state.get() {
            State::Live => Verdict::Passed,
            _ => self.changed(handle),
        }
    }

    #[cold]
    fn run_what_is_left(
        &self,
        handle: &mut EnvoyHttpFilter,
        code: &mut dyn FnMut(&dyn HttpFilter, &mut EnvoyHttpFilter),
    ) -> Verdict {
        let (hook, _) = handle.hook();
        match self.state.get() {
            State::Retired => Verdict::Passed,
            State::Failed => {
                if self.fail_stream(hook) {
                    self.state.set(State::Retired);
                    return Verdict::Stopped;
                }
                Verdict::Passed
            }
            State::Replying | State::Replied if hook.message() == Some(HttpBody::Response) => {
                Verdict::Passed
            }
            State::Live | State::Replying | State::Replied => {
                if let Some(filter) = self.filter.borrow().as_deref() {
                    code(filter, handle);
                }
                self.changed(handle)
            }
        }
    }

    /// What a hook comes to whose filter is not what it was: the hook, or one inside it, has begun an
    /// answer, panicked, or had Envoy destroy the filter.
    #[cold]
    fn changed(&self, handle: &EnvoyHttpFilter) -> Verdict {
        let (hook, _) = handle.hook();
        match self.state.get() {
            State::Live => Verdict::Passed,
            State::Replying | State::Replied => match hook.message() {
                Some(HttpBody::Request) => Verdict::Stopped,
                Some(HttpBody::Response) | None => Verdict::Passed,
            },
            State::Failed | State::Retired => {
                self.drop_filter();
                Verdict::Passed
            }
        }
    }

    /// Fails the stream: [`Self::run`] panicked.
    pub(crate) fn fail(&self, handle: &mut EnvoyHttpFilter) {
        let (hook, _) = handle.hook();
        self.drop_filter();
        self.report_panic(handle, hook);
        if hook.is_of_watermark() {
            self.state.set(State::Failed); // nothing can be sent now
            return;
        }
        self.state.set(State::Retired);
        self.fail_stream(hook);
        // A local reply goes on, and so does the action that called it, with those after it.
        if self.is_outside() && hook != Hook::LocalReply {
            self.perform(hook);
        }
    }

    /// Performs what a hook deferred.
    #[inline(always)]
    fn perform(&self, hook: Hook) -> Verdict {
        if hook == Hook::StreamComplete {
            self.queue.close(); // the response is over; sending now would be use after free
        }
        if self.queue.is_empty() {
            return Verdict::Passed;
        }
        self.perform_waiting(hook)
    }

    /// Whether the stream is still there is looked at before each action, because the previous one
    /// may have ended it.
    #[inline(never)]
    fn perform_waiting(&self, hook: Hook) -> Verdict {
        let _callout = (hook == Hook::HttpCalloutDone).then(|| self.end_callout());
        let mut verdict = Verdict::Passed;
        while let Some(action) = self.queue.next() {
            let Some(callbacks) = self.live() else {
                self.queue.close();
                return Verdict::Stopped;
            };
            let allowed = match &action {
                Action::ContinueDecoding => self.request.resume(),
                Action::ContinueEncoding => self.response.resume(),
                _ => true,
            };
            if action.ends_stream() {
                self.queue.close();
                verdict = Verdict::Stopped;
            }
            if allowed {
                action.perform(callbacks);
            }
        }
        verdict
    }

    /// Envoy has destroyed its filter object: nothing may be called on it any more.
    pub(crate) fn destroy(&self) {
        self.dead.set(true);
        self.queue.close();
        self.schedulers.end();
        self.state.set(State::Retired);
        self.drop_filter();
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

    /// Queues an action, unless the stream is over or the filter retired.
    pub(crate) fn defer(&self, action: Action) {
        let state = self.state.get();
        if !self.dead.get() && matches!(state, State::Live | State::Replying | State::Replied) {
            self.queue.push(action);
        }
    }

    /// Begins an answer, if the filter still has the request to itself; else resets the stream:
    /// Envoy does not survive a second answer, nor one that begins in a cluster's chain.
    pub(crate) fn begin_reply(&self, mut reply: Box<StreamedReply>) {
        let alone = self.request.is_with_filter() && self.response.progress() == Progress::Expected;
        let in_cluster = || self.live().is_some_and(has_host);
        if self.state.get() != State::Live || !alone || in_cluster() {
            envoy_log_error!(
                "an answer was begun when the request had gone on or was answered, or in a \
                 cluster's chain; the stream is reset, begin answers in a listener's chain while \
                 the filter holds the request's headers"
            );
            let details = MISUSE_DETAILS;
            let reset = Reset::new(StreamResetReason::LocalReset, details);
            self.defer(Action::Reset(Box::new(reset)));
            return;
        }
        let data = std::mem::take(&mut reply.data);
        self.defer(Action::BeginReply(reply));
        if !data.is_empty() {
            self.defer(Action::SendData {
                data,
                end_of_stream: false,
            });
        }
        self.state.set(State::Replying);
    }

    /// Whether the filter has begun an answer and not ended it.
    pub(crate) fn is_replying(&self) -> bool {
        self.state.get() == State::Replying
    }

    /// The answer that the filter has begun is over.
    pub(crate) fn end_reply(&self) {
        self.state.set(State::Replied);
    }

    /// Whether Envoy has attached the stream when `hook` runs. It may run the watermark hooks while
    /// it builds the filter chain.
    pub(crate) fn is_attached(&self, hook: Hook) -> bool {
        match hook {
            Hook::New => false,
            Hook::AboveWriteBufferHighWatermark | Hook::BelowWriteBufferLowWatermark => {
                self.request.progress() != Progress::Expected
            }
            _ => true,
        }
    }

    /// A message, as far as this filter knows it.
    #[inline]
    pub(crate) fn message(&self, body: HttpBody) -> &Message {
        match body {
            HttpBody::Request => &self.request,
            HttpBody::Response => &self.response,
        }
    }

    /// Keeps a scheduler until the stream ends.
    pub(crate) fn schedulers(&self) -> &Schedulers {
        &self.schedulers
    }

    /// Whether the filter can still answer, reset or resume the stream.
    pub(crate) fn is_open(&self) -> bool {
        !self.dead.get() && self.state.get() == State::Live
    }

    /// Whether the end of `body` has been seen.
    pub(crate) fn ended(&self, body: HttpBody) -> bool {
        self.message(body).ended.get()
    }

    /// What the last hook of `body` let pass.
    pub(crate) fn passed(&self, body: HttpBody) -> &Passed {
        match body {
            HttpBody::Request => &self.request_passed,
            HttpBody::Response => &self.response_passed,
        }
    }

    /// Notes that the end of a callout is on the stack.
    pub(crate) fn end_callout(&self) -> CalloutEnd<'_> {
        CalloutEnd {
            ending: &self.ending_callout,
            before: self.ending_callout.replace(true),
        }
    }

    /// Whether the end of a callout is on the stack.
    pub(crate) fn is_ending_callout(&self) -> bool {
        self.ending_callout.get()
    }

    /// An id for a callout, for the release that leaves the choice to the module.
    pub(crate) fn next_callout(&self) -> u32 {
        let id = self.next_callout.get();
        self.next_callout.set(id.wrapping_add(1));
        id
    }

    #[inline]
    fn note_end(&self, hook: Hook, end_of_stream: bool) {
        if !end_of_stream {
            return;
        }
        if let Some(body) = hook.message() {
            self.message(body).ended.set(true);
        }
    }

    /// Drops the filter; inside one of its hooks, when the outermost ends.
    fn drop_filter(&self) {
        let filter = self.filter.try_borrow_mut().map(|mut filter| filter.take());
        guard::drop_quietly(filter);
    }

    fn report_panic(&self, handle: &mut EnvoyHttpFilter, hook: Hook) {
        if let Some(config) = &self.config {
            guard::quietly("on_panic", || {
                config.on_panic(handle.metrics(), hook.name());
            });
        }
    }

    /// Ends the stream with an error, in the way that still works at `hook`, in place of anything
    /// that the filter had asked for. False when no way works there.
    fn fail_stream(&self, hook: Hook) -> bool {
        let action = match hook {
            Hook::New
            | Hook::StreamComplete
            | Hook::LocalReply
            // Envoy is writing to the connection, or building the filter chain.
            | Hook::AboveWriteBufferHighWatermark
            | Hook::BelowWriteBufferLowWatermark => return false,
            Hook::ResponseHeaders | Hook::ResponseBody | Hook::ResponseTrailers => Action::Reset(
                Box::new(Reset::new(StreamResetReason::LocalReset, PANIC_DETAILS)),
            ),
            Hook::RequestHeaders
            | Hook::RequestBody
            | Hook::RequestTrailers
            | Hook::Scheduled
            | Hook::HttpCalloutDone => {
                Action::Reply(Box::new(LocalReply::new(500).details(PANIC_DETAILS)))
            }
        };
        self.queue.clear();
        self.queue.push(action);
        true
    }
}
