//! Rules of `reject`, and the answers that they give.

use std::borrow::Cow;

use super::HeaderEdit;
use super::editing::{Before, Editing};
use super::view::View;
use crate::config::limits::ANSWER_BYTES;
use crate::failure::Reason;
use crate::languages::ExpressionId;
use crate::languages::jinja::Template;
use crate::rejection::Rejection;

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct Rule {
    /// ``request.reject[0]``.
    pub(crate) path: String,
    pub(crate) when: ExpressionId,
    /// Whether the headers of the message decide it and its answer, before any field is extracted.
    pub(crate) early: bool,
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: Option<Template>,
    pub(crate) headers: Vec<HeaderEdit>,
    pub(crate) body: Option<Template>,
}

impl Rule {
    /// Its templates.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter();
        let headers = headers.filter_map(|header| header.formula.as_ref()?.template());
        self.message.iter().chain(&self.body).chain(headers)
    }

    /// Its templates.
    pub(crate) fn templates_mut(&mut self) -> impl Iterator<Item = &mut Template> {
        let headers = self.headers.iter_mut();
        let headers = headers.filter_map(|header| header.formula.as_mut()?.template_mut());
        self.message.iter_mut().chain(&mut self.body).chain(headers)
    }
}

/// Whether a status sends the client to another place, which the answer has to name.
pub(crate) fn redirects(status: u16) -> bool {
    (300..400).contains(&status) && status != 304
}

impl Editing<'_> {
    /// The answer of a rule that holds. What fails on the way makes it another answer, and never none.
    pub(crate) fn rejection(
        &mut self,
        rule: &Rule,
        before: Before<'_>,
        whole: bool,
    ) -> Box<Rejection> {
        let view = match self.view(before, whole) {
            Ok(view) => view,
            Err(rejection) => return rejection,
        };
        let mut headers = Vec::new();
        for header in &rule.headers {
            let Ok(lines) = self.lines(header, &view) else {
                continue;
            };
            if let Some((reason, detail)) = self.objection(header, &lines) {
                self.outcome.fail(reason, &header.path, detail);
                continue;
            }
            let name = || Cow::Owned(header.name.clone());
            headers.extend(lines.into_iter().map(|line| (name(), line)));
        }
        if redirects(rule.status) && !headers.iter().any(|(name, _)| name == "location") {
            return Rejection::failed(self.direction, Reason::Render);
        }
        let body = rule.body.as_ref();
        let body = body.and_then(|body| self.printed(body, &format!("{}.body", rule.path), &view));
        let body = body.filter(|body| {
            let fits = body.len() <= ANSWER_BYTES;
            if !fits {
                let detail = "the body of the answer is too long";
                self.outcome.fail(Reason::Limit, &rule.path, detail);
            }
            fits
        });
        let message = rule.message.as_ref();
        let message = message
            .and_then(|message| self.printed(message, &format!("{}.message", rule.path), &view));
        let message =
            message.unwrap_or_else(|| format!("the {} is rejected", self.direction.as_str()));
        Rejection::of_rule(rule.status, &rule.code, message, headers, body)
    }

    /// What a template prints; `None` where it fails.
    fn printed(&mut self, template: &Template, path: &str, view: &View<'_>) -> Option<String> {
        if let Some(names) = view.undeclared(template) {
            self.outcome.fail(Reason::UndeclaredVariable, path, names);
            return None;
        }
        self.rendered(template, path, view)
    }
}
