//! What a configuration has too much of.

use insta::assert_snapshot;

use super::{loads, printed};

/// A configuration with an expression.
fn expression(text: &str) -> String {
    let set = serde_json::json!([{"name": "x-a", "cel": text}]);
    serde_json::json!({"request": {"set": set}}).to_string()
}

/// A configuration with a template.
fn template(text: &str) -> String {
    let set = serde_json::json!([{"name": "x-a", "value": text}]);
    serde_json::json!({"request": {"body": {"parseAs": "AsJson"}, "set": set}}).to_string()
}

/// A configuration that extracts `count` fields from sources of this kind.
fn fields(count: usize, kind: &str) -> String {
    let field =
        |n| serde_json::json!({"header": format!("x-{n}"), "from": [{kind: format!("/f{n}")}]});
    let fields: Vec<_> = (0..count).map(field).collect();
    serde_json::json!({"request": {"extract": fields}}).to_string()
}

/// A configuration whose one field reads the pointer or name from many sources.
fn sources(count: usize, kind: &str) -> String {
    let source = |n| serde_json::json!({kind: format!("/f{n}")});
    let sources: Vec<_> = (0..count).map(source).collect();
    let field = serde_json::json!({"header": "x-a", "from": sources});
    serde_json::json!({"request": {"extract": [field]}}).to_string()
}

#[test]
fn problems() {
    let names = serde_json::json!({"request": {"remove": vec!["a b"; 70]}}).to_string();
    let printed = printed(&names);
    let last: Vec<&str> = printed.lines().skip(63).collect();
    assert_snapshot!(last.join("\n"), @r"
    error RF006: request.remove[63]: `a b` is not a header name; use letters, digits and `-`
    warning RF009: 6 more problems are not shown; fix these first
    ");
}

#[test]
fn fields_of_a_message() {
    loads(&fields(64, "json"));
    assert_snapshot!(printed(&fields(65, "json")), @"error RF009: request.extract: 65 fields are too many; extract at most 64");
}

#[test]
fn names_of_forms() {
    loads(&sources(64, "form"));
    assert_snapshot!(printed(&sources(65, "form")), @"error RF009: request.extract: the fields read more than 64 names of forms; read fewer");
}

#[test]
fn pointers() {
    loads(&sources(64, "json"));
    assert_snapshot!(printed(&sources(65, "json")), @"error RF007: request.extract[0].from[64]: `/f64`: there are more than 64 JSON Pointers; use fewer JSON Pointers");
}

#[test]
fn pointers_beside_usage() {
    let sources = serde_json::json!([{"usage": "input"}]);
    let field = |n| serde_json::json!({"name": format!("f{n}"), "metadata": {"namespace": "llm", "key": format!("f{n}")}, "from": [{"json": format!("/f{n}")}]});
    let mut fields: Vec<_> = (0..30).map(field).collect();
    fields.push(serde_json::json!({"name": "input", "metadata": {"namespace": "llm", "key": "input"}, "from": sources}));
    let config = serde_json::json!({"response": {"extract": fields}}).to_string();
    assert_snapshot!(printed(&config), @"error RF009: response.extract: the fields read more than 17 JSON Pointers beside `usage`; read fewer");
}

#[test]
fn pointers_with_no_room_for_usage() {
    let sources: Vec<_> = (0..60)
        .map(|n| serde_json::json!({"json": format!("/f{n}")}))
        .collect();
    let first = serde_json::json!({"name": "a", "metadata": {"namespace": "llm", "key": "a"}, "from": sources});
    let second = serde_json::json!({"name": "b", "metadata": {"namespace": "llm", "key": "b"}, "from": [{"usage": "total"}]});
    let config = serde_json::json!({"response": {"extract": [first, second]}}).to_string();
    assert_snapshot!(printed(&config), @r"
    error RF009: response.extract[1].from[0]: there are more than 64 JSON Pointers; use fewer JSON Pointers
    error RF009: response.extract: the fields read more than 17 JSON Pointers beside `usage`; read fewer
    ");
}

#[test]
fn steps_of_a_patch() {
    let edits: Vec<_> = (0..65)
        .map(|n| serde_json::json!({"remove": format!("$..a{n}[*]..b{n}[*]..c{n}")}))
        .collect();
    let config = serde_json::json!({"request": {"patch": edits}}).to_string();
    assert_snapshot!(printed(&config), @"error RF009: request.patch: more than 64 edits; divide them among routes, or write fewer `..` and `*`");
}

#[test]
fn parts_of_a_pointer() {
    let pointer = "/a".repeat(128);
    let field = serde_json::json!({"header": "x-a", "name": "a", "from": [{"json": pointer}]});
    let config = serde_json::json!({"request": {"extract": [field]}}).to_string();
    let printed = printed(&config).replace(&pointer, "/a...");
    assert_snapshot!(printed, @"error RF007: request.extract[0].from[0]: `/a...`: the pointer has more than 127 parts; point to a member that is nested less deeply");
}

#[test]
fn bytes_of_an_expression() {
    let config = expression(&format!("'{}'", "a".repeat(16 << 10)));
    assert_snapshot!(printed(&config), @"error RF009: request.set[0] `x-a`: the expression has 16386 bytes, more than 16384; shorten it, or split it into several edits or fields");
}

#[test]
fn terms_of_an_expression() {
    assert_snapshot!(printed(&expression(&format!("1{}", "+1".repeat(250)))), @"error RF009: request.set[0] `x-a`: more than 500 names, values and operators in one expression at 1:501; shorten it, or split it into several edits or fields");
}

#[test]
fn brackets_of_an_expression() {
    assert_snapshot!(printed(&expression(&"[".repeat(33))), @"error RF009: request.set[0] `x-a`: more than 32 brackets open at once at 1:33; shorten it, or split it into several edits or fields");
}

#[test]
fn fields_of_an_expression() {
    // Two fields each.
    let field = |n| format!("has(json(request.body).f{n}.a)");
    let list = |count| (0..count).map(field).collect::<Vec<_>>().join(", ");
    loads(&expression(&format!(
        "size([{}]) == 1 ? 'a' : 'b'",
        list(32)
    )));
    assert_snapshot!(printed(&expression(&format!("size([{}]) == 1 ? 'a' : 'b'", list(33)))), @"error RF009: request.set[0] `x-a`: the expression reads more than 64 fields of a body; split it into several edits or fields");
}

#[test]
fn bytes_of_a_pattern() {
    let config = expression(&format!("request.path.matches('{}')", "a".repeat(1025)));
    assert_snapshot!(printed(&config), @"error RF012: request.set[0] `x-a`: the pattern is longer than 1024 bytes at 1:21");
}

#[test]
fn tokens_of_a_template() {
    assert_snapshot!(printed(&template(&format!("{{{{ a{} }}}}", "+n".repeat(501)))), @"error RF009: request.set[0] `x-a`: more than 1000 names, values and operators in one expression at 1:1004; split it with `{% set %}`");
}

#[test]
fn bytes_of_a_name_in_a_template() {
    assert_snapshot!(printed(&template(&format!("{{{{ a.{} }}}}", "b".repeat(257)))), @"error RF009: request.set[0] `x-a`: a name has more than 256 bytes at 1:6; write a shorter name");
}

#[test]
fn statements_of_a_template() {
    let text = format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(1001));
    assert_snapshot!(printed(&template(&text)), @"error RF009: request.set[0] `x-a`: the template has more than 1000 statements at 1:11999; look values up in a map instead");
}

#[test]
fn levels_of_a_template() {
    let text = format!("{{{{ {}1{} }}}}", "(a + ".repeat(140), ")".repeat(140));
    assert_snapshot!(printed(&template(&text)), @"error RF004: request.set[0] `x-a`: the template is nested too deeply at 1:374");
}

/// Written with bounded operators, it has more levels than it is written with.
#[test]
fn levels_of_operators_in_a_template() {
    let text = format!("{{{{ {}1{} }}}}", "[a+".repeat(70), "]".repeat(70));
    assert_snapshot!(printed(&template(&text)), @"error RF009: request.set[0] `x-a`: operators and parentheses are nested too deeply; split it with `{% set %}`");
}
