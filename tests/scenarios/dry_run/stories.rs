//! Every file of `envoy-configs/`, both ways.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use harness::{Example, RateLimitService};

use super::both_ways::{BothWays, End};
use crate::stage::{Stage, same};

/// A file of `envoy-configs/`.
struct Story {
    file: &'static str,
    /// The endpoints that a request may come to.
    ports: &'static [u16],
    /// Arguments that every call has besides: once with each.
    besides: &'static [&'static [&'static str]],
    /// What decides in the file and is not played, so that no call here depends on it.
    not_played: &'static [&'static str],
}

const fn story(file: &'static str, ports: &'static [u16]) -> Story {
    Story {
        file,
        ports,
        besides: &[&[]],
        not_played: &[],
    }
}

const ONE: &[u16] = &[9001];
const TWO: &[u16] = &[9001, 9002];

/// A token of the tenant `acme`, and one of `globex`.
const ACME: &str = "authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiAiZXhhbXBsZSIsICJ0ZW5hbnQiOiAiYWNtZSJ9.fSLZr01Iw4pNsUQUFxleSjrJtiFIZEyfp58JQcFKdZ0";
const GLOBEX: &str = "authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiAiZXhhbXBsZSIsICJ0ZW5hbnQiOiAiZ2xvYmV4In0.Y4bvREibzjciKKyTEIQgwiOcv3ErEw6z0_OsNuLGBxg";

const STORIES: &[Story] = &[
    story("minimal.yaml", TWO),
    story("body-routing.yaml", TWO),
    story("transform.yaml", ONE),
    // The copy for the second cluster is Envoy's.
    Story {
        not_played: &["request_mirror_policies"],
        ..story("mirror.yaml", TWO)
    },
    story("model-names.yaml", ONE),
    story("inference-extension.yaml", TWO),
    story("unified-endpoint.yaml", TWO),
    story("token-limits.yaml", ONE),
    story("model-policy.yaml", ONE),
    story("token-usage.yaml", ONE),
    story("answer-tokens.yaml", ONE),
    story("token-cost.yaml", ONE),
    story("expressions.yaml", TWO),
    story("per-route.yaml", ONE),
    story("demo.yaml", &[]),
    // The first host answers, so that there is no second attempt.
    Story {
        besides: &[&[
            "-H",
            "authorization: Bearer of-client",
            "-H",
            "x-attempt: 9",
        ]],
        not_played: &["retry_policy", "load_assignment"],
        ..story("failover.yaml", TWO)
    },
    // No call has a path that Envoy would write anew, and none is for the health check.
    Story {
        besides: &[&[
            "-H",
            "x-api-key: of-client",
            "-H",
            "authorization: Bearer of-client",
        ]],
        not_played: &[
            "retry_policy",
            "load_assignment",
            "normalize_path",
            "envoy.filters.http.health_check",
        ],
        ..story("llm-gateway.yaml", &[9001, 9002, 9003])
    },
    // Every token is valid: jwt_authn lets it through.
    Story {
        besides: &[&["-H", ACME], &["-H", GLOBEX, "-H", "x-tenant: acme"]],
        not_played: &[
            "envoy.filters.http.jwt_authn",
            "early_header_mutation_extensions",
        ],
        ..story("tenant-and-model.yaml", TWO)
    },
    // The service allows everything: its decision is not the module's.
    Story {
        besides: &[&[], &["-H", "x-tenant: acme"]],
        not_played: &["envoy.filters.http.ratelimit"],
        ..story("token-rate-limit.yaml", ONE)
    },
];

/// Calls of every kind, as people type them.
const CALLS: &[&[&str]] = &[
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"model":"gpt-4o","messages":[]}"#,
    ],
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"messages":[],"model":"llama-3.3","stream":true,"max_tokens":99999}"#,
    ],
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"model":"fast","user":"u","max_completion_tokens":1}"#,
    ],
    &["h/v1/chat/completions", "--json", r#"{"messages":[]}"#],
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"model":"a","model":"b"}"#,
    ],
    &["h/v1/chat/completions", "--json", "no JSON"],
    &[
        "h/v1/messages",
        "-H",
        "x-gateway-model-name: forged",
        "--json",
        r#"{"model":"claude-sonnet-4","max_tokens":5}"#,
    ],
    &[
        "h/v1/audio/transcriptions",
        "-F",
        "model=whisper-1",
        "-F",
        "language=en",
    ],
    &[
        "h/model/anthropic.claude-3/converse",
        "--json",
        r#"{"messages":[]}"#,
    ],
    &["h/v1/models"],
    &[
        "h/tagged?x=1",
        "--json",
        r#"{"name":"Ada","model":"large"}"#,
    ],
    &["h/any", "--json", r#"{"model":"chat"}"#],
    &[
        "h/raw",
        "--json",
        r#"{"name":"Ada","model":"mistral-small"}"#,
    ],
];

pub(super) async fn eval_shows_what_the_module_does(stage: &Stage) -> Result<()> {
    let files: BTreeSet<_> = STORIES.iter().map(|story| story.file.to_owned()).collect();
    same("files of envoy-configs", Example::names()?, files)?;
    let mut differences = Vec::new();
    let mut by_end = [0_usize; 2];
    for story in STORIES {
        let limits = RateLimitService::start(u64::MAX).await?;
        let both_ways = start(stage, story, &limits).await?;
        let mut named = BTreeSet::new();
        for besides in story.besides {
            for call in CALLS {
                let call = [call, *besides].concat();
                let (end, dry) = match both_ways.play(&call).await {
                    Ok(played) => played,
                    Err(error) => {
                        let call = call.join(" ");
                        differences.push(format!("{}: {call}: {error:#}", story.file));
                        continue;
                    }
                };
                by_end[usize::from(end == End::Gateway)] += 1;
                named.extend(dry.not_played);
            }
        }
        // What is not named to a user would be missing in silence.
        let named = Vec::from_iter(named).join("\n");
        for what in story.not_played {
            let file = story.file;
            ensure!(
                named.contains(what),
                "{file}: `{what}` is not named: {named}"
            );
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    // Of 19 files, two are called twice.
    same("exchanges", by_end.iter().sum::<usize>(), 21 * CALLS.len())?;
    let [upstream, gateway] = by_end;
    ensure!(
        upstream > 100 && gateway > 20,
        "{upstream} requests reached an upstream, and {gateway} were answered before"
    );
    Ok(())
}

async fn start(stage: &Stage, story: &Story, limits: &RateLimitService) -> Result<BothWays> {
    let path = artifacts::workspace()
        .join("envoy-configs")
        .join(story.file);
    let services: &[_] = match story.file {
        "token-rate-limit.yaml" => &[(9002, limits.address())],
        _ => &[],
    };
    BothWays::start(stage, &path, story.ports, services).await
}
