//! What must be on a machine before anything can be built or tried on it.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

/// A program, and how to get it.
struct Need {
    what: &'static str,
    /// A command that succeeds where it is there.
    probe: &'static [&'static str],
    way: &'static str,
}

/// `.ci/run` installs the same, and what the images take.
const NEEDS: [Need; 4] = [
    Need {
        what: "Rust",
        probe: &["rustc", "--version"],
        way: "install it from https://rustup.rs",
    },
    Need {
        what: "a C compiler",
        probe: &["cc", "--version"],
        way: "install gcc (Debian: apt-get install gcc libc6-dev)",
    },
    Need {
        what: "Python 3 with pip",
        probe: &["python3", "-m", "pip", "--version"],
        way: "install it (Debian: apt-get install python3 python3-pip)",
    },
    // A pod's preStop hook, which a scenario runs.
    Need {
        what: "bash",
        probe: &["bash", "--version"],
        way: "install it (Debian: apt-get install bash)",
    },
];

/// Reports everything that is missing, each in one line.
///
/// # Errors
/// Something is missing.
pub(crate) fn check() -> Result<()> {
    let missing = missing(&NEEDS);
    for line in &missing {
        eprintln!("{line}");
    }
    ensure!(
        missing.is_empty(),
        "this machine lacks what the tests need: see above"
    );
    Ok(())
}

fn missing(needs: &[Need]) -> Vec<String> {
    let needs = needs.iter().filter(|need| !succeeds(need.probe));
    needs
        .map(|Need { what, way, .. }| format!("missing: {what}; {way}"))
        .collect()
}

/// Whether this command is there and exits with 0.
fn succeeds(command: &[&str]) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::{Need, missing};

    #[test]
    fn each_missing_thing_has_a_line() {
        let need = |what, probe| Need {
            what,
            probe,
            way: "install it",
        };
        let needs = [
            need("one that is there", &["true"][..]),
            need("one that fails", &["false"]),
            need("one that is nowhere", &["rustformations-nowhere"]),
        ];
        assert_eq!(
            missing(&needs),
            [
                "missing: one that fails; install it",
                "missing: one that is nowhere; install it"
            ]
        );
    }
}
