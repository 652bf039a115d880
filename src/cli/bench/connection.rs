//! One kept-alive HTTP/1.1 connection that does nothing but post captures: the generator shares its cores with the node,
//! so it must cost little.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::cli::failure::Failure;

/// How long one answer may take before the connection counts as broken.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest answer that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    body: Vec<u8>,
}

impl Connection {
    pub fn open(url: &str) -> Result<Self, Failure> {
        let host = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host)
            .and_then(|stream| {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
                Ok(stream)
            })
            .map_err(|error| Failure::unreachable(format!("cannot reach {url}: {error}")))?;
        Ok(Self { stream: BufReader::new(stream), host, body: Vec::new() })
    }

    /// Posts a statement and tells whether it is final.
    pub fn post_capture(&mut self, statement: &[u8]) -> io::Result<bool> {
        let head = format!(
            "POST /epcis/capture HTTP/1.1\r\nHost: {}\r\nContent-Type: application/jose\r\nPrefer: wait=30\r\nContent-Length: {}\r\n\r\n",
            self.host,
            statement.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(statement);
        self.stream.get_mut().write_all(&request)?;
        let (status, length) = self.read_head()?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(status == 200)
    }

    fn read_head(&mut self) -> io::Result<(u16, usize)> {
        let malformed = || io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP/1.1 with a length");
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(malformed)?;
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            let named = header.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if let Some((_, value)) = named {
                length = value.trim().parse().ok();
            }
        }
        let length = length.filter(|length| *length <= BODY_BYTES_MAX).ok_or_else(malformed)?;
        Ok((status, length))
    }
}
