//! The key `reject`, and what keeps a rule from being got past.

use diagnostics::{Code, Diagnostic};

use super::Compiler;
use super::headers::HeaderVerb;
use crate::config::{self, Transformation};
use crate::edits::{Formula, Rule, redirects};
use crate::languages::Phase;
use crate::languages::cel::Expression;
use crate::languages::jinja::{Template, unescaped};
use crate::ops::Direction;
use crate::program::Pass;

/// Statuses whose answers have no body.
const BODILESS: [u16; 3] = [204, 205, 304];

impl Compiler<'_> {
    /// The rules of a pass.
    pub(super) fn rules(&mut self, direction: Direction, rules: &[config::Reject]) -> Vec<Rule> {
        let rules = rules.iter().enumerate();
        let path = |index| format!("{}.reject[{index}]", direction.as_str());
        let compile = |(index, rule)| self.rule(direction, path(index), rule);
        rules.filter_map(compile).collect()
    }

    fn rule(&mut self, direction: Direction, path: String, rule: &config::Reject) -> Option<Rule> {
        let when = self.condition(Phase::Rules, &format!("{path}.when"), &rule.when);
        let status = rule.status.unwrap_or(match direction {
            Direction::Request => 403,
            Direction::Response => 502,
        });
        if !(200..600).contains(&status) {
            let message = format!("{status} is not the status of an answer");
            let help = "write a number from 200 to 599";
            self.error(Code::Range, &format!("{path}.status"), message, help);
        }
        let location = |header: &config::HeaderTemplate| {
            header.name.eq_ignore_ascii_case("location")
                && (!header.value.is_empty() || header.cel.is_some())
        };
        if redirects(status) && !rule.headers.iter().any(location) {
            self.error(
                Code::Conflict,
                &format!("{path}.status"),
                format!("{status} sends the client nowhere"),
                "add `headers: [{name: location, value: \"/there\"}]`",
            );
        }
        if rule.body.is_some() && !rule.message.is_empty() {
            self.warning(
                Code::Conflict,
                &format!("{path}.message"),
                "this message is sent only where `body` fails",
                "remove `message`, or `body`",
            );
        }
        if BODILESS.contains(&status) && (rule.body.is_some() || !rule.message.is_empty()) {
            let key = match rule.body {
                Some(_) => "body",
                None => "message",
            };
            self.warning(
                Code::Conflict,
                &format!("{path}.{key}"),
                format!("an answer with {status} has no body"),
                "choose another status, or remove this key",
            );
        }
        // They are those of an answer, whatever it is in place of.
        let headers = self.headers(
            Direction::Response,
            HeaderVerb::Set,
            &format!("{path}.headers"),
            &rule.headers,
        );
        for header in headers.iter().filter(|header| header.name == ":status") {
            let help = "write `status: 404`";
            let message = "`headers` cannot set the status of the answer";
            self.error(Code::Conflict, &header.path, message, help);
        }
        let message = format!("{path}.message");
        let body = rule.body.as_ref();
        let rule = Rule {
            when: when?,
            early: false,
            status,
            code: rule.code.clone(),
            message: self.answer_template(&message, &rule.message),
            headers,
            body: body.and_then(|body| self.answer_body(&format!("{path}.body"), &body.value)),
            path,
        };
        let bodies = ["body", "context"];
        if rule
            .templates()
            .flat_map(Template::calls)
            .any(|name| bodies.contains(&name))
        {
            let message = "a template of `reject` cannot read the body";
            let direction = direction.as_str();
            let help = format!("write `{{{{ cel(\"{direction}.body\") }}}}`");
            self.error(Code::Conflict, &rule.path, message, &help);
        }
        let early = self.is_early(direction, &rule);
        Some(Rule { early, ..rule })
    }

    /// Whether neither the rule nor its answer needs the body, or a field.
    fn is_early(&self, direction: Direction, rule: &Rule) -> bool {
        let expressions = &self.compilation.expressions;
        let needs_more = |id| {
            let needs = expressions.get(id).map(Expression::needs);
            needs.is_none_or(|needs| {
                needs.all_extracted
                    || !needs.extracted.is_empty()
                    || needs.of(direction).reads_body()
            })
        };
        let headers = rule.headers.iter();
        let evaluated = headers.filter_map(|header| match &header.formula {
            Some(Formula::Expression(id)) => Some(*id),
            Some(Formula::Template(_)) | None => None,
        });
        let called = rule.templates().flat_map(Template::expressions);
        let called = called.filter_map(|(text, _)| expressions.find(Phase::Edits, text));
        let mut ids = evaluated.chain(called).chain([rule.when]);
        rule.templates()
            .all(|template| template.undeclared().is_empty())
            && !ids.any(needs_more)
    }

    fn answer_body(&mut self, path: &str, text: &str) -> Option<Template> {
        let template = self.answer_template(path, text)?;
        self.diagnostics.extend(unescaped::warning(path, text));
        Some(template)
    }

    fn answer_template(&mut self, path: &str, text: &str) -> Option<Template> {
        (!text.is_empty()).then(|| self.template(path, text))?
    }

    /// Notes what a body template leaves of a message where it fails.
    pub(super) fn emptied(&mut self, pass: &Pass) {
        let Some(body) = pass
            .edits
            .body
            .as_ref()
            .filter(|_| pass.on_failure.is_none())
        else {
            return;
        };
        if let Some(Template::Jinja(_)) = body.formula.template() {
            let message = "where this template fails, the message goes on without a body";
            let note = Diagnostic::note(Code::EmptiedBody, &body.path, message);
            self.diagnostics.push(
                note.help("set `onFailure: reject` to answer it, or `continue` to keep the body"),
            );
        }
    }

    /// Warns of rules that a message gets past for which they cannot be decided.
    pub(super) fn undecided(&mut self, transformation: &Transformation, pass: &Pass) {
        if pass.edits.reject.is_empty() || transformation.on_failure.is_some() {
            return;
        }
        let direction = pass.direction.as_str();
        self.warning(
            Code::FailsOpen,
            &format!("{direction}.reject"),
            format!("these rules let a {direction} pass when a `when` fails or a field is invalid"),
            "set `onFailure: reject` to answer it, or `onFailure: continue` to let it pass",
        );
    }
}
