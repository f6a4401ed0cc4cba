//! A signer over the words that everybody knows, a policy, people who approve, and transactions to ask for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::hashes::Hash as _;
use exchequer_chains::bitcoin::{Coins, UnsignedBitcoin, script_of};
use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, account_of_text};
use exchequer_chains::tron::{RefBlock, TronAction, TronTx, UnsignedTron};
use exchequer_chains::{Coin, KeyPath, KeyPurpose, NetworkParams, Parameters, Payment, Scheme, Unsigned};
use exchequer_domain::{ChainAddress, ClusterId, Network, Timestamp};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::policy::*;
use crate::record::{Committed, Feed, PaymentId};
use crate::sealed::{self, Opener};
use crate::signer::{Core, Given, prepare};

pub(super) const WORDS: &str = "test test test test test test test test test test test junk";
pub(super) const CLUSTER: ClusterId = ClusterId([3; 16]);
pub(super) const ETHER: u128 = 1_000_000_000_000_000_000;
/// Anvil's account 9: not ours.
pub(super) const STRANGER: &str = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720";
pub(super) const USDT: &str = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
pub(super) const TRON_STRANGER: &str = "TAdPhL67oBXwwNVvFQuMzNh9yWHmiptf8H";
pub(super) const TRON_USDT: &str = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";
pub(super) const BITCOIN_STRANGER: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
pub(super) const EPOCH: u64 = 10;
/// 2026-11-23T12:00:00Z.
pub(super) const NOON_US: u64 = 1_795_435_200_000_000;

pub(super) struct Rig {
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Arc<AtomicU64>,
    pub(super) core: Core,
}

pub(super) const fn at(purpose: KeyPurpose, index: u32) -> KeyPath {
    KeyPath { purpose, index, change: false }
}

pub(super) const HOT: KeyPath = at(KeyPurpose::Hot, 0);
pub(super) const DEPOSIT: KeyPath = at(KeyPurpose::Deposit, 0);
pub(super) const GAS: KeyPath = at(KeyPurpose::Gas, 0);

pub(super) const fn id(number: u8) -> PaymentId {
    PaymentId([number; 16])
}

pub(super) fn address(text: &str) -> ChainAddress {
    ChainAddress::canonical(text).unwrap()
}

pub(super) fn person(key: u32) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[key as u8; 32]).unwrap()
}

fn coin(coin: Coin, unit: u128) -> CoinPolicy {
    let rule = |up_to: u128, approvals| Rule { up_to: Units(up_to * unit), approvals };
    let (hour_max, day_max) = (Units(20 * unit), Units(50 * unit));
    CoinPolicy { coin, asset: 7, hour_max, day_max, rules: vec![rule(2, 0), rule(5, 1), rule(15, 2)] }
}

fn network(network: Network, sweep_to: ChainAddress) -> (Network, NetworkPolicy) {
    let (unit, fee_max, tokens) = match network {
        Network::Bitcoin => (100_000_000, 100_000, vec![]),
        Network::Tron => (1_000_000, 100_000_000, vec![coin(Coin::Token(address(TRON_USDT)), 1_000_000_000)]),
        _ => (ETHER, ETHER / 10, vec![coin(Coin::Token(address(USDT)), 1_000_000_000)]),
    };
    let chain = NetworkParams::mainnet(network).parameters();
    // TRX are counted by the thousand.
    let native = if network == Network::Tron { 1_000 * unit } else { unit };
    let mut coins = vec![coin(Coin::Native, native)];
    coins.extend(tokens);
    let fee_free = Units(fee_max / 10);
    let of = NetworkPolicy {
        chain,
        fee_max: Units(fee_max),
        fee_permille_max: 50,
        fee_free,
        fee_minor_unit: Units(if network == Network::Ethereum { 1_000 } else { 1 }),
        sweep_to: vec![sweep_to],
        stake: false,
        decided_only: network == Network::Polygon,
        coins,
    };
    (network, of)
}

pub(super) fn policy(version: u64) -> Policy {
    let hot = [
        (Network::Bitcoin, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (Network::Ethereum, "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
        (Network::Polygon, "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
        (Network::Tron, "TR6fZjCQMT2ecGCTrDT47ccCRY83MK5jUv"),
    ];
    let networks: BTreeMap<_, _> = hot.into_iter().map(|(name, to)| network(name, address(to))).collect();
    let approver = |(key, person_name): (u32, &str)| Approver {
        key,
        person: person_name.to_owned(),
        public: hex::encode(person(key).public_key().as_ref()),
    };
    // Two keys are Bob's.
    let approvers = [(1, "Alice"), (2, "Bob"), (3, " bob "), (4, "Carol")].into_iter().map(approver).collect();
    Policy { version, cluster: CLUSTER.to_string(), networks, approvers }
}

impl Rig {
    /// A signer that has followed the log up to index 20, in which epoch 10 began.
    pub(super) fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        let key = folder.path().join("key");
        sealed::create_key_file(&key).unwrap();
        let vault = sealed::import(&path, WORDS, &Opener::KeyFile(&key), Timestamp(NOON_US)).unwrap();
        prepare(&path, &vault, &serde_json::to_string(&policy(1)).unwrap(), Timestamp(NOON_US)).unwrap();
        let clock = Arc::new(AtomicU64::new(NOON_US));
        let core = open(&path, &clock);
        let rig = Rig { folder, clock, core };
        rig.core.follow(Feed { lineage: 0, epoch: EPOCH, after: 0, to: 20, entries: vec![] }).unwrap();
        rig
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    /// The process ends and begins again.
    pub(super) fn restart(self) -> Rig {
        let Rig { folder, clock, core } = self;
        drop(core);
        let core = open(&folder.path().join("vault"), &clock);
        Rig { folder, clock, core }
    }

    /// The same signer with a policy by which TRX may be staked.
    pub(super) fn staking(self) -> Rig {
        let mut policy = policy(2);
        policy.networks.get_mut(&Network::Tron).unwrap().stake = true;
        let vault = sealed::open(&self.path(), &Opener::KeyFile(&self.folder.path().join("key"))).unwrap();
        crate::policy::install(&self.path(), &vault, &serde_json::to_string(&policy).unwrap()).unwrap();
        self.restart()
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(super) fn feed(&self, entries: Vec<Committed>) -> Result<u64, Verdict> {
        let after = self.core.standing().unwrap().followed;
        let to = after + entries.len() as u64;
        let entries = entries.into_iter().zip(after + 1..).map(|(entry, index)| (index, entry)).collect();
        self.core.follow(Feed { lineage: 0, epoch: EPOCH, after, to, entries })
    }

    pub(super) fn own(&self, network: Network, path: KeyPath) -> ChainAddress {
        let scheme = if network == Network::Bitcoin { Scheme::Segwit } else { Scheme::Keccak };
        self.core.address(network, 0, path, scheme).unwrap().0
    }

    pub(super) fn request(&self, unsigned: &Unsigned, intent: Intent) -> SigningRequest {
        let params = NetworkParams::mainnet(unsigned.network());
        let description = unsigned.effects(&params).unwrap();
        SigningRequest { epoch: EPOCH, generation: 0, intent, description }
    }

    pub(super) fn ask(&self, unsigned: &Unsigned, request: &SigningRequest) -> Result<(Code, Given), Verdict> {
        let request = serde_json::to_vec(request).unwrap();
        self.core.sign(&unsigned.encode(), &request, None).map(|(verdict, given)| (verdict.code, given))
    }

    pub(super) fn signed(&self, unsigned: &Unsigned, intent: Intent) -> Given {
        let (code, given) =
            self.ask(unsigned, &self.request(unsigned, intent)).unwrap_or_else(|verdict| panic!("{verdict}"));
        assert_eq!(code, Code::Signed);
        given
    }

    /// It is refused for this reason, the decision log says so in its last line, whose chain is whole.
    pub(super) fn refused(&self, unsigned: &Unsigned, request: &SigningRequest, code: Code) {
        let before = self.core.standing().unwrap().decisions;
        match self.ask(unsigned, request) {
            Ok(_) => panic!("{code:?} was signed"),
            Err(verdict) => assert_eq!(verdict.code, code, "{verdict}"),
        }
        self.told(before + 1, code);
    }

    pub(super) fn told(&self, number: u64, code: Code) {
        let line = verify_decisions(&self.path().join("decisions.log")).unwrap().unwrap();
        assert_eq!((line.number, line.verdict.as_str()), (number, code.as_str()));
    }

    /// The intent refused as it is asked for plainly.
    pub(super) fn refuses(&self, unsigned: &Unsigned, intent: Intent, code: Code) {
        self.refused(unsigned, &self.request(unsigned, intent), code);
    }

    pub(super) fn evm_from(&self, key: KeyPath, nonce: u64, action: EvmAction, max_fee: u128) -> Unsigned {
        let from = account_of_text(self.own(Network::Ethereum, key).as_str()).unwrap();
        let fees = EvmFees::Dynamic { max_fee, tip: 1 };
        let tx = EvmTx { chain_id: 1, nonce, fees, gas: 100_000, action };
        Unsigned::Evm(UnsignedEvm::new(&NetworkParams::mainnet(Network::Ethereum), key, from, tx).unwrap())
    }

    /// From the hot wallet, in thousandths of an ether.
    pub(super) fn evm(&self, nonce: u64, to: &str, milli: u128) -> Unsigned {
        let to = account_of_text(to).unwrap();
        self.evm_from(HOT, nonce, EvmAction::Transfer { to, amount: milli * ETHER / 1_000 }, 10_000_000_000)
    }

    pub(super) fn noop(&self, nonce: u64) -> Unsigned {
        self.evm(nonce, self.own(Network::Ethereum, HOT).as_str(), 0)
    }

    pub(super) fn tron(&self, key: KeyPath, action: TronAction, made_s: u64) -> Unsigned {
        let owner = exchequer_chains::tron::account_of_text(self.own(Network::Tron, key).as_str()).unwrap();
        let made_ms = NOON_US / 1_000 + made_s * 1_000;
        let fee_limit = if matches!(action, TronAction::TokenTransfer { .. }) { 30_000_000 } else { 0 };
        let ref_block = RefBlock { bytes: [1, 2], hash: [3; 8] };
        let tx = TronTx { owner, action, ref_block, expires_ms: made_ms + 300_000, made_ms, fee_limit };
        Unsigned::Tron(UnsignedTron::new(&NetworkParams::mainnet(Network::Tron), key, tx).unwrap())
    }

    /// Spends coins of one bitcoin each, which are said to be of so many satoshi; pays, and gives the rest but 10,000 back.
    pub(super) fn bitcoin(&self, inputs: &[(u8, u64)], pays: &[(&str, u64)]) -> Unsigned {
        let coin = |number| exchequer_domain::OutPoint { tx: exchequer_domain::TxId([number; 32]), vout: 0 };
        let inputs: Vec<_> = inputs.iter().map(|(number, amount)| (coin(*number), *amount)).collect();
        self.bitcoin_of(&inputs, pays)
    }

    /// The same out of any coins.
    pub(super) fn bitcoin_of(&self, inputs: &[(exchequer_domain::OutPoint, u64)], pays: &[(&str, u64)]) -> Unsigned {
        use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
        let params = NetworkParams::mainnet(Network::Bitcoin);
        let own = script_of(&params, &self.own(Network::Bitcoin, HOT)).unwrap();
        let back = KeyPath { change: true, ..HOT };
        let back_to = script_of(&params, &self.own(Network::Bitcoin, back)).unwrap();
        let script = |bytes: &[u8]| ScriptBuf::from_bytes(bytes.to_vec());
        let named = |tx: exchequer_domain::TxId| {
            let mut bytes = tx.0;
            bytes.reverse();
            Txid::from_byte_array(bytes)
        };
        let input = |(coin, _): &(exchequer_domain::OutPoint, u64)| TxIn {
            previous_output: OutPoint { txid: named(coin.tx), vout: coin.vout },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        };
        let pay = |(to, amount): &(&str, u64)| TxOut {
            value: Amount::from_sat(*amount),
            script_pubkey: script(&script_of(&params, &address(to)).unwrap()),
        };
        let coins: Vec<Coins> =
            inputs.iter().map(|(_, amount)| Coins { amount: *amount, script: own.to_vec(), key: HOT }).collect();
        let have: u64 = inputs.iter().map(|(_, amount)| amount).sum();
        let paid: u64 = pays.iter().map(|(_, amount)| amount).sum();
        let mut output: Vec<TxOut> = pays.iter().map(pay).collect();
        output.push(TxOut { value: Amount::from_sat(have - paid - 10_000), script_pubkey: script(&back_to) });
        let tx = Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: inputs.iter().map(input).collect(),
            output,
        };
        let change = vec![(pays.len() as u32, back)];
        Unsigned::Bitcoin(UnsignedBitcoin::new(&params, tx, coins, change).unwrap())
    }
}

fn open(path: &std::path::Path, clock: &Arc<AtomicU64>) -> Core {
    let (wall, ticks) = (Arc::clone(clock), Arc::clone(clock));
    let wall = Box::new(move || Timestamp(wall.load(Ordering::SeqCst)));
    let ticks = Box::new(move || std::time::Duration::from_micros(ticks.load(Ordering::SeqCst)));
    let core = Core::with_ticks(path, wall, ticks).unwrap();
    let key = path.parent().unwrap().join("key");
    let verdict = core.unseal(Some(&Opener::KeyFile(&key)));
    assert_eq!(verdict.code, Code::Done, "{verdict}");
    core
}

/// The end of approvals.
pub(super) const UNTIL: Timestamp = Timestamp(NOON_US + 86_400_000_000);

/// A payment of a customer's, with these approvals.
pub(super) fn order(number: u8, approvals: Vec<Approval>) -> Instruction {
    let (withdrawal, initiator) = (number.into(), "user 7".into());
    Instruction { withdrawal, initiator, memo: None, fee_cap: 1_000_000_000_000_000, until: UNTIL, approvals }
}

/// The name of a withdrawal's payment.
pub(super) fn paid(number: u8) -> PaymentId {
    PaymentId::of_withdrawal(number.into())
}

/// A customer's withdrawal that nobody need approve.
pub(super) fn withdrawal(number: u8) -> Intent {
    Intent::Withdrawal(vec![order(number, vec![])])
}

/// What somebody signs over the first payment of a transaction.
pub(super) fn consent(key: u32, unsigned: &Unsigned, order: &Instruction) -> Approval {
    let network = unsigned.network();
    let effects = unsigned.effects(&NetworkParams::mainnet(network)).unwrap();
    let payment: &Payment = &effects.payments[0];
    let hash = payment_hash(7, network, payment, order.memo.as_deref(), order.fee_cap).unwrap();
    let bytes = approval_bytes(CLUSTER, order.withdrawal, hash, order.until);
    Approval { key, signature: hex::encode(person(key).sign(&bytes).as_ref()) }
}

/// The chain that a policy says.
pub(super) const fn chain(chain_id: u64) -> Parameters {
    Parameters::Evm { chain_id }
}
