//! Whether a registry gives a base image.

use anyhow::Result;

use super::docker::{PATIENCE, first_answer, reason};

/// What came of a base image.
#[derive(Debug)]
pub(super) enum Pull {
    /// It is here.
    Done,
    /// No registry answered: why.
    Unanswered(String),
    /// A registry answered, but did not give it: why.
    Refused(String),
}

/// Pulls an image. A registry that does not answer is given up soon; one that sends may take its time.
pub(super) fn pull(image: &str) -> Result<Pull> {
    eprintln!("pulling {image} ...");
    let Some(output) = first_answer(&["pull", image])? else {
        return Ok(Pull::Unanswered(format!("no answer within {PATIENCE:?}")));
    };
    Ok(match output.code {
        Some(0) => Pull::Done,
        _ => Pull::of_error(&output.stderr),
    })
}

impl Pull {
    fn of_error(stderr: &str) -> Self {
        // So the engine names a request without a response; the last is a registry that serves others first.
        let silent = ["Get \"http", "Head \"http", "toomanyrequests"];
        let reason = reason(stderr);
        if silent.iter().any(|part| reason.contains(part)) {
            Self::Unanswered(reason)
        } else {
            Self::Refused(reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pull;

    #[test]
    fn a_registry_that_refuses_is_told_from_one_that_is_silent() {
        for silent in [
            "Error response from daemon: Get \"https://registry.example/v2/\": dial tcp: no such host",
            "Error response from daemon: failed to resolve reference \"registry.example/a:1\": failed to do request: \
             Head \"https://registry.example/v2/a/manifests/1\": context deadline exceeded",
            "Error response from daemon: toomanyrequests: You have reached your pull rate limit.\n\nSee the limits.\n",
        ] {
            let Pull::Unanswered(reason) = Pull::of_error(silent) else {
                panic!("{silent}");
            };
            assert!(
                !reason.starts_with("Error") && !reason.contains('\n'),
                "{reason}"
            );
        }
        for refused in [
            "Error response from daemon: manifest for a:1 not found: manifest unknown: manifest unknown",
            "Error response from daemon: pull access denied for a, repository does not exist",
            "failed to register layer: no space left on device",
            "",
        ] {
            assert!(
                matches!(Pull::of_error(refused), Pull::Refused(_)),
                "{refused}"
            );
        }
    }
}
