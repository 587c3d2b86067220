//! Expressions, written again.

use minijinja::machinery::ast::{
    BinOpKind, Call, CallArg, Expr, GetItem, Slice, Spanned, UnaryOpKind,
};
use minijinja::value::{Value, ValueKind};

use super::{Refused, Writer};
use crate::languages::jinja::constants::{self, Known};
use crate::languages::jinja::operators;

/// How tightly an expression holds together: less than what is around it needs, and it is written in
/// parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Any,
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Concatenation,
    Product,
    Power,
    PowerOperand,
    /// Filters and tests after one another.
    Filter,
    /// Attributes, items and calls after one another.
    Postfix,
    Primary,
}

/// How an operator between two values is written.
enum Written {
    /// As a filter of ours.
    Filter(&'static str),
    /// As it is, between a left side and a right side of these levels.
    Between(Level, &'static str, Level),
}

/// The longest text that is compared as fast as a number.
const SHORT: usize = 64;

/// The last item of a list that is found as fast as the first.
const NEAR: i64 = 64;

impl Writer {
    pub(super) fn expression(
        &mut self,
        expression: &Expr<'_>,
        needed: Level,
    ) -> Result<Known, Refused> {
        self.go_to(expression.span());
        // A number and a dot would be another number.
        let number = needed == Level::Postfix && matches!(expression, Expr::Const(_));
        let brackets = number || level(expression) < needed;
        if brackets {
            self.write("(");
        }
        let known = self.inside(expression)?;
        if brackets {
            self.write(")");
        }
        self.constants.reach(&known, expression.span())?;
        Ok(known)
    }

    fn inside(&mut self, expression: &Expr<'_>) -> Result<Known, Refused> {
        match expression {
            Expr::Var(name) => self.write(name.id),
            Expr::Const(constant) => {
                self.constant(&constant.value);
                return Ok(constants::literal(expression));
            }
            Expr::List(list) => {
                self.write("[");
                for item in &list.items {
                    self.expression(item, Level::Any)?;
                    self.write(", ");
                }
                self.write("]");
                return Ok(constants::literal(expression));
            }
            Expr::Map(map) => {
                self.write("{");
                let several = map.keys.len() > 1;
                for (key, value) in map.keys.iter().zip(&map.values) {
                    // Each key is compared with others.
                    if several && !matches!(key, Expr::Const(_)) {
                        self.filtered(key, operators::READ)?;
                    } else {
                        self.expression(key, Level::Any)?;
                    }
                    self.write(": ");
                    self.expression(value, Level::Any)?;
                    self.write(", ");
                }
                self.write(" }");
                return Ok(constants::literal(expression));
            }
            Expr::UnaryOp(unary) => {
                let (sign, level) = match unary.op {
                    UnaryOpKind::Not => ("not ", Level::Not),
                    UnaryOpKind::Neg => ("-", Level::Primary),
                };
                self.write(sign);
                let known = self.expression(&unary.expr, level)?;
                return Ok(constants::unary(&unary.op, known, unary.span()));
            }
            Expr::BinOp(binary) => {
                let (begins, line) = (self.out.len(), self.line);
                let (left, right) = match written(&binary.op, &binary.left, &binary.right) {
                    Written::Filter(name @ operators::CONCATENATION) => {
                        let left = self.printed(&binary.left, Level::Filter)?;
                        self.apply(name);
                        self.write("(");
                        let right = self.printed(&binary.right, Level::Any)?;
                        self.write(")");
                        (left, right)
                    }
                    Written::Filter(name) => {
                        let left = self.filtered(&binary.left, name)?;
                        self.write("(");
                        let right = self.expression(&binary.right, Level::Any)?;
                        self.write(")");
                        (left, right)
                    }
                    Written::Between(before, sign, after) => {
                        let left = self.expression(&binary.left, before)?;
                        self.write(sign);
                        (left, self.expression(&binary.right, after)?)
                    }
                };
                let known = constants::binary(&binary.op, left, right, binary.span())?;
                if matches!(binary.op, BinOpKind::ScAnd) && known.is_falsy() {
                    // The compiler makes this of constants, and `and` in a template that runs one of its sides.
                    self.out.truncate(begins);
                    self.line = line;
                    self.write("false");
                }
                return Ok(known);
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.true_expr, Level::Or)?;
                self.write(" if ");
                self.expression(&choice.test_expr, Level::Or)?;
                if let Some(otherwise) = &choice.false_expr {
                    self.write(" else ");
                    self.expression(otherwise, Level::Any)?;
                }
            }
            Expr::Filter(filter) => {
                if let Some(value) = &filter.expr {
                    self.expression(value, Level::Filter)?;
                    self.write("|");
                }
                self.write(filter.name);
                self.arguments(&filter.args, None)?;
            }
            Expr::Test(test) => {
                self.expression(&test.expr, Level::Filter)?;
                self.write(" is ");
                self.write(test.name);
                self.arguments(&test.args, None)?;
            }
            Expr::GetAttr(attribute) => {
                self.expression(&attribute.expr, Level::Postfix)?;
                self.write(".");
                self.write(attribute.name);
            }
            Expr::GetItem(item) => self.item(item)?,
            Expr::Slice(slice) => self.slice(slice)?,
            Expr::Call(call) => self.call(call)?,
        }
        Ok(Known::default())
    }

    /// An expression whose value becomes text: what looks at a field of `extracted` before stands
    /// behind it.
    pub(super) fn printed(
        &mut self,
        expression: &Expr<'_>,
        needed: Level,
    ) -> Result<Known, Refused> {
        match field(expression) {
            Some(filter) => self.filtered(expression, filter),
            None => self.expression(expression, needed),
        }
    }

    /// An expression, and a filter of ours on it.
    pub(super) fn filtered(
        &mut self,
        expression: &Expr<'_>,
        filter: &str,
    ) -> Result<Known, Refused> {
        let known = self.expression(expression, Level::Filter)?;
        self.apply(filter);
        Ok(known)
    }

    fn constant(&mut self, value: &Value) {
        match value.as_str() {
            Some(text) => self.quoted(text),
            None if value.kind() == ValueKind::Number && !value.is_integer() => {
                let number = f64::try_from(value.clone()).unwrap_or_default();
                // What is too large for a number is still one to the engine.
                let written = match number.is_finite() {
                    true => format!("{number:?}"),
                    false => "1e999".to_owned(),
                };
                self.write(&written);
            }
            None => self.write(&value.to_string()),
        }
    }

    fn item(&mut self, item: &GetItem<'_>) -> Result<(), Refused> {
        if is_near(&item.subscript_expr) {
            self.expression(&item.expr, Level::Postfix)?;
            self.write("[");
            self.expression(&item.subscript_expr, Level::Any)?;
            self.write("]");
            return Ok(());
        }
        self.filtered(&item.expr, operators::ITEM)?;
        self.write("(");
        self.expression(&item.subscript_expr, Level::Any)?;
        self.write(")");
        Ok(())
    }

    fn slice(&mut self, slice: &Slice<'_>) -> Result<(), Refused> {
        self.filtered(&slice.expr, operators::SLICE)?;
        self.write("(");
        for bound in [&slice.start, &slice.stop, &slice.step] {
            match bound {
                Some(bound) => drop(self.expression(bound, Level::Or)?),
                None => self.write("none"),
            }
            self.write(", ");
        }
        self.write(")");
        Ok(())
    }

    pub(super) fn call(&mut self, call: &Spanned<Call<'_>>) -> Result<(), Refused> {
        self.go_to(call.span());
        self.expression(&call.expr, Level::Postfix)?;
        // It compares its arguments with those of the round before.
        let compares = matches!(&call.expr, Expr::GetAttr(method) if method.name == "changed");
        self.arguments(&call.args, compares.then_some(operators::READ_WHOLE))
    }

    /// Arguments, with a filter on each.
    fn arguments(
        &mut self,
        arguments: &[CallArg<'_>],
        filter: Option<&str>,
    ) -> Result<(), Refused> {
        self.write("(");
        for argument in arguments {
            let (sign, value) = match argument {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => ("", value),
                CallArg::PosSplat(value) => ("*", value),
                CallArg::KwargSplat(value) => ("**", value),
            };
            self.write(sign);
            if let CallArg::Kwarg(name, _) = argument {
                self.write(name);
                self.write("=");
            }
            let spread = match argument {
                CallArg::PosSplat(_) => Some(operators::READ_ITEMS),
                CallArg::KwargSplat(_) => Some(operators::READ_MAP),
                CallArg::Pos(_) | CallArg::Kwarg(..) => None,
            };
            match filter.or(spread) {
                Some(filter) => self.filtered(value, filter)?,
                None => self.expression(value, Level::Or)?,
            };
            self.write(", ");
        }
        self.write(")");
        Ok(())
    }
}

fn level(expression: &Expr<'_>) -> Level {
    match expression {
        Expr::Var(_) | Expr::Const(_) | Expr::List(_) | Expr::Map(_) => Level::Primary,
        Expr::GetAttr(_) | Expr::Call(_) => Level::Postfix,
        Expr::GetItem(item) if is_near(&item.subscript_expr) => Level::Postfix,
        Expr::GetItem(_) | Expr::Slice(_) | Expr::Filter(_) | Expr::Test(_) => Level::Filter,
        Expr::IfExpr(_) => Level::Any,
        Expr::UnaryOp(unary) => match unary.op {
            UnaryOpKind::Not => Level::Not,
            UnaryOpKind::Neg => Level::Filter,
        },
        Expr::BinOp(binary) => match written(&binary.op, &binary.left, &binary.right) {
            Written::Filter(_) => Level::Filter,
            Written::Between(level, ..) => level,
        },
    }
}

fn written(op: &BinOpKind, left: &Expr<'_>, right: &Expr<'_>) -> Written {
    let compared = |sign, filter| {
        if is_short(left) || is_short(right) {
            Written::Between(Level::Comparison, sign, Level::Sum)
        } else {
            Written::Filter(filter)
        }
    };
    match op {
        BinOpKind::Add => Written::Filter(operators::SUM),
        BinOpKind::Mul => Written::Filter(operators::PRODUCT),
        BinOpKind::Concat => Written::Filter(operators::CONCATENATION),
        BinOpKind::In => Written::Filter(operators::CONTAINMENT),
        BinOpKind::Eq => compared(" == ", operators::EQUAL),
        BinOpKind::Ne => compared(" != ", operators::UNEQUAL),
        BinOpKind::Lt => compared(" < ", operators::LESS),
        BinOpKind::Lte => compared(" <= ", operators::AT_MOST),
        BinOpKind::Gt => compared(" > ", operators::GREATER),
        BinOpKind::Gte => compared(" >= ", operators::AT_LEAST),
        // Of numbers only.
        BinOpKind::Sub => Written::Between(Level::Sum, " - ", Level::Concatenation),
        BinOpKind::Div => Written::Between(Level::Product, " / ", Level::Power),
        BinOpKind::FloorDiv => Written::Between(Level::Product, " // ", Level::Power),
        BinOpKind::Rem => Written::Between(Level::Product, " % ", Level::Power),
        BinOpKind::Pow => Written::Between(Level::Power, " ** ", Level::PowerOperand),
        BinOpKind::ScAnd => Written::Between(Level::And, " and ", Level::Not),
        BinOpKind::ScOr => Written::Between(Level::Or, " or ", Level::And),
    }
}

/// What looks at an expression that is a member of `extracted`.
fn field(expression: &Expr<'_>) -> Option<&'static str> {
    let (of, filter) = match expression {
        Expr::GetAttr(member) => (&member.expr, operators::FIELD),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(_) => (&item.expr, operators::FIELD),
            _ => (&item.expr, operators::COMPUTED_FIELD),
        },
        _ => return None,
    };
    matches!(of, Expr::Var(name) if name.id == "extracted").then_some(filter)
}

/// Whether a comparison with it ends soon.
fn is_short(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => {
            let text = constant.value.as_str();
            text.is_none_or(|text| text.len() <= SHORT)
        }
        _ => false,
    }
}

/// Whether what it names is found soon.
fn is_near(subscript: &Expr<'_>) -> bool {
    match subscript {
        Expr::Const(constant) => match constant.value.as_i64() {
            Some(index) => (0..NEAR).contains(&index),
            None => is_short(subscript),
        },
        _ => false,
    }
}
