//! Code of a template, changed so that what it holds in memory is bounded.

use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

use minijinja::machinery::{
    Instruction, Instructions, Vm, get_compiled_template, make_string_output,
};
use minijinja::{AutoEscape, Environment, Error, Template, Value};

use super::operators::{CONCATENATION, CONTAINMENT, KEPT, MADE, PRODUCT, SUM};

/// The name of the main code among the blocks: no template can write it.
const MAIN: &str = "";

/// Do not remember the filter: the numbers that the compiler gave out are all in use.
const FORGET: u8 = !0;

/// Changed code: that of the template itself, and of its blocks.
pub(super) struct ChangedCode<'source>(BTreeMap<&'source str, Instructions<'source>>);

impl<'source> ChangedCode<'source> {
    /// The changed code of a template, if there is anything to change.
    pub(super) fn of(template: &Template<'source, 'source>) -> Option<Self> {
        let compiled = get_compiled_template(template);
        let codes = || std::iter::once(&compiled.instructions).chain(compiled.blocks.values());
        let captures = codes().any(|code| instructions(code).any(captures));
        if !captures && !codes().any(|code| instructions(code).any(makes)) {
            return None;
        }
        let captures = captures || !compiled.blocks.is_empty();
        let blocks = compiled.blocks.iter().map(|(name, code)| (*name, code));
        let all = blocks.chain([(MAIN, &compiled.instructions)]);
        Some(Self(
            all.map(|(name, code)| (name, changed(code, captures)))
                .collect(),
        ))
    }

    /// Renders it.
    pub(super) fn render_to_write(
        &self,
        environment: &'source Environment<'source>,
        variables: Value,
        out: impl io::Write,
    ) -> Result<(), Error> {
        // The only way to run code of one's own into a writer is as a block.
        static NOTHING: LazyLock<Instructions<'static>> =
            LazyLock::new(|| Instructions::new("", ""));
        let mut nowhere = String::new();
        let mut nowhere = make_string_output(&mut nowhere);
        let vm = Vm::new(environment);
        let (_, mut state) =
            vm.eval(&NOTHING, variables, &self.0, &mut nowhere, AutoEscape::None)?;
        state.render_block_to_write(MAIN, out)
    }
}

fn instructions<'i, 's>(code: &'i Instructions<'s>) -> impl Iterator<Item = &'i Instruction<'s>> {
    (0..).map_while(|index| code.get(index))
}

/// Whether what is printed may become a value.
fn captures(instruction: &Instruction<'_>) -> bool {
    const RECURSIVE: u8 = 2;
    match instruction {
        Instruction::BeginCapture(_) | Instruction::BuildMacro(..) => true,
        Instruction::PushLoop(flags) => flags & RECURSIVE != 0,
        _ => false,
    }
}

/// Whether it makes a value of any size, looks through one, or keeps one.
fn makes(instruction: &Instruction<'_>) -> bool {
    matches!(
        instruction,
        Instruction::StringConcat
            | Instruction::Add
            | Instruction::Mul
            | Instruction::Slice
            | Instruction::In
            | Instruction::SetAttr(_)
    )
}

/// What stands for an instruction in changed code: the first, and what follows it.
fn replacement<'s>(
    instruction: &Instruction<'s>,
    captures: bool,
) -> (Instruction<'s>, Vec<Instruction<'s>>) {
    let apply = |name, arguments| Instruction::ApplyFilter(name, Some(arguments), FORGET);
    match instruction {
        Instruction::StringConcat => (apply(CONCATENATION, 2), Vec::new()),
        Instruction::Add => (apply(SUM, 2), Vec::new()),
        Instruction::Mul => (apply(PRODUCT, 2), Vec::new()),
        Instruction::In => (apply(CONTAINMENT, 2), Vec::new()),
        Instruction::Slice => (Instruction::Slice, vec![apply(MADE, 1)]),
        // The value lies below the namespace.
        Instruction::SetAttr(name) => (
            Instruction::Swap,
            vec![
                apply(KEPT, 1),
                Instruction::Swap,
                Instruction::SetAttr(name),
            ],
        ),
        // The environment counts what is printed, but not this.
        Instruction::EmitRaw(text) if captures => (
            Instruction::LoadConst(Value::from_safe_string((*text).to_owned())),
            vec![Instruction::Emit],
        ),
        other => (other.clone(), Vec::new()),
    }
}

fn changed<'s>(code: &Instructions<'s>, captures: bool) -> Instructions<'s> {
    // Where each instruction goes, and the end.
    let mut places: Vec<u32> = Vec::new();
    let mut place: u32 = 0;
    for instruction in instructions(code) {
        places.push(place);
        let (_, following) = replacement(instruction, captures);
        let following = u32::try_from(following.len()).unwrap_or(u32::MAX);
        place = place.saturating_add(1).saturating_add(following);
    }
    places.push(place);
    let moved = |target: &mut u32| {
        let to = usize::try_from(*target)
            .ok()
            .and_then(|target| places.get(target));
        *target = to.copied().unwrap_or(place);
    };
    let mut changed = Instructions::new(code.name(), code.source());
    for (index, instruction) in (0..).zip(instructions(code)) {
        let (mut first, following) = replacement(instruction, captures);
        match &mut first {
            Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfFalseOrPop(target)
            | Instruction::JumpIfTrueOrPop(target)
            | Instruction::Iterate(target)
            | Instruction::BuildMacro(_, target, _) => moved(target),
            _ => {}
        }
        for instruction in std::iter::once(first).chain(following) {
            match (code.get_span(index), code.get_line(index)) {
                (Some(span), _) => changed.add_with_span(instruction, span),
                (None, Some(line)) => {
                    changed.add_with_line(instruction, u16::try_from(line).unwrap_or(u16::MAX))
                }
                (None, None) => changed.add(instruction),
            };
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::jinja::{environment, memory};

    /// What a template renders as it is, and changed.
    fn both(text: &str) -> [Result<String, String>; 2] {
        let environment = environment(&Arc::default(), 100_000);
        let template = environment.template_from_str(text).unwrap();
        let body = json!({
            "a": "ä text", "n": 7, "x": 2.5, "t": true, "none": null, "l": [1, "b", [3]], "m": {"k": "v"},
            "tree": [{"c": [{"c": []}, {"c": []}]}],
        });
        let body = Value::from_serialize(body);
        memory::begin(1 << 20);
        let Some(code) = ChangedCode::of(&template) else {
            // The compiler has calculated it.
            return [Ok(String::new()), Ok(String::new())];
        };
        let mut out = Vec::new();
        let changed = code
            .render_to_write(&environment, body.clone(), &mut out)
            .map(|()| String::from_utf8(out).unwrap());
        [template.render(body), changed].map(|rendered| rendered.map_err(|error| error.to_string()))
    }

    #[test]
    fn changed_code_renders_the_same() {
        const VALUES: &[&str] = &[
            "a",
            "n",
            "x",
            "t",
            "none",
            "l",
            "m",
            "missing",
            "-3",
            "0.0",
            "100",
            "''",
            "'longer than what fits inside'",
            "[]",
            "range(3)",
            "a | list",
            "{}",
            "1.0",
        ];
        for left in VALUES {
            for right in VALUES {
                for operator in ["~", "+", "*"] {
                    let [as_it_is, changed] = both(&format!("{{{{ {left} {operator} {right} }}}}"));
                    // Of a message, only the order of the types may differ.
                    assert_eq!(
                        as_it_is.is_ok(),
                        changed.is_ok(),
                        "{left} {operator} {right}"
                    );
                    if as_it_is.is_ok() {
                        assert_eq!(as_it_is, changed, "{left} {operator} {right}");
                    }
                }
            }
        }
    }

    #[test]
    fn jumps_and_captures_stay_where_they_belong() {
        for text in [
            "{% for i in l %}{{ loop.index + 1 }}{% if loop.first %}a{% elif i == 'b' %}b{% else %}c{% endif %}\
             {% else %}none{% endfor %}end",
            "{% for i in [] %}x{% else %}{{ 'none' ~ n }}{% endfor %}end",
            "{{ (n + 1 if t else n * 2) ~ (none or a) ~ (t and x) }}",
            "{% set s %}x{{ a[1:3] }}y{% for i in l %}{{ i }},{% endfor %}{% endset %}[{{ s }}]{{ s | length }}",
            "{% filter upper %}raw {{ a ~ n }}{% endfilter %} raw",
            "{% macro m(p, q=n + 1) %}<{{ p }}{{ q }}{{ caller() if caller else '' }}>{% endmacro %}\
             {{ m(1) }}{{ m(1, 2) ~ a }}{% call m('c') %}called {{ n }}{% endcall %}",
            "{% for i in tree recursive %}({{ loop.depth + 0 }}{{ loop(i.c) }}){% endfor %}",
            "{% for i in tree recursive %}({{ loop(i.c) | upper }}{{ 1 + 1 }}){% endfor %}",
            "{% block b %}in {{ n + 1 }}{% endblock %} {{ self.b() }} {{ self.b() ~ '!' }}",
            "{% with y = n + 1 %}{{ y }}{% set n = 3 %}{{ n }}{% endwith %}{{ n * 2 }}",
            "{% set y = n + 1 %}{% macro m() %}{{ y }}{{ n }}{% endmacro %}{{ m() }}",
            "{% autoescape true %}{{ '<' ~ a }}{% set s %}<{{ '<' }}{% endset %}{{ s }}{% endautoescape %}",
            "{{ l[::-1] }}{{ a[::2] }}{{ (l + l)[1] }}{{ (l + [n]) | length }}{{ [1] * 3 }}",
            "{% set ns = namespace(v='') %}{% for i in range(9) %}{% set ns.v = ns.v ~ i %}{% endfor %}{{ ns.v }}",
            "{{ 9223372036854775807 + n }} {{ 9223372036854775807 * 9223372036854775807 }}",
            "{{ undefined_function(1 + 1) }}",
        ] {
            let [as_it_is, changed] = both(text);
            assert_eq!(as_it_is, changed, "{text}");
        }
    }

    #[test]
    fn code_that_makes_nothing_stays_as_it_is() {
        let environment = environment(&Arc::default(), 1000);
        for text in [
            "text {{ header('x') | upper }}",
            "{% if a %}{{ b }}{% endif %}",
        ] {
            let template = environment.template_from_str(text).unwrap();
            assert!(ChangedCode::of(&template).is_none(), "{text}");
        }
    }
}
