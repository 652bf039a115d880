//! Long answers, which go out piece by piece and are counted as long as they are held.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, BytesMut};

use crate::app::answer::MemoryLease;

/// Bytes that are handed to the connection at a time, and given back to the budget when they have been.
const PIECE_BYTES: usize = 64 * 1024;

/// The bytes of an answer, in pieces: none of them is moved while the answer grows, and each is free once it is sent.
#[derive(Debug, Default)]
pub struct AnswerPieces {
    full: VecDeque<Bytes>,
    last: BytesMut,
    length: usize,
}

impl AnswerPieces {
    /// Cuts what is written already. The pieces share its memory.
    pub fn of(mut bytes: Bytes) -> Self {
        let mut pieces = Self { length: bytes.len(), ..Self::default() };
        while !bytes.is_empty() {
            pieces.full.push_back(bytes.split_to(bytes.len().min(PIECE_BYTES)));
        }
        pieces
    }

    pub const fn len(&self) -> usize {
        self.length
    }

    fn close(&mut self) {
        if !self.last.is_empty() {
            self.full.push_back(std::mem::take(&mut self.last).freeze());
        }
    }
}

impl io::Write for AnswerPieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.capacity() == 0 {
            self.last.reserve(PIECE_BYTES);
        }
        let room = PIECE_BYTES.saturating_sub(self.last.len());
        let (taken, _) = bytes.split_at(bytes.len().min(room));
        self.last.extend_from_slice(taken);
        self.length += taken.len();
        if self.last.len() >= PIECE_BYTES {
            self.close();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer on its way. What was sent is given back at once, so that a slow reader holds only the rest.
pub struct LongAnswer {
    pieces: AnswerPieces,
    lease: MemoryLease,
    gives_back: bool,
}

/// In the extensions of an answer that is counted already.
pub struct IsCounted;

impl LongAnswer {
    /// Sends pieces that each have memory of their own.
    pub fn of_pieces(mut pieces: AnswerPieces, mut lease: MemoryLease) -> Self {
        pieces.close();
        lease.shrink_to(pieces.len());
        Self { pieces, lease, gives_back: true }
    }

    /// Sends what is in one piece of memory, which is held until all of it is sent.
    pub fn of_bytes(bytes: Bytes, lease: MemoryLease) -> Self {
        Self { pieces: AnswerPieces::of(bytes), lease, gives_back: false }
    }
}

impl MessageBody for LongAnswer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.pieces.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(piece) = self.pieces.full.pop_front() else { return Poll::Ready(None) };
        if self.gives_back {
            let rest = self.lease.bytes().saturating_sub(piece.len());
            self.lease.shrink_to(rest);
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use actix_web::body::to_bytes;

    use super::*;
    use crate::app::answer::{ClientAddress, MemoryBudget};

    #[actix_web::test]
    async fn pieces_make_the_answer_and_are_given_back_one_by_one() {
        let budget = Arc::new(MemoryBudget::new(usize::MAX, usize::MAX));
        let text: Vec<u8> = (0..5 * PIECE_BYTES / 2).map(|n| (n % 251) as u8).collect();
        let mut pieces = AnswerPieces::default();
        for part in text.chunks(1_000) {
            pieces.write_all(part).unwrap();
        }
        assert_eq!(pieces.len(), text.len());
        let mut lease = budget.lease(ClientAddress::THIS_PROCESS);
        assert!(lease.grow_to(10 * PIECE_BYTES));
        let mut answer = Box::pin(LongAnswer::of_pieces(pieces, lease));
        assert_eq!(answer.size(), BodySize::Sized(text.len() as u64));
        assert_eq!(budget.held_bytes(), text.len());
        let mut sent = Vec::new();
        while let Some(Ok(piece)) = std::future::poll_fn(|cx| answer.as_mut().poll_next(cx)).await {
            sent.extend_from_slice(&piece);
            assert_eq!(budget.held_bytes(), text.len() - sent.len());
        }
        assert_eq!((sent.len(), sent == text), (text.len(), true));

        let mut lease = budget.lease(ClientAddress::THIS_PROCESS);
        assert!(lease.grow_to(text.len()));
        let answer = LongAnswer::of_bytes(text.clone().into(), lease);
        assert_eq!(budget.held_bytes(), text.len());
        assert_eq!(to_bytes(answer).await.unwrap(), text);
        assert_eq!(budget.held_bytes(), 0);
    }
}
