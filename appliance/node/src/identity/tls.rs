//! TLS settings over one store that can be reloaded while connections run.
//!
//! The settings ask the store at every handshake, so that a renewed certificate or a new trust list takes effect with
//! the next connection and nothing needs a restart. Connections that are up stay up. Between nodes, sessions are never
//! resumed: resumption would skip the verification of certificates that are no longer trusted.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use exchequer_domain::{ClusterId, Code, Digest, NodeId, Problem};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{Validity, node_dns_name, peer_identity, validity};
use super::credentials::{Credentials, provider, roots};
use super::verify::{AnyNode, Pinned, ServerRule, ServerVerifier, accept_node, refused};

const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

fn failed(error: impl fmt::Display) -> Problem {
    Problem::new(Code::CertificateInvalid, format!("the certificates cannot be used for TLS: {error}"))
}

/// What one generation of credentials comes to in TLS.
#[derive(Debug)]
struct Material {
    certified: Arc<CertifiedKey>,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
    validity: Validity,
}

impl Material {
    fn new(cluster: ClusterId, node: NodeId, credentials: &Credentials) -> Result<Material, Problem> {
        credentials.check(cluster, node)?;
        let mut chain = vec![credentials.certificate.clone()];
        // The signing authority goes along, for joining nodes that know only its fingerprint.
        chain.extend(credentials.issuer().cloned());
        let certified = CertifiedKey::from_der(chain, credentials.key.to_tls(), provider()).map_err(failed)?;
        let roots = Arc::new(roots(&credentials.authorities).map_err(failed)?);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider()))
            .build()
            .map_err(failed)?;
        let validity = validity(&credentials.certificate).ok_or_else(|| failed("no period of validity"))?;
        Ok(Material { certified: Arc::new(certified), roots, clients, validity })
    }
}

/// A node's TLS credentials, and the settings that draw on them.
#[derive(Debug)]
pub struct TlsStore {
    cluster_id: ClusterId,
    node_id: NodeId,
    algorithms: WebPkiSupportedAlgorithms,
    current: ArcSwap<Material>,
}

impl TlsStore {
    /// A store for one node.
    ///
    /// # Errors
    /// What [`Credentials::check`] says.
    pub fn new(cluster: ClusterId, node: NodeId, credentials: &Credentials) -> Result<Arc<TlsStore>, Problem> {
        Ok(Arc::new(TlsStore {
            cluster_id: cluster,
            node_id: node,
            algorithms: provider().signature_verification_algorithms,
            current: ArcSwap::from_pointee(Material::new(cluster, node, credentials)?),
        }))
    }

    /// Uses other credentials from the next handshake on.
    ///
    /// # Errors
    /// What [`Credentials::check`] says; the former ones then stay in use.
    pub fn reload(&self, credentials: &Credentials) -> Result<(), Problem> {
        self.current.store(Arc::new(Material::new(self.cluster_id, self.node_id, credentials)?));
        Ok(())
    }

    /// When the present certificate is valid, for renewal and for the metrics.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.current.load().validity
    }

    /// Whether it is time to renew the present certificate: so many percent of its life are over, or it has not begun,
    /// because it was made while the clock was ahead. Nobody accepts that one until its time comes.
    #[must_use]
    pub fn renewal_due(&self, now: SystemTime, percent: u32) -> bool {
        self.validity().renewal_due(now, percent)
    }

    /// For the port that other nodes call: only nodes of this cluster get in. TLS 1.3, HTTP/2. Whoever gets in is told
    /// by [`peer_identity`] of the connection's first peer certificate.
    ///
    /// # Errors
    /// When the TLS library refuses its own settings.
    pub fn peer_server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, Problem> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(failed)?
            .with_client_cert_verifier(Arc::new(AnyPeer(Arc::clone(self))))
            .with_cert_resolver(Arc::new(Presented(Arc::clone(self))));
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// For calling one other node: whatever address is dialled, only that node is accepted. TLS 1.3, HTTP/2.
    ///
    /// # Errors
    /// When the TLS library refuses its own settings.
    pub fn peer_client(self: &Arc<Self>, target: NodeId) -> Result<Arc<ClientConfig>, Problem> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(OnePeer(Arc::clone(self), target))))
            .with_client_cert_resolver(Arc::new(Presented(Arc::clone(self))));
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// The name to give to TLS when calling a node with [`TlsStore::peer_client`].
    ///
    /// # Errors
    /// `Internal`; there is no node id for which it happens.
    pub fn peer_name(&self, target: NodeId) -> Result<ServerName<'static>, Problem> {
        ServerName::try_from(node_dns_name(self.cluster_id, target))
            .map_err(|error| Problem::new(Code::Internal, format!("node {target} has no usable name: {error}")))
    }

    /// For the port that clients call: no client certificates, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// When the TLS library refuses its own settings.
    pub fn api_server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, Problem> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Presented(Arc::clone(self))));
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Arc::new(config))
    }
}

fn api_client_with(rule: impl ServerRule + 'static) -> Result<ClientConfig, Problem> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(rule)))
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
    Ok(config)
}

/// For the command line: accepts the nodes of the cluster whose authorities are given, at any address; and otherwise a
/// server that these authorities certify for the name or address that was dialled.
///
/// # Errors
/// `CertificateInvalid` when no authority is given or one cannot be used.
pub fn api_client(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, Problem> {
    if authorities.is_empty() {
        return Err(Problem::new(Code::CertificateInvalid, "no certificate authority is given"));
    }
    api_client_with(AnyNode::new(authorities).map_err(failed)?)
}

/// For a joining node: accepts the nodes of the cluster whose authority a join token pins.
#[derive(Debug)]
pub struct JoinClient {
    config: ClientConfig,
    found: Arc<OnceLock<CertificateDer<'static>>>,
}

impl JoinClient {
    /// Settings that accept the authority with this fingerprint alone; anyone else fails the handshake with
    /// `AuthorityMismatch`, to be had from [`handshake_problem`](super::handshake_problem).
    ///
    /// # Errors
    /// When the TLS library refuses its own settings.
    pub fn new(fingerprint: Digest) -> Result<JoinClient, Problem> {
        let found = Arc::new(OnceLock::new());
        let config = api_client_with(Pinned { fingerprint, found: Arc::clone(&found) })?;
        Ok(JoinClient { config, found })
    }

    /// The settings for the connection.
    #[must_use]
    pub fn config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// The pinned authority's certificate, once a handshake has succeeded.
    #[must_use]
    pub fn authority(&self) -> Option<CertificateDer<'static>> {
        self.found.get().cloned()
    }
}

/// Presents whatever certificate the store holds at this moment.
#[derive(Debug)]
struct Presented(Arc<TlsStore>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current.load().certified))
    }
}

impl ResolvesClientCert for Presented {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], _sigschemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current.load().certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Accepts one node as the server.
#[derive(Debug)]
struct OnePeer(Arc<TlsStore>, NodeId);

impl ServerRule for OnePeer {
    fn accept(
        &self,
        certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        accept_node(certificate, &self.0.current.load().roots, (self.0.cluster_id, self.1), now)
    }
}

/// Accepts every node of this cluster as the client.
#[derive(Debug)]
struct AnyPeer(Arc<TlsStore>);

impl ClientCertVerifier for AnyPeer {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let accepted = self.0.current.load().clients.verify_client_cert(end_entity, &[], now)?;
        match peer_identity(end_entity) {
            Some((cluster, _)) if cluster == self.0.cluster_id => Ok(accepted),
            Some(_) => Err(refused(Problem::new(Code::WrongCluster, "the caller is a node of another cluster"))),
            None => Err(refused(Problem::new(Code::CertificateInvalid, "the caller's certificate names no node"))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}
