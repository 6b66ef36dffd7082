//! The check of a presented certificate, which also remembers it, so that an error can show its fingerprint.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::tls::{Fingerprint, Trust, TrustProblem};

/// The fingerprint of the certificate that each host presented last.
#[derive(Debug, Default)]
pub(super) struct Presented(Mutex<BTreeMap<String, Fingerprint>>);

impl Presented {
    /// What this host presented last, if anything.
    pub(super) fn by(&self, host: &str) -> Option<Fingerprint> {
        self.0.lock().ok()?.get(host).copied()
    }

    fn note(&self, host: &ServerName<'_>, fingerprint: Fingerprint) {
        if let Ok(mut hosts) = self.0.lock() {
            hosts.insert(host.to_str().into_owned(), fingerprint);
        }
    }
}

/// The reasons of our own for not believing a certificate.
#[derive(Debug, thiserror::Error)]
enum TrustError {
    #[error("the certificate is {presented}, and {expected} is expected")]
    OtherFingerprint { presented: Fingerprint, expected: Fingerprint },
    #[error("this system has no certificate authorities that could vouch for any certificate")]
    NoAuthorities,
}

/// How a certificate is checked.
#[derive(Debug)]
enum Check {
    /// By the chain of signatures, dates and names; `own` are taken even where they could sign but not serve.
    Chain { chain: Arc<WebPkiServerVerifier>, own: Vec<CertificateDer<'static>> },
    /// By identity.
    Pin(Fingerprint),
    /// Not.
    Nothing,
    /// There is nothing to check against: no certificate passes.
    NoAuthorities,
}

/// Checks the certificates of the cluster's servers. The signatures of the handshake are verified in every case:
/// the server holds the key of the certificate it presents.
#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    algorithms: WebPkiSupportedAlgorithms,
    presented: Arc<Presented>,
}

impl Verifier {
    pub(super) fn new(
        trust: &Trust,
        provider: &Arc<CryptoProvider>,
        presented: Arc<Presented>,
    ) -> Result<Self, TrustProblem> {
        let check = match trust {
            Trust::System => system_check(provider),
            Trust::Certificates(certificates) => own_check(certificates, provider)?,
            Trust::Fingerprint(fingerprint) => Check::Pin(*fingerprint),
            Trust::Anyone => Check::Nothing,
        };
        Ok(Self { check, algorithms: provider.signature_verification_algorithms, presented })
    }
}

/// The authorities of the operating system. Those that cannot be read are left out, as every other program does.
fn system_check(provider: &Arc<CryptoProvider>) -> Check {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build() {
        Ok(chain) => Check::Chain { chain, own: Vec::new() },
        Err(_) => Check::NoAuthorities,
    }
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
            Check::Pin(expected) if *expected == fingerprint => Ok(ServerCertVerified::assertion()),
            Check::Pin(expected) => {
                Err(disbelieve(TrustError::OtherFingerprint { presented: fingerprint, expected: *expected }))
            }
            Check::Nothing => Ok(ServerCertVerified::assertion()),
            Check::NoAuthorities => Err(disbelieve(TrustError::NoAuthorities)),
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

/// A self-signed certificate that says it is an authority (what `openssl req -x509` makes) is refused as a server's,
/// even when it is itself what is trusted in. Here it passes when it is byte for byte one of `own` and names the
/// host. Its dates have passed by then: the chain is refused for this reason only after they were checked.
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

/// The chain's own error, where the TLS library has no name for it.
pub(super) fn chain_error(error: &Error) -> Option<&webpki::Error> {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) = error else { return None };
    reason.downcast_ref()
}

fn disbelieve(reason: TrustError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(reason))))
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
    use super::super::{answer, request};
    use super::*;
    use crate::cluster::{CallError, Effect};

    /// A certificate, what it was made from, and its key.
    struct Held {
        params: CertificateParams,
        certificate: CertificateDer<'static>,
        key: KeyPair,
    }

    fn params(names: &[&str]) -> CertificateParams {
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// What `openssl req -x509` makes: self-signed, and an authority.
    fn authority(names: &[&str]) -> CertificateParams {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn self_signed(params: &CertificateParams) -> Held {
        let key = KeyPair::generate().unwrap();
        Held { certificate: params.self_signed(&key).unwrap().der().clone(), params: params.clone(), key }
    }

    fn signed_by(params: &CertificateParams, authority: &Held) -> Held {
        let issuer = Issuer::from_params(&authority.params, &authority.key);
        let key = KeyPair::generate().unwrap();
        Held { certificate: params.signed_by(&key, &issuer).unwrap().der().clone(), params: params.clone(), key }
    }

    async fn server(held: &Held) -> Server {
        server_that(held, |_| json(200, "{}")).await
    }

    async fn server_that(held: &Held, script: impl Fn(&Heard) -> Reply + Send + Sync + 'static) -> Server {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivatePkcs8KeyDer::from(held.key.serialize_der());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![held.certificate.clone()], key.into())
            .unwrap();
        Server::start_tls(config, script).await
    }

    #[tokio::test]
    async fn an_endpoint_that_speaks_tls_and_stays_silent_is_left_for_another() {
        let held = self_signed(&params(&["127.0.0.1"]));
        let (silent, sound) = (server_that(&held, |_| Reply::Silence).await, server(&held).await);
        let timeouts = Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() };
        let sender = Sender::new(vec![silent.endpoint(), sound.endpoint()], &trust(&held), timeouts).unwrap();
        for _ in 0..10 {
            sender.send(&request::users(), None, answer::nothing).await.unwrap();
        }
        assert_eq!((silent.calls().len(), sound.calls().len()), (1, 10));
    }

    /// A call to the server as `host`, and whether it was sent as it says.
    async fn call(held: &Held, host: &str, trust: &Trust) -> Result<(), CallError> {
        let server = server(held).await;
        let sender = Sender::new(vec![server.endpoint_at(host)], trust, Timeouts::default()).unwrap();
        let outcome = sender.send(&request::users(), Some(&"t0k3n".into()), answer::nothing).await;
        assert_eq!(server.calls().len(), usize::from(outcome.is_ok()));
        outcome.map(|_| ())
    }

    fn trust(held: &Held) -> Trust {
        Trust::Certificates(vec![held.certificate.clone()])
    }

    #[tokio::test]
    async fn a_certificate_of_the_authority_in_the_file_is_believed_for_its_names() {
        let root = self_signed(&authority(&["ca"]));
        let leaf = signed_by(&params(&["127.0.0.1"]), &root);
        call(&leaf, "127.0.0.1", &trust(&root)).await.unwrap();
        let error = call(&leaf, "localhost", &trust(&root)).await.unwrap_err();
        assert!(error.message.contains("not valid for name"), "{error}");
        let stranger = self_signed(&authority(&["ca"]));
        assert_eq!(call(&leaf, "127.0.0.1", &trust(&stranger)).await.unwrap_err().effect, Effect::NotSent);
    }

    #[tokio::test]
    async fn a_self_signed_certificate_in_the_file_is_believed_for_its_names_and_dates() {
        for own in [params(&["localhost"]), authority(&["localhost"])] {
            let held = self_signed(&own);
            call(&held, "localhost", &trust(&held)).await.unwrap();
            assert!(call(&held, "127.0.0.1", &trust(&held)).await.unwrap_err().message.contains("not valid for name"));
            let mut expired = own.clone();
            (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
            let expired = self_signed(&expired);
            assert!(call(&expired, "localhost", &trust(&expired)).await.unwrap_err().message.contains("expired"));
            let twin = self_signed(&own);
            assert_eq!(call(&twin, "localhost", &trust(&held)).await.unwrap_err().effect, Effect::NotSent);
        }
    }

    #[tokio::test]
    async fn a_fingerprint_is_believed_whatever_the_names_and_dates() {
        let mut own = authority(&["elsewhere.example.com"]);
        (own.not_before, own.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        let (held, other) = (self_signed(&own), self_signed(&own));
        let fingerprint = Fingerprint::of(&held.certificate);
        call(&held, "127.0.0.1", &Trust::Fingerprint(fingerprint)).await.unwrap();
        let error = call(&other, "127.0.0.1", &Trust::Fingerprint(fingerprint)).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent);
        let presented = Fingerprint::of(&other.certificate).to_string();
        assert!(error.message.contains(&presented) && error.message.contains(&fingerprint.to_string()), "{error}");
    }

    #[tokio::test]
    async fn a_stranger_is_refused_and_its_fingerprint_shown() {
        let held = self_signed(&params(&["127.0.0.1"]));
        let error = call(&held, "127.0.0.1", &Trust::System).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent);
        let selfmade = self_signed(&authority(&["127.0.0.1"]));
        let error_of_selfmade = call(&selfmade, "127.0.0.1", &Trust::System).await.unwrap_err();
        assert!(error_of_selfmade.message.ends_with("it is not one that is trusted here"), "{error_of_selfmade}");
        let line = format!("fingerprint = \"{}\"", Fingerprint::of(&held.certificate));
        assert!(error.help.as_ref().is_some_and(|help| help.contains(&line) && help.contains("ca_file")), "{error:?}");
        call(&held, "127.0.0.1", &Trust::Anyone).await.unwrap();
    }

    #[tokio::test]
    async fn a_certificate_without_its_key_is_worth_nothing() {
        let (held, thief) = (self_signed(&params(&["127.0.0.1"])), KeyPair::generate().unwrap());
        let provider = rustls::crypto::ring::default_provider();
        let key = PrivatePkcs8KeyDer::from(thief.serialize_der()).into();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![held.certificate.clone()], key));
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        let server = Server::start_tls(config, |_| json(200, "{}")).await;
        for trust in [trust(&held), Trust::Fingerprint(Fingerprint::of(&held.certificate)), Trust::Anyone] {
            let sender = Sender::new(vec![server.endpoint()], &trust, Timeouts::default()).unwrap();
            let error = sender.send(&request::users(), None, answer::nothing).await.unwrap_err();
            assert_eq!(error.effect, Effect::NotSent, "{error}");
        }
        assert!(server.calls().is_empty());
    }
}
