//! What a member's node does beside its writer, for its own admission or the change of its key: it learns where the other members'
//! nodes are, and says that it is ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::app::Ledger;
use crate::app::follower::{SourceNode, SourcesSetup};
use crate::app::readiness::ReadyVoice;
use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::Failure;
use crate::cli::followed::{FollowedNodes, keep_fork, sources};
use crate::cli::new_key;
use crate::http::{PassOn, PassedRequest};
use crate::net::PeerNetwork;
use crate::ports::{AddressKeeper, MemberSigner};
use crate::store::AddressFile;
use sealane_core::agreement::SignedAddress;
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;

/// How often a node that is no member asks where members' nodes are: as a candidate, and before.
const ASK_AS_CANDIDATE: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_secs(60);

/// The other nodes of a ledger, by their URLs: where this one asked to be admitted, and those that members have signed.
#[derive(Default)]
pub struct OtherNodes {
    clients: Vec<Client>,
    sources: Vec<SourceNode>,
    followed: Option<Arc<FollowedNodes>>,
    /// What the ledger is known by to a newcomer.
    anchor: Option<Anchor>,
}

impl OtherNodes {
    /// Those that a member's directory knows.
    pub fn of(global: &Global, data: &DataDir) -> Result<Self, Failure> {
        let joining = DataDir::joining_in(data.path())?;
        let own = data.member_key()?.public_key().thumbprint();
        let kept = AddressFile::in_dir(data.path()).load().unwrap_or_default();
        let signed = kept.iter().map(SignedAddress::address).filter(|one| one.kid() != own);
        let mut urls: Vec<String> = joining.iter().map(|joining| joining.url.clone()).collect();
        for address in signed {
            let url = address.url().trim_end_matches('/');
            if !urls.iter().any(|known| known == url) {
                urls.push(url.to_owned());
            }
        }
        let anchor = joining.map(|joining| joining.anchor);
        if urls.is_empty() {
            return Ok(Self { anchor, ..Self::default() });
        }
        Ok(Self {
            clients: urls.iter().map(|url| Client::at(global, url)).collect::<Result<_, Failure>>()?,
            sources: sources(global, &urls)?,
            followed: Some(Arc::new(FollowedNodes::at(global, &urls)?)),
            anchor,
        })
    }

    /// What blocks are taken from while this node's key is no member's; `None` if no other node is known.
    pub fn sources(&mut self, data: &DataDir, genesis: Anchor) -> Option<SourcesSetup> {
        let (nodes, forks) = (std::mem::take(&mut self.sources), data.path().to_owned());
        let keep_fork = Box::new(move |fork: &_| keep_fork(&forks, fork));
        let anchor = self.anchor.clone().unwrap_or(genesis);
        (!nodes.is_empty()).then_some(SourcesSetup { anchor, nodes, keep_fork })
    }

    /// Takes what is posted here while this node's key is no member's.
    pub fn followed(&self) -> Option<Arc<dyn PassOn>> {
        self.followed.clone().map(|followed| followed as _)
    }

    /// By what this node says that it is ready.
    pub fn voice(&self, data: &DataDir) -> Arc<dyn ReadyVoice> {
        Arc::new(NodeVoice { followed: self.followed.clone(), data: data.path().to_owned() })
    }

    /// Learns where members' nodes are, while this node's key is no member's. Works until it is dropped.
    pub async fn learn_addresses(self, ledger: Ledger, network: Arc<PeerNetwork>, own: Hash) {
        let clients = Arc::new(self.clients);
        loop {
            let view = ledger.view();
            let is_member = view.registry.members().get(&own).is_some();
            let is_candidate = !is_member && view.registry.admin_key(&own).is_some();
            if !is_member {
                let clients = Arc::clone(&clients);
                let asked = tokio::task::spawn_blocking(move || clients.iter().find_map(addresses_at)).await;
                if let Ok(Some(addresses)) = asked {
                    network.learn(&addresses);
                }
            }
            sleep(if is_candidate { ASK_AS_CANDIDATE } else { ASK_EVERY }).await;
        }
    }
}

/// `GET /members`, as far as it says where nodes are.
#[derive(Deserialize)]
struct MembersTold {
    members: Vec<NodeTold>,
    #[serde(default)]
    candidates: Vec<NodeTold>,
}

#[derive(Deserialize)]
struct NodeTold {
    address: Option<Value>,
}

/// Where nodes are by the word of one of them. Each address is verified by who takes it.
fn addresses_at(client: &Client) -> Option<Vec<SignedAddress>> {
    let told = client.get_json("/members").ok()?;
    let MembersTold { members, candidates } = MembersTold::deserialize(&told).ok()?;
    let addresses = members.into_iter().chain(candidates).filter_map(|one| one.address);
    Some(addresses.filter_map(|address| serde_json::from_value(address).ok()).collect())
}

struct NodeVoice {
    followed: Option<Arc<FollowedNodes>>,
    data: PathBuf,
}

impl ReadyVoice for NodeVoice {
    fn post(&self, compact: &str) -> Result<(), String> {
        let followed = self.followed.as_ref().ok_or("no other node is known")?;
        let request = PassedRequest {
            is_post: true,
            target: "/members/decisions".to_owned(),
            headers: vec![("content-type", "application/jose".to_owned()), ("accept", "application/json".to_owned())],
            body: compact.to_owned().into(),
        };
        let answer = followed.pass_on(&request)?;
        if answer.status == 200 {
            return Ok(());
        }
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let detail = problem.get("detail").and_then(Value::as_str).unwrap_or_default();
        Err(format!("it was answered with status {}: {detail}", answer.status))
    }

    fn next_key(&self) -> Option<Arc<dyn MemberSigner>> {
        new_key::waiting_in(&self.data).map(|key| Arc::new(key) as _)
    }
}
