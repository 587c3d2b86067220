//! `rustformations schema`, as users call it.
#![forbid(unsafe_code)]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn the_schema_is_that_of_docs() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema");
    for (arguments, file) in [
        (&["schema"][..], "transformations.schema.json"),
        (&["schema", "--acl"], "http-acl.schema.json"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rustformations"));
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{file}");
        let committed = std::fs::read_to_string(format!("{docs}/{file}")).unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            committed,
            "{file}"
        );
    }
}
