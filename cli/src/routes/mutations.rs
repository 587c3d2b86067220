//! What a route does to the headers of a message.

use cases::Fields;

use super::headers;
use super::unplayed::Unplayed;
use crate::placed::Placed;

/// Headers to remove and to add, in the order of their levels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mutations(Vec<Level>);

/// What one level does: it removes before it adds.
#[derive(Clone, Debug)]
struct Level {
    removed: Vec<String>,
    added: Vec<Added>,
}

#[derive(Clone, Debug)]
struct Added {
    name: String,
    value: String,
    action: AppendAction,
}

#[derive(Clone, Copy, Debug)]
enum AppendAction {
    AppendIfExistsOrAdd,
    AddIfAbsent,
    OverwriteIfExistsOrAdd,
    OverwriteIfExists,
}

impl Mutations {
    /// Adds the level of a part; `side` is `request` or `response`.
    pub(super) fn read(&mut self, part: &Placed<'_>, side: &str, unplayed: &mut Unplayed) {
        let removed = part.list(&format!("{side}_headers_to_remove"));
        let removed = removed.iter().filter_map(|name| name.node.text());
        let added = part.list(&format!("{side}_headers_to_add"));
        self.0.push(Level {
            removed: removed.map(str::to_ascii_lowercase).collect(),
            added: added
                .iter()
                .filter_map(|option| added_header(option, unplayed))
                .collect(),
        });
    }

    /// The same with the last level first.
    pub(super) fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }

    /// Does it.
    pub(crate) fn apply(&self, fields: &mut Fields) {
        for level in &self.0 {
            fields.retain(|(name, _)| !level.removed.contains(name));
            for added in &level.added {
                let there = fields.iter().any(|(name, _)| *name == added.name);
                match (added.action, there) {
                    (AppendAction::AddIfAbsent, true)
                    | (AppendAction::OverwriteIfExists, false) => {}
                    (AppendAction::AppendIfExistsOrAdd, _) => {
                        fields.push((added.name.clone(), added.value.as_bytes().to_vec()));
                    }
                    _ => headers::set(fields, &added.name, &added.value),
                }
            }
        }
    }
}

fn added_header(option: &Placed<'_>, unplayed: &mut Unplayed) -> Option<Added> {
    let header = option.get("header")?;
    let name = header.text("key")?.to_ascii_lowercase();
    let Some(value) = literal(header.text("value").unwrap_or_default()) else {
        unplayed.note(&header.place, "is not played: its value is of the request");
        return None;
    };
    if value.is_empty() && !option.flag("keep_empty_value") {
        return None;
    }
    let appends = option.get("append").map(|flag| flag.node.value() == true);
    let action = match (option.text("append_action"), appends) {
        (Some("ADD_IF_ABSENT"), _) => AppendAction::AddIfAbsent,
        (Some("OVERWRITE_IF_EXISTS_OR_ADD"), _) | (None, Some(false)) => {
            AppendAction::OverwriteIfExistsOrAdd
        }
        (Some("OVERWRITE_IF_EXISTS"), _) => AppendAction::OverwriteIfExists,
        _ => AppendAction::AppendIfExistsOrAdd,
    };
    Some(Added {
        name,
        value,
        action,
    })
}

/// A value that is the same for every request; `None`: it is not.
fn literal(format: &str) -> Option<String> {
    let parts: Vec<&str> = format.split("%%").collect();
    let plain = !parts.iter().any(|part| part.contains('%'));
    plain.then(|| parts.join("%"))
}
