//! When a session is through: with a body, which the host need not show then, and with the stream.

use transformations::{Action, Note, TransformationOps};

use super::*;

#[test]
fn an_answer_that_is_read_is_shown_and_no_other() {
    let config = r#"{"response": {"extract": [{"from": [{"usage": "total"}], "metadata": {"namespace": "n", "key": "t"}}]}}"#;
    for (content_type, through) in [("application/json", false), ("image/png", true)] {
        let headers = [(":status", "200"), ("content-type", content_type)];
        let mut host = answer(&headers, &[]);
        let mut session = Session::new(program(config));
        session.on_headers(&mut host, Direction::Request, false);
        session.on_headers(&mut host, Direction::Response, false);
        let is_through = session.is_through_with(Direction::Response);
        assert_eq!(is_through, through, "{content_type}");
        // The end of a request that its answer has overtaken is not that of the answer.
        session.on_body(&mut host, Direction::Request, true);
        let is_through = session.is_through_with(Direction::Response);
        assert_eq!(is_through, through, "{content_type}");
    }
}

#[test]
fn nothing_is_held_when_the_stream_is_over() {
    let config = r#"{"request": {"extract": [{"header": "x-gateway-model-name"}]}}"#;
    let mut host = request(&[], &[]);
    let mut session = Session::new(program(config));
    session.on_headers(&mut host, Direction::Request, false);
    assert_eq!(session.held(&host, Direction::Request), Some(0));
    session.on_complete(&mut host);
    assert_eq!(session.held(&host, Direction::Request), None);
    assert!(session.is_through());
}

/// Until then it is watched over for a second value.
#[test]
fn a_request_that_its_route_rejects_is_read_no_more() {
    let listener =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    let rejects = r#"{"request": {"onFailure": "reject", "reject": [{"when": "true"}]}}"#;
    let mut host = request(&[], &[r#"{"model":"a","#, r#""n":1}"#]);
    host.routes = vec![Route::new(&[(MODEL, "a")], Some(program(rejects)))];
    let mut session = Session::new(program(listener));
    host.play_one(&mut session, Direction::Request, Neighbour::None);
    assert_eq!(host.reply.unwrap().1.status, 403);
    assert!(session.is_through());
}

/// Its client has an answer, and can get no other.
#[test]
fn a_request_that_goes_wrong_behind_its_answer_is_reset() {
    let streamed =
        r#"{"request": {"bodyMode": "streamed", "extract": [{"header": "x-gateway-model-name"}]}}"#;
    for answered in [false, true] {
        let mut host = request(&[], &[]);
        let mut session = Session::new(program(streamed));
        session.on_headers(&mut host, Direction::Request, false);
        host.append_body(Direction::Request, br#"{"model":"a","#);
        let action = session.on_body(&mut host, Direction::Request, false);
        assert_eq!(action, Action::Continue);
        if answered {
            session.on_headers(&mut host, Direction::Response, false);
        }
        host.replace_body(Direction::Request, br#""model":"b""#);
        let action = session.on_body(&mut host, Direction::Request, false);
        let reset = matches!(action, Action::Reset(_));
        assert_eq!(reset, answered, "{action:?}");
        assert_eq!(matches!(action, Action::Answer(_)), !answered, "{action:?}");
    }
}

#[test]
fn a_route_that_is_not_chosen_again_is_not_noted() {
    let config = r#"{"request": {"set": [{"name": "x-a", "value": "1"}]}}"#;
    let host = played(&program(config), request(&[], &[]));
    let edit = Note::Edit("request.set[0] `x-a`".to_owned());
    assert_eq!(host.notes, [(Direction::Request, vec![edit])]);
}
