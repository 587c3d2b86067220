//! What a compiled template uses: headers, functions, names that do not exist.

use std::collections::BTreeSet;

use diagnostics::{Code, Diagnostic, Position};
use minijinja::Template;
use minijinja::machinery::{Instruction, Instructions, get_compiled_template};

use super::beginning;
use super::environment::{FILTERS, FUNCTIONS, TESTS};
use super::instead;
use crate::languages::jinja::HeaderNeeds;

/// The name of the extracted fields.
const EXTRACTED: &str = "extracted";

/// For how many names a similar one is looked for: it is dear, and nobody reads more.
const SUGGESTED: usize = 64;

/// What can be called of `loop`.
const LOOP: [&str; 2] = ["changed", "cycle"];

/// What one template uses.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// The headers it may look at.
    pub(crate) needs: HeaderNeeds,
    /// Functions of the environment that it calls.
    pub(crate) calls: BTreeSet<&'static str>,
    /// Environment variables that it names.
    pub(crate) variables: BTreeSet<String>,
    /// Expressions that it evaluates, and where.
    pub(crate) expressions: Vec<(String, Option<Position>)>,
    /// Where it would evaluate what is not known yet.
    pub(crate) computed: Vec<Option<Position>>,
    /// The members of `extracted` that it names, and where.
    pub(crate) fields: Vec<(String, Option<Position>)>,
    /// Every name that it looks up: any of them may be a member of a JSON body.
    pub(crate) names: BTreeSet<String>,
    /// Names that nothing in the template or the environment declares, attribute paths whole.
    pub(crate) undeclared: BTreeSet<String>,
    /// Functions among these.
    pub(crate) uncallable: BTreeSet<String>,
    /// Filters, tests, functions and methods that do not exist: they fail when they are reached.
    pub(crate) unknown: Vec<Diagnostic>,
}

impl Usage {
    pub(crate) fn of(template: &Template<'_, '_>) -> Self {
        let compiled = get_compiled_template(template);
        let mut usage = Usage::default();
        if !(compiled.blocks.is_empty() && names_only_functions(&compiled.instructions)) {
            // It parses the template once more.
            usage.undeclared = template
                .undeclared_variables(true)
                .into_iter()
                .filter(|name| !FUNCTIONS.contains(&name.as_str()))
                .collect();
        }
        let has_own = ["import", "self"]
            .iter()
            .any(|word| template.source().contains(word));
        for instructions in std::iter::once(&compiled.instructions).chain(compiled.blocks.values())
        {
            usage.scan(instructions, has_own);
        }
        let own = |code| {
            instructions(code).any(|step| matches!(step, Instruction::StoreLocal(EXTRACTED)))
        };
        if own(&compiled.instructions) || compiled.blocks.values().any(own) {
            // A variable of the template's own.
            usage.fields.clear();
        }
        usage
    }

    /// `has_own`: whether the template may have macros and blocks, which are called as methods are.
    fn scan(&mut self, spans: &Instructions<'_>, has_own: bool) {
        let code: Vec<&Instruction<'_>> = instructions(spans).collect();
        let joins: BTreeSet<usize> = code.iter().filter_map(|step| target(step)).collect();
        for (index, instruction) in code.iter().enumerate() {
            let position = || {
                let span = spans.get_span(u32::try_from(index).ok()?)?;
                Some(beginning(span))
            };
            if let Instruction::Lookup(name) | Instruction::Enclose(name) = instruction {
                self.names.insert((*name).to_owned());
            }
            if let Instruction::Lookup(EXTRACTED) | Instruction::Enclose(EXTRACTED) = instruction {
                let after = |steps| code.get(index.saturating_add(steps)).copied();
                let name = match (after(1), after(2)) {
                    (Some(Instruction::GetAttr(name)), _) => Some(*name),
                    (Some(Instruction::LoadConst(name)), Some(Instruction::GetItem)) => {
                        name.as_str()
                    }
                    _ => None,
                };
                let named = name.map(|name| (name.to_owned(), position()));
                self.fields.extend(named);
            }
            if let Instruction::Include(_) | Instruction::LoadBlocks = instruction {
                // What the other template calls is not known here.
                self.calls.extend(FUNCTIONS);
            }
            match instruction {
                Instruction::CallFunction(name, arguments) if let Some(name) = function(name) => {
                    self.calls.insert(name);
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
                    if name == "cel" {
                        self.expression(argument, position());
                    }
                    self.call(name, argument);
                }
                Instruction::CallFunction(name, _) if self.undeclared.contains(*name) => {
                    self.unknown("function", name, FUNCTIONS, position());
                    self.uncallable.insert((*name).to_owned());
                }
                Instruction::CallMethod(name, _) if !(has_own || LOOP.contains(name)) => {
                    self.unknown("method", name, &[], position());
                }
                // A function taken as a value may be called with any name.
                Instruction::Lookup(name) if FUNCTIONS.contains(name) => {
                    if *name == "cel" {
                        self.expression(None, position());
                    }
                    self.call(name, None);
                }
                Instruction::ApplyFilter(name, ..) if !FILTERS.contains(name) => {
                    self.unknown("filter", name, FILTERS, position());
                }
                Instruction::PerformTest(name, ..) if !TESTS.contains(name) => {
                    self.unknown("test", name, TESTS, position());
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

    fn expression(&mut self, text: Option<&str>, position: Option<Position>) {
        match text {
            Some(text) => self.expressions.push((text.to_owned(), position)),
            None => self.computed.push(position),
        }
    }

    fn unknown(&mut self, kind: &str, name: &str, known: &[&str], position: Option<Position>) {
        let elsewhere = match kind {
            "function" => instead::of_function(name),
            "filter" => instead::of_filter(name),
            "test" => instead::of_test(name),
            _ => instead::of_method(name),
        };
        let diagnostic =
            Diagnostic::warning(Code::UnknownName, "", format!("unknown {kind} `{name}`"))
                .at(position)
                .help("the template fails where it is used; docs/functions.md lists what there is");
        self.unknown.push(match elsewhere {
            Some(help) => diagnostic.help(help),
            None if self.unknown.len() >= SUGGESTED => diagnostic,
            None => diagnostic.suggest(name, known.iter().copied()),
        });
    }
}

/// The function of the environment with this name.
fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().copied().find(|function| *function == name)
}

/// Whether the code, as that of most header templates, does nothing but print texts and calls of
/// functions of the environment: no name can be undeclared then.
fn names_only_functions(code: &Instructions<'_>) -> bool {
    instructions(code).all(|instruction| match instruction {
        Instruction::EmitRaw(_)
        | Instruction::Emit
        | Instruction::LoadConst(_)
        | Instruction::ApplyFilter(..) => true,
        Instruction::CallFunction(name, _) => function(name).is_some(),
        _ => false,
    })
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
