//! The generated parts of a document.

/// The document with these contents between the marks of this section; `None` if it has no such section.
pub(super) fn replace(document: &str, name: &str, contents: &str) -> Option<String> {
    let begin = format!("<!-- bench: {name} -->\n");
    let end = format!("<!-- end of bench: {name} -->");
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n{}\n\n{end}{after}",
        contents.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn replaces_only_what_is_between_the_marks() {
        let document = "# A\n<!-- bench: a -->\nold\n<!-- end of bench: a -->\nkept\n";
        let renewed = replace(document, "a", "new\n").unwrap();
        let expected = "# A\n<!-- bench: a -->\n\nnew\n\n<!-- end of bench: a -->\nkept\n";
        assert_eq!(renewed, expected);
        assert_eq!(replace(&renewed, "a", "new").unwrap(), expected);
        assert_eq!(replace(document, "b", "new"), None);
        assert_eq!(replace("<!-- bench: a -->\nno end", "a", "new"), None);
    }
}
