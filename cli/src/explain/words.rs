//! A configuration in words.

use transformations::config::{
    Body, BodyMode, Config, Edit, Extract, HeaderTemplate, OnFailure, ParseAs, Reject, Source,
    Transformation,
};
use transformations::{BodyPlan, Direction, HELD_BYTES, Program};

/// What is done to requests.
pub(super) fn request(config: &Config, program: &Program) -> Vec<String> {
    let Some(pass) = &config.request else {
        return vec!["pass unchanged".to_owned()];
    };
    let sets_headers = pass
        .extract
        .iter()
        .any(|field| field.header.is_some() || field.lookup.is_some());
    let chosen_again = pass.clear_route_cache.unwrap_or(sets_headers);
    let most = config.limits.max_held_bytes;
    let limit = most.map_or("Envoy's buffer limit".to_owned(), |most| {
        format!("{most} bytes")
    });
    let over = format!("one over {limit} is answered with 413");
    let body = match program.body_plan(Direction::Request) {
        BodyPlan::Passes | BodyPlan::Read => "the body passes unread".to_owned(),
        BodyPlan::Edited if chosen_again => {
            format!("the body is held to its end to be edited; {over}")
        }
        BodyPlan::Edited => format!(
            "the body is held to its end to be edited; {over}; JSON Lines are edited line by line as they pass"
        ),
        BodyPlan::HeldUntilKnown => format!(
            "the body is held until the fields are known, at most {} bytes, and goes on from there",
            most.unwrap_or(HELD_BYTES)
        ),
        BodyPlan::Held => format!("the body is held to its end; {over}"),
    };
    let mut lines = pass_of(pass, Direction::Request, body);
    if chosen_again {
        lines.push("Envoy chooses the route again".to_owned());
    }
    lines
}

/// What is done to responses.
pub(super) fn response(config: &Config, program: &Program) -> Vec<String> {
    let Some(pass) = &config.response else {
        return vec!["pass unchanged".to_owned()];
    };
    let body = match program.body_plan(Direction::Response) {
        BodyPlan::Passes => "the body passes unread",
        BodyPlan::Read => "the body is read as it passes, and nothing is held",
        BodyPlan::Edited if pass.patch.is_empty() => {
            "nothing is held but each event or JSON Line, until it is whole"
        }
        BodyPlan::Edited => {
            "JSON is held to its end, if it can be edited; events and JSON Lines are edited one by one as they pass"
        }
        BodyPlan::Held | BodyPlan::HeldUntilKnown => {
            "the body is held to its end, a stream of events too"
        }
    };
    pass_of(pass, Direction::Response, body.to_owned())
}

/// What concerns both directions.
pub(super) fn always(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if config.metrics.is_some() {
        lines.push("requests, tokens and times are counted: see docs/metrics.md".to_owned());
    }
    if let Some(most) = config.limits.max_held_bytes {
        lines.push(format!("at most {most} bytes of a message are held"));
    }
    lines
}

/// Where the module does what kgateway's does not, or otherwise.
pub(super) fn differences(config: &Config, program: &Program) -> Vec<String> {
    let passes = [
        ("request", &config.request, Direction::Request),
        ("response", &config.response, Direction::Response),
    ];
    let mut own = Vec::new();
    for (name, pass, _) in passes {
        let Some(pass) = pass else { continue };
        let expression = |header: &HeaderTemplate| header.cel.is_some();
        let body = pass.body.as_ref();
        let keys = [
            ("when", pass.when.is_some()),
            ("onFailure", pass.on_failure.is_some()),
            ("extract", !pass.extract.is_empty()),
            ("reject", !pass.reject.is_empty()),
            ("bodyMode", pass.body_mode.is_some()),
            ("clearRouteCache", pass.clear_route_cache.is_some()),
            ("patch", !pass.patch.is_empty()),
            ("dropEvents", !pass.drop_events.is_empty()),
            ("set[].cel", pass.set.iter().any(expression)),
            ("add[].cel", pass.add.iter().any(expression)),
            ("body.cel", body.is_some_and(|body| body.cel.is_some())),
        ];
        own.extend(
            keys.iter()
                .filter(|(_, is)| *is)
                .map(|(key, _)| format!("{name}.{key}")),
        );
    }
    let mut lines = Vec::new();
    if !own.is_empty() {
        lines.push(format!("it ignores `{}`", own.join("`, `")));
    }
    for (name, pass, direction) in passes {
        let Some(pass) = pass else { continue };
        let plan = program.body_plan(direction);
        let is_held = !matches!(plan, BodyPlan::Passes | BodyPlan::Read);
        let templates = !pass.set.is_empty() || !pass.add.is_empty() || !pass.remove.is_empty();
        let parse_as = pass
            .body
            .as_ref()
            .map_or(ParseAs::AsString, |body| body.parse_as);
        if templates && !is_held {
            lines.push(format!(
                "it holds the whole body of each {name} even to edit headers; this module does not"
            ));
        } else if parse_as == ParseAs::AsJson {
            lines.push(format!("a {name} whose body is no JSON is answered there and here; `onFailure: continue` lets it pass here"));
        }
    }
    lines
}

fn pass_of(pass: &Transformation, direction: Direction, body: String) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(
        pass.when
            .as_ref()
            .map(|when| format!("only where `{when}` holds")),
    );
    lines.push(body);
    lines.extend(pass.extract.iter().map(|field| extracted(field, direction)));
    lines.extend(pass.reject.iter().map(rejected));
    lines.extend(pass.body.as_ref().and_then(replaced));
    lines.extend(pass.patch.iter().map(patched));
    let drops = pass.drop_events.iter();
    lines.extend(drops.map(|when| format!("an event is left out where `{when}` holds")));
    let headers = |verb: &str, headers: &[HeaderTemplate]| -> Vec<String> {
        headers
            .iter()
            .map(|header| {
                format!(
                    "{verb} the header `{}`: {}",
                    header.name,
                    made(&header.value, header.cel.as_deref())
                )
            })
            .collect()
    };
    lines.extend(headers("sets", &pass.set));
    lines.extend(headers("adds", &pass.add));
    lines.extend(
        pass.remove
            .iter()
            .map(|name| format!("removes the header `{name}`")),
    );
    let metadata = pass.dynamic_metadata.iter();
    lines.extend(
        metadata.map(|entry| format!("sets the metadata `{}` / `{}`", entry.namespace, entry.key)),
    );
    if pass.body_mode == Some(BodyMode::Buffered) && direction == Direction::Response {
        lines.push("the fields are known before the headers go on".to_owned());
    }
    lines.extend(match pass.on_failure {
        None => None,
        Some(OnFailure::Continue) => {
            Some("what fails is left out, and the message goes on".to_owned())
        }
        Some(OnFailure::Reject) => Some("a message of which anything fails is answered".to_owned()),
    });
    lines
}

fn extracted(field: &Extract, direction: Direction) -> String {
    let sources: Vec<String> = field.from.iter().map(Source::to_string).collect();
    let name = field.name.as_ref().or(field.header.as_ref());
    let name = name.map_or(String::new(), |name| format!("`{name}` in "));
    let mut line = format!("finds {name}`{}`", sources.join("`, else in `"));
    if let Some(header) = &field.header {
        line += &format!(" and puts it in the header `{header}`");
        if direction == Direction::Request {
            line += ", without any value that the client sent";
        }
    }
    if let Some(lookup) = &field.lookup {
        line += &format!(
            "; the header `{}` gets what the table has for it",
            lookup.header
        );
    }
    if let Some(target) = &field.metadata {
        line += &format!("; metadata `{}` / `{}`", target.namespace, target.key);
    }
    if !field.aliases.is_empty() {
        line += &format!("; aliases: {}", field.aliases.len());
    }
    line += &match (&field.default, field.on_missing) {
        (Some(default), _) => format!("; if missing, it is `{default}`"),
        (None, OnFailure::Reject) => "; if missing, the message is answered".to_owned(),
        (None, OnFailure::Continue) => "; if missing, the message goes on without it".to_owned(),
    };
    line
}

fn rejected(rule: &Reject) -> String {
    let status = rule
        .status
        .map_or("an error".to_owned(), |status| status.to_string());
    format!("answers with {status} where `{}` holds", rule.when)
}

fn replaced(body: &Body) -> Option<String> {
    let made = match (&body.cel, body.value.as_str()) {
        (Some(cel), _) => format!("replaces the body by `{cel}`"),
        (None, "") => {
            return (body.parse_as == ParseAs::AsJson).then(|| "reads the body as JSON".to_owned());
        }
        (None, _) => "replaces the body by what a template makes".to_owned(),
    };
    Some(made)
}

fn patched(edit: &Edit) -> String {
    let places = [
        ("sets", &edit.set),
        ("replaces", &edit.replace),
        ("gives a default to", &edit.default),
        ("inserts at", &edit.insert),
        ("removes", &edit.remove),
    ];
    let found = places
        .into_iter()
        .find_map(|(verb, place)| Some((verb, place.as_ref()?)));
    let (verb, place) = found.map_or(("edits", ""), |(verb, place)| (verb, place.as_str()));
    let when = edit
        .when
        .as_ref()
        .map(|when| format!(" where `{when}` holds"));
    format!("{verb} `{place}` in the body{}", when.unwrap_or_default())
}

fn made(template: &str, cel: Option<&str>) -> String {
    match cel {
        Some(cel) => format!("`{cel}`"),
        None => format!("`{template}`"),
    }
}
