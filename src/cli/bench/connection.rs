//! One kept-alive connection that never blocks: a request at a time goes out, and its answer comes in.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::cli::bench::answer::{AnswerReader, NodeAnswer};

/// A connection, or one that is being made.
pub struct Connection {
    stream: TcpStream,
    is_open: bool,
    sent: usize,
    reader: AnswerReader,
}

/// How far a connection is.
#[derive(Debug)]
pub enum ReadStep {
    /// Nothing to do until the next event.
    Waits,
    /// It has come to be: requests may go out.
    Opened,
    Answered(NodeAnswer),
    /// The node has closed it.
    Closed,
}

impl Connection {
    /// Begins to connect; events tell when that has gone well.
    pub fn begin(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, is_open: false, sent: 0, reader: AnswerReader::default() })
    }

    /// Begins a request. Only once the answer to the one before has come.
    pub fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.sent = 0;
        self.go_on(request)
    }

    /// Takes an event; `request` is the one on its way, if any, and `buffer` where bytes may be read to.
    pub fn take(&mut self, event: &Event, request: Option<&[u8]>, buffer: &mut [u8]) -> io::Result<ReadStep> {
        if !self.is_open {
            return self.open();
        }
        if let (true, Some(request)) = (event.is_writable(), request) {
            self.go_on(request)?;
        }
        if event.is_readable() || event.is_read_closed() { self.read(buffer) } else { Ok(ReadStep::Waits) }
    }

    fn open(&mut self) -> io::Result<ReadStep> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.stream.set_nodelay(true)?;
                self.is_open = true;
                Ok(ReadStep::Opened)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(ReadStep::Waits),
            Err(error) => Err(error),
        }
    }

    /// Sends what has not gone out.
    fn go_on(&mut self, request: &[u8]) -> io::Result<()> {
        while let Some(rest) = request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadStep> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(ReadStep::Closed),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(ReadStep::Waits),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let taken = self.reader.take(buffer.get(..count).unwrap_or_default());
            if let Some(answer) = taken.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))? {
                return Ok(ReadStep::Answered(answer));
            }
            // Less than there was room for: no more has come, and an event will tell when it does.
            if count < buffer.len() {
                return Ok(ReadStep::Waits);
            }
        }
    }
}
