//! Results as JUnit's XML, which CI systems read.

use std::fmt::Write;

use crate::test::{Played, Verdict};

/// The cases of a file.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) file: String,
    pub(crate) cases: Vec<Played>,
}

/// The results of all files.
pub(crate) fn xml(suites: &[Suite]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for Suite { file, cases } in suites {
        let count =
            |is: fn(&Verdict) -> bool| cases.iter().filter(|played| is(&played.verdict)).count();
        let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
        let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        let file = escaped(file);
        let _infallible = writeln!(
            xml,
            "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">",
            cases.len()
        );
        for Played {
            name,
            line,
            verdict,
            took,
        } in cases
        {
            let took = took.as_secs_f64();
            let _infallible = write!(
                xml,
                "    <testcase classname=\"{file}\" name=\"{}\" file=\"{file}\" line=\"{line}\" time=\"{took:.3}\"",
                escaped(name)
            );
            xml.push_str(&match verdict {
                Verdict::Passed => "/>\n".to_owned(),
                Verdict::Skipped(why) => {
                    format!("><skipped message=\"{}\"/></testcase>\n", escaped(why))
                }
                Verdict::Failed(problems) => {
                    let problems = escaped(&problems.join("\n"));
                    format!(
                        "><failure message=\"not as expected\">{problems}</failure></testcase>\n"
                    )
                }
            });
        }
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>\n"
}

/// A text within XML, without the characters that XML 1.0 has no way to write.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            character if character.is_control() => escaped.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Suite, xml};
    use crate::test::{Played, Verdict};

    #[test]
    fn results_are_escaped_and_counted() {
        let played = |name: &str, verdict| Played {
            name: name.to_owned(),
            line: 3,
            verdict,
            took: Duration::from_millis(4),
        };
        let cases = vec![
            played("a & b", Verdict::Passed),
            played(
                "c",
                Verdict::Failed(vec!["expected <x>\ncame \u{1}".to_owned()]),
            ),
            played("d", Verdict::Skipped("\"counters\"".to_owned())),
        ];
        let xml = xml(&[Suite {
            file: "f.yaml".to_owned(),
            cases,
        }]);
        for part in [
            "<testsuite name=\"f.yaml\" tests=\"3\" failures=\"1\" skipped=\"1\">",
            "name=\"a &amp; b\" file=\"f.yaml\" line=\"3\" time=\"0.004\"/>",
            "<failure message=\"not as expected\">expected &lt;x&gt;\ncame \u{fffd}</failure>",
            "<skipped message=\"&quot;counters&quot;\"/>",
        ] {
            assert!(xml.contains(part), "{part} in\n{xml}");
        }
    }
}
