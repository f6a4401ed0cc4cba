//! Nodes of TRON, by their HTTP interface. Blocks and fates come from the solidified side where it has them.

mod answers;
mod classify;
mod wire;

use exchequer_domain::{BlockHash, ChainAddress, OutPoint, TxId};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::answers::{WireAccount, WireBroadcast, WireError, WireLent, WireParameters, WireResources, WireTrial};
pub use self::classify::classify;
use self::wire::{WireInfo, WireTx, is_nothing};
pub(super) use self::wire::{header_at, join};
use super::evm::borrowed;
use super::{
    Account, Asking, Broadcast, ChainNode, DECIMALS, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Transfer,
    Trial, TrialCall, TronAccount, amount_of, decimals_of,
};
use crate::rpc::{RpcError, Transport};
use crate::scan::{Block, Header, Key, tron_transfers};
use crate::{Coin, NetworkParams, TxError};

/// What nodes say instead of an answer when they are asked too much.
const THROTTLED: &str = "lack of computing resources";
/// The call of a token for a balance.
const BALANCE_OF: &str = "70a08231";
/// What java-tron calls a call that the contract's code did not come through, by the names of its errors; not that
/// its time ran out, which as often as not is the node's own pause.
const FAILED_IN_IT: [&str; 12] = [
    "IllegalOperationException",
    "BadJumpDestinationException",
    "StackTooSmallException",
    "StackTooLargeException",
    "OutOfEnergyException",
    "OutOfMemoryException",
    "JVMStackOverFlowException",
    "ReturnDataCopyIllegalBoundsException",
    "PrecompiledContractException",
    "StaticCallModificationException",
    "BytecodeExecutionException",
    "TransferException",
];
/// What nodes say of a call of a contract that is not there, under `CONTRACT_VALIDATE_ERROR`.
const NO_CONTRACT: &str = "Smart contract is not exist";
/// Most balances that are asked for at one block: more would not be answered before the next one.
const BALANCES_MAX: usize = 200;

/// The name of block 0 of the live network.
const GENESIS: [u8; 32] = [
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1e, 0xbf, 0x88, 0x50, 0x8a, 0x03, 0x86, 0x5c, 0x71, 0xd4, 0x52,
    0xe2, 0x5f, 0x4d, 0x51, 0x19, 0x41, 0x96, 0xa1, 0xd2, 0x2b, 0x66, 0x53, 0xdc,
];

/// What is settled about a node.
#[derive(Debug, Clone, Copy)]
pub struct TronOptions {
    /// The name of the network's block 0, by which networks are told apart; TRON has no other mark. `None`: not compared.
    pub genesis: Option<BlockHash>,
}

impl Default for TronOptions {
    /// Of the live network.
    fn default() -> TronOptions {
        TronOptions { genesis: Some(BlockHash(GENESIS)) }
    }
}

impl TronOptions {
    /// Of whatever network: parameters do not tell test networks apart.
    #[must_use]
    pub const fn any() -> TronOptions {
        TronOptions { genesis: None }
    }
}

/// A node of TRON.
#[derive(Debug)]
pub struct TronNode {
    transport: Transport,
    params: NetworkParams,
    options: TronOptions,
}

/// The side of a node that is asked.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// The branch's end, which may still be left.
    Full,
    /// Final blocks only.
    Solid,
}

impl TronNode {
    /// A node by the way to it.
    #[must_use]
    pub fn new(transport: Transport, params: NetworkParams, options: TronOptions) -> TronNode {
        TronNode { transport, params, options }
    }

    /// Asks; an error that comes with status 200 is one all the same.
    async fn ask(&self, side: Side, what: &str, body: Value) -> Result<Box<RawValue>, RpcError> {
        let root = match side {
            Side::Full => "wallet",
            Side::Solid => "walletsolidity",
        };
        let answer = self.transport.post(&format!("{root}/{what}"), body.to_string().into_bytes()).await?;
        let Ok(json) = serde_json::from_slice::<Box<RawValue>>(&answer.body) else {
            return Err(answer.failure("no JSON"));
        };
        if json.get().starts_with('{') {
            let wire: WireError<'_> = serde_json::from_str(json.get()).map_err(|error| RpcError::misshapen(&error))?;
            if let Some(error) = wire.error {
                let message = self.transport.endpoint().clean(error.get().trim_matches('"'));
                if message.contains(THROTTLED) {
                    return Err(RpcError::Busy { after: None });
                }
                return Err(RpcError::Refused { code: 0, message, data: None });
            }
        }
        if answer.status.is_success() { Ok(json) } else { Err(answer.failure("an error without words")) }
    }

    async fn identify(&self) -> Result<bool, NodeError> {
        let genesis = self.ask(Side::Full, "getblockbynum", json!({"num": 0})).await?;
        if is_nothing(&genesis) {
            return Err(NodeError::incomplete("the node has no block 0"));
        }
        let found = wire::header(&genesis)?.block.hash;
        Ok(self.options.genesis.is_none_or(|ours| ours == found))
    }

    async fn heads(&self) -> Result<Heads, NodeError> {
        // The final one first: in the other order it could be above the head.
        let finalized = wire::header(&self.ask(Side::Solid, "getnowblock", json!({})).await?)?;
        let head = wire::header(&self.ask(Side::Full, "getnowblock", json!({})).await?)?;
        Ok(Heads { head, safe: None, finalized: Some(finalized) })
    }

    /// The block of a height, and the side that has it.
    async fn raw_block(&self, height: u64) -> Result<Option<(Side, Box<RawValue>)>, NodeError> {
        for side in [Side::Solid, Side::Full] {
            let json = self.ask(side, "getblockbynum", json!({"num": height})).await?;
            if is_nothing(&json) {
                continue;
            }
            header_at(height, &json)?;
            return Ok(Some((side, json)));
        }
        Ok(None)
    }

    async fn header(&self, height: u64) -> Result<Option<Header>, NodeError> {
        self.raw_block(height).await?.map(|(_, json)| header_at(height, &json)).transpose()
    }

    async fn block(&self, height: u64) -> Result<Option<Block>, NodeError> {
        let Some((side, block)) = self.raw_block(height).await? else { return Ok(None) };
        let infos = self.ask(side, "gettransactioninfobyblocknum", json!({"num": height})).await?;
        let joined = join(&block, &infos)?;
        // The two answers are joined by height: on the full side a reorganisation could have come between them.
        if let Side::Full = side {
            let again = self.ask(side, "getblockbynum", json!({"num": height})).await?;
            if is_nothing(&again) || wire::header(&again)? != joined.header {
                return Err(NodeError::incomplete("the node left its branch meanwhile"));
            }
        }
        Ok(Some(Block::Tron(joined)))
    }

    async fn broadcast(&self, tx: TxId, raw: &[u8]) -> Broadcast {
        // `broadcasttransaction` would write the signed part anew out of JSON.
        let body = json!({"transaction": hex::encode(raw)});
        match self.ask(Side::Full, "broadcasthex", body).await {
            Ok(json) => match borrowed::<WireBroadcast>(&json) {
                Ok(wire) => {
                    let named = wire.txid.as_deref().map(str::parse::<TxId>);
                    let message = self.transport.endpoint().clean(wire.message.as_deref().unwrap_or_default());
                    match (wire.result, wire.code.as_deref().unwrap_or("SUCCESS"), named) {
                        (_, _, Some(named)) if named != Ok(tx) => {
                            Broadcast::Unknown("the node named another transaction".to_owned())
                        }
                        (true, "SUCCESS", _) => Broadcast::Accepted,
                        (false, "SUCCESS", _) => Broadcast::Unknown(message),
                        (_, code, _) => classify(code, &message),
                    }
                }
                Err(error) => Broadcast::Unknown(error.to_string()),
            },
            // Also a refusal: what the interface says in `Error` is about the request, not about the transaction.
            Err(error) => Broadcast::Unknown(error.to_string()),
        }
    }

    async fn fate(&self, tx: TxId) -> Result<Fate, NodeError> {
        let body = json!({"value": tx.to_string()});
        for side in [Side::Solid, Side::Full] {
            let info = self.ask(side, "gettransactioninfobyid", body.clone()).await?;
            let json = self.ask(side, "gettransactionbyid", body.clone()).await?;
            match (is_nothing(&info), is_nothing(&json)) {
                (true, true) => {}
                (false, false) => return self.included(tx, side, &info, &json).await,
                // On the full side a transaction that waits in the pool is known, and has not ended yet.
                (true, false) if matches!(side, Side::Full) => return Ok(Fate::Pending),
                (_, _) => return Err(NodeError::incomplete("the node knows half of the transaction")),
            }
        }
        let waits = self.ask(Side::Full, "gettransactionfrompending", body).await?;
        Ok(if is_nothing(&waits) { Fate::Unseen } else { Fate::Pending })
    }

    async fn included(&self, tx: TxId, side: Side, info: &RawValue, json: &RawValue) -> Result<Fate, NodeError> {
        let wire_info: WireInfo<'_> = borrowed(info)?;
        let wire_tx: WireTx<'_> = borrowed(json)?;
        let unreadable = || NodeError::unreadable("a transaction that cannot be read");
        let info = wire::info(&wire_info).ok_or_else(unreadable)?;
        let found = wire::transaction(&wire_tx).ok_or_else(unreadable)?;
        if info.id != tx || found.id != tx {
            return Err(NodeError::unreadable("another transaction"));
        }
        let json = self.ask(side, "getblockbynum", json!({"num": wire_info.block_number})).await?;
        if is_nothing(&json) {
            return Err(NodeError::incomplete("the transaction's block is missing"));
        }
        let block = wire::header(&json)?.block;
        let receipt = info.receipt.as_deref();
        let ok = found.ok && info.ok && receipt.is_none_or(|receipt| receipt == "SUCCESS");
        let transfers: Vec<Transfer> = super::facts_of(&self.params, tron_transfers(&found, &info));
        Ok(Fate::Included { block, ok, transfers, fee: Some(u128::from(wire_info.fee)) })
    }

    async fn fees(&self) -> Result<FeeFacts, NodeError> {
        let json = self.ask(Side::Full, "getchainparameters", json!({})).await?;
        let parameters: WireParameters = borrowed(&json)?;
        let of = |key: &str| {
            let found = parameters.list.iter().find(|parameter| parameter.key == key);
            // A key that is missing is another node's; a value that is missing is 0.
            let value = found.ok_or_else(|| NodeError::unreadable(format!("no parameter {key}")))?.value;
            u64::try_from(value).map_err(|_| NodeError::unreadable(format!("parameter {key} is negative")))
        };
        Ok(FeeFacts::Tron {
            energy: of("getEnergyFee")?,
            bandwidth: of("getTransactionFee")?,
            create_account: of("getCreateAccountFee")?,
            create_account_system: of("getCreateNewAccountFeeInSystemContract")?,
            memo: of("getMemoFee")?,
            limit_max: of("getMaxFeeLimit")?,
        })
    }

    /// An address as this interface takes it, in hexadecimal form.
    fn hex(&self, address: &ChainAddress) -> Result<String, NodeError> {
        match Key::of_address(&self.params, address).map_err(TxError::from)? {
            Key::Account(account) => Ok(format!("{:02x}{}", self.params.tron_prefix()?, hex::encode(account))),
            Key::Script(_) => Err(NodeError::NoSuchThing("scripts")),
        }
    }

    async fn account(&self, address: &ChainAddress) -> Result<Account, NodeError> {
        let body = json!({"address": self.hex(address)?});
        let account = self.ask(Side::Solid, "getaccount", body.clone()).await?;
        if is_nothing(&account) {
            return Ok(Account::Tron(TronAccount::default()));
        }
        let account = borrowed::<WireAccount>(&account)?;
        let json = self.ask(Side::Full, "getaccountresource", body).await?;
        let wire: WireResources = borrowed(&json)?;
        Ok(Account::Tron(TronAccount {
            activated: true,
            balance: account.balance,
            energy: wire.energy_limit.saturating_sub(wire.energy_used),
            bandwidth_staked: wire.net_limit.saturating_sub(wire.net_used),
            bandwidth_free: wire.free_net_limit.saturating_sub(wire.free_net_used),
            staked: account.staked(),
            energy_stake: account.energy_stake(),
            energy_lent: account.account_resource.lent_for_energy,
            energy_used: wire.energy_used,
            energy_of_all: wire.total_energy_limit,
            stake_of_all: wire.total_energy_weight,
            ending: account.ending.len() as u64,
            free_ms: account.ending.iter().map(|one| one.free_ms).min().unwrap_or(0),
        }))
    }

    async fn lent(&self, owner: &ChainAddress, to: &ChainAddress) -> Result<u64, NodeError> {
        let body = json!({"fromAddress": self.hex(owner)?, "toAddress": self.hex(to)?});
        let json = self.ask(Side::Solid, "getdelegatedresourcev2", body).await?;
        let lent: WireLent = borrowed(&json)?;
        Ok(lent.parts.iter().fold(0, |sum, part| sum.saturating_add(part.for_energy)))
    }

    /// These answers name no block: they count only where the node was at the wanted one before and after.
    async fn balances(&self, of: &[(ChainAddress, Coin)], at: Header) -> Result<Vec<Option<u128>>, NodeError> {
        if of.len() > BALANCES_MAX {
            return Err(NodeError::NoSuchThing("more than 200 balances at one block; ask for fewer at once"));
        }
        self.solid_is(at).await?;
        let mut balances = Vec::with_capacity(of.len());
        for (address, coin) in of {
            balances.push(match coin {
                Coin::Native => {
                    let json = self.ask(Side::Solid, "getaccount", json!({"address": self.hex(address)?})).await?;
                    // What is staked is its own as well.
                    let account = borrowed::<WireAccount>(&json)?;
                    Some(u128::from(account.balance).saturating_add(account.staked().into()))
                }
                Coin::Token(token) => self.token_balance(address, token).await?,
            });
        }
        self.solid_is(at).await?;
        Ok(balances)
    }

    async fn solid_is(&self, at: Header) -> Result<(), NodeError> {
        let solid = wire::header(&self.ask(Side::Solid, "getnowblock", json!({})).await?)?;
        if solid.block == at.block { Ok(()) } else { Err(NodeError::incomplete("the node is not at that block")) }
    }

    async fn token_balance(&self, address: &ChainAddress, token: &ChainAddress) -> Result<Option<u128>, NodeError> {
        let owner = self.hex(address)?;
        let data = format!("{BALANCE_OF}{:0>64}", owner.get(2..).unwrap_or_default());
        let body = json!({"owner_address": owner, "contract_address": self.hex(token)?, "data": data});
        Ok(told(self.constant(Side::Solid, body).await)?.and_then(|returned| amount_of(&returned)))
    }

    async fn constant(&self, side: Side, body: Value) -> Result<Trial, NodeError> {
        let json = self.ask(side, "triggerconstantcontract", body).await?;
        let wire: WireTrial<'_> = borrowed(&json)?;
        let words = |message: &str| {
            let plain = hex::decode(message).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            self.transport.endpoint().clean(plain.as_deref().unwrap_or(message))
        };
        let message = wire.result.message.map(words);
        if !wire.result.result {
            let code = wire.result.code.unwrap_or("no code");
            let message = format!("{code}: {}", message.unwrap_or_default());
            return Err(NodeError::Rpc(RpcError::Refused { code: 0, message, data: None }));
        }
        // A revert comes with a result of true.
        let failed = wire.transaction.pointer("/ret/0/ret").and_then(Value::as_str).is_some_and(|ret| ret != "SUCESS");
        if failed || message.is_some() {
            return Ok(Trial::Reverted { reason: message.unwrap_or_else(|| "FAILED".to_owned()) });
        }
        // A call that returns nothing has an empty one.
        let returned = wire.constant_result.first().ok_or_else(|| NodeError::unreadable("no result of a call"))?;
        let returned = hex::decode(returned).map_err(NodeError::unreadable)?;
        Ok(Trial::Done { returned, units: wire.energy_used })
    }

    async fn decimals(&self, token: &ChainAddress) -> Result<Option<u8>, NodeError> {
        let contract = self.hex(token)?;
        let body = json!({"owner_address": contract, "contract_address": contract, "data": hex::encode(DECIMALS)});
        Ok(told(self.constant(Side::Full, body).await)?.and_then(|returned| decimals_of(&returned)))
    }

    async fn trial(&self, call: &TrialCall) -> Result<Trial, NodeError> {
        let value = u64::try_from(call.value).map_err(|_| NodeError::NoSuchThing("so much coin"))?;
        let body = json!({
            "owner_address": self.hex(&call.from)?,
            "contract_address": self.hex(&call.to)?,
            "data": hex::encode(&call.data),
            "call_value": value,
        });
        self.constant(Side::Full, body).await
    }
}

/// What a contract returned; none where it failed, or is not there. That there is none is said by one node, and agreed on by those who
/// ask several.
fn told(trial: Result<Trial, NodeError>) -> Result<Option<Vec<u8>>, NodeError> {
    match trial {
        Ok(Trial::Done { returned, .. }) => Ok(Some(returned)),
        Ok(Trial::Reverted { .. }) => Ok(None),
        Err(NodeError::Rpc(RpcError::Refused { message, .. }))
            if message.contains(NO_CONTRACT) || FAILED_IN_IT.iter().any(|name| message.contains(name)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl ChainNode for TronNode {
    fn name(&self) -> String {
        self.transport.endpoint().to_string()
    }
    fn provider(&self) -> String {
        self.transport.endpoint().provider()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(self.identify())
    }
    fn heads(&self) -> Asking<'_, Heads> {
        Box::pin(self.heads())
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        Box::pin(self.header(height))
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        Box::pin(self.block(height))
    }
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(self.broadcast(tx, raw))
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        Box::pin(self.fate(tx))
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        Box::pin(self.fees())
    }
    fn account<'a>(&'a self, address: &'a ChainAddress) -> Asking<'a, Account> {
        Box::pin(self.account(address))
    }
    fn lent<'a>(&'a self, owner: &'a ChainAddress, to: &'a ChainAddress) -> Asking<'a, u64> {
        Box::pin(self.lent(owner, to))
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        Box::pin(async { Err(NodeError::NoSuchThing("outputs")) })
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        Box::pin(self.balances(of, at))
    }
    fn decimals<'a>(&'a self, token: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        Box::pin(self.decimals(token))
    }
    fn trial<'a>(&'a self, call: &'a TrialCall) -> Asking<'a, Trial> {
        Box::pin(self.trial(call))
    }
}
