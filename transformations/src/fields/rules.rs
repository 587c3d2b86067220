//! What is taken of an answer's documents: one value by each rule, whatever the number of documents.

use bodies::json::{PointerError, Pointers};
use bodies::{FieldId, Finding, Found};

use super::number::Number;
use crate::config::{Duplicates, Take};
use crate::failure::{Reason, Unusable};
use crate::languages::FieldValue;

/// The rules of a configuration, and what they look for.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) pointers: Pointers,
    rules: Vec<Rule>,
}

/// Which of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleId(usize);

/// What is taken, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Where it may stand in a document. The first place counts that has it.
    places: Vec<FieldId>,
    take: Take,
    duplicates: Duplicates,
    /// It has to be a number of tokens.
    counts: bool,
}

/// What was taken so far, by each rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Vec<State>);

#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    Nothing,
    Value(FieldValue),
    Number(Number),
    Unusable(Unusable),
}

const NO_NUMBER: Unusable = Unusable(
    Reason::ValueType,
    "the value is no number, or one of more digits than can be added",
);

const NO_COUNT: Unusable = Unusable(
    Reason::ValueType,
    "what the answer reports is no number of tokens: a string, negative, fractional or too large",
);

const SUM: Unusable = Unusable(Reason::Limit, "the sum is too large");

impl Rules {
    /// The rule that takes what stands at a place.
    ///
    /// # Errors
    ///
    /// The pointer is none, or there is no room for it.
    pub(super) fn value(
        &mut self,
        pointer: &str,
        take: Take,
        duplicates: Duplicates,
    ) -> Result<RuleId, PointerError> {
        let places = vec![self.pointers.insert(pointer)?];
        Ok(self.rule(Rule {
            places,
            take,
            duplicates,
            counts: false,
        }))
    }

    /// The rule that takes a number of tokens, which stands at one of these places.
    ///
    /// # Errors
    ///
    /// There is no room for them.
    pub(super) fn count(
        &mut self,
        pointers: impl Iterator<Item = String>,
        take: Take,
        duplicates: Duplicates,
    ) -> Result<RuleId, PointerError> {
        let places = pointers.map(|pointer| self.pointers.insert(&pointer));
        let places = places.collect::<Result<_, _>>()?;
        Ok(self.rule(Rule {
            places,
            take,
            duplicates,
            counts: true,
        }))
    }

    fn rule(&mut self, rule: Rule) -> RuleId {
        let known = self.rules.iter().position(|known| *known == rule);
        RuleId(known.unwrap_or_else(|| {
            self.rules.push(rule);
            self.rules.len().saturating_sub(1)
        }))
    }

    /// What was taken of no document.
    pub(super) fn nothing(&self) -> Taken {
        Taken(vec![State::Nothing; self.rules.len()])
    }

    /// Takes what a document has.
    pub(super) fn take(&self, taken: &mut Taken, fields: &[Finding]) {
        for (rule, state) in self.rules.iter().zip(&mut taken.0) {
            rule.take(state, fields);
        }
    }
}

impl Rule {
    fn take(&self, state: &mut State, fields: &[Finding]) {
        let settled = match self.take {
            Take::First => *state != State::Nothing,
            Take::Last => false,
            Take::Max | Take::Sum => matches!(state, State::Unusable(_)),
        };
        if settled {
            return;
        }
        let places = self.places.iter().filter_map(|place| place.of(fields));
        for finding in places.filter(|finding| finding.first_is_certain()) {
            match self.of(finding) {
                Ok(None) => {}
                Ok(Some(new)) => return *state = self.folded(std::mem::take(state), new),
                Err(unusable) => return *state = State::Unusable(unusable),
            }
        }
    }

    /// What a document says of the value.
    fn of(&self, finding: &Finding) -> Result<Option<State>, Unusable> {
        let is_empty =
            |value: &FieldValue| matches!(value, FieldValue::Text(text) if text.is_empty());
        let value = said(finding, self.duplicates)?.filter(|value| !is_empty(value));
        let Some(value) = value else {
            let is_list = matches!(finding.first, Some(Found::Container));
            return if self.counts && is_list {
                Err(NO_COUNT)
            } else {
                Ok(None)
            };
        };
        let numeric = self.counts || matches!(self.take, Take::Max | Take::Sum);
        if !numeric {
            return Ok(Some(State::Value(value)));
        }
        let number = match &value {
            FieldValue::Number(spelling) => Number::exact(spelling),
            FieldValue::Text(_) | FieldValue::Bool(_) => None,
        };
        match number {
            Some(number) if !self.counts || number.count().is_some() => {
                Ok(Some(State::Number(number)))
            }
            _ if self.counts => Err(NO_COUNT),
            _ => Err(NO_NUMBER),
        }
    }

    fn folded(&self, known: State, new: State) -> State {
        match (self.take, known, new) {
            (Take::Sum, State::Number(known), State::Number(new)) => {
                known.plus(new).map_or(State::Unusable(SUM), State::Number)
            }
            (Take::Max, State::Number(known), State::Number(new)) => {
                State::Number(known.or_greater(new))
            }
            (_, _, new) => new,
        }
    }
}

impl Taken {
    /// The value that a rule took.
    ///
    /// # Errors
    ///
    /// Why what stood there is none.
    pub(super) fn value(&self, rule: RuleId) -> Result<Option<FieldValue>, Unusable> {
        match self.0.get(rule.0) {
            None | Some(State::Nothing) => Ok(None),
            Some(State::Value(value)) => Ok(Some(value.clone())),
            Some(State::Number(number)) => Ok(Some(FieldValue::Number(number.text()))),
            Some(State::Unusable(unusable)) => Err(*unusable),
        }
    }

    /// The number of tokens that a rule took.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub(super) fn count(&self, rule: RuleId) -> Result<Option<u64>, Unusable> {
        match self.0.get(rule.0) {
            Some(State::Number(number)) => number.count().map(Some).ok_or(NO_COUNT),
            Some(State::Unusable(unusable)) => Err(*unusable),
            _ => Ok(None),
        }
    }
}

/// What a document says of a place; `None`: an empty string is something, `null` is nothing.
///
/// # Errors
///
/// It says two things, or what it says is too long.
#[inline]
pub(super) fn said(
    finding: &Finding,
    duplicates: Duplicates,
) -> Result<Option<FieldValue>, Unusable> {
    let found = match duplicates {
        Duplicates::Reject if finding.conflict => {
            return Err(Unusable(
                Reason::DuplicateKey,
                "the body holds the key twice with different values, or in another case",
            ));
        }
        Duplicates::Reject | Duplicates::First => finding.first.as_ref(),
        Duplicates::Last => finding.last(),
    };
    match found {
        Some(Found::String(text)) => Ok(Some(FieldValue::Text(text.clone()))),
        Some(Found::Number(spelling)) => Ok(Some(FieldValue::Number(spelling.clone()))),
        Some(Found::Bool(value)) => Ok(Some(FieldValue::Bool(*value))),
        Some(Found::TooLong) => Err(TOO_LONG),
        Some(Found::Null | Found::Container) | None => Ok(None),
    }
}

/// What is wrong with a value that is longer than `limits.valueBytes`.
pub(super) const TOO_LONG: Unusable = Unusable(Reason::Limit, "the value is too long");
