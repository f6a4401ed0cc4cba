//! The money link over the workers' socket.

use exchequer_workers::host::connect;
use exchequer_workers::money::proto::DueRequest;
use exchequer_workers::money::{LinkError, client};
use exchequer_workers::server;
use futures::StreamExt as _;

use super::super::super::money::{Caller, Door};
use super::{USERS, address, open};

/// Goal: over the socket a worker is known by its ticket and by its process, and what it reads is the state's. Method: a real
/// socket; the right ticket, a wrong one, none, and one that was given to another process.
#[tokio::test]
async fn over_the_socket() {
    let mut stage = open().await;
    let epoch = stage.lead().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workers.sock");
    let listener = server::listen(&path).unwrap();
    let _arrived = server::serve_with_money(listener, std::future::pending(), Door::new(stage.shared.clone()));
    let dial = client::dial(connect::dial(&path).await.unwrap());
    let caller = |worker: &str, pid| Caller { worker: worker.parse().unwrap(), epoch, pid };

    let own = stage.shared.tickets.give(caller("deposit/ethereum-1", std::process::id()));
    let link = dial(own);
    assert!(link.network().await.unwrap().test);
    let mut pages = link.addresses(2).await.unwrap();
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!((page.first, page.addresses.len()), (2, USERS as usize + 2));
    assert_eq!(page.addresses[0], address(2).to_string());
    assert!(pages.next().await.is_none());
    assert!(matches!(link.due(DueRequest::default()).await, Err(LinkError::Refused(_))), "another kind's");

    let others = stage.shared.tickets.give(caller("deposit/bsc-1", 1));
    for ticket in [others, vec![7; 32], Vec::new()] {
        assert!(matches!(dial(ticket).network().await, Err(LinkError::Refused(_))));
    }
}
