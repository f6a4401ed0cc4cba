//! The signer without its socket: one lock around everything that decides, so that of many who ask at once one is first.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exchequer_chains::{KeyPath, Scheme, Signed};
use exchequer_domain::{ChainAddress, Network, Timestamp};
use parking_lot::Mutex;

use crate::keys::{AccountXpub, AddressTag, KeyError, Keys};
use crate::policy::{self, Asked, Code, DecisionLog, Policy, SigningRequest, Verdict, judge};
use crate::record::{BodyHash, Feed, Memory};
use crate::sealed::{self, Opener, SealedError, Vault};
use crate::signer::SignerError;
use crate::signer::refusals::{check_clock, of_key, of_memory, sealed_now};
use crate::signer::standing::{OpenedBy, REQUESTS_PER_SECOND_MAX, Rate, Standing};

/// The longest JSON text of a request, in bytes: that of 500 inputs and 1,000 approved payments.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Where the signer has the time from.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;
/// The time since some moment, which nobody sets: rates are measured by it.
pub type Ticks = Box<dyn Fn() -> Duration + Send + Sync>;

/// A signature that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What is broadcast.
    pub signed: Signed,
    /// What must be committed before.
    pub record: Vec<u8>,
}

struct Open {
    vault: [u8; 16],
    generations: u32,
    keys: Keys,
    policy: Policy,
    memory: Memory,
}

struct State {
    decisions: DecisionLog,
    open: Option<Open>,
    openings: u64,
    opened_by: OpenedBy,
    rate: Rate,
}

/// The signer.
pub struct Core {
    folder: PathBuf,
    clock: Clock,
    ticks: Ticks,
    state: Mutex<State>,
    /// One passphrase is tried at a time: each takes much memory, and signing goes on meanwhile.
    opening: Mutex<()>,
}

impl Core {
    /// A signer over a vault's folder, sealed.
    ///
    /// # Errors
    /// There is no vault, or the decision log is broken.
    pub fn new(folder: &Path, clock: Clock) -> Result<Core, SignerError> {
        let began = Instant::now();
        Core::with_ticks(folder, clock, Box::new(move || began.elapsed()))
    }

    /// As [`Core::new`], with ticks of somebody's choosing.
    ///
    /// # Errors
    /// As there.
    pub fn with_ticks(folder: &Path, clock: Clock, ticks: Ticks) -> Result<Core, SignerError> {
        sealed::status(folder)?;
        let decisions = DecisionLog::open(folder)?;
        let rate = Rate::new(ticks());
        let state = Mutex::new(State { decisions, open: None, openings: 0, opened_by: OpenedBy::Nobody, rate });
        Ok(Core { folder: folder.to_owned(), clock, ticks, state, opening: Mutex::new(()) })
    }

    /// How it is.
    ///
    /// # Errors
    /// The vault's file does not read.
    pub fn standing(&self) -> Result<Standing, SignerError> {
        let status = sealed::status(&self.folder)?;
        let state = self.state.lock();
        let open = state.open.as_ref();
        Ok(Standing {
            sealed: open.is_none(),
            vault: status.vault,
            epoch: open.map_or(0, |open| open.memory.known().epoch),
            followed: open.map_or(0, |open| open.memory.known().followed),
            lineage: open.map_or(0, |open| open.memory.known().lineage),
            unread: open.map_or(0, |open| open.memory.known().unread()),
            policy: open.map_or(0, |open| open.policy.version),
            generations: open.map_or(0, |open| open.generations),
            decisions: state.decisions.last(),
            openings: state.openings,
            opened_by: state.opened_by,
        })
    }

    /// Opens the vault; `None` tries whatever lock needs nobody. One that is open already takes over what was changed since:
    /// a newer policy, a further seed; whatever refuses that leaves it open as it was.
    pub fn unseal(&self, opener: Option<&Opener<'_>>) -> Verdict {
        let _one = self.opening.lock();
        if let Err(verdict) = self.within_rate(&mut self.state.lock(), "unseal") {
            return verdict;
        }
        let vault = match opener {
            Some(opener) => sealed::open(&self.folder, opener),
            None => sealed::open_automatically(&self.folder),
        };
        let mut state = self.state.lock();
        let was_open = state.open.is_some();
        let verdict = match vault.map_err(SignerError::from).and_then(|vault| self.opened(&vault, &mut state.open)) {
            Ok(version) => {
                crate::copy::settle(&self.folder);
                state.openings += 1;
                state.opened_by = if opener.is_some() { OpenedBy::Somebody } else { OpenedBy::Automatic };
                let by = if opener.is_some() { "somebody" } else { "an automatic lock" };
                let done = if was_open { "read anew" } else { "opened" };
                Verdict::of(Code::Done, format!("the vault was {done} by {by}; policy {version} holds"))
            }
            Err(SignerError::Sealed(SealedError::NotAutomatic)) if was_open && opener.is_none() => {
                Verdict::of(Code::Done, "it was open")
            }
            Err(error) if sealed::has_former(&self.folder) => {
                let kept = "what was here before the copy came is kept as vault.sealed.former and policy.sealed.former";
                Verdict::refuse(Code::Sealed, format!("{error}; {kept}"))
            }
            Err(error) => Verdict::refuse(Code::Sealed, error.to_string()),
        };
        self.written(&mut state, "unseal", 0, None, verdict)
    }

    /// Reads everything that the vault's key vouches for. Gives the policy's version.
    fn opened(&self, vault: &Vault, open: &mut Option<Open>) -> Result<u64, SignerError> {
        let policy = policy::load(&self.folder, vault)?;
        for contradiction in policy.contradictions() {
            tracing::warn!(version = policy.version, "the policy contradicts itself: {contradiction}");
        }
        let keys = Keys::open(vault, &policy.all_params()?)?;
        let version = policy.version;
        match open {
            Some(open) if open.vault == vault.id() => {
                open.memory.use_policy(version)?;
                (open.generations, open.keys, open.policy) = (vault.generations(), keys, policy);
            }
            Some(open) => {
                let (present, copy) = (open.vault, vault.id());
                return Err(SealedError::OtherVault { present, copy }.into());
            }
            None => {
                let mut memory = Memory::open(&self.folder, vault.id(), vault.key())?;
                memory.use_policy(version)?;
                *open = Some(Open { vault: vault.id(), generations: vault.generations(), keys, policy, memory });
            }
        }
        Ok(version)
    }

    /// Forgets the keys. Signatures are refused until it is opened again.
    pub fn seal(&self) {
        self.state.lock().open = None;
    }

    /// Writes a decision down. One that cannot be written becomes a refusal: nobody acts on what nobody can read later.
    fn written(&self, state: &mut State, what: &str, epoch: u64, body: Option<&[u8; 32]>, verdict: Verdict) -> Verdict {
        let at = (self.clock)();
        if !verdict.code.is_signed() && verdict.code != Code::Done {
            tracing::warn!(what, epoch, code = verdict.code.as_str(), reason = verdict.reason, "refused");
        }
        match state.decisions.write(at, what, epoch, body, &verdict) {
            Ok(()) => verdict,
            Err(error) => Verdict::refuse(Code::Storage, error.to_string()),
        }
    }

    fn within_rate(&self, state: &mut State, what: &str) -> Result<(), Verdict> {
        let now = (self.ticks)();
        if state.rate.take(now) {
            return Ok(());
        }
        let verdict = Verdict::refuse(Code::Rate, format!("more than {REQUESTS_PER_SECOND_MAX} requests in a second"));
        // One line a second says that it happens; a line for each would be the flood's second effect.
        if !state.rate.tell(now) {
            return Err(verdict);
        }
        Err(self.written(state, what, 0, None, verdict))
    }

    /// Writes down what was refused before it came here.
    pub fn refused(&self, what: &str, code: Code, reason: &str) -> Verdict {
        let mut state = self.state.lock();
        match self.within_rate(&mut state, what) {
            Ok(()) => self.written(&mut state, what, 0, None, Verdict::refuse(code, reason)),
            Err(verdict) => verdict,
        }
    }

    /// Follows the committed log; gives where it is afterwards.
    ///
    /// # Errors
    /// The refusal: it is in the decision log.
    pub fn follow(&self, feed: Feed) -> Result<u64, Verdict> {
        let mut state = self.state.lock();
        self.within_rate(&mut state, "follow")?;
        let (epoch, now) = (feed.epoch, (self.clock)());
        let done = match &mut state.open {
            Some(open) => {
                let recorded = |decided: &_| policy::recorded(&open.policy, open.vault, decided);
                let before = open.memory.known().unread();
                let followed = open.memory.follow(feed, now, recorded);
                let known = open.memory.known();
                followed
                    .map(|()| (known.followed, known.unread(), known.unread().saturating_sub(before)))
                    .map_err(of_memory)
            }
            None => Err(sealed_now()),
        };
        let (followed, unread, more) =
            done.map_err(|verdict| self.written(&mut state, "follow", epoch, None, verdict))?;
        if more > 0 {
            let reason = format!(
                "the records of {more} signatures of the log are not by this vault's key ({unread} in all): they count as the log says them"
            );
            let verdict = self.written(&mut state, "follow", epoch, None, Verdict::of(Code::Done, reason));
            return if verdict.code == Code::Done { Ok(followed) } else { Err(verdict) };
        }
        Ok(followed)
    }

    /// Signs a transaction, or refuses. `time` is replicated time as whoever asks knows it.
    ///
    /// # Errors
    /// The refusal: it is in the decision log.
    pub fn sign(&self, unsigned: &[u8], request: &[u8], time: Option<Timestamp>) -> Result<(Verdict, Given), Verdict> {
        let mut state = self.state.lock();
        self.within_rate(&mut state, "sign")?;
        let mut told = Told { what: "sign".into(), epoch: 0, body: None };
        match self.decide(&mut state, unsigned, (request, time), &mut told) {
            Ok((code, given)) => {
                let verdict = Verdict::of(code, format!("transaction {}", given.signed.tx));
                let verdict = self.written(&mut state, &told.what, told.epoch, told.body.as_ref(), verdict);
                if verdict.code.is_signed() { Ok((verdict, given)) } else { Err(verdict) }
            }
            Err(verdict) => Err(self.written(&mut state, &told.what, told.epoch, told.body.as_ref(), verdict)),
        }
    }

    fn decide(
        &self,
        state: &mut State,
        unsigned: &[u8],
        (request, time): (&[u8], Option<Timestamp>),
        told: &mut Told,
    ) -> Result<(Code, Given), Verdict> {
        let Some(open) = &mut state.open else { return Err(sealed_now()) };
        if request.len() > REQUEST_BYTES_MAX {
            return Err(Verdict::refuse(Code::Malformed, format!("a request of {} bytes", request.len())));
        }
        let request: SigningRequest = serde_json::from_slice(request)
            .map_err(|error| Verdict::refuse(Code::Malformed, format!("the request does not read: {error}")))?;
        told.epoch = request.epoch;
        told.what = request.intent.as_str().to_owned();
        open.memory.admit(request.epoch).map_err(of_memory)?;
        let asked = Asked::read(&open.policy, request, unsigned)?;
        told.body = Some(asked.body);
        told.what = format!("{} on {}", told.what, asked.effects.network);
        let now = (self.clock)();
        check_clock(now, time)?;
        let judged = judge(&open.policy, &open.keys, open.memory.known(), open.vault, &asked, now)?;
        let (network, generation) = (asked.effects.network, asked.request.generation);
        // Remembered before anything is signed: a crash from here on leaves a signature that was remembered and not given.
        let record = open.memory.remember(&judged.record).map_err(of_memory)?;
        let mut signatures = Vec::with_capacity(asked.inputs.len());
        for input in &asked.inputs {
            signatures.push(open.keys.sign(network, generation, input).map_err(of_key)?);
        }
        let params = open.keys.params(network).map_err(of_key)?;
        // The signatures are verified with the addresses' keys before they leave.
        let signed = asked.unsigned.assemble(params, &signatures);
        let signed = signed.map_err(|error| Verdict::refuse(Code::Internal, error.to_string()))?;
        Ok((if judged.again { Code::SignedAgain } else { Code::Signed }, Given { signed, record }))
    }

    /// Whether a transaction was ever signed, as far as this signer knows.
    ///
    /// # Errors
    /// The refusal: it is in the decision log.
    pub fn was_signed(&self, body: &BodyHash) -> Result<bool, Verdict> {
        let mut state = self.state.lock();
        self.within_rate(&mut state, "was-signed")?;
        let done = state.open.as_ref().map(|open| open.memory.known().is_signed(body)).ok_or_else(sealed_now);
        done.map_err(|verdict| self.written(&mut state, "was-signed", 0, None, verdict))
    }

    fn with_keys<T>(&self, what: &str, act: impl FnOnce(&Keys) -> Result<T, KeyError>) -> Result<T, Verdict> {
        let mut state = self.state.lock();
        self.within_rate(&mut state, what)?;
        let done = match &state.open {
            Some(open) => act(&open.keys).map_err(of_key),
            None => Err(sealed_now()),
        };
        done.map_err(|verdict| self.written(&mut state, what, 0, None, verdict))
    }

    /// The address of a path, with its tag.
    ///
    /// # Errors
    /// The refusal: it is in the decision log.
    pub fn address(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
    ) -> Result<(ChainAddress, AddressTag), Verdict> {
        self.with_keys("address", |keys| keys.tagged_address(network, generation, path, scheme))
    }

    /// Checks a stored address.
    ///
    /// # Errors
    /// The refusal: it is in the decision log.
    pub fn verify_address(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
        address: &ChainAddress,
        tag: &AddressTag,
    ) -> Result<(), Verdict> {
        self.with_keys("verify-address", |keys| keys.verify_address(network, generation, path, scheme, address, tag))
    }

    /// Every account's extended public key.
    ///
    /// # Errors
    /// The refusal: it is in the decision log.
    pub fn xpubs(&self) -> Result<Vec<AccountXpub>, Verdict> {
        self.with_keys("xpubs", |keys| Ok(keys.xpubs()))
    }
}

/// What the decision log says of a request.
struct Told {
    what: String,
    epoch: u64,
    body: Option<[u8; 32]>,
}

/// Makes a memory for a vault, and a policy: what a new vault needs before it signs.
///
/// # Errors
/// There is a memory already, or the policy is refused.
pub fn prepare(folder: &Path, vault: &Vault, policy: &str, now: Timestamp) -> Result<(), SignerError> {
    crate::policy::install(folder, vault, policy)?;
    Ok(crate::record::recreate(folder, vault, now)?)
}

impl From<SealedError> for SignerError {
    fn from(error: SealedError) -> SignerError {
        SignerError::Sealed(error)
    }
}
