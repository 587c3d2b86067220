//! The bill of materials of a program, in CycloneDX: <https://cyclonedx.org/docs/1.5/json/>.

use anyhow::{Context, Result};
use cargo_metadata::Package;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use spdx::{Expression, ParseMode};

use crate::linked::Linked;
use crate::source::Source;

/// The bill as JSON. It has no serial number, which would differ from build to build.
///
/// # Errors
/// A crate's licence is no expression of SPDX.
pub(crate) fn write(linked: &Linked, source: &Source) -> Result<Vec<u8>> {
    let time = Timestamp::from_second(source.time.try_into()?)?;
    let mut program = component(&linked.program, "application")?;
    let description = linked.program.description.as_deref().unwrap_or_default();
    let description = format!("{description}, revision {}", source.revision);
    program.insert("description".into(), description.into());
    let crates = linked.crates.iter();
    let crates: Vec<_> = crates
        .map(|package| component(package, "library"))
        .collect::<Result<_>>()?;
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": time.to_string(), "component": program},
        "components": crates,
    });
    let mut json = serde_json::to_vec_pretty(&bill)?;
    json.push(b'\n');
    Ok(json)
}

fn component(package: &Package, kind: &str) -> Result<Map<String, Value>> {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let purl = format!("pkg:cargo/{name}@{version}");
    let license = package.license.as_deref();
    let license = license.with_context(|| format!("{name} {version} names no licence"))?;
    // Older crates separate alternatives by a slash.
    let license = license.replace('/', " OR ");
    Expression::parse_mode(&license, ParseMode::STRICT)
        .with_context(|| format!("{name} {version}: the licence is no expression of SPDX"))?;
    let members = [
        ("type", kind.into()),
        ("bom-ref", purl.as_str().into()),
        ("name", name.into()),
        ("version", version.into()),
        ("licenses", json!([{"expression": license}])),
        ("purl", purl.as_str().into()),
    ];
    Ok(members
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::linked::Linked;
    use crate::source::Source;

    #[test]
    fn a_bill_names_each_crate_with_its_licence_and_the_revision() {
        let source = Source {
            revision: "0123abc".into(),
            time: 1_700_000_000,
        };
        let linked = Linked::of("rustformations").unwrap();
        let bill = String::from_utf8(write(&linked, &source).unwrap()).unwrap();
        for part in [
            r#""specVersion": "1.5""#,
            r#""timestamp": "2023-11-14T22:13:20Z""#,
            "pkg:cargo/minijinja@2.12.0",
            r#""expression": "Apache-2.0""#,
            "revision 0123abc",
        ] {
            assert!(bill.contains(part), "{part}: {bill}");
        }
        assert_eq!(
            bill.matches(r#""bom-ref""#).count(),
            linked.crates.len() + 1
        );
    }
}
