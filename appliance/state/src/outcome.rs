//! Outcomes: what became of a command. Codes and numbers only; texts are made where they are shown.

use exchequer_domain::{AdminId, BlockRef, ChainAddress, NodeId, Timestamp, UserId, WorkerId};
use exchequer_ledger as ledger;
use exchequer_ledger::Asset;
use exchequer_matching::Phase;
use serde::{Deserialize, Serialize};

use crate::api_keys::ApiKeyId;
use crate::apply::{Enqueued, Sent, Traded};
use crate::approvals::{ApprovalKeyId, ProposalId};
use crate::codec::{self, DecodeError};
use crate::custody::WalletId;
use crate::directives::{self, Dispatched};
use crate::jobs::{self, LeasedJob};
use crate::maintenance::WindowId;
use crate::markets::MarketId;
use crate::rejection::Rejection;
use crate::sweeps::SweepId;
use crate::withdrawals::{PayoutId, Stage, WithdrawalId};

/// What became of a command. The same id always gives the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It took effect.
    Done(Done),
    /// It was refused and changed nothing.
    Rejected(Rejection),
}

/// What became of one step of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stepped {
    /// It is in the registry.
    Taken,
    /// It cannot happen.
    Refused(Box<Rejection>),
}

/// The effect of a command. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// The cluster exists.
    Bootstrapped {
        /// The first node.
        node: NodeId,
    },
    /// A setting was changed.
    SettingChanged {
        /// The revision that the change made.
        revision: u64,
    },
    /// Settings were reverted.
    SettingsReverted {
        /// The global revision afterwards.
        revision: u64,
        /// How many settings changed; zero when all were as asked already.
        changed: u32,
    },
    /// A join token was made.
    JoinTokenCreated {
        /// It cannot be used from this moment on.
        expires_at: Timestamp,
    },
    /// A node was admitted.
    NodeAdmitted {
        /// Its id.
        node: NodeId,
    },
    /// A node's record is as asked.
    NodeUpdated {
        /// Whether anything was different before.
        changed: bool,
    },
    /// A node was removed.
    NodeRemoved,
    /// The cluster has a new certificate authority.
    AuthorityRotated,
    /// The cluster has a new operator token.
    OperatorTokenRotated,
    /// An action is on record.
    ActionRecorded {
        /// Its number in the audit.
        sequence: u64,
    },
    /// A scratch value was written.
    ScratchPut {
        /// Its new version, from 1.
        version: u64,
    },
    /// Every node hashes its rows.
    DigestRequested {
        /// As of this entry.
        index: u64,
    },
    /// Newer rules hold from the next command on.
    VersionRaised {
        /// The version of the rules.
        logic_version: u32,
    },
    /// A new lineage began.
    Reformed {
        /// How many nodes are members no more.
        removed: u32,
    },
    /// An asset was created.
    AssetCreated {
        /// Its number.
        asset: Asset,
    },
    /// A user was created.
    UserCreated {
        /// Its number.
        user: UserId,
    },
    /// Users were created, with consecutive numbers.
    UsersCreated {
        /// The number of the first.
        first: UserId,
        /// How many.
        count: u32,
    },
    /// A user is as asked.
    UserUpdated {
        /// Whether anything was different before.
        changed: bool,
    },
    /// Accounts were asked for; each has its own outcome here, in their order.
    Accounts(Vec<ledger::Outcome>),
    /// Transfers were asked for; each has its own outcome here, in their order.
    Transfers(Vec<ledger::Outcome>),
    /// Every transfer of a bulk is posted; each has its own effect here, in their order.
    Bulk(Vec<ledger::Done>),
    /// A transfer is posted, now or when its id was first used.
    Transfer(ledger::Done),
    /// There is a new API key.
    ApiKeyCreated {
        /// Its number.
        id: ApiKeyId,
    },
    /// The API key does not work any more.
    ApiKeyRevoked,
    /// There is a new market.
    MarketCreated {
        /// Its number.
        market: MarketId,
    },
    /// A market has other filters, another circuit breaker or another reference price.
    MarketConfigured,
    /// A market is in this phase.
    MarketPhase {
        /// The phase; trading may begin with an auction's trades.
        phase: Phase,
    },
    /// Orders were entered, changed or ended.
    Traded(Box<Traded>),
    /// An order ended, and another one was to take its place.
    Replaced {
        /// The order that ended, then the new one where it was accepted.
        traded: Box<Traded>,
        /// Why the new one was refused.
        refused: Option<exchequer_matching::Rejection>,
    },
    /// The dead man's switch is set, or off.
    SwitchSet {
        /// When it falls.
        at: Option<Timestamp>,
    },
    /// Jobs are entered; each has its own here, in their order.
    JobsEnqueued(Vec<Enqueued>),
    /// The worker has these jobs.
    JobsLeased(Vec<LeasedJob>),
    /// Each job has its own outcome here, in their order.
    Jobs(Vec<Result<(), jobs::Refusal>>),
    /// A queue is as asked.
    QueueConfigured,
    /// Workers are as asked.
    WorkersChanged {
        /// How many were different before.
        changed: u32,
    },
    /// Steps of workers were told; each has its own outcome here, in their order.
    WorkersStepped(Vec<Stepped>),
    /// Reports of workers were taken.
    WorkersReported {
        /// The workers whose reports were not.
        passed_over: Vec<WorkerId>,
    },
    /// A fleet has its size.
    WorkersScaled {
        /// How many workers were to run before.
        from: u16,
        /// How many are to run now.
        to: u16,
    },
    /// A program of workers is registered.
    WorkerBinaryRegistered,
    /// A program of workers is forgotten.
    WorkerBinaryForgotten,
    /// Workers run this program from their next start on.
    WorkerBinaryUsed {
        /// Whether they ran another one before.
        changed: bool,
    },
    /// The same was done to many workers, or taken back.
    WorkersBulk {
        /// The number of its record.
        bulk: u64,
        /// How many are different now.
        changed: u32,
    },
    /// Directives are sent; each has its own here, in their order.
    DirectivesSent(Vec<Sent>),
    /// The leader has to deliver these.
    DirectivesDispatched(Vec<Dispatched>),
    /// Each directive has its own outcome here, in their order.
    Directives(Vec<Result<(), directives::Refusal>>),
    /// It is decided what becomes of a directive.
    DirectiveReviewed,
    /// The exchange is stopped.
    EmergencyStopped {
        /// Since when.
        since: Timestamp,
        /// How many markets it made cancel-only.
        markets: u32,
    },
    /// The emergency is over.
    EmergencyResumed {
        /// How many markets reopen.
        markets: u32,
    },
    /// Maintenance is announced, or has begun.
    MaintenanceScheduled {
        /// Its number.
        window: WindowId,
    },
    /// Maintenance is over, or called off.
    MaintenanceEnded,
    /// A flag is as asked.
    FlagSet {
        /// Its version.
        version: u32,
    },
    /// A flag is gone.
    FlagRemoved,
    /// A secret is put.
    SecretPut {
        /// Its version.
        version: u32,
    },
    /// A secret is gone.
    SecretRemoved,
    /// A network is as asked.
    NetworkConfigured {
        /// Its version.
        version: u32,
    },
    /// An asset is switched as asked on a network.
    NetworkAssetConfigured,
    /// There is a new consumer of events.
    ConsumerAdded {
        /// Where it begins.
        offset: u64,
    },
    /// A consumer is at this offset.
    ConsumerCommitted {
        /// As asked.
        offset: u64,
    },
    /// A consumer is gone.
    ConsumerRemoved,
    /// Events were made.
    EventsMade {
        /// The number of the last one.
        last: u64,
    },
    /// There is a new admin.
    AdminCreated {
        /// Its number.
        admin: AdminId,
    },
    /// An admin is as asked.
    AdminUpdated {
        /// Whether anything was different before.
        changed: bool,
    },
    /// Somebody signs in with something else.
    CredentialsSet {
        /// The revision of the credentials.
        revision: u64,
    },
    /// Somebody has signed in.
    SessionOpened,
    /// It is put down that a session is in use.
    SessionTouched,
    /// A session has shown its second factor again.
    SteppedUp,
    /// Sessions ended.
    SessionsClosed {
        /// How many.
        count: u32,
    },
    /// A failed sign-in was counted.
    SignInFailureNoted,
    /// The operation waits for approval.
    Proposed {
        /// Its number.
        proposal: ProposalId,
        /// How many others must approve it.
        needed: u8,
        /// It cannot be approved from this moment on.
        expires: Timestamp,
    },
    /// The approval counts.
    Approved {
        /// Of which proposal.
        proposal: ProposalId,
        /// How many persons have approved it.
        approvals: u8,
        /// How many must.
        needed: u8,
        /// What came of it.
        execution: Execution,
    },
    /// The proposal was rejected or taken back.
    ProposalEnded,
    /// There is a new approval key, which counts when another person has confirmed it.
    ApprovalKeyEnrolled {
        /// Its number.
        key: ApprovalKeyId,
    },
    /// The approval key counts.
    ApprovalKeyConfirmed {
        /// Whether the two-person rule is in force.
        in_force: bool,
    },
    /// The approval key does not count any more.
    ApprovalKeyRevoked,
    /// There is a new wallet.
    WalletRegistered {
        /// Its number.
        wallet: WalletId,
    },
    /// The wallet is not used any more.
    WalletRetired,
    /// The addresses are in the pool.
    AddressesStocked {
        /// The index that is stocked next.
        next: u32,
    },
    /// The user has this address.
    AddressAllocated {
        /// The address.
        address: ChainAddress,
        /// Its index in the pool.
        index: u32,
        /// Whether it is a new one.
        new: bool,
    },
    /// The asset is listed as asked.
    AssetListed {
        /// The listing's version.
        version: u32,
    },
    /// The price is as asked.
    PriceSet,
    /// The withdrawal is asked for.
    WithdrawalRequested {
        /// Its number.
        withdrawal: WithdrawalId,
        /// Where it stands.
        stage: Stage,
        /// Whether this command asked for it, not an earlier one of the same name.
        first: bool,
    },
    /// A withdrawal has moved.
    WithdrawalMoved {
        /// Where it stands.
        stage: Stage,
    },
    /// A payout is decided.
    PayoutPrepared {
        /// Its number.
        payout: PayoutId,
        /// The number of its attempt.
        attempt: u16,
    },
    /// The hot wallet has too little in the books; the withdrawals wait.
    PayoutWaits {
        /// Whether it is the network's coin for the fee.
        gas: bool,
    },
    /// A payout has moved.
    PayoutMoved {
        /// Where it stands.
        stage: Stage,
    },
    /// There is another withdrawal policy.
    WithdrawalPolicySet {
        /// Its version.
        version: u32,
    },
    /// An address book is as asked.
    AddressBookChanged,
    /// The blocks are committed.
    BlocksCommitted {
        /// The last one whose payments are all known.
        tip: BlockRef,
    },
    /// The network is scanned up to an earlier block again.
    BlocksRewound {
        /// That block.
        tip: BlockRef,
    },
    /// The network stands still until persons decide.
    ChainHalted,
    /// The network goes on.
    ChainResumed,
    /// The payments are noted.
    PendingNoted,
    /// It is decided whose money it is.
    SuspenseAssigned,
    /// What gas is, and what there is of it, is put down.
    GasNoted,
    /// A run of reconciliation begins.
    BalancesBegun {
        /// Its number.
        run: crate::reconciliation::RunId,
    },
    /// Readings are judged.
    BalancesJudged {
        /// Those, by their place, of which nothing can be said yet: they are told again.
        waits: Vec<u16>,
    },
    /// A run of reconciliation is over.
    BalancesReconciled {
        /// Whether everything that could be judged holds.
        holds: bool,
    },
    /// A discrepancy is as persons want it.
    DiscrepancyMoved,
    /// The network pays out again.
    PaymentsResumed,
    /// What is to be swept is put down.
    SweepsPlanned {
        /// The plan of each wish; none where it does not fit where its plan stands.
        plans: Vec<Option<SweepId>>,
    },
    /// Why something is not swept is put down.
    SweepsExplained,
    /// What was missed in a block is in the books.
    MissedCommitted {
        /// So many payments.
        taken: u32,
    },
    /// The chain is said to be past every nonce that a payer was given: nothing is decided, and people are told.
    NoncePassed {
        /// The next one that would be given.
        next: u64,
        /// The next one as the chain has it.
        chain: u64,
    },
    /// A payer's next nonce is set.
    NonceSet {
        /// To this one.
        next: u64,
    },
}

/// What came of an approved operation. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Execution {
    /// It waits for more approvals.
    Waits,
    /// It was carried out.
    Done(Box<Done>),
    /// It was refused as things stand; nothing was changed, and the proposal is over.
    Refused(Box<Rejection>),
}

impl Outcome {
    /// The bytes that are remembered with the command's id and sent to the client.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads what [`Outcome::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are not an outcome, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Outcome, DecodeError> {
        codec::decode(bytes)
    }
}
