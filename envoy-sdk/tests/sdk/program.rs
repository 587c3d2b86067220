//! Loading: versions, what a host may lack, refusals that last, names, and the log.

use std::cell::Cell;

use envoy_fake_host::{Build, FakeHost, Generation, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{
    ABI_VERSION_VARIABLE, ALLOW_MISSING_CALLBACKS_VARIABLE, Host, LogLevel, RequestHeadersStatus,
    envoy_log_debug, envoy_log_info,
};

use crate::script::{MODULE, Script, play, request_hook};

const DECLINING: Module = Module {
    init: || false,
    ..MODULE
};

/// Fails unless the module is refused with `reason`, once and for good.
fn refused(build: Build, module: Module, reason: &str) {
    let host = FakeHost::load(build, module);
    let generation = host.generation();
    let logged: Vec<_> = host.logs().into_iter().map(|(_, line)| line).collect();
    let lines = [logged, host.errors()].concat();
    assert_eq!(lines.len(), 1, "{generation:?}: {lines:?}");
    assert!(lines[0].contains(reason), "{generation:?}: {lines:?}");
    // Envoy keeps the file, and comes back with the next configuration without asking again.
    for _ in 0..2 {
        assert!(host.filter_config("script", b"").is_none());
        assert!(host.route_config("script", b"").is_none());
    }
    let logs = host.logs();
    if host.errors().is_empty() {
        assert_eq!(logs.len(), 5, "{logs:?}");
        assert!(host.logged(LogLevel::Error, "configuration rejected: "));
        assert!(logs.iter().all(|(_, line)| line.contains(reason)));
    } else {
        assert_eq!(logs, []);
    }
}

/// Fails unless the module runs.
fn accepted(build: Build) -> FakeHost {
    let host = FakeHost::load(build, MODULE);
    assert!(host.abi_version().is_some(), "{:?}", host.logs());
    assert!(host.filter_config("script", b"").is_some());
    host
}

#[test]
fn each_host_hears_its_version() {
    let of_1_36 = "7ee559f16f35086fa7dc9ed380e2efc6b4d89031a001fb504aa71eccd25882f7";
    let of_1_37_0 = "4dae397a7c9ff0238d318d57ea656ce8b3fbff595787dcd7ee2ff5b79c9fe10f";
    let expected = [
        (Host::V1_36, of_1_36),
        (Host::V1_36, of_1_36),
        (Host::V1_36, of_1_36),
        (Host::V1_37_0, of_1_37_0),
        (Host::V1_37_1, "v0.0.1"),
        (Host::V1_37_1, "v0.0.1"),
        (Host::V1_38, "v0.1.0"),
        (Host::V1_39, "v0.1.0"),
        (Host::V1_40, "v0.2.0"),
        (Host::V1_40, "v0.2.0"),
    ];
    for (generation, (host, version)) in Generation::ALL.into_iter().zip(expected) {
        let fake = accepted(Build::of(generation));
        assert_eq!(Host::current(), Some(host));
        assert_eq!(fake.abi_version(), Some(version), "{generation:?}");
        assert_eq!(fake.logs(), [], "{generation:?}");
    }
    assert_eq!(Host::current(), None, "no host, no program");
}

#[test]
fn an_older_host_is_refused() {
    let build = Build::of(Generation::V1_36)
        .without("http_get_received_request_body_vector")
        .without("http_append_received_request_body");
    refused(
        build,
        MODULE,
        "1.36.3 or later: it exports none of envoy_dynamic_module_callback_http_get_body_chunks, ",
    );
}

#[test]
fn a_host_without_a_required_callback_is_refused() {
    let shared = [
        "http_filter_continue_decoding",
        "get_most_specific_route_config",
    ];
    let of_1_36 = [
        "http_set_request_header",
        "http_filter_set_gauge_vec",
        "http_send_response",
    ];
    let of_1_37 = ["http_set_header", "http_drain_body", "http_add_custom_flag"];
    for generation in Generation::ALL {
        let own = if generation.is_1_36() {
            of_1_36
        } else {
            of_1_37
        };
        for name in shared.into_iter().chain(own) {
            let reason = format!("cannot do without: {name}; use an Envoy");
            refused(Build::of(generation).without(name), MODULE, &reason);
            let allowed = Build::of(generation)
                .without(name)
                .variable(ALLOW_MISSING_CALLBACKS_VARIABLE, "true");
            refused(allowed, MODULE, &reason);
        }
        let mut build = Build::of(generation);
        for name in own {
            build = build.without(name);
        }
        let host = FakeHost::load(build, MODULE);
        assert!(own.iter().all(|name| host.logged(LogLevel::Error, name)));
    }
}

#[test]
fn a_host_that_lost_an_optional_callback_is_refused() {
    let booleans = ("http_get_metadata_bool", Generation::V1_37_1);
    let limit = ("http_get_buffer_limit", Generation::V1_38);
    for (name, since) in [booleans, limit] {
        for generation in Generation::ALL {
            let build = Build::of(generation).without(name);
            if generation < since {
                assert_eq!(accepted(build).logs(), [], "{generation:?}");
                continue;
            }
            refused(build, MODULE, &format!("its release should have: {name}; "));
            for (value, runs) in [("true", true), ("1", false), ("", false)] {
                let build = Build::of(generation)
                    .without(name)
                    .variable(ALLOW_MISSING_CALLBACKS_VARIABLE, value);
                if runs {
                    let host = accepted(build);
                    assert!(host.logged(LogLevel::Warn, &format!("lacks {name}")));
                    assert_eq!(host.logs().len(), 1, "{generation:?}");
                } else {
                    refused(build, MODULE, ALLOW_MISSING_CALLBACKS_VARIABLE);
                }
            }
        }
    }
}

#[test]
fn what_marks_a_release_may_be_missing() {
    let host = accepted(Build::of(Generation::V1_40).without("http_get_timing_info"));
    assert_eq!(Host::current(), Some(Host::V1_40));
    drop(host);
    for (name, generation) in [
        ("http_get_body_chunks", Generation::V1_37_0),
        ("http_get_header", Generation::V1_40),
        ("http_get_received_request_body_vector", Generation::V1_36),
    ] {
        let reason = format!("cannot do without: {name}; ");
        refused(Build::of(generation).without(name), MODULE, &reason);
    }
}

#[test]
fn a_host_without_a_log_is_refused_on_standard_error() {
    for generation in Generation::ALL {
        let build = Build::of(generation).without("log");
        refused(build, MODULE, "cannot do without: log; ");
        let build = Build::of(generation).without("log_enabled");
        refused(build, MODULE, "cannot do without: log_enabled; ");
    }
}

#[test]
fn a_version_that_envoy_rejects_is_refused() {
    let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for generation in Generation::ALL {
        let wrong = || Build::of(generation).variable(ABI_VERSION_VARIABLE, hash);
        if generation.compared_abi_version().is_none() {
            assert_eq!(accepted(wrong()).abi_version(), Some(hash));
            continue;
        }
        let reason =
            format!("does not know the ABI version that the module reports, `{hash}`; set");
        refused(wrong(), MODULE, &reason);
        refused(Build::of(generation).expecting(hash), MODULE, "reports, `");
        let host = FakeHost::load(wrong(), MODULE);
        assert_eq!(host.abi_version(), Some(hash), "Envoy names its own");
        let host = accepted(wrong().expecting(hash));
        assert_eq!(host.abi_version(), Some(hash));
        accepted(Build::of(generation).variable(ABI_VERSION_VARIABLE, ""));
    }
}

#[test]
fn the_module_may_decline() {
    for generation in Generation::ALL {
        refused(Build::of(generation), DECLINING, "its init() declined");
        assert!(
            FakeHost::load(Build::of(generation), DECLINING)
                .abi_version()
                .is_none()
        );
    }
}

#[test]
fn a_module_knows_its_host_before_it_runs() {
    let module = Module {
        init: || {
            envoy_log_info!("in {:?}", Host::current());
            panic!("told to panic")
        },
        ..MODULE
    };
    let host = FakeHost::load(Build::of(Generation::V1_38), module);
    assert!(host.abi_version().is_none());
    assert!(host.logged(LogLevel::Info, "in Some(V1_38)"));
    assert!(host.logged(LogLevel::Error, "panic in program_init: told to panic"));
    assert!(host.filter_config("script", b"").is_none());
    assert!(host.logged(
        LogLevel::Error,
        "configuration rejected: its init() panicked"
    ));
}

#[test]
fn an_exception_of_envoy_fails_its_stream_alone() {
    for generation in Generation::ALL {
        let set = if generation.is_1_36() {
            "http_set_request_header"
        } else {
            "http_set_header"
        };
        let play = play(
            generation,
            Script {
                request_headers: request_hook(|envoy, _| {
                    let map = envoy_proxy_dynamic_modules_rust_sdk::HttpHeaderType::RequestHeader;
                    assert!(envoy.set_header(map, "x-a", b"1"));
                    RequestHeadersStatus::Continue
                }),
                ..Script::default()
            },
        );
        play.stream.set_unwinds(Some(set));
        play.stream.request_headers(&[(":path", "/")], true);
        let replies = play.stream.local_replies();
        assert_eq!(replies.len(), 1, "{generation:?}");
        assert_eq!(replies[0].status, 500);
        assert!(play.host.logged(
            LogLevel::Error,
            "panic in request_headers: an exception of Envoy"
        ));
        let next = play.config.stream();
        next.request_headers(&[(":path", "/")], true);
        assert_eq!(next.upstream().header("x-a"), Some("1"), "{generation:?}");
    }
}

#[test]
fn configurations_are_rejected() {
    for generation in Generation::ALL {
        let host = FakeHost::new(generation, MODULE);
        assert!(host.filter_config("script", b"\xff").is_some());
        assert!(host.filter_config("", b"").is_some());
        assert!(host.route_config("script", b"").is_some());
        assert!(host.filter_config("reject", b"").is_none());
        assert!(host.route_config("reject", b"").is_none());

        assert!(!host.logged(LogLevel::Error, ""));
        assert!(host.filter_config(b"\xff", b"").is_none());
        assert!(
            host.logged(LogLevel::Error, "filter_name: "),
            "{generation:?}"
        );
        assert!(host.route_config(b"\xff", b"").is_none());

        assert!(host.filter_config("panic", b"").is_none());
        assert!(host.logged(LogLevel::Error, "panic in config_new"));
        assert!(host.route_config("panic", b"").is_none());
        assert!(host.logged(LogLevel::Error, "panic in per_route_config_new"));
    }
}

#[test]
fn what_is_not_logged_is_not_formatted() {
    for generation in Generation::ALL {
        let host = FakeHost::new(generation, MODULE);
        let formatted = Cell::new(0);
        let count = || {
            formatted.set(formatted.get() + 1);
            formatted.get()
        };
        host.set_log_level(LogLevel::Info);
        envoy_log_debug!("{}", count());
        assert_eq!(formatted.get(), 0, "{generation:?}");
        envoy_log_info!("number {}", count());
        envoy_log_info!("literal");
        let lines = [(LogLevel::Info, "number 1"), (LogLevel::Info, "literal")];
        let lines = lines.map(|(level, line)| (level, line.to_owned()));
        assert_eq!(host.logs(), lines);
    }
    envoy_log_info!("without a host this goes nowhere");
}
