//! Ports for the nodes of a demonstration. Each is held until its node starts, so that no other takes it meanwhile.

use std::net::TcpListener;
use std::ops::RangeInclusive;

use crate::cli::failure::Failure;
use crate::cli::node::listen;

/// Where free ports are looked for: below those that Linux (from 32768) and others (from 49152) give to outgoing connections,
/// so that none of these takes the port of a node that is down for a while.
const FREE_PORTS: RangeInclusive<u16> = 20_000..=32_000;

/// Ports that are tried before the search is given up.
const TRIES_MAX: usize = 1_000;

/// Takes `count` ports from that of `address` upwards; free ones if it is 0.
pub fn take(address: &str, count: usize) -> Result<Vec<TcpListener>, Failure> {
    let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, first)) = split else {
        return Err(Failure::wrong_use(format!("--listen {address}: an address looks like 127.0.0.1:8080")));
    };
    if first == 0 {
        return take_free(host, count);
    }
    let ports: Vec<u16> = (first..=u16::MAX).take(count).collect();
    if ports.len() < count {
        return Err(Failure::wrong_use(format!(
            "--listen {address}: {count} members need {count} ports from there upwards, and ports end at {}",
            u16::MAX
        )));
    }
    ports.into_iter().map(|port| take_one(host, port, count)).collect()
}

fn take_one(host: &str, port: u16, count: usize) -> Result<TcpListener, Failure> {
    listen(&format!("{host}:{port}")).map_err(|failure| match count {
        1 => failure,
        _ => Failure::unreachable(format!(
            "{failure}. The nodes of {count} members take {count} ports from --listen upwards"
        )),
    })
}

/// Takes `count` ports that are free on a host.
pub fn take_free(host: &str, count: usize) -> Result<Vec<TcpListener>, Failure> {
    // What is wrong with the host is told once, and not for each port.
    drop(listen(&format!("{host}:0"))?);
    let mut taken = Vec::new();
    for _ in 0..TRIES_MAX {
        if taken.len() == count {
            return Ok(taken);
        }
        taken.extend(listen(&format!("{host}:{}", fastrand::u16(FREE_PORTS))));
    }
    Err(Failure::unreachable(format!(
        "{TRIES_MAX} tries found no {count} free ports on {host} from {} to {}: choose a port with --listen",
        FREE_PORTS.start(),
        FREE_PORTS.end()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_apart_and_below_those_of_outgoing_connections() {
        let taken = take("127.0.0.1:0", 7).unwrap();
        let mut ports: Vec<u16> = taken.iter().map(|one| one.local_addr().unwrap().port()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 7);
        assert!(ports.iter().all(|port| FREE_PORTS.contains(port)), "{ports:?}");
    }

    #[test]
    fn a_taken_port_is_named_and_so_is_what_to_do() {
        let held = take_free("127.0.0.1", 1).unwrap();
        let address = held[0].local_addr().unwrap();
        let failure = take(&address.to_string(), 4).unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        let says = failure.to_string();
        for words in [&address.to_string(), "choose another --listen", "4 members take 4 ports"] {
            assert!(says.contains(words), "no {words:?} in {says}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (wrong, words) in [
            ("8080", "an address looks like"),
            ("127.0.0.1:http", "an address looks like"),
            ("127.0.0.1:65534", "ports end at 65535"),
        ] {
            let failure = take(wrong, 4).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{failure}");
            assert!(failure.to_string().contains(words), "{failure}");
        }
        let failure = take("192.0.2.1:0", 4).unwrap_err();
        assert_eq!(failure.exit_code(), 3, "{failure}");
        assert!(failure.to_string().starts_with("cannot listen on 192.0.2.1:0: "), "{failure}");
    }
}
