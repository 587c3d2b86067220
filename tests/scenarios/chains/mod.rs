//! The filter in chains: beside retries, redirects, mirrors and other filters the client and the upstream see what they
//! see without them.

mod added_trailers;
mod attempts;
mod attempts_together;
pub(crate) mod coding;
mod early;
mod encoded;
mod exchanges;
mod facts;
mod judged;
mod limits;
mod matrix;
mod neighbours;
mod rig;
mod shown_again;
mod together;
mod views;

use crate::stage::{Scenario, scenarios};

use added_trailers::messages_that_end_in_added_trailers;
use attempts::each_attempt_starts_from_the_request;
use attempts_together::each_attempt_is_what_the_whole_chain_makes_of_the_request;
use early::{bodies_over_the_limit_beside_filters_that_hold, messages_that_a_filter_passes_on};
use encoded::encoded_bodies_beside_compressors;
use judged::streamed_requests_that_a_service_judges;
use limits::{
    answers_beside_a_filter_that_bounds_requests, bodies_that_outgrow_the_limit, held_requests,
    held_responses, streamed_requests,
};
use matrix::{exchanges_beside_a_route, exchanges_beside_filters, exchanges_in_a_cluster};
use shown_again::bodies_that_are_shown_again;

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All exchanges_beside_a_route,
    All exchanges_beside_filters,
    All exchanges_in_a_cluster,
    All each_attempt_starts_from_the_request,
    All each_attempt_is_what_the_whole_chain_makes_of_the_request,
    All streamed_requests,
    All held_requests,
    All held_responses,
    All bodies_that_outgrow_the_limit,
    All answers_beside_a_filter_that_bounds_requests,
    All bodies_over_the_limit_beside_filters_that_hold,
    All messages_that_a_filter_passes_on,
    All encoded_bodies_beside_compressors,
    All messages_that_end_in_added_trailers,
    All bodies_that_are_shown_again,
    All streamed_requests_that_a_service_judges,
];
