//! Deposits: what arrived, why it was or was not credited, whose it is; and how far each network is scanned.

use axum::extract::State;
use exchequer_domain::{BlockRef, Code, Network, Problem, TxId, UserId, format_decimal};
use exchequer_state::deposits::{self, Assignee, DepositId, DepositState};
use exchequer_state::ledger::Store;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{AssignSuspense, Body as Change, Done, ResumeChain, Rows, State as Replicated};

use super::ledger::known_user;
use super::networks::parse_network;
use super::users::user_id;
use crate::app::App;
use crate::auth::Caller;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::money::limit;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{chain_text, dto};

/// Deposits of one answer, at most.
const LIMIT_MAX: u64 = 100;

pub(crate) fn routes() -> Vec<Route> {
    let network = || Param::text::<shapes::NetworkName>("network", "On this network only");
    let page = || {
        [
            Param::number("before", 1, u64::MAX, "Those before this number"),
            Param::number("limit", 1, LIMIT_MAX, "Deposits in the answer, at most"),
        ]
    };
    let named = || Param::number("deposit", 1, u64::MAX, "The deposit's number");
    vec![
        Route::get("/v1/deposits", list)
            .says("Deposits, the newest first")
            .needs(Permission::UsersRead)
            .asks([
                network(),
                Param::number("user", 1, u64::MAX, "Of this user only"),
                Param::word("waiting", &["true", "false"], "Only those that wait for a decision"),
            ])
            .asks(page()),
        Route::get("/v1/deposits/explain", explain)
            .says("Why a transaction was or was not credited, step by step")
            .needs(Permission::UsersRead)
            .asks([
                Param::text::<shapes::NetworkName>("network", "The network").needed(),
                Param::text::<shapes::TransactionText>("tx", "The transaction").needed(),
            ]),
        Route::get("/v1/deposits/{deposit}", one).says("One deposit").named(named()).needs(Permission::UsersRead),
        Route::post("/v1/deposits/{deposit}/assign", assign)
            .says("Decides whose a deposit is that waits for a decision")
            .named(named())
            .needs(Permission::MoneyMove)
            .danger(Danger::Level3)
            .approvable(),
        Route::get("/v1/users/{user}/deposits", of_user)
            .says("A user's deposits, the newest first")
            .named(Param::number("user", 1, u64::MAX, "The user's number"))
            .needs_or_own(Permission::UsersRead)
            .asks([network()])
            .asks(page()),
        Route::get("/v1/scans", scans).says("How far each network is scanned").needs(Permission::StatusRead),
        Route::post("/v1/scans/{network}/resume", resume)
            .says("Lets a network go on that stands still since a deep reorganisation")
            .named(Param::text::<shapes::NetworkName>("network", "The network"))
            .needs(Permission::NetworksChange)
            .danger(Danger::Level3)
            .approvable(),
    ]
}

/// Which deposits are asked for.
#[derive(Debug, Clone, Copy)]
struct Ask {
    network: Option<Network>,
    user: Option<UserId>,
    waiting: bool,
    before: DepositId,
    limit: usize,
}

impl Ask {
    fn of(params: &mut Params, user: Option<UserId>) -> Result<Ask, Problem> {
        let network = params.take("network")?.map(|text| parse_network(&text)).transpose()?;
        let before = params.number("before", 1..=u64::MAX)?.map_or(DepositId(u64::MAX), DepositId);
        let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Ask { network, user, waiting: false, before, limit })
    }

    fn networks(&self) -> impl Iterator<Item = Network> {
        let wanted = self.network;
        Network::ALL.iter().copied().filter(move |network| wanted.is_none_or(|wanted| wanted == *network))
    }

    /// The deposits, the newest first.
    fn find(&self, state: &Replicated, rows: &dyn Rows) -> Result<Vec<deposits::Deposit>, Problem> {
        let room = state.deposits();
        let mut found = Vec::new();
        if self.waiting {
            let all = self.networks().flat_map(|network| room.in_suspense(network));
            let of = |deposit: &&deposits::Deposit| {
                deposit.id < self.before && self.user.is_none_or(|user| deposit.user == Some(user))
            };
            found.extend(all.filter(of).cloned());
        } else if let Some(user) = self.user {
            known_user(state, user)?;
            for network in self.networks() {
                let of = room.of_user(rows, user, network, self.before, self.limit);
                found.extend(of.map_err(|halt| halt.problem())?);
            }
        } else {
            let mut next = self.before.0.min(room.last().0.saturating_add(1));
            while next > 1 && found.len() < self.limit {
                next -= 1;
                let one = room.find(rows, DepositId(next)).map_err(|halt| halt.problem())?;
                found.extend(one.filter(|one| self.network.is_none_or(|network| network == one.network)));
            }
        }
        found.sort_unstable_by_key(|deposit| std::cmp::Reverse(deposit.id));
        found.truncate(self.limit);
        Ok(found)
    }

    async fn answer(self, app: &App, freshness: Freshness) -> Result<Seen<dto::Deposits>, Refused> {
        let seen = app.read_rows(freshness, move |state, rows| {
            let found = self.find(state, rows)?;
            let next_before = found.last().filter(|_| found.len() == self.limit).map(|last| last.id.0);
            Ok(dto::Deposits { deposits: found.iter().map(|one| view(state, one)).collect(), next_before })
        });
        Ok(seen.await?)
    }
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Deposits>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let user = params.number("user", 1..=u64::MAX)?.map(UserId);
    let mut ask = Ask::of(&mut params, user)?;
    ask.waiting = match params.take("waiting")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::new(Code::BadRequest, "`waiting` is `true` or `false`").into()),
    };
    params.end()?;
    ask.answer(&app, freshness).await
}

async fn of_user(State(app): State<App>, Name(user): Name, mut params: Params) -> Result<Seen<dto::Deposits>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let ask = Ask::of(&mut params, Some(user_id(&user)?))?;
    params.end()?;
    ask.answer(&app, freshness).await
}

fn number(text: &str) -> Result<DepositId, Problem> {
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(DepositId).ok_or_else(|| Problem::new(Code::BadRequest, "a deposit has a number from 1"))
}

async fn one(State(app): State<App>, Name(text): Name, mut params: Params) -> Result<Seen<dto::Deposit>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = number(&text)?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.deposits().find(rows, id).map_err(|halt| halt.problem())?;
        let found = found.ok_or_else(|| Problem::new(Code::DepositUnknown, format!("there is no deposit {id}")))?;
        Ok(view(state, &found))
    });
    Ok(seen.await?)
}

fn block(block: BlockRef) -> dto::Block {
    dto::Block { height: block.height, hash: block.hash.to_string() }
}

/// A block that was typed.
pub(super) fn parse_block(block: &dto::Block) -> Result<BlockRef, Problem> {
    let digits = block.hash.strip_prefix("0x").unwrap_or(&block.hash);
    let hash = digits.parse();
    let hash = hash.map_err(|_| Problem::new(Code::BadRequest, "the hash of a block is 64 hexadecimal digits"))?;
    Ok(BlockRef { height: block.height, hash })
}

pub(super) fn view(state: &Replicated, deposit: &deposits::Deposit) -> dto::Deposit {
    let asset = deposit.asset.and_then(|asset| state.assets().get(asset));
    let amount = |units: u128| asset.map(|asset| format_decimal(units, asset.decimals));
    let tip = state.deposits().chains().get(deposit.network).tip.map_or(0, |tip| tip.height);
    let deep = deposit.block.map_or(0, |block| (tip + 1).saturating_sub(block.height));
    let (why, debt) = match deposit.state {
        DepositState::Suspense { why } => (Some(why.as_str().to_owned()), None),
        DepositState::Reversed { debt } => (None, amount(debt)),
        DepositState::Pending
        | DepositState::Confirming
        | DepositState::Credited
        | DepositState::Unlocked
        | DepositState::BelowMinimum
        | DepositState::Orphaned
        | DepositState::Replaced
        | DepositState::Assigned { .. } => (None, None),
    };
    dto::Deposit {
        deposit: deposit.id.0,
        network: deposit.network.to_string(),
        tx: deposit.tx.to_string(),
        place: deposit.place.to_string(),
        address: deposit.to.to_string(),
        user: deposit.user.map(|user| user.0),
        asset: asset.map(|asset| asset.code.clone()),
        contract: deposit.coin.as_ref().map(ToString::to_string),
        on_chain: deposit.amount.map(|amount| amount.to_string()),
        amount: amount(deposit.units),
        state: deposit.state.stage().as_str().to_owned(),
        why,
        debt,
        block: deposit.block.map(block),
        confirmations: deep,
        seen_at: deposit.seen.to_string(),
        changed_at: deposit.since.to_string(),
    }
}

async fn explain(State(app): State<App>, mut params: Params) -> Result<Seen<dto::DepositExplanation>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let needed = |name: &str| Problem::new(Code::BadRequest, format!("the query must name `{name}`"));
    let network = parse_network(&params.take("network")?.ok_or_else(|| needed("network"))?)?;
    let tx: TxId = chain_text::transaction("tx", &params.take("tx")?.ok_or_else(|| needed("tx"))?)?;
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let told = state.explain_deposit(rows, network, &tx).map_err(|halt| halt.problem())?;
        let findings = |steps: &[deposits::Finding]| {
            steps.iter().map(|step| dto::Finding { good: step.good, text: step.text.clone() }).collect::<Vec<_>>()
        };
        let deposits = told
            .deposits
            .iter()
            .map(|(deposit, steps)| dto::DepositExplained { deposit: view(state, deposit), findings: findings(steps) });
        Ok(dto::DepositExplanation {
            network: network.to_string(),
            tx: tx.to_string(),
            findings: findings(&told.findings),
            deposits: deposits.collect(),
        })
    });
    Ok(seen.await?)
}

async fn assign(
    State(app): State<App>,
    caller: Caller,
    Name(text): Name,
    Body(request): Body<dto::AssignSuspense>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let (deposit, reason) = (number(&text)?, reason(request.reason)?);
    let to = match (request.user, request.exchange, request.moved) {
        (Some(user), false, None) => Assignee::User(UserId(user)),
        (None, true, None) => Assignee::Exchange,
        (None, false, Some(moved)) => moved_by_hand(&app, deposit, &moved).await?,
        (None, false, None) | (Some(_), _, _) | (_, true, Some(_)) => {
            let message = "give one of `user`, `exchange` as true, and `moved`";
            return Err(Problem::new(Code::BadRequest, message).into());
        }
    };
    let id = app.command_id(request.command_id.as_deref())?;
    let command = AssignSuspense { deposit, to, reason };
    let effect = app.submit_as(caller.0, id, Change::AssignSuspense(command)).await?;
    let Done::SuspenseAssigned = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::MoneyChanged { index: effect.index, command_id: id.to_string() }))
}

/// Where a deposit came from that the exchange moved by hand.
async fn moved_by_hand(app: &App, deposit: DepositId, moved: &dto::MovedByHand) -> Result<Assignee, Refused> {
    let from = match moved.from.as_str() {
        "hot" => Store::Hot,
        "cold" => Store::Cold,
        "deposit" => Store::Deposit,
        _ => return Err(Problem::new(Code::BadRequest, "`from` is one of hot, cold, deposit").into()),
    };
    let (text, index) = (moved.fee.clone(), moved.index);
    let read = app.read_rows(Freshness::Linearizable, move |state, rows| {
        let found = state.deposits().find(rows, deposit).map_err(|halt| halt.problem())?;
        let unknown = || Problem::new(Code::DepositUnknown, format!("there is no deposit {deposit}"));
        let network = found.ok_or_else(unknown)?.network;
        let unlisted =
            || Problem::new(Code::BadRequest, format!("the coin of {network} is not listed: its fee has no books"));
        let coin = state.custody().listed(network, None).ok_or_else(unlisted)?;
        limit("fee", &text, coin.ledger_decimals)
    });
    Ok(Assignee::Moved { from, index, fee: read.await?.value })
}

async fn scans(State(app): State<App>, mut params: Params) -> Result<Seen<dto::ChainHeads>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let networks = Network::ALL.iter().map(|network| {
            let chain = state.deposits().chains().get(*network);
            dto::ChainHead {
                network: network.to_string(),
                scanned: chain.tip.map(block),
                head: chain.head,
                behind: chain.head.saturating_sub(chain.tip.map_or(0, |tip| tip.height)),
                finalized: chain.finalized,
                agreed: chain.agreed,
                settled: chain.settled,
                halted_since: chain.halted.map(|halted| halted.since.to_string()),
                common: chain.halted.map(|halted| block(halted.common)),
            }
        });
        Ok(dto::ChainHeads { networks: networks.collect() })
    });
    Ok(seen.await?)
}

async fn resume(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ResumeChain>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let (network, reason) = (parse_network(&name)?, reason(request.reason)?);
    let to = request.from.as_ref().map(parse_block).transpose()?;
    let id = app.command_id(request.command_id.as_deref())?;
    let effect = app.submit_as(caller.0, id, Change::ResumeChain(ResumeChain { network, to, reason })).await?;
    let Done::ChainResumed = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::MoneyChanged { index: effect.index, command_id: id.to_string() }))
}
