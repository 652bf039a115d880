//! TLS 1.3 between members' nodes: both sides show a certificate, and both are held against the members in force now.
//!
//! No session is resumed: who resumes one shows no certificate, and may have ceased to be a member meanwhile.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, ServerConfig,
    SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::limits::RENEW_BEFORE_MS;
use crate::ports::{Clock, NodeCertificateError, NodeCertificates, NodeIdentity, Roster};
use sealane_core::time::Timestamp;

/// The protocol's name in the handshake (RFC 7301), so that no other protocol's peer is taken for one of this.
const ALPN: &[u8] = b"sealane-peer";

/// What both ends of a connection are made with.
pub(super) struct NodeTlsSetup {
    pub acceptor: TlsAcceptor,
    pub connector: TlsConnector,
    pub judge: Arc<Judge>,
}

/// Holds certificates against who may connect.
pub(super) struct Judge {
    pub roster: RwLock<Roster>,
    certificates: Arc<dyn NodeCertificates>,
    clock: Arc<dyn Clock>,
    provider: Arc<CryptoProvider>,
}

/// The node's own certificate, renewed when it is shown.
struct OwnCertificate {
    certificates: Arc<dyn NodeCertificates>,
    clock: Arc<dyn Clock>,
    shown: Mutex<Shown>,
}

struct Shown {
    key: Arc<CertifiedKey>,
    not_after: Timestamp,
}

impl NodeTlsSetup {
    pub fn new(
        certificates: Arc<dyn NodeCertificates>,
        clock: Arc<dyn Clock>,
        roster: Roster,
    ) -> Result<Self, NodeCertificateError> {
        let failed = |error: Error| NodeCertificateError::Make { detail: error.to_string() };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let shown = Mutex::new(issue(&*certificates, clock.now())?);
        let own = OwnCertificate { certificates: Arc::clone(&certificates), clock: Arc::clone(&clock), shown };
        let own = Arc::new(own);
        let roster = RwLock::new(roster);
        let judge = Arc::new(Judge { roster, certificates, clock, provider: Arc::clone(&provider) });
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(failed)?
            .with_client_cert_verifier(Arc::clone(&judge) as _)
            .with_cert_resolver(Arc::clone(&own) as _);
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.alpn_protocols = vec![ALPN.to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&judge) as _)
            .with_client_cert_resolver(own);
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        client.alpn_protocols = vec![ALPN.to_vec()];
        let (acceptor, connector) = (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)));
        Ok(Self { acceptor, connector, judge })
    }
}

impl Judge {
    /// Says whose node a certificate shows, of those who may connect now.
    pub fn judge(&self, der: &[u8]) -> Result<NodeIdentity, NodeCertificateError> {
        let roster = self.roster.read().unwrap_or_else(PoisonError::into_inner);
        self.certificates.check(der, &|kid| roster.key_of(kid), self.clock.now())
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let refused = |fault| CertificateError::Other(OtherError(Arc::new(fault)));
        self.judge(certificate).map(drop).map_err(|fault| Error::InvalidCertificate(refused(fault)))
    }

    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

impl ClientCertVerifier for Judge {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn only_tls13() -> Error {
    Error::General("members' nodes speak TLS 1.3".to_owned())
}

impl OwnCertificate {
    fn current(&self) -> Arc<CertifiedKey> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if shown.not_after.millis_since(now) < RENEW_BEFORE_MS {
            match issue(&*self.certificates, now) {
                Ok(renewed) => *shown = renewed,
                // The one at hand may do for another while.
                Err(error) => tracing::error!(%error, "the certificate of this node could not be renewed"),
            }
        }
        Arc::clone(&shown.key)
    }
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCertificate")
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], _sigschemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn issue(certificates: &dyn NodeCertificates, now: Timestamp) -> Result<Shown, NodeCertificateError> {
    let issued = certificates.issue(now)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.private_key.as_slice()));
    let key = aws_lc_rs::sign::any_ecdsa_type(&private);
    let key = key.map_err(|error| NodeCertificateError::Make { detail: error.to_string() })?;
    let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(issued.der)], key));
    Ok(Shown { key, not_after: issued.not_after })
}
