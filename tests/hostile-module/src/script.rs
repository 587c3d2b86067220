//! What to do in each hook.

/// The words of each hook, in the order they come.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<(String, Vec<String>)>);

impl Script {
    /// `hook=word,word;hook=word`.
    pub(crate) fn parse(text: &str) -> Self {
        let hooks = text.split(';').filter_map(|hook| hook.split_once('='));
        let owned = |words: &str| {
            let words = words.split(',').filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        Self(
            hooks
                .map(|(hook, words)| (hook.to_owned(), owned(words)))
                .collect(),
        )
    }

    /// The words of this run of a hook: those for `hook#run` if there are any, else those for `hook`.
    pub(crate) fn words(&self, hook: &str, run: u32) -> &[String] {
        let of = |name: &str| {
            let found = self.0.iter().find(|(hook, _)| hook == name);
            found.map(|(_, words)| words.as_slice())
        };
        of(&format!("{hook}#{run}"))
            .or_else(|| of(hook))
            .unwrap_or_default()
    }
}
