//! The page `docs/diagnostics.md`.

use diagnostics::Code;

const HEAD: &str = "\
# Diagnostics

<!-- Made of diagnostics/src/code.rs by `cargo xtask docs`. -->

What the module logs when Envoy loads a configuration, and what `rustformations check` prints, begins with a code. An error
refuses the configuration: Envoy rejects the update and keeps the configuration that it has, and at its start it does not
run. A warning refuses nothing. Codes are never reused.

| code | what |
|---|---|
";

/// The page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        let what = code.explanation().what;
        page.push_str(&format!(
            "| [{code}](#{}) | {what} |\n",
            code.as_str().to_ascii_lowercase()
        ));
    }
    for code in Code::ALL {
        let explained = code.explanation();
        let filter = match explained.filter {
            "rustformation" => String::new(),
            other => format!(", of the filter `{other}`"),
        };
        page.push_str(&format!(
            "\n## {code}\n\n{what}\n\n**Why:** {why}\n\n**Fix:** {fix}\n\n\
             A configuration{filter} that causes it:\n\n```yaml\n{example}\n```\n",
            what = explained.what,
            why = explained.why,
            fix = explained.fix,
            example = explained.example.trim(),
        ));
    }
    page
}
