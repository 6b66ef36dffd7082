//! Whose certificate is believed: system authorities, a CA file, one fingerprint, or (never by default) anyone's.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::verify::{Presented, Verifier};

/// What makes a server's certificate the cluster's. WEKA's is self-signed by default, so that the system's
/// authorities seldom suffice; which names and which X.509 version it has is not documented. One without the
/// endpoint's name can be trusted in by its fingerprint; one of version 1 not at all, since the TLS library takes
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// It is signed by an authority of the operating system, for the host of the endpoint.
    #[default]
    System,
    /// It is signed by one of these certificates and no other, or is one of them; and it names the host of the
    /// endpoint and is within its dates.
    Certificates(Vec<CertificateDer<'static>>),
    /// It is exactly this one, whatever its names, dates and signer.
    Fingerprint(Fingerprint),
    /// Any certificate: `--insecure`. Whoever is in between reads the password.
    Anyone,
}

impl Trust {
    /// Trust in the certificates of a PEM file, and in no others.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustProblem> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match certificates {
            Err(_) => Err(TrustProblem::BrokenPem),
            Ok(none) if none.is_empty() => Err(TrustProblem::NoCertificate),
            Ok(certificates) => Ok(Self::Certificates(certificates)),
        }
    }
}

/// Why something cannot be what a certificate is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustProblem {
    /// A PEM section cannot be read.
    #[error("holds a PEM section that cannot be read")]
    BrokenPem,
    /// There is no certificate in the PEM file.
    #[error("holds no `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    /// A certificate of the PEM file cannot be trusted in.
    #[error("holds a certificate that cannot be read")]
    BrokenCertificate,
    /// A fingerprint is not `sha256:` and 64 hexadecimal digits.
    #[error("is not `sha256:` and 64 hexadecimal digits (colons between them are taken)")]
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
    #[must_use]
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

/// The TLS side of the client, on the `ring` provider whatever the process's default is. The certificates that
/// servers present are noted in `presented`, for errors to show.
pub(super) fn config(trust: &Trust, presented: Arc<Presented>) -> Result<ClientConfig, TrustProblem> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(trust, &provider, presented)?;
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|_| TrustProblem::Library)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

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
