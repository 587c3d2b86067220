//! What the engine's compiler calculates before any template runs, bounded: it does so with operators
//! of its own, and again for each expression around them.

use minijinja::Value;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{BinOp, BinOpKind, Const, Expr, Spanned, UnaryOp, UnaryOpKind};

use super::memory;

/// The most that one calculation may make or read, in bytes.
pub(crate) const CALCULATION: usize = 256 << 10;

/// The same of all calculations of a template.
pub(crate) const ALL: usize = 8 << 20;

/// What a number or truth value counts, in bytes.
const SCALAR: usize = 16;

/// The compiler calculates too much, here.
#[derive(Debug)]
pub(super) struct TooMuch(pub(super) Span);

/// What the compiler knows of an expression.
#[derive(Default)]
pub(super) struct Known {
    /// Its value.
    value: Option<Value>,
    /// What it takes to find that out, in bytes.
    cost: usize,
}

impl Known {
    /// Whether it is known, and counts as false.
    pub(super) fn is_falsy(&self) -> bool {
        self.value.as_ref().is_some_and(|value| !value.is_true())
    }
}

/// What the calculations of a template may still cost.
pub(super) struct Constants {
    left: usize,
}

impl Constants {
    pub(super) fn new() -> Self {
        Self { left: ALL }
    }

    /// Counts what the compiler does where it comes to an expression: it finds out the value from
    /// the beginning.
    pub(super) fn reach(&mut self, known: &Known, span: Span) -> Result<(), TooMuch> {
        let left = self.left.checked_sub(known.cost);
        self.left = left.ok_or(TooMuch(span))?;
        Ok(())
    }
}

/// A literal, or a list or map of these.
pub(super) fn literal(expression: &Expr<'_>) -> Known {
    let size = |items: usize| items.saturating_mul(SCALAR);
    let cost = match expression {
        Expr::List(list) => size(list.items.len()),
        Expr::Map(map) => size(map.keys.len()).saturating_mul(SCALAR),
        _ => 0,
    };
    Known {
        value: expression.as_const(),
        cost,
    }
}

/// An operator before a value.
pub(super) fn unary(op: &UnaryOpKind, known: Known, span: Span) -> Known {
    let op = match op {
        UnaryOpKind::Not => UnaryOpKind::Not,
        UnaryOpKind::Neg => UnaryOpKind::Neg,
    };
    let calculated = known.value.and_then(|value| {
        let expr = constant(value, span);
        Expr::UnaryOp(Spanned::new(UnaryOp { op, expr }, span)).as_const()
    });
    Known {
        value: calculated,
        cost: known.cost.saturating_add(SCALAR),
    }
}

/// An operator between two values.
pub(super) fn binary(
    op: &BinOpKind,
    left: Known,
    right: Known,
    span: Span,
) -> Result<Known, TooMuch> {
    let cost = left.cost.saturating_add(right.cost);
    let (Some(left), Some(right)) = (left.value, right.value) else {
        return Ok(Known { value: None, cost });
    };
    let own = own_cost(op, &left, &right);
    if own > CALCULATION {
        return Err(TooMuch(span));
    }
    let both = BinOp {
        op: same(op),
        left: constant(left, span),
        right: constant(right, span),
    };
    Ok(Known {
        value: Expr::BinOp(Spanned::new(both, span)).as_const(),
        cost: cost.saturating_add(own),
    })
}

/// What a calculation makes or reads, in bytes.
fn own_cost(op: &BinOpKind, left: &Value, right: &Value) -> usize {
    if let BinOpKind::Mul = op {
        let repeated = |value: &Value, times: &Value| {
            let each = match value.as_str() {
                Some(text) => text.len(),
                None if value.as_object().is_some() => value
                    .len()
                    .unwrap_or(usize::MAX)
                    .saturating_mul(memory::ITEM),
                None => return SCALAR,
            };
            each.saturating_mul(times.as_usize().unwrap_or_default())
        };
        return repeated(left, right).max(repeated(right, left));
    }
    size(left).saturating_add(size(right))
}

/// What a value prints, in bytes.
fn size(value: &Value) -> usize {
    match value.as_str() {
        Some(text) => text.len().saturating_add(SCALAR),
        None if value.as_object().is_some() => printed(value),
        None => SCALAR,
    }
}

fn printed(value: &Value) -> usize {
    memory::begin(0, u64::MAX);
    let size = memory::printed_size(value).unwrap_or(usize::MAX);
    memory::end();
    size
}

fn constant<'a>(value: Value, span: Span) -> Expr<'a> {
    Expr::Const(Spanned::new(Const { value }, span))
}

fn same(op: &BinOpKind) -> BinOpKind {
    match op {
        BinOpKind::Eq => BinOpKind::Eq,
        BinOpKind::Ne => BinOpKind::Ne,
        BinOpKind::Lt => BinOpKind::Lt,
        BinOpKind::Lte => BinOpKind::Lte,
        BinOpKind::Gt => BinOpKind::Gt,
        BinOpKind::Gte => BinOpKind::Gte,
        BinOpKind::ScAnd => BinOpKind::ScAnd,
        BinOpKind::ScOr => BinOpKind::ScOr,
        BinOpKind::Add => BinOpKind::Add,
        BinOpKind::Sub => BinOpKind::Sub,
        BinOpKind::Mul => BinOpKind::Mul,
        BinOpKind::Div => BinOpKind::Div,
        BinOpKind::FloorDiv => BinOpKind::FloorDiv,
        BinOpKind::Rem => BinOpKind::Rem,
        BinOpKind::Pow => BinOpKind::Pow,
        BinOpKind::Concat => BinOpKind::Concat,
        BinOpKind::In => BinOpKind::In,
    }
}
