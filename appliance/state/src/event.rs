//! Events: what others act on after an entry was applied.
//!
//! Durable events are rows, numbered in `apply` from 1 without gaps, identical on every node. A request for a digest
//! concerns only the nodes that apply it and carries no number. Nor do orders and trades, whose own rows are the record;
//! what is told of them here is for those who watch now.

mod words;

use exchequer_domain::{
    AdminId, BlockRef, ChainAddress, CommandId, Network, NodeId, Timestamp, TxId, UserId, WorkerId, WorkerKind,
};
use exchequer_ledger::Asset;
use exchequer_matching::{Lots, Phase, Ticks, TradeId};
use serde::{Deserialize, Serialize};

use crate::approvals::{ApprovalKeyId, ProposalId};
use crate::attention::Concern;
use crate::cluster::Epoch;
use crate::codec::{self, DecodeError};
use crate::command::Actor;
use crate::custody::{WalletId, WalletRole};
use crate::deposits::{DepositId, DepositStage};
use crate::directives::{DirectiveId, DirectiveState};
use crate::emergency::Brake;
use crate::gas::GasLevel;
use crate::jobs::{JobId, QueueName};
use crate::maintenance::{Extent, WindowId};
use crate::markets::{Fill, MarketId, OrderRecord, TradeRecord};
use crate::people::Principal;
use crate::reconciliation::{Class, DiscrepancyId, Status};
use crate::rows::Table;
use crate::sweeps::{SweepId, SweepStage};
use crate::withdrawals::{Payer, PayoutId, Stage, WithdrawalId};
use crate::workers::{Desired, FailedBy, WorkerState};

/// What arose while an entry was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Numbered and kept.
    Durable {
        /// From 1, without gaps.
        sequence: u64,
        /// The same as the event's row.
        record: EventRecord,
    },
    /// Hash all rows as of this entry.
    DigestRequested {
        /// The entry.
        index: u64,
    },
    /// A trade was made; its row is the record for ever.
    Trade {
        /// In which market.
        market: MarketId,
        /// Its number there.
        id: TradeId,
        /// What was traded.
        record: Box<TradeRecord>,
    },
    /// An order was entered, has traded, was changed or is over.
    Order {
        /// The order as it is after this.
        record: Box<OrderRecord>,
        /// What happened to it.
        step: OrderStep,
    },
    /// A market is in another phase.
    Phase {
        /// Which market.
        market: MarketId,
        /// Which phase.
        phase: Phase,
    },
    /// Something was done in a market, once per entry and after everything else: its best prices as they are now.
    Book {
        /// Which market.
        market: MarketId,
        /// The highest bid.
        bid: Option<Best>,
        /// The lowest ask.
        ask: Option<Best>,
    },
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStep {
    /// It was accepted.
    Entered,
    /// What it waited for has come.
    Triggered,
    /// It traded.
    Traded {
        /// Its side of the trade.
        fill: Fill,
        /// Whether it came second.
        taker: bool,
    },
    /// Its owner changed it.
    Amended,
    /// A part of it was taken off because its owner would have traded with itself.
    Reduced,
    /// It is over, and no trade said so; its status says why. One that is measured in quote can be filled by this: what is
    /// left of it buys nothing.
    Ended,
}

/// The best price of one side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Best {
    /// The price.
    pub price: Ticks,
    /// What is shown there.
    pub lots: Lots,
}

/// The row of a durable event, under its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The entry it arose in.
    pub index: u64,
    /// Replicated time of that entry.
    pub time: Timestamp,
    /// The command that caused it; none where time or a leader's activation did.
    pub command: Option<CommandId>,
    /// On whose behalf that command was sent.
    pub actor: Option<Actor>,
    /// What happened.
    pub kind: EventKind,
}

/// How urgent something is for the people who run the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Somebody must act now.
    P1,
    /// Somebody must act today.
    P2,
    /// Somebody should know.
    P3,
    /// Money is at stake at this moment. Last, because it came last; nothing is more urgent.
    P0,
}

/// What happened. Variants are only ever appended; their names and fields are what consumers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The cluster was made.
    ClusterBootstrapped,
    /// A leader began its work.
    LeaderActivated(Epoch),
    /// A setting has a new value.
    SettingChanged {
        /// Of the setting.
        key: String,
        /// The change's revision.
        revision: u64,
    },
    /// A join token was made.
    JoinTokenCreated {
        /// Of the token.
        id: [u8; 8],
        /// It cannot be used from this moment on.
        expires_at: Timestamp,
    },
    /// A node was admitted.
    NodeAdmitted {
        /// That node.
        node: NodeId,
    },
    /// A node has other addresses, another version or another key.
    NodeUpdated {
        /// That node.
        node: NodeId,
    },
    /// A node was removed.
    NodeRemoved {
        /// That node.
        node: NodeId,
    },
    /// The cluster has a new certificate authority.
    AuthorityRotated,
    /// The cluster has a new operator token.
    OperatorTokenRotated,
    /// Something done outside the state was put on record.
    ActionRecorded {
        /// Its number in the audit.
        sequence: u64,
    },
    /// Newer rules hold.
    VersionRaised {
        /// The version of the rules.
        logic_version: u32,
    },
    /// An asset was created.
    AssetCreated {
        /// Its number.
        asset: Asset,
    },
    /// A user has another level, other fees, another label or another status.
    UserUpdated {
        /// That user.
        user: UserId,
    },
    /// A job failed for good, or its deadline passed.
    JobDiscarded {
        /// That job.
        job: JobId,
        /// Its queue.
        queue: QueueName,
    },
    /// A queue was paused, goes on, or has another rate.
    QueueConfigured {
        /// That queue.
        queue: QueueName,
    },
    /// There is a new worker.
    WorkerAdded {
        /// That worker.
        worker: WorkerId,
    },
    /// A worker is not there any more.
    WorkerRemoved {
        /// That worker.
        worker: WorkerId,
    },
    /// Something else is wanted of a worker.
    WorkerDesired {
        /// That worker.
        worker: WorkerId,
        /// What is wanted now.
        desired: Desired,
    },
    /// A worker's process is to be replaced.
    WorkerRestarted {
        /// That worker.
        worker: WorkerId,
        /// The generation that is wanted now.
        generation: u32,
    },
    /// A worker is in another state.
    WorkerMoved {
        /// That worker.
        worker: WorkerId,
        /// The state before.
        from: WorkerState,
        /// The state now.
        to: WorkerState,
    },
    /// A worker has failed and is not started any more.
    WorkerFailed {
        /// That worker.
        worker: WorkerId,
        /// What is wrong.
        why: FailedBy,
        /// How urgent that is.
        severity: Severity,
    },
    /// There shall be more or fewer workers of a kind.
    WorkersScaled {
        /// Of workers.
        kind: WorkerKind,
        /// Where.
        network: Option<Network>,
        /// How many there were to be.
        from: u16,
        /// How many there are to be.
        to: u16,
    },
    /// A program of workers was registered.
    WorkerBinaryRegistered {
        /// Its name.
        name: String,
    },
    /// Workers of a kind run another program from their next start on.
    WorkerBinaryUsed {
        /// Of workers.
        kind: WorkerKind,
        /// Where; none for every network of which nothing else is said.
        network: Option<Network>,
        /// Its name; none for the node's own.
        binary: Option<String>,
    },
    /// Nothing will become of a directive any more.
    DirectiveOver {
        /// That directive.
        directive: DirectiveId,
        /// How it ended.
        state: DirectiveState,
    },
    /// Nobody knows whether a directive was done.
    DirectiveNeedsReview {
        /// That directive.
        directive: DirectiveId,
    },
    /// Somebody stops the exchange; the steps follow in the same entry.
    EmergencyStopped {
        /// Who.
        by: Actor,
    },
    /// One of the brakes of an emergency holds.
    EmergencyStep {
        /// Which.
        brake: Brake,
    },
    /// The emergency is over.
    EmergencyResumed {
        /// Who asked for it.
        by: Actor,
    },
    /// Maintenance is announced.
    MaintenanceAnnounced {
        /// Its number.
        window: WindowId,
        /// What it is of.
        extent: Extent,
        /// When it begins.
        starts: Timestamp,
        /// When it ends; when somebody ends it, where there is none.
        ends: Option<Timestamp>,
    },
    /// Maintenance has begun.
    MaintenanceStarted {
        /// Its number.
        window: WindowId,
        /// What it is of.
        extent: Extent,
    },
    /// Maintenance is over, or was called off.
    MaintenanceEnded {
        /// Its number.
        window: WindowId,
        /// What it was of.
        extent: Extent,
        /// Whether somebody ended it before its time.
        early: bool,
    },
    /// A flag was made, changed or removed.
    FlagChanged {
        /// Its name.
        name: String,
    },
    /// A secret was put or removed.
    SecretChanged {
        /// Its name.
        name: String,
    },
    /// A network, or an asset on it, is configured otherwise.
    NetworkChanged {
        /// Which one.
        network: Network,
    },
    /// Made for trying things out.
    Made {
        /// Of those that one command made, from 1.
        number: u32,
        /// As much as was asked for.
        filling: String,
    },
    /// There is a new admin.
    AdminCreated {
        /// That admin.
        admin: AdminId,
    },
    /// An admin has other roles or addresses, or another status.
    AdminUpdated {
        /// That admin.
        admin: AdminId,
    },
    /// Somebody signs in with something else.
    CredentialsSet {
        /// Who.
        of: Principal,
    },
    /// An admin has signed in.
    SessionOpened {
        /// That admin.
        admin: AdminId,
    },
    /// Sessions were ended.
    SessionsClosed {
        /// Whose.
        of: Principal,
    },
    /// New sign-ins are refused after too many that failed.
    SignInsLocked {
        /// Whose.
        of: Principal,
        /// Until when.
        until: Timestamp,
    },
    /// An operation waits for approval.
    ProposalMade {
        /// Its number.
        proposal: ProposalId,
    },
    /// One person approved a proposal.
    ProposalApproved {
        /// Its number.
        proposal: ProposalId,
        /// Who.
        admin: AdminId,
    },
    /// A proposal is over.
    ProposalEnded {
        /// Its number.
        proposal: ProposalId,
        /// `executed`, `refused-at-execution`, `rejected`, `expired` or `revoked`.
        how: String,
    },
    /// An approval key was enrolled.
    ApprovalKeyEnrolled {
        /// Its number.
        key: ApprovalKeyId,
    },
    /// An approval key was confirmed.
    ApprovalKeyConfirmed {
        /// Its number.
        key: ApprovalKeyId,
    },
    /// An approval key was revoked.
    ApprovalKeyRevoked {
        /// Its number.
        key: ApprovalKeyId,
    },
    /// From now on critical operations need a second person.
    TwoPersonRuleInForce,
    /// A wallet was registered or retired.
    WalletChanged {
        /// That wallet.
        wallet: WalletId,
    },
    /// A user has a new deposit address.
    AddressAllocated {
        /// That user.
        user: UserId,
        /// For which network it was asked; it counts on all of the family.
        network: Network,
        /// Its index in the family's pool.
        index: u32,
    },
    /// An asset is listed on a network, or on other terms.
    ListingChanged {
        /// Which network.
        network: Network,
        /// Which asset.
        asset: Asset,
    },
    /// An asset has another reference price.
    PriceSet {
        /// Which asset.
        asset: Asset,
    },
    /// A withdrawal went an edge.
    WithdrawalMoved {
        /// Which.
        withdrawal: WithdrawalId,
        /// Whose.
        user: UserId,
        /// The stage before; none where it is new.
        from: Option<Stage>,
        /// The stage now.
        to: Stage,
        /// The transaction that ended it.
        tx: Option<TxId>,
    },
    /// A person must decide about a payout.
    PayoutNeedsReview {
        /// Which.
        payout: PayoutId,
        /// On which network.
        network: Network,
        /// What about.
        why: String,
        /// How urgent that is.
        severity: Severity,
    },
    /// A hot wallet has too little for what waits.
    HotWalletShort {
        /// On which network.
        network: Network,
        /// Of what is to be paid.
        asset: Asset,
        /// Whether it lacks the network's coin for the fee.
        gas: bool,
    },
    /// The chain has passed the nonces of a payer: somebody else uses its key.
    ForeignNonce {
        /// On which network.
        network: Network,
        /// Which payer.
        payer: Payer,
        /// The next nonce as the chain has it.
        nonce: u64,
    },
    /// A network took more than the books of the hot wallet hold.
    FeeUnbooked {
        /// For which payout.
        payout: PayoutId,
        /// Which network.
        network: Network,
        /// How much is not booked, in minor units of its coin.
        #[serde(with = "codec::digits")]
        amount: u128,
    },
    /// There is another withdrawal policy.
    WithdrawalPolicySet {
        /// Its version.
        version: u32,
    },
    /// A user's address book is different.
    AddressBookChanged {
        /// Whose.
        user: UserId,
    },
    /// A deposit was seen, or something became of it.
    DepositMoved {
        /// That deposit.
        deposit: DepositId,
        /// On which network.
        network: Network,
        /// Whose it is, or would be.
        user: Option<UserId>,
        /// What became of it.
        stage: DepositStage,
        /// How urgent that is, where it is.
        severity: Option<Severity>,
    },
    /// The ledger could not follow the chain with a deposit.
    DepositUnbooked {
        /// That deposit.
        deposit: DepositId,
        /// How urgent that is.
        severity: Severity,
    },
    /// A transaction moves what is the exchange's, and the exchange knows nothing of it.
    OwnUnknown {
        /// On which network.
        network: Network,
        /// That transaction.
        tx: TxId,
        /// How urgent that is.
        severity: Severity,
    },
    /// A chain was reorganised below what was settled: the network stands still.
    ChainHalted {
        /// Which network.
        network: Network,
        /// The last block in common, as the worker said.
        common: BlockRef,
        /// How urgent that is.
        severity: Severity,
    },
    /// A network that stood still goes on.
    ChainResumed {
        /// Which network.
        network: Network,
    },
    /// What gas there is lasts for more, or for less, than before.
    GasLevel {
        /// On which network.
        network: Network,
        /// Of which wallets: those that bring gas to addresses, or those that pay withdrawals.
        role: WalletRole,
        /// How pressing it is now.
        level: GasLevel,
    },
    /// Something was found that is not as it should be, or something became of it.
    DiscrepancyMoved {
        /// Which.
        discrepancy: DiscrepancyId,
        /// On which network; none where it is on none alone.
        network: Option<Network>,
        /// What it seems to be.
        class: Class,
        /// What became of it.
        status: Status,
        /// How urgent it is.
        severity: Severity,
    },
    /// Something is missing on a network: nothing is paid out there any more.
    OutflowStopped {
        /// Which network.
        network: Network,
        /// The discrepancy; zero where there are more than are kept.
        discrepancy: DiscrepancyId,
        /// How urgent that is.
        severity: Severity,
    },
    /// A network pays out again.
    OutflowResumed {
        /// Which network.
        network: Network,
    },
    /// A network was compared with its chain, as a whole or with something amiss.
    NetworkReconciled {
        /// Which network.
        network: Network,
        /// The run.
        run: u64,
        /// Whether everything that could be judged holds.
        holds: bool,
        /// Whether every deposit address was gone through.
        whole: bool,
    },
    /// A plan to sweep something has moved.
    SweepMoved {
        /// Which.
        sweep: SweepId,
        /// On which network.
        network: Network,
        /// Of what.
        asset: Asset,
        /// Where it stands.
        stage: SweepStage,
    },
    /// No block comes on a network any more: nothing leaves there before the next one.
    ChainSilent {
        /// Which network.
        network: Network,
        /// The last height that its nodes were at.
        head: u64,
        /// How urgent that is.
        severity: Severity,
    },
    /// A chain does not make a withdrawal's transfer: it would fail and is set aside, or it did nothing.
    WithdrawalHindered {
        /// Which.
        withdrawal: WithdrawalId,
        /// On which network.
        network: Network,
        /// Of what.
        asset: Asset,
        /// What the chain says.
        why: String,
        /// How urgent that is.
        severity: Severity,
    },
    /// A network takes more than may be paid: withdrawals wait there.
    FeesTooHigh {
        /// Which network.
        network: Network,
        /// How urgent that is.
        severity: Severity,
    },
    /// Somebody else signs with a key of the exchange's.
    KeyUsedElsewhere {
        /// On which network.
        network: Network,
        /// Whose key, where that is known.
        payer: Option<Payer>,
        /// The payout whose place the transaction took, where there is one.
        payout: Option<PayoutId>,
        /// By what that is known.
        why: String,
        /// How urgent that is.
        severity: Severity,
    },
    /// The exchange has less of an asset than it owes, or its books contradict themselves: nothing is paid out of that asset, or at
    /// all, any more.
    BooksStopped {
        /// Which asset; none where it is everything.
        asset: Option<Asset>,
        /// The discrepancy; zero where there are more than are kept.
        discrepancy: DiscrepancyId,
        /// How urgent that is.
        severity: Severity,
    },
    /// An asset, or everything, is paid out again.
    BooksResumed {
        /// Which asset; none where it is everything.
        asset: Option<Asset>,
    },
    /// A token's balances do not follow what its contract logs: it is halted on the network until a person lets it go on.
    TokenDoubted {
        /// On which network.
        network: Network,
        /// Which asset it is listed as.
        asset: Asset,
        /// The token.
        token: ChainAddress,
        /// What a worker saw, in words.
        why: String,
        /// How urgent that is.
        severity: Severity,
    },
    /// Something of money waits for people, or has waited longer than it should.
    AttentionNeeded {
        /// What is amiss.
        concern: Concern,
        /// On which network.
        network: Network,
        /// What it is about, such as `payout 7`.
        subject: String,
        /// Since when.
        since: Timestamp,
        /// How urgent that is.
        severity: Severity,
    },
    /// What waited for people does not any more.
    AttentionEnded {
        /// What was amiss.
        concern: Concern,
        /// On which network.
        network: Network,
        /// What it was about.
        subject: String,
    },
    /// A block was looked at again, and held what the scan had missed.
    DepositsFound {
        /// On which network.
        network: Network,
        /// The directive by which people wanted it.
        directive: DirectiveId,
        /// The block's height.
        height: u64,
        /// So many payments.
        found: u32,
    },
    /// Energy was lent to an address, and the network does not have it any more (TRON): somebody else took it back.
    LoanDoubted {
        /// On which network.
        network: Network,
        /// To which address it was lent.
        to: ChainAddress,
        /// How much of the stake, in sun.
        #[serde(with = "codec::digits")]
        sun: u64,
        /// How urgent that is.
        severity: Severity,
    },
    /// More of a stake is lent than the exchange has lent, or another amount than before; zero where that is over (TRON).
    StakeStrays {
        /// On which network.
        network: Network,
        /// Whose stake it is.
        payer: Payer,
        /// How much more, in sun.
        #[serde(with = "codec::digits")]
        sun: u64,
        /// How urgent that is.
        severity: Severity,
    },
}

/// The version of the shape in which kinds of events are told. A kind whose fields must change gets a successor.
pub const EVENT_SCHEMA: u16 = 1;

impl EventRecord {
    /// Reads the value of a row of [`Table::Event`].
    ///
    /// # Errors
    /// The bytes are not an event, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<EventRecord, DecodeError> {
        codec::decode(bytes)
    }
}

/// The key of the event with this number.
#[must_use]
pub fn key(sequence: u64) -> Vec<u8> {
    Table::Event.key(&sequence.to_be_bytes())
}
