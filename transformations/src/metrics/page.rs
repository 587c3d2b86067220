//! The page `docs/metrics.md`.

use super::definition::{Metric, RequestOutcome};

/// The page `docs/metrics.md`, made of the definitions.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    page.push_str(&table(true));
    page.push_str("\nThe label `outcome` is the last of these that holds:\n\n| `outcome` | the request |\n|---|---|\n");
    for outcome in RequestOutcome::ALL {
        page.push_str(&format!(
            "| `{}` | {} |\n",
            outcome.as_str(),
            outcome.help()
        ));
    }
    page.push_str(
        "\nThese are there without the key `metrics` too, and have no labels but their own:\n\n",
    );
    page.push_str(&table(false));
    page.push_str(NAMES);
    page
}

/// The metrics that a configuration turns on, or those that are always there.
fn table(configured: bool) -> String {
    let mut table = String::from("| metric | kind | labels | what |\n|---|---|---|---|\n");
    let defined = Metric::ALL.iter().map(|metric| metric.definition());
    for definition in defined.filter(|definition| definition.configured == configured) {
        let own = definition.labels.iter().map(|label| format!("`{label}`"));
        let given = configured.then(|| "yours".to_owned());
        let labels: Vec<String> = given.into_iter().chain(own).collect();
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            definition.name,
            definition.kind.as_str(),
            labels.join(", "),
            definition.help
        ));
    }
    table
}

const HEAD: &str = "\
# Metrics

`cargo xtask docs` writes this page from the definitions.

```yaml
metrics:
  labels: {model: extracted.model, tenant: \"request.headers['x-tenant']\"}   # CEL
  maxValues: 100
request:
  extract: [{header: x-gateway-model-name}]
```

`metrics` stands in the listener's configuration. In a route's it is an error, because Envoy gives that no way to define a
metric. Requests of routes with a configuration of their own are counted too.

A control plane may have no room for the key, as kgateway's. There the variable `RUSTFORMATIONS_METRICS` of the Envoy process
holds the same object as JSON, for every listener without `metrics`:
`{\"labels\": {\"model\": \"request.headers['x-gateway-model-name']\"}}`.

Each label is a CEL expression of what was extracted, of the request's headers, of its connection and of its metadata. Headers
count as they went on; one that was removed, as it arrived. A client can forge a header that no
configuration sets: prefer `extracted.NAME`. An expression that fails or gives nothing gives `none`. A value is cut to 128 bytes; control characters become `_`.

Clients choose the values, so their number is bounded. The first `maxValues` combinations have time series of their own. Of a
request with another, every label is `other`. Only a request that is `routed` and answered 2xx gives a new combination
series, so that nobody uses them up with requests that lead nowhere. Listeners with the same labels share the bound, as they
share the series. So do clusters' chains, but there Envoy keeps the series of each cluster apart: up to `maxValues` in each. An
update of a listener goes on with the combinations that are there. A restart of Envoy forgets them.

Every metric of a request is recorded once, when the exchange is over, whatever way it ended. In a cluster's chain Envoy does not
report that. There it is recorded when the response ends, and an attempt without a response is not recorded.

";

const NAMES: &str = "
## Names

Prometheus sees the names of `/stats/prometheus`, which depend on the release of Envoy. Histograms have `_bucket`, `_sum` and
`_count`; Envoy shows a value after its next flush, 5 seconds later by default, and its sums are approximate. A series is there
once it has a value.

| where | name |
|---|---|
| a listener's chain, Envoy 1.36 and 1.37 | as above, such as `rustformations_requests_total` |
| a listener's chain, Envoy 1.38 and later | `envoy_dynamicmodulescustom_rustformations_requests_total` |
| a cluster's chain | `envoy_cluster_NAME_dynamicmodulescustom_rustformations_requests_total`, with the cluster's name; of a metric without any label `envoy_cluster_dynamicmodulescustom_rustformations_response_time_ms` with the label `envoy_cluster_name` |

`metrics_namespace` in Envoy's `dynamic_module_config`, from 1.38 on, replaces `dynamicmodulescustom`.

A query for all releases: `{__name__=~\"(envoy_dynamicmodulescustom_)?rustformations_requests_total\"}`.
[The dashboard](../deploy/monitoring/rustformations.json) asks so.
";

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == super::page(),
            "docs/metrics.md is stale: run `cargo xtask docs`"
        );
    }
}
