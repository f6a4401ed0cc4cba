//! What a test does to the chain over HTTP: `POST /control/NAME` with JSON. For tests in other languages, and the demo.

use serde_json::{Value, json};

use super::address::Address;
use super::chain::{Again, Chain};
use super::{Behaviour, issue, new_token};

/// - `mine {blocks}`: makes blocks;
/// - `fund {address, sun}`: gives an account more, and activates it;
/// - `token {symbol, decimals, behaviour: token|says_false|forges}`: makes a token;
/// - `issue {token, to, amount}`: gives an account more of a token; the amount as text;
/// - `fork {depth, again: all|none, beyond}`: gives blocks up;
/// - `forget {}`: forgets what waits; `hold {held}`: what waits is not put into blocks;
/// - `silent {makers}`: these makers make no blocks.
pub(super) fn control(chain: &mut Chain, what: &str, body: &Value) -> Value {
    done(chain, what, body).unwrap_or_else(|error| json!({"error": error}))
}

fn done(chain: &mut Chain, what: &str, body: &Value) -> Result<Value, String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| body.get(name).and_then(Value::as_i64);
    let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
    let address = |name: &str| text(name).parse::<Address>();
    match what {
        "mine" => chain.mine(number("blocks").unwrap_or(1).max(0).cast_unsigned()),
        "fund" => chain.fund(address("address")?, number("sun").ok_or("sun is missing")?),
        "token" => {
            let behaviour = match text("behaviour") {
                "" | "token" => Behaviour::Token,
                "says_false" => Behaviour::SaysFalse,
                "forges" => Behaviour::Forges,
                other => return Err(format!("no behaviour {other}")),
            };
            let decimals = u8::try_from(number("decimals").unwrap_or(6)).map_err(|error| error.to_string())?;
            let made = new_token(chain, behaviour, text("symbol"), decimals);
            return Ok(json!({"address": made.to_string()}));
        }
        "issue" => {
            let amount = text("amount").parse().map_err(|_| "amount is no number")?;
            issue(chain, address("token")?, address("to")?, amount)?;
        }
        "fork" => {
            let again = if text("again") == "none" { Again::None } else { Again::All };
            chain.fork(number("depth").unwrap_or(1).max(0).cast_unsigned(), &again, flag("beyond"))?;
        }
        "forget" => chain.forget_waiting(),
        "hold" => chain.held = flag("held"),
        "silent" => {
            let makers = body.get("makers").and_then(Value::as_array).into_iter().flatten();
            chain.silent = makers.filter_map(|maker| usize::try_from(maker.as_u64()?).ok()).collect();
        }
        other => return Err(format!("nothing is called {other}")),
    }
    Ok(json!({"head": chain.head(), "solid": chain.solid(), "time": chain.now_ms(), "waiting": chain.waiting().len()}))
}
