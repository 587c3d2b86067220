//! What an exchange goes through: filters, routes and clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use transformations::{Chain, Engine, Program};

use super::choice::{Choice, NoChoice};
use crate::document::{self, Contents};
use crate::file::File;
use crate::finding::Finding;
use crate::gateway::{Cluster, Gateways, Manager, Slot};
use crate::routes::{Routes, Unplayed};
use crate::text::Text;
use crate::tree;

/// What an exchange goes through.
#[derive(Debug)]
pub struct Course {
    /// What is wrong with the configuration, but no error.
    pub warnings: Vec<Finding>,
    /// The chain that the exchange begins in.
    pub(super) chain: Chain,
    pub(super) filters: Filters,
    /// The filters of clusters, by the name of the cluster.
    pub(super) of_clusters: BTreeMap<String, Filters>,
    pub(super) routes: Option<Arc<Routes>>,
    pub(super) clusters: Arc<BTreeMap<String, Cluster>>,
    pub(super) unplayed: Unplayed,
}

/// A chain of filters.
#[derive(Debug, Default)]
pub(super) struct Filters {
    /// Those that are played, in the order in which a request meets them.
    pub(super) played: Vec<Filter>,
    pub(super) unplayed: Unplayed,
}

/// A filter.
#[derive(Debug)]
pub(super) struct Filter {
    /// What the chain calls it.
    pub(super) instance: String,
    pub(super) place: String,
    pub(super) program: Arc<Program>,
    /// The program that each route has in its place.
    pub(super) of_routes: Vec<Option<Arc<Program>>>,
}

/// The programs of a file, by their places.
type Programs = BTreeMap<String, Arc<Program>>;

impl Course {
    /// Reads the course of a file's connection manager, or of its routes, or of the filter at a place. `name` is what
    /// messages call the file.
    ///
    /// # Errors
    /// See [`NoChoice`].
    pub fn of(engine: &Engine, file: File<'_>, at: Option<&str>) -> Result<Self, NoChoice> {
        let documents = tree::read(&Text::of_file(file)).unwrap_or_default();
        let Gateways {
            mut managers,
            clusters,
        } = Gateways::of(&documents);
        let found = match (managers.as_slice(), at) {
            (several, Some(at)) => several.iter().position(|manager| manager.place == at),
            ([], None) => None,
            ([_], None) => Some(0),
            (several, None) => {
                let places = several.iter().map(|manager| manager.place.as_str());
                let places: Vec<&str> = places.collect();
                let places = places.join("\n  ");
                return Err(NoChoice::Unclear(format!(
                    "{file}: several connection managers; choose one with `--at`:\n  {places}"
                )));
            }
        };
        let Some(found) = found else {
            return Ok(Self::of_choice(Choice::of(engine, file, at)?));
        };
        let warnings = super::choice::sound(engine, file)?;
        let contents = document::contents(file, "rustformation");
        let programs = programs(engine, &contents).map_err(NoChoice::Unclear)?;
        Ok(Self {
            warnings,
            ..Self::of_manager(managers.swap_remove(found), clusters, &programs)
        })
    }

    fn of_choice(choice: Choice) -> Self {
        let filter = Filter {
            instance: String::new(),
            place: choice.place,
            program: choice.program,
            of_routes: Vec::new(),
        };
        Self {
            warnings: choice.warnings,
            chain: choice.chain,
            filters: Filters {
                played: vec![filter],
                unplayed: Unplayed::default(),
            },
            of_clusters: BTreeMap::new(),
            routes: None,
            clusters: Arc::default(),
            unplayed: Unplayed::default(),
        }
    }

    fn of_manager(
        manager: Manager,
        clusters: BTreeMap<String, Cluster>,
        programs: &Programs,
    ) -> Self {
        let routes = manager.routes.as_ref();
        let filters = match &manager.filters {
            Some(slots) => Filters::of(slots, routes, programs),
            None => Filters::of_routes(routes, programs),
        };
        let of_clusters = clusters.values().map(|cluster| {
            let slots = cluster.filters.as_ref().unwrap_or(&manager.of_clusters);
            (cluster.name.clone(), Filters::of(slots, routes, programs))
        });
        Self {
            warnings: Vec::new(),
            chain: Chain::Downstream,
            filters,
            of_clusters: of_clusters.collect(),
            routes: manager.routes.map(Arc::new),
            clusters: Arc::new(clusters),
            unplayed: manager.unplayed,
        }
    }
}

impl Filters {
    fn of(slots: &[Slot], routes: Option<&Routes>, programs: &Programs) -> Self {
        let mut filters = Self::default();
        for slot in slots {
            match programs.get(&slot.place) {
                Some(program) if !slot.disabled => {
                    let program = Arc::clone(program);
                    let filter =
                        Filter::new(&slot.instance, &slot.place, program, routes, programs);
                    filters.played.push(filter);
                }
                Some(_) => {
                    let what = "is disabled in its chain, and is not played";
                    filters.unplayed.note(&slot.instance, what);
                }
                None => filters
                    .unplayed
                    .note(&slot.instance, "is a filter that is not played"),
            }
        }
        filters
    }

    /// The filters that only routes know of.
    fn of_routes(routes: Option<&Routes>, programs: &Programs) -> Self {
        let all = routes
            .map(|routes| routes.all.as_slice())
            .unwrap_or_default();
        let names = all.iter().flat_map(|route| &route.overrides);
        let names = names.filter(|(_, place)| programs.contains_key(*place));
        let names: BTreeSet<&String> = names.map(|(name, _)| name).collect();
        let filter = |name: &String| Filter::new(name, "", Arc::default(), routes, programs);
        Self {
            played: names.into_iter().map(filter).collect(),
            unplayed: Unplayed::default(),
        }
    }
}

impl Filter {
    fn new(
        instance: &str,
        place: &str,
        program: Arc<Program>,
        routes: Option<&Routes>,
        programs: &Programs,
    ) -> Self {
        let all = routes
            .map(|routes| routes.all.as_slice())
            .unwrap_or_default();
        let of_route = |route: &crate::routes::Route| {
            let place = route.overrides.get(instance)?;
            programs.get(place).cloned()
        };
        Self {
            instance: instance.to_owned(),
            place: place.to_owned(),
            program,
            of_routes: all.iter().map(of_route).collect(),
        }
    }
}

/// Loads every filter but `http-acl`, which is not played.
fn programs(engine: &Engine, contents: &Contents) -> Result<Programs, String> {
    let played = contents.filters.iter();
    let played = played.filter(|filter| filter.name != "http-acl");
    let load = |filter: &document::Filter| match engine.load(filter.config.as_bytes()) {
        Ok(loaded) => Ok((filter.place.clone(), Arc::new(loaded.program))),
        Err(errors) => Err(errors.to_string()),
    };
    played.map(load).collect()
}
