//! What a node presents to others, and what it holds others against: its key, its certificate, the authorities.

use std::fmt;
use std::sync::{Arc, LazyLock};

use exchequer_domain::{ClusterId, Code, NodeId, Problem};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use zeroize::Zeroizing;

use super::certificate::{
    CERTIFICATES_MAX, authority_cluster, authority_is_intact, encode_pem, peer_identity, public_key, validity,
};

const KEY_LABEL: &str = "PRIVATE KEY";

/// A node's private key: ECDSA P-256, PKCS #8 DER.
#[derive(Clone)]
pub struct NodeKey(Zeroizing<Vec<u8>>);

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

impl NodeKey {
    /// A new key.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn generate() -> Result<NodeKey, Problem> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map_err(|error| Problem::new(Code::Internal, format!("a key could not be made: {error}")))?;
        Ok(NodeKey(Zeroizing::new(pair.serialize_der())))
    }

    /// The request (PKCS #10 DER) that an authority answers with a certificate. It names nothing: names are the
    /// authority's to give.
    ///
    /// # Errors
    /// `Internal` when signing fails.
    pub fn request(&self) -> Result<Vec<u8>, Problem> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&self.pair()?).map_err(|error| {
            Problem::new(Code::Internal, format!("a certificate request could not be made: {error}"))
        })?;
        Ok(request.der().to_vec())
    }

    /// The key as PEM, for a file of mode 0600.
    pub(super) fn to_pem(&self) -> Zeroizing<String> {
        encode_pem(KEY_LABEL, &self.0)
    }

    /// Reads what [`NodeKey::to_pem`] wrote.
    pub(super) fn from_pem(text: &[u8]) -> Result<NodeKey, Problem> {
        let damaged = || Problem::new(Code::CertificateInvalid, "the node's private key is damaged");
        let der = PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|_| damaged())?;
        let key = NodeKey(Zeroizing::new(der.secret_pkcs8_der().to_vec()));
        key.pair()?;
        Ok(key)
    }

    /// The key in the form that TLS takes.
    pub(super) fn to_tls(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.to_vec()).into()
    }

    fn pair(&self) -> Result<KeyPair, Problem> {
        KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(self.0.as_slice()), &PKCS_ECDSA_P256_SHA256)
            .map_err(|_| Problem::new(Code::CertificateInvalid, "the node's private key is damaged"))
    }

    /// Whether this is the key of the certificate.
    pub(super) fn belongs_to(&self, certificate: &CertificateDer<'_>) -> bool {
        self.pair().is_ok_and(|pair| public_key(certificate) == Some(pair.subject_public_key_info()))
    }
}

/// A node's key and certificate, and the authorities it trusts: two of them while one replaces the other.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The trusted authorities, the one in use first.
    pub authorities: Vec<CertificateDer<'static>>,
    /// This node's certificate.
    pub certificate: CertificateDer<'static>,
    /// The private key of that certificate.
    pub key: NodeKey,
}

impl Credentials {
    /// Checks that all belongs together and to this node. Time plays no part: an expired certificate is whole, and a
    /// node whose clock is wrong must still be able to start and say so.
    ///
    /// # Errors
    /// `CertificateInvalid`, saying which part does not fit.
    pub fn check(&self, cluster: ClusterId, node: NodeId) -> Result<(), Problem> {
        let invalid = |what: String| Err(Problem::new(Code::CertificateInvalid, what));
        if self.authorities.is_empty() {
            return invalid("no certificate authority is trusted".to_owned());
        }
        if self.authorities.len() > CERTIFICATES_MAX {
            return invalid(format!("more than {CERTIFICATES_MAX} certificate authorities"));
        }
        for (position, authority) in self.authorities.iter().enumerate() {
            if self.authorities[..position].contains(authority) {
                return invalid("a trusted authority is listed twice".to_owned());
            }
            match authority_cluster(authority) {
                Some(owner) if owner == cluster => {}
                Some(owner) => return invalid(format!("a trusted authority is of cluster {owner}, not of {cluster}")),
                None => return invalid("a trusted authority is not one that `init` made".to_owned()),
            }
            if !authority_is_intact(authority) {
                return invalid("a trusted authority's certificate is damaged".to_owned());
            }
        }
        match peer_identity(&self.certificate) {
            Some(owner) if owner == (cluster, node) => {}
            Some((c, n)) => {
                return invalid(format!(
                    "the certificate is of node {n} of cluster {c}, not of node {node} of {cluster}"
                ));
            }
            None => return invalid("the certificate names no node".to_owned()),
        }
        if self.issuer().is_none() {
            return invalid("the node's certificate is not signed by a trusted authority".to_owned());
        }
        if !self.key.belongs_to(&self.certificate) {
            return invalid("the private key is not the certificate's".to_owned());
        }
        Ok(())
    }

    /// The authority that signed the node's certificate.
    pub(super) fn issuer(&self) -> Option<&CertificateDer<'static>> {
        let at = validity(&self.certificate)?.not_before;
        let at = UnixTime::since_unix_epoch(at.duration_since(std::time::UNIX_EPOCH).ok()?);
        self.authorities.iter().find(|authority| {
            roots([*authority]).is_ok_and(|roots| verify_chain(&self.certificate, &roots, at).is_ok())
        })
    }
}

/// The cryptography of every TLS setting. Named at each use: nothing here depends on what else in the process may have
/// installed a default.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    &PROVIDER
}

/// The authorities in the form in which TLS trusts them.
pub(super) fn roots<'a>(
    authorities: impl IntoIterator<Item = &'a CertificateDer<'static>>,
) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone())?;
    }
    Ok(roots)
}

/// Verifies a server's certificate against the roots at a moment. There are no intermediate authorities in a cluster,
/// so none are considered, whatever the other side sends.
pub(super) fn verify_chain(
    certificate: &CertificateDer<'_>,
    roots: &RootCertStore,
    at: UnixTime,
) -> Result<(), rustls::Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let algorithms = provider().signature_verification_algorithms.all;
    rustls::client::verify_server_cert_signed_by_trust_anchor(&parsed, roots, &[], at, algorithms)
}
