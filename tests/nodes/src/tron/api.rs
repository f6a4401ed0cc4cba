//! The questions that a TRON node answers over HTTP.
//!
//! Whatever is wrong with a question is said with status 200; what is unknown is `{}`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::address::Address;
use super::chain::{Block, Chain, Mined};
use super::world::World;
use super::{calls, control, json as told};
use crate::faults::{Fault, Faults};
use crate::http::{Answers, Asked, Reply};
use crate::shim::keccak;
use crate::transport;

/// The most blocks that one question gives.
const MOST_BLOCKS: u64 = 100;

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) chain: Arc<Mutex<Chain>>,
    pub(super) faults: Faults,
    pub(super) estimates: bool,
}

/// A question: what is asked, and what of the chain is seen.
pub(super) struct Question<'a> {
    pub(super) body: &'a Value,
    pub(super) visible: bool,
    pub(super) faults: &'a [Fault],
    pub(super) solid: bool,
    /// The last block that is seen.
    pub(super) last: u64,
    fork: Option<u64>,
}

impl Question<'_> {
    pub(super) fn has(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        let value = self.body.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    pub(super) fn address(&self, name: &str) -> Result<Address, String> {
        self.text(name).parse()
    }

    fn forked(&self, number: u64) -> bool {
        self.fork.is_some_and(|from| number >= from)
    }

    /// What the node knows of the accounts: what waits is in it, except where only solid blocks are seen.
    pub(super) fn world(&self, chain: &Chain) -> Arc<World> {
        if !self.solid && self.last == chain.head() { chain.pending() } else { chain.state_at(self.last) }
    }

    /// A block as the node shows it.
    fn block(&self, block: &Block, detail: bool) -> Value {
        if self.has(&Fault::MissingBlock) {
            return json!({});
        }
        let mut shown = block.clone();
        let other = |name: &mut [u8], number: u64| {
            if let Some(tail) = name.get_mut(8..)
                && self.forked(number)
            {
                let hash = keccak(tail);
                tail.iter_mut().zip(hash).for_each(|(old, new)| *old = new);
            }
        };
        other(&mut shown.id, block.number());
        other(&mut shown.header.parent_hash, block.number().saturating_sub(1));
        if self.forked(block.number()) {
            shown.transactions.clear();
        }
        told::block(&shown, self.visible, detail)
    }

    fn at(&self, chain: &Chain, number: u64, detail: bool) -> Value {
        let found = chain.block(number).filter(|_| number <= self.last);
        found.map_or_else(|| json!({}), |block| self.block(block, detail))
    }

    /// A transaction that is in a block which is seen.
    fn mined<'c>(&self, chain: &'c Chain) -> Option<(&'c Block, &'c Mined)> {
        if self.has(&Fault::UnknownTransaction) {
            return None;
        }
        let id = hex::decode(self.text("value").trim_start_matches("0x")).ok()?;
        let found = chain.find(id.as_slice().try_into().ok()?)?;
        Some(found).filter(|(block, _)| block.number() <= self.last && !self.forked(block.number()))
    }
}

impl Answers for Node {
    fn answer(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
        Box::pin(async move { self.reply(&asked).await })
    }
}

impl Node {
    async fn reply(&self, asked: &Asked) -> Reply {
        if let Some(reply) = transport::control(&self.faults, asked) {
            return reply;
        }
        let body = told::question(&asked.body, &asked.query);
        if let Some(what) = asked.path.strip_prefix("/control/") {
            return Reply::json(&control::control(&mut self.chain.lock(), what, &body));
        }
        let (part, name) = asked.path.trim_matches('/').split_once('/').unwrap_or_default();
        let solid = part == "walletsolidity";
        if !solid && part != "wallet" {
            return Reply::new(404, "text/html", b"<h2>HTTP ERROR 404 Not Found</h2>".to_vec());
        }
        let mut faults = self.faults.draw(name);
        if faults.iter().any(|fault| matches!(fault, Fault::TooManyRequests { .. })) {
            let error = "class java.lang.IllegalAccessException : lack of computing resources";
            return Reply::json(&json!({"Error": error}));
        }
        let own = faults.iter().find_map(|fault| match fault {
            Fault::Error { message, .. } => Some(json!({"Error": message})),
            _ => None,
        });
        faults.retain(|fault| !matches!(fault, Fault::Error { .. }));
        if let Some(reply) = transport::before(&faults).await {
            return reply;
        }
        let answer = self.locked(name, &body, solid, &faults);
        let Some(answer) = answer else {
            return Reply::new(404, "text/html", b"<h2>HTTP ERROR 404 Not Found</h2>".to_vec());
        };
        transport::after(&faults, Reply::json(&own.unwrap_or(answer)))
    }

    /// The answer, or none where there is no such question.
    fn locked(&self, name: &str, body: &Value, solid: bool, faults: &[Fault]) -> Option<Value> {
        let mut chain = self.chain.lock();
        let (mut shown, mut fork) = (chain.head(), None);
        for fault in faults {
            match fault {
                Fault::StuckAt { height } => shown = shown.min(*height),
                Fault::HeadBack { blocks } => {
                    shown = shown.min(chain.head().saturating_sub(self.faults.below(blocks.saturating_add(1))));
                }
                Fault::MinorityFork { from, until_final } if !until_final || chain.solid_at(chain.head()) < *from => {
                    fork = Some(*from);
                }
                _ => {}
            }
        }
        let last = if solid { chain.solid_at(shown) } else { shown };
        let visible = body.get("visible").is_some_and(|given| given == true || given == "true");
        let question = Question { body, visible, faults, solid, last, fork };
        let answer = blocks(&chain, &question, name)
            .or_else(|| accounts(&chain, &question, name))
            .or_else(|| calls::calls(&mut chain, &question, name, self.estimates))?;
        Some(answer.unwrap_or_else(|error| json!({"Error": format!("class java.lang.Exception : {error}")})))
    }
}

type Answer = Option<Result<Value, String>>;

/// Blocks and what is in them.
fn blocks(chain: &Chain, question: &Question<'_>, name: &str) -> Answer {
    let number = question.int("num").and_then(|number| u64::try_from(number).ok());
    let answer = match name {
        "getnowblock" => question.at(chain, question.last, true),
        "getblock" => {
            let detail = question.body.get("detail").is_some_and(|detail| detail == true || detail == "true");
            match question.text("id_or_num") {
                "" => question.at(chain, question.int("id_or_num").map_or(question.last, i64::cast_unsigned), detail),
                id if id.len() == 64 => by_id(chain, question, id, detail),
                number => question.at(chain, number.parse().unwrap_or(u64::MAX), detail),
            }
        }
        "getblockbynum" => question.at(chain, number.unwrap_or(0), true),
        "getblockbyid" => by_id(chain, question, question.text("value"), true),
        "getblockbylimitnext" => {
            let bound = |name: &str| question.int(name).and_then(|bound| u64::try_from(bound).ok()).unwrap_or(0);
            let (from, to) = (bound("startNum"), bound("endNum"));
            if to <= from || to - from > MOST_BLOCKS {
                return Some(Ok(json!({})));
            }
            let found = (from..to.min(question.last + 1)).map(|number| question.at(chain, number, true));
            told::object([("block", json!(found.collect::<Vec<_>>()))])
        }
        "getblockbylatestnum" => {
            let count = number.unwrap_or(0).min(MOST_BLOCKS);
            let first = (question.last + 1).saturating_sub(count);
            let found = (first..=question.last).map(|number| question.at(chain, number, true));
            told::object([("block", json!(found.collect::<Vec<_>>()))])
        }
        "gettransactionbyid" => {
            let found = question.mined(chain).map(|(_, mined)| told::mined_transaction(mined, question.visible));
            found.unwrap_or_else(|| json!({}))
        }
        "gettransactioninfobyid" => {
            let found = question.mined(chain).filter(|_| !question.has(&Fault::NullReceipt));
            found.map_or_else(|| json!({}), |(block, mined)| told::info(block, mined))
        }
        "gettransactioninfobyblocknum" => match number {
            None | Some(0) => json!({}),
            Some(number) => {
                let seen = number <= question.last && !question.forked(number);
                let block = chain.block(number).filter(|_| seen);
                let mut all: Vec<Value> = block
                    .into_iter()
                    .flat_map(|block| block.transactions.iter().map(|mined| told::info(block, mined)))
                    .collect();
                // A replica that lags has not all of them yet.
                if question.has(&Fault::NullReceipt) {
                    all.pop();
                }
                json!(all)
            }
        },
        "gettransactioncountbyblocknum" => {
            let count =
                number.and_then(|number| chain.block(number)).map_or(-1, |block| block.transactions.len() as i64);
            json!({"count": count})
        }
        "gettransactionfrompending" => {
            let wanted = question.text("value");
            let found = chain.waiting().iter().find(|read| hex::encode(read.transaction.id()) == wanted);
            found.map_or_else(|| json!({}), |read| told::transaction(read, question.visible))
        }
        "gettransactionlistfrompending" => {
            let all: Vec<String> = chain.waiting().iter().map(|read| hex::encode(read.transaction.id())).collect();
            told::object([("txId", json!(all))])
        }
        "getpendingsize" => json!({"pendingSize": chain.waiting().len()}),
        _ => return None,
    };
    Some(Ok(answer))
}

fn by_id(chain: &Chain, question: &Question<'_>, id: &str, detail: bool) -> Value {
    let block = hex::decode(id).ok().and_then(|id| chain.by_id(&id));
    let seen = block.filter(|block| block.number() <= question.last && !question.forked(block.number()));
    seen.map_or_else(|| json!({}), |block| question.block(block, detail))
}

/// Accounts and what they can use.
fn accounts(chain: &Chain, question: &Question<'_>, name: &str) -> Answer {
    let (world, now) = (question.world(chain), chain.now_ms());
    let account = |field: &str| {
        let address = question.address(field)?;
        Ok::<_, String>((address, world.accounts.get(&address)))
    };
    let answer = match name {
        "getaccount" => account("address").map(|(address, account)| {
            account.map_or_else(|| json!({}), |account| told::account(address, account, question.visible, now))
        }),
        "getaccountresource" => account("address")
            .map(|(_, account)| account.map_or_else(|| json!({}), |account| told::resources(&world, account, now))),
        "getaccountnet" => account("address").map(|(_, account)| {
            let whole = account.map_or_else(|| json!({}), |account| told::resources(&world, account, now));
            let kept = ["freeNetUsed", "freeNetLimit", "NetUsed", "NetLimit", "TotalNetLimit", "TotalNetWeight"];
            told::object(kept.map(|name| (name, whole.get(name).cloned().unwrap_or_default())))
        }),
        "getchainparameters" => Ok(told::parameters(&world)),
        "getenergyprices" => Ok(json!({"prices": format!("0:{}", world.parameters.energy_fee)})),
        "getbandwidthprices" => Ok(json!({"prices": format!("0:{}", world.parameters.transaction_fee)})),
        "validateaddress" => Ok(match question.address("address") {
            Ok(_) if question.text("address").len() == 42 => json!({"result": true, "message": "Hex string format"}),
            Ok(_) => json!({"result": true, "message": "Base58check format"}),
            Err(error) => json!({"result": false, "message": error}),
        }),
        "getdelegatedresourcev2" => loans(&world, question),
        "getcandelegatedmaxsize" => account("owner_address").map(|(_, account)| {
            let of = super::Resource::of(question.int("type").unwrap_or(0)).unwrap_or(super::Resource::Bandwidth);
            told::object([("max_size", json!(account.map_or(0, |account| world.lendable(of, account, now))))])
        }),
        "getcontract" => question.address("value").map(|at| match world.tokens.get(&at) {
            Some(token) => json!({
                "contract_address": at.text(question.visible), "origin_address": token.owner.text(question.visible),
                "name": token.name, "consume_user_resource_percent": 100, "bytecode": "60",
                "abi": {"entrys": calls::interface()},
            }),
            None => json!({}),
        }),
        "getnodeinfo" => {
            let named = |number: u64| {
                let id = chain.block(number).map(|block| hex::encode(block.id)).unwrap_or_default();
                format!("Num:{number},ID:{id}")
            };
            let solid = named(chain.solid_at(question.last));
            Ok(json!({"block": named(question.last), "solidityBlock": solid}))
        }
        _ => return None,
    };
    Some(answer)
}

fn loans(world: &World, question: &Question<'_>) -> Result<Value, String> {
    let (from, to) = (question.address("fromAddress")?, question.address("toAddress")?);
    let told = |of: super::Resource, names: [&'static str; 2]| {
        let loan = world.loans.get(&(from, to, of)).copied().unwrap_or_default();
        [(names[0], json!(loan.balance)), (names[1], json!(if loan.locked > 0 { loan.locked_until_ms } else { 0 }))]
    };
    let net = told(super::Resource::Bandwidth, ["frozen_balance_for_bandwidth", "expire_time_for_bandwidth"]);
    let energy = told(super::Resource::Energy, ["frozen_balance_for_energy", "expire_time_for_energy"]);
    if net[0].1 == 0 && energy[0].1 == 0 {
        return Ok(json!({}));
    }
    let names = [("from", json!(from.text(question.visible))), ("to", json!(to.text(question.visible)))];
    Ok(json!({"delegatedResource": [told::object(names.into_iter().chain(net).chain(energy))]}))
}
