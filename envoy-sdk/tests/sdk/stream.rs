//! Metadata, filter state, attributes, routes, callouts and tags.

use std::rc::Rc;

use envoy_fake_host::{Generation, MetadataValue};
use envoy_proxy_dynamic_modules_rust_sdk::{
    AttributeId, EventFlow, HttpCalloutInitError, HttpCalloutResult, HttpHeaderType,
    MetadataSource, RequestHeadersStatus,
};

use crate::script::{Script, play, request_hook};

#[test]
fn metadata_is_written_and_read() {
    for generation in Generation::ALL {
        let bools = generation >= Generation::V1_37_1;
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    assert!(envoy.set_dynamic_metadata_string("ns", "s", "text"));
                    assert!(envoy.set_dynamic_metadata_string("ns", "empty", ""));
                    assert!(envoy.set_dynamic_metadata_number("ns", "n", 1.5));
                    assert_eq!(envoy.set_dynamic_metadata_bool("ns", "b", true), bools);
                    let source = MetadataSource::Dynamic;
                    let text = envoy.metadata_string(source, "ns", "s").unwrap();
                    assert_eq!(text.to_str(), Ok("text"));
                    assert!(
                        envoy
                            .metadata_string(source, "ns", "empty")
                            .unwrap()
                            .is_empty()
                    );
                    assert_eq!(envoy.metadata_number(source, "ns", "n"), Some(1.5));
                    assert_eq!(
                        envoy.metadata_bool(source, "ns", "b"),
                        bools.then_some(true)
                    );
                    assert!(envoy.metadata_string(source, "other", "s").is_none());
                    assert!(envoy.metadata_number(source, "ns", "s").is_none());
                    let route = MetadataSource::Route;
                    let text = envoy.metadata_string(route, "r", "k").unwrap();
                    assert_eq!(text.as_slice(), b"route");
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        let value = MetadataValue::String("route".to_owned());
        play.stream
            .set_metadata(MetadataSource::Route, "r", "k", value);
        play.stream.request_headers(&[], true);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        let text = MetadataValue::String("text".to_owned());
        assert_eq!(play.stream.metadata("ns", "s"), Some(text));
        assert_eq!(
            play.stream.metadata("ns", "n"),
            Some(MetadataValue::Number(1.5))
        );
    }
}

/// A second read frees what the first returned, in Envoy up to 1.39. Miri sees it if it shows.
#[test]
fn host_metadata_is_read_twice() {
    for generation in Generation::ALL {
        for source in [MetadataSource::Host, MetadataSource::HostLocality] {
            let play = play(
                generation,
                Script {
                    request_headers: request_hook(move |envoy, _| {
                        let first = envoy.metadata_string(source, "h", "a").unwrap();
                        let second = envoy.metadata_string(source, "h", "b").unwrap();
                        assert_eq!((&*first, &*second), (&b"first"[..], &b"second"[..]));
                        RequestHeadersStatus::Continue
                    }),
                    ..Script::default()
                },
            );
            for (key, value) in [("a", "first"), ("b", "second")] {
                let value = MetadataValue::String(value.to_owned());
                play.stream.set_metadata(source, "h", key, value);
            }
            play.stream.request_headers(&[], true);
            assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        }
    }
}

#[test]
fn filter_state_and_attributes_are_read() {
    for generation in Generation::ALL {
        let bools = generation >= Generation::V1_37_1;
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    assert!(envoy.set_filter_state_bytes("own", b"\xff"));
                    assert_eq!(envoy.filter_state_bytes("own"), Some(vec![0xff]));
                    assert_eq!(envoy.filter_state_bytes("other"), Some(b"o".to_vec()));
                    assert_eq!(envoy.filter_state_bytes("absent"), None);
                    let again = generation >= Generation::V1_39;
                    assert_eq!(envoy.set_filter_state_bytes("own", b"new"), again);
                    let path = envoy.attribute_string(AttributeId::RequestPath).unwrap();
                    assert_eq!(path.to_str(), Ok("/p"));
                    assert!(envoy.attribute_string(AttributeId::XdsRouteName).is_none());
                    assert_eq!(envoy.attribute_int(AttributeId::SourcePort), Some(80));
                    assert_eq!(envoy.attribute_int(AttributeId::UpstreamPort), None);
                    let mtls = envoy.attribute_bool(AttributeId::ConnectionMtls);
                    assert_eq!(mtls, bools.then_some(true));
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.set_filter_state("other", b"o");
        play.stream.set_attribute_int(AttributeId::SourcePort, 80);
        play.stream
            .set_attribute_bool(AttributeId::ConnectionMtls, true);
        play.stream.request_headers(&[(":path", "/p")], true);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        assert_eq!(play.stream.filter_state("own"), Some(vec![0xff]));
    }
}

#[test]
fn what_a_release_lacks_says_so() {
    for generation in Generation::ALL {
        let since_1_37 = generation >= Generation::V1_37_0;
        let since_1_38 = generation >= Generation::V1_38;
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    assert!(envoy.clear_route_cache());
                    assert_eq!(envoy.clear_route_cluster_cache(), since_1_38);
                    assert_eq!(envoy.worker_index(), since_1_38.then_some(0));
                    let cluster = envoy.cluster_name().map(|name| name.to_vec());
                    assert_eq!(cluster, since_1_38.then(|| b"c".to_vec()));
                    assert_eq!(envoy.add_custom_flag("F"), since_1_37);
                    assert_eq!(envoy.set_span_tag("k", "v"), since_1_38);
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.trace();
        play.stream
            .set_attribute_string(AttributeId::XdsClusterName, "c");
        play.stream.request_headers(&[], true);
        assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        assert_eq!(play.stream.route_cache_cleared(), 1);
        let cleared = play.stream.route_cluster_cache_cleared();
        assert_eq!(cleared, usize::from(since_1_38));
        let tag = since_1_38.then(|| "v".to_owned());
        assert_eq!(play.stream.span_tag("k"), tag);
        assert_eq!(play.stream.custom_flags().len(), usize::from(since_1_37));
    }
}

#[test]
fn nothing_is_tagged_without_a_span() {
    let play = play(
        Generation::V1_40,
        Script {
            request_headers: request_hook(|envoy, _| {
                assert!(!envoy.set_span_tag("k", "v"));
                RequestHeadersStatus::Continue
            }),
            ..Script::default()
        },
    );
    play.stream.request_headers(&[], true);
    assert!(play.script.panics.borrow().is_empty());
}

#[test]
fn callouts_are_made_and_answered() {
    for generation in Generation::ALL {
        let ids = Rc::new(std::cell::RefCell::new(Vec::new()));
        let (sent, done) = (
            Rc::clone(&ids),
            Rc::new(std::cell::RefCell::new(Vec::new())),
        );
        let seen = Rc::clone(&done);
        let play = play(
            generation,
            Script {
                request_headers: request_hook(move |envoy, _| {
                    let headers: &[(&str, &[u8])] = &[(":method", b"GET"), ("host", b"h")];
                    for body in [&b"one"[..], b""] {
                        let id = envoy.send_http_callout("c", headers, body, 250).unwrap();
                        sent.borrow_mut().push(id);
                    }
                    let invalid = envoy.send_http_callout("c", &[("a b", b"")], b"", 1);
                    assert_eq!(invalid, Err(HttpCalloutInitError::InvalidHeader));
                    RequestHeadersStatus::StopAllIterationAndBuffer
                }),
                callout_done: Some(Box::new(move |envoy, id, result, text| {
                    seen.borrow_mut().push((id, result, text.to_owned()));
                    let map = HttpHeaderType::RequestHeader;
                    assert!(envoy.set_header(map, "x-callout", text.as_bytes()));
                    envoy
                        .held_request()
                        .map_or(EventFlow::Wait, EventFlow::ContinueRequest)
                })),
                ..Script::default()
            },
        );
        play.stream.request_headers(&[], true);
        let callouts = play.stream.callouts();
        assert_eq!(callouts.len(), 2, "{generation:?}");
        assert_eq!(callouts[0].body, b"one");
        assert_eq!(callouts[0].timeout_milliseconds, 250);
        assert_eq!(callouts[0].headers.value("host"), Some("h"));
        let [first, second] = [callouts[0].id, callouts[1].id];
        assert_eq!(*ids.borrow(), [first, second]);
        assert_ne!(first, second);
        // 1.36 passes 32 bits; what is above them in the register is not the id.
        let garbage = if generation.is_1_36() { 7 << 32 } else { 0 };
        let success = HttpCalloutResult::Success;
        let body: &[&[u8]] = &[b"bo", b"dy"];
        play.stream
            .finish_callout(first | garbage, success, &[(":status", "200")], body);
        play.stream.finish_callout(
            second,
            HttpCalloutResult::ExceedResponseBufferLimit,
            &[],
            &[],
        );
        let expected = [
            (first, success, ":status=200;body".to_owned()),
            (
                second,
                HttpCalloutResult::ExceedResponseBufferLimit,
                String::new(),
            ),
        ];
        assert_eq!(*done.borrow(), expected, "{generation:?}");
        let up = play.stream.upstream();
        assert_eq!(up.header("x-callout"), Some(":status=200;body"));
        assert!(play.script.panics.borrow().is_empty());
    }
}

#[test]
fn callouts_are_refused() {
    use HttpCalloutInitError::{
        CannotCreateRequest, ClusterNotFound, DuplicateCalloutId, MissingRequiredHeaders, Unknown,
    };
    for generation in Generation::ALL {
        for (code, error) in [
            (1, MissingRequiredHeaders),
            (2, ClusterNotFound),
            (3, DuplicateCalloutId),
            (4, CannotCreateRequest),
            (9, Unknown(9)),
        ] {
            let play = play(
                generation,
                Script {
                    request_headers: request_hook(move |envoy, _| {
                        let result = envoy.send_http_callout("c", &[], b"", 1);
                        assert_eq!(result, Err(error));
                        assert!(!error.to_string().is_empty());
                        RequestHeadersStatus::Continue
                    }),
                    ..Script::default()
                },
            );
            play.stream.set_callout_result(code);
            play.stream.request_headers(&[], true);
            assert!(play.script.panics.borrow().is_empty(), "{generation:?}");
        }
    }
}
