//! A route's configuration that another module or another filter made is never followed. Neither the listener's rules
//! nor the route's can be trusted to be what was meant, so its requests are answered 500; all others go on.

mod modules;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use harness::{Bootstrap, Envoy, Filter, Protocol, Request, Route, Upstream};
use serde_json::json;
use tokio::time::{Duration, Instant, sleep};

use crate::gateway::MODEL;
use crate::stage::{Scenario, Stage, only, same, scenarios};
use crate::updates::Resources;

use modules::{FOREIGN, GREEN, Modules};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_second_copy_of_the_module,
    All a_module_of_another_kind,
    All another_filter_of_the_module,
    All another_name_of_the_same_filter,
    All a_virtual_host,
    All a_route_that_the_body_chooses,
    All the_right_route_by_an_update,
];

/// What the log says of a foreign configuration, once, in a line that names what to write.
const REFUSED: &str = "the route's configuration was made by another ";

/// Shows by a response header whose configuration edited it.
fn edits(whose: &str) -> Filter {
    Filter::new(json!({"response": {"set": [{"name": "x-edited-by", "value": whose}]}}))
}

/// kgateway's filter, listed under its own name.
fn access(default: &str) -> Filter {
    Filter::new(json!({"defaultAction": default}))
        .filter_name("http-acl")
        .instance("acl")
}

/// This many bytes behind the null pointer, or what can be read if it is 0, as a configuration.
fn foreign(address: usize) -> Filter {
    Filter::new(address.to_string()).module(FOREIGN)
}

async fn start(stage: &Stage, bootstrap: &Bootstrap) -> Result<(Modules, Arc<Envoy>)> {
    let modules = Modules::new()?;
    let launch = modules.find(stage.launch(bootstrap.build(stage.release)));
    Ok((modules, stage.start(launch).await?))
}

/// A listener whose filter edits, and a cluster that answers with what it got.
fn listener(upstream: &Upstream) -> Bootstrap {
    Bootstrap::new()
        .filter(edits("listener"))
        .cluster("upstream", upstream.address())
}

fn route(path: &str) -> Route {
    Route::to("upstream").prefix(path)
}

/// Requests of every shape, none of which may reach the upstream or be edited.
async fn refused(address: SocketAddr, path: &str, upstream: &Upstream) -> Result<()> {
    let before = upstream.requests().len();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for request in [
            Request::get(path),
            Request::post(path).body(r#"{"model":"m"}"#),
            Request::post(path).chunks([r#"{"model":"#, r#""m"}"#]),
        ] {
            let response = request.by(protocol).send(address).await?;
            same(path, response.status, 500)?;
            let edited_by = response.headers.value("x-edited-by");
            same(path, edited_by.as_deref(), None)?;
        }
    }
    same(path, upstream.requests().len(), before)
}

async fn served(address: SocketAddr, path: &str, edited_by: &str) -> Result<()> {
    let request = Request::post(path).body(r#"{"model":"m"}"#);
    let response = request.send(address).await?.expect_status(200)?;
    same(
        path,
        only(&response.headers, "x-edited-by")?.as_str(),
        edited_by,
    )
}

/// One line, however many requests there were: at error, with what to write.
async fn logged_once(envoy: &Envoy) -> Result<()> {
    let log = envoy.log_containing(REFUSED).await?;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(REFUSED)).collect();
    same("lines about it", lines.len(), 1)?;
    for text in [
        "[error]",
        "dynamic_module_config",
        "per_route_config_name",
        "filter_name",
    ] {
        ensure!(lines[0].contains(text), "no {text:?} in {:?}", lines[0]);
    }
    Ok(())
}

async fn a_second_copy_of_the_module(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = listener(&upstream)
        .filter(access("allow"))
        .route(route("/green").per_route(edits("green").module(GREEN)))
        .route(route("/acl-green").per_route(access("allow").module(GREEN)))
        .route(route("/own").per_route(edits("route")))
        .route(route("/"));
    let (_modules, envoy) = start(stage, &bootstrap).await?;
    let address = envoy.address().await?;
    refused(address, "/green", &upstream).await?;
    logged_once(&envoy).await?;
    served(address, "/own", "route").await?;
    served(address, "/", "listener").await?;
    let denied = Request::get("/acl-green").send(address).await?;
    same("/acl-green", denied.status, 500)?;
    same("/acl-green", upstream.requests().len(), 2)
}

async fn a_module_of_another_kind(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    // Small numbers are what a table would hand out as places.
    let addresses = [0, 1, 2, 3, 8, 16, 4096, 1 << 32];
    let bootstrap = addresses.iter().fold(listener(&upstream), |all, &address| {
        all.route(route(&format!("/at-{address}-")).per_route(foreign(address)))
    });
    let bootstrap = bootstrap
        .route(route("/own").per_route(edits("route")))
        .route(route("/"));
    let (_modules, envoy) = start(stage, &bootstrap).await?;
    let address = envoy.address().await?;
    for at in addresses {
        refused(address, &format!("/at-{at}-"), &upstream).await?;
    }
    logged_once(&envoy).await?;
    served(address, "/own", "route").await?;
    served(address, "/", "listener").await
}

async fn another_filter_of_the_module(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    // The same listener with either filter, and a route with the other's configuration under its name.
    let transforms = listener(&upstream)
        .route(route("/wrong").per_route(access("allow").instance("rustformations")))
        .route(route("/own").per_route(edits("route")))
        .route(route("/"));
    let decides = Bootstrap::new()
        .filter(access("allow"))
        .cluster("upstream", upstream.address())
        .route(route("/wrong").per_route(edits("route").instance("acl")))
        .route(route("/denied").per_route(access("deny")))
        .route(route("/"));
    for (bootstrap, others) in [
        (&transforms, [("/own", 200), ("/", 200)]),
        (&decides, [("/denied", 403), ("/", 200)]),
    ] {
        let (_modules, envoy) = start(stage, bootstrap).await?;
        let address = envoy.address().await?;
        refused(address, "/wrong", &upstream).await?;
        logged_once(&envoy).await?;
        for (path, status) in others {
            same(path, Request::get(path).send(address).await?.status, status)?;
        }
    }
    Ok(())
}

/// kgateway used another name for it, up to 2.2.
async fn another_name_of_the_same_filter(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = listener(&upstream)
        .route(route("/").per_route(edits("route").filter_name("http_simple_mutations")));
    let (_modules, envoy) = start(stage, &bootstrap).await?;
    served(envoy.address().await?, "/", "route").await?;
    ensure!(!envoy.log().contains(REFUSED), "refused");
    Ok(())
}

async fn a_virtual_host(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let bootstrap = listener(&upstream)
        .per_virtual_host(edits("green").module(GREEN))
        .route(route("/own").per_route(edits("route")))
        .route(route("/"));
    let (_modules, envoy) = start(stage, &bootstrap).await?;
    let address = envoy.address().await?;
    refused(address, "/", &upstream).await?;
    logged_once(&envoy).await?;
    served(address, "/own", "route").await
}

/// It is found when the request is held already, or has begun to go on.
async fn a_route_that_the_body_chooses(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let extracting = |mode: &str| {
        Filter::new(json!({"request": {"bodyMode": mode, "extract": [{"header": MODEL}]}}))
    };
    for mode in ["buffered", "streamed"] {
        let bootstrap = Bootstrap::new()
            .filter(extracting(mode))
            .cluster("upstream", upstream.address())
            .route(
                route("/")
                    .header(MODEL, "green")
                    .per_route(edits("green").module(GREEN)),
            )
            .route(route("/").header(MODEL, "foreign").per_route(foreign(16)))
            .route(
                route("/")
                    .header(MODEL, "acl")
                    .per_route(access("allow").instance("rustformations")),
            )
            .route(route("/"));
        let (_modules, envoy) = start(stage, &bootstrap).await?;
        let address = envoy.address().await?;
        for (model, status) in [("green", 500), ("foreign", 500), ("acl", 500), ("m", 200)] {
            let body = json!({"model": model}).to_string();
            let (begin, end) = body.split_at(body.len() - 1);
            for request in [
                Request::post("/").body(body.clone()),
                Request::post("/").chunks([begin.to_owned(), end.to_owned()]),
            ] {
                let response = request.send(address).await?;
                same(&format!("{mode}, {model}"), response.status, status)?;
            }
        }
        logged_once(&envoy).await?;
    }
    let reached = upstream.requests().len();
    same("requests that the upstream saw", reached, 4)
}

async fn the_right_route_by_an_update(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let with = |filter: Filter| {
        listener(&upstream)
            .route(route("/route").per_route(filter))
            .route(route("/"))
    };
    let modules = Modules::new()?;
    let mut resources = Resources::new(stage.release)?;
    let bootstrap = resources.write(&with(edits("first")), &["routes", "listeners"])?;
    // One worker, so that an update that has shown has arrived.
    let launch = modules.find(stage.launch(bootstrap)).concurrency(1);
    let envoy = stage.start(launch).await?;
    let address = envoy.address().await?;
    served(address, "/route", "first").await?;
    for (wrong, right) in [
        (edits("green").module(GREEN), "second"),
        (foreign(16), "third"),
        (access("deny").instance("rustformations"), "fourth"),
        // What was valid a moment ago may lie where the new one lies now.
        (foreign(0), "first"),
    ] {
        resources.write(&with(wrong), &["routes"])?;
        wait_for(address, (500, None)).await?;
        refused(address, "/route", &upstream).await?;
        served(address, "/", "listener").await?;
        resources.write(&with(edits(right)), &["routes"])?;
        wait_for(address, (200, Some(right))).await?;
        served(address, "/route", right).await?;
    }
    logged_once(&envoy).await
}

/// Until the route answers so.
async fn wait_for(address: SocketAddr, expected: (u16, Option<&str>)) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let response = Request::get("/route").send(address).await?;
        let edited_by = response.headers.value("x-edited-by");
        if (response.status, edited_by.as_deref()) == expected {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "still {} by {edited_by:?}, not {expected:?}",
                response.status
            );
        }
        sleep(Duration::from_millis(10)).await;
    }
}
