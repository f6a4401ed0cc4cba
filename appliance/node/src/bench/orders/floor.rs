//! The trading floor: assets, markets and traders with money, made before the clock starts.

use std::sync::Arc;

use exchequer_domain::{Code, Problem, UserId};
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::markets::{MarketId, Step};
use exchequer_state::matching::{Fees, Filters, PhaseChange};
use exchequer_state::{Body, CreateAsset, CreateMarket, CreateUsers, CreditSandbox, Done, SetMarketPhase};

use super::super::fresh;
use super::super::way::Way;
use super::trader::{Mid, Trader};

/// Minor units of base in one lot: enough that a fee, which is rounded up to a minor unit, is a fee.
const BASE_PER_LOT: u64 = 100_000;
/// What every trader begins with, in minor units: no order is refused for want of money.
const BASE_EACH: u128 = 1_000_000_000_000_000;
const QUOTE_EACH: u128 = BASE_EACH * 50_000;
const FEES: Fees = Fees { maker_ppm: 1_000, taker_ppm: 1_000 };
/// Commands of one request while it is prepared.
const AT_ONCE: usize = 1_000;

/// What was made.
pub(super) struct Floor {
    /// The codes of base and quote. Both are without decimals, so that amounts are whole numbers of minor units.
    pub(super) base: String,
    pub(super) quote: String,
    /// By number, from the first market on.
    pub(super) symbols: Vec<(MarketId, String)>,
    /// What all traders together were given.
    pub(super) base_units: u128,
    pub(super) quote_units: u128,
}

fn unexpected() -> Problem {
    Problem::new(Code::Internal, "the bench cannot be prepared: a command had another effect")
}

/// Makes it with its traders, under names that no other run has.
///
/// # Errors
/// A command that did not take effect.
pub(super) async fn build(way: &Way, traders: u32, markets: u32, seed: u64) -> Result<(Floor, Vec<Trader>), Problem> {
    let run = u64::from_le_bytes(fresh()?);
    let short = run % 1_000_000_000;
    let reason = "bench".to_owned();
    let mut assets = Vec::new();
    let codes = ["B", "Q"].map(|kind| format!("{kind}{short}"));
    for code in &codes {
        let asset = CreateAsset { code: code.clone(), decimals: 0, name: "Bench".to_owned(), reason: reason.clone() };
        let Done::AssetCreated { asset } = way.does(Body::CreateAsset(asset)).await? else { return Err(unexpected()) };
        assets.push(asset);
    }
    let [base, quote] = <[Asset; 2]>::try_from(assets).map_err(|_| unexpected())?;
    let mut symbols = Vec::new();
    for number in 0..markets {
        let symbol = format!("BENCH{short}M{number}");
        let market = CreateMarket {
            symbol: symbol.clone(),
            base,
            quote,
            tick: Step { units: 1, decimals: 0 },
            lot: Step { units: BASE_PER_LOT, decimals: 0 },
            fees: vec![FEES],
            filters: Filters::default(),
            reason: reason.clone(),
        };
        let Done::MarketCreated { market } = way.does(Body::CreateMarket(Box::new(market))).await? else {
            return Err(unexpected());
        };
        let open = SetMarketPhase { market, phase: PhaseChange::Trading, reason: reason.clone() };
        way.does(Body::SetMarketPhase(open)).await?;
        symbols.push((market, symbol));
    }
    let users = CreateUsers { count: traders, kyc_level: 0, fee_tier: 0 };
    let Done::UsersCreated { first, .. } = way.does(Body::CreateUsers(users)).await? else { return Err(unexpected()) };
    let users: Vec<UserId> = (first.0..first.0 + u64::from(traders)).map(UserId).collect();
    let mut credits = Vec::new();
    for user in &users {
        for (asset, amount) in [(base, BASE_EACH), (quote, QUOTE_EACH)] {
            let id = TransferId(u128::from(run) << 64 | u128::from(credits.len() as u64 + 1));
            credits.push(Body::CreditSandbox(CreditSandbox { user: *user, asset, amount, id }));
        }
    }
    for some in credits.chunks(AT_ONCE) {
        way.does_all(some.to_vec()).await?;
    }
    let mids: Vec<Arc<Mid>> = (0..u64::from(markets)).map(|number| Arc::new(Mid::new(seed ^ number))).collect();
    let prefix = format!("bench-{:08x}-", run as u32);
    let places = symbols.iter().zip(&mids).cycle();
    let trader = |(user, ((market, _), mid)): (&UserId, (&(MarketId, String), &Arc<Mid>))| {
        Trader::new(*user, *market, mid.clone(), seed, &prefix)
    };
    let made = users.iter().zip(places).map(trader).collect();
    let [base, quote] = codes;
    let (base_units, quote_units) = (BASE_EACH * u128::from(traders), QUOTE_EACH * u128::from(traders));
    Ok((Floor { base, quote, symbols, base_units, quote_units }, made))
}
