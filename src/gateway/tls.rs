//! HTTPS where the configuration has a certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::base::disk;
use crate::config::Tls;

use super::error::GatewayError;

/// Shakes hands with the certificate of `files`.
pub(in crate::gateway) fn acceptor(files: &Tls) -> Result<TlsAcceptor, GatewayError> {
    let broken = |path: &Path| GatewayError::Pem { path: path.to_path_buf() };
    let read = |path: &Path| disk::read_text(path)?.ok_or_else(|| GatewayError::NoPem { path: path.to_path_buf() });
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(read(&files.cert)?.as_bytes())
        .collect::<Result<_, _>>()
        .ok()
        .filter(|all: &Vec<_>| !all.is_empty())
        .ok_or_else(|| broken(&files.cert))?;
    // What is wrong with a private key is not said: it would quote it.
    let key = PrivateKeyDer::from_pem_slice(read(&files.key)?.as_bytes()).ok().ok_or_else(|| broken(&files.key))?;
    let unfit = |source| GatewayError::Certificate { path: files.cert.clone(), source };
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unfit)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
