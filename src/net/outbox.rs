//! What waits to be sent to one node.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::limits::{MESSAGE_OVERHEAD_BYTES, OUTBOX_BYTES_MAX, WRITE_BYTES};
use sealane_core::agreement::Message;

/// A frame that may be on its way to many nodes.
pub(super) type SharedFrame = Arc<[u8]>;

/// How much a message matters if there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Only the latest counts, and it goes first.
    Pong,
    /// Only the latest counts.
    Status,
    /// Said again later by who wants them.
    Statements,
    /// Never dropped.
    Kept,
}

impl Class {
    pub const fn of(message: &Message) -> Self {
        match message {
            Message::Pong(_) => Self::Pong,
            Message::Status(_) => Self::Status,
            Message::Statements(_) => Self::Statements,
            _ => Self::Kept,
        }
    }
}

/// What became of a message that was put into an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Put {
    pub statements_dropped: u64,
    pub statuses_dropped: u64,
    /// There is no room, and nothing left that may be dropped.
    pub is_full: bool,
}

/// Frames in the order in which they go.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<(Class, SharedFrame)>,
    /// With what is being written.
    bytes: usize,
}

fn cost(frame: &SharedFrame) -> usize {
    frame.len() + MESSAGE_OVERHEAD_BYTES
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic between two changes leaves a number of bytes that is off; the connection ends with its task.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, class: Class, frame: SharedFrame) -> Put {
        let mut put = Put::default();
        let mut waiting = self.lock();
        if matches!(class, Class::Pong | Class::Status) {
            let older = waiting.frames.iter().position(|(known, _)| *known == class);
            if let Some((_, older)) = older.and_then(|at| waiting.frames.remove(at)) {
                waiting.bytes -= cost(&older);
                put.statuses_dropped += u64::from(class == Class::Status);
            }
        }
        while waiting.bytes + cost(&frame) > OUTBOX_BYTES_MAX {
            let oldest = waiting.frames.iter().position(|(known, _)| *known == Class::Statements);
            let Some((_, oldest)) = oldest.and_then(|at| waiting.frames.remove(at)) else { break };
            waiting.bytes -= cost(&oldest);
            put.statements_dropped += 1;
        }
        if waiting.bytes + cost(&frame) > OUTBOX_BYTES_MAX {
            match class {
                // It would have been the next to go.
                Class::Statements => put.statements_dropped += 1,
                Class::Status | Class::Pong => put.statuses_dropped += 1,
                Class::Kept => put.is_full = true,
            }
            return put;
        }
        waiting.bytes += cost(&frame);
        match class {
            Class::Pong => waiting.frames.push_front((class, frame)),
            _ => waiting.frames.push_back((class, frame)),
        }
        drop(waiting);
        self.arrived.notify_one();
        put
    }

    pub fn waiting_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Waits for frames, and takes as many as are written at once. They count as waiting until [`Self::written`].
    pub async fn take(&self) -> Vec<SharedFrame> {
        loop {
            let taken = self.try_take();
            if !taken.is_empty() {
                return taken;
            }
            self.arrived.notified().await;
        }
    }

    fn try_take(&self) -> Vec<SharedFrame> {
        let mut waiting = self.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some((_, frame)) = waiting.frames.front() {
            if bytes > 0 && bytes + frame.len() > WRITE_BYTES {
                break;
            }
            bytes += frame.len();
            taken.extend(waiting.frames.pop_front().map(|(_, frame)| frame));
        }
        taken
    }

    pub fn written(&self, frames: &[SharedFrame]) {
        let bytes: usize = frames.iter().map(cost).sum();
        let mut waiting = self.lock();
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> SharedFrame {
        vec![0; bytes].into()
    }

    fn classes(outbox: &Outbox) -> Vec<Class> {
        outbox.lock().frames.iter().map(|(class, _)| *class).collect()
    }

    #[test]
    fn of_statuses_and_pongs_only_the_latest_waits() {
        let outbox = Outbox::default();
        for class in [Class::Status, Class::Kept, Class::Pong, Class::Status, Class::Pong] {
            outbox.put(class, frame(10));
        }
        assert_eq!(classes(&outbox), [Class::Pong, Class::Kept, Class::Status]);
        assert_eq!(outbox.waiting_bytes(), 3 * (10 + MESSAGE_OVERHEAD_BYTES));
        assert_eq!(outbox.put(Class::Status, frame(10)), Put { statuses_dropped: 1, ..Put::default() });
    }

    #[test]
    fn the_oldest_statements_make_room_and_then_the_node_is_too_far_behind() {
        let outbox = Outbox::default();
        let (eighth, half) =
            (OUTBOX_BYTES_MAX / 8 - MESSAGE_OVERHEAD_BYTES, OUTBOX_BYTES_MAX / 2 - MESSAGE_OVERHEAD_BYTES);
        for class in [Class::Statements, Class::Kept, Class::Statements, Class::Statements] {
            assert_eq!(outbox.put(class, frame(eighth)), Put::default());
        }
        assert_eq!(outbox.put(Class::Kept, frame(half)), Put::default());
        assert_eq!(outbox.waiting_bytes(), OUTBOX_BYTES_MAX);
        assert_eq!(outbox.put(Class::Kept, frame(eighth)), Put { statements_dropped: 1, ..Put::default() });
        let left = [Class::Kept, Class::Statements, Class::Statements, Class::Kept, Class::Kept];
        assert_eq!(classes(&outbox), left);
        let full = Put { statements_dropped: 2, is_full: true, ..Put::default() };
        assert_eq!(outbox.put(Class::Kept, frame(half)), full);
        assert!(outbox.waiting_bytes() <= OUTBOX_BYTES_MAX);
        let refused = outbox.put(Class::Statements, frame(half));
        assert_eq!(refused, Put { statements_dropped: 1, ..Put::default() }, "statements alone cut nobody off");
    }

    #[tokio::test]
    async fn what_is_being_written_counts_until_it_is() {
        let outbox = Outbox::default();
        for bytes in [WRITE_BYTES - 10, 5, 6, 3 * WRITE_BYTES, 1] {
            outbox.put(Class::Kept, frame(bytes));
        }
        let mut lengths = Vec::new();
        while outbox.waiting_bytes() > 0 {
            let taken = outbox.take().await;
            let before = outbox.waiting_bytes();
            outbox.written(&taken);
            assert!(outbox.waiting_bytes() < before);
            lengths.push(taken.iter().map(|frame| frame.len()).collect::<Vec<_>>());
        }
        assert_eq!(lengths, [vec![WRITE_BYTES - 10, 5], vec![6], vec![3 * WRITE_BYTES], vec![1]]);
    }
}
