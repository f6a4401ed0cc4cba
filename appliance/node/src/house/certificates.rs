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
use exchequer_state::{Actor, Body, RotateAuthority};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{House, members};
use crate::identity::{Authority, Grant, NodeKey, fingerprint};
use crate::install::AUTHORITY_KEY_PURPOSE;
use crate::signer::SignerState;

/// What a node tells its peers about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// The release it runs.
    pub(crate) release: String,
    /// The newest authority that it trusts.
    pub(crate) newest_trusted: [u8; 32],
    /// The authority that certified it.
    pub(crate) certified_by: [u8; 32],
    /// How its signer is. It comes after the rest, which earlier programs read alone.
    #[serde(skip, default = "no_signer")]
    pub(crate) signer: SignerState,
}

/// What a node says that does not say it.
const fn no_signer() -> SignerState {
    SignerState::Absent
}

impl Presence {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = vec![1];
        // Text and byte arrays always encode.
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes.push(self.signer as u8);
        bytes.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Presence> {
        let (version, body) = bytes.split_first()?;
        if *version != 1 {
            return None;
        }
        let (presence, rest) = postcard::take_from_bytes::<Presence>(body).ok()?;
        let signer = rest.first().map_or(no_signer(), |number| SignerState::of(*number));
        Some(Presence { signer, ..presence })
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
            signer: self.signer.seen().state,
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
        // Held to the end: what the folder has, the sockets use and the registry is told must be the same.
        let mut folder = self.folder.lock();
        let credentials = folder.install_certificate(certificate, key)?;
        self.tls.reload(&credentials)?;
        *self.credentials.lock() = credentials;
        drop(folder);
        tracing::info!("this node's certificate is renewed");
        Ok(())
    }

    fn trust(&self, authorities: Vec<CertificateDer<'static>>) -> Result<(), Problem> {
        let mut folder = self.folder.lock();
        let credentials = folder.install_authorities(authorities)?;
        self.tls.reload(&credentials)?;
        *self.credentials.lock() = credentials;
        drop(folder);
        Ok(())
    }

    /// Takes the next step that is due: renewal by age, or the next one of a change of authority.
    pub(crate) fn tend_certificates(&self) -> Result<(), Problem> {
        let percent = self.state(|state| state.settings().get(&schema::TLS_RENEW_AFTER_FRACTION_PERCENT))?;
        let percent = u32::try_from(percent.clamp(1, 100)).unwrap_or(66);
        if self.tls.renewal_due(SystemTime::now(), percent) {
            self.renew_certificate()?;
        }
        let Some((present, step)) = self.due()? else { return Ok(()) };
        if !self.behind(&step)?.is_empty() {
            return Ok(());
        }
        match step {
            Step::TrustBoth => {
                tracing::info!("a new authority is trusted beside the old one");
                let mut both = vec![present];
                both.extend(self.credentials.lock().authorities.clone());
                self.trust(both)
            }
            Step::Renew(_) => self.renew_certificate(),
            Step::Forget(_) => {
                tracing::info!("the old authority is forgotten");
                self.trust(vec![present])
            }
        }
    }

    /// While the cluster changes its authority: the members that this node's next step waits for.
    pub(super) fn authority_waits(&self) -> Result<Option<Vec<NodeId>>, Problem> {
        match self.due()? {
            None => Ok(None),
            Some((_, step)) => self.behind(&step).map(Some),
        }
    }

    /// The authority that holds and this node's next step towards it; none when it has arrived.
    fn due(&self) -> Result<Option<(CertificateDer<'static>, Step)>, Problem> {
        let present = self.state(|state| state.cluster().map(|cluster| cluster.authority.certificate_der.clone()))?;
        let Some(present) = present.map(CertificateDer::from) else { return Ok(None) };
        let target = fingerprint(&present).0;
        let (trusted, certified_by) = {
            let credentials = self.credentials.lock();
            (credentials.authorities.clone(), self_certifier(&credentials))
        };
        let step = if !trusted.contains(&present) {
            Step::TrustBoth
        } else if certified_by != target {
            Step::Renew(target)
        } else if trusted.len() > 1 {
            Step::Forget(target)
        } else {
            return Ok(None);
        };
        Ok(Some((present, step)))
    }

    /// The other members that are not as far as the step needs, or are silent. One that was removed is not waited for.
    fn behind(&self, step: &Step) -> Result<Vec<NodeId>, Problem> {
        let peers = self.node.peers();
        let holds = |id: &u64| {
            let view = peers.get(id).filter(|view| view.heard.elapsed() < Duration::from_secs(3));
            view.and_then(|view| Presence::decode(&view.extra)).is_some_and(|presence| match step {
                Step::TrustBoth => true,
                Step::Renew(target) => presence.newest_trusted == *target,
                Step::Forget(target) => presence.certified_by == *target,
            })
        };
        if matches!(step, Step::TrustBoth) {
            return Ok(Vec::new());
        }
        let members = self.node.status().members;
        let others = members.keys().filter(|id| **id != self.id().0);
        let admitted: Vec<NodeId> = self.state(|state| state.registry().admitted().map(|node| node.id).collect())?;
        Ok(others.filter(|id| admitted.contains(&NodeId(**id)) && !holds(id)).map(|id| NodeId(*id)).collect())
    }
}

/// The steps by which a node takes up a new authority.
enum Step {
    /// It trusts the new one beside the old one.
    TrustBoth,
    /// It gets a certificate of the new one: when everybody trusts it, or some peer could not verify this node.
    Renew([u8; 32]),
    /// It forgets the old one: when everybody is certified by the new one.
    Forget([u8; 32]),
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
    actor: Actor,
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
        return house.submit_as(actor, Body::RotateAuthority(RotateAuthority { authority, reason })).await.map(drop);
    }
    let nodes: Vec<u64> = match node {
        Some(node) => vec![node.0],
        None => house.node.status().members.keys().copied().collect(),
    };
    let target = node.map_or_else(|| "every node".to_owned(), |node| format!("node {node}"));
    house.record(actor, Action::CertificatesRotate, target, reason).await?;
    // One that does not answer keeps no other from its new key.
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in nodes {
        match members::ask_renewal(house, id).await {
            Ok(()) => done.push(format!("node {id}")),
            Err(problem) => failed.push((id, problem)),
        }
    }
    for (id, problem) in &failed {
        house.note_undone(Action::CertificatesRotate, format!("node {id}"), problem).await;
    }
    let Some((_, first)) = failed.first() else { return Ok(()) };
    if done.is_empty() && failed.len() == 1 {
        return Err(first.clone());
    }
    let why: Vec<String> = failed.iter().map(|(id, problem)| format!("node {id} ({})", problem.message)).collect();
    let renewed = if done.is_empty() { "nobody".to_owned() } else { done.join(", ") };
    let text = format!("renewed: {renewed}; not renewed: {}", why.join(", "));
    Err(Problem::new(first.code, text).hint("repeat it for each of these by its id when it answers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program of before says of itself.
    #[derive(Serialize, Deserialize)]
    struct Former {
        release: String,
        newest_trusted: [u8; 32],
        certified_by: [u8; 32],
    }

    /// Goal: nodes of this and of the former program understand each other's beacons. Method: each reads the other's bytes.
    #[test]
    fn beacons_of_two_programs() {
        let (release, newest_trusted, certified_by) = ("0.1.0".to_owned(), [1; 32], [2; 32]);
        for number in 0..=9 {
            let signer = SignerState::of(number);
            let presence = Presence { release: release.clone(), newest_trusted, certified_by, signer };
            let bytes = presence.encode();
            assert_eq!(Presence::decode(&bytes), Some(presence), "signer {number}");
            let former: Former = postcard::from_bytes(&bytes[1..]).unwrap();
            assert_eq!((former.release, former.certified_by), (release.clone(), certified_by));
        }
        let former = Former { release: release.clone(), newest_trusted, certified_by };
        let bytes = [vec![1], postcard::to_stdvec(&former).unwrap()].concat();
        let signer = SignerState::Absent;
        assert_eq!(Presence::decode(&bytes), Some(Presence { release, newest_trusted, certified_by, signer }));
        assert_eq!(Presence::decode(&[2]), None);
    }
}
