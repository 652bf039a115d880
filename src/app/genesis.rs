//! The first block: who begins the ledger.

use crate::app::head::mark_of;
use crate::app::signing::sign_block;
use crate::ports::{LedgerStore, MemberSigner, NewBlock, StoreError, StoredBlock, VoteLog, VoteLogError};
use sealane_core::block::{Member, MemberSet, MemberSetError, Origin};
use sealane_core::consortium::{Admin, Founder, Genesis, Organization, Place, founder_bytes};
use sealane_core::evidence::{Anchor, AnchorError};
use sealane_core::ledger::{BlockError, Candidate, PlaceRefusal, Prefetched, State, propose};
use sealane_core::merkle::TreeSize;
use sealane_core::statement::{Draft, Header, P256, StatementError, SubmittedStatement};
use sealane_core::time::Timestamp;

/// The ledger cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    #[error("there is a ledger here already")]
    Exists,
    #[error("the keys here are of no member in the genesis statement")]
    NoMember,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] VoteLogError),
    #[error("the genesis statement cannot be signed: {0}")]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Members(#[from] MemberSetError),
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// Begins a ledger of one member: signs its genesis statement, and writes the first block.
pub async fn begin(
    store: &dyn LedgerStore,
    signer: &dyn MemberSigner,
    log: &mut dyn VoteLog,
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
    let anchor = sign(Genesis::new(origin.clone(), members, vec![founder], now), signer)?;
    write(store, signer, log, &anchor).await?;
    Ok(anchor.genesis().clone())
}

/// Signs a genesis statement, at the time at which it says that it was created. The signer MUST be the first of its members.
pub fn sign(genesis: Genesis, signer: &dyn MemberSigner) -> Result<Anchor, GenesisError> {
    let (origin, created) = (genesis.origin.clone(), genesis.created);
    let statement = sign_admin(&Admin::Genesis(genesis), &origin, signer, created)?;
    Ok(Anchor::of_genesis(statement.compact().as_bytes(), &P256)?)
}

/// Writes block 0, which the genesis statement gives whole: each founder the same one, with a commit of its own. The store may
/// hold that very block already: then an earlier call ended before the log said so.
pub async fn write(
    store: &dyn LedgerStore,
    signer: &dyn MemberSigner,
    log: &mut dyn VoteLog,
    anchor: &Anchor,
) -> Result<StoredBlock, GenesisError> {
    let members = &anchor.genesis().members;
    let own = members.get(&signer.public_key().thumbprint()).filter(|own| own.note_key() == signer.note_key());
    if own.is_none() {
        return Err(GenesisError::NoMember);
    }
    if let Some(tip) = store.tip().await? {
        let checkpoint = &tip.checkpoint;
        let is_this = tip.seal.height == anchor.height() && checkpoint.origin == anchor.genesis().origin;
        if !is_this || checkpoint.root != anchor.root() {
            return Err(GenesisError::Exists);
        }
        log.release(mark_of(&tip)).await?;
        return Ok(tip);
    }
    let time = anchor.genesis().created;
    let first = Candidate::genesis(anchor, Place { leaf: TreeSize::ZERO.next_index(), time })?;
    let (mut state, known) = (State::empty(), Prefetched::default());
    let proposal = propose(&mut state, &known, time, vec![first], false, &P256)?;
    let sealed = proposal.block.ok_or_else(|| BlockError("the genesis statement got no place".to_owned()))?;
    let block = sign_block(&sealed, signer)?;
    store.append(NewBlock::new(block.clone(), sealed.content)).await?;
    log.release(mark_of(&block)).await?;
    Ok(block)
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
