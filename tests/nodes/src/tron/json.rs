//! How TRON's nodes write their messages as JSON: what is zero or empty is left out, bytes are hexadecimal, addresses as
//! the question wants them.

use prost::Message as _;
use serde_json::{Map, Value, json};

use super::address::Address;
use super::chain::{Block, Mined};
use super::execute::{Info, Read, Ret};
use super::proto::{AnyMessage, Contract, Field, Fields, Held, Kind, Raw, Transaction};
use super::world::{Account, Resource, TRX, World};

/// An object without what is zero, empty or false.
pub(super) fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let kept = fields.into_iter().filter(|(_, value)| match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(_) => true,
    });
    Value::Object(kept.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A block; without its transactions where `detail` is false.
pub(super) fn block(block: &Block, visible: bool, detail: bool) -> Value {
    let header = &block.header;
    let maker = Address::of(&header.witness_address).map(|maker| maker.text(visible)).unwrap_or_default();
    let raw = object([
        ("number", json!(header.number)),
        ("txTrieRoot", json!(hex::encode(&header.tx_trie_root))),
        ("witness_address", json!(maker)),
        ("parentHash", json!(hex::encode(&header.parent_hash))),
        ("version", json!(header.version)),
        ("timestamp", json!(header.timestamp)),
    ]);
    // Nobody checks it against the maker's key; it has the length of one.
    let signed = hex::encode([block.id.as_slice(), &block.id, &[0]].concat());
    let all: Vec<Value> = block.transactions.iter().map(|mined| mined_transaction(mined, visible)).collect();
    object([
        ("blockID", json!(hex::encode(block.id))),
        ("block_header", json!({"raw_data": raw, "witness_signature": signed})),
        ("transactions", if detail { json!(all) } else { Value::Null }),
    ])
}

/// A transaction in a block, with how it ended.
pub(super) fn mined_transaction(mined: &Mined, visible: bool) -> Value {
    let mut told = transaction(&mined.read, visible);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("ret".to_owned(), json!([{"contractRet": mined.info.ret.name()}]));
    }
    told
}

/// A transaction.
pub(super) fn transaction(read: &Read, visible: bool) -> Value {
    let signatures: Vec<String> = read.transaction.signatures.iter().map(hex::encode).collect();
    let permission = read.raw.contract.first().map_or(0, |contract| contract.permission);
    let contract = object([
        ("parameter", json!({"value": contract(read.kind, &read.fields, visible), "type_url": read.kind.type_url()})),
        ("type", json!(read.kind.name)),
        ("Permission_id", json!(permission)),
    ]);
    let raw = object([
        ("data", json!(hex::encode(&read.raw.data))),
        ("contract", json!([contract])),
        ("ref_block_bytes", json!(hex::encode(&read.raw.ref_block_bytes))),
        ("ref_block_hash", json!(hex::encode(&read.raw.ref_block_hash))),
        ("expiration", json!(read.raw.expiration)),
        ("fee_limit", json!(read.raw.fee_limit)),
        ("timestamp", json!(read.raw.timestamp)),
    ]);
    object([
        ("signature", json!(signatures)),
        ("txID", json!(hex::encode(read.transaction.id()))),
        ("raw_data", raw),
        ("raw_data_hex", json!(hex::encode(&read.transaction.raw))),
    ])
}

fn contract(kind: &Kind, fields: &Fields, visible: bool) -> Value {
    let told = kind.fields.iter().map(|(tag, name, field)| {
        let value = match field {
            Field::Address => json!(fields.address(*tag).map(|address| address.text(visible)).unwrap_or_default()),
            Field::Bytes => json!(hex::encode(fields.bytes(*tag))),
            Field::Int => json!(fields.int(*tag)),
            Field::Flag => json!(fields.int(*tag) != 0),
            Field::Resource => json!(if fields.int(*tag) == 1 { "ENERGY" } else { "" }),
        };
        (*name, value)
    });
    object(told)
}

/// Reads the fields of a contract out of JSON, with either way of writing addresses.
///
/// # Errors
/// Which field is wrong.
pub(super) fn read_contract(kind: &Kind, value: &Value) -> Result<Fields, String> {
    let mut fields = Fields::default();
    for (tag, name, field) in kind.fields {
        let Some(given) = value.get(*name).filter(|given| !given.is_null()) else { continue };
        let wrong = || format!("INVALID {name}: {given}");
        let held = match field {
            Field::Address => Held::Bytes(given.as_str().ok_or_else(wrong)?.parse::<Address>()?.bytes()),
            Field::Bytes => Held::Bytes(hex::decode(given.as_str().ok_or_else(wrong)?).map_err(|_| wrong())?),
            Field::Int => Held::Int(given.as_i64().ok_or_else(wrong)?),
            Field::Flag => Held::Int(i64::from(given.as_bool().ok_or_else(wrong)?)),
            Field::Resource => Held::Int(match given.as_str() {
                Some("ENERGY") => 1,
                Some("BANDWIDTH") => 0,
                _ => given.as_i64().ok_or_else(wrong)?,
            }),
        };
        fields.0.push((*tag, held));
    }
    Ok(fields)
}

/// Encodes a transaction anew out of its JSON, as nodes do that are given JSON: `raw_data_hex` is not looked at.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_transaction(value: &Value) -> Result<Transaction, String> {
    let raw = value.get("raw_data").ok_or("no raw_data")?;
    let contract = raw.get("contract").and_then(|all| all.get(0)).ok_or("no contract")?;
    let name = contract.get("type").and_then(Value::as_str).unwrap_or_default();
    let kind = Kind::by_name(name).ok_or_else(|| format!("no contract type {name}"))?;
    let fields = read_contract(kind, contract.pointer("/parameter/value").ok_or("no parameter")?)?;
    let bytes = |name: &str| hex::decode(raw.get(name).and_then(Value::as_str).unwrap_or_default());
    let int = |name: &str| raw.get(name).and_then(Value::as_i64).unwrap_or(0);
    let parameter = AnyMessage { type_url: kind.type_url(), value: fields.encode() };
    let permission = contract.get("Permission_id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    let contract = Contract { kind: kind.number, parameter: Some(parameter), permission: permission.unwrap_or(0) };
    let raw = Raw {
        ref_block_bytes: bytes("ref_block_bytes").map_err(|error| error.to_string())?,
        ref_block_hash: bytes("ref_block_hash").map_err(|error| error.to_string())?,
        expiration: int("expiration"),
        data: bytes("data").map_err(|error| error.to_string())?,
        contract: vec![contract],
        timestamp: int("timestamp"),
        fee_limit: int("fee_limit"),
    };
    let signatures = value.get("signature").and_then(Value::as_array).into_iter().flatten();
    let signatures: Result<Vec<Vec<u8>>, _> =
        signatures.map(|one| hex::decode(one.as_str().unwrap_or_default().trim_start_matches("0x"))).collect();
    Ok(Transaction { raw: raw.encode_to_vec(), signatures: signatures.map_err(|error| error.to_string())? })
}

/// What a transaction did.
pub(super) fn info(block: &Block, mined: &Mined) -> Value {
    let Info { fee, net_usage, net_fee, energy_usage, energy_fee, energy_total, energy_penalty, ret, .. } = mined.info;
    let called = mined.info.contract;
    let receipt = object([
        ("energy_usage", json!(energy_usage)),
        ("energy_fee", json!(energy_fee)),
        ("energy_usage_total", json!(energy_total)),
        ("net_usage", json!(net_usage)),
        ("net_fee", json!(net_fee)),
        // Only where a contract was called.
        ("result", called.map_or(Value::Null, |_| json!(ret.name()))),
        ("energy_penalty_total", json!(energy_penalty)),
    ]);
    let logs: Vec<Value> = mined
        .info
        .logs
        .iter()
        .map(|log| {
            let topics: Vec<String> = log.topics.iter().map(hex::encode).collect();
            object([
                ("address", json!(hex::encode(log.address.0))),
                ("topics", json!(topics)),
                ("data", json!(hex::encode(&log.data))),
            ])
        })
        .collect();
    let said = match ret {
        Ret::Success => "",
        Ret::Revert => "REVERT opcode executed",
        Ret::OutOfEnergy => "Not enough energy for 'SSTORE' operation executing",
    };
    object([
        ("id", json!(hex::encode(mined.read.transaction.id()))),
        ("fee", json!(fee)),
        ("blockNumber", json!(block.header.number)),
        ("blockTimeStamp", json!(block.header.timestamp)),
        // A list of one, also where that one is empty.
        ("contractResult", json!([hex::encode(&mined.info.result)])),
        ("contract_address", json!(called.map(|at| at.text(false)).unwrap_or_default())),
        ("receipt", receipt),
        ("log", json!(logs)),
        ("result", json!(if ret == Ret::Success { "" } else { "FAILED" })),
        ("resMessage", json!(hex::encode(said))),
    ])
}

/// An account.
pub(super) fn account(address: Address, account: &Account, visible: bool, now_ms: i64) -> Value {
    let frozen = [
        Some(object([("amount", json!(account.net.frozen))])),
        Some(object([("type", json!("ENERGY")), ("amount", json!(account.energy.frozen))])),
        Some(json!({"type": "TRON_POWER"})),
    ];
    let ending: Vec<Value> = account
        .ending
        .iter()
        .map(|(of, sun, free)| {
            let of = if *of == Resource::Energy { json!("ENERGY") } else { Value::Null };
            object([("type", of), ("unfreeze_amount", json!(sun)), ("unfreeze_expire_time", json!(free))])
        })
        .collect();
    let energy = object([
        ("energy_usage", json!(account.energy.usage.now(now_ms))),
        ("delegated_frozenV2_balance_for_energy", json!(account.energy.lent)),
        ("acquired_delegated_frozenV2_balance_for_energy", json!(account.energy.borrowed)),
    ]);
    object([
        ("address", json!(address.text(visible))),
        ("balance", json!(account.balance)),
        ("create_time", json!(account.created_ms)),
        ("net_usage", json!(account.net.usage.now(now_ms))),
        ("free_net_usage", json!(account.free_net.now(now_ms))),
        ("delegated_frozenV2_balance_for_bandwidth", json!(account.net.lent)),
        ("acquired_delegated_frozenV2_balance_for_bandwidth", json!(account.net.borrowed)),
        ("account_resource", energy),
        ("frozenV2", json!(frozen)),
        ("unfrozenV2", json!(ending)),
    ])
}

/// What an account can still use.
pub(super) fn resources(world: &World, account: &Account, now_ms: i64) -> Value {
    let parameters = world.parameters;
    object([
        ("freeNetUsed", json!(account.free_net.now(now_ms))),
        ("freeNetLimit", json!(parameters.free_net_limit)),
        ("NetUsed", json!(account.net.usage.now(now_ms))),
        ("NetLimit", json!(world.limit(Resource::Bandwidth, account))),
        ("TotalNetLimit", json!(parameters.total_net_limit)),
        ("TotalNetWeight", json!(world.weight(Resource::Bandwidth))),
        ("tronPowerLimit", json!((account.net.frozen + account.energy.frozen) / TRX)),
        ("EnergyUsed", json!(account.energy.usage.now(now_ms))),
        ("EnergyLimit", json!(world.limit(Resource::Energy, account))),
        ("TotalEnergyLimit", json!(parameters.total_energy_limit)),
        ("TotalEnergyWeight", json!(world.weight(Resource::Energy))),
    ])
}

/// What is voted on.
pub(super) fn parameters(world: &World) -> Value {
    let given = world.parameters;
    let all = [
        ("getMaintenanceTimeInterval", 21_600_000),
        ("getCreateAccountFee", given.create_account_fee),
        ("getTransactionFee", given.transaction_fee),
        ("getCreateNewAccountFeeInSystemContract", given.new_account_fee),
        ("getCreateNewAccountBandwidthRate", 1),
        ("getEnergyFee", given.energy_fee),
        ("getMaxFeeLimit", given.max_fee_limit),
        ("getMemoFee", given.memo_fee),
        ("getFreeNetLimit", given.free_net_limit),
        ("getTotalNetLimit", given.total_net_limit),
        ("getTotalEnergyLimit", given.total_energy_limit),
        ("getTotalEnergyCurrentLimit", given.total_energy_limit),
        ("getUnfreezeDelayDays", 14),
        ("getAllowDynamicEnergy", 1),
        ("getMaxDelegateLockPeriod", 864_000),
    ];
    let listed: Vec<Value> =
        all.iter().map(|(key, value)| object([("key", json!(key)), ("value", json!(value))])).collect();
    json!({"chainParameter": listed})
}

/// The bodies of questions come as JSON, as a form, or behind the path.
pub(super) fn question(body: &[u8], query: &str) -> Value {
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice(body) {
        return value;
    }
    let text = if body.is_empty() { query.to_owned() } else { String::from_utf8_lossy(body).into_owned() };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let typed = |value: &str| match (value, value.parse::<i64>()) {
        ("true", _) => json!(true),
        ("false", _) => json!(false),
        (_, Ok(number)) if value.len() < 19 => json!(number),
        _ => json!(value),
    };
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), typed(value))).collect::<Map<_, _>>())
}
