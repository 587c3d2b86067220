//! As much of protobuf's wire format as the few fields need that a service here reads.

use anyhow::{Context, Result, bail};

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'m> {
    /// A whole number.
    Number(u64),
    /// A text, or a message.
    Bytes(&'m [u8]),
}

/// The fields of a message with their numbers. Ends after an error.
pub fn fields(mut message: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>)>> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let field = field(&mut message);
        if field.is_err() {
            message = &[];
        }
        Some(field)
    })
}

/// The text of this field; empty without one.
///
/// # Errors
/// The message is cut, or has a field of a kind that is not read here.
pub fn text(message: &[u8], number: u64) -> Result<String> {
    for field in fields(message) {
        if let (found, Value::Bytes(text)) = field?
            && found == number
        {
            return Ok(str::from_utf8(text)?.to_owned());
        }
    }
    Ok(String::new())
}

/// The number of this field; 0 without one.
///
/// # Errors
/// The message is cut, or has a field of a kind that is not read here.
pub fn number(message: &[u8], number: u64) -> Result<u64> {
    for field in fields(message) {
        if let (found, Value::Number(value)) = field?
            && found == number
        {
            return Ok(value);
        }
    }
    Ok(0)
}

fn field<'m>(message: &mut &'m [u8]) -> Result<(u64, Value<'m>)> {
    let key = varint(message)?;
    let value = match key & 7 {
        0 => Value::Number(varint(message)?),
        2 => {
            let length = usize::try_from(varint(message)?)?;
            let (bytes, rest) = message.split_at_checked(length).context("a field cut")?;
            *message = rest;
            Value::Bytes(bytes)
        }
        kind => bail!("a field of the wire type {kind}"),
    };
    Ok((key >> 3, value))
}

fn varint(message: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().context("a number cut")?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!("a number longer than 64 bits")
}
