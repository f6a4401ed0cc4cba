//! The cluster's own certificate authority: made once by `init`, asked whenever a node joins or renews.
//!
//! Invariant: the authority decides every name in a certificate. Of a request only the public key is taken, after its
//! signature showed that the sender holds the private one. The certificate library cannot wipe its own copy of the
//! private key, so an [`Authority`] should be opened for a signature and dropped, not kept.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchequer_domain::{ClusterId, Code, Digest, NodeId, Problem};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, DnsName, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::certificate::{
    BACKDATED, authority_cluster, authority_common_name, authority_is_intact, fingerprint, in_zone, node_dns_name,
    public_key, validity,
};

const DAY: Duration = Duration::from_secs(86_400);
/// How long an authority lives: ten years.
const AUTHORITY_TTL: Duration = Duration::from_secs(3652 * DAY.as_secs());
/// The longest validity that can be asked for a node's certificate; it never outlives its authority either.
pub const CERTIFICATE_TTL_MAX: Duration = Duration::from_secs(366 * DAY.as_secs());
/// X.509 cannot express moments after the year 9999.
const LATEST: Duration = Duration::from_secs(253_402_300_799);
const REQUEST_BYTES_MAX: usize = 4096;
const ADDRESSES_MAX: usize = 16;

/// What the authority is asked to put into a node's certificate.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The id that the log allocated.
    pub node_id: NodeId,
    /// Advertised addresses, `host`, `host:port`, `ip` or `[ip]:port`. At most 16.
    pub addresses: &'a [String],
    /// How long the certificate is valid, at most [`CERTIFICATE_TTL_MAX`].
    pub ttl: Duration,
    /// The present moment.
    pub now: SystemTime,
}

/// The certificate authority with its private key.
pub struct Authority {
    cluster_id: ClusterId,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("cluster_id", &self.cluster_id).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority (ECDSA P-256, ten years) for a cluster.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness; `ClockOff` when `now` cannot be put into a certificate.
    pub fn create(cluster_id: ClusterId, now: SystemTime) -> Result<Authority, Problem> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        set_validity(&mut params, now, AUTHORITY_TTL)?;
        set_names(&mut params, &authority_common_name(cluster_id))?;
        // Two generations of one cluster's authority have different names, so that a certificate says which one
        // made it and a refusal says "unknown issuer" rather than "bad signature".
        let generation: [u8; 4] = super::random()?;
        params.distinguished_name.push(DnType::OrganizationalUnitName, hex::encode(generation));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?.der().clone();
        Ok(Authority { cluster_id, certificate, key })
    }

    /// Puts an authority together again from its certificate and its unsealed key (PKCS #8 DER).
    ///
    /// # Errors
    /// `CertificateInvalid` when either is damaged, they do not belong together, or the maker was another program.
    pub fn open(certificate: CertificateDer<'static>, key: &[u8]) -> Result<Authority, Problem> {
        let invalid = |what: &str| Problem::new(Code::CertificateInvalid, format!("the cluster's authority: {what}"));
        let cluster_id =
            authority_cluster(&certificate).ok_or_else(|| invalid("not a certificate that `init` made"))?;
        if !authority_is_intact(&certificate) {
            return Err(invalid("the certificate is damaged"));
        }
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(key), &PKCS_ECDSA_P256_SHA256)
            .map_err(|_| invalid("the private key is damaged"))?;
        if public_key(&certificate) != Some(key.subject_public_key_info()) {
            return Err(invalid("the private key is of another certificate"));
        }
        Ok(Authority { cluster_id, certificate, key })
    }

    /// The cluster whose nodes this authority certifies.
    #[must_use]
    pub fn cluster_id(&self) -> ClusterId {
        self.cluster_id
    }

    /// Its certificate: what the nodes trust.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// BLAKE3 of the certificate: what a join token pins.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        fingerprint(&self.certificate)
    }

    /// The private key, PKCS #8 DER, to be sealed at once.
    #[must_use]
    pub fn key(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.serialize_der())
    }

    /// Answers a request (PKCS #10 DER) with a certificate for server and client use.
    ///
    /// # Errors
    /// `BadRequest` when the request is damaged, not signed by its own key, of another kind of key, or an address is no
    /// address or lies in the identity zone; `TooLarge` past the limits; `CertificateInvalid` when the authority itself
    /// is out of its time.
    pub fn sign(&self, request: &[u8], grant: &Grant<'_>) -> Result<CertificateDer<'static>, Problem> {
        if request.len() > REQUEST_BYTES_MAX {
            let message =
                format!("the certificate request has {} bytes, {REQUEST_BYTES_MAX} are allowed", request.len());
            return Err(Problem::new(Code::TooLarge, message));
        }
        let refused = |what: &str| Problem::new(Code::BadRequest, format!("the certificate request {what}"));
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request))
            .map_err(|error| refused(&format!("cannot be accepted: {error}")))?;
        let key = request.public_key;
        if key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(refused("is not for an ECDSA P-256 key"));
        }
        let mut params = CertificateParams::default();
        set_validity(&mut params, grant.now, self.allowed_ttl(grant)?)?;
        set_names(&mut params, &format!("node-{}", grant.node_id))?;
        params.subject_alt_names = self.names(grant)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key).map_err(failed)?;
        Ok(params.signed_by(&key, &issuer).map_err(failed)?.der().clone())
    }

    fn allowed_ttl(&self, grant: &Grant<'_>) -> Result<Duration, Problem> {
        let left = validity(&self.certificate).and_then(|own| own.not_after.duration_since(grant.now).ok());
        match left {
            Some(left) if !left.is_zero() => Ok(grant.ttl.min(CERTIFICATE_TTL_MAX).min(left)),
            Some(_) | None => {
                Err(Problem::new(Code::CertificateInvalid, "the cluster's authority has expired and cannot sign")
                    .hint("check this node's clock; then rotate the authority with `exchequer cluster certificates`"))
            }
        }
    }

    fn names(&self, grant: &Grant<'_>) -> Result<Vec<SanType>, Problem> {
        if grant.addresses.len() > ADDRESSES_MAX {
            let message = format!("{} addresses for one node, {ADDRESSES_MAX} are allowed", grant.addresses.len());
            return Err(Problem::new(Code::TooLarge, message));
        }
        let mut names = vec![
            dns_name(&node_dns_name(self.cluster_id, grant.node_id))?,
            dns_name("localhost")?,
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
        ];
        for address in grant.addresses {
            if let Some(name) = address_name(address)?
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// The name under which an address is dialled; none for "all interfaces", which nobody can dial.
fn address_name(address: &str) -> Result<Option<SanType>, Problem> {
    let ip = match address.parse::<SocketAddr>() {
        Ok(socket) => Some(socket.ip()),
        Err(_) => address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok(),
    };
    if let Some(ip) = ip {
        return Ok((!ip.is_unspecified()).then_some(SanType::IpAddress(ip)));
    }
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) | None => address,
    };
    let bad = |what: &str| Problem::new(Code::BadRequest, format!("the address `{}` {what}", address.escape_debug()));
    let host = DnsName::try_from(host).map_err(|_| bad("has no usable host"))?;
    if in_zone(host.as_ref()) {
        // Such a name could stand for another node's identity.
        return Err(bad("lies in the zone reserved for the identities of nodes"));
    }
    dns_name(host.to_lowercase_owned().as_ref()).map(Some)
}

fn dns_name(name: &str) -> Result<SanType, Problem> {
    Ok(SanType::DnsName(name.try_into().map_err(failed)?))
}

fn set_names(params: &mut CertificateParams, common_name: &str) -> Result<(), Problem> {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let mut serial: [u8; 16] = super::random()?;
    // A serial number is a positive integer without a leading zero byte.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(())
}

fn set_validity(params: &mut CertificateParams, now: SystemTime, ttl: Duration) -> Result<(), Problem> {
    let moment = |span: Duration| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(span.as_secs());
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    match now.checked_add(ttl) {
        Some(end) if now >= DAY && end <= LATEST => {
            params.not_before = moment(now.saturating_sub(BACKDATED));
            params.not_after = moment(end);
            Ok(())
        }
        Some(_) | None => Err(Problem::new(Code::ClockOff, "this node's clock shows a year no certificate can carry")),
    }
}

fn failed(error: rcgen::Error) -> Problem {
    Problem::new(Code::Internal, format!("a certificate could not be made: {error}"))
}
