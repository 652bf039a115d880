//! Answers over HTTP/1.1, as little of them as a bench needs: how they went and where they end.

use std::time::Duration;

/// Most headers of an answer.
const HEADERS_MAX: usize = 32;

/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Begin of a body that says what is wrong, in bytes.
const EXCERPT_BYTES_MAX: usize = 400;

/// An answer that has come whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAnswer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// The node closes the connection behind it.
    pub closes: bool,
    /// The begin of the body, of an answer that is not in the 200s.
    pub excerpt: String,
}

/// What cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not HTTP/1.1 with a length")]
pub struct MalformedAnswer;

/// Reads the bytes of one connection, answer by answer, and keeps no body.
#[derive(Debug, Default)]
pub struct AnswerReader {
    /// A head that has not come whole.
    head: Vec<u8>,
    /// An answer whose head has come, and bytes of its body that have not.
    body: Option<(NodeAnswer, usize)>,
}

impl AnswerReader {
    /// Takes what has come; gives the answer once it is whole. One is on its way at a time, so nothing may follow it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Option<NodeAnswer>, MalformedAnswer> {
        if let Some((answer, missing)) = self.body.take() {
            return self.take_body(answer, missing, bytes);
        }
        if self.head.is_empty() {
            return self.take_head(bytes);
        }
        let mut head = std::mem::take(&mut self.head);
        head.extend_from_slice(bytes);
        self.take_head(&head)
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<Option<NodeAnswer>, MalformedAnswer> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(bytes).map_err(|_| MalformedAnswer)? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial if bytes.len() <= HEAD_BYTES_MAX => {
                self.head = bytes.to_vec();
                return Ok(None);
            }
            httparse::Status::Partial => return Err(MalformedAnswer),
        };
        let status = response.code.ok_or(MalformedAnswer)?;
        let value = |name: &str| {
            let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| str::from_utf8(header.value).ok()).map(str::trim)
        };
        let body: usize = value("content-length").and_then(|text| text.parse().ok()).ok_or(MalformedAnswer)?;
        let retry_after = value("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let closes = value("connection").is_some_and(|text| text.eq_ignore_ascii_case("close"));
        let answer = NodeAnswer { status, retry_after, closes, excerpt: String::new() };
        self.take_body(answer, body, bytes.get(length..).unwrap_or_default())
    }

    fn take_body(
        &mut self,
        mut answer: NodeAnswer,
        missing: usize,
        bytes: &[u8],
    ) -> Result<Option<NodeAnswer>, MalformedAnswer> {
        if answer.status >= 300 && answer.status != 429 {
            let room = EXCERPT_BYTES_MAX.saturating_sub(answer.excerpt.len());
            answer.excerpt.push_str(&String::from_utf8_lossy(bytes.get(..room.min(bytes.len())).unwrap_or_default()));
        }
        let missing = missing.checked_sub(bytes.len()).ok_or(MalformedAnswer)?;
        if missing == 0 {
            return Ok(Some(answer));
        }
        self.body = Some((answer, missing));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\ncontent-length: 4\r\n\r\nbusy";

    #[test]
    fn an_answer_is_the_same_in_one_piece_and_byte_by_byte() {
        let whole = AnswerReader::default().take(BUSY).unwrap().unwrap();
        assert_eq!((whole.status, whole.retry_after, whole.closes), (429, Some(Duration::from_secs(2)), false));
        let mut reader = AnswerReader::default();
        let (last, first) = BUSY.split_last().unwrap();
        for byte in first {
            assert_eq!(reader.take(&[*byte]).unwrap(), None);
        }
        assert_eq!(reader.take(&[*last]).unwrap(), Some(whole));
    }

    #[test]
    fn what_went_wrong_is_kept() {
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwrong";
        let answer = AnswerReader::default().take(answer).unwrap().unwrap();
        assert_eq!((answer.status, answer.closes, answer.excerpt.as_str()), (400, true, "wrong"));
    }

    #[test]
    fn what_has_no_end_is_malformed() {
        for bytes in [
            b"SSH-2.0-OpenSSH\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        ] {
            assert_eq!(AnswerReader::default().take(bytes), Err(MalformedAnswer), "{}", String::from_utf8_lossy(bytes));
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'a'; HEAD_BYTES_MAX]].concat();
        assert_eq!(AnswerReader::default().take(&endless), Err(MalformedAnswer));
    }
}
