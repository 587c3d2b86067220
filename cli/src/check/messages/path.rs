//! Path templates.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn no_slash_at_the_beginning() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: 'model/{model}/invoke'}]}]}"), @"error RF013: request.extract[0].from[0]: `model/{model}/invoke`: a path begins with `/`; write it from the first `/` on, such as `/model/{model}/invoke`");
    loads("request: {extract: [{header: x-a, from: [{path: '/model/{model}/invoke'}]}]}");
}

#[test]
fn a_query() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/model/{model}?a=b'}]}]}"), @"error RF013: request.extract[0].from[0]: `/model/{model}?a=b`: the query is not part of the path; end the template before `?` or `#`");
    loads("request: {extract: [{header: x-a, from: [{path: '/model/{model}'}]}]}");
}

#[test]
fn a_percent_sign() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/a%20b/{model}'}]}]}"), @"error RF013: request.extract[0].from[0]: `/a%20b/{model}`: a path is compared decoded; write the character that it encodes");
    loads("request: {extract: [{header: x-a, from: [{path: '/a b/{model}'}]}]}");
}

#[test]
fn a_semicolon() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/model;v=1/{model}'}]}]}"), @r"error RF013: request.extract[0].from[0]: `/model;v=1/{model}`: servers read `;` and `\` in a path in different ways; remove it, or read the model from the body");
}

#[test]
fn a_backslash() {
    assert_snapshot!(printed(r#"request: {extract: [{header: x-a, from: [{path: '/model\\{model}'}]}]}"#), @r"error RF013: request.extract[0].from[0]: `/model\\{model}`: servers read `;` and `\` in a path in different ways; remove it, or read the model from the body");
}

#[test]
fn two_stars_twice() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/**/{model}/**'}]}]}"), @"error RF013: request.extract[0].from[0]: `/**/{model}/**`: `**` occurs twice; write it once");
}

#[test]
fn slashes_beside_each_other() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/a//{model}'}]}]}"), @"error RF013: request.extract[0].from[0]: `/a//{model}`: no path has such a segment; remove `.`, `..`, and slashes beside each other or at the end");
    loads("request: {extract: [{header: x-a, from: [{path: '/a/{model}'}]}]}");
}

#[test]
fn no_name() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/model/*'}]}]}"), @"error RF013: request.extract[0].from[0]: `/model/*`: the template has no `{name}`; write `{model}` in place of the model");
    loads("request: {extract: [{header: x-a, from: [{path: '/model/{model}'}]}]}");
}

#[test]
fn a_star_in_a_text() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/a*b/{model}'}]}]}"), @"error RF013: request.extract[0].from[0]: `/a*b/{model}`: `a*b` is not a segment of a template; write `*` alone, or at the end after `{name}` and a text");
    loads("request: {extract: [{header: x-a, from: [{path: '/*/{model}'}]}]}");
}

#[test]
fn a_name_that_is_open() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/model/{model'}]}]}"), @"error RF013: request.extract[0].from[0]: `/model/{model`: `{model` has no `}`; close the name with `}`");
    loads("request: {extract: [{header: x-a, from: [{path: '/model/{model}'}]}]}");
}

#[test]
fn a_name_with_a_pattern() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/a/{model:.*}'}]}]}"), @"error RF013: request.extract[0].from[0]: `/a/{model:.*}`: `{model:.*}` is not a segment of a template; write one `{name}`, with plain text around it");
    loads("request: {extract: [{header: x-a, from: [{path: '/a/{model}'}]}]}");
}

#[test]
fn a_name_with_a_space() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/a/{my model}'}]}]}"), @"error RF013: request.extract[0].from[0]: `/a/{my model}`: `{my model}` is not a name; write only a name in it: `{model}` matches one segment, `{model=**}` several");
    loads("request: {extract: [{header: x-a, from: [{path: '/a/{model=**}'}]}]}");
    loads("request: {extract: [{header: x-a, from: [{path: '/a/{model}'}]}]}");
}

#[test]
fn text_around_several_segments() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/v1/{model=**}:predict'}]}]}"), @"error RF013: request.extract[0].from[0]: `/v1/{model=**}:predict`: `{model=**}:predict` has text around `{model=**}`, which takes whole segments; put it between slashes, or write `{name}`, which takes a part of one segment");
    loads("request: {extract: [{header: x-a, from: [{path: '/v1/{model}:predict'}]}]}");
}

#[test]
fn nothing_between_name_and_star() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/a/{model}*'}]}]}"), @"error RF013: request.extract[0].from[0]: `/a/{model}*`: `{model}*` has nothing that ends the value before `*`; put a text between `}` and `*`, such as `:`");
    loads("request: {extract: [{header: x-a, from: [{path: '/a/{model}:*'}]}]}");
}

#[test]
fn two_names() {
    assert_snapshot!(printed("request: {extract: [{header: x-a, from: [{path: '/{a}/{b}'}]}]}"), @"error RF013: request.extract[0].from[0]: `/{a}/{b}`: a template has one name, and this has two; write `*` for the segments that are not the value");
    loads("request: {extract: [{header: x-a, from: [{path: '/*/{b}'}]}]}");
}
