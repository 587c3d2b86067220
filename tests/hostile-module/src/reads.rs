//! Reads of all there is. What is borrowed must stay as it was while it is.

use std::sync::Arc;

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyBuffer, EnvoyHttpFilter, HttpBody, HttpHeaderType, MetadataSource, envoy_log_critical,
};

use crate::{RouteText, attributes};

pub(crate) const MAPS: [HttpHeaderType; 4] = [
    HttpHeaderType::RequestHeader,
    HttpHeaderType::RequestTrailer,
    HttpHeaderType::ResponseHeader,
    HttpHeaderType::ResponseTrailer,
];
pub(crate) const BODIES: [HttpBody; 2] = [HttpBody::Request, HttpBody::Response];
pub(crate) const SOURCES: [MetadataSource; 5] = [
    MetadataSource::Dynamic,
    MetadataSource::Route,
    MetadataSource::Cluster,
    MetadataSource::Host,
    MetadataSource::HostLocality,
];
/// Names that are there, are not, and cannot be.
pub(crate) const NAMES: [&str; 14] = [
    "x-hostile",
    "X-HOSTILE",
    "x-absent",
    "",
    ":",
    ":path",
    ":status",
    ":nothing",
    "a b",
    "a\nb",
    "caf\u{e9}",
    "cookie",
    "te",
    "content-length",
];

/// What was read, and a copy made at once.
#[derive(Default)]
struct Seen<'e>(Vec<(String, EnvoyBuffer<'e>, Vec<u8>)>);

impl<'e> Seen<'e> {
    fn note(
        &mut self,
        what: impl Into<String>,
        buffers: impl IntoIterator<Item = EnvoyBuffer<'e>>,
    ) {
        let what = what.into();
        for buffer in buffers {
            self.0.push((what.clone(), buffer, buffer.to_vec()));
        }
    }

    fn check(self) {
        for (what, buffer, copy) in self.0 {
            if buffer.as_slice() != copy {
                envoy_log_critical!("hostile: {what} changed while it was borrowed");
            }
        }
    }
}

/// Headers and bodies.
pub(crate) fn messages(envoy: &EnvoyHttpFilter) {
    let mut seen = Seen::default();
    for _twice in 0..2 {
        for map in MAPS {
            let _size = envoy.headers_size(map);
            let headers = envoy.headers(map).into_iter();
            seen.note(
                format!("{map:?}"),
                headers.flat_map(|(name, value)| [name, value]),
            );
            for name in NAMES {
                let what = || format!("{map:?} {name:?}");
                seen.note(what(), envoy.header(map, name));
                seen.note(what(), envoy.header_values(map, name));
                seen.note(
                    what(),
                    envoy.header_and_count(map, name).map(|(first, _)| first),
                );
            }
        }
        for body in BODIES {
            let size = envoy.body_size(body);
            seen.note("body", envoy.body_chunks(body));
            seen.note("received body", envoy.received_body_chunks(body));
            for after in [0, 1, size.saturating_sub(1), size, size + 1, usize::MAX] {
                seen.note("rest of body", envoy.body_chunks_after(body, after));
            }
        }
        let _limit = (envoy.buffer_limit(), envoy.worker_index(), envoy.host());
        let _cluster = envoy.cluster_name();
    }
    seen.check();
}

/// Every attribute as each type.
pub(crate) fn attributes(envoy: &EnvoyHttpFilter) {
    let mut seen = Seen::default();
    for _twice in 0..2 {
        for id in attributes::ALL {
            seen.note(format!("{id:?}"), envoy.attribute_string(id));
            let _number = (envoy.attribute_int(id), envoy.attribute_bool(id));
        }
    }
    seen.check();
}

/// Metadata of every source as each type, filter state and the route's configuration.
pub(crate) fn stores(envoy: &EnvoyHttpFilter) {
    let mut seen = Seen::default();
    for _twice in 0..2 {
        for source in SOURCES {
            for namespace in ["hostile", "", "envoy.lb", "a\0b"] {
                for key in ["text", "number", "flag", "", "absent"] {
                    let what = format!("{source:?} {namespace} {key}");
                    seen.note(what, envoy.metadata_string(source, namespace, key));
                    let _number = envoy.metadata_number(source, namespace, key);
                    let _flag = envoy.metadata_bool(source, namespace, key);
                }
            }
        }
        for key in ["hostile", "", "envoy.string", "a\0b"] {
            let _state = envoy.filter_state_bytes(key);
        }
        let _wrong = envoy.most_specific_route_config::<String>().is_err();
        let _wrong = envoy
            .most_specific_route_config::<Arc<RouteText>>()
            .is_err();
        if let Ok(Some(config)) = envoy.most_specific_route_config::<RouteText>() {
            let _length = config.0.len();
        }
    }
    seen.check();
}
