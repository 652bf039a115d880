//! What one client may take of the node: connections, requests, memory.
//!
//! `address` says who a request comes from; `connections` counts what is open; `rate` counts what is asked, by address
//! and by signer; `memory` bounds what bodies and answers hold at a time, and `long_answer` sends the long ones piece by piece.
//! Threads are shared out by `app::answer`. Numbers that operators must tune are in
//! [`Limits`]; the rest are constants beside their use.

pub(in crate::http) mod address;
pub(in crate::http) mod connections;
pub(in crate::http) mod long_answer;
pub(in crate::http) mod memory;
pub(in crate::http) mod rate;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpRequest, web};
use ipnet::IpNet;

use crate::app::answer::ClientAddress;
use crate::http::problem::{Code, Problem};

use address::Proxies;
use connections::Connections;
use memory::Memory;
use rate::{AddressRate, SignerRate};

/// Connections open at a time. An idle one takes some 20 kB, one with the longest head 150 kB.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Connections open at a time from one address: an office behind one address has dozens of people with up to six each.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 500;

/// The limits that an operator sets.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at a time.
    pub connections: usize,
    /// Of these, from one address.
    pub connections_per_address: usize,
    /// Requests a second from one address; `None` for any number.
    pub address_rate: Option<NonZeroU32>,
    /// Captures a second by one signer; `None` for any number.
    pub signer_rate: Option<NonZeroU32>,
    /// Proxies whose word about the client's address is taken.
    pub proxies: Vec<IpNet>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            connections_per_address: CONNECTIONS_PER_ADDRESS_MAX,
            address_rate: None,
            signer_rate: None,
            proxies: Vec::new(),
        }
    }
}

/// Limits at work.
pub struct Guard {
    pub connections: Arc<Connections>,
    pub memory: Memory,
    pub signers: Option<SignerRate>,
    addresses: Option<AddressRate>,
    proxies: Proxies,
}

impl Guard {
    pub fn new(limits: &Limits) -> Self {
        let proxies = Proxies::new(limits.proxies.clone());
        Self {
            connections: Arc::new(Connections::new(limits.connections_per_address, proxies.clone())),
            memory: Memory::new(),
            signers: limits.signer_rate.map(SignerRate::new),
            addresses: limits.address_rate.map(AddressRate::new),
            proxies,
        }
    }

    /// Returns the client that a request counts for.
    fn client(&self, request: &HttpRequest) -> ClientAddress {
        let peer = request.peer_addr();
        let client = peer.map(|peer| self.proxies.client(peer.ip(), request.headers()));
        client.map_or(ClientAddress::THIS_PROCESS, ClientAddress::of)
    }

    /// Names the client's address as limits count it.
    pub fn address_of(&self, request: &HttpRequest) -> Option<String> {
        request.peer_addr().map(|_| self.client(request).to_string())
    }

    /// The client's own address, for a node that this one passes requests on to.
    pub fn address_seen(&self, request: &HttpRequest) -> Option<IpAddr> {
        request.peer_addr().map(|peer| self.proxies.client(peer.ip(), request.headers()))
    }

    /// Takes one request out of its address's allowance.
    pub fn admit(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let Some(rate) = &self.addresses else { return Ok(()) };
        let Some(peer) = request.peer_addr() else { return Ok(()) };
        let address = self.proxies.client(peer.ip(), request.headers());
        if address.is_loopback() {
            return Ok(());
        }
        rate.take(&ClientAddress::of(address)).map_err(|exceeded| {
            let per_second = exceeded.per_second;
            let detail = format!("this address may send {per_second} requests a second");
            Problem::new(Code::AddressRate, detail).with("limit", per_second).after(exceeded.retry_after_s)
        })
    }
}

/// Returns the client that a request counts for when threads and memory are shared out. Unlike the allowance of requests, these
/// shares hold for the machine itself too: it is one client among others.
pub fn client_of(request: &HttpRequest) -> ClientAddress {
    let guard = request.app_data::<web::Data<Guard>>();
    guard.map_or(ClientAddress::THIS_PROCESS, |guard| guard.client(request))
}
