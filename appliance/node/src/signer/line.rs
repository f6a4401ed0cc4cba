//! The conversation with the signer of this node, and what is known of it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exchequer_api::backend::SignerView;
use exchequer_chains::{KeyPath, Scheme, SigningInput};
use exchequer_domain::{ChainAddress, Family, Network};
use exchequer_vault::keys::AddressTag;
use exchequer_vault::record::{Committed, Feed};
use exchequer_vault::signer::{Client, ClientError, SignerStatus, Standing};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::feed::{self, Fork, Next, Stretch};
use super::{socket_path, vault_folder};
use crate::supervisor::Ground;

/// Between two looks at whether there is something to feed.
const ROUND: Duration = Duration::from_millis(100);
/// How often the signer is asked how it is where there is nothing to feed.
const STATUS_EVERY: Duration = Duration::from_secs(2);
/// After a failure: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];
/// How long one answer may take. A feed of thousands of entries is synced to a disk.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the connection may take: the socket is on this machine.
const DIAL_PATIENCE: Duration = Duration::from_secs(2);
/// Addresses whose generation is remembered.
const GENERATIONS_KEPT: usize = 100_000;

/// How the signer of a node is. Its word travels to the other nodes: numbers are never used anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignerState {
    /// This node has no vault.
    Absent = 0,
    /// It has one, and no signer answers, or not as it should: also one that has followed further than this node's log goes.
    Silent = 1,
    /// The vault is sealed.
    Sealed = 2,
    /// It is open, and has not followed the log to its end.
    Behind = 3,
    /// It signs.
    Ready = 4,
}

impl SignerState {
    /// The state of this number; a number that is not known is no signer that helps.
    pub(crate) const fn of(number: u8) -> SignerState {
        match number {
            0 => SignerState::Absent,
            2 => SignerState::Sealed,
            3 => SignerState::Behind,
            4 => SignerState::Ready,
            _ => SignerState::Silent,
        }
    }

    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            SignerState::Absent => "absent",
            SignerState::Silent => "silent",
            SignerState::Sealed => "sealed",
            SignerState::Behind => "behind",
            SignerState::Ready => "ready",
        }
    }

    /// Whether it is open: what is missing it is fed.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, SignerState::Behind | SignerState::Ready)
    }
}

/// What is known of the signer.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) state: SignerState,
    /// What it said of itself last; it may be older than what was fed since.
    pub(crate) status: Option<SignerStatus>,
    /// What is wrong, for people; empty where nothing is.
    pub(crate) why: String,
}

/// Why the signer is of no use now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// No vault.
    #[error("this node has no vault")]
    Absent,
    /// The vault is sealed.
    #[error("the vault is sealed: `exchequer vault unseal` opens it")]
    Sealed,
    /// It is ahead.
    #[error("the signer is ahead of this node's log: after a restore, read first what is said of that in signer.md")]
    Ahead,
    /// It followed a log of which this one is no continuation.
    #[error(
        "the signer followed lineage {} of the log up to index {}, and this is lineage {}, which began at index {}: what was \
         committed in between is in no log, and some of it may have been paid. Read first what is said of that in signer.md",
        .0.followed, .0.to, .0.present, .0.began
    )]
    Forked(Fork),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Trouble {
        match error.code() {
            Some("sealed") => Trouble::Sealed,
            Some(_) | None => Trouble::Other(error.to_string()),
        }
    }
}

type Place = (Network, KeyPath, Scheme);

/// The one conversation that feeds.
#[derive(Default)]
struct Line {
    client: Option<Client>,
    standing: Option<Standing>,
    generations: HashMap<Place, u32>,
}

/// The signer beside this node.
pub(crate) struct LocalSigner {
    data: PathBuf,
    line: tokio::sync::Mutex<Line>,
    seen: Mutex<Seen>,
    /// Deposit addresses for which it has vouched.
    pub(super) vouched: Mutex<HashSet<(Family, u32, ChainAddress, AddressTag)>>,
}

async fn within<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    let silent = || ClientError::Unknown(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, call).await.unwrap_or_else(|_| Err(silent()))
}

impl LocalSigner {
    /// That of the node with this data folder.
    pub(crate) fn new(data: PathBuf) -> LocalSigner {
        let seen = Seen { state: SignerState::Absent, status: None, why: String::new() };
        LocalSigner { data, line: tokio::sync::Mutex::default(), seen: Mutex::new(seen), vouched: Mutex::default() }
    }

    /// What is known of it.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// The same for whoever asks the node how it is; none where there is no vault.
    pub(crate) fn view(&self) -> Option<SignerView> {
        let Seen { state, status, why } = self.seen();
        let standing = status.map(|status| status.standing).filter(|standing| !standing.sealed);
        let index = |place| exchequer_state::withdrawals::Place(place).index();
        (state != SignerState::Absent).then(|| SignerView {
            state: state.as_str(),
            followed: standing.as_ref().map(|standing| index(standing.followed)),
            epoch: standing.as_ref().map(|standing| index(standing.epoch)),
            policy: standing.as_ref().map(|standing| standing.policy),
            why,
        })
    }

    fn has_vault(&self) -> bool {
        vault_folder(&self.data).is_dir()
    }

    /// A conversation with the signer; whoever feeds waits for nobody who asks.
    async fn dial(&self, line: &mut Line) -> Result<Client, Trouble> {
        if !self.has_vault() {
            line.client = None;
            return Err(Trouble::Absent);
        }
        if let Some(client) = &line.client {
            return Ok(client.clone());
        }
        let dialled = tokio::time::timeout(DIAL_PATIENCE, Client::connect(&socket_path(&self.data))).await;
        let client = dialled.map_err(|_| Trouble::Other("the signer's socket does not answer".into()))??;
        Ok(line.client.insert(client).clone())
    }

    /// Feeds the signer whatever this node has applied and it does not know; gives a conversation with it.
    ///
    /// # Errors
    /// It is of no use now.
    pub(crate) async fn catch_up<G: Ground>(&self, ground: &G) -> Result<Client, Trouble> {
        let mut line = self.line.lock().await;
        let done = self.feed(ground, &mut line).await;
        if let Err(trouble) = &done {
            (line.client, line.standing) = (None, None);
            self.note(trouble);
        }
        done
    }

    async fn feed<G: Ground>(&self, ground: &G, line: &mut Line) -> Result<Client, Trouble> {
        let mut client = self.dial(line).await?;
        loop {
            // Taken out until the answer is there: whoever waits for it may give up, and what the signer has taken by then only it can say.
            let standing = match line.standing.take() {
                Some(standing) => standing,
                None => {
                    let status = within(client.status()).await?;
                    self.heard(&status);
                    if status.standing.sealed {
                        return Err(Trouble::Sealed);
                    }
                    status.standing
                }
            };
            let next = ground.rows(|state, rows| feed::next(state, rows, &standing));
            let next = next.map_err(|problem| Trouble::Other(problem.message))?;
            let stretch = match next.map_err(|halt| Trouble::Other(halt.to_string()))? {
                Next::Nothing => {
                    self.seen.lock().state = SignerState::Ready;
                    line.standing = Some(standing);
                    return Ok(client);
                }
                Next::Ahead => return Err(Trouble::Ahead),
                Next::Forked(fork) => return Err(Trouble::Forked(fork)),
                Next::Stretch(stretch) => stretch,
            };
            self.seen.lock().state = SignerState::Behind;
            let (lineage, epoch) = (stretch.lineage, stretch.epoch.max(standing.epoch));
            let feed = place_keys(&mut client, &mut line.generations, &standing, stretch).await?;
            let followed = within(client.follow(feed)).await?;
            let standing = Standing { lineage, followed, epoch, ..standing };
            if let Some(status) = &mut self.seen.lock().status {
                status.standing = standing.clone();
            }
            line.standing = Some(standing);
        }
    }

    /// Which generation of seeds has the keys of a transaction.
    ///
    /// # Errors
    /// No answer.
    pub(crate) async fn generation(
        &self,
        client: &mut Client,
        network: Network,
        inputs: &[SigningInput],
    ) -> Result<u32, Trouble> {
        let generations = self.seen.lock().status.as_ref().map_or(1, |status| status.standing.generations);
        let mut line = self.line.lock().await;
        Ok(generation(client, &mut line.generations, generations, network, inputs).await?)
    }

    /// Forgets where the signer was: it is asked before it is fed again.
    pub(crate) async fn forget(&self) {
        self.line.lock().await.standing = None;
    }

    /// A conversation with the signer, for what needs nothing of the log.
    ///
    /// # Errors
    /// It is of no use now.
    pub(crate) async fn talk(&self) -> Result<Client, Trouble> {
        let mut line = self.line.lock().await;
        self.dial(&mut line).await
    }

    /// Waits for an answer as long as one may take.
    ///
    /// # Errors
    /// As the call's, or none in time.
    pub(crate) async fn ask<T>(&self, call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        within(call).await
    }

    /// Asks the signer how it is.
    pub(crate) async fn look(&self) {
        let mut line = self.line.lock().await;
        let asked = async {
            let mut client = self.dial(&mut line).await?;
            Ok::<_, Trouble>(within(client.status()).await?)
        };
        match asked.await {
            Ok(status) => {
                self.heard(&status);
                if line.standing.as_ref().is_some_and(|known| known.followed != status.standing.followed) {
                    // It is another process than it was, or of another vault.
                    line.standing = None;
                }
                if status.standing.sealed {
                    line.standing = None;
                    self.note(&Trouble::Sealed);
                }
            }
            Err(trouble) => {
                (line.client, line.standing) = (None, None);
                self.note(&trouble);
            }
        }
    }

    fn heard(&self, status: &SignerStatus) {
        let mut seen = self.seen.lock();
        seen.why.clear();
        seen.status = Some(status.clone());
    }

    pub(super) fn note(&self, trouble: &Trouble) {
        let mut seen = self.seen.lock();
        seen.state = match trouble {
            Trouble::Absent => SignerState::Absent,
            Trouble::Sealed => SignerState::Sealed,
            // It signs nothing here: leadership goes to whichever node's signer does.
            Trouble::Ahead | Trouble::Forked(_) | Trouble::Other(_) => SignerState::Silent,
        };
        let why = match trouble {
            Trouble::Absent => String::new(),
            Trouble::Sealed | Trouble::Ahead | Trouble::Forked(_) | Trouble::Other(_) => trouble.to_string(),
        };
        if matches!(trouble, Trouble::Absent | Trouble::Other(_)) {
            seen.status = None;
        }
        if seen.why != why {
            tracing::warn!(state = seen.state.as_str(), why, "the signer of this node is of no use now");
            seen.why = why;
        }
    }
}

/// A stretch as it is fed, each decision with the generation whose keys will sign.
async fn place_keys(
    client: &mut Client,
    known: &mut HashMap<Place, u32>,
    standing: &Standing,
    stretch: Stretch,
) -> Result<Feed, Trouble> {
    let Stretch { lineage, epoch, after, to, pieces } = stretch;
    let mut entries = Vec::with_capacity(pieces.len());
    for mut piece in pieces {
        if let (Committed::Decided(decided), Some((network, inputs))) = (&mut piece.committed, &piece.keys) {
            decided.generation = generation(client, known, standing.generations, *network, inputs).await?;
        }
        entries.push((piece.place, piece.committed));
    }
    Ok(Feed { lineage, epoch, after, to, entries })
}

/// The generation whose key has the first address that is spent from: the newest one where none has it, which the signer refuses.
async fn generation(
    client: &mut Client,
    known: &mut HashMap<Place, u32>,
    generations: u32,
    network: Network,
    inputs: &[SigningInput],
) -> Result<u32, ClientError> {
    let Some(input) = inputs.first().filter(|_| generations > 1) else { return Ok(0) };
    let place = (network, input.key, input.scheme);
    if let Some(found) = known.get(&place) {
        return Ok(*found);
    }
    for one in (0..generations).rev() {
        match within(client.address(network, one, input.key, input.scheme)).await {
            Ok((address, _)) if address == input.address => {
                if known.len() >= GENERATIONS_KEPT {
                    known.clear();
                }
                known.insert(place, one);
                return Ok(one);
            }
            Ok(_) | Err(ClientError::Refused { .. }) => {}
            Err(error @ (ClientError::Unknown(_) | ClientError::Answer(_))) => return Err(error),
        }
    }
    Ok(generations - 1)
}

/// Feeds the signer for as long as the node runs, whether it leads or not.
pub(crate) async fn run<G: Ground>(ground: Arc<G>, signer: Arc<LocalSigner>) {
    let [first, longest] = PAUSES;
    let (mut pause, mut looked) = (first, Instant::now());
    let mut at = None;
    loop {
        tokio::time::sleep(ROUND).await;
        let target = ground.state(feed::target).ok();
        let open = signer.seen().state.is_open();
        if open && target == at && looked.elapsed() < STATUS_EVERY {
            continue;
        }
        if open && looked.elapsed() >= STATUS_EVERY {
            signer.look().await;
            looked = Instant::now();
        }
        match signer.catch_up(&*ground).await {
            Ok(_) => {
                at = target;
                pause = first;
            }
            Err(_) => {
                at = None;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}
