//! The page `docs/configuration.md`.

use transformations::{Bound, bounds};

use crate::keys::{Absence, Key, keys};
use crate::schema::Filter;
use crate::since::since;
use crate::variables::{OF_THE_MODULE, OF_THE_TESTS, Variable};

const HEAD: &str = "\
# Configuration

<!-- Made of the types of the configuration by `cargo xtask docs`. -->

Every key of `filter_config`, every limit and every environment variable. [keys.md](keys.md) has the keys in one view, and
[functions.md](functions.md) and [cel.md](cel.md) have what templates and expressions may call.

A path names a key: `[]` stands for an item of a list, `.*` for a key of your choice. Keys are in camelCase, with their unit
at the end. A key that is not known is ignored with the warning [RF003](diagnostics.md#rf003), which `rustformations check`
counts as an error. \"Since\" is a version of the [changelog](../CHANGELOG.md).

## In an editor

`rustformations schema` prints the JSON Schema of the keys, and `rustformations schema --acl` that of `http-acl`; they are also in
[schema/](schema). The YAML language server of most editors takes the schema of a file from a comment. The line fits a file that
holds a `filter_config` alone, as [schema/example.yaml](schema/example.yaml) does. In an Envoy bootstrap it does not: there
the schema would apply to the whole file.

```yaml
# yaml-language-server: $schema=./transformations.schema.json
request:
  extract: [{header: x-model}]
```

## Where a configuration applies

The listener's and a route's configuration have the same shape. A route's replaces the listener's as a whole: nothing is
merged. `{}` on a route turns the filter off there. Of the route, its virtual host and the route table, the most specific
configuration applies. Where a request pass has the route chosen again and the new route has another configuration, by its
text, the request pass of that runs too, without its `extract`, and its response pass edits the response.
[chains.md](chains.md) describes that, and the filter in a cluster.
";

/// The page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Keys of `rustformation`\n");
    section(&mut page, Filter::Transformations);
    page.push_str("\n## Keys of `http-acl`\n\n");
    page.push_str(
        "The filter allows or denies requests by the address of the client, as Envoy knows it: set `use_remote_address` \
         and the trusted hops. The longest prefix decides, in whatever order the rules are. A denied request has no body.\n",
    );
    section(&mut page, Filter::Acl);
    page.push_str(
        "\n## All limits\n\nThese have a key:\n\n| key | default | range |\n|---|---|---|\n",
    );
    for key in keys(Filter::Transformations) {
        if key.path().starts_with("limits.") {
            page.push_str(&format!(
                "| {} | {} | {} |\n",
                link("", &key),
                default(&key),
                range(&key)
            ));
        }
    }
    page.push_str("\nThese are fixed:\n\n| what | at most | more |\n|---|---|---|\n");
    for Bound { what, most, beyond } in bounds() {
        page.push_str(&format!("| {what} | {most} | {beyond} |\n"));
    }
    page.push_str(
        "\n## Environment variables\n\nThe module reads these once, in the process of Envoy.\n\n",
    );
    variables(&mut page, OF_THE_MODULE);
    page.push_str(
        "\nThe tests and benchmarks of the repository read these; the module does not.\n\n",
    );
    variables(&mut page, OF_THE_TESTS);
    page
}

/// The keys of a filter: a table of them, and what each does.
fn section(page: &mut String, filter: Filter) {
    // A key of both filters would have one anchor.
    let prefix = match filter {
        Filter::Transformations => "",
        Filter::Acl => "http-acl: ",
    };
    page.push_str("\n| key | type | default | range | since |\n|---|---|---|---|---|\n");
    let keys = keys(filter);
    for key in &keys {
        let (default, range, since) = (default(key), range(key), since(filter, key));
        page.push_str(&format!(
            "| {} | {} | {default} | {range} | {since} |\n",
            link(prefix, key),
            key.kind
        ));
    }
    for key in &keys {
        described(page, filter, prefix, key);
    }
}

fn described(page: &mut String, filter: Filter, prefix: &str, key: &Key) {
    page.push_str(&format!("\n### {prefix}`{}`\n\n", key.path()));
    let mut facts = vec![key.kind.clone()];
    match &key.default {
        Absence::Required => facts.push("required".to_owned()),
        Absence::Value(_) => facts.push(format!("default {}", default(key))),
        Absence::Said(_) | Absence::Nothing => {}
    }
    facts.extend(key.range.clone());
    facts.push(format!("since {}", since(filter, key)));
    if key.deprecated {
        facts.push("deprecated".to_owned());
    }
    page.push_str(&format!("*{}*", facts.join(" · ")));
    if let [_, others @ ..] = key.paths.as_slice()
        && !others.is_empty()
    {
        let others: Vec<String> = others.iter().map(|path| format!("`{path}`")).collect();
        page.push_str(&format!(" · also {}", others.join(", ")));
    }
    page.push_str(&format!("\n\n{}\n", key.description));
    if !key.values.is_empty() {
        page.push_str("\n| name | meaning |\n|---|---|\n");
        for (name, meaning) in &key.values {
            page.push_str(&format!(
                "| `{name}` | {} |\n",
                cell(&meaning.replace("\n\n", " "))
            ));
        }
    }
    if let Some(example) = &key.example {
        page.push_str(&format!("\n```yaml\n{}\n```\n", example.text));
    }
}

/// A link to a key's section, as GitHub makes its anchor.
fn link(prefix: &str, key: &Key) -> String {
    let title = format!("{prefix}{}", key.path()).to_lowercase();
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
    format!("[`{}`](#{anchor})", key.path())
}

fn default(key: &Key) -> String {
    match &key.default {
        Absence::Required => "required".to_owned(),
        Absence::Value(value) => cell(&format!("`{value}`")),
        Absence::Said(said) => cell(said),
        Absence::Nothing => "none".to_owned(),
    }
}

fn range(key: &Key) -> String {
    if key.values.is_empty() {
        return cell(&key.range.join(", "));
    }
    let names = key.values.iter().map(|(name, _)| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

fn variables(page: &mut String, variables: &[Variable]) {
    page.push_str("| variable | where it is not set | what |\n|---|---|---|\n");
    for Variable {
        name,
        default,
        what,
    } in variables
    {
        page.push_str(&format!("| `{name}` | {default} | {what} |\n"));
    }
}

/// A text as the cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
