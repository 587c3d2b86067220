//! In which release each key came.

use serde_json::Value;

use crate::keys::{Key, keys_of};
use crate::schema::Filter;

/// The schemas of the releases, oldest first: a version of `CHANGELOG.md`, a filter, and the schema as
/// `docs/schema/` had it then. A release adds its own: copy them to `reference/releases/VERSION/`.
pub const RELEASES: &[(&str, Filter, &str)] = &[];

/// What a key that no release has is called, as in `CHANGELOG.md`.
const UNRELEASED: &str = "unreleased";

/// The first release that has this key of this filter.
pub(crate) fn since(filter: Filter, key: &Key) -> &'static str {
    let mut releases = RELEASES.iter();
    let first = releases.find(|(_, of, schema)| {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        *of == filter
            && keys_of(&schema)
                .iter()
                .any(|known| known.paths.contains(&key.path().to_owned()))
    });
    first.map_or(UNRELEASED, |(version, _, _)| version)
}
