//! What routes make of a request's path, both ways.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::both_ways::{BothWays, End};
use crate::stage::{Stage, same};

const MATCH: &str =
    "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const REWRITE: &str =
    "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

/// A route that puts a substitution in place of what an expression matches.
fn by_expression(prefix: &str, pattern: &str, substitution: &str) -> Value {
    let rewrite = json!({"pattern": {"regex": pattern}, "substitution": substitution});
    json!({"match": {"prefix": prefix}, "route": {"cluster": "upstream", "regex_rewrite": rewrite}})
}

/// A route that matches a template, and writes another if it is given.
fn by_template(matched: &str, rewritten: Option<&str>) -> Value {
    let mut route = json!({
        "match": {"path_match_policy": {
            "name": "envoy.path.match.uri_template.uri_template_matcher",
            "typed_config": {"@type": MATCH, "path_template": matched},
        }},
        "route": {"cluster": "upstream"},
    });
    if let (Some(rewritten), Some(action)) = (rewritten, route.pointer_mut("/route")) {
        *action = json!({"cluster": "upstream", "path_rewrite_policy": {
            "name": "envoy.path.rewrite.uri_template.uri_template_rewriter",
            "typed_config": {"@type": REWRITE, "path_template_rewrite": rewritten},
        }});
    }
    route
}

fn routes() -> Value {
    json!([
        by_expression("/groups", "^/groups/([^/]+)/(.*)$", r"/\2/\1/\0$1\\"),
        by_expression("/often", "(^/)|a*", r"\1-"),
        by_expression("/never", "nothing", "x"),
        by_expression("/empty", "/empty", ""),
        by_expression("/lazy", "(.+?)(c|$)", r"/\1-"),
        by_template("/t/{model}/x/{rest=**}", Some("/n/{rest}/{model}.{model}")),
        by_template("/v/{name=videos/*/s}/{file}", Some("/{name}.{file}")),
        by_template("/one/*/end", None),
        by_template("/all/**", None),
        {"match": {"prefix": "/prefix"}, "route": {"cluster": "upstream", "prefix_rewrite": "/"}},
        {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
    ])
}

/// The paths, and how many of them go to the upstream.
const PATHS: ([&str; 35], usize) = (
    [
        "/groups/a/b?q=1",
        "/groups/a/b/c",
        "/groups/a",
        "/often?aa",
        "/oftenaab",
        "/oftenbaac",
        "/never/x?y",
        "/empty/x?y=/empty",
        "/lazy/abcabc",
        "/t/q/x/y/z?k=v",
        "/t/q/x/",
        "/t/q/x",
        "/t//x/y",
        "/t/q%20r/x/y~=*",
        "/t/a=b/x/a=b",
        "/t/q/x/y?k=v",
        "/t/q/x/y//z",
        "/v/videos/w/s/file.mp4",
        "/v/videos/w/s/file.a.mp4?x",
        "/v/videos/w/t/file",
        "/v/videos/w/v/s/file",
        "/one/a/end",
        "/one/a-b_c.d/end",
        "/one//end",
        "/one/a/b/end",
        "/one/a[b/end",
        "/one/a|b/end",
        "/one/!$&'()+,;:@=-._~*/end",
        "/all/",
        "/all",
        "/all/a/b//c",
        "/all/a\"b",
        "/all/a?b[",
        "/prefix/x?y",
        "/PREFIX/x",
    ],
    24,
);

pub(super) async fn eval_rewrites_the_path_as_envoy_does(stage: &Stage) -> Result<()> {
    let hosts = json!([{"name": "all", "domains": ["*"], "routes": routes()}]);
    let both_ways = BothWays::with_routes(stage, "rewrites", hosts).await?;
    let (paths, expected) = PATHS;
    let (mut differences, mut by_upstream) = (Vec::new(), 0);
    // Envoy 1.36 sends an empty path.
    let rewritten_to_nothing = stage.release.at_least(1, 37).then_some("/empty?y");
    let expected = expected + usize::from(rewritten_to_nothing.is_some());
    for path in paths.into_iter().chain(rewritten_to_nothing) {
        match both_ways
            .play(&["-g", "--path-as-is", &format!("h{path}")])
            .await
        {
            Ok((end, dry)) => {
                by_upstream += usize::from(end == End::Upstream);
                same(path, dry.not_played, Vec::<String>::new())?;
            }
            Err(error) => differences.push(format!("{path}: {error:#}")),
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    same("paths that go to the upstream", by_upstream, expected)
}
