//! Headers as Envoy's matchers see them.

use cases::Fields;

/// The values of a header. Envoy knows `host` by another name.
pub(super) fn all(fields: &Fields, name: &str) -> Vec<String> {
    let name = if name == "host" { ":authority" } else { name };
    let named = fields.iter().filter(|(other, _)| other == name);
    named
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect()
}

/// The values of a header, joined by commas; `None`: there is none.
pub(super) fn joined(fields: &Fields, name: &str) -> Option<String> {
    let values = all(fields, name);
    (!values.is_empty()).then(|| values.join(","))
}

/// Puts one value in the place of all that a header has.
pub(super) fn set(fields: &mut Fields, name: &str, value: &str) {
    let value = value.as_bytes().to_vec();
    match fields.iter().position(|(other, _)| other == name) {
        None => fields.push((name.to_owned(), value)),
        Some(first) => {
            let mut index = 0;
            fields.retain(|(other, _)| {
                index += 1;
                other != name || index == first + 1
            });
            if let Some((_, there)) = fields.get_mut(first) {
                *there = value;
            }
        }
    }
}
