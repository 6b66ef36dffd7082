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
enum Disbelief {
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
                Err(disbelieve(Disbelief::OtherFingerprint { presented: fingerprint, expected: *expected }))
            }
            Check::Nothing => Ok(ServerCertVerified::assertion()),
            Check::NoAuthorities => Err(disbelieve(Disbelief::NoAuthorities)),
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
    if !(is_authority_as_server(&error) && own.iter().any(|known| known.as_ref() == presented.as_ref())) {
        return Err(error);
    }
    verify_server_name(&ParsedCertificate::try_from(presented)?, host)?;
    Ok(ServerCertVerified::assertion())
}

fn is_authority_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) = error else { return false };
    matches!(reason.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn disbelieve(reason: Disbelief) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(reason))))
}
