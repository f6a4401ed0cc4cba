//! Having what a scan missed committed: blocks are looked at again, as a directive of two persons'.

use axum::extract::State;
use exchequer_domain::{Code, Problem, WorkerKind};
use exchequer_state::deposits::{RESCAN_APPLY, RESCAN_BLOCKS_MAX};
use exchequer_state::directives::{DirectiveAction, Priority, Target};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, Done, NewDirective, SendDirectives};

use super::networks::parse_network;
use crate::app::App;
use crate::auth::Caller;
use crate::dto::{self, shapes};
use crate::extract::{Body, Name, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::route::Route;
use crate::submit::Committed;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/scans/{network}/apply", apply)
            .says("Has blocks looked at again that were scanned, and what was missed committed as deposits")
            .more(
                "By the rules of every block, each payment once. What the books have and a block has not is told, and stays. \
                 What came of it is the result of the directive.",
            )
            .named(Param::text::<shapes::NetworkName>("network", "The network"))
            .needs(Permission::MoneyMove)
            .danger(Danger::Level3)
            .approvable(),
    ]
}

async fn apply(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ApplyRescan>,
) -> Result<Committed<dto::DirectivesSent>, Refused> {
    let (network, reason) = (parse_network(&name)?, reason(request.reason)?);
    if request.from > request.to || request.to - request.from >= RESCAN_BLOCKS_MAX {
        let message = format!("`from` is at most `to`, and {RESCAN_BLOCKS_MAX} blocks are looked at in one go");
        return Err(Problem::new(Code::BadRequest, message).into());
    }
    let id = app.command_id(request.command_id.as_deref())?;
    let directive = NewDirective {
        key: None,
        priority: Priority::Normal,
        target: Target::Kind { kind: WorkerKind::Deposit, network: Some(network) },
        action: DirectiveAction::Custom {
            name: RESCAN_APPLY.to_owned(),
            payload: format!("{} {}", request.from, request.to).into_bytes(),
            // Each payment is taken once.
            idempotent: true,
        },
        not_before: None,
        deadline: None,
        max_attempts: 1,
        needs_approval: false,
    };
    let change = Change::SendDirectives(SendDirectives { directives: vec![directive], reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::DirectivesSent(sent) = &effect.done else { return Err(effect.unexpected()) };
    let sent = sent.iter().map(|sent| dto::DirectiveSent { directive: sent.directive.0, new: sent.new });
    let answer = dto::DirectivesSent { directives: sent.collect(), index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}
