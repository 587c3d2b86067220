//! Calls of functions and methods, looked up once.

use cel::common::ast::{CallExpr, Expr, IdedExpr};

use super::forms::FORMS;
use super::functions::{self, Builtin, Style};
use super::lower::Lowering;
use super::mismatch;
use super::names::Root;
use super::node::{Literal, MetadataKind, Node};
use super::pattern;
use crate::ops::Direction;

impl Lowering<'_> {
    /// A call of a function or a method.
    pub(super) fn function(&mut self, id: u64, call: &CallExpr) -> Node {
        let mut name = call.func_name.clone();
        let mut target = call.target.as_deref();
        if let Some(namespace) = target.and_then(|target| self.namespace(target)) {
            let qualified = format!("{namespace}.{name}");
            if functions::named(&qualified).is_some() || Root::named(namespace).is_none() {
                name = qualified;
                target = None;
            }
        }
        if let Some(form) = FORMS.iter().find(|form| form.name == name) {
            return self.called_otherwise(id, form.name, form.signature);
        }
        if let Some(node) = target.and_then(|target| self.of_headers(target, &name, &call.args)) {
            return node;
        }
        let style = if target.is_some() {
            Style::Method
        } else {
            Style::Global
        };
        let mut arguments: Vec<Node> = target.into_iter().map(|expr| self.value(expr)).collect();
        arguments.extend(call.args.iter().map(|expr| self.value(expr)));
        let Some(function) = functions::named(&name) else {
            return self.unknown(id, "function", &name, &functions::names());
        };
        if !function.style.allows(style) {
            return self.called_otherwise(id, function.name, function.signature);
        }
        if !function.takes(arguments.len()) {
            let message = format!("`{name}` has the wrong number of arguments");
            self.error(id, message).help = Some(written(function.signature));
            return Self::placeholder();
        }
        let first = arguments.first();
        if let Some((message, help)) = first.and_then(|first| mismatch::of_call(function, first)) {
            self.error(id, message).help = Some(help);
            return Self::placeholder();
        }
        self.special(id, function, arguments)
    }

    fn called_otherwise(&mut self, id: u64, name: &str, signature: &str) -> Node {
        let message = format!("`{name}` cannot be called in this way");
        self.error(id, message).help = Some(written(signature));
        Self::placeholder()
    }

    /// The name that is no variable: the namespace `base64` of `base64.encode(x)`.
    fn namespace<'e>(&self, target: &'e IdedExpr) -> Option<&'e str> {
        match &target.expr {
            Expr::Ident(name)
                if !self.variables.contains(name) && self.of_document(name).is_none() =>
            {
                Some(name)
            }
            _ => None,
        }
    }

    /// Functions of `request.headers`.
    fn of_headers(&mut self, target: &IdedExpr, name: &str, args: &[IdedExpr]) -> Option<Node> {
        let [argument] = args else { return None };
        if !matches!(name, "values" | "cookie") {
            return None;
        }
        let Expr::Select(select) = &target.expr else {
            return None;
        };
        let root = self.namespace(&select.operand).and_then(Root::named);
        let Some(Root::Message(message)) = root else {
            return None;
        };
        if select.field != "headers" || (name == "cookie" && message == Direction::Response) {
            return None;
        }
        let argument = self.value(argument);
        let headers = &mut self.needs.of_mut(message).headers;
        if name == "cookie" {
            headers.name("cookie");
            return Some(Node::Cookie(Box::new(argument)));
        }
        match &argument {
            Node::Literal(Literal::String(name)) => headers.name(name),
            _ => headers.all(),
        }
        Some(Node::HeaderValues(message, Box::new(argument)))
    }

    /// Functions of which more is known from the beginning: patterns, and the type of metadata.
    fn special(&mut self, id: u64, function: &'static Builtin, mut arguments: Vec<Node>) -> Node {
        let kind = match function.name {
            "int" | "uint" | "double" => Some(MetadataKind::Number),
            "bool" => Some(MetadataKind::Bool),
            _ => None,
        };
        if let (Some(kind), [Node::Metadata(metadata)]) = (kind, arguments.as_mut_slice()) {
            metadata.kind = kind;
            if kind == MetadataKind::Bool {
                let written = format!("bool({})", metadata.written());
                self.needs.booleans.insert(written);
            }
        }
        let pattern = match (function.name, arguments.get(1)) {
            ("matches" | "regexReplace", Some(Node::Literal(Literal::String(text)))) => {
                pattern::compile(text)
            }
            _ => return Node::Call(function, arguments),
        };
        let pattern = match pattern {
            Ok(pattern) => Box::new(pattern),
            Err(error) => {
                self.error(id, error.to_string());
                return Self::placeholder();
            }
        };
        let mut arguments = arguments.into_iter();
        match (arguments.next(), arguments.nth(1)) {
            (Some(text), Some(with)) => Node::RegexReplace(Box::new([text, with]), pattern),
            (Some(text), None) => Node::Matches(Box::new(text), pattern),
            (None, _) => Self::placeholder(),
        }
    }
}

/// How to write a call. Some signatures have two forms.
fn written(signature: &str) -> String {
    format!("write `{}`", signature.replace("), ", ")` or `"))
}
