//! What templates ordinarily do with long bodies stays below the default limits.

use std::rc::Rc;
use std::sync::Arc;

use bodies::json::Selection;
use minijinja::Value;
use serde_json::json;

use super::{RenderError, Scope, Template, Variables, document, environment};
use crate::config::Limits;
use crate::settings::Settings;

fn renders(text: &str, body: &serde_json::Value) -> Result<String, RenderError> {
    let (settings, limits) = (Arc::new(Settings::default()), Limits::default());
    let environment = Arc::new(environment(&settings, limits.template_fuel));
    let mut warnings = Vec::new();
    let template = Template::compile("x", text, &environment, &settings, &limits, &mut warnings);
    let body = body.to_string();
    let document = document(&[body.as_bytes()], &Selection::Whole, &limits);
    let document = document.unwrap().unwrap();
    let scope = Scope {
        body: Value::from(body),
        context: document.clone(),
        ..Scope::default()
    };
    let variables = Variables {
        document,
        ..Variables::default()
    };
    template.unwrap().render(&Rc::new(scope), &variables)
}

/// Messages of a conversation whose body is about this long.
fn conversation(messages: usize, bytes: usize) -> serde_json::Value {
    let content = "a word and ".repeat(bytes / messages / 11);
    let roles = ["system", "user", "assistant", "tool"].iter().cycle();
    let message = |role| json!({"role": role, "content": content});
    let messages: Vec<_> = roles.take(messages).map(message).collect();
    json!({"model": "m", "messages": messages})
}

#[test]
fn forty_thousand_objects_are_sorted_mapped_and_joined() {
    let object = |number: u32| {
        let name = format!("the name {}", number.wrapping_mul(2_654_435_761) % 100_000);
        json!({"id": number, "name": name, "tags": ["a", "b"]})
    };
    let body = json!({"objects": (0..40_000).map(object).collect::<Vec<_>>()});
    for attribute in ["name", "id"] {
        let text = format!(
            "{{{{ objects | sort(attribute='{attribute}') | map(attribute='{attribute}') | join(',') }}}}"
        );
        let rendered = renders(&text, &body);
        let sorted = rendered.map(|text| text.split(',').count());
        assert_eq!(sorted, Ok(40_000), "{attribute}");
    }
}

#[test]
fn five_thousand_messages_are_tested_and_printed() {
    let body = conversation(5000, 1 << 20);
    let text = "{% for m in messages %}{% if m.role == 'user' or m.role in ['tool', 'system'] %}\
        {{ loop.index ~ ': ' ~ m.role ~ '\n' }}{{ m.content | trim }}\
        {% elif m['content'] is string and m.content != '' and loop.index0 > 0 %}\
        {% set line = m.role ~ ' says ' ~ m.content %}{{ line }}{% if not loop.last %},{% endif %}\
        {% else %}{{ m.content }}{% endif %}{% endfor %}";
    let rendered = renders(text, &body).unwrap();
    assert!(rendered.len() > 1_000_000, "{}", rendered.len());
}

#[test]
fn a_body_of_four_megabytes_is_printed() {
    let numbers: Vec<f64> = (0..450_000).map(|number| f64::from(number) / 1e6).collect();
    for body in [
        conversation(20_000, 4 << 20),
        conversation(4, 4 << 20),
        json!({"embedding": numbers}),
    ] {
        let written = body.to_string();
        for text in ["{{ context() }}", "{{ body() }}"] {
            let printed = renders(text, &body).unwrap();
            let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
            assert_eq!(printed, body, "{text}");
        }
        let inside = renders("\"{{ raw_string(body()) }}\"", &body).unwrap();
        let inside: String = serde_json::from_str(&inside).unwrap();
        assert_eq!(inside, written);
    }
}
