use std::rc::Rc;
use std::sync::Arc;

use minijinja::Value;
use serde_json::json;

use crate::config::Limits;
use crate::languages::jinja::rewrite::{Error, text};
use crate::languages::jinja::{Scope, Template, Variables, environment};
use crate::settings::Settings;

fn rewritten(template: &str) -> Option<String> {
    match text("x", template, false) {
        Ok(rewritten) => rewritten,
        Err(Error::Syntax(error)) => panic!("{template}: {error}"),
        Err(Error::Refused(refused)) => panic!("{template}: {refused:?}"),
    }
}

fn document() -> Value {
    Value::from_serialize(json!({
        "a": "ä text", "n": 7, "x": 2.5, "t": true, "none": null, "l": [1, "b", [3]], "m": {"k": "v"},
        "tree": [{"c": [{"c": []}, {"c": []}]}],
    }))
}

/// What the engine renders of a template, and ours.
fn both(template: &str) -> [Result<String, String>; 2] {
    let mut plain = minijinja::Environment::new();
    plain.set_debug(false);
    plain.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let plain = plain.render_named_str("x", template, document());
    let plain = plain.map_err(|error| error.to_string());
    let (settings, limits) = (Arc::new(Settings::default()), Limits::default());
    let environment = Arc::new(environment(&settings, limits.template_fuel));
    let mut warnings = Vec::new();
    let ours = Template::compile(
        "x",
        template,
        &environment,
        &settings,
        &limits,
        &mut warnings,
    );
    let variables = Variables {
        document: document(),
        ..Variables::default()
    };
    let ours = ours.unwrap().render(&Rc::new(Scope::default()), &variables);
    let ours = ours.map_err(|error| error.to_string());
    [plain, ours]
}

#[test]
fn statements_and_expressions_mean_the_same() {
    for template in [
        "{% for i in l %}{{ loop.index + 1 }}{% if loop.first %}a{% elif i == 'b' %}b{% else %}c{% endif %}\
         {% else %}none{% endfor %}end",
        "{% for i in [] %}x{% else %}{{ 'none' ~ n }}{% endfor %}end",
        "{% for a, b in [[1, 2], (3, 4)] if a + b > 3 %}{{ a * b }}{% endfor %}",
        "{% for (a, b), c in [[[1, 2], 3]] %}{{ a + b + c }}{% endfor %}",
        "{{ (n + 1 if t else n * 2) ~ (none or a) ~ (t and x) }}",
        "{{ 1 + 2 if t if none else 3 ~ 4 }}{{ (1 if t) ~ 2 }}",
        "{% set s %}x{{ a[1:3] }}y{% for i in l %}{{ i }},{% endfor %}{% endset %}[{{ s }}]{{ s | length }}",
        "{% set s | upper | trim %} x {{ n + 1 }}{% endset %}{{ s }}",
        "{% filter upper | replace('R', 'L') %}raw {{ a ~ n }}{% endfilter %} raw",
        "{% macro m(p, q=n + 1, r='x' ~ n) %}<{{ p }}{{ q }}{{ r }}{{ caller() if caller else '' }}>{% endmacro %}\
         {{ m(1) }}{{ m(1, 2) ~ a }}{{ m(r=3, p=1) }}{% call m('c') %}called {{ n }}{% endcall %}",
        "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(x, y=3) m() %}{{ x + y }}{% endcall %}",
        "{% for i in tree recursive %}({{ loop.depth + 0 }}{{ loop(i.c) }}){% endfor %}",
        "{% for i in tree recursive %}({{ loop(i.c) | upper }}{{ 1 + 1 }}){% endfor %}",
        "{% block b %}in {{ n + 1 }}{% endblock %} {{ self.b() }} {{ self.b() ~ '!' }}",
        "{% with y = n + 1, (p, q) = [1, 2] %}{{ y }}{{ p + q }}{% set n = 3 %}{{ n }}{% endwith %}{{ n * 2 }}",
        "{% set y = n + 1 %}{% macro m() %}{{ y }}{{ n }}{% endmacro %}{{ m() }}",
        "{% set (p, q) = [n + 1, 2] %}{{ p }}{{ q }}",
        "{% autoescape true %}{{ '<' ~ a }}{% set s %}<{{ '<' }}{% endset %}{{ s }}{% endautoescape %}",
        "{{ l[::-1] }}{{ a[::2] }}{{ (l + l)[1] }}{{ (l + [n]) | length }}{{ [1] * 3 }}{{ l[n - 7] }}",
        "{% set ns = namespace(v='') %}{% for i in range(9) %}{% set ns.v = ns.v ~ i %}{% endfor %}{{ ns.v }}",
        "{{ 9223372036854775807 + n }} {{ 9223372036854775807 * 9223372036854775807 }}",
        "{{ undefined_function(1 + 1) }}",
        "{% do m() %}{{ n + 1 }}",
        "{{ -n + 1 }}{{ - -n ~ '' }}{{ (-n) ** 2 + 1 }}{{ 2 ** 3 ** 2 + 0 }}{{ -x | abs + 1 }}{{ 10 - 3 - 2 + n }}",
        "{{ 20 // 3 % 4 * n / 2 }}{{ 2 * (3 + n) }}{{ (2 - n) - (3 - n) + 0 }}{{ 7 // (2 * n) }}",
        "{{ not n + 1 == 2 }}{{ not (t and not none) or n + 1 }}{{ 1 + n == 8 and n < a or t }}",
        "{{ (1 + 1 and none) ~ ('' and 1 + 1) ~ (([] ~ [1] and none) or 0) ~ [1 + 1 and none] }}{{ 1 + 1 and n * 0 }}",
        "{{ (1 +\n 1) and 0 }}\n{{ 2 * n and 0 }}\n{{ 1 + 'x' }}",
        "{{ n == 7 == t }}{{ (n == 7) == t }}{{ 'b' in l and n not in l }}{{ not 'b' in l }}{{ a ~ 1 in a ~ 12 }}",
        "{{ n + 1 is number }}{{ (n + 1) is even and n is not even }}{{ n is divisibleby 7 }}{{ l | first is eq(1) ~ 1 }}",
        "{{ 1.5 + 1e3 ~ 0x10 ~ 1_000 ~ 1e-7 ~ 12345678901234567890123 ~ 1e400 ~ 0.1 }}{{ true ~ false ~ none }}",
        "{{ 'quo\\'te' ~ \"dou\\\"ble\" ~ 'back\\\\slash' ~ 'line\\nbreak' ~ 'é\\u00e9' ~ 'a' 'b' ~ '}}%}{#' }}",
        "{{ {'a': n + 1, n: {1: 2}}.a }}{{ {a: 1, n: 2, 'x': 3}[n] ~ [[], [1, [2]], ()] }}{{ (1,) ~ (1, 2) }}",
        "{{ dict(**{'p': n + 1}) }}{{ range(*[1, 4]) | list }}{{ dict(m, k=n + 1, **{'z': 1}) }}",
        "{{ (n + 1) | string | length }}{{ l | map('string') | join(',') ~ '' }}{{ m.k ~ m['k'] ~ m.missing }}",
        "{% for i in l %}{{ loop.changed(i ~ '') }}{{ loop.cycle(*l) }}{{ loop.previtem ~ loop.nextitem }}{% endfor %}",
        "{ {{- n + 1 -}} } { {{- n }}{# comment #}{% raw %}{{ raw }}{% n %}{% endraw %}{{ n + 1 }}\n\n",
        "  {%- if t -%}  x {{ n + 1 }}  {%- endif %}\r\n  {%+ if t %}y{% endif %}\r\n",
        "{{ n + 1 }}\n{{ 'a\nb' ~ n }}\n{% if t %}\n\n{{\n1 +\n'x' }}{% endif %}",
        "{% set s %}a\n{{ n + 1 }}{% endset %}\n\n{{ s }}\n{{ 1 + 'x' }}",
        "{{ n + 1 }}\n{# a\ncomment #}{% macro f() %}\n{{ missing.x.y }}\n{% endmacro %}\n{{ f() }}",
    ] {
        assert!(rewritten(template).is_some(), "{template}");
        let [plain, ours] = both(template);
        assert_eq!(plain, ours, "{template}\n{:?}", rewritten(template));
    }
}

#[test]
fn what_has_no_bounded_operator_stays_as_it_is() {
    for template in [
        "text {{ header('x') | upper }}",
        "{% if a %}{{ b }}{% endif %}",
        "{% for m in l %}{{ m.role == 'user' }}{{ l[0] }}{{ m['a'] }}{% endfor %}",
    ] {
        assert_eq!(rewritten(template), None, "{template}");
    }
}

#[test]
fn constants_that_take_too_much_are_refused() {
    for expression in [
        "'a' * 10000 * 10000 * 10000",
        "('a') * (9223372036854775807)",
        "5 in (([0]) * 9223372036854775807)",
        "([0]) * 9223372036854775807",
        "([0] * 10000) * 10000",
        "'a' ~ 'a' * 10000 * 1000",
        "(('a' * 10000) * (100 + 100)) | length",
        "[1, ('a' * 10000) * (2 ** 20)]",
        "{'a': ('a' * 10000) * (2 ** 20)}",
        "f(x=('a' * 10000) * (2 ** 20))",
        "a[('a' * 10000) * (2 ** 20)]",
        "a if ('a' * 10000) * (2 ** 20) else 1",
        "a is eq(('a' * 10000) * (2 ** 20))",
        "a[:('a' * 10000) * (2 ** 20)]",
        "not (('a' * 10000) * (2 ** 20))",
    ] {
        for template in [
            format!("{{{{ {expression} }}}}"),
            format!("{{% if {expression} %}}{{% endif %}}"),
            format!("{{% for i in {expression} %}}{{% endfor %}}"),
            format!("{{% for i in [] if {expression} %}}{{% endfor %}}"),
            format!("{{% set v = {expression} %}}"),
            format!("{{% with v = {expression} %}}{{% endwith %}}"),
            format!("{{% macro m(v={expression}) %}}{{% endmacro %}}"),
            format!("{{% macro m() %}}{{{{ {expression} }}}}{{% endmacro %}}"),
            format!("{{% call m({expression}) %}}{{% endcall %}}"),
            format!("{{% filter join({expression}) %}}{{% endfilter %}}"),
            format!("{{% set v | join({expression}) %}}{{% endset %}}"),
            format!("{{% autoescape {expression} %}}{{% endautoescape %}}"),
            format!("{{% include {expression} %}}"),
            format!("{{% block b %}}{{{{ {expression} }}}}{{% endblock %}}"),
        ] {
            // Not every expression may stand everywhere.
            let refused = text("x", &template, false);
            assert!(refused.is_err(), "{template}");
        }
        let refused = text("x", &format!("{{{{ {expression} }}}}"), false);
        assert!(matches!(refused, Err(Error::Refused(_))), "{expression}");
    }
    // Each may have a little, and all together no more than a template.
    let little = "{{ 'a' * 10000 ~ n }}";
    assert!(text("x", &little.repeat(100), false).is_ok());
    assert!(text("x", &little.repeat(1000), false).is_err());
}

#[test]
fn an_import_without_a_name_is_refused() {
    for name in ["1", "'a' ~ 'b'", "f()", "a[0]"] {
        let refused = text("x", &format!("{{% import 'x' as {name} %}}"), false);
        assert!(matches!(refused, Err(Error::Refused(_))), "{name}");
    }
}
