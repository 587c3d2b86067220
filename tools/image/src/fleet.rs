//! Several hosts: three gateways behind a load balancer, and two models.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::post_json;
use serde_json::json;
use tokio::time::sleep;

use super::Checks;
use super::docker::Container;
use super::hosts::{Hosts, OPEN, until, until_ready};
use super::load::{Load, MODELS};
use super::recipe::Images;

/// kgateway's preStop hook with the pause that this load balancer's health checks need.
const PRE_STOP: [&str; 3] = [
    "/bin/sh",
    "-c",
    "wget --post-data \"\" -O /dev/null 127.0.0.1:19000/healthcheck/fail; sleep 2",
];

const GATEWAYS: [&str; 3] = ["gateway-1", "gateway-2", "gateway-3"];

/// How many connections the load has.
const CONNECTIONS: usize = 6;

/// How long the load runs undisturbed, before and after.
const CALM: Duration = Duration::from_secs(2);

/// How many requests each gateway must have answered, or the load was none.
const ENOUGH: usize = 100;

/// How long a model stays cut off.
const CUT: Duration = Duration::from_secs(5);

struct Fleet {
    gateways: Vec<Container>,
    models: Vec<Container>,
    balancer: Container,
    // Last: a network goes after its containers.
    hosts: Hosts,
}

pub(super) async fn check(images: &Images, checks: &mut Checks) -> Result<()> {
    let mut fleet = Fleet::start(&images.envoy_wrapper).await?;
    checks.add(
        "rolling restart of three gateways, under load",
        fleet.roll().await,
    );
    checks.add("one model cut off, under load", fleet.cut_off().await);
    Ok(())
}

impl Fleet {
    async fn start(image: &str) -> Result<Self> {
        let hosts = Hosts::new(image)?;
        let models = MODELS.map(|(_, server)| hosts.model(server));
        let models = models.into_iter().collect::<Result<_>>()?;
        let gateways = GATEWAYS.map(|name| hosts.gateway(name));
        let gateways = gateways.into_iter().collect::<Result<Vec<_>>>()?;
        for gateway in &gateways {
            until_ready(gateway).await?;
        }
        let balancer = hosts.balancer()?;
        let fleet = Self {
            gateways,
            models,
            balancer,
            hosts,
        };
        fleet.until_healthy(GATEWAYS.len()).await?;
        for (model, _) in MODELS {
            fleet.until_status(model, 200).await?;
        }
        Ok(fleet)
    }

    /// Waits until the balancer thinks so many gateways healthy.
    async fn until_healthy(&self, wanted: usize) -> Result<Duration> {
        let command = ["wget", "-q", "-O", "-", "http://127.0.0.1:19000/clusters"];
        until("healthy gateways", async || {
            let clusters = self.balancer.exec(&command).unwrap_or_default();
            clusters.matches("::health_flags::healthy").count() == wanted
        })
        .await
        .with_context(|| self.balancer.log())
    }

    /// Waits until requests for a model end so.
    async fn until_status(&self, model: &str, status: u16) -> Result<Duration> {
        let address = self.balancer.address(OPEN)?;
        until(model, async || {
            let answer = post_json(address, "/", &json!({"model": model})).await;
            answer.is_ok_and(|answer| answer.status == status)
        })
        .await
    }

    async fn roll(&mut self) -> Result<String> {
        let load = Load::start(self.balancer.address(OPEN)?, CONNECTIONS);
        sleep(CALM).await;
        let mut slowest = Duration::ZERO;
        for name in GATEWAYS {
            let begin = Instant::now();
            let old = self.gateways.remove(0);
            old.exec(&PRE_STOP)?;
            old.stop(60)?;
            drop(old);
            let new = self.hosts.gateway(name)?;
            until_ready(&new).await?;
            self.gateways.push(new);
            self.until_healthy(GATEWAYS.len()).await?;
            slowest = slowest.max(begin.elapsed());
        }
        sleep(CALM).await;
        let tally = load.finish().await?;
        ensure!(tally.failed() == 0, "{tally}: {:?}", tally.outcomes);
        // Else nothing was tried.
        let shares: Vec<usize> = tally.gateways.values().copied().collect();
        ensure!(
            tally.gateways.keys().eq(&GATEWAYS) && shares.iter().all(|share| *share >= ENOUGH),
            "not every gateway had a share: {:?}",
            tally.gateways
        );
        Ok(format!(
            "{tally}; each gateway {shares:?}; its restart at most {:.1} s",
            slowest.as_secs_f64()
        ))
    }

    async fn cut_off(&self) -> Result<String> {
        let [(lost, server), (kept, _)] = MODELS;
        let cut = self.models.first().context("no models")?;
        let load = Load::start(self.balancer.address(OPEN)?, CONNECTIONS);
        sleep(CALM).await;
        self.hosts.network().disconnect(cut)?;
        let noticed = self.until_status(lost, 503).await?;
        sleep(CUT).await;
        self.hosts.network().connect(cut, server)?;
        let healed = self.until_status(lost, 200).await?;
        sleep(CALM).await;
        let tally = load.finish().await?;
        let (lost, kept) = (tally.of(lost), tally.of(kept));
        ensure!(kept.keys().eq(["200"].iter()), "the other model: {kept:?}");
        // 504: sent before the cut was noticed.
        let clear = lost
            .keys()
            .all(|outcome| ["200", "503", "504"].contains(outcome));
        ensure!(clear && lost.contains_key("503"), "the model: {lost:?}");
        Ok(format!(
            "503 {} ms after the cut, 200 {} ms after it was mended; that model {lost:?}, the other {kept:?}",
            noticed.as_millis(),
            healed.as_millis(),
        ))
    }
}
