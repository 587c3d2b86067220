//! The bill of materials of a program, in CycloneDX: <https://cyclonedx.org/docs/1.5/json/>.

use anyhow::{Context, Result, ensure};
use cargo_metadata::Package;
use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::prelude::{DateTime, NormalizedString, Purl, Validate};
use jiff::Timestamp;

use crate::linked::Linked;
use crate::source::Source;

/// The bill as JSON. It has no serial number, which would differ from build to build.
///
/// # Errors
/// A crate's version or licence cannot be expressed.
pub(crate) fn write(linked: &Linked, source: &Source) -> Result<Vec<u8>> {
    let time = Timestamp::from_second(source.time.try_into()?)?;
    let mut program = component(&linked.program, Classification::Application)?;
    program.description = Some(NormalizedString::new(&format!(
        "{}, revision {}",
        linked.program.description.as_deref().unwrap_or_default(),
        source.revision
    )));
    let crates = linked.crates.iter();
    let crates = crates.map(|package| component(package, Classification::Library));
    let bill = Bom {
        spec_version: SpecVersion::V1_5,
        serial_number: None,
        metadata: Some(Metadata {
            timestamp: Some(DateTime::try_from(time.to_string())?),
            component: Some(program),
            ..Metadata::default()
        }),
        components: Some(Components(crates.collect::<Result<_>>()?)),
        ..Bom::default()
    };
    let checked = bill.validate();
    ensure!(
        checked.passed(),
        "the bill of materials is wrong: {checked:?}"
    );
    let mut json = Vec::new();
    bill.output_as_json_v1_5(&mut json)?;
    json.push(b'\n');
    Ok(json)
}

fn component(package: &Package, kind: Classification) -> Result<Component> {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let purl = Purl::new("cargo", name, &version)?;
    let mut component = Component::new(kind, name, &version, Some(purl.to_string()));
    let license = package.license.as_deref();
    let license = license.with_context(|| format!("{name} {version} names no licence"))?;
    // Older crates separate alternatives by a slash.
    let license = LicenseChoice::expression(&license.replace('/', " OR "));
    component.licenses = Some(Licenses(vec![license]));
    component.purl = Some(purl);
    Ok(component)
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
