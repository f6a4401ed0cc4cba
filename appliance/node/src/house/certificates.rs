//! Certificates: signing, renewing, and changing the authority.
//!
//! Every node holds the keyring, so every node can open the authority's sealed key and renew its own certificate
//! alone. A change of authority takes three steps, each taken only when every member's beacon shows that it has taken
//! the one before: trust both authorities, be certified by the new one, forget the old one.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use exchequer_domain::{Code, NodeId, Problem};
use exchequer_state::audit::Action;
use exchequer_state::registry::NodeVersion;
use exchequer_state::settings::schema;
use exchequer_state::{Body, RotateAuthority};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{House, members};
use crate::identity::{Authority, Grant, NodeKey, fingerprint};
use crate::install::AUTHORITY_KEY_PURPOSE;

/// What a node tells its peers about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// The release it runs.
    pub(crate) release: String,
    /// The newest authority that it trusts.
    pub(crate) newest_trusted: [u8; 32],
    /// The authority that certified it.
    pub(crate) certified_by: [u8; 32],
}

impl Presence {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = vec![1];
        // Text and byte arrays always encode.
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Presence> {
        let (version, body) = bytes.split_first()?;
        if *version != 1 { None } else { postcard::from_bytes(body).ok() }
    }
}

impl House {
    /// What this node's beacon says.
    pub(super) fn presence(&self) -> Presence {
        let credentials = self.credentials.lock();
        let print =
            |certificate: Option<&CertificateDer<'static>>| certificate.map_or([0; 32], |der| fingerprint(der).0);
        let certified_by = credentials.authorities.iter().find(|authority| issued(authority, &credentials.certificate));
        Presence {
            release: NodeVersion::of_this_program().release,
            newest_trusted: print(credentials.authorities.first()),
            certified_by: print(certified_by),
        }
    }

    fn authority(&self) -> Result<Authority, Problem> {
        let sealed = self.state(|state| state.cluster().map(|cluster| cluster.authority.clone()))?;
        let sealed = sealed.ok_or_else(|| Problem::new(Code::NoLeader, "the first entry is not applied yet"))?;
        let key = self.keyring.read().open(AUTHORITY_KEY_PURPOSE, &sealed.sealed_key)?;
        Authority::open(sealed.certificate_der.into(), &key)
    }

    /// Certifies a node for its addresses.
    pub(super) fn sign(
        &self,
        request: &[u8],
        node_id: NodeId,
        addresses: &[String],
    ) -> Result<CertificateDer<'static>, Problem> {
        let ttl = self.state(|state| state.settings().get(&schema::TLS_CERTIFICATE_TTL))?;
        let ttl = ttl.min(crate::identity::CERTIFICATE_TTL_MAX);
        self.authority()?.sign(request, &Grant { node_id, addresses, ttl, now: SystemTime::now() })
    }

    /// Gives this node a new key and certificate; connections made from now on use them.
    pub(crate) fn renew_certificate(&self) -> Result<(), Problem> {
        let identity = self.identity.lock().clone();
        let key = NodeKey::generate()?;
        let addresses = [identity.api_address.clone(), identity.peer_address.clone()];
        let certificate = self.sign(&key.request()?, identity.node_id, &addresses)?;
        let credentials = self.folder.lock().install_certificate(certificate, key)?;
        self.tls.reload(&credentials)?;
        *self.credentials.lock() = credentials;
        tracing::info!("this node's certificate is renewed");
        Ok(())
    }

    fn trust(&self, authorities: Vec<CertificateDer<'static>>) -> Result<(), Problem> {
        let credentials = self.folder.lock().install_authorities(authorities)?;
        self.tls.reload(&credentials)?;
        *self.credentials.lock() = credentials;
        Ok(())
    }

    /// Takes the next step that is due: renewal by age, or the next one of a change of authority.
    pub(crate) fn tend_certificates(&self) -> Result<(), Problem> {
        let percent = self.state(|state| state.settings().get(&schema::TLS_RENEW_AFTER_FRACTION_PERCENT))?;
        let percent = u32::try_from(percent.clamp(1, 100)).unwrap_or(66);
        if self.tls.renewal_due(SystemTime::now(), percent) {
            self.renew_certificate()?;
        }
        let present = self.state(|state| state.cluster().map(|cluster| cluster.authority.certificate_der.clone()))?;
        let Some(present) = present.map(CertificateDer::from) else { return Ok(()) };
        let target = fingerprint(&present).0;
        let (trusted, certified_by) = {
            let credentials = self.credentials.lock();
            (credentials.authorities.clone(), self_certifier(&credentials))
        };
        if !trusted.contains(&present) {
            tracing::info!("a new authority is trusted beside the old one");
            let mut both = vec![present];
            both.extend(trusted);
            return self.trust(both);
        }
        if certified_by != target {
            // One step later than everybody trusts it, or some peer could not verify this node.
            return if self.every_member(|presence| presence.newest_trusted == target) {
                self.renew_certificate()
            } else {
                Ok(())
            };
        }
        if trusted.len() > 1 && self.every_member(|presence| presence.certified_by == target) {
            tracing::info!("the old authority is forgotten");
            return self.trust(vec![present]);
        }
        Ok(())
    }

    fn every_member(&self, holds: impl Fn(&Presence) -> bool) -> bool {
        let peers = self.node.peers();
        self.node.status().members.keys().filter(|id| **id != self.id().0).all(|id| {
            peers
                .get(id)
                .filter(|view| view.heard.elapsed() < Duration::from_secs(3))
                .and_then(|view| Presence::decode(&view.extra))
                .is_some_and(|presence| holds(&presence))
        })
    }
}

fn self_certifier(credentials: &crate::identity::Credentials) -> [u8; 32] {
    credentials
        .authorities
        .iter()
        .find(|authority| issued(authority, &credentials.certificate))
        .map_or([0; 32], |authority| fingerprint(authority).0)
}

/// Whether the certificate names the authority as its issuer; the names of authorities are unique.
fn issued(authority: &CertificateDer<'_>, certificate: &CertificateDer<'_>) -> bool {
    let parse = |der| x509_parser::parse_x509_certificate(der).ok().map(|(_, parsed)| parsed);
    match (parse(authority.as_ref()), parse(certificate.as_ref())) {
        (Some(authority), Some(certificate)) => authority.subject() == certificate.issuer(),
        (None, _) | (_, None) => false,
    }
}

/// Renews one node's certificate or every node's, or makes a new authority, which leads to the same by steps.
pub(super) async fn rotate(
    house: &House,
    node: Option<NodeId>,
    authority: bool,
    reason: String,
) -> Result<(), Problem> {
    if authority {
        let identity = house.identity.lock().clone();
        let fresh = Authority::create(identity.cluster_id, SystemTime::now())?;
        let sealed_key = house.keyring.read().seal(AUTHORITY_KEY_PURPOSE, &fresh.key())?;
        let authority =
            exchequer_state::cluster::Authority { certificate_der: fresh.certificate().to_vec(), sealed_key };
        return house.submit_as_operator(Body::RotateAuthority(RotateAuthority { authority, reason })).await.map(drop);
    }
    let nodes: Vec<u64> = match node {
        Some(node) => vec![node.0],
        None => house.node.status().members.keys().copied().collect(),
    };
    for id in &nodes {
        members::ask_renewal(house, *id).await?;
    }
    let target = node.map_or("every node".to_owned(), |node| format!("node {node}"));
    house.record(Action::CertificatesRotate, target, reason).await
}
