//! The configurations that the repository has.

use std::path::{Path, PathBuf};
use std::{fs, io};

use acl::Acl;
use reference::Filter;
use serde_json::Value;
use transformations::{ConfigErrors, Diagnostic, Engine, Settings};

/// A configuration of a filter, and what the module reports of it.
pub(crate) struct Document {
    /// Where it is from.
    pub(crate) place: String,
    pub(crate) filter: Filter,
    /// `None`: the text is no JSON.
    pub(crate) config: Option<Value>,
    pub(crate) loaded: Result<Vec<Diagnostic>, ConfigErrors>,
}

impl Document {
    pub(crate) fn new(place: String, filter: Filter, text: &str, settings: Settings) -> Self {
        let loaded = match filter {
            Filter::Transformations => Engine::new(settings)
                .load(text.as_bytes())
                .map(|loaded| loaded.warnings),
            Filter::Acl => Acl::load(text.as_bytes()).map(|loaded| loaded.warnings),
        };
        Self {
            place,
            filter,
            config: serde_json::from_str(text).ok(),
            loaded,
        }
    }

    /// Everything that is reported of it.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        match &self.loaded {
            Ok(warnings) => warnings,
            Err(ConfigErrors(all)) => all,
        }
    }
}

/// The configurations of the engine's cases, and of the cookbook.
pub(crate) fn cases() -> Vec<Document> {
    let mut found = Vec::new();
    let behaviour = yaml_files("cases/behaviour");
    for path in behaviour.into_iter().chain(yaml_files("cookbook")) {
        for placed in cases::read::file(&path).unwrap() {
            let case = placed.case;
            let filter = match case.filter {
                cases::Filter::HttpAcl => Filter::Acl,
                _ => Filter::Transformations,
            };
            let routing = case.settings.routing_headers.as_deref();
            let readable = case.settings.readable_variables.as_deref();
            let settings = Settings::from_lists(routing, readable);
            let place = format!("{}:{}", path.display(), placed.line);
            found.push(Document::new(place, filter, case.config_text(), settings));
        }
    }
    found
}

/// The configurations in the complete files for Envoy.
pub(crate) fn of_envoy() -> Vec<Document> {
    let mut found = Vec::new();
    for path in yaml_files("envoy-configs") {
        let whole: Value = yaml(&fs::read_to_string(&path).unwrap());
        collect(&path.display().to_string(), &whole, &mut found);
    }
    found
}

pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    files(&artifacts::workspace().join(folder), &[".yaml"]).unwrap()
}

/// The files with one of these ends of their names, below a folder, but not what is built.
pub(crate) fn files(folder: &Path, ends: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                found.extend(files(&path, ends)?);
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Each `filter_config` of our filters in an Envoy configuration.
fn collect(place: &str, part: &Value, found: &mut Vec<Document>) {
    if let Some(config) = part.get("filter_config") {
        let of_route = part.get("per_route_config_name");
        let name = part.get("filter_name").or(of_route);
        let filter = match name.and_then(Value::as_str) {
            Some("rustformation" | "http_simple_mutations") => Some(Filter::Transformations),
            Some("http-acl") => Some(Filter::Acl),
            _ => None,
        };
        if let Some(filter) = filter {
            let text = match config.get("value") {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => "{}".to_owned(),
            };
            let settings = Settings::default();
            found.push(Document::new(place.to_owned(), filter, &text, settings));
        }
        return;
    }
    match part {
        Value::Object(members) => {
            for (name, value) in members {
                collect(&format!("{place} {name}"), value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(place, item, found);
            }
        }
        _ => {}
    }
}
