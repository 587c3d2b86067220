//! What a JSON Pointer was meant to be that is none, or that leads where nothing stands.

/// What is wrong, and what to write.
pub(crate) type Doubt = (&'static str, String);

/// Why a pointer is likely to be meant otherwise: it ends with `/`, or has brackets.
pub(crate) fn misspelt(pointer: &str) -> Option<Doubt> {
    let meant = as_pointer(pointer);
    if meant == pointer || meant.is_empty() || pointer.is_empty() {
        return None;
    }
    let message = if pointer.ends_with('/') {
        "it ends with `/`, so it leads to a member whose name is empty"
    } else {
        "in a JSON Pointer, brackets are part of a member's name"
    };
    Some((message, format!("write `{meant}`")))
}

/// Why nothing is likely to stand where a pointer leads.
pub(crate) fn leads_nowhere(pointer: &str) -> Option<Doubt> {
    let token = pointer
        .split('/')
        .find(|token| ["*", "-"].contains(token))?;
    let message = match token {
        "*" => "in a JSON Pointer, `*` is the name of a member",
        _ => "in a JSON Pointer, `-` is the place after the last element, where there is no value",
    };
    let index = pointer.replace(&format!("/{token}"), "/0");
    Some((message, format!("write an index, such as `{index}`")))
}

/// The pointer that a path in another notation stands for: `/messages/0` for `$.messages[0]`, `messages.0` and
/// `/messages/0/`.
pub(crate) fn as_pointer(path: &str) -> String {
    let is_pointer = path.starts_with('/');
    let path = path.trim_end_matches('/');
    if is_pointer && !path.contains('[') {
        return path.to_owned();
    }
    let path = path.trim_start_matches('$');
    let mut pointer = String::with_capacity(path.len());
    if !is_pointer && !path.starts_with(['.', '[']) {
        pointer.push('/');
    }
    for c in path.chars() {
        match c {
            '.' if !is_pointer => pointer.push('/'),
            '[' => pointer.push('/'),
            ']' | '\'' | '"' => {}
            c => pointer.push(c),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_notations_lead_to_the_pointer() {
        for (written, meant) in [
            ("messages.0", "/messages/0"),
            ("$.messages[0].content", "/messages/0/content"),
            ("$['a b'][0]", "/a b/0"),
            ("/messages[0]", "/messages/0"),
            ("/messages/0/", "/messages/0"),
            ("/a.b", "/a.b"),
            ("/it's", "/it's"),
        ] {
            assert_eq!(as_pointer(written), meant, "{written}");
        }
    }
}
