//! The first block: who begins the ledger.

use std::sync::Arc;

use crate::app::block_builder::{BlockBuilder, BuildError};
use crate::app::records::admin_record;
use crate::app::state::mark_of;
use crate::ports::{LeafContent, LedgerStore, MarkError, MemberSigner, StoreError};
use sealane_core::block::{Height, Member, MemberSet, MemberSetError, Origin};
use sealane_core::consortium::{Admin, Founder, Genesis, Organization, Registry, founder_bytes};
use sealane_core::index::SubjectIndex;
use sealane_core::merkle::Edge;
use sealane_core::statement::{Draft, Header, P256, StatementError, SubmittedStatement};
use sealane_core::time::Timestamp;

/// The ledger cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    #[error("there is a ledger here already")]
    Exists,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mark(#[from] MarkError),
    #[error("the genesis statement cannot be signed: {0}")]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Members(#[from] MemberSetError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Writes the first block: a genesis statement signed by the founding member, and its seal.
pub async fn begin(
    store: &dyn LedgerStore,
    signer: &dyn MemberSigner,
    name: &Organization,
    origin: &Origin,
    now: Timestamp,
) -> Result<Genesis, GenesisError> {
    if store.tip().await?.is_some() {
        return Err(GenesisError::Exists);
    }
    let member = Member::new(name.as_str(), signer.public_key().clone(), signer.note_key().clone())?;
    let kid = member.kid();
    let founder = Founder { kid, signature: signer.sign(&founder_bytes(origin, &member)) };
    let members = MemberSet::new(vec![member])?;
    let genesis = Genesis::new(origin.clone(), members, vec![founder], now);
    let admin = Admin::Genesis(genesis.clone());
    let statement = sign_admin(&admin, origin, signer, now)?.verify(signer.public_key(), &P256)?;
    let mut block = BlockBuilder::new(Height::GENESIS, now, Edge::new(), SubjectIndex::new());
    block.push_statement(&statement, LeafContent::Admin, admin_record(statement.id(), &kid, &admin))?;
    let registry = Arc::new(Registry::new(&genesis));
    let (new, state, _) = block.seal(&registry, signer)?.into_parts(registry);
    store.append(new).await?;
    signer.raise_mark(mark_of(&state.tip))?;
    Ok(genesis)
}

/// Signs an admin statement with the member's key.
pub fn sign_admin(
    admin: &Admin,
    origin: &Origin,
    signer: &dyn MemberSigner,
    now: Timestamp,
) -> Result<SubmittedStatement, StatementError> {
    let header = Header::admin(signer.public_key().thumbprint(), origin.as_str(), now);
    let draft = Draft::new(header, &admin.to_payload())?;
    let signature = signer.sign(draft.signing_input().as_bytes());
    Ok(draft.with_signature(signature))
}
