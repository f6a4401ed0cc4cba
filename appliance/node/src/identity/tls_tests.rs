//! Real handshakes over an in-memory connection: who gets in, who does not, and with which problem.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use exchequer_domain::{ClusterId, Code, Digest, NodeId, Problem};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rustls::version::TLS12;
use rustls::{ClientConfig, ProtocolVersion, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::fixtures::{CLUSTER, DAY, OTHER_CLUSTER, authority, credentials, credentials_from};
use super::{Authority, JoinClient, JoinToken, NodeKey, TlsStore, api_client, handshake_problem, peer_identity};

/// What the server saw of an accepted connection.
#[derive(Debug, PartialEq, Eq)]
struct Accepted {
    peer: Option<(ClusterId, NodeId)>,
    version: Option<ProtocolVersion>,
    alpn: Option<Vec<u8>>,
}

async fn serve(config: Arc<ServerConfig>, connection: DuplexStream) -> io::Result<Accepted> {
    let mut stream = TlsAcceptor::from(config).accept(connection).await?;
    stream.read_u8().await?;
    stream.write_u8(1).await?;
    stream.flush().await?;
    let session = stream.get_ref().1;
    Ok(Accepted {
        peer: session.peer_certificates().and_then(|chain| chain.first()).and_then(peer_identity),
        version: session.protocol_version(),
        alpn: session.alpn_protocol().map(<[u8]>::to_vec),
    })
}

async fn call(config: Arc<ClientConfig>, name: ServerName<'static>, connection: DuplexStream) -> io::Result<()> {
    let mut stream = TlsConnector::from(config).connect(name, connection).await?;
    stream.write_u8(1).await?;
    stream.flush().await?;
    stream.read_u8().await.map(|_| ())
}

/// One connection with a byte each way, so that both sides know of the other's verdict. The problems are those of the
/// server and of the client.
async fn connect(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> Result<Accepted, (Option<Problem>, Option<Problem>)> {
    let (left, right) = duplex(64 << 10);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (served, called) = tokio::join!(serve(Arc::clone(server), left), call(Arc::clone(client), name, right));
    match (served, called) {
        (Ok(accepted), Ok(())) => Ok(accepted),
        (served, called) => {
            let problem = |error: io::Error| handshake_problem(&error);
            Err((served.err().and_then(problem), called.err().and_then(problem)))
        }
    }
}

/// The code with which the client refused.
fn client_code<T>(result: Result<T, (Option<Problem>, Option<Problem>)>) -> Option<Code> {
    result.err().and_then(|(_, client)| client).map(|problem| problem.code)
}

/// The codes with which the server refused, and as which the client saw it.
fn codes<T>(result: Result<T, (Option<Problem>, Option<Problem>)>) -> Option<(Option<Code>, Option<Code>)> {
    result.err().map(|(server, client)| (server.map(|problem| problem.code), client.map(|problem| problem.code)))
}

fn store(authority: &Authority, node: u64) -> Arc<TlsStore> {
    let credentials = credentials(authority, node);
    TlsStore::new(authority.cluster_id(), NodeId(node), &credentials).unwrap()
}

const ANY_NAME: &str = "192.0.2.7";

/// Goal: two nodes of a cluster connect, whatever address is dialled, and the server learns who called.
#[tokio::test]
async fn the_right_peer_is_accepted() {
    let authority = authority(CLUSTER);
    let (one, two) = (store(&authority, 1), store(&authority, 2));
    let name = one.peer_name(NodeId(2)).unwrap();
    for name in [name.to_str().as_ref(), ANY_NAME] {
        let accepted = connect(&two.peer_server().unwrap(), &one.peer_client(NodeId(2)).unwrap(), name).await.unwrap();
        let version = Some(ProtocolVersion::TLSv1_3);
        assert_eq!(accepted, Accepted { peer: Some((CLUSTER, NodeId(1))), version, alpn: Some(b"h2".to_vec()) });
    }
}

/// Goal: a caller whose certificate another authority made is refused, though it names the same cluster; so is its
/// server. Method: an impostor made its own authority for the same cluster id.
#[tokio::test]
async fn an_impostor_is_refused() {
    let (one, impostor) = (store(&authority(CLUSTER), 1), store(&authority(CLUSTER), 2));
    // The impostor trusts whom it attacks, so that only the attacked side can refuse.
    let real = one.peer_server().unwrap();
    let mut attack = ClientConfig::clone(&impostor.peer_client(NodeId(1)).unwrap());
    let accept_all = Arc::new(super::verify::ServerVerifier::new(Gullible));
    attack.dangerous().set_certificate_verifier(accept_all);
    let refused = codes(connect(&real, &Arc::new(attack), ANY_NAME).await);
    assert_eq!(refused.map(|(server, _)| server), Some(Some(Code::AuthorityMismatch)));
    let refused = connect(&impostor.peer_server().unwrap(), &one.peer_client(NodeId(2)).unwrap(), ANY_NAME).await;
    assert_eq!(client_code(refused), Some(Code::AuthorityMismatch));
}

/// Accepts every server: what an attacker would do.
#[derive(Debug)]
struct Gullible;

impl super::verify::ServerRule for Gullible {
    fn accept(
        &self,
        _certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        _now: rustls_pki_types::UnixTime,
    ) -> Result<(), rustls::Error> {
        Ok(())
    }
}

/// Goal: the peer port lets nobody in without a certificate, nor with one that names no node, nor with old TLS.
#[tokio::test]
async fn the_peer_port_wants_a_node() {
    let authority = authority(CLUSTER);
    let server = store(&authority, 1).peer_server().unwrap();
    let bundle = [authority.certificate().clone()];
    let anonymous = Arc::new(api_client(&bundle).unwrap());
    assert!(codes(connect(&server, &anonymous, ANY_NAME).await).is_some());

    let (certificate, key) = nameless(&authority);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = |versions| {
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(super::verify::ServerVerifier::new(Gullible)))
            .with_client_auth_cert(vec![certificate.clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        client.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(client)
    };
    let refused = codes(connect(&server, &client(rustls::ALL_VERSIONS), ANY_NAME).await);
    assert_eq!(refused.map(|(server, _)| server), Some(Some(Code::CertificateInvalid)));
    assert!(codes(connect(&server, &client(&[&TLS12]), ANY_NAME).await).is_some());
}

/// A certificate that the authority's key signed, but that names no node.
fn nameless(authority: &Authority) -> (CertificateDer<'static>, KeyPair) {
    let ca_key = KeyPair::try_from(authority.key().as_slice()).unwrap();
    let issuer = Issuer::from_ca_cert_der(authority.certificate(), ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["proxy.example".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (params.signed_by(&key, &issuer).unwrap().der().clone(), key)
}

/// Goal: a caller that meant node 2 does not talk to node 3, even where the dialled name is in node 3's certificate.
#[tokio::test]
async fn another_node_at_the_address_is_refused() {
    let authority = authority(CLUSTER);
    let (one, three) = (store(&authority, 1), store(&authority, 3));
    let server = three.peer_server().unwrap();
    let refused = connect(&server, &one.peer_client(NodeId(2)).unwrap(), "localhost").await;
    assert_eq!(client_code(refused), Some(Code::WrongNode));
}

/// Goal: an expired certificate is refused from either side, and the client is told to look at the clocks.
#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = authority(CLUSTER);
    let expired = credentials_from(&authority, 2, SystemTime::now() - 2 * DAY);
    let expired = TlsStore::new(CLUSTER, NodeId(2), &expired).unwrap();
    assert!(expired.renewal_due(SystemTime::now(), 66));
    let one = store(&authority, 1);
    assert!(!one.renewal_due(SystemTime::now(), 66));
    let refused = connect(&expired.peer_server().unwrap(), &one.peer_client(NodeId(2)).unwrap(), ANY_NAME).await;
    let (_, problem) = refused.unwrap_err();
    let problem = problem.unwrap();
    assert!(problem.code == Code::CertificateInvalid && problem.hint.contains("clocks"), "{problem}");
    let refused = codes(connect(&one.peer_server().unwrap(), &expired.peer_client(NodeId(1)).unwrap(), ANY_NAME).await);
    assert_eq!(refused, Some((Some(Code::CertificateInvalid), Some(Code::CertificateInvalid))));
}

/// Goal: a reload takes effect with the next handshake, on settings that are in use. Method: node 1 moves to a new
/// authority; node 2 refuses it, trusts both, then only the new one; the same settings serve throughout.
#[tokio::test]
async fn a_reload_takes_effect_on_the_next_handshake() {
    let (old, new) = (authority(CLUSTER), authority(CLUSTER));
    let (one, two) = (store(&old, 1), store(&old, 2));
    let (server, client) = (two.peer_server().unwrap(), one.peer_client(NodeId(2)).unwrap());
    connect(&server, &client, ANY_NAME).await.unwrap();

    let both = vec![new.certificate().clone(), old.certificate().clone()];
    let mut first = credentials(&new, 1);
    first.authorities = both.clone();
    one.reload(&first).unwrap();
    let refused = codes(connect(&server, &client, ANY_NAME).await);
    assert_eq!(refused, Some((Some(Code::AuthorityMismatch), Some(Code::AuthorityMismatch))), "two knows only the old");

    let mut second = credentials(&old, 2);
    second.authorities = both;
    two.reload(&second).unwrap();
    connect(&server, &client, ANY_NAME).await.unwrap();

    two.reload(&credentials(&new, 2)).unwrap();
    connect(&server, &client, ANY_NAME).await.unwrap();
    let late = store(&old, 3);
    let refused = codes(connect(&server, &late.peer_client(NodeId(2)).unwrap(), ANY_NAME).await);
    assert_eq!(refused.and_then(|(_, client)| client), Some(Code::AuthorityMismatch), "the old one is out");

    let foreign = two.reload(&credentials(&new, 5)).map_err(|problem| problem.code);
    assert_eq!(foreign, Err(Code::CertificateInvalid));
    connect(&server, &client, ANY_NAME).await.unwrap();
}

/// Goal: the command line reaches any node of its cluster at any address, over either version of TLS, and no node of
/// another cluster; a server without a node's name is judged by the name dialled.
#[tokio::test]
async fn the_command_line_reaches_its_own_cluster() {
    let (own, other) = (authority(CLUSTER), authority(OTHER_CLUSTER));
    let client = Arc::new(api_client(&[own.certificate().clone()]).unwrap());
    let server = store(&own, 2).api_server().unwrap();
    let accepted = connect(&server, &client, ANY_NAME).await.unwrap();
    assert_eq!((accepted.peer, accepted.alpn), (None, Some(b"h2".to_vec())));
    let refused = connect(&store(&other, 2).api_server().unwrap(), &client, ANY_NAME).await;
    assert_eq!(client_code(refused), Some(Code::AuthorityMismatch));

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || ServerConfig::builder_with_provider(Arc::clone(&provider));
    let (certificate, key) = nameless(&own);
    let key = || PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let proxy = builder().with_protocol_versions(&[&TLS12]).unwrap().with_no_client_auth();
    let proxy = Arc::new(proxy.with_single_cert(vec![certificate], key()).unwrap());
    let accepted = connect(&proxy, &client, "proxy.example").await.unwrap();
    assert_eq!(accepted.version, Some(ProtocolVersion::TLSv1_2));
    assert_eq!(client_code(connect(&proxy, &client, "elsewhere.example").await), Some(Code::CertificateInvalid));
    assert_eq!(api_client(&[]).unwrap_err().code, Code::CertificateInvalid);
}

/// Goal: a joining node accepts exactly the cluster that its token pins, and then holds the authority's certificate.
#[tokio::test]
async fn a_join_pins_the_authority() {
    let authority = authority(CLUSTER);
    let token = JoinToken::parse(&JoinToken::generate(authority.fingerprint()).unwrap().text()).unwrap();
    let server = store(&authority, 1).api_server().unwrap();
    let join = JoinClient::new(token.authority).unwrap();
    assert_eq!(join.authority(), None);
    connect(&server, &Arc::new(join.config()), ANY_NAME).await.unwrap();
    assert_eq!(join.authority().as_ref(), Some(authority.certificate()));

    let mistaken = JoinClient::new(Digest([0; 32])).unwrap();
    let refused = connect(&server, &Arc::new(mistaken.config()), ANY_NAME).await;
    assert_eq!(client_code(refused), Some(Code::AuthorityMismatch));
    assert_eq!(mistaken.authority(), None);
}

/// Goal: showing the right authority is not enough, the server's own certificate must come from it and name a node of
/// it. Method: a man in the middle presents the true authority behind a certificate of his own making, and a stolen
/// certificate of something that is no node.
#[tokio::test]
async fn a_borrowed_authority_does_not_pass() {
    let (real, fake) = (authority(CLUSTER), authority(CLUSTER));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = NodeKey::generate().unwrap();
    let grant = super::Grant { node_id: NodeId(1), addresses: &[], ttl: DAY, now: SystemTime::now() };
    let forged = fake.sign(&key.request().unwrap(), &grant).unwrap();
    let (stolen, stolen_key) = nameless(&real);
    let stolen_key = PrivatePkcs8KeyDer::from(stolen_key.serialize_der()).into();
    for (certificate, key) in [(forged, key.to_tls()), (stolen, stolen_key)] {
        let chain = vec![certificate, real.certificate().clone()];
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let join = JoinClient::new(real.fingerprint()).unwrap();
        let refused = connect(&Arc::new(server), &Arc::new(join.config()), ANY_NAME).await;
        assert_eq!(client_code(refused), Some(Code::AuthorityMismatch));
        assert_eq!(join.authority(), None);
    }
}

/// Goal: a server that is out of its time is reported as such to a joining node, not as a false authority.
#[tokio::test]
async fn a_join_tells_expiry_from_forgery() {
    let authority = authority(CLUSTER);
    let expired = credentials_from(&authority, 1, SystemTime::now() - 2 * DAY);
    let server = TlsStore::new(CLUSTER, NodeId(1), &expired).unwrap().api_server().unwrap();
    let join = JoinClient::new(authority.fingerprint()).unwrap();
    let refused = connect(&server, &Arc::new(join.config()), ANY_NAME).await;
    assert_eq!(client_code(refused), Some(Code::CertificateInvalid));
}

/// Goal: a port that speaks no TLS is reported as such, not as a bad certificate; and an error that TLS had no part in
/// is not explained by it.
#[tokio::test]
async fn a_port_without_tls_is_told_apart() {
    let client = store(&authority(CLUSTER), 1).peer_client(NodeId(2)).unwrap();
    let (mut left, right) = duplex(1024);
    left.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let name = ServerName::try_from(ANY_NAME).unwrap();
    let error = call(client, name, right).await.unwrap_err();
    assert_eq!(handshake_problem(&error).map(|problem| problem.code), Some(Code::Unreachable));
    assert_eq!(handshake_problem(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
}
