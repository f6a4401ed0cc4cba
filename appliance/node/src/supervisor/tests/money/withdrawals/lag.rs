//! A scan that says how far it is.

use exchequer_state::attention::{Concern, Matter, Subject};

use super::*;

/// Goal: a scanner that has nothing new to tell says now and then that it is where its nodes are, and one that says nothing is told to
/// people, with its end. Method: a network without blocks for longer than a scan may lag, scanned and not scanned; a block of which
/// nobody tells.
#[tokio::test(start_paused = true)]
async fn a_scan_that_nobody_does_is_told() {
    for network in [Network::Bitcoin, Network::Tron] {
        let mut play = Play::begin(network, 1, 1).await;
        let matter = Matter { concern: Concern::ScanLags, network, subject: Subject::Scan };
        let told = |play: &Play| play.stage.ground().state(|state| state.matters().contains_key(&matter)).unwrap();
        // Time passes in the log, whoever has it pass.
        let look = |play: &Play| {
            let at = play.stage.ground().now();
            let price = exchequer_state::SetPrice { asset: Asset(1), usd_micros: 1, source: "desk".into(), at };
            play.stage.ground().run(Body::SetPrice(price));
        };
        for _ in 0..20 {
            play.pass(60, false).await;
            look(&play);
            assert!(!told(&play), "{network}: no block came, and it was scanned");
        }
        tokio::time::sleep(Duration::from_secs(9 * 60)).await;
        look(&play);
        assert!(!told(&play), "{network}");
        tokio::time::sleep(Duration::from_secs(2 * 60)).await;
        look(&play);
        assert!(told(&play), "{network}: nobody says how far it is");
        play.pass(1, true).await;
        look(&play);
        assert!(!told(&play), "{network}: it has caught up");
    }
}
