//! Payouts: the transactions that pay withdrawals, and what people decide about those that are stuck or in doubt.

use axum::extract::State;
use exchequer_domain::{Code, OutPoint, Problem, TxId, format_decimal};
use exchequer_state::custody::WalletId;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::withdrawals::{Claim, Conflict, Death, Errand, Payer, Payout, PayoutId, Purpose, Reply, Stake};
use exchequer_state::{Body as Change, Done, PayoutDecision, ReviewPayout, SetNonce};

use super::deposits::parse_block;
use super::gas::SUN_DECIMALS;
use super::networks::parse_network;
use super::withdrawals::{number, stage};
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
use crate::{chain_text, dto, words};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/payouts/{payout}", payout)
            .says("A payout, with its attempts")
            .named(Param::number("payout", 1, u64::MAX, "The payout's number"))
            .needs(Permission::UsersRead),
        Route::post("/v1/payouts/{payout}/review", review)
            .says("Decides about a payout that is stuck, unknown or in review")
            .more(
                "Sends the same bytes again, pays more, takes its place with a transaction that pays nobody; or, by two \
                 persons and with proof that none of its attempts can be mined, says that it was paid by other means or \
                 gives the money back; or, by two persons, that it ended without paying as its worker says.",
            )
            .named(Param::number("payout", 1, u64::MAX, "The payout's number"))
            .needs(Permission::MoneyMove)
            .danger(Danger::Level3)
            .approvable(),
        Route::post("/v1/networks/{network}/nonce", set_nonce)
            .says("Sets the next nonce of an address that pays")
            .more(
                "Where it is above what the chain can take, back; where somebody used nonces that the exchange never gave, on. Open \
                 payouts keep theirs. Wants another person: the network may pay nothing behind a nonce that is missing.",
            )
            .named(Param::text::<shapes::NetworkName>("network", "The network"))
            .needs(Permission::MoneyMove)
            .danger(Danger::Level3)
            .approvable(),
    ]
}

fn claim_text(claim: &Claim) -> String {
    match claim {
        Claim::Nonce(nonce) => format!("nonce {nonce}"),
        Claim::Coins(coins) => {
            let coins: Vec<String> = coins.iter().map(ToString::to_string).collect();
            format!("coins {}", coins.join(", "))
        }
        Claim::Window { reference, expires } => format!("block {}, until {expires}", reference.height),
    }
}

pub(super) fn view(payout: &Payout) -> dto::Payout {
    let answer = |endpoint: u8, reply: &Reply| match reply {
        Reply::Accepted => format!("endpoint {endpoint} took it"),
        Reply::Known => format!("endpoint {endpoint} had it already"),
        Reply::Silent => format!("endpoint {endpoint} did not answer"),
        Reply::Refused { why } => format!("endpoint {endpoint} did not want it: {why}"),
    };
    let attempts = payout.attempts.iter().map(|attempt| dto::PayoutAttempt {
        number: attempt.number,
        purpose: match attempt.purpose {
            Purpose::Payment => "payment".to_owned(),
            Purpose::Noop => "no-op".to_owned(),
        },
        claim: claim_text(&attempt.claim),
        fee_max: attempt.fee_max.to_string(),
        tx: attempt.tx.map(|tx| tx.to_string()),
        prepared_at: attempt.prepared.to_string(),
        answers: attempt.answers.iter().map(|one| answer(one.endpoint, &one.reply)).collect(),
        dead: attempt.dead,
    });
    dto::Payout {
        payout: payout.id.0,
        network: payout.network.to_string(),
        wallet: payout.payer.wallet.0,
        wallet_index: payout.payer.index,
        state: payout.stage().as_str().to_owned(),
        errand: payout.errand.as_str().to_owned(),
        withdrawals: payout.withdrawals.iter().map(|id| id.0).collect(),
        moves: payout.errand.moves().map(|one| dto::OwnMove {
            asset: one.asset.0,
            to: one.to.to_string(),
            on_chain: one.on_chain.to_string(),
            amount: one.amount.to_string(),
            sweep: one.plan.map(|plan| plan.0),
        }),
        stake: match &payout.errand {
            Errand::Stake(stake) => Some(staked(stake)),
            Errand::Withdrawals | Errand::Sweep(_) | Errand::TopUp(_) => None,
        },
        attempts: attempts.collect(),
        denied: payout.denied.as_ref().map(|denial| denial.describe()),
        created_at: payout.created.to_string(),
        moved_at: payout.moved.to_string(),
    }
}

fn staked(stake: &Stake) -> dto::OwnStake {
    dto::OwnStake {
        what: stake.as_str().to_owned(),
        stake: stake.sun().map(|sun| format_decimal(sun.into(), SUN_DECIMALS)),
        to: stake.loan().map(|lent| lent.to.to_string()),
        sweep: stake.loan().and_then(|lent| lent.plan).map(|plan| plan.0),
    }
}

async fn payout(State(app): State<App>, Name(text): Name, mut params: Params) -> Result<Seen<dto::Payout>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = PayoutId(number(&text, "payout")?);
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.payout(rows, id).map_err(|halt| halt.problem())?;
        let unknown = || Problem::new(Code::WithdrawalUnknown, format!("there is no payout {id}"));
        Ok(view(&found.ok_or_else(unknown)?))
    });
    Ok(seen.await?)
}

fn transactions(field: &str, texts: &[String]) -> Result<Vec<TxId>, Problem> {
    texts.iter().map(|text| chain_text::transaction(field, text)).collect()
}

fn proof(given: &dto::DeathProof) -> Result<Death, Problem> {
    Ok(match given {
        dto::DeathProof::NeverSigned => Death::NeverSigned,
        dto::DeathProof::NonceUsed { at, next, absent } => {
            Death::NonceUsed { at: parse_block(at)?, next: *next, absent: transactions("absent", absent)? }
        }
        dto::DeathProof::Conflicts { conflicts } => {
            let one = |spend: &dto::ConflictingSpend| {
                let coin = OutPoint { tx: chain_text::transaction("tx", &spend.tx)?, vout: spend.output };
                let by = chain_text::transaction("by", &spend.by)?;
                Ok(Conflict { coin, by, confirmations: spend.confirmations })
            };
            Death::Conflicts(conflicts.iter().map(one).collect::<Result<_, Problem>>()?)
        }
        dto::DeathProof::Expired { at, time, absent_at, absent } => Death::Expired {
            at: parse_block(at)?,
            time: words::parse_time("time", time)?,
            absent_at: absent_at.clone(),
            absent: transactions("absent", absent)?,
        },
    })
}

fn decision(request: &dto::ReviewPayout) -> Result<PayoutDecision, Problem> {
    let needed = |name: &str| Problem::new(Code::BadRequest, format!("`{}` needs `{name}`", request.decision));
    let proved = || proof(request.proof.as_ref().ok_or_else(|| needed("proof"))?);
    let plain = |decision| {
        let more = request.tx.is_some() || request.block.is_some() || request.fee.is_some() || request.proof.is_some();
        if more {
            return Err(Problem::new(Code::BadRequest, format!("`{}` takes no evidence", request.decision)));
        }
        Ok(decision)
    };
    match request.decision.as_str() {
        "resend" => plain(PayoutDecision::Resend),
        "bump" => plain(PayoutDecision::Bump),
        "cancel-by-noop" => plain(PayoutDecision::CancelByNoop),
        "mark-external" => {
            let tx = chain_text::transaction("tx", request.tx.as_deref().ok_or_else(|| needed("tx"))?)?;
            let block = parse_block(request.block.as_ref().ok_or_else(|| needed("block"))?)?;
            let fee = limit("fee", request.fee.as_deref().ok_or_else(|| needed("fee"))?, 0)?;
            Ok(PayoutDecision::MarkExternal { tx, block, fee, proof: proved()? })
        }
        "refund" => Ok(PayoutDecision::Refund { proof: proved()? }),
        "confirm" => plain(PayoutDecision::Confirm),
        _ => Err(Problem::new(
            Code::BadRequest,
            "`decision` is one of resend, bump, cancel-by-noop, mark-external, refund, confirm",
        )),
    }
}

async fn review(
    State(app): State<App>,
    caller: Caller,
    Name(text): Name,
    Body(request): Body<dto::ReviewPayout>,
) -> Result<Committed<dto::PayoutReviewed>, Refused> {
    let payout = PayoutId(number(&text, "payout")?);
    let (from, decision) = (stage(&request.from)?, decision(&request)?);
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = ReviewPayout { payout, from, decision, reason };
    let effect = app.submit_as(caller.0, id, Change::ReviewPayout(Box::new(command))).await?;
    let Done::PayoutMoved { stage } = effect.done else { return Err(effect.unexpected()) };
    let (state, index, command_id) = (stage.as_str().to_owned(), effect.index, id.to_string());
    Ok(Committed(id, dto::PayoutReviewed { payout: payout.0, state, index, command_id }))
}

async fn set_nonce(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::SetNonce>,
) -> Result<Committed<dto::NonceSet>, Refused> {
    let (network, reason) = (parse_network(&name)?, reason(request.reason)?);
    let payer = Payer { wallet: WalletId(request.wallet), index: request.wallet_index };
    let id = app.command_id(request.command_id.as_deref())?;
    let command = SetNonce { network, payer, next: request.next, reason };
    let effect = app.submit_as(caller.0, id, Change::SetNonce(command)).await?;
    let Done::NonceSet { next } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::NonceSet { next, index: effect.index, command_id: id.to_string() }))
}
