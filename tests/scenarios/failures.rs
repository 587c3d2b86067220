//! Failures are visible: counted by reason, in the access log, and in the debug log without values above it.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Request};
use serde_json::json;

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All failures_are_counted_and_logged,
];

async fn failures_are_counted_and_logged(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "extract": [{"header": MODEL}],
        "set": [
            {"name": "x-fails", "value": "{% if header('x-fail') %}{{ missing.attribute }}{% endif %}"},
            {"name": "x-copy", "value": "{{ header('x-bytes') | replace('n', '\n') }}"},
            {"name": "x-loop", "value": "{% if header('x-loop') %}{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}{% endif %}"},
        ],
        "body": {"parseAs": "AsJson"},
    }});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log("%DYNAMIC_METADATA(rustformations:failure)%");
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    let ask = |body: &str| Request::post("/").body(body.to_owned());
    let fine = r#"{"model":"gpt-4o"}"#;
    let cases = [
        ("-", ask(fine), 200),
        ("render", ask(fine).header("x-fail", "1"), 200),
        ("header_value", ask(fine).header("x-bytes", "zebran"), 200),
        ("limit", ask(fine).header("x-loop", "1"), 200),
        ("header_value", ask(r#"{"model":"a\nb"}"#), 200),
        ("duplicate_key", ask(r#"{"model":"a","model":"b"}"#), 200),
        ("limit", ask(&"[".repeat(1000)), 400),
        ("json_invalid", ask("zebra"), 400),
    ];
    for (reason, request, status) in &cases {
        let response = request.clone().send(gateway.address).await?;
        same(reason, response.status, *status)?;
    }
    let reasons: Vec<&str> = cases.iter().map(|(reason, ..)| *reason).collect();
    same(
        "access log",
        gateway.envoy.access_log(cases.len()).await?,
        reasons,
    )?;
    for (reason, count) in [
        ("render", 1),
        ("header_value", 2),
        ("limit", 3),
        ("duplicate_key", 1),
    ] {
        let name = "rustformations_failures_total";
        let stats = gateway.envoy.admin("/stats/prometheus").await?;
        let line = stats
            .lines()
            .find(|line| line.contains(name) && line.contains(&format!("reason=\"{reason}\"")))
            .unwrap_or_default();
        ensure!(
            line.ends_with(&format!("}} {count}")),
            "{reason}: {line:?} in\n{stats}"
        );
    }
    let log = gateway.envoy.log();
    ensure!(
        log.contains("request.set[0] `x-fails`: render"),
        "no debug log of the failure"
    );
    ensure!(
        !log.lines()
            .any(|line| line.contains("zebra") && !line.contains("[debug]")),
        "a value above debug level"
    );
    Ok(())
}
