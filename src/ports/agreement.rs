//! How members agree on the next block: a state machine that says what is to be done, and does nothing itself.

use std::collections::BTreeSet;
use std::time::Duration;

use sealane_core::agreement::{Equivocation, Logged, Said, Timer, ValueId};
use sealane_core::block::{Commit, Height, MemberSet};
use sealane_core::hash::Hash;

/// Decides one height after another, together with the other members.
///
/// Every call returns acts, which the caller MUST carry out in their order, one list after another. A call reads no clock,
/// waits for nothing and keeps nothing on a disk: the same calls on a new instance give the same acts.
///
/// **Durability.** Before the caller carries out [`Act::Say`], every earlier [`Act::Log`] MUST be on stable storage, and the
/// body of the block that it is about, if it has one. If that fails it MUST carry out nothing more of this key's, for good:
/// the next start replays the log. All other acts need no flush. They say again what was said before, or others' words.
///
/// **After a crash** [`begin`](Self::begin) is given what the log has of the height. It then says the same as before, or
/// nothing. Given less than was flushed, it can sign a second vote in one place, which convicts this member.
///
/// **After an error** nothing was said, and every later call gives the same error until [`begin`](Self::begin) or
/// [`stand`](Self::stand). Others' messages give none: what does not hold is dropped, whatever it is. An error means that this
/// node's log or program is wrong, or that its key signs elsewhere too. The caller MUST NOT begin again before a person has
/// looked at it, unless the height has become final meanwhile.
pub trait Agreement: Send {
    /// Blocks up to `tip` are final and written here, and no height is under way until [`begin`](Self::begin). `members` are
    /// those in force after it. To be called at the start, and after each final block that is not followed by `begin`.
    fn stand(&mut self, tip: Height, members: &MemberSet) -> Vec<Act>;

    /// Begins a height, from whatever state: also one that is under way already, and one above blocks that came as final
    /// blocks. `members` are those in force at that height. `replay` is what the log holds of it, in order, and empty if
    /// nothing was logged.
    fn begin(&mut self, height: Height, members: &MemberSet, replay: Vec<Logged>) -> Result<Vec<Act>, AgreementError>;

    /// Takes what the member `from` has said, on a connection that proves it is that member. It may be another's word, passed
    /// on.
    ///
    /// Of the height under way everything is verified before anything else is done with it. Of the two heights after it,
    /// votes and proposals are kept only if they are `from`'s own, a bounded number of each member, and taken when their
    /// height begins. All else is dropped.
    fn hear(&mut self, from: Hash, said: Said) -> Result<Vec<Act>, AgreementError>;

    /// A timer that [`Act::Wake`] set has run out. One that was cancelled or is of an earlier round does nothing.
    ///
    /// The caller MAY hold timers back while it has nothing that a block could hold and was not told by [`Act::Begin`] that
    /// others are at this height: that no two blocks are final never rests on timers.
    fn time_out(&mut self, timer: Timer) -> Result<Vec<Act>, AgreementError>;

    /// Answers [`Act::Build`]: this is the block that this member proposes. The caller has its whole body, and has logged it.
    fn propose(&mut self, round: u32, value: ValueId) -> Result<Vec<Act>, AgreementError>;

    /// Answers [`Act::Want`]: the caller has the whole body, has logged it, and found it valid or not.
    ///
    /// What was valid stays valid. What was not may be valid in a later round, for which it is wanted anew.
    fn check(&mut self, round: u32, value: ValueId, valid: bool) -> Result<Vec<Act>, AgreementError>;

    /// A member has connected: it is told all that is known of the height under way.
    fn greet(&mut self, peer: Hash) -> Result<Vec<Act>, AgreementError>;

    /// Which members this node has a connection to. For the proposal of one that is away it does not wait long.
    fn reach(&mut self, reachable: BTreeSet<Hash>) -> Result<Vec<Act>, AgreementError>;
}

/// What the caller of [`Agreement`] is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Append an entry to the log.
    Log(Logged),
    /// Make all that was logged durable, then tell every member. It is this member's own word, for the first time or after
    /// a crash.
    Say(Said),
    /// Tell a member, or every one if there is none, what was said before or by others. No flush.
    Repeat { to: Option<Hash>, said: Said },
    /// Send a member, or every one if there is none, the outline of a block that this node has. No flush.
    Show { to: Option<Hash>, value: ValueId },
    /// It is this member's turn: build a block, and answer by [`Agreement::propose`] if this round is still under way then.
    Build { round: u32 },
    /// Get a block if it is not here, check it, and answer by [`Agreement::check`]. Asked again now and then until answered.
    Want(WantedBlock),
    /// Call [`Agreement::time_out`] after this time, in place of an earlier time for the same timer.
    Wake(Timer, Duration),
    /// Drop this timer.
    Cancel(Timer),
    /// Drop all timers.
    CancelAll,
    /// Other members, more than lie, are voting at this height. If it is not under way here, begin it. If it is, hold its
    /// timers back no longer, even if there is nothing to propose: the others may wait for this member.
    Begin(Height),
    /// The block is final. This is the last act of its height. Write it, then [`stand`](Agreement::stand) on it or begin the next height.
    Decide { value: ValueId, commit: Commit },
    /// Members have signed two things in one place.
    Faults(Vec<Equivocation>),
}

/// A proposed block whose body this node has to find and to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedBlock {
    pub value: ValueId,
    pub height: Height,
    pub round: u32,
    /// The earlier round in which a quorum gave it its prevotes. The rule that a block's time is near this node's clock is
    /// not for such a one.
    pub pol_round: Option<u32>,
    /// Members that have it: who proposed it, and then those that gave it a vote.
    pub holders: Vec<Hash>,
}

/// How long a member waits in a round. Each is local: members need not have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the proposal and its block, in round 0.
    pub propose: Duration,
    /// More of it for each round after that.
    pub propose_more: Duration,
    /// For votes that agree, once a quorum has voted, in round 0.
    pub vote: Duration,
    /// More of it for each round after that.
    pub vote_more: Duration,
    /// For what a proposer says to whom this node has no connection.
    pub away: Duration,
    /// Until what was said is said again.
    pub rebroadcast: Duration,
    /// Of all these at the most.
    pub most: Duration,
}

impl Default for Patience {
    /// For members some 40 ms apart. Where the slowest round trip is longer than 100 ms, `vote` is to be three of them.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            propose: ms(1_000),
            propose_more: ms(300),
            vote: ms(300),
            vote_more: ms(100),
            away: ms(50),
            rebroadcast: ms(2_000),
            most: ms(60_000),
        }
    }
}

/// This member can say no more at this height.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    #[error(
        "at height {height}, round {round} this member would sign two {what}s, one of which it has signed already: its vote log \
         and this program do not belong together. It signs nothing more"
    )]
    SecondSignature { height: Height, round: u32, what: &'static str },
    #[error(
        "at height {height}, round {round} others have a vote or proposal by this member's key that this node's vote log does \
         not have: the log is older than what left, or another process uses the key. It signs nothing more"
    )]
    SignedElsewhere { height: Height, round: u32 },
    #[error("the vote log holds an entry of height {found} among those of height {height}")]
    ForeignEntry { height: Height, found: Height },
    #[error("agreement on height {height} has stopped: {detail}")]
    Stopped { height: Height, detail: String },
}
