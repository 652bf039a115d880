//! Whether a receipt proves what a node says: against the trust anchor that was pinned, and the changes of members since.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use sealane_core::block::Origin;
use sealane_core::evidence::{Anchor, Handover, MemberChain, Receipt, ReceiptError};
use sealane_core::statement::SignatureVerifier;

/// What receipts are held against.
pub struct Proof {
    chain: Mutex<MemberChain>,
    verifier: Arc<dyn SignatureVerifier>,
}

/// A receipt that proves nothing of the statement.
#[derive(Debug, thiserror::Error)]
pub enum BadReceipt {
    #[error("the receipt cannot be read: {0}")]
    Malformed(String),
    #[error("the receipt does not hold: {0}")]
    Unproven(#[from] ReceiptError),
    #[error("the receipt is for another statement")]
    OtherStatement,
    #[error("the changes of members that the node shows do not hold: {0}")]
    Handovers(String),
    #[error("the receipt is by members that are not known here, and the node does not show their handovers: {0}")]
    NoHandovers(String),
}

impl Proof {
    pub fn new(anchor: Anchor, verifier: Arc<dyn SignatureVerifier>) -> Self {
        Self { chain: Mutex::new(MemberChain::new(anchor)), verifier }
    }

    fn chain(&self) -> MemberChain {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn origin(&self) -> Origin {
        self.chain().anchor().genesis().origin.clone()
    }

    /// Checks a receipt, for a statement in compact form unless it is that of an earlier one. If the members have changed since the
    /// anchor, `handovers` fetches the changes from the node that gave the receipt.
    ///
    /// # Errors
    ///
    /// Why it proves nothing. The node is at fault then.
    pub fn check(
        &self,
        receipt: &Value,
        compact: Option<&str>,
        handovers: impl FnOnce(&Anchor) -> Result<Vec<Handover>, String>,
    ) -> Result<Receipt, BadReceipt> {
        let receipt: Receipt =
            serde_json::from_value(receipt.clone()).map_err(|error| BadReceipt::Malformed(error.to_string()))?;
        if compact.is_some_and(|compact| !receipt.is_for(compact)) {
            return Err(BadReceipt::OtherStatement);
        }
        let chain = self.chain();
        let Err(first) = receipt.verify(&chain, &*self.verifier) else { return Ok(receipt) };
        // It may be of members that came after those that are known.
        let is_by_others = matches!(first, ReceiptError::Commit(_) | ReceiptError::SealPlace(_));
        if !is_by_others {
            return Err(first.into());
        }
        let found = handovers(chain.anchor()).map_err(BadReceipt::NoHandovers)?;
        let longer = MemberChain::verify(chain.anchor().clone(), &found, &*self.verifier);
        let longer = longer.map_err(|(at, error)| BadReceipt::Handovers(format!("number {at}: {error}")))?;
        receipt.verify(&longer, &*self.verifier)?;
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = longer;
        Ok(receipt)
    }
}
