//! The way of a signature: the real state machine, the real signer behind its socket, and the node between them.

mod committed;
mod failover;
mod initiators;
mod lineages;
mod never;
mod orders;
mod pool;
mod words;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, account_of_text};
use exchequer_chains::{Coin, KeyPath, KeyPurpose, NetworkParams, Scheme, Unsigned};
use exchequer_domain::{
    BlockHash, BlockRef, ChainAddress, ClusterId, Family, Network, NodeId, Timestamp, TxId, UserId, WorkerId,
    WorkerKind,
};
use exchequer_state::custody::{WalletAddress, WalletId, WalletRole};
use exchequer_state::deposits::ScannedBlock;
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::withdrawals::{
    Claim, Errand, FeeMode, Order, Payer, PayoutId, Proof, Purpose, Stage as Standing, WithdrawalId,
};
use exchequer_state::{
    Actor, Body, Command, CommitBlocks, CreateUser, CreditSandbox, Done, Outcome, PayoutStep, Preparation,
    PreparePayout, RegisterWallet, RequestWithdrawal, SetPrice, StepPayout,
};
use exchequer_vault::policy::{CoinPolicy, NetworkPolicy, Policy, Rule, Units};
use exchequer_vault::sealed::{self, Opener};
use exchequer_vault::signer::{Core, Hardening, prepare, serve};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::super::ground::Ground as _;
use super::super::super::money::{Caller, Door};
use super::super::stage::{BEGAN, Memory, Stage};
use super::{fill_hot, list_ether};
use crate::signer::order::{self, Answer};
use crate::signer::{LocalSigner, socket_path, vault_folder};

const NETWORK: Network = Network::Ethereum;
const WORDS: &str = "test test test test test test test test test test test junk";
const ETHER: u128 = 1_000_000_000_000_000_000;
/// Minor units of a coin, and of what a transaction may cost here.
const COIN: u128 = 100_000_000;
const FEE_MAX: u64 = 10_000;
/// Anvil's account 9: not ours.
const STRANGER: &str = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720";
const OTHER: &str = "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f";
/// What a wallet may pay within an hour, in ethers.
const HOUR_MAX: u128 = 10;
/// Above this two persons must approve.
const ALONE_MAX: u128 = 5;

const HOT: KeyPath = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };

fn params() -> NetworkParams {
    NetworkParams::test(NETWORK)
}

fn parsed(text: &str) -> ChainAddress {
    ChainAddress::canonical(text).unwrap()
}

fn worker() -> WorkerId {
    "withdrawal/ethereum-1".parse().unwrap()
}

fn policy(decided_only: bool) -> String {
    let rule = |up_to: u128, approvals| Rule { up_to: Units(up_to * ETHER), approvals };
    let ether = CoinPolicy {
        coin: Coin::Native,
        asset: 1,
        hour_max: Units(HOUR_MAX * ETHER),
        day_max: Units(50 * ETHER),
        rules: vec![rule(ALONE_MAX, 0), rule(HOUR_MAX - 1, 2)],
    };
    let of = NetworkPolicy {
        chain: params().parameters(),
        fee_max: Units(ETHER / 10),
        fee_permille_max: 50,
        fee_free: Units(ETHER / 100),
        fee_minor_unit: Units(ETHER / COIN),
        sweep_to: vec![parsed(OTHER)],
        stake: false,
        decided_only,
        coins: vec![ether],
    };
    let networks = [(NETWORK, of)].into();
    let policy = Policy { version: 1, cluster: ClusterId([7; 16]).to_string(), networks, approvers: vec![] };
    serde_json::to_string(&policy).unwrap()
}

/// A vault that several nodes have, each with a memory of its own.
struct Vaults {
    folder: tempfile::TempDir,
}

impl Vaults {
    fn new(decided_only: bool) -> Vaults {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        sealed::create_key_file(&key).unwrap();
        let now = Timestamp(BEGAN);
        let path = folder.path().join("vault");
        let vault = sealed::import(&path, WORDS, &Opener::KeyFile(&key), now).unwrap();
        prepare(&path, &vault, &policy(decided_only), now).unwrap();
        Vaults { folder }
    }

    /// Puts a copy that has signed nothing into a node's folder.
    fn copy_to(&self, data: &Path) {
        let to = vault_folder(data);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(self.folder.path().join("vault")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }

    fn opener(&self) -> PathBuf {
        self.folder.path().join("key")
    }
}

/// A signer's process, as far as anybody can tell.
struct Process {
    core: Arc<Core>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Process {
    async fn start(data: &Path, opener: Option<&Path>) -> Process {
        let core = Core::new(&vault_folder(data), Box::new(|| Timestamp(BEGAN + 60_000_000))).unwrap();
        let core = Arc::new(core);
        if let Some(opener) = opener {
            let verdict = core.unseal(Some(&Opener::KeyFile(opener)));
            assert_eq!(verdict.code.as_str(), "done", "{verdict}");
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let socket = socket_path(data);
        // What an earlier one left there is no sign of this one.
        drop(std::fs::remove_file(&socket));
        let user = std::fs::metadata(data).unwrap().uid();
        let task = tokio::spawn({
            let (core, socket) = (core.clone(), socket.clone());
            async move {
                let plain =
                    Hardening { no_core_dumps: false, memory_locked: false, no_network: false, refused: vec![] };
                serve(core, &socket, vec![user], plain, async { stopped.await.unwrap_or_default() }).await.unwrap();
            }
        });
        while !socket.exists() {
            tokio::task::yield_now().await;
        }
        Process { core, stop, task }
    }

    /// It is gone, and with it everything that it did not write down.
    async fn end(self) {
        let Process { core, stop, task } = self;
        drop(stop);
        task.await.unwrap();
        // Its memory is open for as long as one conversation has it.
        while Arc::strong_count(&core) > 1 {
            tokio::task::yield_now().await;
        }
    }

    fn address(&self, key: KeyPath) -> ChainAddress {
        self.core.address(NETWORK, 0, key, Scheme::Keccak).unwrap().0
    }
}

/// A cluster, and the hot wallet whose keys the signer has.
struct World {
    stage: Stage,
    hot: ChainAddress,
    epoch: u64,
    nonce: u64,
    asked: u64,
}

impl World {
    async fn new(hot: ChainAddress) -> World {
        let mut stage = Stage::new();
        list_ether(stage.ground());
        let run = |body| stage.ground().run(body);
        run(Body::CreateUser(CreateUser { label: "user".into(), kyc_level: 3, fee_tier: 0 }));
        fund(stage.ground(), hot.clone());
        let epoch = stage.lead().await;
        World { stage, hot, epoch, nonce: 0, asked: 0 }
    }

    fn ground(&self) -> &Memory {
        self.stage.ground()
    }

    fn data(&self) -> &Path {
        self.stage.folder.path()
    }

    /// Another leadership begins.
    async fn change_leader(&mut self) {
        self.epoch = self.stage.lead().await;
    }

    /// A withdrawal of so many hundredths of an ether that is due.
    fn ask(&mut self, hundredths: u128) -> WithdrawalId {
        self.asked += 1;
        let order = Order {
            user: UserId(1),
            client_id: format!("w{}", self.asked),
            asset: Asset(1),
            network: NETWORK,
            to: parsed(STRANGER),
            memo: None,
            amount: hundredths * COIN / 100,
            mode: FeeMode::OnTop,
        };
        let proof = Some(Proof { order: order.hash(), at: self.ground().now() });
        let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof }));
        match self.ground().run_as(Actor::User(UserId(1)), body) {
            Done::WithdrawalRequested { withdrawal, .. } => withdrawal,
            other => panic!("{other:?}"),
        }
    }

    fn unsigned(&self, nonce: u64, to: &str, wei: u128) -> Unsigned {
        let from = account_of_text(self.hot.as_str()).unwrap();
        let action = EvmAction::Transfer { to: account_of_text(to).unwrap(), amount: wei };
        let fees = EvmFees::Dynamic { max_fee: 1_000_000_000, tip: 1 };
        let chain_id = params().chain_id().unwrap();
        let tx = EvmTx { chain_id, nonce, fees, gas: 100_000, action };
        Unsigned::Evm(UnsignedEvm::new(&params(), HOT, from, tx).unwrap())
    }

    /// One command of the withdrawal worker's; of its signer the leading node says what there is to say.
    async fn work(&self, body: Body) -> Outcome {
        let id = self.ground().command_id();
        let of_node = matches!(&body, Body::StepPayout(command) if command.step.is_nodes());
        let actor = if of_node { Actor::Node(NodeId(1)) } else { Actor::Worker(worker()) };
        let command = Command { id, actor, epoch: Some(self.epoch), body };
        self.ground().submit(command).await.unwrap()
    }

    /// Decides this transaction for a withdrawal.
    async fn decide(&mut self, withdrawal: WithdrawalId, unsigned: &Unsigned) -> PayoutId {
        let preparation = Preparation {
            purpose: Purpose::Payment,
            claim: Claim::Nonce(self.nonce),
            unsigned: unsigned.encode(),
            fee_max: FEE_MAX,
        };
        let prepare = PreparePayout {
            network: NETWORK,
            payer: Payer { wallet: WalletId(1), index: 0 },
            withdrawals: vec![withdrawal],
            errand: Errand::Withdrawals,
            preparation,
            chain_nonce: 0,
            settled_nonce: 0,
        };
        self.nonce += 1;
        match self.work(Body::PreparePayout(Box::new(prepare))).await {
            Outcome::Done(Done::PayoutPrepared { payout, .. }) => payout,
            other => panic!("{other:?}"),
        }
    }

    /// A payout of so many hundredths of an ether that waits for its signature.
    async fn prepared(&mut self, hundredths: u128) -> PayoutId {
        let withdrawal = self.ask(hundredths);
        let unsigned = self.unsigned(self.nonce, STRANGER, hundredths * ETHER / 100);
        self.decide(withdrawal, &unsigned).await
    }

    /// What became of a payout, by the worker.
    async fn step(&self, payout: PayoutId, from: Standing, step: PayoutStep) -> Standing {
        let step = StepPayout { network: NETWORK, payout, from, attempt: 1, step };
        match self.work(Body::StepPayout(Box::new(step))).await {
            Outcome::Done(Done::PayoutMoved { stage }) => stage,
            other => panic!("{other:?}"),
        }
    }

    /// The first block that the deposit worker tells of; it is final.
    async fn scan(&self, block: BlockRef) {
        let parent = BlockRef { height: block.height - 1, hash: BlockHash([0; 32]) };
        let scanned = ScannedBlock { block, parent: parent.hash, spent: Vec::new(), sightings: Vec::new() };
        let (head, finalized, agreed) = (block.height, Some(block.height), block.height);
        let commit =
            CommitBlocks { network: NETWORK, parent, blocks: vec![scanned], more: false, head, finalized, agreed };
        let actor = Actor::Worker(WorkerId { kind: WorkerKind::Deposit, ..worker() });
        let (id, body) = (self.ground().command_id(), Body::CommitBlocks(Box::new(commit)));
        let done = self.ground().submit(Command { id, actor, epoch: Some(self.epoch), body }).await.unwrap();
        assert!(matches!(done, Outcome::Done(Done::BlocksCommitted { .. })), "{done:?}");
    }

    /// The signature is put into the log.
    async fn commit(&self, payout: PayoutId, given: &Given) {
        let Given { tx, raw, record } = given.clone();
        let stage = self.step(payout, Standing::Preparing, PayoutStep::Signed { tx, raw, record }).await;
        assert_eq!(stage, Standing::Signed);
    }

    fn caller(&self) -> Caller {
        Caller { worker: worker(), epoch: self.epoch, pid: 7 }
    }

    fn order(&self, payout: PayoutId) -> order::Order {
        order::Order { kind: worker().kind, network: NETWORK, epoch: self.epoch, payout, attempt: 1 }
    }

    /// Has a node ask its signer for a payout's signature; nothing is committed.
    async fn sign(&self, signer: &LocalSigner, payout: PayoutId) -> Signed {
        match order::signature(self.ground(), signer, self.order(payout)).await.unwrap() {
            Ok(given) => Signed::Given(Given { tx: given.signed.tx, raw: given.signed.raw, record: given.record }),
            Err(Answer::Refused { code, message }) => Signed::Refused(format!("{code}: {message}")),
            Err(Answer::NotNow { code, message }) => Signed::NotNow(format!("{code}: {message}")),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// It is signed.
    async fn signed(&self, signer: &LocalSigner, payout: PayoutId) -> Given {
        match self.sign(signer, payout).await {
            Signed::Given(given) => given,
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    tx: TxId,
    raw: Vec<u8>,
    record: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Signed {
    Given(Given),
    Refused(String),
    NotNow(String),
}

impl Signed {
    /// It is refused for good, for this reason.
    fn is_refused(&self, code: &str) {
        assert!(matches!(self, Signed::Refused(why) if why.starts_with(code)), "{code}: {self:?}");
    }

    /// It is not signed now, for this reason.
    fn is_not_now(&self, code: &str) {
        assert!(matches!(self, Signed::NotNow(why) if why.starts_with(code)), "{code}: {self:?}");
    }
}

fn fund(ground: &Memory, hot: ChainAddress) {
    ground.run(Body::RegisterWallet(Box::new(RegisterWallet {
        name: "hot".into(),
        role: WalletRole::Hot,
        family: Family::Evm,
        network: None,
        xpub: "xpub".into(),
        addresses: vec![WalletAddress { address: hot, change: false, index: 0 }],
        pinned: false,
        reason: "test".into(),
    })));
    fill_hot(ground, NETWORK, Asset(1), 10_000 * COIN, TransferId(77));
    let (user, amount, id) = (UserId(1), 1_000 * COIN, TransferId(78));
    ground.run(Body::CreditSandbox(CreditSandbox { user, asset: Asset(1), amount, id }));
    let at = ground.now();
    ground.run(Body::SetPrice(SetPrice { asset: Asset(1), usd_micros: 1_000_000, source: "desk".into(), at }));
}

/// The signer of a node with this data folder, open.
async fn started(vaults: &Vaults, data: &Path) -> Process {
    vaults.copy_to(data);
    Process::start(data, Some(&vaults.opener())).await
}

/// A world whose first node has an open signer.
async fn world(decided_only: bool) -> (Vaults, World, Process, Arc<LocalSigner>) {
    let vaults = Vaults::new(decided_only);
    let aside = tempfile::tempdir().unwrap();
    let process = started(&vaults, aside.path()).await;
    let hot = process.address(HOT);
    process.end().await;
    let world = World::new(hot).await;
    let process = started(&vaults, world.data()).await;
    let signer = world.stage.shared.signer.clone();
    (vaults, world, process, signer)
}
