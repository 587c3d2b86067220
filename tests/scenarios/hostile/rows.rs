//! What was once the end of Envoy, each by its name.

use anyhow::Result;

use super::cases::{Case, ROUTES, Route};
use super::{products, run};
use crate::stage::Stage;

/// Where a cluster's filter sees a request.
const ATTEMPTS: &[Route] = &[Route::Mirror, Route::Cluster, Route::Retried];

/// Asked for where the request has no downstream connection. Without the check, 18 of 92 exchanges end 1.38.
pub(crate) async fn attributes_without_a_connection(stage: &Stage) -> Result<()> {
    let scripts = [
        "request_headers=attributes",
        "request_headers=attributes,stop_all_and_buffer,schedule;scheduled=attributes,continue_request",
        "request_headers=schedule,stop;scheduled=attributes,continue_request",
        "response_headers=attributes;response_trailers=attributes",
    ];
    play(stage, "attributes", ATTEMPTS, &scripts).await
}

/// Where the router has chosen already. Without the check, 40 and more of 115 exchanges end 1.38.
pub(crate) async fn the_route_chosen_again_in_a_cluster(stage: &Stage) -> Result<()> {
    let scripts = [
        "request_headers=clear_route",
        "request_headers=clear_cluster,path_other,clear_route",
        "request_body=clear_route;request_trailers=clear_cluster",
        "request_headers=schedule,stop;scheduled=path_other,clear_route,clear_cluster,continue_request",
        "response_headers=schedule,stop;scheduled=clear_route,clear_cluster,continue_response",
    ];
    play(stage, "routes", ATTEMPTS, &scripts).await
}

/// When the headers and the body have gone on. With "continue" after the answer, 23 of 161 exchanges end 1.38 or hang.
pub(crate) async fn an_answer_in_response_trailers(stage: &Stage) -> Result<()> {
    let scripts = [
        "response_trailers=reply",
        "response_trailers=reset",
        "response_trailers=panic",
        "response_headers=stop;response_trailers=reply",
        "response_headers=stop;response_body=stop_and_buffer;response_trailers=reset",
        "response_trailers=schedule,stop;scheduled=reply",
        "response_trailers=schedule,stop;scheduled=reset",
    ];
    play(stage, "trailers", ROUTES, &scripts).await
}

/// Nothing is held, or the other message. Without the proof, 13 of 161 exchanges end 1.38.
pub(crate) async fn a_response_resumed_before_it_is_there(stage: &Stage) -> Result<()> {
    let scripts = [
        "request_headers=schedule,stop;scheduled=continue_response",
        "request_headers=schedule,continue;scheduled=continue_response",
        "request_headers=callout_good,stop;callout_done=continue_response",
        "request_headers=callout_empty,continue;callout_done=continue_response",
        "request_headers=schedule,stop;scheduled=keep_proof,continue_request;\
         response_headers=schedule,stop;scheduled#2=keep_proof,continue_stale_request",
        "request_headers=schedule,stop;scheduled=continue_stale_response",
        "response_body=schedule,stop_and_buffer;scheduled=continue_stale_response",
    ];
    play(stage, "resumption", ROUTES, &scripts).await
}

/// A second answer, one too late, and one without a status. Without the check, 2 of 184 exchanges end 1.40.
pub(crate) async fn an_answer_that_cannot_begin(stage: &Stage) -> Result<()> {
    let scripts = [
        "response_headers=schedule,stop;scheduled=stream_data",
        "response_headers=schedule,continue;scheduled=stream",
        "request_headers=schedule,stream_odd;scheduled=end_with_odd_trailers",
        "request_headers=schedule_twice,stream;scheduled=stream_data;scheduled#2=end",
        "request_headers=schedule,stream_data;scheduled=reply",
        "request_body=schedule,stream_data;scheduled=end",
        "request_headers=reply_odd",
        "request_trailers=stream_data",
    ];
    play(stage, "answers", ROUTES, &scripts).await
}

/// While Envoy gives up the connections to the same cluster. With callouts in the end of callouts, 1.40 dies of
/// some of 161 exchanges together.
pub(crate) async fn a_callout_to_a_cluster_that_refuses(stage: &Stage) -> Result<()> {
    let scripts = [
        "request_headers=callout_refused,continue;callout_done=callout_refused,wait",
        "request_headers=callout_refused,stop;callout_done=callout_refused,continue_request",
        "request_headers=callout_many,callout_refused,callout_untimed,reply",
        "response_headers=callout_refused,stop;response_body=callout_refused",
        "response_headers=schedule,stop;scheduled=callout_refused,wait;callout_done=continue_response",
        "local_reply=callout_refused;stream_complete=callout_refused",
        "request_trailers=callout_refused,reset",
    ];
    play(stage, "callouts", ROUTES, &scripts).await
}

/// Every chain gets each script, the routes and messages in turn.
async fn play(stage: &Stage, what: &str, routes: &[Route], scripts: &[&str]) -> Result<()> {
    let cases: Vec<Case> = scripts
        .iter()
        .enumerate()
        .flat_map(|(number, script)| products::of_script(script, number, routes))
        .collect();
    run::play_all(stage, what, cases).await
}
