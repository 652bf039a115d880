//! An array that grows without moving.

use std::ops::{Index, IndexMut};

/// Items of one piece. Its memory is asked for at once and used as it fills.
const PIECE: usize = 1 << 15;

/// An array in pieces of one size. However long it is, one more item costs the same, and none of its memory is kept for
/// what may never come but in the last piece.
#[derive(Debug, Clone)]
pub(super) struct Pieces<T>(Vec<Vec<T>>);

impl<T> Pieces<T> {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * PIECE + last.len())
    }

    /// Drops all items from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len.div_ceil(PIECE));
        if let Some(last) = self.0.last_mut() {
            last.truncate(len - (len - 1) / PIECE * PIECE);
        }
    }

    pub fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < PIECE => last.push(item),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(item);
                self.0.push(piece);
            }
        }
    }
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Panics past the end, as an array does.
impl<T> Index<usize> for Pieces<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.0[at / PIECE][at % PIECE]
    }
}

impl<T> IndexMut<usize> for Pieces<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at / PIECE][at % PIECE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_where_they_were_put() {
        let mut pieces = Pieces::new();
        assert_eq!(pieces.len(), 0);
        pieces.push(0);
        let first: *const usize = &raw const pieces[0];
        for n in 1..3 * PIECE {
            pieces.push(n);
            assert_eq!(pieces.len(), n + 1);
        }
        pieces[PIECE] += 1;
        assert_eq!(first, &raw const pieces[0]);
        let mut shorter = pieces.clone();
        for len in [2 * PIECE + 1, 2 * PIECE, PIECE + 7, 1, 0] {
            shorter.truncate(len);
            assert_eq!(shorter.len(), len);
            assert!(len == 0 || shorter[len - 1] == pieces[len - 1]);
        }
        shorter.push(5);
        assert_eq!((shorter.len(), shorter[0]), (1, 5));
        assert_eq!([pieces[PIECE - 1], pieces[PIECE], pieces[3 * PIECE - 1]], [PIECE - 1, PIECE + 1, 3 * PIECE - 1]);
    }
}
