//! What a compiled template uses: headers, functions, names that do not exist.

use std::collections::BTreeSet;

use minijinja::machinery::{Instruction, Instructions, get_compiled_template};
use minijinja::{Environment, Template};

use super::environment::{FILTERS, TESTS};
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::needs::Needs;

/// What one template uses.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// The headers it may look at.
    pub(crate) needs: Needs,
    /// Functions of the environment that it calls.
    pub(crate) calls: BTreeSet<String>,
    /// Environment variables that it names.
    pub(crate) variables: BTreeSet<String>,
    /// Every name that it looks up: any of them may be a member of a JSON body.
    pub(crate) names: BTreeSet<String>,
    /// Names that nothing in the template or the environment declares, attribute paths whole.
    pub(crate) undeclared: BTreeSet<String>,
    /// Filters, tests and functions that do not exist: they fail when they are reached.
    pub(crate) unknown: Vec<Diagnostic>,
}

impl Usage {
    pub(crate) fn of(template: &Template<'_, '_>, environment: &Environment<'_>) -> Self {
        let globals: BTreeSet<String> = environment
            .globals()
            .map(|(name, _)| name.to_owned())
            .collect();
        let mut usage = Usage {
            undeclared: template
                .undeclared_variables(true)
                .into_iter()
                .filter(|name| !globals.contains(name))
                .collect(),
            ..Usage::default()
        };
        let free = template.undeclared_variables(false);
        let compiled = get_compiled_template(template);
        for instructions in std::iter::once(&compiled.instructions).chain(compiled.blocks.values())
        {
            usage.scan(instructions, &globals, &|name| free.contains(name));
        }
        usage
    }

    fn scan(
        &mut self,
        spans: &Instructions<'_>,
        globals: &BTreeSet<String>,
        free: &dyn Fn(&str) -> bool,
    ) {
        let code: Vec<&Instruction<'_>> = instructions(spans).collect();
        let joins: BTreeSet<usize> = code.iter().filter_map(|step| target(step)).collect();
        for (index, instruction) in code.iter().enumerate() {
            let position = || {
                let span = spans.get_span(u32::try_from(index).ok()?)?;
                Some(Position {
                    line: span.start_line.into(),
                    column: usize::from(span.start_col).saturating_add(1),
                })
            };
            if let Instruction::Lookup(name) | Instruction::Enclose(name) = instruction {
                self.names.insert((*name).to_owned());
            }
            if let Instruction::Include(_) | Instruction::LoadBlocks = instruction {
                // What the other template calls is not known here.
                self.calls.extend(globals.iter().cloned());
            }
            match instruction {
                Instruction::CallFunction(name, arguments) if globals.contains(*name) => {
                    self.calls.insert((*name).to_owned());
                    let before = index.checked_sub(1).and_then(|index| code.get(index));
                    let argument = match before {
                        // Where two ways join, the constant is the value of only one of them.
                        Some(Instruction::LoadConst(value))
                            if !joins.contains(&index) && *arguments == Some(1) =>
                        {
                            value.as_str()
                        }
                        _ => None,
                    };
                    self.call(name, argument);
                }
                Instruction::CallFunction(name, _) if free(name) => {
                    self.unknown(
                        "function",
                        name,
                        globals.iter().map(String::as_str),
                        position(),
                    );
                }
                // A function taken as a value may be called with any name.
                Instruction::Lookup(name) if globals.contains(*name) => self.call(name, None),
                Instruction::ApplyFilter(name, ..) if !FILTERS.contains(name) => {
                    self.unknown("filter", name, FILTERS.iter().copied(), position());
                }
                Instruction::PerformTest(name, ..) if !TESTS.contains(name) => {
                    self.unknown("test", name, TESTS.iter().copied(), position());
                }
                _ => {}
            }
        }
    }

    fn call(&mut self, function: &str, argument: Option<&str>) {
        let headers = match function {
            "header" => &mut self.needs.message,
            "request_header" => &mut self.needs.request,
            "get_cookie" | "get_cookie_i" => return self.needs.request.name("cookie"),
            "env" => {
                self.variables.extend(argument.map(str::to_owned));
                return;
            }
            _ => return,
        };
        match argument {
            Some(name) => headers.name(name),
            None => headers.all(),
        }
    }

    fn unknown<'a>(
        &mut self,
        kind: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
        position: Option<Position>,
    ) {
        let diagnostic =
            Diagnostic::warning(Code::UnknownName, "", format!("unknown {kind} `{name}`"))
                .at(position)
                .suggest(name, known);
        self.unknown.push(diagnostic);
    }
}

fn instructions<'i, 's>(code: &'i Instructions<'s>) -> impl Iterator<Item = &'i Instruction<'s>> {
    (0..).map_while(|index| code.get(index))
}

/// Where an instruction may jump to.
fn target(instruction: &Instruction<'_>) -> Option<usize> {
    match instruction {
        Instruction::Jump(target)
        | Instruction::JumpIfFalse(target)
        | Instruction::JumpIfFalseOrPop(target)
        | Instruction::JumpIfTrueOrPop(target)
        | Instruction::Iterate(target) => usize::try_from(*target).ok(),
        _ => None,
    }
}
