//! Where the code differs from docs/VERDICT.md, and is known to. The model is right without them.

/// Each is a difference that the model can imitate. Whoever mends one in the code sets it to false in [`Flaws::KNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaws {
    /// The second account, that of the claims, is walked without the tolerance for clocks.
    pub second_account_without_clocks: bool,
    /// A decommissioning by the holder of the prefix is from afar, and events from afar may follow any end. After a destroying or
    /// a decommissioning it contradicts all the same.
    pub decommissioned_after_an_end: bool,
    /// A report of theft by who ended it is taken as one by who has it.
    pub stolen_after_an_end: bool,
    /// A record of a carrier within the tolerance of a transit lies aside only once the account is built: what comes onto the
    /// ledger after it is not accepted.
    pub carriers_near_transit_bar_others: bool,
    /// After a sale a dispensing may follow, which the table of what may follow does not have.
    pub dispensed_after_a_sale: bool,
    /// A withdrawn end leaves a gap even if the account never had the product ended by it.
    pub withdrawn_end_that_never_stood: bool,
    /// A second receiver of goods that were let go to nobody is a gap, and disputes nothing, if the clock of the first is behind the
    /// sender's.
    pub second_receiver_behind_a_clock: bool,
    /// A sender that names only carriers after it has named who is to have the goods lets them go to nobody: a stranger can take over.
    pub carriers_replace_the_destination: bool,
}

impl Flaws {
    pub const NONE: Self = Self {
        second_account_without_clocks: false,
        decommissioned_after_an_end: false,
        stolen_after_an_end: false,
        carriers_near_transit_bar_others: false,
        dispensed_after_a_sale: false,
        withdrawn_end_that_never_stood: false,
        second_receiver_behind_a_clock: false,
        carriers_replace_the_destination: false,
    };
    pub const KNOWN: Self = Self {
        second_account_without_clocks: true,
        decommissioned_after_an_end: true,
        stolen_after_an_end: true,
        carriers_near_transit_bar_others: true,
        dispensed_after_a_sale: true,
        withdrawn_end_that_never_stood: true,
        second_receiver_behind_a_clock: true,
        carriers_replace_the_destination: true,
    };
}
