//! What a round tells the state, and in which order.

use std::collections::BTreeMap;

use exchequer_chains::evm::text;
use exchequer_chains::node::ChainNode;
use parking_lot::Mutex;

use super::super::played::{Books, Played, header};
use super::super::proof::tests::{OURS, TOKEN, block};
use super::*;
use crate::money::proto::change_request::Change;

/// A token of which as much moves as of the other one.
const OTHER: [u8; 20] = [0xbb; 20];

/// Goal: that a token is doubted is told before the block that it moves in, and at once also where another token's block waits: whoever
/// begins anew must know, and a deposit of it must not be counted meanwhile. Method: one block with two tokens; of the first balances do
/// not follow its log, and of the second they do, or no quorum tells.
#[tokio::test(start_paused = true)]
async fn a_doubt_is_told_whatever_else_waits() {
    for waits in [false, true] {
        let nodes = ["one", "two"].map(|name| Arc::new(Played::new(name)));
        let (inside, _) = block();
        let mut receipts = inside.receipts.clone();
        let moved = receipts[0].logs.clone();
        receipts[0].logs.extend(moved.into_iter().map(|log| exchequer_chains::scan::EvmLog { address: OTHER, ..log }));
        for (place, node) in nodes.iter().enumerate() {
            *node.block.lock() = Some(inside.header);
            *node.header.lock() = Some(header(8));
            *node.inside.lock() = (inside.txs.clone(), receipts.clone());
            *node.balances.lock() = Some([Some(100), Some(100)]);
            let told = if waits { 130 + place as u128 } else { 130 };
            *node.of_token.lock() = BTreeMap::from([(text(&OTHER), [Some(100), Some(told)])]);
        }
        let listing = |asset, token| proto::Listing {
            asset,
            coin: text(&token).to_string(),
            decimals: 6,
            ledger_decimals: 6,
            ..proto::Listing::default()
        };
        let below = Some(words::of_block(header(7).block));
        let books = Arc::new(Books {
            network: NetworkReply {
                test: true,
                listings: vec![listing(1, TOKEN), listing(2, OTHER)],
                ..Default::default()
            },
            cursor: proto::CursorReply {
                tip: below.clone(),
                blocks: below.into_iter().collect(),
                ..Default::default()
            },
            addresses: vec![text(&OURS).to_string()],
            deposits: Vec::new(),
            told: Mutex::default(),
        });
        let panel: Nodes =
            Arc::new(move |_, _| Ok(nodes.iter().map(|node| Arc::clone(node) as Arc<dyn ChainNode>).collect()));
        let mut scanner =
            Scanner::new(Network::Ethereum, books.clone(), panel, Requests::new(b"a ticket"), Arc::default());
        let came = scanner.round().await;
        let told = books.told.lock().clone();
        let Some(Change::DoubtToken(doubt)) = told.first() else { panic!("{came:?} {told:?}") };
        assert_eq!((&doubt.token, doubt.decimals), (&text(&TOKEN).to_string(), None));
        let amounts: Vec<&str> = match &told[1..] {
            [] => Vec::new(),
            [Change::CommitBlocks(commit)] => {
                commit.blocks.iter().flat_map(|block| &block.sightings).map(|seen| seen.amount.as_str()).collect()
            }
            more => panic!("{more:?}"),
        };
        let expected: &[&str] = if waits { &[] } else { &["30", "20", "", ""] };
        assert_eq!((came.is_err(), &amounts[..]), (waits, expected), "{came:?}");
    }
}
