//! Who is accepted in a TLS handshake, one rule per situation, and what a refused handshake means.
//!
//! The rules replace only the question of *names*; chains, signatures, validity and key usage are always verified by
//! the TLS library against the cluster's authorities and nothing else.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, OnceLock};

use exchequer_domain::{ClusterId, Code, Digest, NodeId, Problem};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{AlertDescription, CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{authority_cluster, fingerprint, peer_identity};
use super::credentials::{provider, roots, verify_chain};

/// Which servers a client accepts.
pub(super) trait ServerRule: Debug + Send + Sync {
    /// Accepts or refuses a server that presents `certificate`, with `others` after it, when `dialled` was called.
    fn accept(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        dialled: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error>;
}

/// A rule in the form that TLS asks for.
#[derive(Debug)]
pub(super) struct ServerVerifier<R> {
    rule: R,
    algorithms: WebPkiSupportedAlgorithms,
}

impl<R> ServerVerifier<R> {
    pub(super) fn new(rule: R) -> ServerVerifier<R> {
        ServerVerifier { rule, algorithms: provider().signature_verification_algorithms }
    }
}

impl<R: ServerRule> ServerCertVerifier for ServerVerifier<R> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.rule.accept(end_entity, intermediates, server_name, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The certificate must be the one of this very node.
pub(super) fn accept_node(
    certificate: &CertificateDer<'_>,
    roots: &RootCertStore,
    wanted: (ClusterId, NodeId),
    now: UnixTime,
) -> Result<(), rustls::Error> {
    verify_chain(certificate, roots, now)?;
    match peer_identity(certificate) {
        Some(found) if found == wanted => Ok(()),
        Some((cluster, node)) => {
            let message =
                format!("the server is node {node} of cluster {cluster}, not node {} of {}", wanted.1, wanted.0);
            Err(refused(Problem::new(Code::WrongNode, message)))
        }
        None => Err(refused(Problem::new(Code::CertificateInvalid, "the server's certificate names no node"))),
    }
}

/// For the command line: any node of the cluster, because operators dial addresses that no certificate may know.
#[derive(Debug)]
pub(super) struct AnyNode {
    roots: RootCertStore,
    clusters: Vec<ClusterId>,
}

impl AnyNode {
    pub(super) fn new(authorities: &[CertificateDer<'static>]) -> Result<AnyNode, rustls::Error> {
        Ok(AnyNode { roots: roots(authorities)?, clusters: authorities.iter().filter_map(authority_cluster).collect() })
    }
}

impl ServerRule for AnyNode {
    fn accept(
        &self,
        certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        dialled: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        verify_chain(certificate, &self.roots, now)?;
        match peer_identity(certificate) {
            Some((cluster, _)) if self.clusters.contains(&cluster) => Ok(()),
            Some(_) | None => verify_server_name(&ParsedCertificate::try_from(certificate)?, dialled),
        }
    }
}

/// For a joining node, which trusts nobody yet: a node of the cluster whose authority has the pinned fingerprint.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) fingerprint: Digest,
    /// Set to the authority once a server was accepted.
    pub(super) found: Arc<OnceLock<CertificateDer<'static>>>,
}

impl ServerRule for Pinned {
    fn accept(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let mismatch = |what: &str| refused(Problem::new(Code::AuthorityMismatch, what.to_owned()));
        let authority = others
            .iter()
            .find(|other| fingerprint(other) == self.fingerprint)
            .ok_or_else(|| mismatch("the server does not present the authority that the join token pins"))?
            .clone()
            .into_owned();
        match verify_chain(certificate, &roots([&authority])?, now) {
            Err(rustls::Error::InvalidCertificate(error)) if !is_about_time(&error) => {
                return Err(mismatch(
                    "the server's certificate is not signed by the authority that the join token pins",
                ));
            }
            verified => verified?,
        }
        let cluster = peer_identity(certificate).map(|(cluster, _)| cluster);
        if cluster.is_none() || cluster != authority_cluster(&authority) {
            return Err(mismatch("the server is not a node of the cluster that the join token is for"));
        }
        // Two handshakes at once find the same certificate: its fingerprint is pinned.
        let _ = self.found.set(authority);
        Ok(())
    }
}

fn is_about_time(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

/// A problem in the form in which it travels through TLS; [`handshake_problem`] gets it out again.
pub(super) fn refused(problem: Problem) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(problem))))
}

/// What a failed connection means, where TLS was the reason: looks for it among the causes of an error of the network,
/// HTTP or gRPC library. `None` when TLS had no part in it.
#[must_use]
pub fn handshake_problem(error: &(dyn StdError + 'static)) -> Option<Problem> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(tls_problem(error));
        }
        // An I/O error that wraps another names that one's cause as its own, and so hides the one in between.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn tls_problem(error: &rustls::Error) -> Problem {
    match error {
        rustls::Error::InvalidCertificate(certificate) => {
            if let CertificateError::Other(OtherError(inner)) = certificate
                && let Some(problem) = inner.downcast_ref::<Problem>()
            {
                return problem.clone();
            }
            let unknown = matches!(certificate, CertificateError::UnknownIssuer | CertificateError::BadSignature);
            let code = if unknown { Code::AuthorityMismatch } else { Code::CertificateInvalid };
            let problem = Problem::new(code, format!("the other side's certificate is refused: {error}"));
            if is_about_time(certificate) { problem.hint("compare the clocks of both machines first") } else { problem }
        }
        rustls::Error::NoCertificatesPresented => {
            Problem::new(Code::CertificateInvalid, "the other side presented no certificate")
        }
        rustls::Error::AlertReceived(alert) => alert_code(*alert).map_or_else(
            || no_tls(error),
            |code| Problem::new(code, format!("the other side refused this side's certificate: {error}")),
        ),
        _ => no_tls(error),
    }
}

/// What an alert says about the certificate that was presented; `None` when it is about something else.
fn alert_code(alert: AlertDescription) -> Option<Code> {
    match alert {
        AlertDescription::UnknownCA => Some(Code::AuthorityMismatch),
        AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRequired
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => Some(Code::CertificateInvalid),
        _ => None,
    }
}

fn no_tls(error: &rustls::Error) -> Problem {
    Problem::new(Code::Unreachable, format!("the TLS handshake failed: {error}"))
        .hint("make sure that the port is the one meant, and that both sides speak TLS")
}
