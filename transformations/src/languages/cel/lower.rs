//! From the parser's tree to [`Node`]s: names, functions and patterns are looked up once.

use bodies::JSON_POINTERS;
use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SourceInfo, operators,
};
use diagnostics::{Code, Diagnostic};

use super::bounds;
use super::document::Step;
use super::functions;
use super::instead::{instead_of_function, instead_of_name};
use super::mismatch;
use super::names::{IN_DOCUMENTS, REQUEST, ROOTS, Root, TYPES};
use super::needs::Needs;
use super::node::{Item, JsonField, JsonText, Literal, Member, Node, Operator, PathPart};
use crate::languages::FieldTypes;

/// An expression on its way: a value, or a name that may still lead to one.
#[derive(Debug)]
pub(super) enum Lowered {
    Node(Node),
    Root(Root),
}

pub(super) struct Lowering<'t> {
    pub(super) path: &'t str,
    pub(super) text: &'t str,
    pub(super) source: &'t SourceInfo,
    /// Those of the fields that the configuration extracts.
    pub(super) types: &'t FieldTypes,
    /// The variables of the macros that are open.
    pub(super) variables: Vec<String>,
    /// How many macros over items are open.
    pub(super) loops: usize,
    /// Whether the names `document` and `value` are known.
    in_documents: bool,
    pub(super) fields: Vec<JsonField>,
    pub(super) needs: Needs,
    pub(super) errors: Vec<Diagnostic>,
}

impl<'t> Lowering<'t> {
    pub(super) fn new(
        path: &'t str,
        text: &'t str,
        source: &'t SourceInfo,
        types: &'t FieldTypes,
        in_documents: bool,
    ) -> Self {
        Self {
            in_documents,
            path,
            text,
            source,
            types,
            variables: Vec::new(),
            loops: 0,
            fields: Vec::new(),
            needs: Needs::default(),
            errors: Vec::new(),
        }
    }

    /// Notes what is wrong with a part of the expression.
    pub(super) fn error(&mut self, id: u64, message: impl Into<String>) -> &mut Diagnostic {
        let position = self.source.offset_for(id).map(|(start, _)| {
            bounds::position(self.text, usize::try_from(start).unwrap_or_default())
        });
        let error = Diagnostic::error(Code::Expression, self.path, message).at(position);
        self.errors.push_mut(error)
    }

    /// What stands for a part that is wrong.
    pub(super) fn placeholder() -> Node {
        Node::Literal(Literal::Null)
    }

    pub(super) fn unknown(&mut self, id: u64, kind: &str, name: &str, known: &[&str]) -> Node {
        let error = self.error(id, format!("unknown {kind} `{name}`"));
        let suggested = error.clone().suggest(name, known.iter().copied());
        let elsewhere = match kind {
            "function" => instead_of_function(name.rsplit('.').next().unwrap_or_default()),
            _ => instead_of_name(name),
        };
        error.help = elsewhere.or(suggested.help).or_else(|| {
            let named = kind != "function";
            named.then(|| format!("write one of `{}`", known.join("`, `")))
        });
        Self::placeholder()
    }

    /// The number of a field of a JSON text.
    pub(super) fn field(&mut self, of: JsonText, path: Vec<Step>) -> usize {
        let known = |field: &JsonField| field.of == of && field.path == path;
        if let Some(known) = self.fields.iter().position(known) {
            return known;
        }
        let pointer: String = path.iter().map(Step::pointer).collect();
        match of {
            JsonText::Body(message) => {
                self.needs.of_mut(message).fields.insert(pointer.clone());
            }
            JsonText::Document => {
                self.needs.document.insert(pointer.clone());
            }
            JsonText::Value => self.needs.value = true,
        }
        self.fields.push(JsonField { of, path, pointer });
        self.fields.len().saturating_sub(1)
    }

    /// Whether the expression has more fields than one search finds.
    pub(super) fn too_many_fields(&self) -> bool {
        self.fields.len() > JSON_POINTERS
    }

    /// An expression whose value is wanted.
    pub(super) fn value(&mut self, expr: &IdedExpr) -> Node {
        let lowered = self.lower(expr);
        let node = self.finish(expr.id, lowered);
        if let Node::Headers(message) = node {
            self.needs.of_mut(message).headers.all();
        }
        node
    }

    pub(super) fn pair(&mut self, left: &IdedExpr, right: &IdedExpr) -> Box<[Node; 2]> {
        Box::new([self.value(left), self.value(right)])
    }

    pub(super) fn lower(&mut self, expr: &IdedExpr) -> Lowered {
        let id = expr.id;
        let node = match &expr.expr {
            Expr::Literal(value) => Node::Literal(literal(value)),
            Expr::Ident(name) => return self.identifier(id, name),
            Expr::Select(select) => {
                let of = self.lower(&select.operand);
                return self.select(id, of, &select.field, false);
            }
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Call(call) => return self.call(id, call),
            Expr::Struct(message) => {
                let text = format!("there is no message type `{}`", message.type_name);
                self.error(id, text).help = Some("write a map: `{\"key\": value}`".to_owned());
                Self::placeholder()
            }
            Expr::Comprehension(_) | Expr::Unspecified => {
                self.error(id, "not an expression");
                Self::placeholder()
            }
        };
        Lowered::Node(node)
    }

    /// The JSON text that a name stands for in an expression about the edits of a document.
    pub(super) fn of_document(&self, name: &str) -> Option<JsonText> {
        let known = IN_DOCUMENTS.iter().filter(|_| self.in_documents);
        let mut named = known.filter(|(known, _)| *known == name);
        named.next().map(|(_, of)| *of)
    }

    fn identifier(&mut self, id: u64, name: &str) -> Lowered {
        if let Some(place) = self.variables.iter().rposition(|open| open == name) {
            return Lowered::Node(Node::Local(place));
        }
        if let Some(root) = Root::named(name) {
            return Lowered::Root(root);
        }
        if let Some(of) = self.of_document(name) {
            return Lowered::Root(Root::Json(of, Vec::new()));
        }
        Lowered::Node(match TYPES.iter().find(|known| **known == name) {
            Some(known) => Node::Type(known),
            None => {
                let variables = self.variables.clone();
                let variables = variables.iter().map(String::as_str);
                let documents = IN_DOCUMENTS.iter().filter(|_| self.in_documents);
                let documents = documents.map(|(known, _)| *known);
                let known: Vec<&str> = ROOTS
                    .into_iter()
                    .chain(documents)
                    .chain(variables)
                    .collect();
                let node = self.unknown(id, "name", name, &known);
                if let (Some(error), true) = (self.errors.last_mut(), REQUEST.contains(&name)) {
                    error.help = Some(format!("write `request.{name}`"));
                }
                let elsewhere = IN_DOCUMENTS.iter().any(|(known, _)| *known == name);
                if let (Some(error), true) = (self.errors.last_mut(), elsewhere) {
                    let help = "only `cel` and `when` of an edit in `patch`, and `dropEvents`, can read it";
                    error.help = Some(help.to_owned());
                }
                node
            }
        })
    }

    fn select(&mut self, id: u64, of: Lowered, name: &str, optional: bool) -> Lowered {
        if let (Lowered::Root(Root::Json(text, path)), true) = (&of, optional) {
            let (text, mut path) = (*text, path.clone());
            let of = self.field(text, path.clone());
            path.push(Step::Member(name.to_owned()));
            let field = self.field(text, path);
            return Lowered::Node(Node::OptionalField { of, field });
        }
        match self.member(id, of, name) {
            Ok(Lowered::Node(node)) if optional => Lowered::Node(Node::Optional(Box::new(node))),
            Ok(lowered) => lowered,
            Err(of) => {
                self.may_have_members(id, &of, name);
                Lowered::Node(Node::Select {
                    of: Box::new(of),
                    member: Member::Field {
                        name: name.into(),
                        optional,
                    },
                })
            }
        }
    }

    /// Notes that a member is selected of what has none, whatever the message says.
    fn may_have_members(&mut self, id: u64, of: &Node, name: &str) {
        // Null may stand for what is wrong, of which enough has been said.
        let known = of.type_name();
        let Some(kind) = known.filter(|kind| !["map", "null_type"].contains(kind)) else {
            return;
        };
        let help = match of {
            Node::Body(message) => {
                format!("write `json({}.body).{name}`", message.as_str())
            }
            Node::Path(PathPart::Query) => format!("write `form.decode(request.query).{name}`"),
            _ => "only maps have members".to_owned(),
        };
        let error = self.error(id, format!("a value of type {kind} has no member `{name}`"));
        error.help = Some(help);
    }

    fn index(&mut self, id: u64, of: &IdedExpr, at: &IdedExpr, optional: bool) -> Lowered {
        let of = self.lower(of);
        let (of, at) = match (of, &at.expr) {
            (of @ Lowered::Root(_), Expr::Literal(LiteralValue::String(name)))
            | (
                of @ Lowered::Node(Node::Headers(_) | Node::Metadata(_)),
                Expr::Literal(LiteralValue::String(name)),
            ) => return self.select(id, of, name.inner(), optional),
            (
                Lowered::Root(Root::Json(text, mut path)),
                Expr::Literal(LiteralValue::Int(place)),
            ) if !optional && *place.inner() >= 0 => {
                path.push(Step::Element(
                    usize::try_from(*place.inner()).unwrap_or(usize::MAX),
                ));
                return Lowered::Root(Root::Json(text, path));
            }
            (Lowered::Node(Node::Headers(message)), _) => {
                self.needs.of_mut(message).headers.all();
                let node = Node::HeaderNamed(message, Box::new(self.value(at)));
                return Lowered::Node(if optional {
                    Node::Optional(Box::new(node))
                } else {
                    node
                });
            }
            (of, place) => {
                let of = self.finish(id, of);
                if let Expr::Literal(LiteralValue::String(name)) = place
                    && matches!(of, Node::Path(_) | Node::Header(..) | Node::Body(_))
                {
                    self.may_have_members(id, &of, name.inner());
                }
                (of, self.value(at))
            }
        };
        Lowered::Node(Node::Select {
            of: Box::new(of),
            member: Member::Index {
                at: Box::new(at),
                optional,
            },
        })
    }

    /// `has(a.b)`.
    pub(super) fn has(&mut self, id: u64, argument: &IdedExpr) -> Node {
        if let Expr::Ident(name) = &argument.expr
            && let Lowered::Root(Root::Json(text, path)) = self.identifier(argument.id, name)
        {
            return Node::Has(Box::new(Node::Field(self.field(text, path))));
        }
        let Expr::Select(select) = &argument.expr else {
            let of_headers =
                matches!(&argument.expr, Expr::Call(call) if call.func_name == operators::INDEX);
            let help = match of_headers {
                true => "write `\"name\" in request.headers`, or of JSON `has(map.key)`",
                false => "write, for example, `has(json(request.body).model)`",
            };
            self.error(id, "`has` needs a member").help = Some(help.to_owned());
            return Self::placeholder();
        };
        let of = self.lower(&select.operand);
        if let Lowered::Root(Root::Json(text, path)) = &of {
            let (text, mut path) = (*text, path.clone());
            let of = self.field(text, path.clone());
            path.push(Step::Member(select.field.clone()));
            let field = self.field(text, path);
            return Node::HasField { of, field };
        }
        match self.member(id, of, &select.field) {
            Ok(Lowered::Node(node)) => Node::Has(Box::new(node)),
            Ok(Lowered::Root(_)) => Node::Literal(Literal::Bool(true)),
            Err(of) => {
                self.may_have_members(id, &of, &select.field);
                Node::HasMember {
                    of: Box::new(of),
                    field: select.field.as_str().into(),
                }
            }
        }
    }

    fn list(&mut self, list: &ListExpr) -> Node {
        let items = list.elements.iter().enumerate();
        Node::List(
            items
                .map(|(nth, item)| Item {
                    node: self.value(item),
                    optional: list.optional_indices.contains(&nth),
                })
                .collect(),
        )
    }

    fn map(&mut self, map: &MapExpr) -> Node {
        let mut entries = Vec::new();
        for entry in &map.entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                let item = Item {
                    node: self.value(&entry.value),
                    optional: entry.optional,
                };
                entries.push((self.value(&entry.key), item));
            }
        }
        Node::Map(entries)
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Lowered {
        let name = call.func_name.as_str();
        if let (None, [left, right]) = (&call.target, call.args.as_slice()) {
            if name == operators::INDEX || name == operators::OPT_INDEX {
                return self.index(id, left, right, name == operators::OPT_INDEX);
            }
            if name == operators::OPT_SELECT
                && let Expr::Literal(LiteralValue::String(field)) = &right.expr
            {
                let of = self.lower(left);
                return self.select(id, of, field.inner(), true);
            }
        }
        // A field of a JSON body is looked up in its bytes.
        if let (None, "json", [argument]) = (&call.target, name, call.args.as_slice()) {
            let before = self.needs.clone();
            let argument = self.value(argument);
            if let Node::Body(message) = argument {
                self.needs = before;
                return Lowered::Root(Root::Json(JsonText::Body(message), Vec::new()));
            }
            return Lowered::Node(match functions::named(name) {
                Some(function) => Node::Call(function, vec![argument]),
                None => argument,
            });
        }
        Lowered::Node(match self.operator(id, call) {
            Some(node) => node,
            None => match self.form(id, call) {
                Some(node) => node,
                None => self.function(id, call),
            },
        })
    }

    fn operator(&mut self, id: u64, call: &CallExpr) -> Option<Node> {
        if call.target.is_some() {
            return None;
        }
        Some(match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => Node::And(self.pair(left, right)),
            (operators::LOGICAL_OR, [left, right]) => Node::Or(self.pair(left, right)),
            (operators::LOGICAL_NOT, [of]) => Node::Not(Box::new(self.value(of))),
            (operators::NEGATE, [of]) => Node::Negate(Box::new(self.value(of))),
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                Node::Conditional(Box::new([
                    self.value(condition),
                    self.value(then),
                    self.value(otherwise),
                ]))
            }
            (name, [left, right]) => {
                let operator = operator(name)?;
                let left = self.value(left);
                if let (Operator::Subtract, Node::Header(message, name)) = (operator, &left) {
                    let help = format!("write `{}.headers[\"{name}-...\"]`", message.as_str());
                    let error =
                        self.error(id, "a dash after a header's name is read as a subtraction");
                    error.help = Some(help);
                    return Some(Self::placeholder());
                }
                let lowered = self.lower(right);
                if let (Operator::In, Lowered::Node(Node::Headers(message))) = (operator, &lowered)
                {
                    match &left {
                        Node::Literal(Literal::String(name)) => {
                            self.needs.of_mut(*message).headers.name(name);
                        }
                        _ => self.needs.of_mut(*message).headers.all(),
                    }
                    return Some(Node::HasHeader(*message, Box::new(left)));
                }
                let right = self.finish(0, lowered);
                if let Some((message, help)) = mismatch::of(operator, &left, &right) {
                    self.error(id, message).help = Some(help);
                }
                Node::Operation(operator, Box::new([left, right]))
            }
            _ => return None,
        })
    }
}

impl Step {
    /// As a part of a JSON Pointer.
    fn pointer(&self) -> String {
        match self {
            Step::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Element(index) => format!("/{index}"),
        }
    }
}

fn literal(value: &LiteralValue) -> Literal {
    match value {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(value) => Literal::Bool(*value.inner()),
        LiteralValue::Int(value) => Literal::Int(*value.inner()),
        LiteralValue::UInt(value) => Literal::Uint(*value.inner()),
        LiteralValue::Double(value) => Literal::Double(*value.inner()),
        LiteralValue::String(text) => Literal::String(text.inner().into()),
        LiteralValue::Bytes(bytes) => Literal::Bytes(bytes.inner().into()),
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        _ => return None,
    })
}
