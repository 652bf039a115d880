//! By what a node agrees with the other members: alone, or over its log of votes and its connections.

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::app::orderer::{Consensus, SeenWords, UnusableVoteLog};
use crate::bft::{self, MalachiteAgreement};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::node::SystemClock;
use crate::config::PeerSettings;
use crate::net::{NetSetup, NetTimes, PeerNetwork};
use crate::pki::{MemberKey, NodeTls, X509Reader};
use crate::ports::{MemberSigner, Patience, Roster, VoteLog};
use crate::store::{AddressFile, VoteLogFile};
use sealane_core::consortium::Genesis;
use sealane_core::statement::SignatureVerifier;

/// Puts together what a member of a ledger agrees by.
pub async fn consensus(
    data: &DataDir,
    genesis: &Genesis,
    signer: &Arc<MemberKey>,
    verifier: &Arc<dyn SignatureVerifier>,
    peers: &PeerSettings,
) -> Result<Consensus, Failure> {
    let key = Arc::clone(signer) as Arc<dyn MemberSigner>;
    if genesis.members.members().len() == 1 {
        return Ok(bft::alone(key, Arc::clone(verifier), Arc::new(X509Reader)));
    }
    let kid = signer.public_key().thumbprint();
    let log: Box<dyn VoteLog> = match VoteLogFile::open(data.path(), kid, &genesis.origin) {
        Ok(log) => Box::new(log),
        // What it has signed is not known: it signs nothing, and everything can be read.
        Err(error) => Box::new(UnusableVoteLog::because(with_causes(&error))),
    };
    let words = Arc::new(SeenWords::default());
    let certificates = NodeTls::open(Arc::clone(signer), data.path());
    let certificates = certificates.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let setup = NetSetup {
        origin: genesis.origin.clone(),
        roster: Roster::of_members(Arc::new(genesis.members.clone())),
        signer: Arc::clone(&key),
        verifier: Arc::clone(verifier),
        certificates: Arc::new(certificates),
        clock: Arc::new(SystemClock),
        last_words: Arc::clone(&words) as _,
        keeper: Arc::new(AddressFile::in_dir(data.path())),
        own_address: peers.own_address(),
        overrides: peers.overrides(),
        times: NetTimes::default(),
    };
    let listener = match peers.listen() {
        None => None,
        Some(address) => Some(TcpListener::bind(address).await.map_err(|error| {
            Failure::unreachable(format!(
                "cannot listen on {address} for other members' nodes: {error}; choose another --peer-listen"
            ))
        })?),
    };
    let network = PeerNetwork::start(setup, listener).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    let for_agreement = Arc::clone(verifier);
    Ok(Consensus {
        agreement: Box::new(move |origin| {
            Box::new(MalachiteAgreement::new(origin.clone(), key, for_agreement, Patience::default()))
        }),
        log,
        peers: Arc::new(network),
        words,
        certificates: Arc::new(X509Reader),
    })
}
