//! What a request asks a mock LLM for.

use serde_json::Value;

use crate::upstream::RecordedRequest;

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) model: Value,
    /// What the answer says.
    pub(super) content: String,
}

impl Asked {
    pub(super) fn of(name: &str, request: &RecordedRequest) -> Self {
        // A body that is no JSON object asks for no model.
        let body = request.json().unwrap_or_default();
        let path = request.path.split('?').next().unwrap_or_default();
        let model = body.get("model").cloned();
        let model = model
            .or_else(|| in_path(path).map(Value::String))
            .or_else(|| in_part(&request.text()).map(Value::String))
            .unwrap_or_default();
        Self {
            name: name.to_owned(),
            method: request.method.clone(),
            path: path.to_owned(),
            content: format!("{name} was asked for model {model}"),
            body,
            model,
        }
    }

    /// Whether this member of the body is `true`; `default` without it.
    pub(super) fn flag(&self, pointer: &str, default: bool) -> bool {
        let flag = self.body.pointer(pointer);
        flag.map_or(default, |flag| *flag == Value::Bool(true))
    }

    /// What Gemini's paths have behind the model, such as `generateContent`.
    pub(super) fn verb(&self) -> Option<&str> {
        let (_, last) = self.path.rsplit_once("/models/")?;
        // Others have names with a colon in such a place.
        if self.method != "POST" {
            return None;
        }
        last.split_once(':').map(|(_, verb)| verb)
    }

    pub(super) fn is_busy(&self) -> bool {
        let model = self.model.as_str();
        model.is_some_and(|model| model.ends_with("-busy"))
    }

    /// The answer's text in two pieces, as a stream has it.
    pub(super) fn pieces(&self) -> [&str; 2] {
        self.content
            .split_at_checked(self.content.len() / 2)
            .unwrap_or((&self.content, ""))
            .into()
    }
}

/// The model that a path names: the segment behind one of these.
fn in_path(path: &str) -> Option<String> {
    let mut segments = path.split('/');
    segments.find(|segment| ["model", "models", "deployments"].contains(segment))?;
    let model = segments.next()?.split(':').next()?;
    Some(model.replace("%3A", ":"))
}

/// The part `model` of a form.
fn in_part(body: &str) -> Option<String> {
    let (_, part) = body.split_once("name=\"model\"\r\n")?;
    let (_, value) = part.split_once("\r\n")?;
    value.lines().next().map(ToOwned::to_owned)
}
