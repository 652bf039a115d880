//! Who sends a request: by an API key, by HTTP Basic, or by a certificate.

use std::net::IpAddr;
use std::time::Instant;

use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName};
use actix_web::{HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sealane_core::time::Timestamp;
use zeroize::Zeroizing;

use crate::gateway::clients::{Allowed, ClientName, DoorError, GatewayClient, Scope, Shown};
use crate::gateway::http::Served;
use crate::http::limits::Guard;
use crate::http::problem::{Code, Problem};
use crate::http::server::ClientCertificate;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a request shows, without the request.
enum Held {
    Nothing,
    Key(Zeroizing<String>),
    Named(Zeroizing<String>, Zeroizing<String>),
    Certificate(Vec<String>),
}

impl Held {
    fn of(request: &HttpRequest, served: &Served) -> Result<Self, Problem> {
        let headers = request.headers();
        if let Some(value) = one(headers, &AUTHORIZATION)? {
            return Self::of_authorization(&value);
        }
        if let Some(key) = one(headers, &API_KEY)? {
            return Ok(Self::Key(Zeroizing::new(key.trim().to_owned())));
        }
        let certificate = request.conn_data::<ClientCertificate>();
        Ok(certificate.map_or(Self::Nothing, |shown| Self::Certificate((served.names_of)(&shown.0))))
    }

    fn of_authorization(value: &str) -> Result<Self, Problem> {
        let wrong = || Problem::from(DoorError::Wrong);
        let (scheme, rest) = value.trim().split_once(' ').ok_or_else(wrong)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Self::Key(Zeroizing::new(rest.trim().to_owned())));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let bytes = Zeroizing::new(STANDARD.decode(rest.trim()).map_err(|_| wrong())?);
            let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
            let (name, key) = text.split_once(':').ok_or_else(wrong)?;
            return Ok(Self::Named(Zeroizing::new(name.to_owned()), Zeroizing::new(key.to_owned())));
        }
        Err(Problem::from(DoorError::Missing))
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Nothing => Shown::Nothing,
            Self::Key(key) => Shown::Key(key),
            Self::Named(name, key) => Shown::Named { name, key },
            Self::Certificate(names) => Shown::Certificate(names),
        }
    }
}

/// The one value of a header.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Zeroizing<String>>, Problem> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let text = text.ok_or_else(|| Problem::new(Code::BadHeader, format!("{name} is one line of text, given once")))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

/// Lets a request in that has the right to `scope`.
pub async fn enter(request: &HttpRequest, served: &web::Data<Served>, scope: Scope) -> Result<GatewayClient, Problem> {
    let held = Held::of(request, served)?;
    let guard = request.app_data::<web::Data<Guard>>();
    let address = guard.and_then(|guard| guard.address_seen(request));
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let served = served.clone();
    let entered = web::block(move || look(&served, &held, address, host.as_deref())).await;
    let client = entered.map_err(Problem::internal)??;
    if !client.scopes.contains(&scope) {
        let (name, scope) = (&client.name, scope.as_str());
        let detail = format!(
            "the client {name} has not the scope {scope}: ask the gateway's operator for a client with it (sealane gateway client add NAME \
             --scopes {scope},…)"
        );
        return Err(Problem::new(Code::ClientNotAllowed, detail));
    }
    Ok(client)
}

fn look(served: &Served, held: &Held, address: Option<IpAddr>, host: Option<&str>) -> Result<GatewayClient, Problem> {
    let gateway = &served.gateway;
    // Another process adds and removes clients: what the store says now counts.
    gateway.door.reload(gateway.keeper.clients()?);
    if gateway.door.is_empty() && served.is_local {
        return match host.is_none_or(is_this_machine) {
            true => Ok(this_machine(gateway.clock.now())),
            // A page of another site that has this address under a name of its own.
            false => Err(DoorError::Missing.into()),
        };
    }
    Ok(gateway.door.enter(held.shown(), address, Instant::now())?)
}

/// The client of a gateway without clients.
fn this_machine(now: Timestamp) -> GatewayClient {
    GatewayClient {
        name: ClientName::local(),
        key_id: String::new(),
        key_hash: String::new(),
        scopes: Scope::ALL.into_iter().collect(),
        allowed: Allowed::default(),
        per_second: None,
        created_at: now,
    }
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> String {
        match Held::of_authorization(value) {
            Ok(Held::Key(key)) => format!("key {}", *key),
            Ok(Held::Named(name, key)) => format!("{} with {}", *name, *key),
            Ok(_) => "nothing".to_owned(),
            Err(problem) => problem.code().as_str().to_owned(),
        }
    }

    #[test]
    fn each_form_of_a_key_is_read() {
        assert_eq!(read("Bearer slk_x"), "key slk_x");
        assert_eq!(read("bearer  slk_x "), "key slk_x");
        assert_eq!(read("Basic ZXJwOnNsa194"), "erp with slk_x");
        assert_eq!(read("Basic ???"), "wrong-key");
        assert_eq!(read("Basic ZXJw"), "wrong-key");
        assert_eq!(read("Bearer"), "wrong-key");
        assert_eq!(read("Digest x"), "missing-key");
    }

    #[test]
    fn this_machine_has_few_names() {
        for host in ["localhost", "LOCALHOST:8085", "127.0.0.1:80", "127.1.2.3", "[::1]:8085", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["example.com", "evil.localhost.example", "192.0.2.1:80", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
