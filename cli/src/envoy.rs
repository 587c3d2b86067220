//! The part of an Envoy configuration around our filters, and the mistakes that are made in it.

use std::ops::Range;
use std::rc::Rc;

use transformations::{Code, Diagnostic};

use crate::document::{Contents, FILTERS, Filter, MODULE, Owner, unwrapped};
use crate::neighbour;
use crate::text::Text;
use crate::tree::{Entry, Node};

const LISTENERS: &str = "dynamic_modules.v3.DynamicModuleFilter";
const ROUTES: &str = "dynamic_modules.v3.DynamicModuleFilterPerRoute";
const TYPE_URL: &str = "type.googleapis.com/envoy.extensions.filters.http.";
const MANAGER: &str = "http_connection_manager.v3.HttpConnectionManager";
/// The key and the type below which the filters of a cluster stand.
const UPSTREAM_KEY: &str = "upstream_http_filters";
const UPSTREAM_TYPE: &str = "upstreams.http.v3.HttpProtocolOptions";
const PER_ROUTE: &str = "typed_per_filter_config";
/// What a composite and a match delegate are, in a chain and on a route.
const CHOOSING: [&str; 2] = ["ExtensionWithMatcher", "ExtensionWithMatcherPerRoute"];
/// Filters that end a chain.
const TERMINAL: [&str; 2] = ["router.v3.Router", "upstream_codec.v3.UpstreamCodec"];

/// What stands around a part of an Envoy configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Around {
    place: String,
    owner: Option<Owner>,
    instance: String,
    instance_at: Range<usize>,
    /// Whether the filter of that name chooses among those within it: routes know them all by its name.
    chooses: bool,
}

impl Around {
    /// What stands around the whole of a text that is at this place of a file.
    pub(crate) fn at(place: &str) -> Self {
        Self {
            place: place.to_owned(),
            ..Self::default()
        }
    }

    /// What stands around the fields of this mapping.
    fn within(mut self, node: &Node) -> Self {
        let type_url = node.get("@type").and_then(Node::text);
        let is = |name: &str| type_url.is_some_and(|type_url| type_url.ends_with(name));
        if is(MANAGER) {
            self.owner = Some(Owner::Listener);
        } else if is(UPSTREAM_TYPE) {
            self.owner = Some(Owner::Cluster);
        }
        self.chooses |= CHOOSING.iter().any(|name| is(name));
        let name = node.get("typed_config").and(node.get("name"));
        if let Some((node, name)) = name.and_then(|node| Some((node, node.text()?)))
            && !self.chooses
        {
            self.instance = name.to_owned();
            self.instance_at = node.at.clone();
        }
        self
    }

    /// What stands around the value of this key.
    fn below(&self, entry: &Entry) -> Self {
        let mut below = self.clone();
        if !below.place.is_empty() {
            below.place.push('.');
        }
        below.place.push_str(&entry.key);
        below
    }
}

/// Whether an entry has this key, in either spelling.
fn is_called(entry: &Entry, name: &str) -> bool {
    entry.key == name || entry.key.to_ascii_lowercase() == name.replace('_', "")
}

/// Finds every filter of the module in a part of an Envoy configuration.
pub(crate) fn collect(text: &Rc<Text>, node: &Node, around: Around, contents: &mut Contents) {
    let around = around.within(node);
    if let Some(filter) = filter(text, node, &around, contents) {
        contents.filters.push(filter);
        return;
    }
    for entry in node.entries() {
        let mut below = around.below(entry);
        if is_called(entry, UPSTREAM_KEY) {
            below.owner = Some(Owner::Cluster);
        }
        if is_called(entry, PER_ROUTE) {
            for route in entry.value.entries() {
                let mut below = below.below(route);
                below.owner = Some(Owner::Route);
                below.instance.clone_from(&route.key);
                below.instance_at = route.key_at.clone();
                collect(text, &route.value, below, contents);
            }
            continue;
        }
        if is_called(entry, "http_filters") || is_called(entry, UPSTREAM_KEY) {
            check_order(text, &entry.value, &below.place, contents);
            let found = neighbour::of_chain(&entry.value, &below.place);
            contents.neighbours.extend(found);
        }
        collect(text, &entry.value, below, contents);
    }
    for (index, item) in node.items().iter().enumerate() {
        let mut below = around.clone();
        below.place.push_str(&format!("[{index}]"));
        collect(text, item, below, contents);
    }
}

/// The filter that this mapping configures, if it is one of the module's.
fn filter(
    text: &Rc<Text>,
    node: &Node,
    around: &Around,
    contents: &mut Contents,
) -> Option<Filter> {
    let type_url = node.get("@type").and_then(Node::text);
    // Istio's way to write any type.
    let typed = type_url.is_some_and(|name| name.ends_with("TypedStruct"));
    let type_url = match typed {
        true => node.get("type_url").and_then(Node::text),
        false => type_url,
    };
    let fields = node.get("value").filter(|_| typed).unwrap_or(node);
    let is_route = around.owner == Some(Owner::Route);
    let module = fields.get("dynamic_module_config")?;
    let of_routes = match type_url {
        Some(name) if name.ends_with(LISTENERS) => false,
        Some(name) if name.ends_with(ROUTES) => true,
        Some(_) => return None,
        None => is_route,
    };
    let place = around.place.as_str();
    let named = |key| fields.get(key).and_then(Node::text);
    let name = match of_routes {
        // Envoy 1.38 and later know `filter_name` too.
        true => named("filter_name").or(named("per_route_config_name")),
        false => named("filter_name"),
    };
    let name = name.unwrap_or_default();
    if !is_ours(text, module, name, place, contents) {
        return None;
    }
    let key = |node: &Node| match node.entries().first() {
        Some(first) => first.key_at.clone(),
        None => node.at.clone(),
    };
    let expected = if is_route || of_routes {
        ROUTES
    } else {
        LISTENERS
    };
    if type_url.is_none() {
        let error = Diagnostic::error(
            Code::Schema,
            "",
            "there is no `@type`, so Envoy does not know what this is",
        );
        let help = format!("add `\"@type\": {TYPE_URL}{expected}`");
        contents.report(text, &key(fields), place, error.help(help));
    } else if is_route && !of_routes {
        let message = "this is the type of a listener's filter, which Envoy refuses on a route";
        let error = Diagnostic::error(Code::Schema, "", message);
        let error = error.help(format!("write `\"@type\": {TYPE_URL}{ROUTES}`"));
        contents.report(text, &key(node), place, error);
    }
    // The name of a filter of the wrong type is no use.
    if !is_route || of_routes {
        check_name(text, fields, name, of_routes, place, contents);
    }
    let config = fields.get("filter_config");
    if is_route || of_routes {
        check_emptiness(text, config, place, contents);
    }
    let (config, source) = unwrapped(text, config, fields, place, contents);
    Some(Filter {
        place: place.to_owned(),
        name: name.to_owned(),
        config,
        owner: around.owner,
        instance: around.instance.clone(),
        instance_at: around.instance_at.clone(),
        source,
    })
}

/// Reports a route's configuration that says nothing, as some releases do not hand it over.
fn check_emptiness(text: &Text, config: Option<&Node>, place: &str, contents: &mut Contents) {
    let is_struct = |node: &&Node| {
        let type_url = node.get("@type").and_then(Node::text);
        type_url.is_some_and(|name| name.ends_with("google.protobuf.Struct"))
    };
    let value = config
        .filter(is_struct)
        .and_then(|config| config.entry("value"));
    let Some(entry) = value.filter(|entry| entry.value.value() == serde_json::json!({})) else {
        return;
    };
    let message =
        "before Envoy 1.39, an empty Struct of a route arrives as nothing, which is refused";
    let warning = Diagnostic::warning(Code::Conflict, "", message);
    let help =
        "write `\"@type\": type.googleapis.com/google.protobuf.StringValue` and `value: '{}'`";
    contents.report(text, &entry.key_at, place, warning.help(help));
}

/// Whether a `dynamic_module_config` loads the module; reports what is wrong with it.
fn is_ours(text: &Text, module: &Node, filter: &str, place: &str, contents: &mut Contents) -> bool {
    let of_ours = FILTERS.contains(&filter);
    let name = module.get("name");
    match (name.and_then(Node::text), name) {
        (Some(MODULE), _) => {}
        // A file or an address in place of a name.
        (None, _) if of_ours && module.get("module").is_some() => {}
        (Some(other), Some(node)) if of_ours => {
            let file = other.strip_prefix("lib").unwrap_or(other);
            let file = file.strip_suffix(".so").unwrap_or(file);
            if transformations::closest(file, [MODULE]).is_none() {
                return false;
            }
            let message = format!("Envoy finds no module `{other}`: it looks for `lib{other}.so`");
            let error = Diagnostic::error(Code::UnknownName, "", message);
            let error = error.help(format!("write `name: {MODULE}`"));
            contents.report(text, &node.at, place, error);
        }
        _ => return false,
    }
    if module
        .get("do_not_close")
        .is_none_or(|value| value.value() != true)
    {
        let message = "Envoy can unload the module while a request still needs it";
        let warning = Diagnostic::warning(Code::Conflict, "", message);
        let at = match module.entries().first() {
            Some(first) => first.key_at.clone(),
            None => module.at.clone(),
        };
        let warning = warning.help("add `do_not_close: true` to `dynamic_module_config`");
        contents.report(text, &at, place, warning);
    }
    true
}

/// Reports a filter that the module does not have.
fn check_name(
    text: &Text,
    fields: &Node,
    name: &str,
    of_routes: bool,
    place: &str,
    contents: &mut Contents,
) {
    if FILTERS.contains(&name) {
        return;
    }
    let key = if of_routes {
        "per_route_config_name"
    } else {
        "filter_name"
    };
    let entry = fields.entry("filter_name").or(fields.entry(key));
    let error = match entry {
        Some(_) => Diagnostic::error(Code::UnknownName, "", format!("unknown filter `{name}`"))
            .help(format!("write one of `{}`", FILTERS.join("`, `")))
            .suggest(name, FILTERS),
        None => Diagnostic::error(Code::Schema, "", format!("missing key `{key}`")).help(
            match of_routes {
                true => format!(
                    "add `{key}: rustformation`; from Envoy 1.38 on, `filter_name` does too"
                ),
                false => format!("add `{key}: rustformation`"),
            },
        ),
    };
    let at = match (entry, fields.entries().first()) {
        (Some(entry), _) => entry.value.at.clone(),
        (None, Some(first)) => first.key_at.clone(),
        (None, None) => fields.at.clone(),
    };
    contents.report(text, &at, place, error);
}

/// Reports filters of the module behind the one that ends the chain.
fn check_order(text: &Text, chain: &Node, place: &str, contents: &mut Contents) {
    let type_of = |filter: &Node| {
        let config = filter.get("typed_config")?;
        config.get("@type")?.text().map(str::to_owned)
    };
    let ends = |filter: &Node| {
        type_of(filter).is_some_and(|name| TERMINAL.iter().any(|end| name.ends_with(end)))
    };
    let Some(end) = chain.items().iter().position(ends) else {
        return;
    };
    for (index, filter) in chain.items().iter().enumerate().skip(end + 1) {
        if type_of(filter).is_some_and(|name| name.ends_with(LISTENERS)) {
            let message = "this filter is after the router, which has to be the last: Envoy refuses the chain";
            let error = Diagnostic::error(Code::Conflict, "", message);
            let at = match filter.entry("name") {
                Some(name) => &name.value.at,
                None => &filter.at,
            };
            let place = format!("{place}[{index}]");
            contents.report(text, at, &place, error.help("move it before the router"));
        }
    }
}

/// Reports configurations of routes that no filter of the file has the name of.
pub(crate) fn check_names(text: &Text, contents: &mut Contents) {
    let chains = contents.filters.iter();
    let chains = chains.filter(|filter| filter.owner != Some(Owner::Route));
    let mut known: Vec<String> = chains.map(|filter| filter.instance.clone()).collect();
    known.retain(|name| !name.is_empty());
    if known.is_empty() {
        return;
    }
    check_kinds(text, contents);
    let routes = contents.filters.iter();
    let lost: Vec<_> = routes
        .filter(|filter| filter.owner == Some(Owner::Route) && !known.contains(&filter.instance))
        .map(|filter| {
            (
                filter.place.clone(),
                filter.instance.clone(),
                filter.instance_at.clone(),
            )
        })
        .collect();
    for (place, name, at) in lost {
        let message =
            format!("no filter in `http_filters` is named `{name}`, so Envoy ignores this");
        let help = format!("write `{}`, the filter's `name`", known.join("` or `"));
        let warning = Diagnostic::warning(Code::UnknownName, "", message).help(help);
        contents.report(text, &at, &place, warning);
    }
}

/// Reports configurations of routes that are for another filter than the one of their name.
fn check_kinds(text: &Text, contents: &mut Contents) {
    let kind = |filter: &Filter| match filter.name.as_str() {
        // The other name of the same filter.
        "http_simple_mutations" => "rustformation".to_owned(),
        name => name.to_owned(),
    };
    let is_known = |filter: &&Filter| FILTERS.contains(&filter.name.as_str());
    let (routes, chains): (Vec<&Filter>, Vec<&Filter>) = contents
        .filters
        .iter()
        .filter(is_known)
        .partition(|filter| filter.owner == Some(Owner::Route));
    let mut wrong = Vec::new();
    for route in routes {
        let mut named = chains
            .iter()
            .filter(|filter| filter.instance == route.instance);
        let Some(first) = named.next() else {
            continue;
        };
        let fits = |filter: &Filter| kind(filter) == kind(route);
        if fits(first) || named.any(|filter| fits(filter)) {
            continue;
        }
        let message = format!(
            "the filter `{}` is `{}`, and cannot read a configuration of `{}`: every request is answered 500",
            route.instance, first.name, route.name
        );
        let help = format!("write `per_route_config_name: {}`", first.name);
        let error = Diagnostic::error(Code::Conflict, "", message).help(help);
        wrong.push((route.place.clone(), route.instance_at.clone(), error));
    }
    for (place, at, error) in wrong {
        contents.report(text, &at, &place, error);
    }
}
