//! Which certificates are trusted: those of system authorities, of a CA file, one fingerprint, or (never by default) any.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

/// Which certificates of a cluster are trusted. WEKA's certificate is self-signed by default, so that system authorities
/// seldom suffice. Its names and its X.509 version are not documented. A certificate without the endpoint's name can be
/// trusted by its fingerprint. One of version 1 cannot: the TLS library rejects it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those signed by an authority of the operating system for the host of the endpoint.
    #[default]
    System,
    /// Those signed by one of these certificates, and these certificates themselves, if they name the host of the endpoint
    /// and are within their dates.
    Certificates(Vec<CertificateDer<'static>>),
    /// Exactly this one, with any names, dates and signer.
    Fingerprint(Fingerprint),
    /// Any certificate (`--insecure`). A machine in between can read the password.
    Anyone,
}

impl Trust {
    /// Trusts the certificates of a PEM file and no others.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustProblem> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| TrustProblem::BrokenPem)?;
        if certificates.is_empty() { Err(TrustProblem::NoCertificate) } else { Ok(Self::Certificates(certificates)) }
    }
}

/// Why a CA file or a fingerprint cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustProblem {
    /// A PEM section cannot be read.
    #[error("holds a PEM section that cannot be read")]
    BrokenPem,
    /// There is no certificate in the PEM file.
    #[error("holds no `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    /// A certificate of the PEM file cannot be read.
    #[error("holds a certificate that cannot be read")]
    BrokenCertificate,
    /// A fingerprint is not `sha256:` and 64 hexadecimal digits.
    #[error("is not `sha256:` and 64 hexadecimal digits (colons between them are allowed)")]
    NotAFingerprint,
    /// The TLS library cannot be set up.
    #[error("cannot be used: the TLS library does not start")]
    Library,
}

/// The SHA-256 of a certificate in DER form, as `openssl x509 -fingerprint -sha256` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = TrustProblem;

    fn from_str(text: &str) -> Result<Self, TrustProblem> {
        let digits = text.strip_prefix("sha256:").ok_or(TrustProblem::NotAFingerprint)?.replace(':', "");
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| TrustProblem::NotAFingerprint)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// The TLS configuration, on the `ring` provider. `presented` records the certificates of servers, for errors to show.
pub(super) fn config(trust: &Trust, presented: Arc<Presented>) -> Result<ClientConfig, TrustProblem> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let check = match trust {
        Trust::System => Check::System,
        Trust::Certificates(certificates) => own_check(certificates, &provider)?,
        Trust::Fingerprint(fingerprint) => Check::Pin(*fingerprint),
        Trust::Anyone => Check::Nothing,
    };
    let verifier = Verifier { check, algorithms: provider.signature_verification_algorithms, presented };
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|_| TrustProblem::Library)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

#[derive(Debug, Default)]
pub(super) struct Presented(Mutex<BTreeMap<String, Fingerprint>>);

impl Presented {
    pub(super) fn by(&self, host: &str) -> Option<Fingerprint> {
        self.0.lock().ok()?.get(host).copied()
    }

    fn note(&self, host: &ServerName<'_>, fingerprint: Fingerprint) {
        if let Ok(mut hosts) = self.0.lock() {
            hosts.insert(host.to_str().into_owned(), fingerprint);
        }
    }
}

#[derive(Debug)]
enum Check {
    /// By signatures, dates and names. The certificates in `own` are accepted even if they may sign but not serve.
    Chain {
        chain: Arc<WebPkiServerVerifier>,
        own: Vec<CertificateDer<'static>>,
    },
    /// By the authorities of the system. They are read when a server first presents a certificate.
    System,
    Pin(Fingerprint),
    Nothing,
}

/// Checks certificates and records them. It verifies the signatures of the handshake in every case: the server has the
/// key of the certificate that it presents.
#[derive(Debug)]
struct Verifier {
    check: Check,
    algorithms: WebPkiSupportedAlgorithms,
    presented: Arc<Presented>,
}

/// The authorities of the system, read once. `None` if there are none: then no certificate passes.
fn system_chain() -> Option<&'static Arc<WebPkiServerVerifier>> {
    static CHAIN: OnceLock<Option<Arc<WebPkiServerVerifier>>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()
    };
    CHAIN.get_or_init(read).as_ref()
}

fn own_check(certificates: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<Check, TrustProblem> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(|_| TrustProblem::BrokenCertificate)?;
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let chain = builder.build().map_err(|_| TrustProblem::BrokenCertificate)?;
    Ok(Check::Chain { chain, own: certificates.to_vec() })
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint::of(end_entity);
        self.presented.note(server_name, fingerprint);
        match &self.check {
            Check::Chain { chain, own } => chain
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .or_else(|error| verify_own(end_entity, own, server_name, error)),
            Check::Pin(expected) if *expected != fingerprint => {
                Err(untrusted(&format!("the certificate is {fingerprint}, and {expected} is expected")))
            }
            Check::Pin(_) | Check::Nothing => Ok(ServerCertVerified::assertion()),
            Check::System => match system_chain() {
                Some(chain) => chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
                None => {
                    Err(untrusted("this system has no certificate authorities that could vouch for any certificate"))
                }
            },
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Accepts a self-signed certificate that says it is an authority (as `openssl req -x509` creates them), if it is byte for
/// byte one of `own` and names the host. The TLS library refuses it as a server's certificate. It does so only after it
/// checked the dates.
fn verify_own(
    presented: &CertificateDer<'_>,
    own: &[CertificateDer<'static>],
    host: &ServerName<'_>,
    error: Error,
) -> Result<ServerCertVerified, Error> {
    let is_authority = chain_error(&error) == Some(&webpki::Error::CaUsedAsEndEntity);
    if !(is_authority && own.iter().any(|known| known.as_ref() == presented.as_ref())) {
        return Err(error);
    }
    verify_server_name(&ParsedCertificate::try_from(presented)?, host)?;
    Ok(ServerCertVerified::assertion())
}

/// The error of the certificate check, if the TLS library has no name for it.
pub(super) fn chain_error(error: &Error) -> Option<&webpki::Error> {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) = error else { return None };
    reason.downcast_ref()
}

fn untrusted(reason: &str) -> Error {
    let reason: Box<dyn std::error::Error + Send + Sync> = reason.into();
    Error::InvalidCertificate(CertificateError::Other(OtherError(reason.into())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::sign::{CertifiedKey, SingleCertAndKey};

    use super::super::send::{Sender, Timeouts};
    use super::super::testing::{Heard, Reply, Server, json};
    use super::super::{answer, requests};
    use super::*;
    use crate::cluster::{CallError, Effect};

    struct Issued {
        params: CertificateParams,
        certificate: CertificateDer<'static>,
        key: KeyPair,
    }

    fn params(names: &[&str]) -> CertificateParams {
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// As `openssl req -x509` creates it: self-signed, and an authority.
    fn authority(names: &[&str]) -> CertificateParams {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn self_signed(params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        Issued { certificate: params.self_signed(&key).unwrap().der().clone(), params: params.clone(), key }
    }

    fn signed_by(params: &CertificateParams, authority: &Issued) -> Issued {
        let issuer = Issuer::from_params(&authority.params, &authority.key);
        let key = KeyPair::generate().unwrap();
        Issued { certificate: params.signed_by(&key, &issuer).unwrap().der().clone(), params: params.clone(), key }
    }

    async fn server(issued: &Issued, reply: impl Fn(&Heard) -> Reply + Send + Sync + 'static) -> Server {
        server_with(&issued.certificate, &issued.key, reply).await
    }

    async fn server_with(
        certificate: &CertificateDer<'static>,
        key: &KeyPair,
        reply: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let provider = rustls::crypto::ring::default_provider();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.clone()], key));
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        Server::start_tls(config, reply).await
    }

    #[tokio::test]
    async fn a_silent_tls_endpoint_is_replaced_by_another() {
        let issued = self_signed(&params(&["127.0.0.1"]));
        let (silent, sound) = (server(&issued, |_| Reply::Silence).await, server(&issued, |_| json(200, "{}")).await);
        let timeouts = Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() };
        let sender = Sender::new(vec![silent.endpoint(), sound.endpoint()], &trust(&issued), timeouts).unwrap();
        for _ in 0..10 {
            sender.send(&requests::USERS.request(), None, answer::nothing).await.unwrap();
        }
        assert_eq!((silent.calls().len(), sound.calls().len()), (1, 10));
    }

    async fn call(issued: &Issued, host: &str, trust: &Trust) -> Result<(), CallError> {
        let server = server(issued, |_| json(200, "{}")).await;
        let sender = Sender::new(vec![server.endpoint_at(host)], trust, Timeouts::default()).unwrap();
        let outcome = sender.send(&requests::USERS.request(), Some(&"t0k3n".into()), answer::nothing).await;
        assert_eq!(server.calls().len(), usize::from(outcome.is_ok()));
        outcome.map(|_| ())
    }

    fn trust(issued: &Issued) -> Trust {
        Trust::Certificates(vec![issued.certificate.clone()])
    }

    #[tokio::test]
    async fn a_certificate_of_an_authority_in_the_file_is_trusted_for_its_names() {
        let root = self_signed(&authority(&["ca"]));
        let leaf = signed_by(&params(&["127.0.0.1"]), &root);
        call(&leaf, "127.0.0.1", &trust(&root)).await.unwrap();
        let error = call(&leaf, "localhost", &trust(&root)).await.unwrap_err();
        assert!(error.message.contains("not valid for name"), "{error}");
        let stranger = self_signed(&authority(&["ca"]));
        assert_eq!(call(&leaf, "127.0.0.1", &trust(&stranger)).await.unwrap_err().effect, Effect::NotSent);
    }

    #[tokio::test]
    async fn a_self_signed_certificate_in_the_file_is_trusted_for_its_names_and_dates() {
        for own in [params(&["localhost"]), authority(&["localhost"])] {
            let issued = self_signed(&own);
            call(&issued, "localhost", &trust(&issued)).await.unwrap();
            let error = call(&issued, "127.0.0.1", &trust(&issued)).await.unwrap_err();
            assert!(error.message.contains("not valid for name"), "{error}");
            let mut expired = own.clone();
            (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
            let expired = self_signed(&expired);
            assert!(call(&expired, "localhost", &trust(&expired)).await.unwrap_err().message.contains("expired"));
            let twin = self_signed(&own);
            assert_eq!(call(&twin, "localhost", &trust(&issued)).await.unwrap_err().effect, Effect::NotSent);
        }
    }

    #[tokio::test]
    async fn a_fingerprint_is_trusted_with_any_names_and_dates() {
        let mut own = authority(&["elsewhere.example.com"]);
        (own.not_before, own.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        let (issued, other) = (self_signed(&own), self_signed(&own));
        let fingerprint = Fingerprint::of(&issued.certificate);
        call(&issued, "127.0.0.1", &Trust::Fingerprint(fingerprint)).await.unwrap();
        let error = call(&other, "127.0.0.1", &Trust::Fingerprint(fingerprint)).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent);
        let presented = Fingerprint::of(&other.certificate).to_string();
        assert!(error.message.contains(&presented) && error.message.contains(&fingerprint.to_string()), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_certificate_is_refused_and_its_fingerprint_shown() {
        let issued = self_signed(&params(&["127.0.0.1"]));
        let error = call(&issued, "127.0.0.1", &Trust::System).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent);
        let selfmade = self_signed(&authority(&["127.0.0.1"]));
        let error_of_selfmade = call(&selfmade, "127.0.0.1", &Trust::System).await.unwrap_err();
        assert!(error_of_selfmade.message.ends_with("it is not one that is trusted here"), "{error_of_selfmade}");
        let line = format!("fingerprint = \"{}\"", Fingerprint::of(&issued.certificate));
        assert!(error.help.as_ref().is_some_and(|help| help.contains(&line) && help.contains("ca_file")), "{error:?}");
        call(&issued, "127.0.0.1", &Trust::Anyone).await.unwrap();
    }

    #[tokio::test]
    async fn a_certificate_without_its_key_is_refused() {
        let (issued, thief) = (self_signed(&params(&["127.0.0.1"])), KeyPair::generate().unwrap());
        let server = server_with(&issued.certificate, &thief, |_| json(200, "{}")).await;
        for trust in [trust(&issued), Trust::Fingerprint(Fingerprint::of(&issued.certificate)), Trust::Anyone] {
            let sender = Sender::new(vec![server.endpoint()], &trust, Timeouts::default()).unwrap();
            let error = sender.send(&requests::USERS.request(), None, answer::nothing).await.unwrap_err();
            assert_eq!(error.effect, Effect::NotSent, "{error}");
        }
        assert!(server.calls().is_empty());
    }

    #[test]
    fn a_fingerprint_is_read_as_people_copy_it() {
        let plain = format!("sha256:{}", "ab".repeat(32));
        let colons = format!("sha256:{}AB", "AB:".repeat(31));
        assert_eq!(plain.parse::<Fingerprint>(), colons.parse());
        assert_eq!(colons.parse::<Fingerprint>().unwrap().to_string(), plain);
        for text in
            ["", "sha256:", &"ab".repeat(32), &format!("sha1:{}", "ab".repeat(20)), &plain[..70], &format!("{plain}00")]
        {
            assert_eq!(text.parse::<Fingerprint>(), Err(TrustProblem::NotAFingerprint), "{text}");
        }
    }

    #[test]
    fn a_pem_file_must_hold_a_certificate() {
        assert_eq!(Trust::from_pem(b""), Err(TrustProblem::NoCertificate));
        assert_eq!(Trust::from_pem(b"-----BEGIN CERTIFICATE-----\n!\n"), Err(TrustProblem::BrokenPem));
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let trust = Trust::from_pem(own.cert.pem().as_bytes()).unwrap();
        assert_eq!(trust, Trust::Certificates(vec![own.cert.der().clone()]));
        assert!(config(&trust, Arc::default()).is_ok());
        let broken = Trust::Certificates(vec![CertificateDer::from(vec![1, 2, 3])]);
        assert_eq!(config(&broken, Arc::default()).unwrap_err(), TrustProblem::BrokenCertificate);
    }
}
