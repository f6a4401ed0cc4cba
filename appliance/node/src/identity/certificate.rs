//! Certificates as text and as facts: PEM, names, fingerprints, periods of validity.
//!
//! Nothing here decides whether a certificate is to be trusted; `credentials` and `verify` do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_domain::{ClusterId, Code, Digest, NodeId, Problem};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::alg_id::{ECDSA_P256, ECDSA_SHA256};
use rustls_pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use super::credentials::provider;

/// The top label of the names that identify nodes. It is not in the public DNS and is never resolved.
const ZONE: &str = "exchequer";
/// What an authority's common name begins with; the cluster id follows.
const AUTHORITY_PREFIX: &str = "exchequer ";
/// How many certificates a PEM text may hold: two authorities during a change, with room to spare.
pub(super) const CERTIFICATES_MAX: usize = 8;
const PEM_LINE_CHARS: usize = 64;
/// Certificates are valid from so long before they are made: a new machine whose clock is behind must be able to join,
/// and then be told what is wrong with its clock.
pub(super) const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// The name by which a node is known to TLS, whatever its addresses are.
#[must_use]
pub fn node_dns_name(cluster: ClusterId, node: NodeId) -> String {
    format!("node-{node}.{cluster}.{ZONE}")
}

/// The common name of a cluster's authority.
pub(super) fn authority_common_name(cluster: ClusterId) -> String {
    format!("{AUTHORITY_PREFIX}{cluster}")
}

/// Whether a DNS name lies in the zone that is reserved for node identities.
pub(super) fn in_zone(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case(ZONE))
}

/// The BLAKE3 hash of the certificate's DER form. Join tokens pin an authority by it.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> Digest {
    Digest(*blake3::hash(certificate).as_bytes())
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok(([], parsed)) => Some(parsed),
        Ok(_) | Err(_) => None,
    }
}

/// Which node of which cluster a certificate was issued to. To be asked of verified certificates only.
///
/// `None` unless exactly one name lies in the identity zone and it is spelt the one way the authority spells it.
#[must_use]
pub fn peer_identity(certificate: &CertificateDer<'_>) -> Option<(ClusterId, NodeId)> {
    let parsed = parse(certificate)?;
    let names = parsed.subject_alternative_name().ok()??;
    let mut found = None;
    for name in &names.value.general_names {
        if let GeneralName::DNSName(name) = name
            && in_zone(name)
            && found.replace(*name).is_some()
        {
            return None;
        }
    }
    let name = found?;
    let mut labels = name.strip_prefix("node-")?.split('.');
    let node: NodeId = labels.next()?.parse().ok()?;
    let cluster: ClusterId = labels.next()?.parse().ok()?;
    (node_dns_name(cluster, node) == name).then_some((cluster, node))
}

/// Which cluster an authority's certificate belongs to, by its own word. `None` for certificates of other makers.
#[must_use]
pub fn authority_cluster(certificate: &CertificateDer<'_>) -> Option<ClusterId> {
    let parsed = parse(certificate)?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
    let cluster: ClusterId = name.strip_prefix(AUTHORITY_PREFIX)?.parse().ok()?;
    (parsed.is_ca() && authority_common_name(cluster) == name).then_some(cluster)
}

/// Checks that an authority's certificate is whole: TLS never looks at the signature a root made over itself, so a
/// damaged root would go unnoticed until something failed for a reason nobody could see.
pub(super) fn authority_is_intact(certificate: &CertificateDer<'_>) -> bool {
    // The TLS library reads the parts around the signed one more strictly than the parser used here.
    let strict = rustls::RootCertStore::empty().add(certificate.clone()).is_ok();
    let Some(parsed) = parse(certificate).filter(|_| strict) else { return false };
    let algorithm =
        provider().signature_verification_algorithms.all.iter().find(|candidate| {
            candidate.public_key_alg_id() == ECDSA_P256 && candidate.signature_alg_id() == ECDSA_SHA256
        });
    let Some(algorithm) = algorithm else { return false };
    parsed.signature_algorithm == parsed.tbs_certificate.signature
        && parsed.signature_value.unused_bits == 0
        && algorithm
            .verify_signature(
                &parsed.public_key().subject_public_key.data,
                parsed.tbs_certificate.as_ref(),
                &parsed.signature_value.data,
            )
            .is_ok()
}

/// The subject's public key, DER of the whole SubjectPublicKeyInfo.
pub(super) fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    parse(certificate).map(|parsed| parsed.public_key().raw.to_vec())
}

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Before this moment nobody accepts it.
    pub not_before: SystemTime,
    /// After this moment nobody accepts it.
    pub not_after: SystemTime,
}

impl Validity {
    /// The moment from which the certificate should be renewed: so many percent of the time since it was made are over.
    #[must_use]
    pub fn renew_from(&self, percent: u32) -> SystemTime {
        let made = self.not_before + BACKDATED;
        let span = self.not_after.duration_since(made).unwrap_or_default();
        made + span * percent / 100
    }

    /// Whether it is time to renew: the moment is past, or the certificate is not valid yet.
    pub(super) fn renewal_due(&self, now: SystemTime, percent: u32) -> bool {
        now < self.not_before || now >= self.renew_from(percent)
    }
}

/// The period in which a certificate is valid; `None` when it cannot be read or predates 1970.
#[must_use]
pub fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let parsed = parse(certificate)?;
    let moment = |seconds: i64| u64::try_from(seconds).ok().map(|s| UNIX_EPOCH + Duration::from_secs(s));
    Some(Validity {
        not_before: moment(parsed.validity().not_before.timestamp())?,
        not_after: moment(parsed.validity().not_after.timestamp())?,
    })
}

/// One PEM block, in the one way this program writes it. Wiped when dropped, since private keys are written so too.
pub(super) fn encode_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    // Reserved in full, so that no growth leaves copies behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(2 * (32 + label.len()) + body.len() * 2));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    push_lines(&mut text, &body);
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Appends a long text in lines of 64 characters.
pub(super) fn push_lines(text: &mut String, body: &str) {
    let mut rest = body;
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(PEM_LINE_CHARS));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
}

/// The certificates as one PEM text, in their order.
#[must_use]
pub fn encode_certificates<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    certificates.into_iter().map(|certificate| encode_pem("CERTIFICATE", certificate).to_string()).collect()
}

/// The certificates of a PEM text, such as a `ca.pem` given on the command line. Text around them is passed over.
///
/// # Errors
/// `CertificateInvalid` when there is none, when one is damaged, or when there are more than eight.
pub fn decode_certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let mut certificates = Vec::new();
    for item in CertificateDer::pem_slice_iter(text) {
        let certificate: CertificateDer<'static> =
            item.map_err(|error| Problem::new(Code::CertificateInvalid, format!("the PEM text is damaged: {error}")))?;
        if parse(&certificate).is_none() {
            return Err(Problem::new(Code::CertificateInvalid, "the PEM text holds a damaged certificate"));
        }
        if certificates.len() == CERTIFICATES_MAX {
            let message = format!("the PEM text holds more than {CERTIFICATES_MAX} certificates");
            return Err(Problem::new(Code::CertificateInvalid, message));
        }
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        return Err(Problem::new(Code::CertificateInvalid, "the PEM text holds no certificate"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no spelling of a name slips past the reserved zone. Method: case, trailing dot, the bare label, and names
    /// that only look alike.
    #[test]
    fn the_zone_is_recognised_in_every_spelling() {
        for name in ["node-1.00.exchequer", "a.EXCHEQUER", "a.exchequer.", "exchequer"] {
            assert!(in_zone(name), "{name}");
        }
        for name in ["exchequer.example", "myexchequer", "a.notexchequer", "", "."] {
            assert!(!in_zone(name), "{name}");
        }
    }

    /// Goal: text without a certificate is refused, not read as an empty trust list that would trust nobody or all.
    #[test]
    fn an_empty_bundle_is_refused() {
        for text in
            ["", "hello", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"]
        {
            let refused = decode_certificates(text.as_bytes());
            assert_eq!(refused.map_err(|problem| problem.code), Err(Code::CertificateInvalid), "{text:?}");
        }
    }

    /// Goal: renewal starts early enough to survive a weekend, and a certificate of the shortest life is not renewed over
    /// and over because it is older by its date than it is. Method: a certificate of nine days and one of an hour.
    #[test]
    fn renewal_counts_from_when_it_was_made() {
        let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
        let made = UNIX_EPOCH + day;
        let validity = |life| Validity { not_before: made - BACKDATED, not_after: made + life };
        assert_eq!(validity(9 * day).renew_from(66), made + 9 * day * 66 / 100);
        assert_eq!(validity(hour).renew_from(10), made + hour / 10);
    }

    /// Goal: a certificate that was made while the clock was ahead does not keep its node out once the clock is right.
    /// Method: moments before, in and near the end of its time.
    #[test]
    fn a_certificate_from_the_future_is_renewed() {
        let day = Duration::from_secs(86_400);
        let made = UNIX_EPOCH + 100 * day;
        let validity = Validity { not_before: made - BACKDATED, not_after: made + 9 * day };
        assert!(validity.renewal_due(made - day, 66));
        assert!(!validity.renewal_due(made, 66));
        assert!(validity.renewal_due(made + 6 * day, 66));
    }
}
