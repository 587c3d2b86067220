//! The headers of one part.

use super::Error;
use super::parameters::Parameters;

/// What the headers of a part say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// `None`: it has no name.
    pub(super) name: Option<String>,
    /// Whether it is a file. One with an empty name is a value to some readers, and counts as one.
    pub(super) is_file: bool,
    /// Whether its bytes are not the value's but stand for them in another encoding.
    pub(super) is_encoded: bool,
}

impl Part {
    /// Reads the lines of the headers, each with its end, without the empty one after them.
    ///
    /// # Errors
    ///
    /// They are none, or might be read in another way by others.
    pub(super) fn parse(lines: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(lines).map_err(|_| Error::Invalid)?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in text.split_terminator("\r\n") {
            if line.contains(['\r', '\n', '\0']) {
                return Err(Error::Invalid);
            }
            // RFC 5322 section 2.2.3: a line that begins with white space goes on with the last.
            if line.starts_with([' ', '\t']) {
                let (_, value) = headers.last_mut().ok_or(Error::Invalid)?;
                value.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(Error::Invalid)?;
            if name.is_empty() || name.ends_with([' ', '\t']) {
                return Err(Error::Invalid);
            }
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut part = Self::default();
        let mut dispositions = 0_u8;
        for (name, value) in &headers {
            match name.as_str() {
                "content-disposition" => {
                    dispositions = dispositions.saturating_add(1);
                    part.disposition(value)?;
                }
                "content-transfer-encoding" => {
                    let plain = ["7bit", "8bit", "binary"];
                    let value = value.trim().to_ascii_lowercase();
                    part.is_encoded |= !plain.contains(&value.as_str());
                }
                _ => {}
            }
        }
        if dispositions > 1 {
            return Err(Error::Invalid);
        }
        Ok(part)
    }

    fn disposition(&mut self, value: &str) -> Result<(), Error> {
        let disposition = Parameters::parse(value).map_err(|_| Error::Invalid)?;
        if disposition.value != "form-data" {
            return Ok(());
        }
        for (parameter, value) in disposition.names_and_values() {
            match parameter {
                // RFC 7578 has quotes escaped as browsers do, `%22`; a backslash means several things.
                "name" if value.contains('\\') => return Err(Error::Invalid),
                "name" => self.name = Some(value.to_owned()),
                "filename" => self.is_file |= !value.is_empty(),
                "filename*" => self.is_file = true,
                // RFC 2231, which RFC 7578 section 4.2 forbids: some readers make a name of it.
                other if other.starts_with("name*") || other.starts_with("filename*") => {
                    return Err(Error::Invalid);
                }
                _ => {}
            }
        }
        Ok(())
    }
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
            "X: y\r\nCONTENT-DISPOSITION: Form-Data;\r\n\tNAME=\"model\"\r\n",
        ] {
            assert_eq!(named(lines), model, "{lines}");
            assert!(!part(lines).unwrap().is_file);
        }
        for lines in [
            "",
            "Content-Type: text/plain\r\n",
            "Content-Disposition: attachment; name=model\r\n",
        ] {
            assert_eq!(named(lines), None, "{lines}");
        }
        let file = |parameter: &str| {
            let lines = format!("Content-Disposition: form-data; name=\"f\"; {parameter}\r\n");
            part(&lines).unwrap().is_file
        };
        assert!(file("filename=\"C:\\a.mp3\""));
        assert!(file("filename*=UTF-8''a"));
        assert!(!file("filename=\"\""));
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
        ] {
            assert_eq!(part(lines), Err(Error::Invalid), "{lines}");
        }
        assert_eq!(Part::parse(b"X: \xff\r\n"), Err(Error::Invalid));
    }

    #[test]
    fn transfer_encodings() {
        let encoded = |value: &str| {
            let lines = format!("Content-Transfer-Encoding: {value}\r\n");
            part(&lines).unwrap().is_encoded
        };
        assert!(!encoded("8BIT"));
        assert!(encoded("base64"));
        assert!(encoded("quoted-printable"));
    }
}
