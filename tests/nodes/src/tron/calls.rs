//! Transactions that are made, judged, and sent, and contracts that are asked.

use prost::Message as _;
use serde_json::{Value, json};

use super::address::{Address, signer};
use super::api::Question;
use super::chain::Chain;
use super::execute::Read;
use super::json as told;
use super::proto::{AnyMessage, Contract, Kind, Raw, Transaction};
use super::refusal::{Code, Refusal};
use crate::faults::Fault;
use crate::shim::keccak;

/// What a node that makes a transaction gives it to live.
const LIFE_MS: i64 = 60_000;

/// Answers what concerns transactions and contracts.
pub(super) fn calls(
    chain: &mut Chain,
    question: &Question<'_>,
    name: &str,
    estimates: bool,
) -> Option<Result<Value, String>> {
    Some(match name {
        "broadcasthex" => Ok(broadcast_hex(chain, question)),
        "broadcasttransaction" => broadcast_json(chain, question),
        "getsignweight" => sign_weight(question),
        "triggerconstantcontract" => constant(chain, question),
        "estimateenergy" => estimate(chain, question, estimates),
        "triggersmartcontract" => trigger(chain, question),
        "createtransaction" => made(chain, question, "TransferContract", question.body),
        "createaccount" => made(chain, question, "AccountCreateContract", question.body),
        "freezebalancev2" => made(chain, question, "FreezeBalanceV2Contract", question.body),
        "delegateresource" => made(chain, question, "DelegateResourceContract", question.body),
        "undelegateresource" => made(chain, question, "UnDelegateResourceContract", question.body),
        _ => return None,
    })
}

fn broadcast(chain: &mut Chain, question: &Question<'_>, bytes: &[u8]) -> Result<[u8; 32], Refusal> {
    chain.broadcast(bytes, !question.has(&Fault::Swallow))
}

fn broadcast_hex(chain: &mut Chain, question: &Question<'_>) -> Value {
    let bytes = hex::decode(question.text("transaction"));
    let sent = bytes.map_err(|_| Refusal::new(Code::OtherError, "transaction is not hexadecimal"));
    let outcome = sent.clone().and_then(|bytes| broadcast(chain, question, &bytes));
    let (code, message) = match &outcome {
        Ok(_) => ("SUCCESS", String::new()),
        Err(refusal) => (refusal.code.name(), refusal.message.clone()),
    };
    let mut answer = json!({"result": outcome.is_ok(), "code": code, "message": message});
    let read =
        sent.ok().and_then(|bytes| Transaction::decode(bytes.as_slice()).ok()).and_then(|sent| Read::of(sent).ok());
    if let (Some(read), Some(fields)) = (read, answer.as_object_mut()) {
        fields.insert("txid".to_owned(), json!(hex::encode(read.transaction.id())));
        fields.insert("transaction".to_owned(), json!(told::transaction(&read, true).to_string()));
    }
    answer
}

fn broadcast_json(chain: &mut Chain, question: &Question<'_>) -> Result<Value, String> {
    let transaction = told::read_transaction(question.body)?;
    let id = hex::encode(transaction.id());
    Ok(match broadcast(chain, question, &transaction.encode_to_vec()) {
        Ok(_) => json!({"result": true, "txid": id}),
        Err(refusal) => {
            let message = if question.visible { refusal.message } else { hex::encode(refusal.message) };
            json!({"code": refusal.code.name(), "txid": id, "message": message})
        }
    })
}

/// Whether the signatures of a transaction are enough.
fn sign_weight(question: &Question<'_>) -> Result<Value, String> {
    let read = Read::of(told::read_transaction(question.body)?).map_err(|refusal| refusal.message)?;
    let id = read.transaction.id();
    let signers: Vec<Address> = read.transaction.signatures.iter().filter_map(|one| signer(&id, one)).collect();
    let enough = signers.contains(&read.owner);
    let approved: Vec<String> = signers.iter().map(|signer| signer.text(question.visible)).collect();
    let transaction = created(&read, question.visible);
    Ok(json!({
        "result": if enough { json!({}) } else { json!({"code": "NOT_ENOUGH_PERMISSION"}) },
        "approved_list": approved,
        "permission": {"keys": [{"address": read.owner.text(question.visible), "weight": 1}], "threshold": 1,
                       "permission_name": "owner"},
        "current_weight": i32::from(enough),
        "transaction": {"result": {"result": true}, "txid": hex::encode(id), "transaction": transaction},
    }))
}

/// A transaction that the node made; only there it says how addresses are written.
fn created(read: &Read, visible: bool) -> Value {
    let mut told = told::transaction(read, visible);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("visible".to_owned(), json!(visible));
    }
    told
}

/// A transaction that refers to the last solid block.
fn build(chain: &Chain, name: &str, value: &Value, fee_limit: i64) -> Result<Read, String> {
    let kind = Kind::by_name(name).ok_or("no such contract")?;
    let fields = told::read_contract(kind, value)?;
    let solid = chain.block(chain.solid()).ok_or("no block")?;
    let parameter = AnyMessage { type_url: kind.type_url(), value: fields.encode() };
    let now = chain.now_ms();
    let raw = Raw {
        ref_block_bytes: solid.number().to_be_bytes()[6..].to_vec(),
        ref_block_hash: solid.id[8..16].to_vec(),
        expiration: now + LIFE_MS,
        data: Vec::new(),
        contract: vec![Contract { kind: kind.number, parameter: Some(parameter), permission: 0 }],
        timestamp: now,
        fee_limit,
    };
    let transaction = Transaction { raw: raw.encode_to_vec(), signatures: Vec::new() };
    Read::of(transaction).map_err(|refusal| refusal.message)
}

fn made(chain: &Chain, question: &Question<'_>, name: &str, value: &Value) -> Result<Value, String> {
    let read = build(chain, name, value, 0)?;
    let mut world = (*question.world(chain)).clone();
    super::execute::execute(&mut world, &read, chain.now_ms()).map_err(|refusal| refusal.message)?;
    Ok(created(&read, question.visible))
}

/// The call as a contract gets it: `data`, or a signature with its parameters.
fn call_data(question: &Question<'_>) -> Result<Vec<u8>, String> {
    let wrong = |_| "the call is not hexadecimal".to_owned();
    match question.text("function_selector") {
        "" => hex::decode(question.text("data").trim_start_matches("0x")).map_err(wrong),
        signature => {
            let parameters = hex::decode(question.text("parameter")).map_err(wrong)?;
            Ok([keccak(signature.as_bytes()).get(..4).unwrap_or_default(), &parameters].concat())
        }
    }
}

fn as_call(chain: &Chain, question: &Question<'_>, data: &[u8]) -> Result<Read, String> {
    let value = json!({
        "owner_address": question.text("owner_address"), "contract_address": question.text("contract_address"),
        "data": hex::encode(data), "call_value": question.int("call_value").unwrap_or(0),
    });
    build(chain, "TriggerSmartContract", &value, question.int("fee_limit").unwrap_or(0))
}

fn no_contract() -> Value {
    json!({"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": hex::encode("Smart contract is not exist.")}})
}

fn constant(chain: &Chain, question: &Question<'_>) -> Result<Value, String> {
    let (at, from) = (question.address("contract_address")?, question.address("owner_address")?);
    let world = question.world(chain);
    let Some(mut token) = world.tokens.get(&at).cloned() else { return Ok(no_contract()) };
    let data = call_data(question)?;
    let called = token.call(at, from, &data);
    let penalty = called.energy.saturating_mul(token.energy_factor) / 10_000;
    let mut transaction = created(&as_call(chain, question, &data)?, question.visible);
    let ret = if called.reverted { json!([{"ret": "FAILED"}]) } else { json!([{}]) };
    if let Some(fields) = transaction.as_object_mut() {
        fields.insert("ret".to_owned(), ret);
    }
    let said = if called.reverted { hex::encode("REVERT opcode executed") } else { String::new() };
    Ok(told::object([
        ("result", told::object([("result", json!(true)), ("message", json!(said))])),
        ("energy_used", json!(called.energy + penalty)),
        ("energy_penalty", json!(penalty)),
        ("constant_result", json!([hex::encode(called.result)])),
        ("transaction", transaction),
    ]))
}

fn estimate(chain: &Chain, question: &Question<'_>, estimates: bool) -> Result<Value, String> {
    if !estimates {
        let text = hex::encode("this node does not support estimate energy");
        return Ok(json!({"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": text}}));
    }
    let asked = constant(chain, question)?;
    match asked.get("energy_used") {
        Some(energy) => Ok(json!({"result": {"result": true}, "energy_required": energy})),
        None => Ok(asked),
    }
}

fn trigger(chain: &Chain, question: &Question<'_>) -> Result<Value, String> {
    if !question.world(chain).tokens.contains_key(&question.address("contract_address")?) {
        return Ok(no_contract());
    }
    let read = as_call(chain, question, &call_data(question)?)?;
    Ok(json!({"result": {"result": true}, "transaction": created(&read, question.visible)}))
}

/// What clients are told of the tokens' methods.
pub(super) fn interface() -> Value {
    let method = |name: &str, inputs: Value, outputs: Value, reads: bool| {
        let mutability = if reads { "View" } else { "Nonpayable" };
        json!({"name": name, "inputs": inputs, "outputs": outputs, "type": "Function", "stateMutability": mutability})
    };
    let number = json!([{"type": "uint256"}]);
    json!([
        method(
            "transfer",
            json!([{"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}]),
            json!([{"type": "bool"}]),
            false
        ),
        method("balanceOf", json!([{"name": "who", "type": "address"}]), number.clone(), true),
        method("totalSupply", json!([]), number, true),
        method("decimals", json!([]), json!([{"type": "uint8"}]), true),
        method("symbol", json!([]), json!([{"type": "string"}]), true),
        method("name", json!([]), json!([{"type": "string"}]), true),
    ])
}
