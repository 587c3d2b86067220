//! What a pod adds to Envoy's bootstrap.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use serde_saphyr::UserMessageFormatter;

use crate::pod::Locality;

/// The secret that routes name when their upstream's certificate is to be checked against the system's.
const SYSTEM_CA: &str = "SYSTEM_CA_CERT";

/// Adds the node's locality, where it is known, and the secret [`SYSTEM_CA`] with the CA bundle, if there is one, to a
/// bootstrap in YAML or JSON. The result is JSON, which is YAML too.
///
/// The locality replaces what the bootstrap says of it, part by part. A secret of that name stays as it is.
///
/// # Errors
/// The text is no YAML, or not the shape of a bootstrap.
pub(crate) fn complete(
    text: &str,
    locality: &Locality,
    ca_bundle: Option<&Path>,
) -> Result<String> {
    // As Envoy reads numbers: the `mode: 0600` of a socket is octal.
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let parsed: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // Without its snippet: a bootstrap may hold credentials.
        let error = error.without_snippet();
        anyhow!(
            "neither YAML nor JSON: {}",
            error.render_with_formatter(&UserMessageFormatter)
        )
    })?;
    let mut bootstrap = match parsed {
        Value::Object(fields) => fields,
        Value::Null => bail!("empty: it takes Envoy's bootstrap"),
        _ => bail!("not a mapping: it takes Envoy's bootstrap"),
    };
    add_locality(&mut bootstrap, locality)?;
    if let Some(ca_bundle) = ca_bundle {
        add_ca_bundle(&mut bootstrap, ca_bundle)?;
    }
    Ok(Value::Object(bootstrap).to_string())
}

fn add_locality(bootstrap: &mut Map<String, Value>, locality: &Locality) -> Result<()> {
    let parts = [
        ("region", "region", &locality.region),
        ("zone", "zone", &locality.zone),
        ("sub_zone", "subZone", &locality.sub_zone),
    ];
    for (name, json_name, value) in parts {
        if value.is_empty() {
            continue;
        }
        let node = mapping(bootstrap, "node", "node")?;
        let known = mapping(node, "locality", "locality").context("node")?;
        known.remove(json_name);
        known.insert(name.to_owned(), value.as_str().into());
    }
    Ok(())
}

fn add_ca_bundle(bootstrap: &mut Map<String, Value>, path: &Path) -> Result<()> {
    let resources = mapping(bootstrap, "static_resources", "staticResources")?;
    let secrets = field(resources, "secrets", "secrets", || json!([]));
    let Value::Array(secrets) = secrets else {
        bail!("static_resources.secrets: not a list");
    };
    if !secrets
        .iter()
        .any(|secret| secret.get("name").is_some_and(|name| name == SYSTEM_CA))
    {
        secrets.push(json!({
            "name": SYSTEM_CA,
            "validation_context": {"trusted_ca": {"filename": path}},
        }));
    }
    Ok(())
}

/// The mapping under this key, created if need be.
fn mapping<'a>(
    fields: &'a mut Map<String, Value>,
    name: &str,
    json_name: &str,
) -> Result<&'a mut Map<String, Value>> {
    match field(fields, name, json_name, || json!({})) {
        Value::Object(fields) => Ok(fields),
        _ => bail!("{name}: not a mapping"),
    }
}

/// The value under this key or its protobuf JSON spelling, created if it is absent or null.
fn field<'a>(
    fields: &'a mut Map<String, Value>,
    name: &str,
    json_name: &str,
    empty: impl FnOnce() -> Value,
) -> &'a mut Value {
    let spelled = if fields.contains_key(json_name) {
        json_name
    } else {
        name
    };
    let value = fields.entry(spelled).or_insert(Value::Null);
    if value.is_null() {
        *value = empty();
    }
    value
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::complete;
    use crate::pod::Locality;

    fn completed(text: &str, locality: &Locality, ca_bundle: Option<&str>) -> Value {
        let completed = complete(text, locality, ca_bundle.map(Path::new)).unwrap();
        serde_json::from_str(&completed).unwrap()
    }

    fn secret(path: &str) -> Value {
        json!({"name": "SYSTEM_CA_CERT", "validation_context": {"trusted_ca": {"filename": path}}})
    }

    fn zone(zone: &str) -> Locality {
        Locality {
            zone: zone.into(),
            ..Locality::default()
        }
    }

    #[test]
    fn values_keep_their_types() {
        let text = "a: 18446744073709551615\nb: '1'\nc: 1.5\nd: true\ne: 1s\nf: [x, null]\ng: \"yes\"\n\
                    h: &anchor {i: 0}\nj: *anchor\nk: |\n  two\n  lines\n";
        let expected = json!({
            "a": u64::MAX, "b": "1", "c": 1.5, "d": true, "e": "1s", "f": ["x", null], "g": "yes",
            "h": {"i": 0}, "j": {"i": 0}, "k": "two\nlines\n",
        });
        assert_eq!(completed(text, &Locality::default(), None), expected);
    }

    #[test]
    fn the_ca_bundle_becomes_a_secret() {
        let none = Locality::default();
        for (text, expected) in [
            (
                "{}",
                json!({"static_resources": {"secrets": [secret("/ca")]}}),
            ),
            (
                "static_resources:",
                json!({"static_resources": {"secrets": [secret("/ca")]}}),
            ),
            (
                "static_resources: {secrets: [{name: other}], clusters: []}",
                json!({"static_resources": {"secrets": [{"name": "other"}, secret("/ca")], "clusters": []}}),
            ),
            (
                r#"{"staticResources": {"secrets": null}}"#,
                json!({"staticResources": {"secrets": [secret("/ca")]}}),
            ),
            (
                "static_resources: {secrets: [{name: SYSTEM_CA_CERT}]}",
                json!({"static_resources": {"secrets": [{"name": "SYSTEM_CA_CERT"}]}}),
            ),
        ] {
            assert_eq!(completed(text, &none, Some("/ca")), expected, "{text}");
        }
        assert_eq!(completed("{}", &none, None), json!({}));
    }

    #[test]
    fn the_locality_goes_into_the_node() {
        assert_eq!(
            completed("{}", &zone("z"), None),
            json!({"node": {"locality": {"zone": "z"}}})
        );
        let text = "node: {id: a, locality: {region: r, zone: old, subZone: old}}";
        let all = Locality {
            sub_zone: "s".into(),
            ..zone("z")
        };
        let expected =
            json!({"node": {"id": "a", "locality": {"region": "r", "zone": "z", "sub_zone": "s"}}});
        assert_eq!(completed(text, &all, None), expected);
    }

    #[test]
    fn says_what_is_no_bootstrap() {
        for (text, message) in [
            ("", "empty"),
            ("# nothing", "empty"),
            ("[]", "not a mapping"),
            ("a: b: c", "neither YAML nor JSON"),
            ("a: 1\na: 2", "neither YAML nor JSON"),
            ("node: 1", "node: not a mapping"),
            ("node: {locality: []}", "node: locality: not a mapping"),
            ("static_resources: []", "static_resources: not a mapping"),
            (
                "static_resources: {secrets: {}}",
                "static_resources.secrets: not a list",
            ),
        ] {
            let error = complete(text, &zone("z"), Some(Path::new("/ca"))).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn a_mode_is_octal_as_envoy_reads_it() {
        let text = "a: 0600\nb: 0o600\nc: 0x1F\nd: 0\ne: '0600'\nf: 0.5";
        let expected = json!({"a": 0o600, "b": 0o600, "c": 0x1F, "d": 0, "e": "0600", "f": 0.5});
        assert_eq!(completed(text, &Locality::default(), None), expected);
    }

    #[test]
    fn errors_speak_to_who_writes_the_bootstrap() {
        for text in ["a: 1\na: 2", "a: 1\n---\nb: 2", "a: .inf", "a: &a [*a]"] {
            let error = complete(text, &Locality::default(), None).unwrap_err();
            let error = format!("{error:#}");
            for name in ["Options", "Policy", "from_"] {
                assert!(!error.contains(name), "{text}: {error}");
            }
            assert!(error.contains(" at line "), "{text}: {error}");
        }
    }

    #[test]
    fn a_broken_bootstrap_is_not_quoted() {
        let error = complete("token: hunter2\nb: [", &Locality::default(), None).unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }
}
