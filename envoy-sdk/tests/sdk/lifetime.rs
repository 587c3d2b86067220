//! Pointers that are null, streams that are gone, and what outlives them.

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use envoy_fake_host::{FakeHost, FakeRouteConfig, Generation};
use envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType::RequestHeader;
use envoy_proxy_dynamic_modules_rust_sdk::abi::RawEnvoyBuffer;
use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, EnvoyHttpFilter, EventFlow, HttpBody, HttpCalloutInitError, LocalReply,
    LocalReplyStatus, MetadataSource, MetricsError, RequestBodyStatus, RequestFlow,
    RequestHeadersStatus, RequestTrailersStatus, ResponseBodyStatus, ResponseHeadersStatus,
    ResponseTrailersStatus, RouteConfigError, hooks,
};

use crate::script::{MODULE, Script, play, request_hook};

/// Calls every stream hook with these pointers; each passes.
fn every_hook_passes(envoy: *mut std::ffi::c_void, module: *const std::ffi::c_void) {
    let details = RawEnvoyBuffer {
        ptr: ptr::null(),
        length: 7,
    };
    // SAFETY: one of the pointers is null, so nothing is followed.
    unsafe {
        use hooks::*;
        let status = envoy_dynamic_module_on_http_filter_request_headers(envoy, module, true);
        assert_eq!(status, RequestHeadersStatus::Continue);
        let status = envoy_dynamic_module_on_http_filter_request_body(envoy, module, true);
        assert_eq!(status, RequestBodyStatus::Continue);
        let status = envoy_dynamic_module_on_http_filter_request_trailers(envoy, module);
        assert_eq!(status, RequestTrailersStatus::Continue);
        let status = envoy_dynamic_module_on_http_filter_response_headers(envoy, module, true);
        assert_eq!(status, ResponseHeadersStatus::Continue);
        let status = envoy_dynamic_module_on_http_filter_response_body(envoy, module, true);
        assert_eq!(status, ResponseBodyStatus::Continue);
        let status = envoy_dynamic_module_on_http_filter_response_trailers(envoy, module);
        assert_eq!(status, ResponseTrailersStatus::Continue);
        let status =
            envoy_dynamic_module_on_http_filter_local_reply(envoy, module, 500, details, true);
        assert_eq!(status, LocalReplyStatus::Continue);
        envoy_dynamic_module_on_http_filter_stream_complete(envoy, module);
        envoy_dynamic_module_on_http_filter_scheduled(envoy, module, 1);
        envoy_dynamic_module_on_http_filter_http_callout_done(
            envoy,
            module,
            1,
            99,
            ptr::null(),
            3,
            ptr::null(),
            3,
        );
        envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
            envoy, module,
        );
        envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
            envoy, module,
        );
        envoy_dynamic_module_on_http_filter_http_stream_headers(
            envoy,
            module,
            1,
            ptr::null(),
            3,
            true,
        );
        envoy_dynamic_module_on_http_filter_http_stream_data(
            envoy,
            module,
            1,
            ptr::null(),
            3,
            true,
        );
        envoy_dynamic_module_on_http_filter_http_stream_trailers(envoy, module, 1, ptr::null(), 3);
        envoy_dynamic_module_on_http_filter_http_stream_complete(envoy, module, 1);
        envoy_dynamic_module_on_http_filter_http_stream_reset(envoy, module, 1, 0);
    }
}

#[test]
fn null_pointers_pass() {
    for generation in Generation::ALL {
        let play = play(generation, Script::default());
        let (envoy, module) = play.stream.pointers();
        every_hook_passes(ptr::null_mut(), ptr::null());
        every_hook_passes(envoy, ptr::null());
        every_hook_passes(ptr::null_mut(), module);
        assert!(play.script.trace.borrow().is_empty());
        // SAFETY: null pointers are not followed.
        unsafe {
            hooks::envoy_dynamic_module_on_http_filter_destroy(ptr::null());
            hooks::envoy_dynamic_module_on_http_filter_config_destroy(ptr::null());
            hooks::envoy_dynamic_module_on_http_filter_per_route_config_destroy(ptr::null());
            hooks::envoy_dynamic_module_on_http_filter_config_scheduled(
                ptr::null_mut(),
                ptr::null(),
                1,
            );
            let config = hooks::envoy_dynamic_module_on_http_filter_config_new(
                ptr::null_mut(),
                ptr::null(),
                7,
                ptr::null(),
                7,
            );
            assert!(config.is_null());
        }
    }
}

/// A filter without a configuration answers 500 rather than crash Envoy.
#[test]
fn a_null_configuration_fails_the_stream() {
    let host = FakeHost::new(Generation::V1_39, MODULE);
    let config = host.filter_config("script", b"").unwrap();
    let stream = config.stream();
    let (envoy, _) = stream.pointers();
    // SAFETY: the stream is alive, and the module is destroyed before it.
    unsafe {
        let module = hooks::envoy_dynamic_module_on_http_filter_new(ptr::null(), envoy);
        assert!(!module.is_null());
        let status =
            hooks::envoy_dynamic_module_on_http_filter_request_headers(envoy, module, true);
        assert_eq!(status, RequestHeadersStatus::StopIteration);
        hooks::envoy_dynamic_module_on_http_filter_destroy(module);
    }
    assert_eq!(stream.local_replies()[0].status, 500);
}

/// Everything on a handle whose stream is gone.
fn is_inert(envoy: &mut EnvoyHttpFilter) {
    assert!(envoy.header(RequestHeader, "x").is_none());
    assert!(envoy.header_values(RequestHeader, "x").is_empty());
    assert!(envoy.headers(RequestHeader).is_empty());
    assert_eq!(envoy.headers_size(RequestHeader), 0);
    assert!(!envoy.set_header(RequestHeader, "x", b"1"));
    assert!(!envoy.add_header(RequestHeader, "x", b"1"));
    assert!(!envoy.remove_header(RequestHeader, "x"));
    for body in [HttpBody::Request, HttpBody::Response] {
        assert_eq!(envoy.body_size(body), 0);
        assert!(envoy.body_chunks(body).is_empty());
        assert!(envoy.received_body_chunks(body).is_empty());
        assert!(!envoy.drain_body(body, 1));
        assert!(!envoy.append_body(body, b"x"));
        assert!(!envoy.replace_body(body, b"x"));
    }
    assert!(envoy.buffer_limit().is_none());
    assert!(!envoy.set_buffer_limit(1));
    assert!(!envoy.set_dynamic_metadata_string("n", "k", "v"));
    assert!(!envoy.set_dynamic_metadata_number("n", "k", 1.0));
    assert!(!envoy.set_dynamic_metadata_bool("n", "k", true));
    let source = MetadataSource::Host;
    assert!(envoy.metadata_string(source, "n", "k").is_none());
    assert!(envoy.metadata_number(source, "n", "k").is_none());
    assert!(envoy.metadata_bool(source, "n", "k").is_none());
    assert!(!envoy.set_filter_state_bytes("k", b"v"));
    assert!(envoy.filter_state_bytes("k").is_none());
    assert!(envoy.attribute_string(AttributeId::RequestPath).is_none());
    assert!(envoy.attribute_int(AttributeId::ResponseCode).is_none());
    assert!(envoy.attribute_bool(AttributeId::ConnectionMtls).is_none());
    let request = envoy.as_request().expect("a request hook");
    assert!(!request.clear_route_cache());
    assert!(!request.clear_route_cluster_cache());
    let callout = request.send_http_callout("c", &[], b"", 1);
    assert_eq!(callout, Err(HttpCalloutInitError::Unavailable));
    request.new_scheduler().commit(1);
    assert_eq!(envoy.most_specific_route_config::<Vec<u8>>(), Ok(None));
    assert!(envoy.worker_index().is_none());
    assert!(envoy.cluster_name().is_none());
    assert!(!envoy.add_custom_flag("f"));
    assert!(!envoy.set_span_tag("k", "v"));
    let counter = crate::script::current_counter();
    let result = envoy.increment_counter(counter, &[], 1);
    assert_eq!(result, Err(MetricsError::Unavailable));
}

/// Envoy destroys the filter while its hook is on the stack.
#[test]
fn a_handle_is_inert_once_the_stream_is_gone() {
    for generation in Generation::ALL {
        let slot: Rc<RefCell<Option<*const std::ffi::c_void>>> = Rc::default();
        let module = Rc::clone(&slot);
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    // SAFETY: as Envoy does, with the pointer it was given; the test takes it away
                    // from the fake host below.
                    unsafe {
                        let module = module.borrow_mut().take().unwrap();
                        hooks::envoy_dynamic_module_on_http_filter_destroy(module);
                    }
                    is_inert(envoy);
                    RequestFlow::reply(LocalReply::new(500).details("dropped with the stream"))
                }),
                ..Script::default()
            },
        );
        let (envoy, module) = play.stream.pointers();
        slot.replace(Some(module));
        play.stream.forget_module();
        // SAFETY: both are alive when the hook begins.
        let status = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_request_headers(envoy, module, true)
        };
        assert_eq!(status, RequestHeadersStatus::StopIteration);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        assert_eq!(*play.script.trace.borrow(), ["request_headers", "drop"]);
        assert!(play.stream.all_calls().is_empty(), "{generation:?}");
    }
}

/// Before the stream is attached there are only metrics.
#[test]
fn a_new_filter_has_metrics() {
    for generation in Generation::ALL {
        let play = play(
            generation,
            Script {
                new: Some(Box::new(|envoy, ()| {
                    let counter = crate::script::current_counter();
                    envoy.increment_counter(counter, &[], 5).unwrap();
                })),
                ..Script::default()
            },
        );
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        assert_eq!(play.config.metric("panics", &[]), 5);
        assert_eq!(play.stream.all_calls().len(), 1);
    }
}

/// A stream holds its route's configuration even when Envoy has dropped the route.
#[test]
fn a_route_configuration_outlives_its_route() {
    for generation in Generation::ALL {
        let kept: Rc<RefCell<Option<Arc<Vec<u8>>>>> = Rc::default();
        let keep = Rc::clone(&kept);
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    keep.replace(envoy.most_specific_route_config().expect("own"));
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        let route = play.host.route_config("script", b"of the route").unwrap();
        play.stream.set_route_config(Some(&route));
        play.stream.request_headers(&[], true);
        play.stream.set_route_config(None);
        drop(route);
        let config = kept.borrow_mut().take().unwrap();
        assert_eq!(*config, b"of the route");
    }
}

/// Two builds of a module in one Envoy: a route of one may reach the other.
#[test]
fn the_configuration_of_another_module_is_not_followed() {
    let theirs: Box<Arc<dyn std::any::Any + Send + Sync>> = Box::new(Arc::new(b"theirs".to_vec()));
    let address: *const Arc<_> = &raw const *theirs;
    for generation in Generation::ALL {
        for address in [address.cast(), ptr::dangling()] {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let note = Rc::clone(&seen);
            let play = play(
                generation,
                Script {
                    request_headers: request_hook(move |envoy, _| {
                        let config = envoy.most_specific_route_config::<Vec<u8>>();
                        note.borrow_mut().push(config.map(|_| ()));
                        RequestHeadersStatus::Continue
                    }),
                    ..Script::default()
                },
            );
            let route = FakeRouteConfig::of_another_module(address);
            play.stream.set_route_config(Some(&route));
            play.stream.request_headers(&[], true);
            assert_eq!(*seen.borrow(), [Err(RouteConfigError::OtherModule)]);
            drop(play);
            drop(route); // nor is it freed
        }
    }
    assert_eq!(theirs.downcast_ref::<Vec<u8>>().unwrap(), b"theirs");
}

/// Two filters of one module whose routes are mixed up.
#[test]
fn the_configuration_of_another_filter_is_an_error() {
    let play = play(
        Generation::V1_40,
        Script {
            request_headers: request_hook(|envoy, _| {
                let config = envoy.most_specific_route_config::<String>();
                assert_eq!(config, Err(RouteConfigError::OtherFilter));
                RequestHeadersStatus::Continue
            }),
            ..Script::default()
        },
    );
    let route = play.host.route_config("script", b"bytes").unwrap();
    play.stream.set_route_config(Some(&route));
    play.stream.request_headers(&[], true);
    assert!(play.script.panics.borrow().is_empty());
}

/// Not only when the stream ends: one that lasts may make many.
#[test]
fn a_scheduler_that_is_dropped_is_deleted() {
    for generation in Generation::ALL {
        let kept = Rc::new(RefCell::new(Vec::new()));
        let keep = Rc::clone(&kept);
        let script = Script {
            request_headers: request_hook(move |envoy, _| {
                drop(envoy.new_scheduler());
                keep.borrow_mut().push(envoy.new_scheduler());
                drop(envoy.new_scheduler());
                RequestHeadersStatus::Continue
            }),
            ..Script::default()
        };
        let play = play(generation, script);
        play.stream.request_headers(&[], true);
        assert_eq!(play.stream.schedulers(), 1, "{generation:?}");
        kept.take();
        assert_eq!(play.stream.schedulers(), 0, "{generation:?}");
    }
}

/// A scheduler works from any thread and outlives its stream, after which it does nothing: in Envoy
/// up to 1.37 it would reach for a worker that may be gone.
#[test]
fn a_scheduler_outlives_its_stream() {
    for generation in Generation::ALL {
        let (sender, receiver) = std::sync::mpsc::channel();
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    drop(envoy.new_scheduler());
                    let schedulers = [envoy.new_scheduler(), envoy.new_scheduler()];
                    sender.send(schedulers).unwrap();
                    RequestHeadersStatus::StopAllIterationAndWatermark
                }),
                scheduled: Some(Box::new(|envoy, event| {
                    assert_eq!(event, 3);
                    EventFlow::ContinueRequest(envoy.held_request().expect("held"))
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        let schedulers = receiver.recv().unwrap();
        let thread = std::thread::spawn(move || {
            schedulers[0].commit(3);
            schedulers
        });
        let schedulers = thread.join().unwrap();
        assert_eq!(play.stream.run_scheduled(), 1);
        assert!(play.stream.upstream().ended, "{generation:?}");
        play.stream.complete();
        for scheduler in &schedulers {
            scheduler.commit(4);
        }
        assert_eq!(play.stream.run_scheduled(), 0, "{generation:?}");
        drop(play);
        drop(schedulers);
    }
}
