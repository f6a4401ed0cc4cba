//! Reconciliation: how networks stand, runs with their equations, discrepancies, and what persons make of them.

use axum::extract::State;
use exchequer_domain::{Code, Network, Problem, format_decimal};
use exchequer_state::ledger::Asset;
use exchequer_state::people::Permission;
use exchequer_state::reconciliation::{
    Category, Discrepancy, DiscrepancyId, Outcome, RUNS_PAGE_MAX, Reach, Run, RunId, Scope, Stopped,
};
use exchequer_state::settings::Danger;
use exchequer_state::{
    AdjustDiscrepancy, Body as Change, Done, ExplainDiscrepancy, ResumePayments, SeenDiscrepancy, Severity,
    State as Replicated,
};

use super::networks::parse_network;
use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::money::asset;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use crate::submit::Committed;

/// The word for a stop of everything.
const EVERYWHERE: &str = "everywhere";
/// Discrepancies of one answer, at most.
const LIMIT_MAX: u64 = 100;

pub(crate) fn routes() -> Vec<Route> {
    let network = || Param::text::<shapes::NetworkName>("network", "The network");
    let named = || Param::number("discrepancy", 1, u64::MAX, "The discrepancy's number");
    let before = || Param::number("before", 1, u64::MAX, "Those before this number");
    vec![
        Route::get("/v1/reconciliation", status)
            .says("How every network's comparison with its chain stands")
            .needs(Permission::StatusRead),
        Route::get("/v1/reconciliation/runs", runs)
            .says("Runs of a network with what each equation came to, the newest first")
            .needs(Permission::StatusRead)
            .asks([
                network().needed(),
                before(),
                Param::number("limit", 1, RUNS_PAGE_MAX as u64, "Runs in the answer, at most"),
            ]),
        Route::get("/v1/reconciliation/discrepancies", discrepancies)
            .says("Discrepancies: those that are open, or those that are over")
            .needs(Permission::StatusRead)
            .asks([
                Param::text::<shapes::NetworkName>("network", "On this network only"),
                Param::word("over", &["true", "false"], "Those that are over, the newest first"),
                before(),
                Param::number("limit", 1, LIMIT_MAX, "Discrepancies in the answer, at most"),
            ]),
        Route::get("/v1/reconciliation/discrepancies/{discrepancy}", one)
            .says("One discrepancy with its story")
            .named(named())
            .needs(Permission::StatusRead),
        Route::post("/v1/reconciliation/discrepancies/{discrepancy}/explain", explain)
            .says("Says what a discrepancy is, or closes it")
            .named(named())
            .needs(Permission::MoneyMove)
            .danger(Danger::Level2),
        Route::post("/v1/reconciliation/discrepancies/{discrepancy}/adjust", adjust)
            .says("Puts the books right where they differ from the chain")
            .named(named())
            .needs(Permission::MoneyMove)
            .danger(Danger::Level3)
            .approvable(),
        Route::post("/v1/reconciliation/{stop}/resume", resume)
            .says("Lets withdrawals go on although something is missing or wrong")
            .named(Param::text::<shapes::StopText>("stop", "A network, an asset, or `everywhere`"))
            .needs(Permission::MoneyMove)
            .danger(Danger::Level3)
            .approvable(),
    ]
}

fn block(block: exchequer_domain::BlockRef) -> dto::Block {
    dto::Block { height: block.height, hash: block.hash.to_string() }
}

fn number(text: &str) -> Result<DiscrepancyId, Problem> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(DiscrepancyId).ok_or_else(|| Problem::new(Code::BadRequest, "a discrepancy has a number from 1"))
}

async fn status(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Reconciliation>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let room = state.reconciliation();
        let network = |network: &Network| {
            let net = room.net(*network);
            let stopped = room.stopped(Reach::Network(*network));
            let open = room.open().filter(|one| one.scope.network() == Some(*network));
            dto::NetworkReconciliation {
                network: network.to_string(),
                last_run: net.last.0,
                running: net.begun.map(|begun| begun.run.0),
                ended_at: net.ended.map(|at| at.to_string()),
                block: net.block.map(block),
                whole_at: net.sweep.whole.map(|at| at.to_string()),
                touched: room.touched(*network).count() as u64,
                open: open.count() as u64,
                stopped_since: stopped.map(|stopped| stopped.since.to_string()),
                stopped_by: stopped.map(|stopped| stopped.by.0).filter(|by| *by > 0),
            }
        };
        let networks = Network::ALL.iter().map(network).collect();
        let stop = |(reach, stopped): (Reach, Stopped)| {
            let stopping = room.open().filter(|one| one.stops() == Some(reach));
            let seen = |one: &Discrepancy| dto::SeenDiscrepancy {
                discrepancy: one.id.0,
                difference: one.to_accept().to_string(),
            };
            dto::WithdrawalStop {
                stopped: stop_text(state, reach),
                since: stopped.since.to_string(),
                by: Some(stopped.by.0).filter(|by| *by > 0),
                stopped_by: stopping.map(seen).collect(),
            }
        };
        Ok(dto::Reconciliation { networks, stops: room.stops().map(stop).collect(), left_out: room.left_out() })
    });
    Ok(seen.await?)
}

/// How far a stop goes, in words.
fn stop_text(state: &Replicated, reach: Reach) -> String {
    match reach {
        Reach::Network(network) => network.to_string(),
        Reach::Asset(asset) => code_of(state, Some(asset)).unwrap_or_else(|| reach.to_string()),
        Reach::Everywhere => EVERYWHERE.to_owned(),
    }
}

/// How far a stop goes that is named in words. Codes of assets are in capitals, and names of networks are not.
fn parse_stop(state: &Replicated, text: &str) -> Result<Reach, Problem> {
    if text == EVERYWHERE {
        return Ok(Reach::Everywhere);
    }
    match parse_network(text) {
        Ok(network) => Ok(Reach::Network(network)),
        Err(_) => Ok(Reach::Asset(asset(state, text)?.number)),
    }
}

fn code_of(state: &Replicated, asset: Option<Asset>) -> Option<String> {
    state.assets().get(asset?).map(|record| record.code.clone())
}

fn equation(state: &Replicated, outcome: &Outcome) -> dto::EquationOutcome {
    dto::EquationOutcome {
        equation: outcome.equation.as_str().to_owned(),
        says: outcome.equation.describe().to_owned(),
        asset: code_of(state, outcome.asset),
        is: outcome.sum.map(|sum| sum.is.to_string()),
        should: outcome.sum.map(|sum| sum.should.to_string()),
        holds: outcome.holds,
        remark: outcome.remark.clone(),
    }
}

fn run(state: &Replicated, run: &Run) -> dto::ReconciliationRun {
    dto::ReconciliationRun {
        run: run.id.0,
        network: run.network.to_string(),
        block: block(run.block),
        begun_at: run.begun.to_string(),
        ended_at: run.ended.to_string(),
        posting: run.posting,
        journal: run.journal.to_string(),
        judged: run.judged,
        differing: run.differing,
        failed: run.failed,
        whole: run.whole,
        inputs: run.inputs.to_string(),
        equations: run.outcomes.iter().map(|outcome| equation(state, outcome)).collect(),
        open: run.open.iter().map(|id| id.0).collect(),
    }
}

async fn runs(State(app): State<App>, mut params: Params) -> Result<Seen<dto::ReconciliationRuns>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let network = params.take("network")?;
    let network = network.ok_or_else(|| Problem::new(Code::BadRequest, "`network` is missing"))?;
    let network = parse_network(&network)?;
    let before = params.number("before", 1..=u64::MAX)?.map_or(RunId(u64::MAX), RunId);
    let limit = params.number("limit", 1..=RUNS_PAGE_MAX as u64)?.unwrap_or(20);
    let limit = usize::try_from(limit).unwrap_or(RUNS_PAGE_MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.runs(rows, network, before, limit).map_err(|halt| halt.problem())?;
        let next_before = if found.len() == limit { found.last().map(|run| run.id.0) } else { None };
        Ok(dto::ReconciliationRuns { runs: found.iter().map(|one| run(state, one)).collect(), next_before })
    });
    Ok(seen.await?)
}

/// How many decimals a difference has where it is.
fn decimals(state: &Replicated, one: &Discrepancy) -> Option<u8> {
    let asset = one.asset?;
    match one.scope.network() {
        Some(network) => state.custody().listing(network, asset).map(|listing| listing.decimals),
        None => state.assets().get(asset).map(|record| record.decimals),
    }
}

fn view(state: &Replicated, one: &Discrepancy) -> dto::Discrepancy {
    let (scope, spot) = match &one.scope {
        Scope::Spot(spot) => ("address", Some(spot)),
        Scope::Books { .. } => ("books", None),
        Scope::Solvency { .. } => ("solvency", None),
        Scope::Ledger => ("ledger", None),
        Scope::Locks => ("locks", None),
        Scope::Chain { .. } => ("chain", None),
        Scope::Fees { .. } => ("fees", None),
        Scope::Dust { .. } => ("dust", None),
        Scope::Own { .. } => ("own-transaction", None),
        Scope::Unread { .. } => ("unread", None),
        Scope::Room => ("room", None),
    };
    let sign = if one.amount < 0 { "-" } else { "" };
    let amount = |decimals| format!("{sign}{}", format_decimal(one.amount.unsigned_abs(), decimals));
    let line = |line: &exchequer_state::reconciliation::Line| dto::StoryLine {
        at: line.at.to_string(),
        by: line.by.map(|by| by.to_string()),
        what: line.what.clone(),
    };
    dto::Discrepancy {
        discrepancy: one.id.0,
        scope: scope.to_owned(),
        network: one.scope.network().map(|network| network.to_string()),
        address: spot.map(|spot| spot.address.to_string()),
        contract: spot.and_then(|spot| spot.coin.as_ref()).map(ToString::to_string),
        asset: code_of(state, one.asset),
        difference: one.amount.to_string(),
        amount: decimals(state, one).map(amount),
        class: one.class.as_str().to_owned(),
        severity: severity(one.severity).to_owned(),
        status: one.status.as_str().to_owned(),
        stops: one.stops().map(|reach| stop_text(state, reach)),
        first_seen_at: one.first_seen.to_string(),
        last_seen_at: one.last_seen.to_string(),
        gone_since: one.gone.map(|at| at.to_string()),
        story: one.story.iter().map(line).collect(),
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P0 => "P0",
        Severity::P1 => "P1",
        Severity::P2 => "P2",
        Severity::P3 => "P3",
    }
}

async fn discrepancies(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Discrepancies>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let network = params.take("network")?.map(|text| parse_network(&text)).transpose()?;
    let over = params.take("over")?.is_some_and(|word| word == "true");
    let before = params.number("before", 1..=u64::MAX)?.map_or(DiscrepancyId(u64::MAX), DiscrepancyId);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let of = |one: &Discrepancy| network.is_none_or(|wanted| one.scope.network() == Some(wanted));
        if over {
            let found = state.discrepancies_over(rows, before, limit).map_err(|halt| halt.problem())?;
            let next_before = if found.len() == limit { found.last().map(|one| one.id.0) } else { None };
            let found = found.iter().filter(|one| of(one)).map(|one| view(state, one));
            return Ok(dto::Discrepancies { discrepancies: found.collect(), next_before });
        }
        let open = state.reconciliation().open().filter(|one| of(one) && one.id < before).take(limit);
        Ok(dto::Discrepancies { discrepancies: open.map(|one| view(state, one)).collect(), next_before: None })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(text): Name, mut params: Params) -> Result<Seen<dto::Discrepancy>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = number(&text)?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.discrepancy(rows, id).map_err(|halt| halt.problem())?;
        let unknown = || Problem::new(Code::DiscrepancyUnknown, format!("there is no discrepancy {id}"));
        found.map(|one| view(state, &one)).ok_or_else(unknown)
    });
    Ok(seen.await?)
}

async fn explain(
    State(app): State<App>,
    caller: Caller,
    Name(text): Name,
    Body(request): Body<dto::ExplainDiscrepancy>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let (discrepancy, explanation) = (number(&text)?, reason(request.explanation)?);
    let id = app.command_id(request.command_id.as_deref())?;
    let command = ExplainDiscrepancy { discrepancy, explanation, close: request.close };
    changed(app.submit_as(caller.0, id, Change::ExplainDiscrepancy(command)).await?, id)
}

async fn adjust(
    State(app): State<App>,
    caller: Caller,
    Name(text): Name,
    Body(request): Body<dto::AdjustDiscrepancy>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let (discrepancy, reason) = (number(&text)?, reason(request.reason)?);
    let amount = request.difference.parse().map_err(|_| difference("difference"))?;
    let category = Category::ALL.iter().copied().find(|category| category.as_str() == request.category);
    let category = category.ok_or_else(|| {
        let words: Vec<&str> = Category::ALL.iter().map(|category| category.as_str()).collect();
        Problem::new(Code::BadRequest, format!("`category` is one of {}", words.join(", ")))
    })?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = AdjustDiscrepancy { discrepancy, amount, category, reason };
    changed(app.submit_as(caller.0, id, Change::AdjustDiscrepancy(command)).await?, id)
}

async fn resume(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ResumePayments>,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    let reason = reason(request.reason)?;
    let reach = app.read(Freshness::Local(Limit::None), |state| parse_stop(state, &name)).await?.value;
    let seen = |one: dto::SeenDiscrepancy| {
        let amount = one.difference.parse().map_err(|_| difference("difference"))?;
        Ok::<_, Problem>(SeenDiscrepancy { discrepancy: DiscrepancyId(one.discrepancy), amount })
    };
    let seen = request.seen.into_iter().map(seen).collect::<Result<_, _>>()?;
    let id = app.command_id(request.command_id.as_deref())?;
    changed(app.submit_as(caller.0, id, Change::ResumePayments(ResumePayments { reach, seen, reason })).await?, id)
}

fn difference(name: &str) -> Problem {
    let words = format!("`{name}` is a whole number with or without a sign, as the discrepancy has it");
    Problem::new(Code::BadRequest, words)
}

fn changed(
    effect: crate::submit::Effect,
    id: exchequer_domain::CommandId,
) -> Result<Committed<dto::MoneyChanged>, Refused> {
    match effect.done {
        Done::DiscrepancyMoved | Done::PaymentsResumed => {
            Ok(Committed(id, dto::MoneyChanged { index: effect.index, command_id: id.to_string() }))
        }
        _ => Err(effect.unexpected()),
    }
}
