//! Certificates made on the spot, for `localhost`.

use std::path::Path;
use std::sync::Arc;

/// A server's side with a fresh certificate, which is written to `ca_file` for the client to trust.
pub fn server(ca_file: &Path) -> Arc<rustls::ServerConfig> {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(ca_file, certified.cert.pem()).expect("a file");
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .expect("a configuration");
    Arc::new(config)
}
