//! The other end of a connection, by hand: what a node of another program, or of a liar, could send.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sealane::ports::{Clock, NodeCertificates};
use sealane_core::agreement::{Hello, Message, PROTOCOL_VERSION};
use sealane_core::hash::Hash;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::consortium::{Keys, MachineClock, origin};

/// A certificate and its key, in DER.
pub struct Shown {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl Shown {
    /// What a node with these keys shows.
    pub fn of(keys: &Keys) -> Self {
        let issued = keys.tls.issue(MachineClock.now()).unwrap();
        Self { certificate: issued.der, key: issued.private_key.to_vec() }
    }

    /// A certificate that names a member and is signed by a key that is nobody's.
    pub fn forged(kid: Hash) -> Self {
        let (key, signer) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, kid.to_string());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let now = time::OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - Duration::from_secs(60), now + Duration::from_secs(3_600));
        let issuer = Issuer::new(params.clone(), signer);
        let certificate = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { certificate, key: key.serialize_der() }
    }
}

/// One end of a connection with a node.
pub struct Impostor(pub TlsStream<TcpStream>);

impl Impostor {
    /// Shows a certificate. In TLS 1.3 only the first answer tells whether it was taken.
    pub async fn connect(to: SocketAddr, shown: Shown) -> std::io::Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(shown.key));
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyNode(provider)))
            .with_client_auth_cert(vec![CertificateDer::from(shown.certificate)], key)
            .unwrap();
        let stream = TcpStream::connect(to).await?;
        let name = ServerName::IpAddress(to.ip().into());
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(Self)
    }

    /// Connects as a member's node and says hello.
    pub async fn greet(to: SocketAddr, keys: &Keys) -> Self {
        let mut impostor = Self::connect(to, Shown::of(keys)).await.unwrap();
        impostor.send(&Message::Hello(hello())).await;
        assert!(matches!(impostor.read().await, Some(Message::Hello(_))));
        impostor
    }

    pub async fn send(&mut self, message: &Message) {
        let bytes = message.to_bytes();
        self.send_bytes(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).await;
        self.send_bytes(&bytes).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// The next message, or `None` at the end, however it comes.
    pub async fn read(&mut self) -> Option<Message> {
        let length = self.0.read_u32().await.ok()?;
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut bytes).await.ok()?;
        Some(Message::parse(&bytes).unwrap())
    }

    /// Reads until the node ends the connection.
    pub async fn read_to_end(&mut self) {
        while self.read().await.is_some() {}
    }
}

pub fn hello() -> Hello {
    Hello { version: PROTOCOL_VERSION, origin: origin(), rules: 1, run: 4_711, last: None }
}

/// Takes any certificate.
#[derive(Debug)]
struct AnyNode(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyNode {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("no TLS 1.2".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
