//! Loading: versions, rejections, names, and the log.

use std::cell::Cell;
use std::ffi::CStr;

use envoy_fake_host::{FakeHost, Generation, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{
    Host, LogLevel, envoy_log_debug, envoy_log_info, program,
};

use crate::script::MODULE;

#[test]
fn each_host_hears_its_version() {
    let expected = [
        (
            Host::V1_36,
            "7ee559f16f35086fa7dc9ed380e2efc6b4d89031a001fb504aa71eccd25882f7",
        ),
        (
            Host::V1_37_0,
            "4dae397a7c9ff0238d318d57ea656ce8b3fbff595787dcd7ee2ff5b79c9fe10f",
        ),
        (Host::V1_37_1, "v0.0.1"),
        (Host::V1_38, "v0.1.0"),
        (Host::V1_39, "v0.1.0"),
        (Host::V1_40, "v0.2.0"),
    ];
    for (generation, (host, version)) in Generation::ALL.into_iter().zip(expected) {
        let fake = FakeHost::new(generation, MODULE);
        assert_eq!(Host::current(), Some(host));
        assert_eq!(fake.abi_version().to_str(), Ok(version), "{generation:?}");
    }
    assert_eq!(Host::current(), None, "no host, no program");
}

#[test]
fn an_older_host_is_refused() {
    let older = |name: &CStr| match name.to_bytes() {
        b"envoy_dynamic_module_callback_http_get_request_body_vector" => name.as_ptr().cast(),
        _ => std::ptr::null(),
    };
    assert!(program::load_callbacks(&older).is_none());
    assert!(program::load_callbacks(&|_| std::ptr::null()).is_none());
}

#[test]
fn the_module_may_decline() {
    let module = Module {
        init: || false,
        ..MODULE
    };
    assert!(FakeHost::load(Generation::V1_38, module).is_none());
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
