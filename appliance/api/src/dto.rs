//! The shapes of `/v1`, shared by the server and the command line.
//!
//! Times are RFC 3339 text, durations and sizes text with a unit, amounts, prices and quantities decimal text, hashes and
//! ids hexadecimal. Fields are only added.

mod approvals;
mod assets;
mod attention;
mod cluster;
mod custody;
mod deposits;
mod directives;
mod emergency;
mod events;
mod flags;
mod history;
mod jobs;
mod ledger;
mod looks;
mod market_data;
mod markets;
mod networks;
mod orders;
mod people;
mod reconciliation;
mod records;
mod secrets;
mod settings;
pub(crate) mod shapes;
mod status;
mod sweeps;
mod users;
mod withdrawal_policy;
mod withdrawals;
mod worker_fleets;
mod worker_logs;
mod workers;

pub use approvals::{
    ApprovalChanged, ApprovalGiven, ApprovalKey, ApprovalKeys, ApproveProposal, ConfirmApprovalKey, EndApproval,
    EnrolApprovalKey, OperationLine, Proposal, ProposalApproved, Proposals, Proposed,
};
pub use assets::{Asset, AssetCreated, Assets, CreateAsset};
pub use attention::{Attention, Matter};
pub use cluster::{
    Accepted, AddLearner, CreateToken, CreatedToken, ExportedKeyring, JoinReply, JoinRequest, NamedNode, NodeHash,
    NodeRef, OperatorTokenRotated, Promote, RemoveNode, RotateCertificates, RotateOperatorToken, TransferLeader,
    Verified, Verify, WithReason,
};
pub use custody::{
    AddressPool, AddressPools, AddressesStocked, Listing, ListingPut, Listings, MoneyChanged, PutListing, Reasoned,
    ReferencePrice, ReferencePrices, RegisterWallet, SetPrice, StockAddresses, StockedAddress, Wallet, WalletAddress,
    WalletRegistered, Wallets,
};
pub use deposits::{
    AddressBook, AddressBookEntry, AllocateAddress, ApplyRescan, AssignSuspense, Block, ChainHead, ChainHeads,
    ChangeAddressBook, Deposit, DepositAddress, DepositAddresses, DepositExplained, DepositExplanation, Deposits,
    Finding, MovedByHand, ResumeChain,
};
pub use directives::{
    CancelDirectives, Directive, DirectiveReviewed, DirectiveSent, Directives, DirectivesChanged, DirectivesSent,
    ReleaseDirectives, ReviewDirective, SendDirective,
};
pub use emergency::{
    ChangeEmergency, EmergencyChanged, EmergencyStatus, EndMaintenance, MaintenanceChanged, MaintenanceSchedule,
    MaintenanceWindow, ScheduleMaintenance, StoppedMarket,
};
pub use events::{
    AddConsumer, CommitConsumer, Consumer, ConsumerChanged, Consumers, EphemeralEvent, Event, EventGap, EventPage,
    RemoveConsumer,
};
pub use flags::{Flag, FlagChange, FlagChecked, FlagSet, Flags, NamedRemoved, RemoveNamed, SetFlag};
pub use history::{History, Point, SeriesOfDay};
pub use jobs::{
    ChangeJobs, ConfigureQueue, EnqueueJob, Job, JobEnqueued, JobLease, Jobs, JobsChanged, JobsEnqueued, Queue,
    QueueConfigured, QueueRate, Queues,
};
pub use ledger::{
    Account, Accounts, AssetBalance, CreditUser, LedgerBalance, LedgerEntries, LedgerEntry, LedgerTransfer,
    LedgerVerified, RevertTransfer, TransferBetweenUsers, TransferPosted, TrialBalance,
};
pub use looks::{DryRun, DryRunResult, ForeseenEntry, LedgerFeed};
pub use market_data::{BookDepth, BookSpread, IndicatorPoint, Indicators, MarketDay, MarketStatistics};
pub use markets::{
    Book, CircuitBreaker, ConfigureMarket, CreateMarket, FeeTier, Level, Market, MarketConfigured, MarketCreated,
    MarketFilters, MarketPhaseSet, Markets, PriceRange, SetMarketPhase,
};
pub use networks::{
    ConfigureNetwork, ConfigureNetworkAsset, Network, NetworkAsset, NetworkConfigured, Networks, Switch,
};
pub use orders::{CancelOrder, CancelOrders, Fill, Order, Orders, OrdersChanged, PlaceOrder, Trigger};
pub use people::{
    Admin, AdminUpdated, Admins, BeginFactor, ChangePassword, ConfirmFactor, CreateAdmin, CredentialsChanged,
    FactorBegun, GiveCredentials, PasswordGiven, ResetAdmin, RevokeSessions, Session, Sessions, ShowFactor, SignIn,
    SignInRecord, SignIns, SignedIn, SignedOut, UpdateAdmin,
};
pub use reconciliation::{
    AdjustDiscrepancy, Discrepancies, Discrepancy, EquationOutcome, ExplainDiscrepancy, NetworkReconciliation,
    Reconciliation, ReconciliationRun, ReconciliationRuns, ResumePayments, SeenDiscrepancy, StoryLine, WithdrawalStop,
};
pub use records::{
    AuditEntry, AuditPage, AuditVerified, CommandOutcome, CommandResult, Each, Effect, LedgerOutcome, OrderEffect,
    PutScratch, Refusal, ScratchPut, ScratchValue,
};
pub use secrets::{PutSecret, Secret, SecretPut, SecretText, Secrets};
pub use settings::{
    Changed, RevertSettings, SetSetting, Setting, SettingChange, SettingDifference, SettingHistory, SettingOverride,
    SettingPreview, SettingSet, SettingUnset, Settings, SettingsDiff, SettingsReverted, UnsetSetting,
};
pub use status::{Autopilot, AutopilotServer, NodeStatus, Peer, Peers, Readiness, ReadinessCheck, SignerStatus};
pub use sweeps::{
    Gas, GasLoan, GasRunway, GasSpent, GasStation, Holding, Holdings, NetworkGas, OwnMove, OwnStake, Sweep, Sweeps,
};
pub use users::{
    ApiKey, ApiKeyCreated, ApiKeyRevoked, ApiKeys, CreateApiKey, CreateUser, RevokeApiKey, UpdateUser, User,
    UserCreated, UserUpdated, Users,
};
pub use withdrawal_policy::{
    Accumulated, PolicyGroup, PolicyLimit, PolicyNeed, PolicyRule, PolicySet, PolicySimulated, SetWithdrawalPolicy,
    SimulatePolicy, WithdrawalPolicy,
};
pub use withdrawals::{
    ApproveWithdrawal, ConfirmWithdrawal, ConflictingSpend, DeathProof, NamedWithdrawal, NonceSet, Payout,
    PayoutAttempt, PayoutReviewed, RequestWithdrawal, ReviewPayout, SetNonce, Withdrawal, WithdrawalExplained,
    WithdrawalMoved, WithdrawalRequested, WithdrawalTrace, Withdrawals,
};
pub use worker_fleets::{
    BulkWorkers, ForgetWorkerBinary, RegisterWorkerBinary, ScaleWorkers, UseWorkerBinary, WorkerBinaries, WorkerBinary,
    WorkerBinaryChanged, WorkerFleet, WorkerFleets, WorkersBulk, WorkersBulkDone, WorkersBulkItem, WorkersBulks,
    WorkersPreview, WorkersPreviewItem, WorkersScaled,
};
pub use worker_logs::{Fenced, Supervision, WorkerLog, WorkerLogGap, WorkerLogLine};
pub use workers::{
    AddWorkers, ControlWorker, Worker, WorkerCheck, WorkerDiagnosis, WorkerError, WorkerSummary, WorkerVersion,
    Workers, WorkersChanged,
};
