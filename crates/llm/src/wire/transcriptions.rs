//! What was said, as text.

use bytes::Bytes;

use super::{cannot_say, no_answer, tokens};
use crate::{
    answer::Usage,
    failure::{Cause, Failure},
    provider::{Form, Provider},
    tree::Tree,
};

/// Something that was said, as a file.
#[derive(Debug, Clone)]
pub struct Audio {
    /// Its name, whose end says what it is.
    pub name: String,
    /// The file.
    pub bytes: Bytes,
}

pub(crate) const PATH: &str = "/audio/transcriptions";
/// What parts of a body are told apart by.
const BOUNDARY: &str = "kith-6f1c0b9d2e7a4835-part-8d41e7c3a05b9f26";
pub(crate) const KIND: &str =
    "multipart/form-data; boundary=kith-6f1c0b9d2e7a4835-part-8d41e7c3a05b9f26";
/// So many bytes of sound are taken for a token where nobody counts: a minute of a telephone's recording for some hundred.
const BYTES_OF_A_TOKEN: usize = 1_000;

impl Audio {
    /// What it is expected to take.
    pub fn expected(&self) -> Usage {
        let tokens = self.bytes.len().div_ceil(BYTES_OF_A_TOKEN);
        let prompt_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        Usage { prompt_tokens, completion_tokens: 0 }
    }
}

/// What is asked.
///
/// # Errors
/// `Refused` for providers that have no such models, and for what cannot be put in a form.
pub(crate) fn body((provider, model): (Provider, &str), audio: &Audio) -> Result<Bytes, Failure> {
    if provider.form() == Form::Anthropic {
        return Err(cannot_say(provider.name(), "transcriptions"));
    }
    let is_in =
        |bytes: &[u8]| bytes.windows(BOUNDARY.len()).any(|some| some == BOUNDARY.as_bytes());
    if is_in(&audio.bytes) || is_in(model.as_bytes()) {
        return Err(Failure::new(Cause::Refused, "cannot be sent this file"));
    }
    let plain = |text: &str| -> String {
        text.chars().map(|sign| if sign == '"' || sign.is_control() { '_' } else { sign }).collect()
    };
    let mut body = Vec::with_capacity(audio.bytes.len() + 512);
    for (name, value) in [("model", model), ("response_format", "json")] {
        let part = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n",
            plain(value)
        );
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
         content-type: application/octet-stream\r\n\r\n",
        plain(&audio.name)
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&audio.bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Ok(body.into())
}

/// Reads what was said, and the tokens where they were counted.
pub(crate) fn read(body: &[u8]) -> Result<(String, Option<Usage>), Failure> {
    let json: Tree<'_> = serde_json::from_slice(body).map_err(|_| no_answer("is no JSON"))?;
    let text = json.get("text").and_then(Tree::as_str);
    let text = text.ok_or_else(|| no_answer("holds no text"))?.to_owned();
    let usage = json.get("usage").filter(|usage| usage.get("input_tokens").is_some());
    let usage = usage.map(|usage| Usage {
        prompt_tokens: tokens(usage, "input_tokens"),
        completion_tokens: tokens(usage, "output_tokens"),
    });
    Ok((text, usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_sent_as_a_form() {
        let audio =
            Audio { name: "a\"\r\nb.mp3".to_owned(), bytes: Bytes::from_static(b"\0\xffID3") };
        let body = body((Provider::OpenAi, "whisper-1"), &audio).unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("name=\"model\"\r\n\r\nwhisper-1\r\n"), "{text}");
        assert!(text.contains("filename=\"a___b.mp3\""), "{text}");
        assert!(text.ends_with(&format!("ID3\r\n--{BOUNDARY}--\r\n")) && KIND.ends_with(BOUNDARY));
        let trap =
            Audio { name: "a.mp3".to_owned(), bytes: Bytes::from_static(BOUNDARY.as_bytes()) };
        assert!(super::body((Provider::OpenAi, "whisper-1"), &trap).is_err());
        assert!(super::body((Provider::Anthropic, "x"), &audio).is_err());
    }

    #[test]
    fn what_was_said_is_read() {
        let told = br#"{"text": "Hi.", "usage": {"type": "tokens", "input_tokens": 9, "output_tokens": 2}}"#;
        let usage = Usage { prompt_tokens: 9, completion_tokens: 2 };
        assert_eq!(read(told).unwrap(), ("Hi.".to_owned(), Some(usage)));
        let by_time = br#"{"text": "", "usage": {"type": "duration", "seconds": 3}}"#;
        assert_eq!(read(by_time).unwrap(), (String::new(), None));
        for wrong in [&b"<html>"[..], b"{}", br#"{"text": 7}"#] {
            assert!(read(wrong).is_err());
        }
    }
}
