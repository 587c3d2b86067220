//! One stream: what the host knows of it, and the test's grip on it.

mod half;
mod manager;
mod play;
mod reply;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use envoy_proxy_dynamic_modules_rust_sdk::{AttributeId, HttpBody, MetadataSource};

pub(crate) use half::{Half, Received, drain};
pub use play::FakeStream;

use crate::generation::Generation;
use crate::host::{ConfigState, FakeRouteConfig};
use crate::message::{Callout, LocalReply, MetadataValue};

/// Events committed to a stream, from any thread.
pub(crate) type Events = Arc<Mutex<VecDeque<u64>>>;

/// A value of an attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    String(String),
    Int(u64),
    Bool(bool),
}

/// Which side's hook is on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Other,
}

/// The host's object behind a filter pointer.
pub(crate) struct Stream {
    pub(crate) config: Rc<ConfigState>,
    pub(crate) module: Cell<*const c_void>,
    pub(crate) request: RefCell<Half>,
    pub(crate) response: RefCell<Half>,
    /// The hooks on the stack.
    pub(crate) running: RefCell<Vec<Side>>,
    /// The module's filter is destroyed.
    pub(crate) destroyed: Cell<bool>,
    /// The stream was answered or reset: no more hooks but the last.
    pub(crate) finished: Cell<bool>,
    pub(crate) reset: RefCell<Option<(u32, String)>>,
    pub(crate) loses_last_frame: Cell<bool>,
    pub(crate) buffer_limit: Cell<u64>,
    pub(crate) local_replies: RefCell<Vec<LocalReply>>,
    pub(crate) route_cache_cleared: Cell<usize>,
    pub(crate) route_cluster_cache_cleared: Cell<usize>,
    pub(crate) route_config: RefCell<Option<FakeRouteConfig>>,
    pub(crate) metadata: RefCell<BTreeMap<(u32, String, String), MetadataValue>>,
    /// Up to 1.39 a read of host metadata frees what the read before returned.
    pub(crate) host_metadata: RefCell<Option<Vec<u8>>>,
    pub(crate) filter_state: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(crate) attributes: RefCell<BTreeMap<u32, Attribute>>,
    pub(crate) callouts: RefCell<Vec<Callout>>,
    pub(crate) callout_result: Cell<u32>,
    /// Callouts fail inside the call that starts them.
    pub(crate) callouts_fail_at_once: Cell<bool>,
    pub(crate) events: Events,
    pub(crate) continued: RefCell<Vec<HttpBody>>,
    pub(crate) custom_flags: RefCell<Vec<String>>,
    /// Tags of the active span; `None` when nothing is traced.
    pub(crate) span_tags: RefCell<Option<BTreeMap<String, String>>>,
    pub(crate) calls: RefCell<BTreeMap<&'static str, usize>>,
    pub(crate) violations: RefCell<Vec<String>>,
    /// The callback that unwinds instead of doing anything.
    pub(crate) unwinds: Cell<Option<&'static str>>,
}

impl Stream {
    pub(crate) fn new(config: Rc<ConfigState>) -> Self {
        let loses_last_frame = config.generation.loses_last_frame();
        Self {
            config,
            module: Cell::new(std::ptr::null()),
            request: RefCell::default(),
            response: RefCell::default(),
            running: RefCell::default(),
            destroyed: Cell::new(false),
            finished: Cell::new(false),
            reset: RefCell::default(),
            loses_last_frame: Cell::new(loses_last_frame),
            buffer_limit: Cell::new(1 << 20),
            local_replies: RefCell::default(),
            route_cache_cleared: Cell::new(0),
            route_cluster_cache_cleared: Cell::new(0),
            route_config: RefCell::default(),
            metadata: RefCell::default(),
            host_metadata: RefCell::default(),
            filter_state: RefCell::default(),
            attributes: RefCell::new(BTreeMap::from([(
                AttributeId::ConnectionId as u32,
                Attribute::Int(1),
            )])),
            callouts: RefCell::default(),
            callout_result: Cell::new(0),
            callouts_fail_at_once: Cell::new(false),
            events: Events::default(),
            continued: RefCell::default(),
            custom_flags: RefCell::default(),
            span_tags: RefCell::default(),
            calls: RefCell::default(),
            violations: RefCell::default(),
            unwinds: Cell::new(None),
        }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.config.generation
    }

    /// The pointer that the module knows the stream by.
    pub(crate) fn envoy(&self) -> *mut c_void {
        (&raw const *self).cast_mut().cast()
    }

    pub(crate) fn half(&self, body: HttpBody) -> &RefCell<Half> {
        match body {
            HttpBody::Request => &self.request,
            HttpBody::Response => &self.response,
        }
    }

    /// Counts a callback, and notes it when Envoy would have crashed; whether it is to unwind.
    pub(crate) fn record(&self, callback: &'static str) -> bool {
        *self.calls.borrow_mut().entry(callback).or_default() += 1;
        if self.destroyed.get() {
            self.violations
                .borrow_mut()
                .push(format!("{callback} on a destroyed filter"));
        }
        self.unwinds.get() == Some(callback)
    }

    pub(crate) fn metadata(
        &self,
        source: u32,
        namespace: &str,
        key: &str,
    ) -> Option<MetadataValue> {
        self.metadata
            .borrow()
            .get(&(source, namespace.to_owned(), key.to_owned()))
            .cloned()
    }

    pub(crate) fn set_dynamic_metadata(
        &self,
        namespace: String,
        key: String,
        value: MetadataValue,
    ) {
        self.metadata
            .borrow_mut()
            .insert((MetadataSource::Dynamic as u32, namespace, key), value);
    }
}
