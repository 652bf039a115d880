//! The members of a demonstration: their names, how they found a ledger together, and where the node of each is.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, value};

use crate::cli::arguments::{DemoOptions, Global, TlsOptions};
use crate::cli::data_dir::{DataDir, GENESIS_FILE, Lock};
use crate::cli::demo::home::record;
use crate::cli::demo::ports;
use crate::cli::failure::Failure;
use crate::cli::founding::{self, DeclaredFounder, FounderOptions, write_public};
use crate::cli::tls;
use crate::config::{CONFIG_FILE, Config};
use sealane_core::block::Origin;
use sealane_core::consortium::Organization;
use sealane_core::hash::Hash;

/// Members at the most: so many organisations have a name here, and so many nodes leave one machine some memory.
pub const MEMBERS_MAX: usize = 7;

/// The fewest of which one may be away.
pub const MEMBERS_DEFAULT: usize = 4;

/// The address on which members' nodes meet: they are all on this machine.
const PEER_HOST: &str = "127.0.0.1";

/// An organisation that keeps the ledger together with others.
#[derive(Debug)]
pub struct DemoMember {
    pub directory: &'static str,
    pub name: &'static str,
}

const MEMBERS: [DemoMember; MEMBERS_MAX] = [
    DemoMember { directory: "makers", name: "Medicine Makers Union" },
    DemoMember { directory: "carriers", name: "Carriers Guild" },
    DemoMember { directory: "pharmacists", name: "Chamber of Pharmacists" },
    DemoMember { directory: "regulator", name: "Medicines Regulator" },
    DemoMember { directory: "hospitals", name: "Hospital Trust" },
    DemoMember { directory: "patients", name: "Patients Council" },
    DemoMember { directory: "customs", name: "Customs Laboratory" },
];

/// A member with its directory, and where its node is.
#[derive(Debug, Clone)]
pub struct Seat {
    pub member: &'static DemoMember,
    pub data: PathBuf,
    pub url: String,
    /// What its node is told beside the settings in the directory.
    pub flags: Vec<OsString>,
    /// The certificate of its node, which is one to trust.
    tls_cert: Option<PathBuf>,
}

impl Seat {
    /// The arguments of a command about this member.
    pub fn arguments(&self, global: &Global) -> Global {
        Global {
            data: Some(self.data.clone()),
            url: vec![self.url.clone()],
            tls_ca: global.tls_ca.clone().or_else(|| self.tls_cert.clone()),
            ..global.clone()
        }
    }
}

/// A ledger that all members have founded.
pub struct FoundedDemo {
    pub seats: Vec<Seat>,
    pub origin: Origin,
    pub fingerprint: Hash,
    pub lock: Lock,
}

/// Makes the members' keys and has them found one ledger.
pub fn found(home: &Path, options: &DemoOptions) -> Result<FoundedDemo, Failure> {
    let scheme = tls::scheme(tls::server_config(&options.tls)?.as_ref());
    let members = &MEMBERS[..options.members];
    // Held until all is founded: a port that is taken is met before anything is made, and no node gets one of another.
    let clients = ports::take(options.listen(), members.len())?;
    let peers = ports::take_free(PEER_HOST, members.len())?;
    let origin: Origin = format!("demo.example/{:08x}", fastrand::u32(..)).parse().map_err(Failure::wrong_use)?;
    let lock = DataDir::create(home)?.lock()?;
    record(home, members.len(), false)?;
    let mut founders = Vec::new();
    for ((member, client), peer) in members.iter().zip(&clients).zip(&peers) {
        let (listen, data) = (address_of(client)?, home.join(member.directory));
        let url = format!("{scheme}://{listen}");
        let name: Organization = member.name.parse().map_err(Failure::wrong_use)?;
        let peer = address_of(peer)?.parse().map_err(Failure::wrong_use)?;
        let declaration = FounderOptions { name: &name, origin: origin.clone(), peer: &peer, url: &url };
        let founder = founding::make_founder(&data, &declaration)?;
        write_public(&data.join(CONFIG_FILE), &settings(&listen, &options.tls)?)?;
        let seat = Seat { member, data, url, flags: Vec::new(), tls_cert: options.tls.tls_cert.clone() };
        founders.push((founder, seat));
    }
    let fingerprint = begin(&founders)?;
    Ok(FoundedDemo { seats: founders.into_iter().map(|(_, seat)| seat).collect(), origin, fingerprint, lock })
}

fn address_of(listener: &TcpListener) -> Result<String, Failure> {
    listener.local_addr().map(|address| address.to_string()).map_err(Failure::unreachable)
}

/// What a node's `sealane.toml` says of its clients; founding adds the rest.
fn settings(listen: &str, tls: &TlsOptions) -> Result<String, Failure> {
    let mut settings = DocumentMut::new();
    settings["listen"] = value(listen);
    for (name, file) in [("tls-cert", &tls.tls_cert), ("tls-key", &tls.tls_key)] {
        let Some(file) = file else { continue };
        let path = std::path::absolute(file).map_err(Failure::wrong_use)?;
        let path = path.to_str().ok_or_else(|| {
            Failure::wrong_use(format!("--{name} {}: {CONFIG_FILE} takes only paths in UTF-8", path.display()))
        })?;
        settings[name] = value(path);
    }
    Ok(settings.to_string())
}

/// Has each founder begin the ledger, the one with the lowest `kid` first. Returns the fingerprint that all have.
fn begin(founders: &[(DeclaredFounder, Seat)]) -> Result<Hash, Failure> {
    let files: Vec<PathBuf> = founders.iter().map(|(founder, _)| founder.file.clone()).collect();
    let mut order: Vec<&(DeclaredFounder, Seat)> = founders.iter().collect();
    order.sort_by_key(|(founder, _)| founder.kid);
    let mut genesis: Option<PathBuf> = None;
    let mut fingerprints = BTreeSet::new();
    for (_, seat) in order {
        let data = DataDir::open_founder(&seat.data)?;
        let founded = founding::begin(&data, &files, genesis.as_deref())?;
        fingerprints.insert(founded.anchor.fingerprint());
        genesis.get_or_insert_with(|| seat.data.join(GENESIS_FILE));
    }
    match (fingerprints.pop_first(), fingerprints.len()) {
        (Some(one), 0) => Ok(one),
        _ => Err(Failure::unproven("the founders have begun different ledgers")),
    }
}

/// Members that are there, as their settings have them; `--listen` and the flags for TLS win for this run.
pub fn seated(home: &Path, options: &DemoOptions) -> Result<(Vec<Seat>, Lock), Failure> {
    let lock = DataDir::unfinished(home).lock()?;
    tls::server_config(&options.tls)?;
    let members = &MEMBERS[..options.members];
    let chosen = options.listen.as_deref().map(|listen| ports::take(listen, members.len())).transpose()?;
    let chosen = chosen.map(|held| held.iter().map(address_of).collect::<Result<Vec<_>, _>>()).transpose()?;
    let seat = |(at, member): (usize, &'static DemoMember)| {
        let chosen = chosen.as_ref().and_then(|addresses| addresses.get(at)).map(String::as_str);
        seat_again(member, home.join(member.directory), chosen, &options.tls)
    };
    Ok((members.iter().enumerate().map(seat).collect::<Result<_, _>>()?, lock))
}

fn seat_again(
    member: &'static DemoMember,
    data: PathBuf,
    chosen: Option<&str>,
    tls: &TlsOptions,
) -> Result<Seat, Failure> {
    DataDir::open(&data)?;
    let config = Config::read(&data).map_err(Failure::wrong_use)?;
    let served = tls.clone().filled_from(&config);
    let scheme = if served.tls_cert.is_some() { "https" } else { "http" };
    let listen = chosen.or(config.listen.as_deref()).unwrap_or(crate::cli::arguments::DEFAULT_LISTEN).to_owned();
    let mut seat =
        Seat { member, data, url: format!("{scheme}://{listen}"), flags: Vec::new(), tls_cert: served.tls_cert };
    if chosen.is_none() && tls.tls_cert.is_none() {
        // Told apart from a node that does not start: what to do about it is another thing.
        drop(ports::take(&listen, 1)?);
        seat.url = config.public_url.unwrap_or(seat.url);
        return Ok(seat);
    }
    seat.flags.extend(["--listen", &listen, "--public-url", &seat.url].map(OsString::from));
    for (name, file) in [("--tls-cert", &tls.tls_cert), ("--tls-key", &tls.tls_key)] {
        seat.flags.extend(file.iter().flat_map(|file| [name.into(), file.clone().into_os_string()]));
    }
    Ok(seat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_names_and_directories_of_their_own() {
        let names: BTreeSet<&str> = MEMBERS.iter().map(|member| member.name).collect();
        let directories: BTreeSet<&str> = MEMBERS.iter().map(|member| member.directory).collect();
        assert_eq!((names.len(), directories.len()), (MEMBERS_MAX, MEMBERS_MAX));
        for member in &MEMBERS {
            member.name.parse::<Organization>().unwrap();
            assert!(member.directory.bytes().all(|byte| byte.is_ascii_lowercase()), "{}", member.directory);
        }
    }

    #[test]
    fn settings_are_those_that_serve_reads() {
        let tls = TlsOptions { tls_cert: Some("/c \"1\".pem".into()), tls_key: Some("/k.pem".into()) };
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), settings("127.0.0.1:8081", &tls).unwrap()).unwrap();
        let config = Config::read(dir.path()).unwrap();
        assert_eq!(config.listen.as_deref(), Some("127.0.0.1:8081"));
        assert_eq!((config.tls_cert, config.tls_key), (tls.tls_cert, tls.tls_key));
    }
}
