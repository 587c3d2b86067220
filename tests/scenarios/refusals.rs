//! Broken configurations: refused with every reason in the log, never half accepted.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Filter, FilterConfig, Launch, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::MODEL;
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_broken_listener_configuration_is_refused,
    All a_broken_route_configuration_is_refused,
    All strict_validation_reports_the_reasons,
    Ends every_broken_form_is_refused,
    Ends an_unknown_filter_is_refused_by_name,
    All a_struct_is_a_configuration_too,
    Ends unknown_keys_and_names_are_warned_of,
];

fn one_filter(filter: impl Into<Filter>) -> Bootstrap {
    Bootstrap::new()
        .filter(filter)
        .route(Route::direct_response(200, "ok"))
}

fn broken() -> Value {
    json!({"request": {
        "extract": [{"from": [{"json": "model"}], "header": MODEL}],
        "set": [{"name": "x-a", "value": "{{ x"}, {"name": "x b", "value": "c"}],
        "remove": 7,
    }})
}

const REASONS: [&str; 4] = [
    "RF002: request.remove: invalid type: integer `7`, expected a list",
    "RF007: request.extract[0].from[0]: `model`: a JSON Pointer begins with `/`",
    "RF004: request.set[0] `x-a`: unexpected end of input",
    "RF006: request.set[1] `x b`: `x b` is not a header name",
];

async fn a_broken_listener_configuration_is_refused(stage: &Stage) -> Result<()> {
    let bootstrap = one_filter(broken()).build(stage.release);
    let started = stage
        .launch(bootstrap.clone())
        .start_expecting_refusal()
        .await?;
    let validation = stage.launch(bootstrap).validate().await?;
    ensure!(
        !validation.status.success(),
        "validated: {}",
        validation.output
    );
    for log in [&started, &validation.output] {
        for reason in REASONS {
            ensure!(
                log.contains(&format!("rustformation: {reason}")),
                "{reason} is not in\n{log}"
            );
        }
    }
    Ok(())
}

async fn a_broken_route_configuration_is_refused(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new()
        .filter(json!({}))
        .route(Route::direct_response(200, "ok").per_route(broken()))
        .build(stage.release);
    let log = stage.launch(bootstrap).start_expecting_refusal().await?;
    for reason in REASONS {
        ensure!(
            log.contains(&format!("rustformation (per route): {reason}")),
            "{reason} is not in\n{log}"
        );
    }
    Ok(())
}

/// kgateway's strict validation runs Envoy with these arguments, and shows what it writes as the status of the policy.
async fn strict_validation_reports_the_reasons(stage: &Stage) -> Result<()> {
    let broken_rule =
        json!({"defaultAction": "deny", "rules": [{"action": "allow", "cidrs": ["10.0.0.0/99"]}]});
    for (per_route, reasons) in [
        (
            Filter::new(broken()),
            REASONS
                .map(|reason| format!("rustformation (per route): {reason}"))
                .to_vec(),
        ),
        (
            Filter::new(broken_rule).filter_name("http-acl"),
            vec!["http-acl (per route): RF0".to_owned()],
        ),
        (
            Filter::new("{}").filter_name("rustformatoin"),
            vec!["unknown filter `rustformatoin`".to_owned()],
        ),
    ] {
        let bootstrap = Bootstrap::new()
            .filter(Filter::new("{}").disabled())
            .route(Route::direct_response(200, "ok").per_route(per_route))
            .build(stage.release);
        let validation = Launch::new(stage.release, bootstrap)
            .module(stage.module()?)
            .log_level("critical")
            .arguments(&["--log-format", "%v"])
            .validate()
            .await?;
        let output = &validation.output;
        ensure!(!validation.status.success(), "validated: {output}");
        for reason in reasons {
            ensure!(output.contains(&reason), "{reason} is not in\n{output}");
        }
    }
    Ok(())
}

async fn every_broken_form_is_refused(stage: &Stage) -> Result<()> {
    for (text, reason) in [
        ("", "RF001: the configuration is empty"),
        ("{", "RF001: not JSON"),
        ("{} {}", "RF001: not JSON: trailing characters at 1:4"),
        ("null", "RF002"),
        (r#"{"request":{},"request":{}}"#, "duplicate key `request`"),
        (
            r#"{"response":{"extract":[{"header":"x"}]}}"#,
            "response.extract[0].header: the headers of a response have gone on",
        ),
        (
            r#"{"limits":{"jsonDepth":1000}}"#,
            "limits.jsonDepth: 1000 is out of range; write a number from 1 to 127",
        ),
    ] {
        let bootstrap = one_filter(text).build(stage.release);
        let log = stage.launch(bootstrap).start_expecting_refusal().await?;
        ensure!(log.contains(reason), "{text}: {reason} is not in\n{log}");
    }
    Ok(())
}

async fn an_unknown_filter_is_refused_by_name(stage: &Stage) -> Result<()> {
    let bootstrap = one_filter(Filter::new("{}").filter_name("rustformatoin")).build(stage.release);
    let log = stage.launch(bootstrap).start_expecting_refusal().await?;
    ensure!(log.contains("unknown filter `rustformatoin`"), "{log}");
    ensure!(
        log.contains("`rustformation`"),
        "the known names are not in\n{log}"
    );
    Ok(())
}

async fn a_struct_is_a_configuration_too(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let config = json!({
        "request": {"extract": [{"header": MODEL, "aliases": [{"match": "a*", "value": "ä"}]}], "clearRouteCache": true},
        "response": null,
        "limits": {"jsonDepth": 3, "valueBytes": 10},
    });
    let bootstrap = Bootstrap::new()
        .filter(FilterConfig::Struct(config))
        .cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for (body, model) in [
        (r#"{"model":"abc","x":[[]]}"#, Some("ä")),
        (r#"{"model":"abc","x":[[[]]]}"#, None),
        (r#"{"model":"0123456789"}"#, Some("0123456789")),
        (r#"{"model":"0123456789a"}"#, None),
    ] {
        Request::post("/")
            .body(body)
            .send(address)
            .await?
            .expect_status(200)?;
        same(
            body,
            upstream.request().await?.headers.value(MODEL).as_deref(),
            model,
        )?;
    }
    let broken = one_filter(FilterConfig::Struct(broken())).build(stage.release);
    let log = stage.launch(broken).start_expecting_refusal().await?;
    for reason in &REASONS[1..] {
        ensure!(log.contains(reason), "{reason} is not in\n{log}");
    }
    Ok(())
}

async fn unknown_keys_and_names_are_warned_of(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "set": [{"name": "x-a", "value": "{{ header('x-b') | uper }}"}],
        "remov": ["x"],
    }, "enabled": true});
    let envoy = stage.envoy(&one_filter(config)).await?;
    let response = Request::get("/")
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    same("body", response.text().as_str(), "ok")?;
    let log = envoy.log();
    for warning in [
        "RF003: request.remov: unknown key",
        "RF003: enabled: unknown key",
        "RF005: request.set[0] `x-a`: unknown filter `uper` at 1:20; did you mean `upper`?",
    ] {
        ensure!(log.contains(warning), "{warning} is not in\n{log}");
    }
    Ok(())
}
