//! Making a node: `init` for the first one of a cluster, `join` for every other.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use exchequer_api::dto::{JoinReply, JoinRequest, Refusal};
use exchequer_api::people::{FACTOR_PURPOSE, PASSWORD_PURPOSE, password, totp};
use exchequer_domain::{ClusterId, Code, NodeId, Problem};
use exchequer_state::people::{Role, check_admin_name};
use exchequer_state::registry::{NodeVersion, check_address, check_name};
use exchequer_state::{Bootstrap, CreateAdmin, Field, FirstNode, Rejection};
use rand::TryRng;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::OwnerReport;
use crate::identity::{
    Authority, Contents, Credentials, Folder, Grant, Identity, JoinClient, JoinToken, Keyring, NodeKey, OperatorToken,
    fingerprint, handshake_problem,
};
use crate::recovery::FirstCommand;

/// The purpose under which the authority's key is sealed.
pub(crate) const AUTHORITY_KEY_PURPOSE: &str = "certificate authority key";
/// How long the first certificate is good; the node renews it long before.
pub(crate) const FIRST_CERTIFICATE_TTL: Duration = Duration::from_secs(90 * 86_400);
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What `init` needs.
#[derive(Debug, Clone)]
pub struct Init {
    /// The data folder; made if it is not there.
    pub data_dir: PathBuf,
    /// The first node's name.
    pub name: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// `host:port` at which clients will reach it.
    pub api_address: String,
    /// `host:port` at which peers will reach it.
    pub peer_address: String,
    /// Whether scratch values and test assets exist.
    pub sandbox: bool,
    /// The first admin, where there is to be one.
    pub owner: Option<Owner>,
}

/// The first admin.
#[derive(Clone)]
pub struct Owner {
    /// What is typed to sign in.
    pub name: String,
    /// Who it is.
    pub person: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").field("name", &self.name).field("person", &self.person).finish_non_exhaustive()
    }
}

/// What `init` made. The token is shown this once.
#[derive(Debug, Clone, Serialize)]
pub struct Initialised {
    /// The cluster.
    pub cluster_id: String,
    /// The first node's id.
    pub node_id: u64,
    /// The operator token.
    pub operator_token: String,
    /// The authority's fingerprint, which join tokens pin.
    pub ca_fingerprint: String,
    /// The data folder.
    pub data_dir: PathBuf,
    /// What the first admin signs in with beside the password.
    pub owner: Option<OwnerReport>,
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Problem::new(Code::Internal, format!("the system has no random numbers: {error}")))?;
    Ok(bytes)
}

/// BLAKE3 of a node's public key as its certificate has it. A renewed certificate of the same key has the same.
pub(crate) fn key_fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok((_, parsed)) => *blake3::hash(parsed.subject_pki.raw).as_bytes(),
        // Nothing in use comes here: certificates are read when they are made, and by every handshake.
        Err(_) => fingerprint(certificate).0,
    }
}

/// A refusal by the rules of the state, told before anything was done.
pub(crate) fn refused(rejection: &Rejection) -> Problem {
    let problem = rejection.problem();
    match rejection {
        Rejection::Invalid { .. } => problem.hint("correct the value and run the command again; nothing was changed"),
        _ => problem,
    }
}

/// Refuses what the state would refuse of a node once the server runs.
pub(crate) fn check_node(name: &str, api_address: &str, peer_address: &str) -> Result<(), Problem> {
    check_name(name, Field::NodeName)
        .and_then(|()| check_address(api_address, Field::ApiAddress))
        .and_then(|()| check_address(peer_address, Field::PeerAddress))
        .map_err(|rejection| refused(&rejection))
}

/// Makes the first node of a new cluster in an empty folder. The server makes the cluster when it starts.
///
/// # Errors
/// `FolderInitialised`, an address or name that cannot be used, I/O failures.
pub fn init(args: &Init) -> Result<Initialised, Problem> {
    check_node(&args.name, &args.api_address, &args.peer_address)?;
    check_name(&args.cluster_name, Field::ClusterName).map_err(|rejection| refused(&rejection))?;
    let cluster_id = ClusterId(random()?);
    let now = SystemTime::now();
    let authority = Authority::create(cluster_id, now)?;
    let keyring = Keyring::generate(cluster_id)?;
    let operator_token = OperatorToken::generate()?;
    let key = NodeKey::generate()?;
    let node_id = NodeId(1);
    let addresses = [args.api_address.clone(), args.peer_address.clone()];
    let grant = Grant { node_id, addresses: &addresses, ttl: FIRST_CERTIFICATE_TTL, now };
    let certificate = authority.sign(&key.request()?, &grant)?;
    let bootstrap = Bootstrap {
        cluster_id,
        name: args.cluster_name.clone(),
        sandbox: args.sandbox,
        authority: exchequer_state::cluster::Authority {
            certificate_der: authority.certificate().to_vec(),
            sealed_key: keyring.seal(AUTHORITY_KEY_PURPOSE, &authority.key())?,
        },
        operator_token_hash: operator_token.hash().0,
        node: FirstNode {
            name: args.name.clone(),
            api_address: args.api_address.clone(),
            peer_address: args.peer_address.clone(),
            version: NodeVersion::of_this_program(),
            key_fingerprint: key_fingerprint(&certificate),
        },
    };
    let ca_fingerprint = authority.fingerprint().to_string();
    let contents = Contents {
        identity: Identity {
            cluster_id,
            lineage: 1,
            node_id,
            name: args.name.clone(),
            api_address: args.api_address.clone(),
            peer_address: args.peer_address.clone(),
            sandbox: args.sandbox,
        },
        credentials: Credentials { authorities: vec![authority.certificate().clone()], certificate, key },
        keyring,
    };
    let (owner, report) = match &args.owner {
        Some(owner) => {
            let (command, report) = first_owner(owner, &args.cluster_name, &contents.keyring)?;
            (Some(command), Some(report))
        }
        None => (None, None),
    };
    let first = match owner {
        Some(owner) => FirstCommand::BootstrapWithOwner(bootstrap, Box::new(owner)),
        None => FirstCommand::Bootstrap(bootstrap),
    };
    let bytes = postcard::to_stdvec(&first).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Folder::create(&args.data_dir, &contents, Some(&bytes))?;
    Ok(Initialised {
        cluster_id: cluster_id.to_string(),
        node_id: node_id.0,
        operator_token: operator_token.text().to_string(),
        ca_fingerprint,
        data_dir: args.data_dir.clone(),
        owner: report,
    })
}

/// The command that makes the first owner, and what its holder needs to sign in.
fn first_owner(owner: &Owner, cluster: &str, keyring: &Keyring) -> Result<(CreateAdmin, OwnerReport), Problem> {
    check_admin_name(&owner.name).map_err(|rejection| refused(&rejection))?;
    password::check(&owner.password, &owner.name)?;
    let secret = totp::Secret::draw()?;
    let (recovery_codes, recovery) = totp::draw_recovery()?;
    let hash = password::hash(&owner.password, password::Cost::FULL)?;
    let command = CreateAdmin {
        name: owner.name.clone(),
        person: owner.person.clone(),
        roles: vec![Role::Owner],
        ranges: Vec::new(),
        password: keyring.seal(PASSWORD_PURPOSE, &hash)?,
        must_change: false,
        totp: Some(keyring.seal(FACTOR_PURPOSE, secret.bytes())?),
        recovery,
        reason: "the first owner, made by init".to_owned(),
    };
    let (name, uri) = (owner.name.clone(), secret.uri(cluster, &owner.name).to_string());
    Ok((command, OwnerReport { name, secret: secret.text().to_string(), uri, recovery_codes }))
}

/// What `join` needs.
#[derive(Debug, Clone)]
pub struct Join {
    /// `host:port` of the API of any node of the cluster.
    pub address: String,
    /// The join token.
    pub token: String,
    /// The data folder; made if it is not there.
    pub data_dir: PathBuf,
    /// The new node's name.
    pub name: String,
    /// `host:port` at which clients will reach it.
    pub api_address: String,
    /// `host:port` at which peers will reach it.
    pub peer_address: String,
    /// The node whose place it takes.
    pub replaces: Option<u64>,
}

/// What `join` made.
#[derive(Debug, Clone, Serialize)]
pub struct Joined {
    /// The cluster.
    pub cluster_id: String,
    /// The new node's id.
    pub node_id: u64,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// Enters a cluster: shows the token, gets an id, a certificate and the keyring, and writes the folder.
///
/// # Errors
/// `FolderInitialised`, `AuthorityMismatch` where the address is not the cluster's, the token's problems, I/O failures.
pub async fn join(args: &Join) -> Result<Joined, Problem> {
    check_node(&args.name, &args.api_address, &args.peer_address)?;
    // Before the token is spent.
    Folder::expect_unused(&args.data_dir)?;
    let token = JoinToken::parse(&args.token)?;
    let key = NodeKey::generate()?;
    let client = JoinClient::new(token.authority)?;
    let request = JoinRequest {
        token: args.token.clone(),
        name: args.name.clone(),
        api_address: args.api_address.clone(),
        peer_address: args.peer_address.clone(),
        certificate_request: BASE64.encode(key.request()?),
        release: NodeVersion::of_this_program().release,
        logic: NodeVersion::of_this_program().logic,
        replaces: args.replaces,
    };
    let reply = ask(&client, &args.address, &request).await?;
    let malformed = |what: &str| Problem::new(Code::BadRequest, format!("the cluster's answer has no usable {what}"));
    let der = |text: &str| BASE64.decode(text).map(CertificateDer::from).map_err(|_| malformed("certificate"));
    let cluster_id: ClusterId = reply.cluster_id.parse().map_err(|_| malformed("cluster id"))?;
    let node_id = NodeId(reply.node_id);
    let contents = Contents {
        identity: Identity {
            cluster_id,
            lineage: reply.lineage,
            node_id,
            name: args.name.clone(),
            api_address: args.api_address.clone(),
            peer_address: args.peer_address.clone(),
            sandbox: reply.sandbox,
        },
        credentials: Credentials {
            authorities: reply.authorities.iter().map(|text| der(text)).collect::<Result<_, _>>()?,
            certificate: der(&reply.certificate)?,
            key,
        },
        keyring: Keyring::from_text(&reply.keyring)?,
    };
    contents.credentials.check(cluster_id, node_id)?;
    Folder::create(&args.data_dir, &contents, None)?;
    Ok(Joined { cluster_id: cluster_id.to_string(), node_id: node_id.0, data_dir: args.data_dir.clone() })
}

async fn ask(client: &JoinClient, address: &str, request: &JoinRequest) -> Result<JoinReply, Problem> {
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(client.config())
        .timeout(JOIN_TIMEOUT)
        .no_proxy()
        .build()
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let url = format!("https://{address}/v1/cluster/join");
    let answer = http.post(url).json(request).send().await.map_err(|error| {
        handshake_problem(&error)
            .unwrap_or_else(|| Problem::new(Code::Unreachable, format!("{address} does not answer: {error}")))
    })?;
    let good = answer.status().is_success();
    let body = answer.bytes().await.map_err(|error| Problem::new(Code::Unreachable, error.to_string()))?;
    if good {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::new(Code::BadRequest, format!("the answer of {address} cannot be read: {error}")))
    } else {
        let refusal: Result<Refusal, _> = serde_json::from_slice(&body);
        Err(refusal.map_or_else(
            |_| Problem::new(Code::BadRequest, format!("{address} refused without saying why")),
            |refusal| refusal.error,
        ))
    }
}
