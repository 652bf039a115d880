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
}
