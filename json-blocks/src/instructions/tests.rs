use proptest::prelude::*;

use super::*;

/// The masks of one block, by each method of [`Instructions`].
struct Masks<'b>(&'b Block);

impl Task for Masks<'_> {
    type Output = [u64; 6];

    #[inline(always)]
    fn run<I: Instructions>(self, instructions: I) -> [u64; 6] {
        let vector = instructions.load(self.0);
        [
            instructions.quotes(vector),
            instructions.backslashes(vector),
            instructions.opening(vector),
            instructions.closing(vector),
            instructions.controls(vector),
            // Each byte is behind itself.
            instructions.pairs(vector, vector, [[b'|', b'|'], [b' ', b' '], [b'Z', b';']]),
        ]
    }
}

fn mask(block: &Block, is: impl Fn(u8) -> bool) -> u64 {
    let bits = block.iter().enumerate();
    bits.fold(0, |mask, (place, &byte)| {
        mask | u64::from(is(byte)) << place
    })
}

proptest! {
    #[test]
    fn all_instructions_say_what_the_bytes_are(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\[]{};Z|~\x1f \x00\xff\x7f\x80\xdb\xa2"[..])],
            64,
        ),
    ) {
        let block: Block = bytes.try_into().unwrap();
        let expected = [
            mask(&block, |byte| byte == b'"'),
            mask(&block, |byte| byte == b'\\'),
            mask(&block, |byte| matches!(byte, b'[' | b'{')),
            mask(&block, |byte| matches!(byte, b']' | b'}')),
            mask(&block, |byte| byte < 0x20),
            mask(&block, |byte| matches!(byte, b'|' | b' ')),
        ];
        for level in Level::all() {
            prop_assert_eq!(level.run(Masks(&block)), expected, "{:?}", level);
        }
    }
}
