//! Which cluster a request is for: the only one, or the one of several that its host or its path names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use crate::sim::fault_rules::Interface;
use crate::sim::http::HttpResponse;
use crate::sim::serve::service::{Service, Shared};

/// What one listener leads to.
#[derive(Debug)]
pub(super) enum Entrance {
    One(Arc<Service>),
    Several(Several),
}

/// One interface of each of several clusters.
#[derive(Debug)]
pub(super) struct Several {
    pub(super) shared: Arc<Shared>,
    pub(super) interface: Interface,
    pub(super) services: BTreeMap<String, Arc<Service>>,
}

impl Entrance {
    pub(super) fn shared(&self) -> &Shared {
        match self {
            Self::One(service) => &service.shared,
            Self::Several(several) => &several.shared,
        }
    }

    pub(super) fn interface(&self) -> Interface {
        match self {
            Self::One(service) => service.interface,
            Self::Several(several) => several.interface,
        }
    }

    /// The service that a request is for, and the path there.
    pub(super) fn service(&self, uri: &Uri, headers: &HeaderMap) -> Result<(Arc<Service>, String), HttpResponse> {
        match self {
            Self::One(service) => Ok((Arc::clone(service), uri.path().to_owned())),
            Self::Several(several) => several.service(uri, headers).ok_or_else(|| several.nowhere()),
        }
    }
}

impl Several {
    /// The first label of the host names a cluster, else the first part of the path. A signed path has to stay as it is, so
    /// that S3 requests need the host.
    fn service(&self, uri: &Uri, headers: &HeaderMap) -> Option<(Arc<Service>, String)> {
        let path = uri.path();
        if let Some(service) = host(uri, headers).and_then(|host| self.services.get(&first_label(&host)?)) {
            return Some((Arc::clone(service), path.to_owned()));
        }
        if self.interface == Interface::S3 {
            return None;
        }
        let path = path.strip_prefix('/')?;
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        Some((Arc::clone(self.services.get(name)?), format!("/{rest}")))
    }

    /// The response to a request that names none of them.
    fn nowhere(&self) -> HttpResponse {
        let count = self.services.len();
        let example = self.services.keys().next().map(String::as_str).unwrap_or_default();
        let path = match self.interface {
            Interface::Api => ", or the path with the name, such as `/NAME/api/v2/login`",
            Interface::S3 => "",
        };
        let message = format!(
            "no simulated cluster is meant by this host and path. There are {count}, for example `{example}`: begin the \
             host with the name, such as `NAME.localhost`{path}"
        );
        HttpResponse {
            status: StatusCode::NOT_FOUND,
            content_type: "application/json",
            headers: Vec::new(),
            body: json!({ "message": message }).to_string(),
        }
    }
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = uri.host().or_else(|| headers.get(HOST)?.to_str().ok())?;
    Some(host.to_ascii_lowercase())
}

fn first_label(host: &str) -> Option<String> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_address = name.starts_with('[') || name.parse::<IpAddr>().is_ok();
    (!is_address).then(|| name.split('.').next().unwrap_or_default().to_owned())
}
