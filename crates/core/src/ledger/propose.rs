//! A block of one's own.

use crate::ledger::block::SealedBlock;
use crate::ledger::candidate::Candidate;
use crate::ledger::known::Knowledge;
use crate::ledger::place::PlaceRefusal;
use crate::ledger::placing::{BlockError, PlaceError, Placed, Placing};
use crate::ledger::state::State;
use crate::statement::SignatureVerifier;
use crate::time::Timestamp;

/// What became of the candidates, and the block, if there is one.
#[derive(Debug)]
pub struct Proposal {
    /// In the order of the candidates: its place, or the rule that refuses it. A block ends with the statement that enacts a
    /// proposal: the candidates after that one have no answer here, and wait for the next block.
    pub answers: Vec<Result<Placed, PlaceRefusal>>,
    /// Staged on the state. `None` if no candidate is new, and a block of a seal alone was not asked for.
    pub block: Option<SealedBlock>,
}

/// Makes the block after a state, of the candidates that may stand in it, at `time` or one millisecond after the last
/// block's, whichever is later.
///
/// The rules are those that the ledger has in force at that time. `known` has what the final blocks hold of the candidates'
/// statements and events, and the blocks that they name. With `even_if_empty` a block of a seal
/// alone is made if no candidate is new. The host keeps the number of candidates and their bytes within
/// `BLOCK_STATEMENTS_MAX` and `BLOCK_BYTES_MAX`.
///
/// # Errors
///
/// [`BlockError`] if no block can be made at all, as by rules that this program does not know. The state is then as it was.
pub fn propose(
    state: &mut State,
    known: &dyn Knowledge,
    time: Timestamp,
    candidates: Vec<Candidate>,
    even_if_empty: bool,
    verifier: &dyn SignatureVerifier,
) -> Result<Proposal, BlockError> {
    let time = state.last_seal().map_or(time, |last| time.max(last.time.plus_millis(1)));
    let mut placing = Placing::begin(state, time, known, verifier)?;
    let mut answers = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if placing.is_complete() {
            break;
        }
        match placing.place(candidate) {
            Ok(placed) => answers.push(Ok(placed)),
            Err(PlaceError::Refused(refusal)) => answers.push(Err(*refusal)),
            Err(PlaceError::Block(error)) => {
                placing.abandon();
                return Err(error);
            }
        }
    }
    if placing.is_empty() && !(even_if_empty && placing.has_genesis()) {
        placing.abandon();
        return Ok(Proposal { answers, block: None });
    }
    match placing.seal() {
        Ok(block) => Ok(Proposal { answers, block: Some(block) }),
        Err(refusal) => {
            state.roll_back();
            Err(BlockError(refusal.to_string()))
        }
    }
}
