//! What the authority puts into certificates, and what it refuses to sign.

use std::time::{Duration, SystemTime};

use exchequer_domain::{ClusterId, Code, NodeId, Problem};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;

use super::certificate::public_key;
use super::fixtures::{CLUSTER, DAY, OTHER_CLUSTER, authority, credentials};
use super::{Authority, CERTIFICATE_TTL_MAX, Grant, Keyring, NodeKey, peer_identity, validity};

fn grant(addresses: &[String]) -> Grant<'_> {
    Grant { node_id: NodeId(2), addresses, ttl: DAY, now: SystemTime::now() }
}

fn sign(authority: &Authority, addresses: &[&str]) -> Result<CertificateDer<'static>, Problem> {
    let addresses: Vec<String> = addresses.iter().map(|&address| address.to_owned()).collect();
    authority.sign(&NodeKey::generate().unwrap().request().unwrap(), &grant(&addresses))
}

/// The subject alternative names in a readable form.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let names = parsed.subject_alternative_name().unwrap().unwrap().value;
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => format!("{bytes:?}"),
        other => panic!("an unexpected kind of name: {other}"),
    };
    names.general_names.iter().map(text).collect()
}

/// Goal: a node cannot choose who it is. Method: a request that asks for node 1's name and for a CA certificate, which
/// the authority answers for node 2.
#[test]
fn the_names_in_a_request_are_ignored() {
    let authority = authority(CLUSTER);
    let key = KeyPair::generate().unwrap();
    let mut wish = CertificateParams::new(vec![super::node_dns_name(CLUSTER, NodeId(1))]).unwrap();
    wish.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let request = wish.serialize_request(&key).unwrap();
    let certificate = authority.sign(request.der(), &grant(&[])).unwrap();
    assert_eq!(peer_identity(&certificate), Some((CLUSTER, NodeId(2))));
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
    assert!(!parsed.is_ca());
    assert_eq!(parsed.subject().to_string(), "CN=node-2");
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth && !usage.any);
}

/// Goal: a certificate is good for every way to dial the node. Method: each spelling of an address, with repetitions.
#[test]
fn addresses_become_names() {
    let addresses =
        ["10.0.0.7:8641", "[fd00::7]:8640", "N2.Example:8641", "n2.example", "127.0.0.1:1", "0.0.0.0:8640", "[::]:1"];
    let certificate = sign(&authority(CLUSTER), &addresses).unwrap();
    let fd00 = "[253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]";
    let loopback = "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]";
    let own = format!("node-2.{CLUSTER}.exchequer");
    let expected = [&own, "localhost", "[127, 0, 0, 1]", loopback, "[10, 0, 0, 7]", fd00, "n2.example"];
    assert_eq!(names(&certificate), expected);
}

/// Goal: no address smuggles another node's identity, a wildcard or nonsense into a certificate.
#[test]
fn odd_addresses_are_refused() {
    let authority = authority(CLUSTER);
    let stolen = format!("node-1.{CLUSTER}.exchequer");
    let upper = format!("{}.:8640", stolen.to_uppercase());
    for address in [stolen.as_str(), &upper, "exchequer", "*.example", "*", "", ":8640", "a b", "a\0b", "ex,ample", "é"]
    {
        let refused = sign(&authority, &[address]).map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::BadRequest), "{address:?}");
    }
    let refused = sign(&authority, &["a.example"; 17]).map_err(|problem| problem.code);
    assert_eq!(refused, Err(Code::TooLarge));
}

/// Goal: only a sound request by the holder of a P-256 key is signed. Method: flip each byte (no change makes
/// the authority certify another key), cut at each length, an
/// oversized request, and a key of another curve.
#[test]
fn unsound_requests_are_refused() {
    let authority = authority(CLUSTER);
    let request = NodeKey::generate().unwrap().request().unwrap();
    let code = |request: &[u8]| authority.sign(request, &grant(&[])).map_err(|problem| problem.code);
    let key = public_key(&authority.sign(&request, &grant(&[])).unwrap());
    for position in 0..request.len() {
        let mut changed = request.clone();
        changed[position] ^= 0x01;
        match authority.sign(&changed, &grant(&[])) {
            Err(problem) => assert_eq!(problem.code, Code::BadRequest, "byte {position}"),
            // The wrapping around the signed part has more than one spelling; what was signed is the same.
            Ok(certificate) => assert_eq!(public_key(&certificate), key, "byte {position}"),
        }
        assert_eq!(code(&request[..position]), Err(Code::BadRequest), "cut at {position}");
    }
    assert_eq!(code(&[0x30; 5000]), Err(Code::TooLarge));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    assert_eq!(code(request.der()), Err(Code::BadRequest));
}

/// Goal: certificates are valid from an hour before now, as long as asked, never longer than allowed, and each has a serial
/// number of its own even for the same key.
#[test]
fn validity_and_serial_numbers() {
    let authority = authority(CLUSTER);
    let request = NodeKey::generate().unwrap().request().unwrap();
    let now = SystemTime::UNIX_EPOCH
        + Duration::from_secs(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    let signed = |ttl, now| authority.sign(&request, &Grant { ttl, now, ..grant(&[]) });
    let period = validity(&signed(DAY, now).unwrap()).unwrap();
    assert_eq!((period.not_before, period.not_after), (now - Duration::from_secs(3600), now + DAY));
    let long = validity(&signed(Duration::MAX, now).unwrap()).unwrap();
    assert_eq!(long.not_after, now + CERTIFICATE_TTL_MAX);
    let end = validity(authority.certificate()).unwrap().not_after;
    assert_eq!(validity(&signed(30 * DAY, end - DAY).unwrap()).unwrap().not_after, end);
    assert_eq!(signed(DAY, end).map_err(|problem| problem.code), Err(Code::CertificateInvalid));
    assert_ne!(signed(DAY, now).unwrap(), signed(DAY, now).unwrap());
    let unset_clock = Authority::create(CLUSTER, SystemTime::UNIX_EPOCH).unwrap_err();
    assert_eq!(unset_clock.code, Code::ClockOff);
}

/// Goal: the authority survives being sealed and opened, and goes on signing what its nodes accept.
#[test]
fn survives_sealing() {
    let made = authority(CLUSTER);
    let keyring = Keyring::generate(CLUSTER).unwrap();
    let sealed = keyring.seal("authority key", &made.key()).unwrap();
    let key = keyring.open("authority key", &sealed).unwrap();
    let opened = Authority::open(made.certificate().clone(), &key).unwrap();
    assert_eq!((opened.cluster_id(), opened.fingerprint()), (CLUSTER, made.fingerprint()));
    let mut node = credentials(&opened, 1);
    node.authorities = vec![made.certificate().clone()];
    node.check(CLUSTER, NodeId(1)).unwrap();
}

/// Goal: parts that do not belong together are refused. Method: another authority's key, a damaged key, a damaged
/// certificate, and a node's certificate in the authority's place.
#[test]
fn mixed_up_parts_are_refused() {
    let (made, other) = (authority(CLUSTER), authority(OTHER_CLUSTER));
    let code = |certificate: &CertificateDer<'static>, key: &[u8]| {
        Authority::open(certificate.clone(), key).map(|_| ()).map_err(|problem| problem.code)
    };
    let invalid = Err(Code::CertificateInvalid);
    assert_eq!(code(made.certificate(), &other.key()), invalid);
    assert_eq!(code(made.certificate(), b"key"), invalid);
    assert_eq!(code(&credentials(&made, 1).certificate, &made.key()), invalid);
    for position in 0..made.certificate().len() {
        let mut changed = made.certificate().to_vec();
        changed[position] ^= 0x01;
        assert_eq!(code(&changed.into(), &made.key()), invalid, "byte {position}");
    }
}

/// Goal: a certificate with two identities, or one in another spelling, identifies nobody. Method: certificates of an
/// authority that was made to sign such names.
#[test]
fn ambiguous_names_identify_nobody() {
    let name = |cluster: ClusterId, node| super::node_dns_name(cluster, NodeId(node));
    let with = |names: &[String]| {
        let key = KeyPair::generate().unwrap();
        CertificateParams::new(names.to_vec()).unwrap().self_signed(&key).unwrap().der().clone()
    };
    assert_eq!(peer_identity(&with(&["a.example".to_owned(), name(CLUSTER, 3)])), Some((CLUSTER, NodeId(3))));
    let odd: [&[String]; 6] = [
        &[],
        &[name(CLUSTER, 1), name(CLUSTER, 2)],
        &[name(CLUSTER, 1), name(OTHER_CLUSTER, 1)],
        &[format!("node-01.{CLUSTER}.exchequer")],
        &[format!("node-0.{CLUSTER}.exchequer")],
        &[name(CLUSTER, 1).to_uppercase()],
    ];
    for names in odd {
        assert_eq!(peer_identity(&with(names)), None, "{names:?}");
    }
    assert_eq!(peer_identity(&CertificateDer::from(vec![0x30, 0x00])), None);
}
