//! By what a node agrees with the other members: alone, or over its log of votes and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::app::orderer::{Consensus, SeenWords, UnusableVoteLog};
use crate::bft::{self, MalachiteAgreement};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::node::SystemClock;
use crate::config::PeerSettings;
use crate::net::{NetSetup, NetTimes, PeerNetwork};
use crate::pki::{MemberKey, NodeTls, X509Reader};
use crate::ports::{MemberSigner, Roster, VoteLog, VoteLogError};
use crate::store::{AddressFile, FaultFile, VoteLogFile};
use sealane_core::consortium::Registry;
use sealane_core::statement::SignatureVerifier;

/// How long the port for members' nodes may take to come free, and how often it is tried.
const PORT_WITHIN: Duration = Duration::from_secs(2);
const PORT_EVERY: Duration = Duration::from_millis(50);

/// Puts together what a member of a ledger agrees by.
pub async fn consensus(
    data: &DataDir,
    registry: &Registry,
    signer: &Arc<MemberKey>,
    verifier: &Arc<dyn SignatureVerifier>,
    peers: &PeerSettings,
) -> Result<(Consensus, Option<Arc<PeerNetwork>>), Failure> {
    let key = Arc::clone(signer) as Arc<dyn MemberSigner>;
    let kid = signer.public_key().thumbprint();
    let log: Box<dyn VoteLog> = match VoteLogFile::open(data.path(), kid, registry.origin()) {
        Ok(log) => Box::new(log),
        // What it has signed is not known: it signs nothing, and everything can be read.
        Err(error) => {
            tracing::error!("this node signs nothing: {}", with_causes(&error));
            Box::new(UnusableVoteLog::because(told_to_strangers(&error).to_owned()))
        }
    };
    let members = registry.members();
    let decides_alone = members.members().len() == 1 && members.get(&kid).is_some();
    // With a port of its own it meets those whom its member admits.
    if decides_alone && !peers.meets_others() {
        return Ok((bft::alone(key, log, Arc::clone(verifier), Arc::new(X509Reader)), None));
    }
    let words = Arc::new(SeenWords::default());
    let certificates = NodeTls::open(Arc::clone(signer), data.path());
    let certificates = certificates.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let setup = NetSetup {
        origin: registry.origin().clone(),
        roster: Roster::of_members(Arc::new(members.clone())),
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
        Some(address) => Some(listen_for_peers(address).await.map_err(|error| {
            Failure::unreachable(format!(
                "cannot listen on {address} for other members' nodes: {error}; choose another --peer-listen"
            ))
        })?),
    };
    let network = PeerNetwork::start(setup, listener).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    let network = Arc::new(network);
    let (for_agreement, patience) = (Arc::clone(verifier), peers.patience());
    let consensus = Consensus {
        agreement: Box::new(move |origin| {
            Box::new(MalachiteAgreement::new(origin.clone(), key, for_agreement, patience))
        }),
        log,
        peers: Arc::clone(&network) as _,
        words,
        faults: Arc::new(FaultFile::in_dir(data.path())),
        certificates: Arc::new(X509Reader),
    };
    Ok((consensus, Some(network)))
}

/// Listens for other members' nodes. A node that is opened again by its new key finds the port in use for a moment, by itself.
async fn listen_for_peers(address: SocketAddr) -> io::Result<TcpListener> {
    let began = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && began.elapsed() < PORT_WITHIN => {
                tokio::time::sleep(PORT_EVERY).await;
            }
            bound => return bound,
        }
    }
}

/// Why a log cannot be used, for all who ask: the operator hears more.
const fn told_to_strangers(error: &VoteLogError) -> &'static str {
    match error {
        VoteLogError::Lost { .. } => {
            "its log of votes is lost, so nothing tells what its key has signed after the last block that is here. Reading goes \
             on; its operator takes the log up again by `sealane members rejoin`"
        }
        VoteLogError::Damaged { .. } => {
            "its log of votes is damaged. Reading goes on; its log says more to its operator"
        }
        _ => "its log of votes cannot be used. Reading goes on; its log says more to its operator",
    }
}
