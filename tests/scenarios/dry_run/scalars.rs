//! What YAML means: the same scalars in a bootstrap of a real Envoy, and in a configuration that is played dry.

use anyhow::{Context, Result};
use cases::Message;
use harness::{Bootstrap, Route};
use rustformations_cli::File;
use rustformations_cli::dry_run::{Course, NoChoice};
use serde_json::Value;
use transformations::Engine;

use crate::stage::{Stage, same};

/// Scalars as they are written: plain, in quotes, with tags and anchors, over several lines.
const WRITTEN: &str = r#"
0.5|1.5e3|-1.5e3|1e3|1.|.5|1e400|0x1.8p3|.inf|-.inf|.nan|.NaN|inf|1.2.3|10.0.0.0/8|2001-01-01|12:30:45|1:20
5|-5|+5|0|-0|00|010|-010|+010|0100|0777|0778|08|0o17|0b11|1_000|1,000|--5|+-5|5-|1a|+|.|5 6|5 # five
0x1F|0X1f|-0x10|+0x10|0x|0xg|0x-1|0x7fffffff|0x80000000|0xffffffffffffffff|017777777777|020000000000
2147483647|2147483648|-2147483648|-2147483649|3000000000|9223372036854775807|9223372036854775808
-9223372036854775808|-9223372036854775809|18446744073709551615|99999999999999999999
y|Y|n|N|yes|Yes|YES|yEs|no|No|NO|on|On|ON|oN|off|Off|OFF|true|True|TRUE|tRue|false|False|FALSE
~|null|Null|NULL|nULL||'5'|"5"|'yes'|'null'|''|"\x35"
!!str 5|!!str yes|!!str null|!!str|!!int 5|!!int '5'|!!float 5|!!float 0.5|!!bool yes|!!bool 'yes'|!!null ''|!!null x
! 5|! yes|! null|!|! '5'|!foo 5|!foo yes|!foo null|!!binary aGk=|!<tag:yaml.org,2002:str> 5|&a 5|&b yes|&c|&d '5'
"#;

/// A mapping of them, each under its number.
fn mapping(margin: &str) -> String {
    let blocks = ["|\n   5", "|-\n   5", "|-\n   yes", ">-\n   5", "5\n   6"];
    let plain = WRITTEN.trim().lines().flat_map(|line| line.split('|'));
    let scalars = plain.chain(blocks).enumerate();
    scalars
        .map(|(number, scalar)| {
            let scalar = scalar.replace('\n', &format!("\n{margin}"));
            format!("{margin}k{number}: {scalar}\n")
        })
        .collect()
}

/// Numbers and texts of JSON, which is YAML too.
const JSON: &str = r#"{"a": 0.5, "b": 1e3, "c": 3000000000, "d": -5, "e": true, "f": null, "g": "5", "h": "yes", "i": 1.0}"#;

/// A mapping that Envoy reads, and the same in the place of any JSON of a configuration.
pub(super) async fn eval_reads_yaml_as_envoy_does(stage: &Stage) -> Result<()> {
    let node = format!(
        "node:\n  id: scalars\n  cluster: tests\n  metadata:\n{}",
        mapping("    ")
    );
    let config = format!(
        "request:\n  patch:\n  - set: /scalars\n    json:\n{}",
        mapping("      ")
    );
    both_read_the_same(stage, &node, &config).await
}

/// The same of JSON that Envoy is given as YAML.
pub(super) async fn eval_reads_json_called_yaml_as_envoy_does(stage: &Stage) -> Result<()> {
    let node =
        format!(r#"{{"node": {{"id": "scalars", "cluster": "tests", "metadata": {JSON}}}}}"#);
    let config = format!(r#"{{"request": {{"patch": [{{"set": "/scalars", "json": {JSON}}}]}}}}"#);
    both_read_the_same(stage, &node, &config).await
}

async fn both_read_the_same(stage: &Stage, node: &str, config: &str) -> Result<()> {
    let bootstrap = Bootstrap::new().route(Route::direct_response(200, "ok"));
    let launch = stage.launch(bootstrap.build(stage.release));
    let envoy = stage
        .start(launch.arguments(&["--config-yaml", node]))
        .await?;
    let told: Value = serde_json::from_str(&envoy.admin("/server_info").await?)?;
    let of_envoy = told.pointer("/node/metadata").context("no metadata")?;

    let file = File::named("config.yaml", config);
    let course = match Course::of(&Engine::default(), file, None) {
        Ok(course) => course,
        Err(NoChoice::Refused(findings)) => anyhow::bail!("refused: {findings:?}"),
        Err(NoChoice::Unclear(why)) => anyhow::bail!(why),
    };
    let request: Message = cases::read::request("json: {}")?;
    let exchange = course.play(request, None);
    let played = exchange.filters.first().context("nothing was played")?;
    let sent: Value = serde_json::from_str(&played.transcript.request.sent_body)?;
    let dry = sent.get("scalars").context("no scalars were sent")?;
    for (key, value) in of_envoy.as_object().context("no members")? {
        same(key, dry.get(key), Some(value))?;
    }
    same(
        "scalars",
        dry.as_object().map(|all| all.len()),
        of_envoy.as_object().map(|all| all.len()),
    )
}
