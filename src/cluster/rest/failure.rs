//! Why no answer came: the reason inside the layers of an error, and what to do about it.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::endpoints::Endpoint;
use super::request::Request;
use super::verify::{Presented, chain_error};
use super::words;
use crate::cluster::{CallError, Effect};

/// The endpoints to which no connection came about.
#[derive(Default)]
pub(super) struct Unreachable {
    reasons: Vec<String>,
    help: Option<String>,
}

impl Unreachable {
    pub(super) fn note(&mut self, endpoint: &Endpoint, error: &reqwest::Error, presented: &Presented) {
        self.reasons.push(format!("{endpoint}: {}", reason(error)));
        let Some(tls @ rustls::Error::InvalidCertificate(_)) = tls_error(error) else { return };
        tracing::warn!(%endpoint, "not used: its certificate is not believed");
        if chain_error(tls) == Some(&webpki::Error::UnsupportedCertVersion) {
            self.help = Some("let the cluster present a certificate of version 3".to_owned());
        } else if let Some(fingerprint) = presented.by(endpoint.host()) {
            self.help = Some(format!(
                "{} presents the certificate {fingerprint}; if `openssl x509 -noout -fingerprint -sha256` says the same \
                 of the cluster's own, set fingerprint = \"{fingerprint}\" under [cluster], or, where it names this \
                 host, ca_file to a PEM file with it or its authority",
                endpoint.host()
            ));
        }
    }

    pub(super) fn error(&self, request: &Request) -> CallError {
        let message = format!("no connection to the cluster: {}", self.reasons.join("; "));
        let help = self.help.clone().unwrap_or_else(|| {
            "check the endpoints and that a management port (14000 by default) can be reached from here".to_owned()
        });
        CallError::new(request.call(), Effect::NotSent, message).help(help)
    }
}

/// The innermost reason of an error: the layers above it only say that something failed. Cleaned, since it can hold
/// the names that a stranger's certificate claims.
pub(super) fn reason(error: &reqwest::Error) -> String {
    if let Some(tls) = tls_error(error) {
        return words::clean(&tls_reason(tls), &[]);
    }
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    words::clean(&innermost.to_string(), &[])
}

fn tls_reason(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else { return error.to_string() };
    if *problem == CertificateError::UnknownIssuer {
        return "no authority that is trusted here has signed its certificate".to_owned();
    }
    if let Some(chain) = chain_error(error) {
        return chain_reason(chain);
    }
    if let CertificateError::Other(reason) = problem {
        return reason.to_string();
    }
    format!("its certificate is not accepted: {problem}")
}

/// The two that clusters with a certificate of their own making give rise to, in words.
fn chain_reason(error: &webpki::Error) -> String {
    if *error == webpki::Error::CaUsedAsEndEntity {
        "its certificate is that of an authority, and it is not one that is trusted here".to_owned()
    } else if *error == webpki::Error::UnsupportedCertVersion {
        "its certificate is of X.509 version 1, which cannot be checked".to_owned()
    } else {
        format!("its certificate is not accepted: {error}")
    }
}

/// The TLS library's own error, which an I/O error is wrapped around.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut layer: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = layer {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        layer = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
