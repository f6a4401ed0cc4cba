//! The withdrawal policy: what it says, what it would say, and another one in its place.

use axum::Json;
use axum::extract::State;
use exchequer_domain::{AdminId, ChainAddress, Code, Problem, Timestamp, UserId, format_decimal};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::withdrawals::{
    Accumulated, Destination, FeeMode, Group, Limit, Match, Need, Order, Rule, Verdict, WithdrawalId, WithdrawalPolicy,
};
use exchequer_state::{Body as Change, Done, SetWithdrawalPolicy, State as Replicated};

use super::ledger::known_user;
use super::networks::parse_network;
use super::withdrawals::{USD_DECIMALS, looks_like};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Params, duration, reason};
use crate::money::{amount, asset, asset_of, limit};
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{chain_text, dto};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/withdrawal-policy", show)
            .says("Who must agree to withdrawals, and how much may leave")
            .needs(Permission::ConfigurationRead),
        Route::put("/v1/withdrawal-policy", set)
            .says("Puts another withdrawal policy in the place of the present one")
            .more("It judges what is confirmed from then on; what waits for approval goes on waiting for what it was told.")
            .needs(Permission::ConfigurationChange)
            .danger(Danger::Level3)
            .approvable(),
        Route::post("/v1/withdrawal-policy/simulate", simulate)
            .says("What would become of a withdrawal as things stand, and by which rule")
            .needs(Permission::ConfigurationRead),
    ]
}

fn usd(micros: u64) -> String {
    format_decimal(micros.into(), USD_DECIMALS)
}

fn parse_usd(field: &str, text: &str) -> Result<u64, Problem> {
    let micros = limit(field, text, USD_DECIMALS)?;
    u64::try_from(micros).map_err(|_| Problem::new(Code::BadRequest, format!("`{field}` is too large")))
}

fn micros(field: &str, text: &str) -> Result<u64, Problem> {
    let span = duration(field, text)?;
    u64::try_from(span.as_micros()).map_err(|_| Problem::new(Code::BadRequest, format!("`{field}` is too long")))
}

fn span(us: u64) -> String {
    exchequer_domain::format_duration(std::time::Duration::from_micros(us))
}

fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Block => "block",
        Verdict::Approve { .. } => "approve",
    }
}

/// Who must agree, and how long it waits after that.
fn demands(verdict: &Verdict) -> (Vec<dto::PolicyNeed>, Option<String>) {
    match verdict {
        Verdict::Allow | Verdict::Block => (Vec::new(), None),
        Verdict::Approve { needs, delay_us } => {
            let needs = needs.iter().map(|need| dto::PolicyNeed { group: need.group.clone(), count: need.count });
            (needs.collect(), (*delay_us > 0).then(|| span(*delay_us)))
        }
    }
}

fn rule(state: &Replicated, rule: &Rule) -> Result<dto::PolicyRule, Problem> {
    let Match { assets, networks, destinations, usd_from, usd_below, accumulated } = &rule.when;
    let (needs, delay) = demands(&rule.then);
    let code = |asset| asset_of(state, asset).map(|asset| asset.code.clone());
    Ok(dto::PolicyRule {
        name: rule.name.clone(),
        assets: assets.iter().map(|asset| code(*asset)).collect::<Result<_, _>>()?,
        networks: networks.iter().map(ToString::to_string).collect(),
        destinations: destinations.iter().map(|place| place.as_str().to_owned()).collect(),
        usd_from: usd_from.map(usd),
        usd_below: usd_below.map(usd),
        accumulated: accumulated
            .map(|sum| dto::Accumulated { window: span(sum.window_us), usd_from: usd(sum.usd_from) }),
        verdict: verdict_word(&rule.then).to_owned(),
        needs,
        delay,
    })
}

async fn show(State(app): State<App>, mut params: Params) -> Result<Seen<dto::WithdrawalPolicy>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let policy = state.withdrawals().policy();
        let group = |group: &Group| dto::PolicyGroup {
            name: group.name.clone(),
            members: group.members.iter().map(|member| member.0).collect(),
        };
        let limit = |limit: &Limit| dto::PolicyLimit { day_usd: usd(limit.day_usd), month_usd: usd(limit.month_usd) };
        Ok(dto::WithdrawalPolicy {
            rules: policy.rules.iter().map(|one| rule(state, one)).collect::<Result<_, _>>()?,
            groups: policy.groups.iter().map(group).collect(),
            limits: policy.limits.iter().map(limit).collect(),
            small_may_pass: policy.small_may_pass,
            version: policy.version,
            changed_at: (policy.version > 0).then(|| policy.changed_at.to_string()),
        })
    });
    Ok(seen.await?)
}

fn parse_destination(word: &str) -> Result<Destination, Problem> {
    let all = [Destination::New, Destination::Listed, Destination::Internal, Destination::Lookalike];
    let found = all.into_iter().find(|place| place.as_str() == word);
    found.ok_or_else(|| Problem::new(Code::BadRequest, "a destination is one of new, listed, internal, lookalike"))
}

fn parse_rule(state: &Replicated, given: &dto::PolicyRule) -> Result<Rule, Problem> {
    let needs: Vec<Need> =
        given.needs.iter().map(|need| Need { group: need.group.clone(), count: need.count }).collect();
    let delay_us = given.delay.as_deref().map(|text| micros("delay", text)).transpose()?;
    let is_plain = needs.is_empty() && delay_us.is_none();
    let then = match given.verdict.as_str() {
        "allow" if is_plain => Verdict::Allow,
        "block" if is_plain => Verdict::Block,
        "approve" => Verdict::Approve { needs, delay_us: delay_us.unwrap_or(0) },
        "allow" | "block" => {
            return Err(Problem::new(Code::BadRequest, "`needs` and `delay` go with the verdict `approve`"));
        }
        _ => return Err(Problem::new(Code::BadRequest, "`verdict` is one of allow, block, approve")),
    };
    let accumulated = given.accumulated.as_ref().map(|sum| {
        let (window_us, usd_from) = (micros("window", &sum.window)?, parse_usd("usd_from", &sum.usd_from)?);
        Ok::<_, Problem>(Accumulated { window_us, usd_from })
    });
    let when = Match {
        assets: given.assets.iter().map(|code| Ok(asset(state, code)?.number)).collect::<Result<_, Problem>>()?,
        networks: given.networks.iter().map(|name| parse_network(name)).collect::<Result<_, _>>()?,
        destinations: given.destinations.iter().map(|word| parse_destination(word)).collect::<Result<_, _>>()?,
        usd_from: given.usd_from.as_deref().map(|text| parse_usd("usd_from", text)).transpose()?,
        usd_below: given.usd_below.as_deref().map(|text| parse_usd("usd_below", text)).transpose()?,
        accumulated: accumulated.transpose()?,
    };
    Ok(Rule { name: given.name.clone(), when, then })
}

async fn set(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::SetWithdrawalPolicy>,
) -> Result<Committed<dto::PolicySet>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let given = request.rules;
    let read = app.read(Freshness::Linearizable, |state| {
        given.iter().map(|one| parse_rule(state, one)).collect::<Result<Vec<_>, Problem>>()
    });
    let rules = read.await?.value;
    let groups = request
        .groups
        .into_iter()
        .map(|group| Group { name: group.name, members: group.members.into_iter().map(AdminId).collect() });
    let limit = |limit: &dto::PolicyLimit| {
        let (day_usd, month_usd) = (parse_usd("day_usd", &limit.day_usd)?, parse_usd("month_usd", &limit.month_usd)?);
        Ok::<_, Problem>(Limit { day_usd, month_usd })
    };
    let policy = WithdrawalPolicy {
        rules,
        groups: groups.collect(),
        limits: request.limits.iter().map(limit).collect::<Result<_, _>>()?,
        small_may_pass: request.small_may_pass,
        version: 0,
        changed_at: Timestamp(0),
    };
    let command = SetWithdrawalPolicy { policy, if_version: request.if_version, reason };
    let effect = app.submit_as(caller.0, id, Change::SetWithdrawalPolicy(Box::new(command))).await?;
    let Done::WithdrawalPolicySet { version } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::PolicySet { version, index: effect.index, command_id: id.to_string() }))
}

async fn simulate(
    State(app): State<App>,
    Body(request): Body<dto::SimulatePolicy>,
) -> Result<Json<dto::PolicySimulated>, Refused> {
    let (user, network) = (UserId(request.user), parse_network(&request.network)?);
    let given = request.destination.as_deref().map(parse_destination).transpose()?;
    // Without an address: this one is nobody's.
    let nobody =
        ChainAddress::canonical("simulated").map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let seen = app.read_rows(Freshness::Linearizable, move |state, rows| {
        known_user(state, user)?;
        let asset = asset(state, &request.asset)?;
        let address = request.address.as_deref();
        let to = address.map(|text| chain_text::destination(state, network, Some(asset.number), "address", text));
        let to = to.transpose()?.unwrap_or_else(|| nobody.clone());
        let amount = amount("amount", &request.amount, asset.decimals)?;
        let worth = state.withdrawal_worth(asset.number, amount);
        let (client_id, memo, mode) = (String::new(), None, FeeMode::Deduct);
        let order = Order { user, client_id, asset: asset.number, network, to, memo, amount, mode };
        let warning = looks_like(state, rows, &order)?;
        let found = if warning.is_some() { Destination::Lookalike } else { Destination::New };
        let destination = given.unwrap_or(found);
        let (verdict, rule) = state.judge_withdrawal(&order, WithdrawalId(0), destination, worth);
        let (needs, delay) = demands(&verdict);
        let [day, month] = state.withdrawal_limits_left(user);
        Ok(dto::PolicySimulated {
            verdict: verdict_word(&verdict).to_owned(),
            rule,
            needs,
            warning,
            delay,
            usd: worth.map(usd),
            day_left_usd: usd(day),
            month_left_usd: usd(month),
        })
    });
    Ok(Json(seen.await?.value))
}
