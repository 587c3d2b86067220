//! kgateway's filter `http-acl`: who may ask is decided by address.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use harness::{
    Bootstrap, Cluster, Envoy, Filter, FilterConfig, RawConnection, Request, Response, Route,
    Upstream,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All rules_defaults_and_routes_decide,
    All a_denied_request_is_counted_and_logged,
    Ends the_answer_is_as_configured,
    Ends the_address_envoy_trusts_is_the_one_that_counts,
    Ends the_proxy_protocol_names_the_address,
    Ends a_peer_without_an_address_is_denied,
    Ends a_request_is_denied_before_its_body,
    Ends a_struct_is_a_configuration_too,
    All a_broken_configuration_is_refused,
    All a_mirrored_request_in_a_cluster_has_no_address,
];

/// The filter as kgateway lists it.
fn acl(config: impl Into<FilterConfig>) -> Filter {
    Filter::new(config)
        .filter_name("http-acl")
        .instance("dynamic_modules/http-acl")
}

/// Says who it is for: the filter with this configuration, and an answer to who gets past it.
fn guarded(config: impl Into<FilterConfig>) -> Bootstrap {
    Bootstrap::new()
        .filter(acl(config))
        .route(Route::direct_response(200, "welcome"))
}

/// Rules for some networks, told apart by name.
fn networks() -> Value {
    json!({
        "defaultAction": "deny",
        "rules": [
            {"cidrs": ["10.0.0.0/8", "2001:db8::/32"], "action": "allow"},
            {"name": "subnet", "cidrs": ["10.1.0.0/16", "2001:db8:1::/48"], "action": "deny"},
            {"cidrs": ["10.1.2.3", "2001:db8:1::1"], "action": "allow"},
            {"cidrs": ["192.168.0.0/16"], "action": "deny"},
        ],
        "denyResponse": {"blockedByHeaderName": "X-Blocked-By"},
    })
}

/// Addresses, and what [`networks`] says denied them.
const SOURCES: [(&str, Option<&str>); 8] = [
    ("10.0.0.1", None),
    ("10.1.2.4", Some("subnet")),
    ("10.1.2.3", None),
    ("192.168.7.7", Some("rule")),
    ("8.8.8.8", Some("default")),
    ("2001:db8::5", None),
    ("2001:db8:1::5", Some("subnet")),
    ("2001:db9::1", Some("default")),
];

fn check(what: &str, response: &Response, blocked_by: Option<&str>) -> Result<()> {
    let status = if blocked_by.is_some() { 403 } else { 200 };
    same(what, response.status, status)?;
    let header = response.headers.value("x-blocked-by");
    same(what, header.as_deref(), blocked_by)
}

/// The filter's counter, whatever Envoy puts before its name.
async fn blocked(envoy: &Envoy) -> Result<u64> {
    let stats = envoy.stats("dev\\.kgateway\\.http\\.acl\\.blocked").await?;
    let mut lines = stats.lines();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        anyhow::bail!("not one counter: {stats:?}");
    };
    let (_, value) = line.split_once(": ").context("no value")?;
    Ok(value.parse()?)
}

async fn rules_defaults_and_routes_decide(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let loopback = |default: &str, action: &str| {
        let rules = json!([{"cidrs": ["127.0.0.0/8"], "action": action}]);
        acl(json!({"defaultAction": default, "rules": rules}))
    };
    let bootstrap = Bootstrap::new()
        .filter(loopback("allow", "deny"))
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .prefix("/allowed")
                .per_route(loopback("deny", "allow")),
        )
        .route(
            Route::to("upstream")
                .prefix("/default-allow")
                .per_route(acl(json!({"defaultAction": "allow"}))),
        )
        .route(
            Route::to("upstream")
                .prefix("/default-deny")
                .per_route(acl(json!({"defaultAction": "deny"}))),
        )
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for (path, status) in [
        ("/", 403),
        ("/allowed", 200),
        ("/default-allow", 200),
        ("/default-deny", 403),
    ] {
        let response = Request::get(path).send(address).await?;
        same(path, response.status, status)?;
        if status == 200 {
            same("path", upstream.request().await?.path, path)?;
        } else {
            same(path, response.text().as_str(), "")?;
        }
    }
    // Of the virtual host and the route configuration, too.
    let wider = Bootstrap::new()
        .filter(loopback("allow", "allow"))
        .per_route_configuration(loopback("allow", "allow"))
        .per_virtual_host(loopback("allow", "deny"))
        .route(Route::direct_response(200, "welcome"));
    let envoy = stage.envoy(&wider).await?;
    let response = Request::get("/").send(envoy.address().await?).await?;
    same("virtual host", response.status, 403)
}

async fn a_denied_request_is_counted_and_logged(stage: &Stage) -> Result<()> {
    let deny = json!({"defaultAction": "deny"});
    let named = json!({"defaultAction": "allow", "rules": [
        {"name": "a loopback", "cidrs": ["127.0.0.1"], "action": "deny"},
    ]});
    let bootstrap = Bootstrap::new()
        .filter(acl(json!({"defaultAction": "allow"})))
        .access_log(
            "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(dev.kgateway.http.acl:blocked-by)%",
        )
        .route(
            Route::direct_response(200, "welcome")
                .prefix("/deny")
                .per_route(acl(deny)),
        )
        .route(
            Route::direct_response(200, "welcome")
                .prefix("/named")
                .per_route(acl(named)),
        )
        .route(Route::direct_response(200, "welcome"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    same("at first", blocked(&envoy).await?, 0)?;
    for path in ["/deny", "/named", "/"] {
        Request::get(path).send(address).await?;
    }
    let details = if stage.release.at_least(1, 37) {
        // Envoy makes spaces underscores.
        "http-acl:_denied_by_policy"
    } else {
        "dynamic_module"
    };
    let expected = [
        format!("403 {details} default"),
        format!("403 {details} a loopback"),
        "200 direct_response -".to_owned(),
    ];
    same("access log", envoy.access_log(3).await?, expected)?;
    same("at last", blocked(&envoy).await?, 2)
}

async fn the_answer_is_as_configured(stage: &Stage) -> Result<()> {
    let config = json!({"defaultAction": "deny", "denyResponse": {
        "statusCode": 451,
        "headers": [
            {"name": "Retry-After", "value": "3600"},
            {"name": "x-reason", "value": "geo"},
            {"name": "x-reason", "value": "pölicy"},
        ],
        "blockedByHeaderName": "X-Blocked-By",
    }});
    let envoy = stage.envoy(&guarded(config)).await?;
    let address = envoy.address().await?;
    for request in [
        Request::get("/"),
        Request::get("/").http2(),
        Request::post("/").body("x"),
    ] {
        let response = request.send(address).await?.expect_status(451)?;
        same("body", response.text().as_str(), "")?;
        same(
            "retry-after",
            only(&response.headers, "retry-after")?.as_str(),
            "3600",
        )?;
        same(
            "blocked by",
            only(&response.headers, "x-blocked-by")?.as_str(),
            "default",
        )?;
        let reasons = response.headers.values("x-reason");
        same("reasons", reasons, ["geo", "pölicy"])?;
    }
    Ok(())
}

async fn the_address_envoy_trusts_is_the_one_that_counts(stage: &Stage) -> Result<()> {
    let forwarded = |trusted_hops: u32| {
        guarded(networks())
            .connection_manager("use_remote_address", json!(true))
            .connection_manager("xff_num_trusted_hops", json!(trusted_hops))
    };
    let envoy = stage.envoy(&forwarded(1)).await?;
    let address = envoy.address().await?;
    let ask = |chain: &str| Request::get("/").header("x-forwarded-for", chain);
    for (source, blocked_by) in SOURCES {
        let response = ask(source).send(address).await?;
        check(source, &response, blocked_by)?;
    }
    for (chain, blocked_by) in [
        // What lies before the trusted hop may be forged.
        ("10.0.0.1, 8.8.8.8", Some("default")),
        ("8.8.8.8, 10.0.0.1", None),
        ("::ffff:10.0.0.1", None),
        ("::ffff:10.1.2.4", Some("subnet")),
        // Not an address: the peer counts, 127.0.0.1.
        ("10.0.0.1, unknown", Some("default")),
    ] {
        check(chain, &ask(chain).send(address).await?, blocked_by)?;
    }
    // Without a trusted hop the header says nothing.
    let envoy = stage.envoy(&forwarded(0)).await?;
    let response = ask("10.0.0.1").send(envoy.address().await?).await?;
    check("no trusted hop", &response, Some("default"))
}

async fn the_proxy_protocol_names_the_address(stage: &Stage) -> Result<()> {
    let proxy_protocol = json!([{
        "name": "envoy.filters.listener.proxy_protocol",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"},
    }]);
    let bootstrap = guarded(networks()).listener("listener_filters", proxy_protocol);
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for (source, blocked_by) in SOURCES {
        let head = ask_by_proxy_protocol(address, source).await?;
        let status = if blocked_by.is_some() { 403 } else { 200 };
        ensure!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{source}: {head}"
        );
        let header = blocked_by.map(|name| format!("x-blocked-by: {name}\r\n"));
        ensure!(
            header.is_none_or(|header| head.contains(&header)),
            "{source}: {head}"
        );
    }
    Ok(())
}

async fn ask_by_proxy_protocol(address: SocketAddr, source: &str) -> Result<String> {
    let (family, destination) = if source.contains(':') {
        ("TCP6", "::1")
    } else {
        ("TCP4", "127.0.0.1")
    };
    let mut connection = RawConnection::open(address).await?;
    let text = format!(
        "PROXY {family} {source} {destination} 49152 80\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"
    );
    connection.send(text).await?;
    connection.read_until("\r\n\r\n").await
}

async fn a_peer_without_an_address_is_denied(stage: &Stage) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("envoy.sock");
    let everyone = json!({
        "defaultAction": "allow",
        "rules": [{"cidrs": ["0.0.0.0/0", "::/0"], "action": "allow"}],
        "denyResponse": {"blockedByHeaderName": "x-blocked-by"},
    });
    let bootstrap = guarded(everyone).listener("address", json!({"pipe": {"path": path}}));
    let _envoy = stage.envoy(&bootstrap).await?;
    let mut connection = UnixStream::connect(&path).await?;
    connection
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    ensure!(answer.contains("x-blocked-by: unknown-ip\r\n"), "{answer}");
    Ok(())
}

async fn a_request_is_denied_before_its_body(stage: &Stage) -> Result<()> {
    let transformation = json!({"request": {"extract": [{"header": "x-model"}]}});
    let bootstrap = Bootstrap::new()
        .filter(acl(json!({"defaultAction": "deny"})))
        .filter(transformation)
        .route(Route::direct_response(200, "welcome"));
    let envoy = stage.envoy(&bootstrap).await?;
    let request = Request::post("/").http2();
    let (_body, response) = request.open(envoy.address().await?).await?;
    let response = response.response().await?;
    same("status", response.status, 403)
}

async fn a_struct_is_a_configuration_too(stage: &Stage) -> Result<()> {
    let config = json!({
        "defaultAction": "deny",
        "rules": [{"cidrs": ["10.0.0.0/8"], "action": "allow", "priority": 1}],
        "denyResponse": {"statusCode": 429},
    });
    let envoy = stage.envoy(&guarded(FilterConfig::Struct(config))).await?;
    let response = Request::get("/").send(envoy.address().await?).await?;
    same("status", response.status, 429)?;
    let warning = "http-acl: RF003: rules[0].priority: unknown key";
    ensure!(
        envoy.log().contains(warning),
        "{warning} is not in\n{}",
        envoy.log()
    );
    Ok(())
}

async fn a_broken_configuration_is_refused(stage: &Stage) -> Result<()> {
    let broken = json!({
        "rules": [{"cidrs": ["10.0.0.0/8", "172.18.0.0/12", " ::1"], "action": "deny"}],
        "denyResponse": {"statusCode": 42, "headers": [{"name": "x-a", "value": "b\r\nx-c: d"}]},
    });
    let reasons = [
        "RF002: missing key `defaultAction`",
        "RF010: rules[0].cidrs[1]: `172.18.0.0/12` has bits set beyond its prefix; write `172.16.0.0/12`",
        "RF010: rules[0].cidrs[2]: ` ::1` is not an address or a prefix; write `::1`",
        "RF009: denyResponse.statusCode: 42 is out of range; from 200 to 599",
        "RF011: denyResponse.headers[0].value: the value cannot be a header value",
    ];
    let of_listener = guarded(broken.clone()).build(stage.release);
    let of_route = Bootstrap::new()
        .filter(acl(json!({"defaultAction": "allow"})))
        .route(Route::direct_response(200, "welcome").per_route(acl(broken)))
        .build(stage.release);
    for (bootstrap, name) in [
        (of_listener, "http-acl: "),
        (of_route, "http-acl (per route): "),
    ] {
        let started = stage
            .launch(bootstrap.clone())
            .start_expecting_refusal()
            .await?;
        let validation = stage.launch(bootstrap).validate().await?;
        ensure!(!validation.status.success(), "{name}validated");
        for log in [&started, &validation.output] {
            for reason in reasons {
                let line = format!("{name}{reason}");
                ensure!(log.contains(&line), "{line} is not in\n{log}");
            }
        }
    }
    Ok(())
}

/// Envoy up to 1.39 dies when a module asks for the addresses of such a request.
async fn a_mirrored_request_in_a_cluster_has_no_address(stage: &Stage) -> Result<()> {
    let (upstream, mirror) = (Upstream::echo().await?, Upstream::echo().await?);
    let addresses = json!({"request": {"set": [
        {"name": "x-source", "cel": "default(source.address, 'none') + string(default(source.port, 0))"},
        {"name": "x-destination", "cel": "default(destination.address, 'none')"},
    ]}});
    let allowed =
        json!({"defaultAction": "allow", "rules": [{"cidrs": ["192.0.2.0/24"], "action": "deny"}]});
    let mirrored = |filter: Filter| {
        let route = Route::to("upstream");
        Bootstrap::new()
            .cluster("upstream", upstream.address())
            .add_cluster(Cluster::new("mirror", mirror.address()).filter(filter))
            .route(route.action("request_mirror_policies", json!([{"cluster": "mirror"}])))
    };
    let envoy = stage.envoy(&mirrored(Filter::new(addresses))).await?;
    let request = Request::post("/").body("x");
    request
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    let seen = mirror.request().await?;
    same("source", only(&seen.headers, "x-source")?.as_str(), "none0")?;
    let destination = only(&seen.headers, "x-destination")?;
    same("destination", destination.as_str(), "none")?;
    upstream.request().await?;

    // What is not known is not let through.
    let envoy = stage.envoy(&mirrored(acl(allowed))).await?;
    let request = Request::post("/").body("x");
    request
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    upstream.request().await?;
    Ok(())
}
