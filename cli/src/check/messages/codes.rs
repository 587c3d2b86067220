//! The example of each code.

use transformations::{Code, Engine};

use super::printed_for;

#[test]
fn the_example_of_each_code_causes_it_alone() {
    for code in Code::ALL {
        let explained = code.explanation();
        let printed = printed_for(explained.filter, &Engine::default(), explained.example);
        let caused = Code::ALL
            .iter()
            .filter(|code| printed.contains(code.as_str()));
        assert_eq!(caused.collect::<Vec<_>>(), [code], "{code}: {printed}");
    }
}
