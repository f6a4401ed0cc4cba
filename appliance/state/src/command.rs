//! Commands: what anyone may ask of the replicated state.
//!
//! Encoded as version byte, header, body. The bytes of the body alone are hashed to tell a repeated command from a
//! reused id, so that a repeat through another node or epoch is still the same command.

use std::ops::RangeInclusive;

use exchequer_domain::{AdminId, CommandId, NodeId, UserId, WorkerId};
use serde::{Deserialize, Serialize};

use crate::api_keys::ApiKeyId;
use crate::apply::{
    AddConsumer, AddWorkers, AdjustDiscrepancy, AdmitNode, AllocateAddress, AmendOrder, Approve, ApproveWithdrawal,
    AssignSuspense, Bootstrap, BulkTransfer, BulkWorkers, CancelAfter, CancelDirectives, CancelJobs, CancelOrder,
    CancelOrders, ChangeAddressBook, CloseSessions, CommitBlocks, CommitConsumer, CommitMissed, ConfigureMarket,
    ConfigureNetwork, ConfigureNetworkAsset, ConfigureQueue, ConfirmApprovalKey, CreateAdmin, CreateApiKey,
    CreateAsset, CreateJoinToken, CreateMarket, CreateUser, CreateUsers, CreditSandbox, DispatchDirectives, DoubtToken,
    EmergencyResume, EmergencyStop, EndMaintenance, EnqueueJobs, EnrolApprovalKey, ExplainDiscrepancy, ExplainSweeps,
    FinishJobs, ForgetBinary, LeaseJobs, ListAsset, MakeEvents, NoteGas, NotePending, NoteSignInFailure, NoteSilence,
    OpenAccounts, OpenSession, PlaceOrder, PlacePair, PlanSweeps, PostTransfers, PreparePayout, Propose, PutScratch,
    PutSecret, RaiseVersion, RecordAction, Reform, RegisterBinary, RegisterWallet, RejectProposal, ReleaseDirectives,
    RemoveConsumer, RemoveFlag, RemoveNode, RemoveSecret, RemoveWorkers, RenewJobs, ReplaceOrder, ReportBalances,
    ReportWorkers, RequestDigest, RequestWithdrawal, Rescale, RestartWorkers, ResumeChain, ResumePayments,
    RetireWallet, RetryJobs, RevertSettings, RevertTransfer, ReviewDirective, ReviewPayout, RevokeApiKey,
    RevokeApprovalKey, RevokeProposal, RewindBlocks, RotateAuthority, RotateOperatorToken, ScheduleMaintenance,
    SendDirectives, SetCredentials, SetFlag, SetMarketPhase, SetNonce, SetPrice, SetScale, SetSetting,
    SetWithdrawalPolicy, SetWorkers, StepDirectives, StepPayout, StepUp, StepWithdrawal, StepWorkers, StockAddresses,
    TouchSession, TransferBetweenUsers, UndoBulk, UnsetSetting, UpdateAdmin, UpdateNode, UpdateUser, UseBinary,
};
use crate::codec::{self, DecodeError};

/// A longer encoded command is refused, unless it holds many transfers. Fits the largest scratch value and the largest
/// authority.
pub const COMMAND_BYTES_MAX: usize = 128 << 10;
/// A longer [`Body::PostTransfers`] or [`Body::BulkTransfer`] is refused. Fits 8,190 transfers of one leg; the proposer's
/// entries and the gateway's requests are bounded by the same number.
pub const TRANSFERS_BYTES_MAX: usize = 1 << 20;

/// The tags of [`Body::PostTransfers`] and [`Body::BulkTransfer`].
const TRANSFERS_TAGS: RangeInclusive<u8> = 19..=20;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Chosen by the sender; the same id takes effect once at most.
    pub id: CommandId,
    /// On whose behalf.
    pub actor: Actor,
    /// Leader-only work carries the epoch it was started in; refused when another one is current. A refusal is
    /// remembered like any outcome, so an id derived from the work must have the epoch mixed in.
    pub epoch: Option<u64>,
    /// What is asked.
    pub body: Body,
}

/// On whose behalf a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// A holder of the operator token.
    Operator,
    /// A node by itself.
    Node(NodeId),
    /// A user's program, by its API key: trades as that user and nothing else.
    ApiKey(ApiKeyId),
    /// Someone who is signed in, and may do what their roles allow.
    Admin(AdminId),
    /// A worker, through the node that supervises it; always with that leadership's epoch.
    Worker(WorkerId),
    /// A customer who is signed in: acts as that user and nothing else.
    User(UserId),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Operator => f.write_str("operator"),
            Actor::Node(id) => write!(f, "node {id}"),
            Actor::ApiKey(id) => write!(f, "API key {}", id.0),
            Actor::Admin(id) => write!(f, "admin {id}"),
            Actor::Worker(id) => write!(f, "worker {id}"),
            Actor::User(id) => write!(f, "user {id}"),
        }
    }
}

/// What is asked. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Makes the cluster; accepted once.
    Bootstrap(Box<Bootstrap>),
    /// Changes one setting.
    SetSetting(SetSetting),
    /// Brings every setting back to its value as of a revision.
    RevertSettings(RevertSettings),
    /// Makes a one-time token for a node to join with.
    CreateJoinToken(CreateJoinToken),
    /// Enters a node into the registry.
    AdmitNode(Box<AdmitNode>),
    /// Changes addresses, version or key of a node.
    UpdateNode(Box<UpdateNode>),
    /// Marks a node as removed, for ever.
    RemoveNode(RemoveNode),
    /// Replaces the cluster's certificate authority.
    RotateAuthority(RotateAuthority),
    /// Replaces the operator token.
    RotateOperatorToken(RotateOperatorToken),
    /// Puts something done outside the state on the audit record.
    RecordAction(RecordAction),
    /// Writes a scratch value; sandbox clusters only.
    PutScratch(PutScratch),
    /// Makes every node hash all its rows as of this entry.
    Digest(RequestDigest),
    /// Switches the cluster to newer rules.
    RaiseVersion(RaiseVersion),
    /// Begins a new lineage with one node.
    Reform(Box<Reform>),
    /// Creates an asset.
    CreateAsset(CreateAsset),
    /// Creates a user.
    CreateUser(CreateUser),
    /// Creates many users; sandbox clusters only.
    CreateUsers(CreateUsers),
    /// Changes a user.
    UpdateUser(UpdateUser),
    /// Opens accounts, each by itself; sandbox clusters only.
    OpenAccounts(OpenAccounts),
    /// Posts transfers, each by itself; sandbox clusters only.
    PostTransfers(PostTransfers),
    /// Posts transfers, all or none; sandbox clusters only.
    BulkTransfer(BulkTransfer),
    /// Undoes a transfer by a counter-entry.
    RevertTransfer(RevertTransfer),
    /// Gives a user money out of nothing; sandbox clusters only.
    CreditSandbox(CreditSandbox),
    /// Moves money from one user to another.
    TransferBetweenUsers(TransferBetweenUsers),
    /// Gives a user's programs a key.
    CreateApiKey(Box<CreateApiKey>),
    /// Revokes a key.
    RevokeApiKey(RevokeApiKey),
    /// Makes a market.
    CreateMarket(Box<CreateMarket>),
    /// Changes filters, circuit breaker or reference price of a market.
    ConfigureMarket(Box<ConfigureMarket>),
    /// Brings a market to another phase.
    SetMarketPhase(SetMarketPhase),
    /// Enters an order.
    PlaceOrder(Box<PlaceOrder>),
    /// Enters a pair of orders of which one can take effect.
    PlacePair(Box<PlacePair>),
    /// Ends an order.
    CancelOrder(CancelOrder),
    /// Ends all orders of a user in a market.
    CancelOrders(CancelOrders),
    /// Gives an order another price or quantity.
    AmendOrder(AmendOrder),
    /// Ends an order and enters another in its stead.
    ReplaceOrder(Box<ReplaceOrder>),
    /// Sets a user's dead man's switch in a market.
    CancelAfter(CancelAfter),
    /// Enters jobs into queues.
    EnqueueJobs(EnqueueJobs),
    /// A worker takes jobs for a while.
    LeaseJobs(LeaseJobs),
    /// A worker keeps its jobs for longer.
    RenewJobs(RenewJobs),
    /// A worker says what became of its jobs.
    FinishJobs(FinishJobs),
    /// Ends jobs that are not done yet.
    CancelJobs(CancelJobs),
    /// Lets jobs begin anew, or at once.
    RetryJobs(RetryJobs),
    /// Pauses a queue, lets it go on, or gives it another rate.
    ConfigureQueue(ConfigureQueue),
    /// Adds workers.
    AddWorkers(AddWorkers),
    /// Decides what is wanted of workers.
    SetWorkers(SetWorkers),
    /// Replaces the processes of workers.
    RestartWorkers(RestartWorkers),
    /// Removes workers.
    RemoveWorkers(RemoveWorkers),
    /// Tells what happened to workers; the leader only.
    StepWorkers(StepWorkers),
    /// Sums up what workers did; the leader only.
    ReportWorkers(ReportWorkers),
    /// Sets how many workers of a kind there shall be.
    SetScale(SetScale),
    /// Gives the workers of a kind another number.
    Rescale(Rescale),
    /// Registers a program that workers can run.
    RegisterBinary(RegisterBinary),
    /// Forgets one.
    ForgetBinary(ForgetBinary),
    /// Decides what the workers of a kind run.
    UseBinary(UseBinary),
    /// Does the same to many workers.
    BulkWorkers(BulkWorkers),
    /// Takes that back.
    UndoBulk(UndoBulk),
    /// Asks something of workers.
    SendDirectives(SendDirectives),
    /// The leader takes what is to be done next.
    DispatchDirectives(DispatchDirectives),
    /// Says what becomes of directives that are in flight.
    StepDirectives(StepDirectives),
    /// Takes back what was not dispatched yet.
    CancelDirectives(CancelDirectives),
    /// Decides about a directive of which nobody knows what became.
    ReviewDirective(ReviewDirective),
    /// Stops the exchange.
    EmergencyStop(EmergencyStop),
    /// Ends an emergency.
    EmergencyResume(EmergencyResume),
    /// Announces maintenance.
    ScheduleMaintenance(ScheduleMaintenance),
    /// Ends maintenance, or calls it off.
    EndMaintenance(EndMaintenance),
    /// Takes a setting's value away.
    UnsetSetting(UnsetSetting),
    /// Makes a flag, or gives one another rule.
    SetFlag(SetFlag),
    /// Removes a flag.
    RemoveFlag(RemoveFlag),
    /// Puts a secret, sealed.
    PutSecret(PutSecret),
    /// Removes a secret.
    RemoveSecret(RemoveSecret),
    /// Changes a network.
    ConfigureNetwork(Box<ConfigureNetwork>),
    /// Switches an asset on a network.
    ConfigureNetworkAsset(ConfigureNetworkAsset),
    /// Makes a consumer of events.
    AddConsumer(AddConsumer),
    /// Moves a consumer's offset.
    CommitConsumer(CommitConsumer),
    /// Removes a consumer of events.
    RemoveConsumer(RemoveConsumer),
    /// Makes durable events; sandbox clusters only.
    MakeEvents(MakeEvents),
    /// Makes an admin.
    CreateAdmin(Box<CreateAdmin>),
    /// Gives an admin other roles or addresses, or takes its access away.
    UpdateAdmin(UpdateAdmin),
    /// Changes what somebody signs in with.
    SetCredentials(Box<SetCredentials>),
    /// Somebody has signed in.
    OpenSession(Box<OpenSession>),
    /// A session is in use.
    TouchSession(TouchSession),
    /// A session has shown its second factor again.
    StepUp(StepUp),
    /// Ends sessions.
    CloseSessions(CloseSessions),
    /// A sign-in failed.
    NoteSignInFailure(NoteSignInFailure),
    /// Has an operation wait for the approval of others.
    Propose(Propose),
    /// Approves a proposal.
    Approve(Approve),
    /// Ends a proposal that somebody does not want.
    RejectProposal(RejectProposal),
    /// Takes a proposal back.
    RevokeProposal(RevokeProposal),
    /// Enrols an approval key of the sender's.
    EnrolApprovalKey(EnrolApprovalKey),
    /// Vouches for an approval key.
    ConfirmApprovalKey(ConfirmApprovalKey),
    /// Ends an approval key.
    RevokeApprovalKey(RevokeApprovalKey),
    /// Lets directives be dispatched that waited for the consent of others.
    ReleaseDirectives(ReleaseDirectives),
    /// Registers a wallet of the exchange's.
    RegisterWallet(Box<RegisterWallet>),
    /// Takes a wallet out of use.
    RetireWallet(RetireWallet),
    /// Puts deposit addresses into the pool.
    StockAddresses(StockAddresses),
    /// Gives a user a deposit address.
    AllocateAddress(AllocateAddress),
    /// Lists an asset on a network.
    ListAsset(Box<ListAsset>),
    /// Sets an asset's reference price.
    SetPrice(SetPrice),
    /// A user asks for money to leave.
    RequestWithdrawal(Box<RequestWithdrawal>),
    /// Moves a withdrawal that no payout has yet.
    StepWithdrawal(StepWithdrawal),
    /// A person agrees to a withdrawal.
    ApproveWithdrawal(ApproveWithdrawal),
    /// Decides the transaction that pays withdrawals.
    PreparePayout(Box<PreparePayout>),
    /// Says what became of a payout.
    StepPayout(Box<StepPayout>),
    /// A person decides about a payout.
    ReviewPayout(Box<ReviewPayout>),
    /// Sets who must agree to withdrawals.
    SetWithdrawalPolicy(Box<SetWithdrawalPolicy>),
    /// A user says where money may go.
    ChangeAddressBook(ChangeAddressBook),
    /// Commits blocks of a network.
    CommitBlocks(Box<CommitBlocks>),
    /// Tells of payments that are in no block yet.
    NotePending(Box<NotePending>),
    /// Goes back on a network whose chain was reorganised.
    RewindBlocks(RewindBlocks),
    /// Lets a network go on that halted.
    ResumeChain(ResumeChain),
    /// Decides whose money it is that waits for a decision.
    AssignSuspense(AssignSuspense),
    /// Says what fees are and what stations of gas have.
    NoteGas(NoteGas),
    /// Tells what is on the exchange's addresses.
    ReportBalances(Box<ReportBalances>),
    /// Says what a difference is.
    ExplainDiscrepancy(ExplainDiscrepancy),
    /// Puts the books right.
    AdjustDiscrepancy(AdjustDiscrepancy),
    /// Lets a network pay out again although something is missing there.
    ResumePayments(ResumePayments),
    /// Says what is to be swept.
    PlanSweeps(PlanSweeps),
    /// Says why something is not swept.
    ExplainSweeps(ExplainSweeps),
    /// [`NoteSilence`].
    NoteSilence(NoteSilence),
    /// Tells what a block that was scanned holds and the books do not have.
    CommitMissed(Box<CommitMissed>),
    /// [`DoubtToken`].
    DoubtToken(Box<DoubtToken>),
    /// Sets a payer's next nonce.
    SetNonce(SetNonce),
}

impl Body {
    /// Whether only the supervisor of a leader asks for it, with its epoch.
    #[must_use]
    pub const fn is_leaders_work(&self) -> bool {
        matches!(self, Body::StepWorkers(_) | Body::ReportWorkers(_) | Body::DispatchDirectives(_))
    }

    /// Whether a worker may ask for it, through the leader that supervises it. Nothing is allowed that is not here.
    #[must_use]
    pub const fn is_workers_work(&self) -> bool {
        matches!(
            self,
            Body::EnqueueJobs(_)
                | Body::LeaseJobs(_)
                | Body::RenewJobs(_)
                | Body::FinishJobs(_)
                | Body::StepDirectives(_)
                | Body::PreparePayout(_)
                | Body::StepPayout(_)
                | Body::StepWithdrawal(_)
                | Body::SetPrice(_)
                | Body::CommitBlocks(_)
                | Body::CommitMissed(_)
                | Body::NotePending(_)
                | Body::RewindBlocks(_)
                | Body::NoteSilence(_)
                | Body::DoubtToken(_)
                | Body::NoteGas(_)
                | Body::PlanSweeps(_)
                | Body::ExplainSweeps(_)
                | Body::ReportBalances(_)
        )
    }

    /// What the command is called, such as `SetSetting`.
    #[must_use]
    pub fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
    }

    /// The user as whom this trades; none where it is not about orders.
    #[must_use]
    pub fn trades_as(&self) -> Option<UserId> {
        match self {
            Body::PlaceOrder(order) => Some(order.user),
            Body::PlacePair(pair) => Some(pair.user),
            Body::CancelOrder(cancel) => Some(cancel.user),
            Body::CancelOrders(cancel) => Some(cancel.user),
            Body::AmendOrder(amend) => Some(amend.user),
            Body::ReplaceOrder(replace) => Some(replace.user),
            Body::CancelAfter(switch) => Some(switch.user),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) id: CommandId,
    pub(crate) actor: Actor,
    pub(crate) epoch: Option<u64>,
}

impl Command {
    /// The bytes that go into the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let header = Header { id: self.id, actor: self.actor, epoch: self.epoch };
        codec::append(codec::encode(&header), &self.body)
    }

    /// Reads what [`Command::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are not a command, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Command, DecodeError> {
        let (Header { id, actor, epoch }, body) = split(bytes)?;
        Ok(Command { id, actor, epoch, body: codec::whole(body)? })
    }
}

/// The header and the bytes of the body.
pub(crate) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    codec::take(codec::content(bytes)?)
}

/// An encoded command, read once: for the rows that it will look up, and to be run.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every one is a command; a box for each would cost more than it saves"
)]
pub(crate) enum Received<'a> {
    /// It is longer than its kind may be.
    TooLarge,
    /// It is no command.
    Unreadable,
    /// One that has an id.
    Command {
        /// All but the body.
        header: Header,
        /// The body's bytes.
        bytes: &'a [u8],
        /// The body; none where its bytes are none.
        body: Option<Body>,
    },
}

impl<'a> Received<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Received<'a> {
        if is_too_large(bytes) {
            return Received::TooLarge;
        }
        match split(bytes) {
            Ok((header, bytes)) => Received::Command { header, bytes, body: codec::whole(bytes).ok() },
            Err(_) => Received::Unreadable,
        }
    }
}

/// Whether an encoded command is longer than its kind may be. What would be refused for it need not get into the log.
#[must_use]
pub fn is_too_large(bytes: &[u8]) -> bool {
    if bytes.len() <= COMMAND_BYTES_MAX {
        return false;
    }
    let tag = split(bytes).ok().and_then(|(_, body)| body.first().copied());
    bytes.len() > TRANSFERS_BYTES_MAX || !tag.is_some_and(|tag| TRANSFERS_TAGS.contains(&tag))
}

#[cfg(test)]
mod tests {
    use exchequer_ledger as ledger;

    use super::*;

    fn transfers(count: u128) -> Vec<ledger::Transfer> {
        use ledger::{AccountId, Actor, Cause, Leg, Reason, Transfer, TransferId};
        let cause = Cause { reason: Reason::Internal, actor: Actor::Customer(1 << 20), reference: [0xff; 32] };
        let leg = Leg::Post { debit: AccountId(1 << 20), credit: AccountId(1 << 22), amount: 1 << 60 };
        let transfer = |id| Transfer { id: TransferId(u128::MAX - id), legs: leg.into(), cause, note: None };
        (1..=count).map(transfer).collect()
    }

    /// Goal: the rows that a command will look up beside its id are foretold, and none for another command. Method: one body
    /// of each kind that looks any up, and the kinds around them.
    #[test]
    fn foretells_what_is_looked_up() {
        let id = ledger::TransferId(9);
        let (user, asset) = (exchequer_domain::UserId(1), ledger::Asset(1));
        let credit = CreditSandbox { user, asset, amount: 1, id };
        let between = TransferBetweenUsers { from: user, to: user, asset, amount: 1, id, note: None };
        let put = PutScratch { key: b"k".to_vec(), value: b"v".to_vec(), expect: Some(3) };
        let bodies = [
            (Body::PutScratch(put), 1),
            (Body::OpenAccounts(OpenAccounts { accounts: vec![] }), 0),
            (Body::PostTransfers(PostTransfers { transfers: transfers(2) }), 2),
            (Body::BulkTransfer(BulkTransfer { transfers: transfers(3) }), 3),
            (Body::RevertTransfer(RevertTransfer { id, of: id, reason: "why".into() }), 3),
            (Body::CreditSandbox(credit), 1),
            (Body::TransferBetweenUsers(between), 1),
            (Body::Digest(RequestDigest {}), 0),
        ];
        for (body, keys) in bodies {
            assert_eq!(body.lookups(&ledger::Ledger::new()).len(), keys, "{body:?}");
        }
    }

    /// Goal: a command that is read is what was encoded, a body that is none keeps its header, and neither rubbish nor what
    /// is too long is a command.
    #[test]
    fn reads_what_was_encoded() {
        let put = Body::PutScratch(PutScratch { key: b"k".to_vec(), value: b"v".to_vec(), expect: None });
        let command = Command { id: CommandId([1; 16]), actor: Actor::Operator, epoch: Some(7), body: put };
        let mut encoded = command.encode();
        match Received::read(&encoded) {
            Received::Command { header, body, .. } => {
                assert_eq!((header.id, header.epoch, body), (command.id, Some(7), Some(command.body)));
            }
            Received::TooLarge | Received::Unreadable => panic!("it is a command"),
        }
        encoded.push(0);
        assert!(matches!(Received::read(&encoded), Received::Command { body: None, .. }));
        assert!(matches!(Received::read(&encoded[..9]), Received::Unreadable));
        assert!(matches!(Received::read(&vec![1; COMMAND_BYTES_MAX + 1]), Received::TooLarge));
    }

    /// Goal: 8,190 transfers of the largest common form fit into one command, and no other kind of command gets longer by
    /// that. Method: lengths around both limits.
    #[test]
    fn only_transfers_may_be_long() {
        let command = |body| Command { id: CommandId([1; 16]), actor: Actor::Operator, epoch: None, body }.encode();
        let post = |count| command(Body::PostTransfers(PostTransfers { transfers: transfers(count) }));
        let full = post(8_190);
        assert!(full.len() > COMMAND_BYTES_MAX && !is_too_large(&full), "{} bytes", full.len());
        assert!(!is_too_large(&command(Body::BulkTransfer(BulkTransfer { transfers: transfers(8_190) }))));
        assert!(is_too_large(&post(16_000)));
        let scratch = |bytes| {
            let put = PutScratch { key: b"k".to_vec(), value: vec![0; bytes], expect: None };
            command(Body::PutScratch(put))
        };
        let rest = scratch(COMMAND_BYTES_MAX).len() - COMMAND_BYTES_MAX;
        assert!(!is_too_large(&scratch(COMMAND_BYTES_MAX - rest)));
        assert!(is_too_large(&scratch(COMMAND_BYTES_MAX - rest + 1)));
    }
}
