//! Which members of an answer report tokens, by API.

use bodies::JSON_POINTERS;
use bodies::json::PointerError;

use super::rules::{RuleId, Rules, Taken};
use crate::config::{Duplicates, Take, Tokens};
use crate::failure::Unusable;

/// Where an API reports tokens.
struct Api {
    /// What its answers are called in `docs/answers.md`.
    #[cfg(test)]
    name: &'static str,
    /// What the members may be below: in streams some events wrap the answer.
    below: &'static [&'static str],
    /// What adds up to the input. Those that are not there count as nothing.
    input: &'static [&'static str],
    /// What adds up to the output.
    output: &'static [&'static str],
    total: &'static [&'static str],
    cached: &'static [&'static str],
    reasoning: &'static [&'static str],
}

/// Builds a row, without its name where nobody asks for it.
macro_rules! api {
    ($name:literal, $($row:tt)*) => {
        Api { #[cfg(test)] name: $name, $($row)* }
    };
}

/// Every API. The first that an answer has a member of counts, for each kind of tokens by itself.
const APIS: [Api; 9] = [
    // Azure, Mistral, vLLM and others report as OpenAI does. Embeddings have no output.
    api! {"OpenAI chat, completions, embeddings; Azure; Mistral",
        below: &[""],
        input: &["/usage/prompt_tokens"],
        output: &["/usage/completion_tokens"],
        total: &["/usage/total_tokens"],
        cached: &["/usage/prompt_tokens_details/cached_tokens"],
        reasoning: &["/usage/completion_tokens_details/reasoning_tokens"],
    },
    // Its input leaves out what a cache wrote and read. The beginning of a stream reports the input, and
    // each change of the message the output so far.
    api! {"Anthropic messages",
        below: &["", "/message"],
        input: &[
            "/usage/input_tokens",
            "/usage/cache_creation_input_tokens",
            "/usage/cache_read_input_tokens",
        ],
        output: &["/usage/output_tokens"],
        total: &[],
        cached: &["/usage/cache_read_input_tokens"],
        reasoning: &[],
    },
    api! {"OpenAI responses",
        below: &["", "/response"],
        input: &["/usage/input_tokens"],
        output: &["/usage/output_tokens"],
        total: &["/usage/total_tokens"],
        cached: &["/usage/input_tokens_details/cached_tokens"],
        reasoning: &["/usage/output_tokens_details/reasoning_tokens"],
    },
    // Its candidates leave out the thoughts, and its prompt what tools were given; its total has both.
    api! {"Gemini, Vertex AI",
        below: &[""],
        input: &["/usageMetadata/promptTokenCount", "/usageMetadata/toolUsePromptTokenCount"],
        output: &["/usageMetadata/candidatesTokenCount", "/usageMetadata/thoughtsTokenCount"],
        total: &["/usageMetadata/totalTokenCount"],
        cached: &["/usageMetadata/cachedContentTokenCount"],
        reasoning: &["/usageMetadata/thoughtsTokenCount"],
    },
    // Its input leaves out what a cache wrote and read; its total has it.
    api! {"Bedrock Converse",
        below: &[""],
        input: &["/usage/inputTokens", "/usage/cacheReadInputTokens", "/usage/cacheWriteInputTokens"],
        output: &["/usage/outputTokens"],
        total: &["/usage/totalTokens"],
        cached: &["/usage/cacheReadInputTokens"],
        reasoning: &[],
    },
    api! {"Cohere v2",
        below: &["", "/delta"],
        input: &["/usage/tokens/input_tokens"],
        output: &["/usage/tokens/output_tokens"],
        total: &[],
        cached: &["/usage/cached_tokens"],
        reasoning: &[],
    },
    api! {"Cohere v1",
        below: &["", "/response"],
        input: &["/meta/tokens/input_tokens"],
        output: &["/meta/tokens/output_tokens"],
        total: &[],
        cached: &[],
        reasoning: &[],
    },
    // Embeddings report nothing else.
    api! {"Cohere v1, where it reports no tokens",
        below: &["", "/response"],
        input: &["/meta/billed_units/input_tokens"],
        output: &["/meta/billed_units/output_tokens"],
        total: &[],
        cached: &[],
        reasoning: &[],
    },
    api! {"Ollama chat, generate",
        below: &[""],
        input: &["/prompt_eval_count"],
        output: &["/eval_count"],
        total: &[],
        cached: &[],
        reasoning: &[],
    },
];

/// How many pointers all of this leads to.
pub(super) const POINTERS: usize = 47;

/// Most pointers of the fields of an answer: metrics may want all usage of any answer beside them.
pub(crate) const ANSWER_POINTERS: usize = JSON_POINTERS.saturating_sub(POINTERS);

impl Api {
    fn members(&self, tokens: Tokens) -> &'static [&'static str] {
        match tokens {
            Tokens::Input => self.input,
            Tokens::Output => self.output,
            Tokens::Total => self.total,
            Tokens::Cached => self.cached,
            Tokens::Reasoning => self.reasoning,
        }
    }
}

/// How many tokens an answer reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Those of the prompt, cached ones among them.
    pub input: Option<u64>,
    /// Those of the answer, reasoning among them.
    pub output: Option<u64>,
    /// What the provider calls the total, else input and output added.
    pub total: Option<u64>,
    /// Those of the input that were read from a cache.
    pub cached: Option<u64>,
    /// Those of the output that were spent on reasoning.
    pub reasoning: Option<u64>,
}

/// By which rules one kind of tokens is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    /// The rules of each API that reports it, to be added.
    apis: Vec<Vec<RuleId>>,
    /// What is added where no API reports it.
    parts: Vec<Count>,
}

impl Count {
    /// Adds the rules that tell how many of these tokens there are.
    ///
    /// # Errors
    ///
    /// There is no room for them.
    pub(super) fn ruled(
        rules: &mut Rules,
        tokens: Tokens,
        take: Take,
        duplicates: Duplicates,
    ) -> Result<Self, PointerError> {
        let mut apis = Vec::new();
        for api in &APIS {
            let mut members = Vec::new();
            for member in api.members(tokens) {
                let places = api.below.iter().map(|below| format!("{below}{member}"));
                members.push(rules.count(places, take, duplicates)?);
            }
            if !members.is_empty() {
                apis.push(members);
            }
        }
        let mut parts = Vec::new();
        if tokens == Tokens::Total {
            for part in [Tokens::Input, Tokens::Output] {
                parts.push(Self::ruled(rules, part, take, duplicates)?);
            }
        }
        Ok(Self { apis, parts })
    }

    /// How many there are; `None`: the answer does not report it.
    ///
    /// # Errors
    ///
    /// What the answer reports is no number of tokens.
    pub(super) fn of(&self, taken: &Taken) -> Result<Option<u64>, Unusable> {
        for members in &self.apis {
            let mut sum = None;
            for rule in members {
                if let Some(count) = taken.count(*rule)? {
                    sum = Some(sum.unwrap_or(0_u64).saturating_add(count));
                }
            }
            if sum.is_some() {
                return Ok(sum);
            }
        }
        let mut sum = None;
        for part in &self.parts {
            let Some(count) = part.of(taken)? else {
                return Ok(None);
            };
            sum = Some(sum.unwrap_or(0_u64).saturating_add(count));
        }
        Ok(sum)
    }
}

/// By which rules all kinds of tokens are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    input: Count,
    output: Count,
    total: Count,
    cached: Count,
    reasoning: Count,
}

impl Counts {
    /// Adds the rules that tell how many tokens there are: the last number that each member has, and
    /// none that stands twice in one document.
    ///
    /// # Errors
    ///
    /// There is no room for them.
    pub(super) fn ruled(rules: &mut Rules) -> Result<Self, PointerError> {
        let mut count = |tokens| Count::ruled(rules, tokens, Take::Last, Duplicates::Reject);
        Ok(Self {
            input: count(Tokens::Input)?,
            output: count(Tokens::Output)?,
            total: count(Tokens::Total)?,
            cached: count(Tokens::Cached)?,
            reasoning: count(Tokens::Reasoning)?,
        })
    }

    /// How many tokens there are. What is no number of tokens is left out.
    pub(super) fn of(&self, taken: &Taken) -> Usage {
        let of = |count: &Count| count.of(taken).ok().flatten();
        Usage {
            input: of(&self.input),
            output: of(&self.output),
            total: of(&self.total),
            cached: of(&self.cached),
            reasoning: of(&self.reasoning),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_number_of_pointers_is_known() {
        let mut rules = Rules::default();
        Counts::ruled(&mut rules).unwrap();
        assert_eq!(rules.pointers.len(), POINTERS);
    }

    /// The table of `docs/answers.md`.
    #[test]
    fn the_documentation_has_this_table() {
        let mut table = String::from(
            "| API | input | output | total | cached | reasoning |\n|---|---|---|---|---|---|\n",
        );
        for api in &APIS {
            let below: Vec<String> = api
                .below
                .iter()
                .filter(|below| !below.is_empty())
                .map(|below| format!("`{below}`"))
                .collect();
            let below = match below.as_slice() {
                [] => String::new(),
                below => format!(" (also below {})", below.join(", ")),
            };
            let members = |members: &[&str]| match members {
                [] => "–".to_owned(),
                members => members
                    .iter()
                    .map(|member| format!("`{member}`"))
                    .collect::<Vec<_>>()
                    .join(" + "),
            };
            let kinds = [api.input, api.output, api.total, api.cached, api.reasoning].map(members);
            writeln!(table, "| {}{below} | {} |", api.name, kinds.join(" | ")).unwrap();
        }
        let docs = include_str!("../../../docs/answers.md");
        assert!(
            docs.contains(&table),
            "docs/answers.md has to hold:\n{table}"
        );
    }
}
