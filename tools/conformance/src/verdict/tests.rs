use std::collections::BTreeMap;
use std::time::Duration;

use cases::verdict::Arrival;
use cases::{Callback, Passage};
use harness::EnvoyRelease;
use serde_json::{Value, json};

use super::super::case::{Content, entry};
use super::super::gateway::LogLine;
use super::super::observation::{Message, Observation};
use super::super::steps::Steps;
use super::super::take::Take;
use super::super::wire::Wire;
use super::{differences, unseen};

fn case(expect: Value) -> Take {
    let mut expect = expect;
    expect["config"] = "accepted".into();
    let line = json!({
        "id": "a", "filter_name": "rustformation", "filter_config": {},
        "request": {"method": "POST", "path": "/", "body": "sent"},
        "upstream_response": {"status": 200, "body": "answered"},
        "expect": expect,
    });
    match entry(&line.to_string(), "file:1").content {
        Ok(Content::Case(take)) => *take,
        other => unreachable!("{line}: {other:?}"),
    }
}

fn message(fields: &[(&str, &str)], body: &str) -> Message {
    let fields = fields.iter();
    Message {
        fields: fields
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        body: body.into(),
    }
}

/// What an untouched exchange looks like.
fn seen() -> Observation {
    Observation {
        request: Some(message(
            &[
                (":method", "POST"),
                ("x-a", "1"),
                ("x-b", "2"),
                ("x-b", "3"),
            ],
            "sent",
        )),
        request_end: Ok(()),
        response: Ok(message(
            &[(":status", "200"), ("vary", "a,b"), ("x-c", "1,2")],
            "answered",
        )),
        counters: BTreeMap::from([("c".into(), Some(1))]),
        response_cut_off: false,
        arrival: Arrival::After(Duration::from_millis(20)),
        steps: Steps {
            callbacks: BTreeMap::from([(
                Callback::OnRequestBody,
                vec![Passage::Held, Passage::Passes],
            )]),
            pieces: BTreeMap::new(),
        },
        log: Some(LogLine {
            details: Some("via_upstream".into()),
            metadata: BTreeMap::from([(("n".into(), "k".into()), json!("v"))]),
        }),
    }
}

fn found(expect: Value, seen: &Observation) -> Vec<String> {
    let case = case(expect);
    let wire = Wire::of(&case).unwrap();
    differences(&case, &wire, EnvoyRelease::DEFAULT, seen)
}

#[test]
fn what_came_as_expected_passes() {
    for right in [
        json!({"upstream_reached": true}),
        json!({"request_headers": {"X-A": "1", "x-b": ["2", "3"], ":method": "POST"}}),
        json!({"request_headers_absent": ["x-c"], "response_headers_absent": ["x-a"]}),
        json!({"request_body": "$same", "response_body": "$same"}),
        json!({"response_status": 200, "response_headers": {":status": "200"}}),
        json!({"response_headers": {"vary": ["a", "b"]}}),
        json!({"response_details": "via_upstream"}),
        json!({"dynamic_metadata": [["n", "k", "v"]]}),
        json!({"dynamic_metadata": [["n", "k", "0"]], "dynamic_metadata_final": {"n": {"k": "v"}}}),
        json!({"counter_incremented": {"c": 1}}),
        json!({"callbacks": {"on_request_body": "Continue"}}),
        json!({"callbacks": {"on_request_body": ["StopIterationAndBuffer", "Continue"]}}),
    ] {
        assert_eq!(found(right.clone(), &seen()), [""; 0], "{right}");
    }
}

#[test]
fn each_wrong_expectation_is_found() {
    for wrong in [
        json!({"upstream_reached": false}),
        json!({"request_headers": {"x-a": "2"}}),
        json!({"request_headers": {"x-b": "2"}}),
        json!({"request_headers": {"x-b": ["3", "2"]}}),
        json!({"request_headers": {":method": "GET"}}),
        json!({"request_headers": {"x-c": {"contains": ""}}}),
        json!({"request_headers_absent": ["X-A"]}),
        json!({"request_body": "other"}),
        json!({"response_status": 201}),
        json!({"response_headers": {"vary": ["b", "a"]}}),
        json!({"response_headers": {"x-c": ["1", "2"]}}),
        json!({"response_headers_absent": ["x-c"]}),
        json!({"response_body": {"json_contains": {}}}),
        json!({"response_details": "direct_response"}),
        json!({"dynamic_metadata": []}),
        json!({"dynamic_metadata": [["n", "k", "w"]]}),
        json!({"dynamic_metadata": [["n", "k", "v"], ["n", "l", "v"]]}),
        json!({"dynamic_metadata": [["n", "k", "v"]], "dynamic_metadata_final": []}),
        json!({"counter_incremented": {"c": 2}}),
        json!({"counter_incremented": {"d": 1}}),
        json!({"callbacks": {"on_request_body": "StopIterationAndBuffer"}}),
        json!({"callbacks": {"on_request_body": ["Continue", "Continue"]}}),
        json!({"callbacks": {"on_request_body": ["Continue"]}}),
        json!({"callbacks": {"on_request_headers": "Continue"}}),
    ] {
        let found = found(wrong.clone(), &seen());
        assert!(!found.is_empty(), "{wrong}");
    }
}

/// Chance decides how much Envoy has sent of a request that is answered on its way.
#[test]
fn a_request_that_is_answered_while_it_goes_on_may_have_begun() {
    let text = "cases: [{name: a, config: {}, request: {body: sent}, expect: {reply: {status: 200, details: via_upstream, headers: {}, body: answered}}}]";
    let placed = cases::read::read(text, "a.yaml").unwrap().remove(0);
    let mut take = Take::of(placed.case);
    take.ours = true;
    let wire = Wire::of(&take).unwrap();
    let found = |observed: &Observation| differences(&take, &wire, EnvoyRelease::DEFAULT, observed);
    let mut begun = seen();
    begun.request_end = Err("reset".into());
    let mut unsent = seen();
    unsent.request = None;
    unsent.request_end = Err("none".into());
    assert_eq!(found(&begun), found(&unsent));
    let whole = found(&seen());
    assert!(whole.len() > found(&begun).len(), "{whole:?}");
}

#[test]
fn a_broken_exchange_never_passes() {
    let mut cut = seen();
    cut.request_end = Err("reset".into());
    assert_eq!(
        found(json!({}), &cut),
        ["the upstream got half a request: reset"]
    );
    let mut silent = seen();
    silent.response = Err("late".into());
    assert_eq!(found(json!({}), &silent), ["no response: late"]);
    let mut half = seen();
    half.response_cut_off = true;
    assert_eq!(found(json!({}), &half), ["the client got half a response"]);
    let mut unlogged = seen();
    unlogged.log = None;
    assert_eq!(
        found(json!({"dynamic_metadata": []}), &unlogged),
        ["envoy did not log the request"]
    );
    let mut lost = seen();
    lost.request = None;
    let wanted = json!({"request_headers_absent": ["x-c"]});
    let found = found(wanted, &lost);
    assert!(
        matches!(found.as_slice(), [only] if only.starts_with("request")),
        "{found:?}"
    );
}

/// What is to break off does.
#[test]
fn a_whole_message_is_not_one_that_is_broken_off() {
    let mut take = case(json!({}));
    take.case.response.as_mut().unwrap().0.broken_off = true;
    let wire = Wire::of(&take).unwrap();
    let found =
        |seen: &Observation| differences(&take, &wire, EnvoyRelease::DEFAULT, seen).join("");
    assert!(found(&seen()).starts_with("response end"));
    let mut cut = seen();
    cut.response_cut_off = true;
    assert_eq!(found(&cut), "");
}

#[test]
fn what_nobody_sees_is_said() {
    assert!(
        unseen(
            &case(json!({"dynamic_metadata": [["n", "k", "v"]]})),
            EnvoyRelease::DEFAULT
        )
        .is_empty()
    );
    let twice = json!({"dynamic_metadata": [["n", "k", "v"], ["n", "k", "w"]]});
    assert_eq!(unseen(&case(twice), EnvoyRelease::DEFAULT).len(), 1);
    let stop = json!({"callbacks": {"on_request_headers": "StopIteration"}});
    assert_eq!(unseen(&case(stop), EnvoyRelease::DEFAULT).len(), 1);
}
