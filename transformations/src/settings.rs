//! What a process sets for all its configurations.

use std::collections::BTreeSet;

use diagnostics::header;

use crate::glob;

/// What a process sets for all its configurations, because the control plane's schema cannot
/// carry it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Request headers that decide the route: a request transformation that sets one of them makes
    /// the host choose the route again, as if it said `clearRouteCache`.
    pub routing_headers: BTreeSet<String>,
    /// Environment variables that templates may read, as names or globs. `None`: all.
    pub readable_variables: Option<Vec<String>>,
    /// Whether the host tells no booleans, neither as attributes nor of metadata, as Envoy before
    /// 1.37.1: expressions that ask for one are warned of.
    pub lacks_booleans: bool,
    /// Whether the host does not report the name of the cluster, as Envoy before 1.38: expressions that
    /// ask for it are warned of.
    pub lacks_cluster_name: bool,
}

impl Settings {
    /// Reads the two lists as an environment variable holds them: separated by commas.
    ///
    /// `routing_headers` that is absent means none; `readable_variables` that is absent means all,
    /// and one that is empty means none.
    pub fn from_lists(routing_headers: Option<&str>, readable_variables: Option<&str>) -> Self {
        let items = |list: &str| -> Vec<String> {
            let items = list
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            items.map(str::to_owned).collect()
        };
        Self {
            routing_headers: items(routing_headers.unwrap_or_default())
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            readable_variables: readable_variables.map(items),
            lacks_booleans: false,
            lacks_cluster_name: false,
        }
    }

    /// Routing headers that are no header names, and so do nothing.
    pub fn misnamed_headers(&self) -> impl Iterator<Item = &str> {
        let names = self.routing_headers.iter().map(String::as_str);
        names.filter(|name| !header::valid_name(name))
    }

    /// Whether templates may read this environment variable.
    pub(crate) fn readable(&self, variable: &str) -> bool {
        match &self.readable_variables {
            None => true,
            Some(allowed) => allowed
                .iter()
                .any(|pattern| glob::matches(pattern, variable)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas() {
        let settings = Settings::from_lists(Some(" X-Model, ,x-tenant"), Some("POD_*,NODE"));
        assert_eq!(
            settings.routing_headers,
            ["x-model", "x-tenant"].map(str::to_owned).into()
        );
        assert_eq!(settings.misnamed_headers().count(), 0);
        assert!(settings.readable("POD_NAME") && settings.readable("NODE"));
        assert!(!settings.readable("NODE_NAME") && !settings.readable("SECRET"));
        let others = Settings::from_lists(Some(":path,x-a x-b,x;y"), None);
        let misnamed: Vec<_> = others.misnamed_headers().collect();
        assert_eq!(misnamed, ["x-a x-b", "x;y"]);
        assert!(Settings::from_lists(None, None).readable("SECRET"));
        assert!(!Settings::from_lists(None, Some("")).readable("SECRET"));
    }
}
