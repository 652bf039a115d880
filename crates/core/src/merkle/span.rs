//! Which stretches of leaves a proof is made of, by the recursions of RFC 9162 §2.1.3.1 and §2.1.4.1.

/// The leaves `[start, end)` of one subtree. `start` is a multiple of a power of two not below the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u64,
    pub end: u64,
}

/// The 2^height leaves from `index` · 2^height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PerfectSubtree {
    pub height: u32,
    pub index: u64,
}

impl Span {
    pub const fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    /// Lists the perfect subtrees that make up the span, largest and leftmost first.
    pub fn perfect_subtrees(self) -> impl Iterator<Item = PerfectSubtree> {
        let Self { mut start, end } = self;
        std::iter::from_fn(move || {
            let height = end.checked_sub(start)?.checked_ilog2()?;
            let index = start >> height;
            start += 1 << height;
            Some(PerfectSubtree { height, index })
        })
    }

    pub const fn len(self) -> u64 {
        self.end - self.start
    }

    /// Parts a span of two leaves or more at the largest power of two below its length.
    pub fn split(self) -> (Self, Self) {
        let middle = self.start + self.len().next_power_of_two() / 2;
        (Self { end: middle, ..self }, Self { start: middle, ..self })
    }
}

/// Lists the siblings on the way from the leaf at `index` to the root, lowest first; `index` is below `size`.
pub(super) fn inclusion(index: u64, size: u64) -> Vec<Span> {
    let mut siblings = Vec::new();
    let mut rest = Span::whole(size);
    while rest.len() > 1 {
        let (left, right) = rest.split();
        let (inside, sibling) = if index < right.start { (left, right) } else { (right, left) };
        siblings.push(sibling);
        rest = inside;
    }
    siblings.reverse();
    siblings
}

/// Lists what lies beside the leaves at `indices`, which ascend and are below `size`, from left to right.
pub(super) fn beside(indices: &[u64], size: u64) -> Vec<Span> {
    let mut beside = Vec::new();
    beside_within(indices, Span::whole(size), &mut beside);
    beside
}

fn beside_within(indices: &[u64], span: Span, beside: &mut Vec<Span>) {
    if indices.is_empty() {
        beside.push(span);
    } else if span.len() > 1 {
        let (left, right) = span.split();
        let (before, after) = indices.split_at(indices.partition_point(|index| *index < right.start));
        beside_within(before, left, beside);
        beside_within(after, right, beside);
    }
}

/// Lists the subtrees of a consistency proof, lowest first; `from` is at least 1 and at most `to`.
pub(super) fn consistency(from: u64, to: u64) -> Vec<Span> {
    let mut subtrees = Vec::new();
    let mut rest = Span::whole(to);
    while from != rest.end {
        let (left, right) = rest.split();
        let (inside, sibling) = if from <= right.start { (left, right) } else { (right, left) };
        subtrees.push(sibling);
        rest = inside;
    }
    // A subtree that begins at 0 is the old tree itself, whose root the verifier has.
    if rest.start > 0 {
        subtrees.push(rest);
    }
    subtrees.reverse();
    subtrees
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(spans: Vec<Span>) -> Vec<(u64, u64)> {
        spans.into_iter().map(|span| (span.start, span.end)).collect()
    }

    /// The examples of RFC 9162 §2.1.5, whose tree has seven leaves.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(pairs(inclusion(0, 7)), [(1, 2), (2, 4), (4, 7)]);
        assert_eq!(pairs(inclusion(3, 7)), [(2, 3), (0, 2), (4, 7)]);
        assert_eq!(pairs(inclusion(4, 7)), [(5, 6), (6, 7), (0, 4)]);
        assert_eq!(pairs(inclusion(6, 7)), [(4, 6), (0, 4)]);
        assert_eq!(pairs(consistency(3, 7)), [(2, 3), (3, 4), (0, 2), (4, 7)]);
        assert_eq!(pairs(consistency(4, 7)), [(4, 7)]);
        assert_eq!(pairs(consistency(6, 7)), [(4, 6), (6, 7), (0, 4)]);
    }

    #[test]
    fn the_smallest_trees() {
        assert_eq!(pairs(inclusion(0, 1)), []);
        assert_eq!(pairs(consistency(1, 1)), []);
        assert_eq!(pairs(consistency(9, 9)), []);
        assert_eq!(Span::whole(0).perfect_subtrees().count(), 0);
    }

    #[test]
    fn a_ragged_span_is_made_of_perfect_subtrees() {
        let parts: Vec<_> =
            Span { start: 8, end: 15 }.perfect_subtrees().map(|part| (part.height, part.index)).collect();
        assert_eq!(parts, [(2, 2), (1, 6), (0, 14)]);
    }
}
