//! Whole numbers of a configuration.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads a whole number, or a text of its digits: Envoy makes one of a number in YAML that has more than 32 bits.
///
/// # Errors
/// It is neither, or the type has no such number.
pub fn whole<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    deserializer.deserialize_any(Whole(PhantomData))
}

/// The same of a number that can be absent, or `null`.
///
/// # Errors
/// See [`whole`].
pub fn whole_if_any<'de, D, N>(deserializer: D) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    let given = Option::<Given<N>>::deserialize(deserializer)?;
    Ok(given.map(|Given(number)| number))
}

struct Given<N>(N);

impl<'de, N: TryFrom<u64>> Deserialize<'de> for Given<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer).map(Self)
    }
}

struct Whole<N>(PhantomData<N>);

impl<N: TryFrom<u64>> Visitor<'_> for Whole<N> {
    type Value = N;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<N, E> {
        let unexpected = Unexpected::Unsigned(number);
        N::try_from(number).map_err(|_| E::invalid_value(unexpected, &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<N, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<N, E> {
        let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_whole {
            return Err(E::invalid_type(Unexpected::Str(text), &self));
        }
        let number = text.parse::<u64>().ok();
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}
