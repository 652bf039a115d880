//! Long answers, which go out piece by piece and are counted as long as they are held.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, BytesMut};
use serde::Serialize;

use crate::app::answer::MemoryLease;

/// Bytes that are handed to the connection at a time, and given back to the budget when they have been.
const PIECE_BYTES: usize = 64 * 1024;

/// The bytes of an answer, in pieces: none of them is moved while the answer grows, and each is free once it is sent.
#[derive(Debug, Default)]
struct AnswerPieces {
    full: VecDeque<Bytes>,
    last: BytesMut,
}

impl AnswerPieces {
    /// Cuts what is written already. The pieces share its memory.
    fn of(mut bytes: Bytes) -> Self {
        let mut pieces = Self::default();
        while !bytes.is_empty() {
            pieces.full.push_back(bytes.split_to(bytes.len().min(PIECE_BYTES)));
        }
        pieces
    }

    fn close(&mut self) {
        if !self.last.is_empty() {
            self.full.push_back(std::mem::take(&mut self.last).freeze());
        }
    }
}

impl Write for AnswerPieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.capacity() == 0 {
            self.last.reserve(PIECE_BYTES);
        }
        let room = PIECE_BYTES.saturating_sub(self.last.len());
        let (taken, _) = bytes.split_at(bytes.len().min(room));
        self.last.extend_from_slice(taken);
        if self.last.len() >= PIECE_BYTES {
            self.close();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a document down up to a length, and past it only counts, so that one walk tells how long it is.
struct Measured {
    pieces: Option<AnswerPieces>,
    kept_bytes_max: usize,
    length: usize,
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length = self.length.saturating_add(bytes.len());
        if self.length > self.kept_bytes_max {
            self.pieces = None;
        }
        self.pieces.as_mut().map_or(Ok(()), |pieces| pieces.write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The parts of a document's text, made as they are asked for.
type Parts = Box<dyn Iterator<Item = serde_json::Result<Vec<u8>>> + Send>;

/// A document on the way to its client: its text in pieces, or what makes it as the client takes it.
pub struct AnswerText {
    written: AnswerPieces,
    unwritten: Option<Parts>,
    length: usize,
}

impl AnswerText {
    /// Writes a document down if its text has at most `kept_bytes_max`. A longer one is kept as it is, and `into_text` gives its
    /// text, the same bytes, while it is sent.
    pub fn of<T, P>(document: T, kept_bytes_max: usize, into_text: impl FnOnce(T) -> P) -> serde_json::Result<Self>
    where
        T: Serialize,
        P: Iterator<Item = serde_json::Result<Vec<u8>>> + Send + 'static,
    {
        let mut measured = Measured { pieces: Some(AnswerPieces::default()), kept_bytes_max, length: 0 };
        serde_json::to_writer(&mut measured, &document)?;
        let length = measured.length;
        Ok(match measured.pieces {
            Some(written) => Self { written, unwritten: None, length },
            None => Self { written: AnswerPieces::default(), unwritten: Some(Box::new(into_text(document))), length },
        })
    }

    /// Bytes of its text.
    pub const fn len(&self) -> usize {
        self.length
    }
}

/// An answer on its way. What was sent is given back at once, so that a slow reader holds only the rest.
pub struct LongAnswer {
    pieces: AnswerPieces,
    /// What the pieces are made of that come after these.
    unwritten: Option<Parts>,
    /// Bytes that are still to be sent.
    left: usize,
    lease: MemoryLease,
    gives_back: bool,
}

/// In the extensions of an answer that is counted already.
pub struct IsCounted;

impl LongAnswer {
    /// Sends a document. What of it is not written yet takes as much memory as its text, or less.
    pub fn of_text(document: AnswerText, mut lease: MemoryLease) -> Self {
        let AnswerText { mut written, unwritten, length } = document;
        written.close();
        lease.shrink_to(length);
        Self { pieces: written, unwritten, left: length, lease, gives_back: true }
    }

    /// Sends what is in one piece of memory, which is held until all of it is sent.
    pub fn of_bytes(bytes: Bytes, lease: MemoryLease) -> Self {
        let left = bytes.len();
        Self { pieces: AnswerPieces::of(bytes), unwritten: None, left, lease, gives_back: false }
    }

    /// Writes on until a piece is full or all is written.
    fn write_on(&mut self) -> io::Result<()> {
        while self.pieces.full.is_empty()
            && let Some(parts) = &mut self.unwritten
        {
            match parts.next() {
                Some(part) => self.pieces.write_all(&part?)?,
                None => {
                    self.pieces.close();
                    self.unwritten = None;
                }
            }
        }
        Ok(())
    }
}

impl MessageBody for LongAnswer {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Err(error) = self.write_on() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(piece) = self.pieces.full.pop_front() else { return Poll::Ready(None) };
        self.left = self.left.saturating_sub(piece.len());
        if self.gives_back {
            let left = self.left;
            self.lease.shrink_to(left);
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::body::to_bytes;

    use super::*;
    use crate::app::answer::{ClientAddress, MemoryBudget};

    /// A document of as many texts, each of a length of its own.
    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|n| "é\"".repeat(n * 37 % 5_000)).collect()
    }

    fn parts_of(texts: Vec<String>) -> impl Iterator<Item = serde_json::Result<Vec<u8>>> {
        let entries = texts.into_iter().enumerate().map(|(at, text)| {
            let mut part = if at == 0 { Vec::new() } else { b",".to_vec() };
            serde_json::to_writer(&mut part, &text).map(|()| part)
        });
        [Ok(b"[".to_vec())].into_iter().chain(entries).chain([Ok(b"]".to_vec())])
    }

    #[actix_web::test]
    async fn a_document_is_the_same_whether_it_is_written_before_or_while_it_is_sent() {
        let budget = Arc::new(MemoryBudget::new(usize::MAX, usize::MAX));
        let text = serde_json::to_vec(&texts(300)).unwrap();
        assert!(text.len() > 10 * PIECE_BYTES, "{}", text.len());
        for (kept_bytes_max, is_written) in [(text.len(), true), (text.len() - 1, false), (0, false)] {
            let document = AnswerText::of(texts(300), kept_bytes_max, parts_of).unwrap();
            assert_eq!((document.len(), document.unwritten.is_none()), (text.len(), is_written), "{kept_bytes_max}");
            let mut lease = budget.lease(ClientAddress::THIS_PROCESS);
            assert!(lease.grow_to(3 * text.len()));
            let mut answer = Box::pin(LongAnswer::of_text(document, lease));
            assert_eq!(answer.size(), BodySize::Sized(text.len() as u64));
            assert_eq!(budget.held_bytes(), text.len());
            let mut sent = Vec::new();
            while let Some(piece) = std::future::poll_fn(|cx| answer.as_mut().poll_next(cx)).await {
                let piece = piece.unwrap();
                assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
                sent.extend_from_slice(&piece);
                assert_eq!(budget.held_bytes(), text.len() - sent.len(), "what was sent is given back");
                let written: usize = answer.pieces.full.iter().map(Bytes::len).sum();
                assert!(is_written || written <= PIECE_BYTES, "{written} bytes are written ahead");
            }
            assert_eq!((sent.len(), sent == text), (text.len(), true), "{kept_bytes_max}");
        }
        let empty = AnswerText::of((), 4, |()| std::iter::empty()).unwrap();
        let answer = LongAnswer::of_text(empty, budget.lease(ClientAddress::THIS_PROCESS));
        assert_eq!(to_bytes(answer).await.unwrap(), "null");
    }

    #[actix_web::test]
    async fn what_cannot_be_written_ends_the_answer() {
        let budget = Arc::new(MemoryBudget::new(usize::MAX, usize::MAX));
        let fault = || serde_json::from_str::<u8>("-").map(|_| Vec::new());
        let document = AnswerText::of("long", 0, |_| [Ok(b"\"lo".to_vec()), fault()].into_iter()).unwrap();
        let answer = LongAnswer::of_text(document, budget.lease(ClientAddress::THIS_PROCESS));
        assert!(to_bytes(answer).await.is_err());
    }

    #[actix_web::test]
    async fn one_piece_of_memory_is_held_until_all_is_sent() {
        let budget = Arc::new(MemoryBudget::new(usize::MAX, usize::MAX));
        let text: Vec<u8> = (0..5 * PIECE_BYTES / 2).map(|n| (n % 251) as u8).collect();
        let mut lease = budget.lease(ClientAddress::THIS_PROCESS);
        assert!(lease.grow_to(text.len()));
        let answer = LongAnswer::of_bytes(text.clone().into(), lease);
        assert_eq!(budget.held_bytes(), text.len());
        assert_eq!(to_bytes(answer).await.unwrap(), text);
        assert_eq!(budget.held_bytes(), 0);
    }
}
