//! What of money waits for people, and what they can do about it.

use axum::extract::State;
use exchequer_state::State as Replicated;
use exchequer_state::attention::{Concern, Matter, Stand, Subject};
use exchequer_state::people::Permission;

use crate::app::App;
use crate::dto;
use crate::extract::Params;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/attention", attention)
            .says("What of money waits for people, since when, and what can be done about it")
            .more("Payouts and withdrawals that were set aside, addresses that get nothing into a block, queues that stand, hot wallets that are short.")
            .needs(Permission::UsersRead),
    ]
}

async fn attention(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Attention>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let matters = state.matters();
        Ok(dto::Attention { matters: matters.iter().map(|(matter, stand)| view(state, matter, stand)).collect() })
    });
    Ok(seen.await?)
}

fn view(state: &Replicated, matter: &Matter, stand: &Stand) -> dto::Matter {
    let asset = match matter.subject {
        Subject::Asset(asset) => state.assets().get(asset).map(|asset| asset.code.clone()),
        Subject::Payout(_)
        | Subject::Payer(_)
        | Subject::Withdrawal(_)
        | Subject::Deposit(_)
        | Subject::Scan
        | Subject::Finality
        | Subject::GasBudget => None,
    };
    dto::Matter {
        concern: matter.concern.as_str().to_owned(),
        network: matter.network.to_string(),
        subject: asset.clone().unwrap_or_else(|| matter.subject.to_string()),
        since: stand.since.to_string(),
        severity: format!("{:?}", matter.concern.severity()),
        payout: stand.payout.map(|payout| payout.0),
        withdrawal: stand.withdrawal.map(|withdrawal| withdrawal.0),
        what_to_do: what_to_do(state, matter, stand, asset.as_deref()),
    }
}

/// Whether the first payout of a blocked address cannot pay the network a tenth more, which is the least that takes its place: its
/// withdrawals agreed to less.
fn is_at_its_cap(state: &Replicated, stand: &Stand) -> bool {
    let payout = stand.payout.and_then(|payout| state.withdrawals().payout(payout));
    let Some((payout, latest)) = payout.and_then(|payout| Some((payout, payout.latest()?))) else { return false };
    let paid = payout.withdrawals.iter().filter_map(|id| state.withdrawals().get(*id));
    let cap = paid.map(|one| one.fee_cap).min();
    cap.is_some_and(|cap| latest.fee_max.saturating_add(latest.fee_max / 10) > cap)
}

fn what_to_do(state: &Replicated, matter: &Matter, stand: &Stand, asset: Option<&str>) -> String {
    let payout = stand.payout.map_or_else(|| "PAYOUT".to_owned(), |payout| payout.0.to_string());
    let withdrawal = stand.withdrawal.map_or_else(|| "WITHDRAWAL".to_owned(), |withdrawal| withdrawal.0.to_string());
    match matter.concern {
        Concern::PayoutSetAside => format!(
            "`exchequer payout show {payout}` says why; then `payout retry`, `bump` or `cancel`, or by two persons with proof \
             `payout mark-external` or `refund`"
        ),
        Concern::LaneBlocked if is_at_its_cap(state, stand) => format!(
            "`exchequer payout show {payout}` shows what endpoints say; its withdrawal agreed to no higher fee, so that `payout bump` \
             waits for lower ones: `payout cancel {payout}` makes room for those behind it, within the network's `--fee-max`"
        ),
        Concern::LaneBlocked => format!(
            "`exchequer payout show {payout}` shows what endpoints say; `payout bump {payout}` pays the network more, `payout \
             cancel {payout}` makes room for those behind it"
        ),
        Concern::QueueStands => format!(
            "`exchequer withdrawal explain {withdrawal}` says what the first one waits for; `exchequer worker show \
             withdrawal/{}-1` whether its worker works",
            matter.network
        ),
        Concern::HotWalletShort => format!(
            "bring {} to the hot wallet on {}: `exchequer wallet list` has its addresses; payments go on by themselves, in \
             their order",
            asset.unwrap_or("more"),
            matter.network
        ),
        Concern::ApprovalExpired => "ask those who approve why; its user can ask for the withdrawal again".to_owned(),
        Concern::WithdrawalSetAside => format!(
            "`exchequer withdrawal explain {withdrawal}` says why; it keeps its place and is tried again every two minutes. Where that \
             does not end, `exchequer withdrawal reject {withdrawal}` gives the money back, and its user asks anew: under the bounds, \
             and to the address, of then"
        ),
        Concern::ScanLags => format!(
            "`exchequer worker show deposit/{0}-1` says whether its worker works and what keeps it, its endpoints \
             included, `exchequer deposit scan` how far it is: give it other endpoints where they lag. Until it has \
             caught up nothing is credited there, and no payment counts as final",
            matter.network
        ),
        Concern::FinalityStalls => format!(
            "look at {0}'s own news, and at `exchequer worker show deposit/{0}-1`, whether its endpoints follow the network: give \
             it others where they do not. Where the network itself does not agree, nobody can do anything: deposits wait, however \
             deep they are, and are credited by themselves once it does",
            matter.network
        ),
        Concern::GasBudgetNear => format!(
            "`exchequer gas status` says what it went to. What is meant is raised with `gas.budget_usd_day@network:{0}`; where it is not \
             meant, `exchequer sweep list` shows what gas is brought for. At the end of it nothing more is brought today: sweeps wait, and \
             hot wallets are not refilled",
            matter.network
        ),
        Concern::DepositNotOnChain => {
            "compare its block with another explorer, and `exchequer reconcile discrepancies`".to_owned()
        }
    }
}
