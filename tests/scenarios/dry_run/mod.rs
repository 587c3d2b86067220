//! What `rustformations eval` shows is what happens: the same exchanges, on a real Envoy and dry.

mod both_ways;
mod chains;
mod rewrites;
mod routes;
mod scalars;
mod stories;

use crate::stage::{Scenario, scenarios};

use chains::eval_plays_the_whole_way;
use rewrites::eval_rewrites_the_path_as_envoy_does;
use routes::eval_chooses_the_route_that_envoy_chooses;
use scalars::{eval_reads_json_called_yaml_as_envoy_does, eval_reads_yaml_as_envoy_does};
use stories::eval_shows_what_the_module_does;

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All eval_shows_what_the_module_does,
    All eval_chooses_the_route_that_envoy_chooses,
    All eval_rewrites_the_path_as_envoy_does,
    All eval_plays_the_whole_way,
    All eval_reads_yaml_as_envoy_does,
    All eval_reads_json_called_yaml_as_envoy_does,
];
