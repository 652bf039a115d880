//! What is taken out of a simulated node, to see that the simulation would notice.

/// One rule less. Each stands in the harness, so the product has no switch for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    None,
    /// Own words leave before the log is durable.
    NoFlush,
    /// The log is written, and not read after a crash.
    NoReplay,
    /// A member whose ledger is older than its log votes at the heights between.
    OlderHeights,
    /// Words of heights to come count from whoever passes them on.
    AnyConnection,
    /// What was said once is not said again.
    NothingAgain,
    /// No signature is checked.
    TrustsAll,
    /// A block is final with one signature less.
    HastyQuorum,
    /// What a proposed block has put into the index stays there when another block is looked at.
    NoRollBack,
    /// A statement counts as verified if one with its id was, whatever its bytes are.
    PoolById,
    /// What may not stand on the last block waits for the next one all the same.
    KeepsRefused,
    /// A client is told that its statement may not stand because of another one in a block that is not final.
    HastyRefusal,
    /// The log has the votes for a block, and not the block.
    NoBlockInLog,
    /// A member whose set has changed goes on with the one before for one height.
    OldSetTooLong,
    /// A final block that changes the members is held against those whom it brings in.
    NewSetTooEarly,
    /// A node signs whether or not its key is a member's.
    StrangersSign,
    /// A node whose program does not know the rules in force signs on.
    OldRulesSign,
    /// A key is called ready by who keeps it, wherever its node is.
    ReadyUnseen,
}
