//! One container: as Docker users start it, and as kgateway's pod template does.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use harness::{Request, post_json};
use serde_json::json;

use super::Checks;
use super::docker::Container;
use super::hosts::{Hosts, OPEN, READINESS, TRAFFIC, readiness, until, until_ready};
use super::load::{Load, MODELS};
use super::recipe::Images;

/// kgateway's preStop hook, word for word.
const PRE_STOP: [&str; 3] = [
    "/bin/sh",
    "-c",
    "wget --post-data \"\" -O /dev/null 127.0.0.1:19000/healthcheck/fail; sleep 10",
];

pub(super) async fn check(images: &Images, checks: &mut Checks) -> Result<()> {
    let image = images.envoy_wrapper.as_str();
    checks.add("docker run without anything", demonstration(image).await);

    let hosts = Hosts::new(image)?;
    let models = MODELS.map(|(_, server)| hosts.model(server));
    for model in &models {
        ensure!(model.is_ok(), "no model server: {model:?}");
    }
    let begin = Instant::now();
    let gateway = hosts.gateway("gateway-1")?;
    until_ready(&gateway).await?;
    let taken = format!("ready after {} ms", begin.elapsed().as_millis());
    checks.add("a pod as kgateway's template has it", Ok(taken));
    checks.add("user, capabilities, file system", confined(&gateway));
    checks.add("completed bootstrap", completed(&gateway));
    checks.add("routed requests", routed(&gateway).await);
    checks.add(
        "preStop hook and stop, under load",
        graceful(&gateway).await,
    );
    Ok(())
}

/// `docker run -p 8080:8080 envoy-wrapper`, and no core dumps.
async fn demonstration(image: &str) -> Result<String> {
    let publish = format!("127.0.0.1::{OPEN}");
    let options = [
        "--publish",
        &publish,
        "--env",
        "DISABLE_CORE_DUMPS=true",
        "--ulimit",
        "core=1000",
    ];
    let container = Container::start("demonstration", &options, image, &[])?;
    let address = container.address(OPEN)?;
    let path = "/v1/chat/completions";
    until("the demonstration", async || {
        Request::get(path).send(address).await.is_ok()
    })
    .await
    .with_context(|| container.log())?;
    for (model, server) in [
        ("gpt-4o", "openai"),
        ("mistral-small", "local"),
        ("llama-3", "fallback"),
    ] {
        let answer = post_json(address, path, &json!({"model": model}))
            .await?
            .expect_status(200)?;
        let served = answer.headers.value("x-served-by");
        ensure!(
            served.as_deref() == Some(server),
            "{model} is served by {served:?}"
        );
    }
    let core = line(&container, "/proc/1/limits", "Max core file size")?;
    ensure!(core == "0 0 bytes", "core files may have {core:?}");
    Ok("routes by model; DISABLE_CORE_DUMPS holds".into())
}

/// What follows a name in a file of `/proc`, each space in it one.
fn line(container: &Container, file: &str, name: &str) -> Result<String> {
    let script = format!("while read -r line; do echo \"$line\"; done < {file}");
    let text = container.exec(&["/bin/sh", "-c", &script])?;
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    let words = found
        .with_context(|| format!("{file} has no {name}"))?
        .split_whitespace();
    Ok(words.collect::<Vec<_>>().join(" "))
}

fn confined(gateway: &Container) -> Result<String> {
    for (name, expected) in [
        ("Name:", "envoy"),
        ("Uid:", "10101 10101 10101 10101"),
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
    ] {
        let found = line(gateway, "/proc/1/status", name)?;
        ensure!(found == expected, "{name} {found}, not {expected}");
    }
    let written = gateway.exec(&["/bin/sh", "-c", "echo x > /tmp/x"]);
    ensure!(written.is_err(), "the file system is not read-only");
    Ok("10101, none, read-only".into())
}

fn admin(gateway: &Container, path: &str) -> Result<String> {
    let url = format!("http://127.0.0.1:19000{path}");
    gateway.exec(&["wget", "-q", "-O", "-", &url])
}

fn completed(gateway: &Container) -> Result<String> {
    let dump = admin(gateway, "/config_dump")?;
    let info = admin(gateway, "/server_info")?;
    for (text, part) in [
        (&dump, "\"SYSTEM_CA_CERT\""),
        (&dump, "/etc/ssl/certs/ca-certificates.crt"),
        (&info, "\"gateway-1.default\""),
        (&info, "\"zone-b\""),
        (&info, "kgateway-kube-gateway-api~default~demo"),
    ] {
        ensure!(text.contains(part), "Envoy does not know {part}");
    }
    Ok("node, zone and role of the pod, SYSTEM_CA_CERT".into())
}

async fn routed(gateway: &Container) -> Result<String> {
    let address = gateway.address(TRAFFIC)?;
    for (model, server) in MODELS {
        // The health checks of its clusters may not have passed yet.
        let ask = async || post_json(address, "/", &json!({"model": model})).await;
        until(server, async || {
            ask().await.is_ok_and(|answer| answer.status == 200)
        })
        .await?;
        let answer = ask().await?;
        for (name, expected) in [("x-served-by", server), ("x-gateway", "gateway-1")] {
            let found = answer.headers.value(name);
            ensure!(
                found.as_deref() == Some(expected),
                "{model}: {name} is {found:?}"
            );
        }
    }
    post_json(address, "/", &json!({"model": "llama-3"}))
        .await?
        .expect_status(404)?;
    Ok("each model by its server, an unknown one 404".into())
}

async fn graceful(gateway: &Container) -> Result<String> {
    let (traffic, probe) = (gateway.address(TRAFFIC)?, gateway.address(READINESS)?);
    let load = Load::start(traffic, 2);
    let hook = {
        let id = gateway.id().to_owned();
        tokio::task::spawn_blocking(move || {
            let begin = Instant::now();
            let command = ["exec", &id].into_iter().chain(PRE_STOP);
            super::docker::docker(command).map(|_printed| begin.elapsed())
        })
    };
    let unready = until("readiness to fail", async || readiness(probe).await == 503).await?;
    let slept = hook.await??;
    ensure!(slept.as_secs() >= 10, "the hook took {slept:?}: no sleep?");
    let tally = load.finish().await?;
    ensure!(tally.failed() == 0, "{:?}", tally.outcomes);
    let begin = Instant::now();
    let code = gateway.stop(60)?;
    let stopped = begin.elapsed();
    ensure!(code == 0, "exit code {code}");
    ensure!(stopped.as_secs() < 10, "it took {stopped:?} to stop");
    Ok(format!(
        "unready after {} ms; {tally}; exit code 0 after {} ms",
        unready.as_millis(),
        stopped.as_millis()
    ))
}
