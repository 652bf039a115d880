//! Where a PostgreSQL database is, and how its connections are protected, from one URL.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How long one host may take to answer a first time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be silent before it is probed, and after what it counts as lost.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;
const UNANSWERED_MAX: Duration = Duration::from_secs(60);

/// What is asked of TLS, by the names and meanings of PostgreSQL's own clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it, with any certificate: nobody who only listens reads along. What holds unless the URL
    /// says otherwise.
    Prefer,
    /// TLS or nothing. The certificate is checked, as by `VerifyCa`, only where authorities were named.
    Require,
    /// As `Require`, with a certificate of a trusted authority.
    VerifyCa,
    /// As `VerifyCa`, and issued for the host's name: nobody in between can pass for the server. What holds unless the URL
    /// says otherwise where authorities were named.
    VerifyFull,
}

/// A database's address with user and password, of which only the harmless parts are ever shown.
#[derive(Clone)]
pub struct DatabaseUrl {
    config: Config,
    tls: Option<TlsMode>,
}

/// Not a database's address. Says nothing of what the address holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("a database is named by postgres://USER:PASSWORD@HOST:PORT/DATABASE; this begins otherwise")]
    Scheme,
    #[error("sslmode is disable, prefer, require, verify-ca or verify-full; this is another word")]
    TlsMode,
    #[error("sslrootcert has no place in the URL: name the file by --database-ca FILE")]
    Authorities,
    #[error("the URL names no database: postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Database,
    #[error(
        "the URL names no host: postgres://USER:PASSWORD@HOST:PORT/DATABASE, or for a socket \
         postgres:///DATABASE?host=/run/postgresql"
    )]
    Host,
    #[error(
        "the URL cannot be read: {0}; in names and passwords, write characters such as @ : / ? # % as %40 and so on"
    )]
    Malformed(String),
}

impl DatabaseUrl {
    /// What to connect with, under a mode of TLS.
    pub(super) fn config(&self, tls: TlsMode) -> Config {
        let mut config = self.config.clone();
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        config
    }

    /// What the URL asks of TLS, if it does.
    pub(super) const fn tls(&self) -> Option<TlsMode> {
        self.tls
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let (address, options) = text.split_once('?').unwrap_or((text, ""));
        let mut tls = None;
        let mut rest = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", mode)) => tls = Some(mode.parse()?),
                Some(("sslrootcert", _)) => return Err(DatabaseUrlError::Authorities),
                _ => rest.push(option),
            }
        }
        let address = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
        let mut config = address.parse::<Config>().map_err(|error| DatabaseUrlError::Malformed(reason(&error)))?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(DatabaseUrlError::Database);
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(DatabaseUrlError::Host);
        }
        config
            .application_name("sealane")
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_PROBES)
            .tcp_user_timeout(UNANSWERED_MAX);
        Ok(Self { config, tls })
    }
}

impl FromStr for TlsMode {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        Ok(match text {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return Err(DatabaseUrlError::TlsMode),
        })
    }
}

/// What the parser found wrong. It names options, never their values.
fn reason(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Shows the database and where it is.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.config.get_dbname().unwrap_or_default())?;
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        for (at, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if at == 0 { " at " } else { ", " })?;
            match host {
                Host::Tcp(name) => write!(f, "{name}:{}", port(at))?,
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
        }
        if self.config.get_hosts().is_empty() {
            for (at, address) in self.config.get_hostaddrs().iter().enumerate() {
                write!(f, "{}{address}:{}", if at == 0 { " at " } else { ", " }, port(at))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        url.parse::<DatabaseUrl>().unwrap_err().to_string()
    }

    #[test]
    fn a_url_is_shown_without_user_and_password() {
        let url: DatabaseUrl = "postgres://ann:s3cret%40x@db.example:6000/sealane?sslmode=verify-full".parse().unwrap();
        assert_eq!(url.to_string(), "sealane at db.example:6000");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(sealane at db.example:6000)");
        assert_eq!(url.config.get_password(), Some(&b"s3cret@x"[..]));
        let several: DatabaseUrl = "postgresql://a,b:6001/x".parse().unwrap();
        assert_eq!(several.to_string(), "x at a:5432, b:6001");
        let socket: DatabaseUrl = "postgres:///x?host=/run/postgresql".parse().unwrap();
        assert_eq!(socket.to_string(), "x at /run/postgresql");
    }

    #[test]
    fn tls_is_asked_for_by_the_words_of_libpq() {
        let mode = |words: &str| format!("postgres://h/x{words}").parse::<DatabaseUrl>().map(|url| url.tls());
        assert_eq!(mode(""), Ok(None));
        assert_eq!(mode("?sslmode=disable"), Ok(Some(TlsMode::Disable)));
        assert_eq!(mode("?connect_timeout=3&sslmode=require"), Ok(Some(TlsMode::Require)));
        assert_eq!(mode("?sslmode=verify-ca"), Ok(Some(TlsMode::VerifyCa)));
        assert_eq!(mode("?sslmode=verify-full"), Ok(Some(TlsMode::VerifyFull)));
        assert_eq!(mode("?sslmode=allow"), Err(DatabaseUrlError::TlsMode));
        assert_eq!(mode("?sslrootcert=/ca.pem"), Err(DatabaseUrlError::Authorities));
        let url: DatabaseUrl = "postgres://h/x".parse().unwrap();
        assert_eq!(url.config(TlsMode::VerifyFull).get_ssl_mode(), SslMode::Require);
        assert_eq!(url.config(TlsMode::Disable).get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "mysql://ann:s3cret@h/x",
            "postgres://ann:s3cret@h",
            "postgres://ann:s3cret@/x",
            "postgres://ann:s3cret@h:port/x",
            "postgres://ann:s3cret@h/x?sslmode=s3cret",
            "postgres://ann:s3cret@h/x?pass=s3cret",
            "postgres://ann:s3cret@h/x?port=s3cret",
        ] {
            assert!(!fault(url).contains("s3cret"), "{}", fault(url));
        }
        assert!(fault("mysql://h/x").contains("postgres://USER:PASSWORD@HOST:PORT/DATABASE"));
        assert!(fault("postgres://h").contains("names no database"));
        assert!(fault("postgres:///x").contains("host=/run/postgresql"));
        assert!(fault("postgres://h/x?sslmode=allow").contains("verify-full"));
        assert!(fault("postgres://h/x?sslrootcert=f").contains("--database-ca"));
        assert!(fault("postgres://h/x?colour=red").contains("colour"), "{}", fault("postgres://h/x?colour=red"));
    }
}
