//! The page that describes the language has all of it.

#![forbid(unsafe_code)]

/// Every word of the language is on its page.
#[test]
fn the_page_has_every_key() {
    let sources = [
        include_str!("../src/bytes.rs"),
        include_str!("../src/case.rs"),
        include_str!("../src/chain.rs"),
        include_str!("../src/config.rs"),
        include_str!("../src/expect.rs"),
        include_str!("../src/matcher.rs"),
        include_str!("../src/message.rs"),
        include_str!("../src/multipart.rs"),
    ];
    let page = include_str!("../../docs/cases.md");
    let mut keys = 0;
    for source in sources {
        for key in serde_keys(source) {
            keys += 1;
            assert!(
                page.contains(&format!("`{key}")) || page.contains(&format!("{key}:")),
                "{key}"
            );
        }
    }
    assert!(keys > 60, "{keys}");
}

/// The names of fields of structs that are read, and the words that visitors look for.
fn serde_keys(source: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut read = false;
    let mut within = false;
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut skipped = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[derive(") {
            read = line.contains("Deserialize");
        } else if line.contains("struct ") && line.ends_with('{') {
            within = read;
        } else if line == "}" {
            within = false;
        } else if line == "#[serde(skip)]" {
            skipped = true;
        } else if within && !line.starts_with("//") && !line.starts_with("#[") {
            let name = line.trim_start_matches("pub ").split(':').next();
            if !std::mem::take(&mut skipped) {
                keys.extend(name.map(str::to_owned));
            }
        } else if let Some((word, _)) = line.strip_prefix('"').and_then(|line| line.split_once('"'))
            && (line.contains("\" =>") || line == format!("\"{word}\","))
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            keys.push(word.to_owned());
        }
    }
    keys
}
