//! A proposed operation in words, for those who are to approve it.

use crate::command::Body;
use crate::reconciliation::Reach;

/// What an operation would do: its name, then names and values. It is made of the bytes that an approval signs, so that an
/// approver needs to believe nobody.
#[must_use]
pub fn describe(body: &Body) -> Vec<(String, String)> {
    let line = |name: &str, value: String| (name.to_owned(), value);
    let reason = |reason: &String| line("reason", reason.clone());
    match body {
        Body::SetSetting(command) => vec![
            line("operation", "change a setting".into()),
            line("setting", command.key.clone()),
            line("value", command.value.to_string()),
            reason(&command.reason),
        ],
        Body::UnsetSetting(command) => vec![
            line("operation", "give a setting its default".into()),
            line("setting", command.key.clone()),
            reason(&command.reason),
        ],
        Body::RevertSettings(command) => vec![
            line("operation", "bring settings back".into()),
            line("to revision", command.to_revision.to_string()),
            reason(&command.reason),
        ],
        Body::RevertTransfer(command) => vec![
            line("operation", "undo a transfer".into()),
            line("transfer", format!("{:032x}", command.of.0)),
            line("by transfer", format!("{:032x}", command.id.0)),
            reason(&command.reason),
        ],
        Body::TransferBetweenUsers(command) => vec![
            line("operation", "move money between users".into()),
            line("from user", command.from.to_string()),
            line("to user", command.to.to_string()),
            line("asset", command.asset.0.to_string()),
            line("amount in minor units", command.amount.to_string()),
            line("transfer", format!("{:032x}", command.id.0)),
            line("note", command.note.as_deref().unwrap_or_default().to_owned()),
        ],
        Body::EmergencyResume(command) => {
            vec![line("operation", "let the exchange go on".into()), reason(&command.reason)]
        }
        Body::CreateAdmin(command) => vec![
            line("operation", "make an admin".into()),
            line("name", command.name.clone()),
            line("person", command.person.clone()),
            line("roles", command.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")),
            line(
                "from addresses",
                if command.ranges.is_empty() { "any".into() } else { format!("{:?}", command.ranges) },
            ),
            reason(&command.reason),
        ],
        Body::UpdateAdmin(command) => {
            let mut lines = vec![line("operation", "change an admin".into()), line("admin", command.admin.to_string())];
            lines.extend(
                command
                    .roles
                    .iter()
                    .map(|roles| line("roles", roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "))),
            );
            lines.extend(command.status.map(|status| line("status", status.as_str().into())));
            lines.extend(command.ranges.iter().map(|ranges| line("from addresses", format!("{ranges:?}"))));
            lines.push(reason(&command.reason));
            lines
        }
        Body::SetCredentials(command) => vec![
            line("operation", "change what somebody else signs in with".into()),
            line("of", command.of.to_string()),
            reason(&command.reason),
        ],
        Body::CreateJoinToken(command) => {
            let id = u64::from_be_bytes(command.token_id);
            let mut lines = vec![line("operation", "make a join token".into()), line("token", format!("{id:016x}"))];
            let ttl = command.ttl_us.map(std::time::Duration::from_micros);
            lines.extend(ttl.map(|ttl| line("valid for", exchequer_domain::format_duration(ttl))));
            lines.extend(command.replaces.map(|node| line("replaces node", node.to_string())));
            lines.push(reason(&command.reason));
            lines
        }
        Body::ConfigureNetwork(command) => {
            let number = |name: &str, value: Option<u64>| value.map(|value| line(name, value.to_string()));
            let switch = |name: &str, on: Option<bool>| on.map(|on| line(name, if on { "on" } else { "off" }.into()));
            let changes = [
                command.state.map(|state| line("state", format!("{state:?}").to_lowercase())),
                switch("deposits", command.deposits),
                switch("withdrawals", command.withdrawals),
                switch("sweeps", command.sweeps),
                number("confirmations to trade", command.tradable.map(u64::from)),
                number("confirmations to withdraw", command.withdrawable.map(u64::from)),
                number("highest fee rate", command.fee_rate_max),
                number("highest fee", command.fee_max),
                command.endpoints.as_ref().map(|endpoints| line("endpoints", endpoints.join(", "))),
            ];
            let mut lines =
                vec![line("operation", "change a network".into()), line("network", command.network.to_string())];
            lines.extend(changes.into_iter().flatten());
            lines.push(reason(&command.reason));
            lines
        }
        // Its text is sealed; the hash of the operation tells one from another.
        Body::PutSecret(command) => vec![
            line("operation", "put a secret".into()),
            line("secret", command.name.clone()),
            reason(&command.reason),
        ],
        Body::RemoveSecret(command) => vec![
            line("operation", "remove a secret".into()),
            line("secret", command.name.clone()),
            reason(&command.reason),
        ],
        Body::RegisterBinary(command) => vec![
            line("operation", "register a program of workers".into()),
            line("name", command.name.clone()),
            line("version", command.version.clone()),
            line("hash", command.hash.to_string()),
            line("path", command.path.clone()),
            reason(&command.reason),
        ],
        Body::ReleaseDirectives(command) => {
            let numbers: Vec<String> = command.directives.iter().map(ToString::to_string).collect();
            vec![
                line("operation", "release directives".into()),
                line("directives", numbers.join(", ")),
                reason(&command.reason),
            ]
        }
        Body::RegisterWallet(command) => {
            let network =
                command.network.map_or_else(|| "every one of the family".into(), |network| network.to_string());
            let mut lines = vec![
                line("operation", "register a wallet".into()),
                line("name", command.name.clone()),
                line("for", command.role.as_str().into()),
                line("family", format!("{:?}", command.family).to_lowercase()),
                line("network", network),
                line("extended public key", command.xpub.clone()),
                line("deposits may be swept to it", command.pinned.to_string()),
            ];
            lines.extend(command.addresses.iter().map(|own| line("address", own.address.to_string())));
            lines.push(reason(&command.reason));
            lines
        }
        Body::RetireWallet(command) => vec![
            line("operation", "take a wallet out of use".into()),
            line("wallet", command.wallet.0.to_string()),
            reason(&command.reason),
        ],
        Body::ListAsset(command) => {
            let terms = &command.terms;
            vec![
                line("operation", "list an asset on a network".into()),
                line("network", command.network.to_string()),
                line("asset", command.asset.0.to_string()),
                line("coin", command.coin.as_ref().map_or_else(|| "the network's own".into(), ToString::to_string)),
                line("decimals on the network", command.decimals.to_string()),
                line("least deposit", terms.deposit_min.to_string()),
                line("least withdrawal", terms.withdrawal_min.to_string()),
                line("most at once", terms.withdrawal_max.to_string()),
                line("step", terms.withdrawal_step.to_string()),
                line("fee", terms.withdrawal_fee.to_string()),
                reason(&command.reason),
            ]
        }
        Body::SetPrice(command) => vec![
            line("operation", "set a reference price far from the present one".into()),
            line("asset", command.asset.0.to_string()),
            line("millionths of a dollar", command.usd_micros.to_string()),
            line("source", command.source.clone()),
        ],
        Body::StockAddresses(command) => vec![
            line("operation", "put deposit addresses into the pool by hand".into()),
            line("family", format!("{:?}", command.family).to_lowercase()),
            line("first index", command.first_index.to_string()),
            line("addresses", command.entries.len().to_string()),
        ],
        Body::ResumeChain(command) => vec![
            line("operation", "let a network go on that halted".into()),
            line("network", command.network.to_string()),
            line(
                "from block",
                command.to.map_or_else(|| "where it stood".into(), |to| format!("{} {}", to.height, to.hash)),
            ),
            reason(&command.reason),
        ],
        Body::SetNonce(command) => vec![
            line("operation", "set the next nonce of an address that pays".into()),
            line("network", command.network.to_string()),
            line("wallet", command.payer.wallet.0.to_string()),
            line("address", command.payer.index.to_string()),
            line("next nonce", command.next.to_string()),
            reason(&command.reason),
        ],
        Body::AssignSuspense(command) => vec![
            line("operation", "decide whose a deposit is".into()),
            line("deposit", command.deposit.to_string()),
            line(
                "to",
                match command.to {
                    crate::deposits::Assignee::User(user) => format!("user {user}"),
                    crate::deposits::Assignee::Exchange => "the exchange".into(),
                    crate::deposits::Assignee::Moved { from, index, fee } => {
                        let address = index.map(|index| format!(", address {index} of the pool")).unwrap_or_default();
                        format!("nobody: the exchange moved it itself, out of {from:?}{address}, for a fee of {fee}")
                    }
                },
            ),
            reason(&command.reason),
        ],
        Body::AdjustDiscrepancy(command) => vec![
            line("operation", "put the books right where they differ from the chain".into()),
            line("discrepancy", command.discrepancy.to_string()),
            line("difference", command.amount.to_string()),
            line("booked as", command.category.as_str().into()),
            reason(&command.reason),
        ],
        Body::ResumePayments(command) => {
            let operation = "let withdrawals go on although something is missing or wrong";
            let stopped = match command.reach {
                Reach::Network(network) => format!("on {network}"),
                Reach::Asset(asset) => format!("of asset {}, everywhere", asset.0),
                Reach::Everywhere => "everywhere".into(),
            };
            let mut lines = vec![line("operation", operation.into()), line("stopped", stopped)];
            let seen = command.seen.iter();
            lines.extend(
                seen.map(|seen| line("accepted", format!("discrepancy {} at {}", seen.discrepancy, seen.amount))),
            );
            if command.seen.is_empty() {
                lines.push(line("accepted", "nothing: what stopped them is over".into()));
            }
            lines.push(reason(&command.reason));
            lines
        }
        Body::RequestWithdrawal(command) => {
            let order = &command.order;
            vec![
                line("operation", "withdraw a customer's money".into()),
                line("user", order.user.to_string()),
                line("asset", order.asset.0.to_string()),
                line("network", order.network.to_string()),
                line("to", order.to.to_string()),
                line("memo", order.memo.clone().unwrap_or_default()),
                line("amount in minor units", order.amount.to_string()),
            ]
        }
        Body::ReviewPayout(command) => vec![
            line("operation", "decide about a payout".into()),
            line("payout", command.payout.to_string()),
            line("decision", command.decision.describe()),
            reason(&command.reason),
        ],
        Body::SetWithdrawalPolicy(command) => {
            let mut lines = vec![line("operation", "set who must agree to withdrawals".into())];
            lines.extend(command.policy.rules.iter().map(|rule| line("rule", format!("{}: {:?}", rule.name, rule))));
            lines.extend(command.policy.groups.iter().map(|group| line("group", format!("{group:?}"))));
            lines.extend(command.policy.limits.iter().map(|limit| line("limit", format!("{limit:?}"))));
            lines.push(line("small may pass", command.policy.small_may_pass.to_string()));
            lines.push(reason(&command.reason));
            lines
        }
        // What a policy comes to cover without lines here shows its name at least, and nothing that may be sealed.
        other => vec![line("operation", other.name())],
    }
}
