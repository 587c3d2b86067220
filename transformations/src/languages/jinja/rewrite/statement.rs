//! Statements, written again.

use minijinja::machinery::ast::{
    CallBlock, Expr, ForLoop, IfCond, Import, Macro, Set, Spanned, Stmt,
};

use super::expression::Level;
use super::{Refused, Writer};
use crate::languages::jinja::operators;

/// A name for a module on its way into a namespace.
const MODULE: &str = "_module";

impl Writer {
    pub(super) fn statement(&mut self, statement: &Stmt<'_>) -> Result<(), Refused> {
        match statement {
            Stmt::Template(template) => self.body(&template.children)?,
            Stmt::EmitRaw(text) => self.text(text.raw),
            Stmt::EmitExpr(printed) => {
                // A space: `{{-` would cut the text before it.
                self.write("{{ ");
                self.printed(&printed.expr, Level::Any)?;
                self.write(" }}");
            }
            Stmt::ForLoop(each) => self.for_loop(each)?,
            Stmt::IfCond(condition) => self.condition(condition)?,
            Stmt::WithBlock(with) => {
                self.write("{% with ");
                for (target, value) in &with.assignments {
                    self.target(target, true)?;
                    self.write(" = ");
                    self.expression(value, Level::Any)?;
                    self.write(", ");
                }
                self.trim(", ");
                self.block(&with.body, "endwith")?;
            }
            Stmt::Set(set) => self.set(set)?,
            Stmt::SetBlock(set) => {
                self.captures = true;
                self.write("{% set ");
                self.target(&set.target, true)?;
                if let Some(filter) = &set.filter {
                    self.write(" | ");
                    self.expression(filter, Level::Any)?;
                }
                self.block(&set.body, "endset")?;
            }
            Stmt::AutoEscape(escape) => {
                self.write("{% autoescape ");
                self.expression(&escape.enabled, Level::Any)?;
                self.block(&escape.body, "endautoescape")?;
            }
            Stmt::FilterBlock(filter) => {
                self.captures = true;
                self.write("{% filter ");
                self.expression(&filter.filter, Level::Any)?;
                self.block(&filter.body, "endfilter")?;
            }
            Stmt::Block(block) => {
                self.captures = true;
                self.write("{% block ");
                self.write(block.name);
                self.block(&block.body, "endblock")?;
            }
            Stmt::Import(import) => self.import(import)?,
            Stmt::FromImport(import) => {
                self.captures = true;
                self.write("{% from ");
                self.name_of_template(&import.expr)?;
                self.write(" import ");
                for (name, alias) in &import.names {
                    self.target(name, true)?;
                    if let Some(alias) = alias {
                        self.write(" as ");
                        self.target(alias, true)?;
                    }
                    self.write(", ");
                }
                self.write(" %}");
            }
            Stmt::Extends(extends) => {
                self.captures = true;
                self.write("{% extends ");
                self.name_of_template(&extends.name)?;
                self.write(" %}");
            }
            Stmt::Include(include) => {
                self.write("{% include ");
                self.name_of_template(&include.name)?;
                if include.ignore_missing {
                    self.write(" ignore missing");
                }
                self.write(" %}");
            }
            Stmt::Macro(definition) => {
                self.captures = true;
                self.write("{% macro ");
                self.write(definition.name);
                self.parameters(definition)?;
                self.block(&definition.body, "endmacro")?;
            }
            Stmt::CallBlock(call) => self.call_block(call)?,
            Stmt::Do(statement) => {
                self.write("{% do ");
                self.call(&statement.call)?;
                self.write(" %}");
            }
        }
        Ok(())
    }

    fn body(&mut self, statements: &[Stmt<'_>]) -> Result<(), Refused> {
        statements
            .iter()
            .try_for_each(|statement| self.statement(statement))
    }

    /// The end of a statement's tag, what is inside, and the closing tag.
    fn block(&mut self, statements: &[Stmt<'_>], end: &str) -> Result<(), Refused> {
        self.write(" %}");
        self.body(statements)?;
        self.tag(end);
        Ok(())
    }

    fn tag(&mut self, words: &str) {
        self.write("{% ");
        self.write(words);
        self.write(" %}");
    }

    fn trim(&mut self, end: &str) {
        if let Some(rest) = self.out.strip_suffix(end) {
            self.out.truncate(rest.len());
        }
    }

    /// The template's own text.
    fn text(&mut self, text: &str) {
        // What begins a tag, alone or with what follows.
        let plain = !text.contains("{{")
            && !text.contains("{%")
            && !text.contains("{#")
            && !text.ends_with('{');
        if plain && !self.counts_text {
            let lines = text.bytes().filter(|byte| *byte == b'\n').count();
            self.line = self
                .line
                .saturating_add(u16::try_from(lines).unwrap_or(u16::MAX));
            self.write(text);
            return;
        }
        self.write("{{ ");
        self.quoted(text);
        if self.counts_text {
            self.changed = true;
        }
        self.write("|");
        self.write(operators::RAW);
        self.write(" }}");
    }

    fn for_loop(&mut self, each: &ForLoop<'_>) -> Result<(), Refused> {
        self.captures |= each.recursive;
        self.write("{% for ");
        self.target(&each.target, false)?;
        self.write(" in ");
        self.expression(&each.iter, Level::Or)?;
        if let Some(filter) = &each.filter_expr {
            self.write(" if ");
            self.expression(filter, Level::Any)?;
        }
        if each.recursive {
            self.write(" recursive");
        }
        self.write(" %}");
        self.body(&each.body)?;
        if !each.else_body.is_empty() {
            self.tag("else");
            self.body(&each.else_body)?;
        }
        self.tag("endfor");
        Ok(())
    }

    fn condition(&mut self, condition: &IfCond<'_>) -> Result<(), Refused> {
        let mut condition = condition;
        self.write("{% if ");
        loop {
            self.expression(&condition.expr, Level::Or)?;
            self.write(" %}");
            self.body(&condition.true_body)?;
            match condition.false_body.as_slice() {
                [] => break,
                // However many there are, they are not inside one another.
                [Stmt::IfCond(next)] => {
                    self.write("{% elif ");
                    condition = next;
                }
                otherwise => {
                    self.tag("else");
                    self.body(otherwise)?;
                    break;
                }
            }
        }
        self.tag("endif");
        Ok(())
    }

    fn set(&mut self, set: &Set<'_>) -> Result<(), Refused> {
        self.write("{% set ");
        self.target(&set.target, true)?;
        self.write(" = ");
        if let Expr::GetAttr(_) = set.target {
            self.filtered(&set.expr, operators::KEPT)?;
        } else {
            self.expression(&set.expr, Level::Any)?;
        }
        self.write(" %}");
        Ok(())
    }

    /// What is assigned to: names, and attributes of names.
    fn target(&mut self, target: &Expr<'_>, brackets: bool) -> Result<(), Refused> {
        match target {
            Expr::Var(name) => self.write(name.id),
            Expr::GetAttr(attribute) => {
                self.target(&attribute.expr, true)?;
                self.write(".");
                self.write(attribute.name);
            }
            Expr::List(list) => {
                if brackets {
                    self.write("(");
                }
                for item in &list.items {
                    self.target(item, true)?;
                    self.write(", ");
                }
                if brackets {
                    self.write(")");
                }
            }
            other => return Err(Refused::Import(other.span())),
        }
        Ok(())
    }

    fn import(&mut self, import: &Import<'_>) -> Result<(), Refused> {
        self.captures = true;
        self.write("{% import ");
        self.name_of_template(&import.expr)?;
        self.write(" as ");
        if let Expr::GetAttr(_) = import.name {
            self.write(MODULE);
            self.write(" %}{% set ");
            self.target(&import.name, true)?;
            self.write(" = ");
            self.write(MODULE);
            self.apply(operators::KEPT);
        } else {
            self.target(&import.name, true)?;
        }
        self.write(" %}");
        Ok(())
    }

    /// An expression that names a template.
    fn name_of_template(&mut self, name: &Expr<'_>) -> Result<(), Refused> {
        match name {
            Expr::Const(_) => self.expression(name, Level::Any)?,
            _ => self.filtered(name, operators::READ_WHOLE)?,
        };
        Ok(())
    }

    fn parameters(&mut self, definition: &Macro<'_>) -> Result<(), Refused> {
        let without = definition
            .args
            .len()
            .saturating_sub(definition.defaults.len());
        let defaults = std::iter::repeat_n(None, without);
        let defaults = defaults.chain(definition.defaults.iter().map(Some));
        self.write("(");
        for (name, default) in definition.args.iter().zip(defaults) {
            self.target(name, true)?;
            if let Some(default) = default {
                self.write("=");
                self.expression(default, Level::Any)?;
            }
            self.write(", ");
        }
        self.write(")");
        Ok(())
    }

    fn call_block(&mut self, call: &Spanned<CallBlock<'_>>) -> Result<(), Refused> {
        self.captures = true;
        self.write("{% call ");
        if !call.macro_decl.args.is_empty() {
            self.parameters(&call.macro_decl)?;
            self.write(" ");
        }
        self.call(&call.call)?;
        self.block(&call.macro_decl.body, "endcall")
    }
}
