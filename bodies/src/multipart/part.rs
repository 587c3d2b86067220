//! The headers of one part.

use super::Error;
use crate::content::{MediaType, Parameters, is_read_alike};

/// What the headers of a part say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// `None`: it has no name.
    pub(super) name: Option<String>,
    /// Whether it is a file.
    pub(super) is_file: bool,
    /// Whether it is a file of JSON Lines, by its type or its name.
    pub(super) is_lines: bool,
    /// Whether readers differ on what its bytes say, or whether it is a file.
    pub(super) is_unclear: bool,
    /// How many bytes it has.
    pub(super) length: Length,
}

/// How many bytes a part has. Some readers believe its `content-length`, and some its delimiter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Length {
    said: Option<u64>,
    seen: u64,
}

impl Length {
    fn of(said: &str) -> Result<Self, Error> {
        let said = said.trim_matches([' ', '\t']);
        let digits = said.bytes().all(|byte| byte.is_ascii_digit());
        let said = said.parse().ok().filter(|_| digits);
        Ok(Self {
            said: Some(said.ok_or(Error::Invalid)?),
            seen: 0,
        })
    }

    /// Counts the next bytes.
    pub(super) fn count(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.seen = self.seen.saturating_add(bytes);
    }

    /// Whether the part, now that it ends, has as many bytes as it says.
    ///
    /// # Errors
    ///
    /// It has not.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.said {
            Some(said) if said != self.seen => Err(Error::Invalid),
            _ => Ok(()),
        }
    }
}

impl Part {
    /// Reads the lines of the headers, each with its end, without the empty one after them.
    ///
    /// # Errors
    ///
    /// They are none, or might be read in another way by others.
    pub(super) fn parse(lines: &[u8]) -> Result<Self, Error> {
        // Only of a name does it matter how its bytes are read: file names come in any charset.
        let text = String::from_utf8_lossy(lines);
        let mut headers: Vec<(String, &str)> = Vec::new();
        for line in text.split_terminator("\r\n") {
            // To some readers, a line that begins with white space goes on with the last.
            if line.contains(['\r', '\n', '\0']) || line.starts_with([' ', '\t']) {
                return Err(Error::Invalid);
            }
            let (name, value) = line.split_once(':').ok_or(Error::Invalid)?;
            if name.is_empty() || name.ends_with([' ', '\t']) {
                return Err(Error::Invalid);
            }
            headers.push((name.to_ascii_lowercase(), value));
        }
        let mut part = Self::default();
        let mut dispositions = 0_u8;
        for (name, value) in &headers {
            match name.as_str() {
                "content-disposition" => {
                    dispositions = dispositions.saturating_add(1);
                    part.disposition(value)?;
                }
                "content-length" if part.length != Length::default() => {
                    return Err(Error::Invalid);
                }
                "content-length" => part.length = Length::of(value)?,
                "content-transfer-encoding" => {
                    let plain = ["7bit", "8bit", "binary"];
                    let value = value.trim().to_ascii_lowercase();
                    part.is_unclear |= !plain.contains(&value.as_str());
                }
                "content-type" => {
                    let value = value.trim().to_ascii_lowercase();
                    let nested = value.starts_with("multipart/");
                    part.is_unclear |= nested || !is_read_alike(&value);
                    part.is_lines |= MediaType::of(value.as_bytes()) == MediaType::Lines;
                }
                _ => {}
            }
        }
        if dispositions > 1 {
            return Err(Error::Invalid);
        }
        part.is_lines &= part.is_file;
        Ok(part)
    }

    fn disposition(&mut self, value: &str) -> Result<(), Error> {
        let disposition = Parameters::parse(value).map_err(|_| Error::Invalid)?;
        // RFC 7578 section 4.2. Some readers do not look at it, and believe the name.
        if disposition.value != "form-data" {
            return Err(Error::Invalid);
        }
        for (parameter, value) in disposition.names_and_values() {
            match parameter {
                "name" if is_odd(value) => return Err(Error::Invalid),
                "name" => self.name = Some(value.to_owned()),
                "filename" => {
                    self.is_file |= !value.is_empty();
                    // A file to some readers, a value to others, and nothing to the rest.
                    self.is_unclear |= value.is_empty();
                    self.is_lines |= value.to_ascii_lowercase().ends_with(".jsonl");
                }
                "filename*" => {}
                // RFC 2231, which RFC 7578 section 4.2 forbids: some readers make a name of it.
                other if other.starts_with("name*") || other.starts_with("filename*") => {
                    return Err(Error::Invalid);
                }
                _ => {}
            }
        }
        // Not all readers know this way to name a file.
        self.is_unclear |= !self.is_file && disposition.get("filename*").is_some();
        Ok(())
    }
}

/// Whether readers differ on what a part of this name is called, or on what it means.
fn is_odd(name: &str) -> bool {
    // RFC 7578 has quotes escaped as browsers do, `%22`; a backslash means several things.
    // Some decode RFC 2047's `=?utf-8?q?name?=`, and some believe the charset that `_charset_` names.
    name.contains(['\\', char::REPLACEMENT_CHARACTER]) || name.contains("=?") || name == "_charset_"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lines: &str) -> Result<Part, Error> {
        Part::parse(lines.as_bytes())
    }

    #[test]
    fn names_and_files() {
        let named = |lines: &str| part(lines).unwrap().name;
        let model = Some("model".to_owned());
        for lines in [
            "Content-Disposition: form-data; name=\"model\"\r\n",
            "content-disposition:form-data;name=model\r\nContent-Type: text/plain\r\n",
            "X: y\r\nCONTENT-DISPOSITION: Form-Data;\tNAME=\"model\"\r\n",
        ] {
            assert_eq!(named(lines), model, "{lines}");
            assert!(!part(lines).unwrap().is_file);
        }
        for lines in [
            "",
            "Content-Type: text/plain\r\n",
            "Content-Disposition: form-data\r\n",
        ] {
            assert_eq!(named(lines), None, "{lines}");
        }
        let file = |parameter: &str| {
            let lines = format!("Content-Disposition: form-data; name=\"f\"; {parameter}\r\n");
            part(&lines).unwrap().is_file
        };
        assert!(file("filename=\"C:\\a.mp3\""));
        assert!(file("filename=a; filename*=UTF-8''a"));
        assert!(!file("filename*=UTF-8''a"));
        assert!(!file("filename=\"\""));
        let latin = b"Content-Disposition: form-data; name=f; filename=\"caf\xe9\"\r\n";
        assert!(Part::parse(latin).unwrap().is_file);
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_refused() {
        for lines in [
            "no colon\r\n",
            " begins with a blank: x\r\n",
            "Content-Disposition : form-data; name=a\r\n",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n",
            "Content-Disposition: form-data; name=a; name=b\r\n",
            "Content-Disposition: form-data; name*=utf-8''a\r\n",
            "Content-Disposition: form-data; name*0=a\r\n",
            "Content-Disposition: form-data; name=\"mo\\del\"\r\n",
            "X: a\nContent-Disposition: form-data; name=a\r\n",
            "X: a\rContent-Disposition: form-data; name=a\r\n",
            "Content-Disposition: form-data;\r\n name=a\r\n",
            "Content-Disposition: attachment; name=a\r\n",
            "Content-Disposition: form-data; name=\"=?utf-8?q?a?=\"\r\n",
            "Content-Disposition: form-data; name=_charset_\r\n",
        ] {
            assert_eq!(part(lines), Err(Error::Invalid), "{lines}");
        }
        let binary = b"Content-Disposition: form-data; name=\"a\xff\"\r\n";
        assert_eq!(Part::parse(binary), Err(Error::Invalid));
    }

    #[test]
    fn what_its_bytes_say() {
        let unclear = |lines: &str| part(&format!("{lines}\r\n")).unwrap().is_unclear;
        for lines in [
            "Content-Transfer-Encoding: 8BIT",
            "Content-Type: text/plain; charset=UTF-8",
            "Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''b",
        ] {
            assert!(!unclear(lines), "{lines}");
        }
        for lines in [
            "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: quoted-printable",
            "Content-Type: text/plain; charset=utf-7",
            "Content-Type: multipart/mixed; boundary=x",
            "Content-Disposition: form-data; name=a; filename*=utf-8''b",
            "Content-Disposition: form-data; name=a; filename=\"\"",
        ] {
            assert!(unclear(lines), "{lines}");
        }
    }
}
