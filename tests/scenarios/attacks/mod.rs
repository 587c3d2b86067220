//! Hostile traffic: whatever reaches an upstream is routed on its own body, nobody else notices, and Envoy lives.
//! `docs/attacks.md` lists each attack with the test that plays it.

mod bystanders;
mod expectations;
mod floods;
mod framing;
mod http2;
mod overload;
mod target;
mod upgrades;
mod upstreams;

use crate::stage::{Scenario, scenarios};

use expectations::{clients_that_wait_for_100_continue, clients_that_wait_for_100_of_the_upstream};
use floods::{floods_of_headers_and_trailers, rapid_resets, slow_bodies_by_the_thousand};
use framing::{pipelined_requests_are_routed_each_on_its_own_body, requests_that_hide_another};
use http2::{grpc_messages_are_refused_in_grpc, http2_requests_that_hide_another};
use overload::{overload_frees_what_was_held, overload_refuses_and_ends_what_is_held};
use upgrades::{an_upgrade_has_no_model, an_upgrade_that_is_not_agreed_has_no_body};
use upstreams::{
    a_refused_upgrade_hides_no_request, answers_without_a_body_that_have_one,
    upstreams_that_die_in_each_phase,
};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All requests_that_hide_another,
    All pipelined_requests_are_routed_each_on_its_own_body,
    All http2_requests_that_hide_another,
    All grpc_messages_are_refused_in_grpc,
    All a_refused_upgrade_hides_no_request,
    All an_upgrade_has_no_model,
    All an_upgrade_that_is_not_agreed_has_no_body,
    All clients_that_wait_for_100_continue,
    All clients_that_wait_for_100_of_the_upstream,
    All rapid_resets,
    All floods_of_headers_and_trailers,
    Ends slow_bodies_by_the_thousand,
    All upstreams_that_die_in_each_phase,
    All answers_without_a_body_that_have_one,
    All overload_refuses_and_ends_what_is_held,
    All overload_frees_what_was_held,
];
