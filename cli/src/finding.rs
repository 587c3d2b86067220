//! One thing that is wrong with a file: where it stands, and how it is printed.

use std::ops::Range;

use serde_json::{Value, json};
use transformations::{Diagnostic, Position, Severity};

/// How much of a long line is shown, in characters.
const SHOWN: usize = 120;

/// One thing that is wrong with a file.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The filter that it is about, such as `static_resources.listeners[0]`; empty if that is the whole file.
    pub(crate) place: String,
    /// Where it stands in the file.
    pub(crate) at: Range<Position>,
    pub(crate) diagnostic: Diagnostic,
}

impl Finding {
    /// Whether the configuration is refused for it.
    pub fn is_error(&self) -> bool {
        self.diagnostic.is_error()
    }

    /// Whether `check` fails for it, unless it is told not to.
    pub fn is_warning(&self) -> bool {
        self.diagnostic.severity == Severity::Warning
    }

    fn severity(&self) -> &'static str {
        match self.diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }

    /// What is wrong, where in the configuration and how to mend it. The line and column are those of
    /// the file, so that the place within the value is left out.
    fn message(&self) -> String {
        let diagnostic = Diagnostic {
            position: None,
            ..self.diagnostic.clone()
        };
        diagnostic.to_string()
    }

    /// What is printed of it: `file:line:column`, the message, the line and a caret below the place.
    pub fn shown(&self, file: &str, text: &str) -> String {
        let Position { line, column } = self.at.start;
        let (severity, code) = (self.severity(), self.diagnostic.code);
        let head = format!(
            "{file}:{line}:{column}: {severity}[{code}]: {}",
            self.message()
        );
        let Some(source) = text.lines().nth(line.saturating_sub(1)) else {
            return head;
        };
        let (source, carets) = self.excerpt(source);
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        format!("{head}\n {number} | {source}\n {margin} | {carets}")
    }

    /// The line, or the part of a long one around the place, and carets to print below.
    fn excerpt(&self, line: &str) -> (String, String) {
        let Range { start, end } = &self.at;
        let before = start.column.saturating_sub(1);
        let length = line.chars().count();
        let from = match before.saturating_sub(SHOWN / 2) {
            _ if length <= SHOWN => 0,
            from => from,
        };
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let part: String = line.chars().skip(from).take(SHOWN).map(printable).collect();
        let marked = if end.line == start.line {
            end.column.saturating_sub(start.column)
        } else {
            length.saturating_sub(before)
        };
        let room = (from + SHOWN).min(length).saturating_sub(before);
        let left = if from > 0 { "…" } else { "" };
        let right = if from + SHOWN < length { "…" } else { "" };
        let indent = " ".repeat(before - from.min(before) + left.chars().count());
        let carets = "^".repeat(marked.min(room).max(1));
        (format!("{left}{part}{right}"), format!("{indent}{carets}"))
    }

    /// The same as a JSON object.
    pub fn json(&self, file: &str) -> Value {
        json!({
            "file": file,
            "line": self.at.start.line,
            "column": self.at.start.column,
            "endLine": self.at.end.line,
            "endColumn": self.at.end.column,
            "severity": self.severity(),
            "code": self.diagnostic.code.as_str(),
            "filter": self.place,
            "path": self.diagnostic.path,
            "message": self.diagnostic.message,
            "help": self.diagnostic.help,
        })
    }

    /// The same without its place in the file.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> String {
        let place = match self.place.as_str() {
            "" => String::new(),
            place => format!("{place}: "),
        };
        let Self { diagnostic, .. } = self;
        format!(
            "{place}{} {}: {diagnostic}",
            self.severity(),
            diagnostic.code
        )
    }
}
