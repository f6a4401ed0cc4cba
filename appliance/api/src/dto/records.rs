//! The audit, the outcomes of commands, scratch values, and refusals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::directives::DirectiveSent;
use super::jobs::JobEnqueued;
use super::shapes::{Base64Text, CommandIdText, HashText, Moment, ProblemShape, UnitsText};

/// The body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// Code, message and hint.
    #[schemars(with = "ProblemShape")]
    pub error: exchequer_domain::Problem,
}

/// One record of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Replicated time.
    #[schemars(with = "Moment")]
    pub time: String,
    /// The log entry.
    pub index: u64,
    /// On whose behalf, such as `operator`, `admin ID` or `node ID`.
    pub actor: String,
    /// What was done, such as `set-setting`.
    pub action: String,
    /// To what.
    pub target: String,
    /// The numbers of this case.
    pub detail: String,
    /// Why; empty where none is asked for.
    pub reason: String,
    /// The hash of the record before.
    #[schemars(with = "HashText")]
    pub previous: String,
    /// The hash of this record.
    #[schemars(with = "HashText")]
    pub hash: String,
}

/// `GET /v1/audit`: the newest records that are asked for, or from a number on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// Oldest first.
    pub entries: Vec<AuditEntry>,
    /// The number of the last record there is.
    pub head: u64,
    /// Where `after` was given and there is more to look through: what to give as `after` to go on.
    pub next_after: Option<u64>,
    /// Where `after` was not given and there is more to look through: what to give as `before` to go on.
    #[serde(default)]
    pub next_before: Option<u64>,
    /// How many records this answer looked through, at most 10,000; more than it holds where it looked for some of them.
    #[serde(default)]
    pub looked_through: u64,
}

/// `GET /v1/audit/verify`: the chain holds. A broken one is the refusal `EXQ-0606`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerified {
    /// How many records were checked, from the first one on.
    pub records: u64,
    /// The hash of the last one.
    #[schemars(with = "HashText")]
    pub hash: String,
}

/// `PUT /v1/scratch/{key}`. Sandbox clusters only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutScratch {
    /// Base64; at most 64 KiB when decoded.
    #[schemars(with = "Base64Text")]
    pub value: String,
    /// Refused unless the value is at this version; zero for one that must not exist.
    pub expect: Option<u64>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`PutScratch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScratchPut {
    /// The value's new version, from 1.
    pub version: u64,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `GET /v1/scratch/{key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScratchValue {
    /// Base64.
    #[schemars(with = "Base64Text")]
    pub value: String,
    /// From 1.
    pub version: u64,
}

/// `GET /v1/commands/{id}`: what became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandOutcome {
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: CommandResult,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum CommandResult {
    /// It took effect.
    Done {
        /// Its effect.
        effect: Effect,
    },
    /// It was refused and changed nothing.
    Rejected {
        /// Why.
        #[schemars(with = "ProblemShape")]
        error: exchequer_domain::Problem,
    },
}

/// What a command did to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderEffect {
    /// The market's number.
    pub market: u32,
    /// The order's number in the market.
    pub order: u64,
    /// Its client order id.
    pub client_order_id: String,
    /// Whether it can still trade.
    pub open: bool,
    /// What of it was traded when the command ended, in lots.
    #[schemars(with = "UnitsText")]
    pub executed_lots: String,
}

/// The effect of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
    /// The cluster exists.
    Bootstrapped {
        /// The first node's id.
        node: u64,
    },
    /// A setting was changed.
    SettingChanged {
        /// The revision that the change made.
        revision: u64,
    },
    /// Settings were reverted.
    SettingsReverted {
        /// The latest revision afterwards.
        revision: u64,
        /// How many settings changed.
        changed: u32,
    },
    /// A join token was made.
    JoinTokenCreated {
        /// It cannot be used from this moment on.
        #[schemars(with = "Moment")]
        expires_at: String,
    },
    /// A node was admitted.
    NodeAdmitted {
        /// Its id.
        node: u64,
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
        /// Its new version.
        version: u64,
    },
    /// Every node hashes its rows.
    DigestRequested {
        /// As of this entry.
        index: u64,
    },
    /// Newer rules hold.
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
        asset: u32,
    },
    /// A user was created.
    UserCreated {
        /// Its number.
        user: u64,
    },
    /// Users were created, with consecutive numbers.
    UsersCreated {
        /// The number of the first.
        first: u64,
        /// How many.
        count: u32,
    },
    /// A user is as asked.
    UserUpdated {
        /// Whether anything was different before.
        changed: bool,
    },
    /// Accounts were asked for.
    Accounts {
        /// One for each, in their order.
        outcomes: Vec<LedgerOutcome>,
    },
    /// Transfers were asked for, each by itself or all together.
    Transfers {
        /// One for each, in their order.
        outcomes: Vec<LedgerOutcome>,
    },
    /// A transfer is posted.
    Transfer {
        /// Now or before.
        outcome: LedgerOutcome,
    },
    /// An API key was made.
    ApiKeyCreated {
        /// Its number.
        id: u32,
    },
    /// An API key does not work any more.
    ApiKeyRevoked,
    /// A market was made.
    MarketCreated {
        /// Its number.
        market: u32,
    },
    /// A market has other filters, another circuit breaker or another reference price.
    MarketConfigured,
    /// A market is in this phase.
    MarketPhase {
        /// Its name.
        phase: String,
    },
    /// Orders were entered, changed or ended.
    Orders {
        /// Those orders.
        orders: Vec<OrderEffect>,
        /// How often they traded at once.
        trades: usize,
        /// Why an order that was to take another one's place was refused.
        #[schemars(with = "Option<ProblemShape>")]
        error: Option<exchequer_domain::Problem>,
    },
    /// The dead man's switch is set, or off.
    SwitchSet {
        /// When it falls.
        #[schemars(with = "Option<Moment>")]
        at: Option<String>,
    },
    /// Workers are as asked.
    WorkersChanged {
        /// How many were different before.
        changed: u32,
    },
    /// Steps of workers were told.
    WorkersStepped {
        /// How many are in the registry.
        taken: usize,
        /// How many could not happen.
        refused: usize,
    },
    /// Reports of workers were taken.
    WorkersReported {
        /// The workers whose reports were not.
        passed_over: Vec<String>,
    },
    /// Workers of a kind have their number.
    WorkersScaled {
        /// How many were to run before.
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
    /// Jobs were entered into queues.
    JobsEnqueued {
        /// One for each, in their order.
        jobs: Vec<JobEnqueued>,
    },
    /// A worker took jobs.
    JobsLeased {
        /// Their numbers.
        jobs: Vec<u64>,
    },
    /// Jobs were changed, each by itself.
    Jobs {
        /// One for each, in their order.
        outcomes: Vec<Each>,
    },
    /// A queue is as asked.
    QueueConfigured,
    /// Directives were sent.
    DirectivesSent {
        /// One for each, in their order.
        directives: Vec<DirectiveSent>,
    },
    /// The leader has to deliver directives.
    DirectivesDispatched {
        /// Their numbers.
        directives: Vec<u64>,
    },
    /// Directives were changed, each by itself.
    Directives {
        /// One for each, in their order.
        outcomes: Vec<Each>,
    },
    /// It is decided what becomes of a directive.
    DirectiveReviewed,
    /// The exchange is stopped.
    EmergencyStopped {
        /// Since when.
        #[schemars(with = "Moment")]
        since: String,
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
        number: u64,
    },
    /// Maintenance is over, or called off.
    MaintenanceEnded,
    /// The operation waits for approval.
    Proposed {
        /// The proposal's number.
        proposal: u64,
        /// How many others must approve it.
        needed: u8,
        /// It cannot be approved from this moment on.
        #[schemars(with = "Moment")]
        expires_at: String,
    },
    /// The approval counts.
    Approved {
        /// The proposal's number.
        proposal: u64,
        /// How many persons have approved it.
        approvals: u8,
        /// How many must.
        needed: u8,
        /// Whether it was carried out.
        executed: bool,
        /// Why it was refused when it would have been carried out.
        #[schemars(with = "Option<ProblemShape>")]
        error: Option<exchequer_domain::Problem>,
    },
    /// The proposal was rejected or taken back.
    ProposalEnded,
    /// There is a new approval key, which counts when another person has confirmed it.
    ApprovalKeyEnrolled {
        /// Its number.
        key: u32,
    },
    /// The approval key counts.
    ApprovalKeyConfirmed {
        /// Whether the two-person rule is in force.
        in_force: bool,
    },
    /// The approval key does not count any more.
    ApprovalKeyRevoked,
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
    /// A consumer of events is at this offset.
    ConsumerCommitted {
        /// As asked.
        offset: u64,
    },
    /// A consumer of events is gone.
    ConsumerRemoved,
    /// Events were made.
    EventsMade {
        /// The number of the last one.
        last: u64,
    },
    /// There is a new wallet.
    WalletRegistered {
        /// Its number.
        wallet: u32,
    },
    /// A wallet is not used any more.
    WalletRetired,
    /// Deposit addresses are in the pool.
    AddressesStocked {
        /// The index that is stocked next.
        next: u32,
    },
    /// A user has this deposit address.
    AddressAllocated {
        /// The address.
        address: String,
        /// Its index in the pool.
        index: u32,
        /// Whether it is a new one.
        new: bool,
    },
    /// An asset is listed on a network.
    AssetListed {
        /// The listing's version.
        version: u32,
    },
    /// A reference price is as asked.
    PriceSet,
    /// What was missed in a block is in the books.
    MissedCommitted {
        /// So many payments.
        taken: u32,
    },
    /// Blocks of a network are committed.
    BlocksCommitted {
        /// The height up to which the network is scanned.
        height: u64,
    },
    /// A network is scanned up to an earlier block again.
    BlocksRewound {
        /// The height of that block.
        height: u64,
    },
    /// A network stands still until persons decide.
    ChainHalted,
    /// A network that stood still goes on.
    ChainResumed,
    /// Payments that wait for a block are noted.
    PendingNoted,
    /// What gas is, and what there is of it, is noted.
    GasNoted,
    /// A comparison with a chain begins.
    BalancesBegun {
        /// Its number.
        run: u64,
    },
    /// What was read on a chain is judged.
    BalancesJudged,
    /// A comparison with a chain is over.
    BalancesReconciled {
        /// Whether everything that could be judged holds.
        holds: bool,
    },
    /// A discrepancy is explained, adjusted or closed.
    DiscrepancyMoved,
    /// A network pays out again.
    PaymentsResumed,
    /// What is to be swept is noted.
    SweepsPlanned,
    /// Why something is not swept is noted.
    SweepsExplained,
    /// It is decided whose a deposit is.
    SuspenseAssigned,
    /// A withdrawal is asked for.
    WithdrawalRequested {
        /// Its number.
        withdrawal: u64,
        /// Where it stands.
        stage: String,
        /// Whether this command asked for it, not an earlier one of the same name.
        first: bool,
    },
    /// A withdrawal has moved.
    WithdrawalMoved {
        /// Where it stands.
        stage: String,
    },
    /// A payout is decided.
    PayoutPrepared {
        /// Its number.
        payout: u64,
        /// The number of its attempt.
        attempt: u16,
    },
    /// The hot wallet has too little in the books; the withdrawals wait.
    PayoutWaits {
        /// Whether it is the network's coin for the fee.
        gas: bool,
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
    /// A payout has moved.
    PayoutMoved {
        /// Where it stands.
        stage: String,
    },
    /// There is another withdrawal policy.
    WithdrawalPolicySet {
        /// Its version.
        version: u32,
    },
    /// An address book is as asked.
    AddressBookChanged,
    /// There is a new admin.
    AdminCreated {
        /// Its number.
        admin: u32,
    },
    /// An admin is as asked.
    AdminUpdated {
        /// Whether anything was different before.
        changed: bool,
    },
    /// Somebody signs in with something else.
    CredentialsSet,
    /// Somebody has signed in.
    SessionOpened,
    /// What a node saw is put down.
    PutDown,
    /// A session has shown its second factor again.
    SteppedUp,
    /// Sessions ended.
    SessionsClosed {
        /// How many.
        count: u32,
    },
}

/// What became of one of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Each {
    /// Why nothing became of it; none where it took effect.
    #[schemars(with = "Option<ProblemShape>")]
    pub error: Option<exchequer_domain::Problem>,
}

/// What the ledger made of an account or a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum LedgerOutcome {
    /// The account is new.
    AccountOpened {
        /// Its number.
        account: u32,
    },
    /// The account was there.
    AccountExists {
        /// Its number.
        account: u32,
    },
    /// The transfer was posted.
    Posted {
        /// The number of its first posting.
        first: u64,
        /// How many postings it has.
        postings: u8,
    },
    /// The transfer was posted before.
    Exists {
        /// The number of its first posting.
        first: u64,
        /// How many postings it has.
        postings: u8,
        /// When it was posted.
        #[schemars(with = "Moment")]
        time: String,
    },
    /// Several transfers were posted.
    Bulk {
        /// One for each, in their order.
        outcomes: Vec<LedgerOutcome>,
    },
    /// It was refused.
    Rejected {
        /// Why.
        #[schemars(with = "ProblemShape")]
        error: exchequer_domain::Problem,
    },
}
