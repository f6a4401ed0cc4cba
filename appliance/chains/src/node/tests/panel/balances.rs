//! What a quorum says of balances, and why it does not.

use super::*;

fn refused() -> Result<Option<u128>, NodeError> {
    Err(RpcError::Refused { code: -32_000, message: "not in these words".to_owned(), data: None }.into())
}

fn away() -> Result<Option<u128>, NodeError> {
    Err(RpcError::Lost(Lost::Deadline).into())
}

/// Why there is no balance.
#[derive(Debug, PartialEq)]
enum Why {
    Forgotten,
    Refused,
    Disagreement,
}

/// Goal: a balance is what two of three say. Where none can be, it is told apart whether too few keep the state, or are there and refuse
/// it, or are away and contradict each other: on the first two a log is believed in the end, on the last one never. One endpoint alone
/// brings none of it about. Method: three endpoints, each row in every order.
#[tokio::test(start_paused = true)]
async fn balances_are_agreed_on() {
    let (has, gone) = (|amount| Ok(Some(amount)), || Err(NodeError::Pruned));
    for (told, expected) in [
        ([has(7), has(7), has(8)], Ok(Some(7))),
        ([has(7), has(7), gone()], Ok(Some(7))),
        ([has(7), has(7), refused()], Ok(Some(7))),
        ([has(7), has(7), away()], Ok(Some(7))),
        ([Ok(None), Ok(None), has(7)], Ok(None)),
        ([has(7), gone(), gone()], Err(Why::Forgotten)),
        ([gone(), gone(), refused()], Err(Why::Forgotten)),
        ([gone(), gone(), away()], Err(Why::Forgotten)),
        ([has(7), gone(), refused()], Err(Why::Refused)),
        ([has(7), refused(), refused()], Err(Why::Refused)),
        ([away(), refused(), refused()], Err(Why::Refused)),
        ([gone(), refused(), refused()], Err(Why::Refused)),
        ([has(7), has(8), has(9)], Err(Why::Disagreement)),
        ([has(7), has(8), gone()], Err(Why::Disagreement)),
        ([has(7), has(8), refused()], Err(Why::Disagreement)),
        ([has(7), gone(), away()], Err(Why::Disagreement)),
        ([has(7), refused(), away()], Err(Why::Disagreement)),
        ([away(), away(), gone()], Err(Why::Disagreement)),
        ([away(), away(), refused()], Err(Why::Disagreement)),
        ([away(), away(), away()], Err(Why::Disagreement)),
    ] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            // Anew each time: what fails is not asked for a while.
            let (panel, says) = panel(2).await;
            for (place, says) in order.into_iter().zip(&says) {
                says.lock().balance = told[place].clone();
            }
            let own = ChainAddress::canonical("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").unwrap();
            let asked = panel.agreed_balances(&[(own, Coin::Native)], header(50, 0)).await;
            let came = asked.map(|all| all[0]).map_err(|error| match error {
                PanelError::Forgotten => Why::Forgotten,
                PanelError::Refused(_) => Why::Refused,
                PanelError::Disagreement(_) => Why::Disagreement,
                other => panic!("{other}"),
            });
            assert_eq!(came, expected, "{told:?} in the order {order:?}");
        }
    }
}
