//! Scenarios on a real Envoy. One binary, so that everything links once and one pool of threads bounds the load.
//!
//! A trial is called `<release>::<area>::<scenario>`; `cargo test --test scenarios -- 1.40.0::plain` runs a part.
//! To add a scenario, write an `async fn(&Stage) -> anyhow::Result<()>` and name it in its area's `SCENARIOS`.
#![forbid(unsafe_code)]
// A scenario that indexes what is not there fails, as it should.
#![allow(clippy::indexing_slicing)]

mod acl;
mod answers;
mod apis;
mod attacks;
mod bad_input;
mod chains;
mod churn;
mod composite;
mod configs;
mod conversions;
mod deploy;
mod dry_run;
mod expressions;
mod failover;
mod failures;
mod foreign_routes;
mod gateway;
mod headers;
mod hidden_callbacks;
mod hostile;
mod kgateway;
mod llm_gateway;
mod metrics;
mod mirrors;
mod mistakes;
mod own_filter;
mod panics;
mod patch;
mod plain;
mod readme;
mod refusals;
mod rejecting;
mod responses;
mod routes;
mod routing;
mod sources;
mod sse;
mod stage;
mod streaming;
mod tokens;
mod updates;
mod upgrades;

use std::process::ExitCode;
use std::time::Duration;

use harness::EnvoyRelease;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::time::timeout;

use stage::{Area, Built, Releases, Scenario, Stage};

/// How long a scenario may take, building and downloading not counted.
fn limit() -> Duration {
    Duration::from_secs(if churn::is_long() || hostile::is_long() {
        2 * 3600
    } else if hidden_callbacks::all() {
        600
    } else {
        60
    })
}

/// A scenario mostly waits: for its Envoy to start, for what must not come, for answers that are late on purpose.
const THREADS: usize = 4;

const AREAS: &[Area] = &[
    Area {
        name: "plain",
        module: Built::No,
        scenarios: plain::SCENARIOS,
    },
    Area {
        name: "own_filter",
        module: Built::No,
        scenarios: own_filter::SCENARIOS,
    },
    Area {
        name: "configs",
        module: Built::Release,
        scenarios: configs::SCENARIOS,
    },
    Area {
        name: "conversions",
        module: Built::Release,
        scenarios: conversions::SCENARIOS,
    },
    Area {
        name: "dry_run",
        module: Built::Release,
        scenarios: dry_run::SCENARIOS,
    },
    Area {
        name: "answers",
        module: Built::Release,
        scenarios: answers::SCENARIOS,
    },
    Area {
        name: "routing",
        module: Built::Release,
        scenarios: routing::SCENARIOS,
    },
    Area {
        name: "streaming",
        module: Built::Release,
        scenarios: streaming::SCENARIOS,
    },
    Area {
        name: "bad_input",
        module: Built::Release,
        scenarios: bad_input::SCENARIOS,
    },
    Area {
        name: "attacks",
        module: Built::Release,
        scenarios: attacks::SCENARIOS,
    },
    Area {
        name: "responses",
        module: Built::Release,
        scenarios: responses::SCENARIOS,
    },
    Area {
        name: "patch",
        module: Built::Release,
        scenarios: patch::SCENARIOS,
    },
    Area {
        name: "rejecting",
        module: Built::Release,
        scenarios: rejecting::SCENARIOS,
    },
    Area {
        name: "sources",
        module: Built::Release,
        scenarios: sources::SCENARIOS,
    },
    Area {
        name: "tokens",
        module: Built::Release,
        scenarios: tokens::SCENARIOS,
    },
    Area {
        name: "sse",
        module: Built::Release,
        scenarios: sse::SCENARIOS,
    },
    Area {
        name: "routes",
        module: Built::Release,
        scenarios: routes::SCENARIOS,
    },
    Area {
        name: "upgrades",
        module: Built::Release,
        scenarios: upgrades::SCENARIOS,
    },
    Area {
        name: "metrics",
        module: Built::Release,
        scenarios: metrics::SCENARIOS,
    },
    Area {
        name: "expressions",
        module: Built::Release,
        scenarios: expressions::SCENARIOS,
    },
    Area {
        name: "headers",
        module: Built::Release,
        scenarios: headers::SCENARIOS,
    },
    Area {
        name: "failover",
        module: Built::Release,
        scenarios: failover::SCENARIOS,
    },
    Area {
        name: "failures",
        module: Built::Release,
        scenarios: failures::SCENARIOS,
    },
    Area {
        name: "refusals",
        module: Built::Release,
        scenarios: refusals::SCENARIOS,
    },
    Area {
        name: "mistakes",
        module: Built::Release,
        scenarios: mistakes::SCENARIOS,
    },
    Area {
        name: "hidden_callbacks",
        module: Built::Release,
        scenarios: hidden_callbacks::SCENARIOS,
    },
    Area {
        name: "updates",
        module: Built::Release,
        scenarios: updates::SCENARIOS,
    },
    Area {
        name: "churn",
        module: Built::Release,
        scenarios: churn::SCENARIOS,
    },
    Area {
        name: "foreign_routes",
        module: Built::Release,
        scenarios: foreign_routes::SCENARIOS,
    },
    Area {
        name: "acl",
        module: Built::Release,
        scenarios: acl::SCENARIOS,
    },
    Area {
        name: "panics",
        module: Built::Hostile,
        scenarios: panics::SCENARIOS,
    },
    // A sample; CONTRIBUTING has the command that plays all.
    Area {
        name: "hostile",
        module: Built::Hostile,
        scenarios: hostile::SCENARIOS,
    },
    Area {
        name: "readme",
        module: Built::Release,
        scenarios: readme::SCENARIOS,
    },
    Area {
        name: "apis",
        module: Built::Release,
        scenarios: apis::SCENARIOS,
    },
    Area {
        name: "llm_gateway",
        module: Built::Release,
        scenarios: llm_gateway::SCENARIOS,
    },
    Area {
        name: "kgateway",
        module: Built::Release,
        scenarios: kgateway::SCENARIOS,
    },
    Area {
        name: "chains",
        module: Built::Release,
        scenarios: chains::SCENARIOS,
    },
    Area {
        name: "composite",
        module: Built::Release,
        scenarios: composite::SCENARIOS,
    },
    Area {
        name: "deploy",
        module: Built::Release,
        scenarios: deploy::SCENARIOS,
    },
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Every scenario on every release it names, or on the one release that `ENVOY_BIN` gives.
fn trials() -> anyhow::Result<Vec<Trial>> {
    let only = EnvoyRelease::of_override()?;
    let mut trials = Vec::new();
    for area in AREAS {
        for scenario in area.scenarios {
            let releases = match (only, scenario.releases) {
                (Some(only), _) => vec![only],
                (None, Releases::All | Releases::ByFile) => EnvoyRelease::SUPPORTED.to_vec(),
                (None, Releases::Ends) => vec![EnvoyRelease::OLDEST, EnvoyRelease::DEFAULT],
            };
            for release in releases {
                if matches!(scenario.releases, Releases::ByFile) && !release.at_least(1, 38) {
                    continue;
                }
                let name = format!("{release}::{}::{}", area.name, scenario.name);
                trials.push(Trial::test(name, move || run(release, area, scenario)));
            }
        }
    }
    Ok(trials)
}

fn run(release: EnvoyRelease, area: &Area, scenario: &Scenario) -> Result<(), Failed> {
    let stage = Stage::new(release, area.module).map_err(|error| format!("{error:#}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let limit = limit();
    runtime.block_on(async {
        let played = match timeout(limit, (scenario.play)(&stage)).await {
            Ok(Ok(())) => stage.check_survivors(),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(anyhow::anyhow!("not finished after {limit:?}")),
        };
        match played {
            Ok(()) => Ok(()),
            Err(error) => Err(Failed::from(format!("{error:#}\n{}", stage.report().await))),
        }
    })
}
