//! What one transaction does: who pays for its bytes and its energy, and what moves.

use super::address::Address;
use super::proto::{Fields, Kind, Raw, Transaction};
use super::refusal::{Code, Refusal};
use super::token::Log;
use super::world::{Account, Loan, Resource, TRX, World};
use prost::Message as _;

/// What a result may add to a transaction's bytes, counted for every contract.
const RESULT_BYTES: i64 = 64;
/// A block's time: the period of a lock is counted in blocks.
const BLOCK_MS: i64 = 3_000;
/// A stake that ends is free after 14 days.
const ENDS_MS: i64 = 14 * 86_400_000;
/// Parts of a stake that may end at once.
const ENDING_MOST: usize = 32;
/// A lock without a period holds three days.
const LOCK_MS: i64 = 259_200_000;

/// How a transaction ended, as its block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// It did what it says.
    Success,
    /// The contract refused.
    Revert,
    /// The limit did not reach; what was burned is lost.
    OutOfEnergy,
}

impl Ret {
    /// As JSON says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Ret::Success => "SUCCESS",
            Ret::Revert => "REVERT",
            Ret::OutOfEnergy => "OUT_OF_ENERGY",
        }
    }
}

/// What a transaction did and cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// All that was burned, in sun.
    pub fee: i64,
    /// Bytes paid by stake or for free.
    pub net_usage: i64,
    /// Sun burned for bytes.
    pub net_fee: i64,
    /// Energy paid by stake.
    pub energy_usage: i64,
    /// Sun burned for energy.
    pub energy_fee: i64,
    /// All energy.
    pub energy_total: i64,
    /// Of that what the contract's factor added.
    pub energy_penalty: i64,
    /// How it ended.
    pub ret: Ret,
    /// Whether a contract was called, and which.
    pub contract: Option<Address>,
    /// What the contract returned.
    pub result: Vec<u8>,
    /// What it logged.
    pub logs: Vec<Log>,
}

/// A transaction that was taken apart.
#[derive(Debug, Clone)]
pub struct Read {
    /// The bytes it came as.
    pub transaction: Transaction,
    /// What is signed.
    pub raw: Raw,
    /// Its kind.
    pub kind: &'static Kind,
    /// What it says.
    pub fields: Fields,
    /// Who does it.
    pub owner: Address,
}

impl Read {
    /// Takes a transaction apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(transaction: Transaction) -> Result<Read, Refusal> {
        let wrong = |why: &str| Refusal::validate(why);
        let raw = Raw::decode(transaction.raw.as_slice()).map_err(|_| wrong("raw_data is no message"))?;
        let [contract] = raw.contract.as_slice() else {
            return Err(wrong("exactly one contract is needed"));
        };
        let kind = Kind::by_number(contract.kind).ok_or_else(|| wrong("the simulator does not know this contract"))?;
        let any = contract.parameter.as_ref().ok_or_else(|| wrong("no contract!"))?;
        if any.type_url != kind.type_url() {
            return Err(wrong("contract type error"));
        }
        let fields = Fields::decode(kind, &any.value).ok_or_else(|| wrong("the contract is no message"))?;
        let tag = kind.fields.iter().find(|(_, name, _)| *name == "owner_address").map_or(1, |(tag, ..)| *tag);
        let owner = fields.address(tag).ok_or_else(|| wrong("Invalid address"))?;
        Ok(Read { transaction, raw, kind, fields, owner })
    }

    /// Bytes that have to be paid.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        i64::try_from(self.transaction.encoded_len()).unwrap_or(i64::MAX).saturating_add(RESULT_BYTES)
    }
}

/// Executes a transaction. Where it is refused the world may be half changed: it is to be thrown away.
///
/// # Errors
/// Why a node would not take it.
pub(super) fn execute(world: &mut World, read: &Read, now_ms: i64) -> Result<Info, Refusal> {
    if !world.accounts.contains_key(&read.owner) {
        return Err(Refusal::validate(&format!("Validate {} error, no OwnerAccount.", read.kind.name)));
    }
    let mut info = Info {
        fee: 0,
        net_usage: 0,
        net_fee: 0,
        energy_usage: 0,
        energy_fee: 0,
        energy_total: 0,
        energy_penalty: 0,
        ret: Ret::Success,
        contract: None,
        result: Vec::new(),
        logs: Vec::new(),
    };
    let created = created_by(world, read);
    pay_bytes(world, read, created.is_some(), now_ms, &mut info)?;
    if !read.raw.data.is_empty() {
        burn(world, read.owner, world.parameters.memo_fee, &mut info)?;
    }
    if let Some(address) = created {
        // What the protocol takes for a new account, besides the bytes.
        burn(world, read.owner, world.parameters.new_account_fee, &mut info)
            .map_err(|_| Refusal::validate(&format!("Validate {} error, insufficient fee.", read.kind.name)))?;
        world.accounts.insert(address, Account { created_ms: now_ms, ..Account::default() });
    }
    match read.kind.name {
        "TransferContract" => transfer(world, read)?,
        "AccountCreateContract" => {
            if created.is_none() {
                return Err(Refusal::validate("Account has existed"));
            }
        }
        "TriggerSmartContract" => trigger(world, read, now_ms, &mut info)?,
        "FreezeBalanceV2Contract" => freeze(world, read)?,
        "UnfreezeBalanceV2Contract" => unfreeze(world, read, now_ms)?,
        "WithdrawExpireUnfreezeContract" => collect(world, read, now_ms)?,
        "DelegateResourceContract" => delegate(world, read, now_ms)?,
        "UnDelegateResourceContract" => undelegate(world, read, now_ms)?,
        other => return Err(Refusal::validate(&format!("{other}: No asset!"))),
    }
    Ok(info)
}

/// The account that the transaction brings into being.
fn created_by(world: &World, read: &Read) -> Option<Address> {
    let tag = match read.kind.name {
        "TransferContract" | "AccountCreateContract" => 2,
        _ => return None,
    };
    read.fields.address(tag).filter(|to| !world.accounts.contains_key(to))
}

fn owner<'a>(world: &'a mut World, read: &Read) -> Result<&'a mut Account, Refusal> {
    world.accounts.get_mut(&read.owner).ok_or_else(|| Refusal::validate("no OwnerAccount"))
}

fn burn(world: &mut World, from: Address, sun: i64, info: &mut Info) -> Result<(), Refusal> {
    let poor = || Refusal::new(Code::BandwithError, "Account resource insufficient error.");
    let account = world.accounts.get_mut(&from).ok_or_else(poor)?;
    account.balance = account.balance.checked_sub(sun).filter(|left| *left >= 0).ok_or_else(poor)?;
    info.fee += sun;
    Ok(())
}

/// Bytes are paid by stake, else by what is free, else by burning. Creating an account is never free.
fn pay_bytes(world: &mut World, read: &Read, creates: bool, now_ms: i64, info: &mut Info) -> Result<(), Refusal> {
    let (bytes, parameters) = (read.bytes(), world.parameters);
    let account = world.accounts.get(&read.owner).cloned().unwrap_or_default();
    let staked = world.left(Resource::Bandwidth, &account, now_ms) >= bytes;
    let free = !creates && parameters.free_net_limit - account.free_net.now(now_ms) >= bytes;
    if staked || free {
        let account = owner(world, read)?;
        let usage = if staked { &mut account.net.usage } else { &mut account.free_net };
        usage.add(bytes, now_ms);
        info.net_usage = bytes;
        return Ok(());
    }
    let sun = if creates { parameters.create_account_fee } else { bytes.saturating_mul(parameters.transaction_fee) };
    burn(world, read.owner, sun, info)?;
    info.net_fee = sun;
    Ok(())
}

fn transfer(world: &mut World, read: &Read) -> Result<(), Refusal> {
    let to = read.fields.address(2).ok_or_else(|| Refusal::validate("Invalid toAddress!"))?;
    let amount = read.fields.int(3);
    if to == read.owner {
        return Err(Refusal::validate("Cannot transfer TRX to yourself."));
    }
    if amount <= 0 {
        return Err(Refusal::validate("Amount must be greater than 0."));
    }
    if world.tokens.contains_key(&to) {
        return Err(Refusal::validate("Cannot transfer TRX to a smartContract."));
    }
    move_sun(world, read.owner, to, amount)
}

fn move_sun(world: &mut World, from: Address, to: Address, sun: i64) -> Result<(), Refusal> {
    let poor = || Refusal::validate("Validate TransferContract error, balance is not sufficient.");
    let sender = world.accounts.get_mut(&from).ok_or_else(poor)?;
    sender.balance = sender.balance.checked_sub(sun).filter(|left| *left >= 0).ok_or_else(poor)?;
    let receiver = world.accounts.entry(to).or_default();
    receiver.balance = receiver.balance.checked_add(sun).ok_or_else(|| Refusal::validate("long overflow"))?;
    Ok(())
}

fn trigger(world: &mut World, read: &Read, now_ms: i64, info: &mut Info) -> Result<(), Refusal> {
    let missing = || Refusal::validate("No contract or not a valid smart contract");
    let at = read.fields.address(2).ok_or_else(missing)?;
    let mut token = world.tokens.get(&at).cloned().ok_or_else(missing)?;
    let (parameters, limit) = (world.parameters, read.raw.fee_limit);
    if !(0..=parameters.max_fee_limit).contains(&limit) {
        let most = parameters.max_fee_limit;
        return Err(Refusal::validate(&format!("feeLimit must be >= 0 and <= {most}")));
    }
    let account = owner(world, read)?.clone();
    let staked = world.left(Resource::Energy, &account, now_ms);
    // The limit bounds all energy, also what stake pays for.
    let affordable = staked.saturating_add(account.balance.max(0) / parameters.energy_fee.max(1));
    let most = affordable.min(limit / parameters.energy_fee.max(1));
    let mut called = token.call(at, read.owner, read.fields.bytes(4));
    // None of the contracts takes money.
    called.reverted |= read.fields.int(3) != 0;
    let penalty = called.energy.saturating_mul(token.energy_factor) / 10_000;
    let wanted = called.energy.saturating_add(penalty);
    let used = wanted.min(most);
    info.contract = Some(at);
    info.energy_total = used;
    info.energy_penalty = penalty.min(used);
    info.energy_usage = used.min(staked);
    owner(world, read)?.energy.usage.add(info.energy_usage, now_ms);
    info.energy_fee = (used - info.energy_usage).saturating_mul(parameters.energy_fee);
    burn(world, read.owner, info.energy_fee, info)?;
    if wanted > most {
        info.ret = Ret::OutOfEnergy;
    } else if called.reverted {
        info.ret = Ret::Revert;
        info.result = called.result;
    } else {
        info.result = called.result;
        info.logs = called.logs;
        world.tokens.insert(at, token);
    }
    Ok(())
}

fn resource(read: &Read, tag: u32) -> Result<Resource, Refusal> {
    Resource::of(read.fields.int(tag))
        .ok_or_else(|| Refusal::validate("ResourceCode error, valid ResourceCode[BANDWIDTH, ENERGY]"))
}

fn freeze(world: &mut World, read: &Read) -> Result<(), Refusal> {
    let (sun, of) = (read.fields.int(2), resource(read, 3)?);
    if sun < TRX {
        return Err(Refusal::validate("frozenBalance must be greater than or equal to 1 TRX"));
    }
    let account = owner(world, read)?;
    if sun > account.balance {
        return Err(Refusal::validate("frozenBalance must be less than or equal to accountBalance"));
    }
    account.balance -= sun;
    account.stake_mut(of).frozen += sun;
    Ok(())
}

fn unfreeze(world: &mut World, read: &Read, now_ms: i64) -> Result<(), Refusal> {
    let (sun, of) = (read.fields.int(2), resource(read, 3)?);
    let account = owner(world, read)?;
    if sun <= 0 || sun > account.stake(of).frozen {
        return Err(Refusal::validate(&format!("Invalid unfreeze_balance, [{sun}] is invalid")));
    }
    if account.ending.len() >= ENDING_MOST {
        return Err(Refusal::validate("Invalid unfreeze operation, unfreezing times is over limit"));
    }
    account.stake_mut(of).frozen -= sun;
    account.ending.push((of, sun, now_ms.saturating_add(ENDS_MS)));
    Ok(())
}

fn collect(world: &mut World, read: &Read, now_ms: i64) -> Result<(), Refusal> {
    let account = owner(world, read)?;
    let free: i64 = account.ending.iter().filter(|(_, _, free)| *free <= now_ms).map(|(_, sun, _)| *sun).sum();
    if free == 0 {
        return Err(Refusal::validate("no unFreeze balance to withdraw "));
    }
    account.ending.retain(|(_, _, free)| *free > now_ms);
    account.balance += free;
    Ok(())
}

fn delegate(world: &mut World, read: &Read, now_ms: i64) -> Result<(), Refusal> {
    let (of, sun) = (resource(read, 2)?, read.fields.int(3));
    let to = read.fields.address(4).ok_or_else(|| Refusal::validate("Invalid receiverAddress"))?;
    if sun < TRX {
        return Err(Refusal::validate("delegateBalance must be greater than or equal to 1 TRX"));
    }
    if to == read.owner {
        return Err(Refusal::validate("receiverAddress must not be the same as ownerAddress"));
    }
    let account = owner(world, read)?.clone();
    if sun > world.lendable(of, &account, now_ms) {
        let text = "delegateBalance must be less than or equal to available FreezeEnergyV2 balance";
        return Err(Refusal::validate(text));
    }
    let Some(receiver) = world.accounts.get_mut(&to) else {
        return Err(Refusal::validate(&format!("Account[{to}] not exists")));
    };
    receiver.stake_mut(of).borrowed += sun;
    let stake = owner(world, read)?.stake_mut(of);
    stake.frozen -= sun;
    stake.lent += sun;
    let loan = world.loans.entry((read.owner, to, of)).or_default();
    loan.balance += sun;
    if read.fields.int(5) != 0 {
        let period = read.fields.int(6).saturating_mul(BLOCK_MS);
        loan.locked += sun;
        loan.locked_until_ms = now_ms.saturating_add(if period > 0 { period } else { LOCK_MS });
    }
    Ok(())
}

fn undelegate(world: &mut World, read: &Read, now_ms: i64) -> Result<(), Refusal> {
    let (of, sun) = (resource(read, 2)?, read.fields.int(3));
    let to = read.fields.address(4).ok_or_else(|| Refusal::validate("Invalid receiverAddress"))?;
    let Loan { balance, locked, locked_until_ms } = world.loans.get(&(read.owner, to, of)).copied().unwrap_or_default();
    let locked = if now_ms >= locked_until_ms { 0 } else { locked };
    if sun <= 0 {
        return Err(Refusal::validate("unDelegateBalance must be more than 0 TRX"));
    }
    if sun > balance - locked {
        return Err(Refusal::validate(&format!(
            "insufficient delegatedFrozenBalance, request={sun}, unlocked={}",
            balance - locked
        )));
    }
    let receiver = world.accounts.get(&to).cloned().unwrap_or_default();
    // What the borrower has used of the loan goes back with it, as used.
    let whole = world.limit(of, &receiver).max(1);
    let used = receiver.stake(of).usage.now(now_ms);
    let share = i128::from(used) * i128::from(world.worth(of, sun)) / i128::from(whole);
    let share = i64::try_from(share).unwrap_or(used).min(used);
    if let Some(receiver) = world.accounts.get_mut(&to) {
        let stake = receiver.stake_mut(of);
        stake.borrowed -= sun;
        stake.usage.add(-share, now_ms);
    }
    let stake = owner(world, read)?.stake_mut(of);
    stake.frozen += sun;
    stake.lent -= sun;
    stake.usage.add(share, now_ms);
    let left = Loan { balance: balance - sun, locked, locked_until_ms };
    if left.balance == 0 {
        world.loans.remove(&(read.owner, to, of));
    } else {
        world.loans.insert((read.owner, to, of), left);
    }
    Ok(())
}
