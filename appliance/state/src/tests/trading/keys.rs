//! What a command may do that comes in the name of an API key.

use exchequer_matching::Side;

use super::{ALICE, BOB, BTC, MARKET, ONE, World, credit, exchange, limit};
use crate::api_keys::{ApiKeyId, Credential, Scopes};
use crate::{
    Actor, Body, CancelOrders, Command, CreateApiKey, CreateUsers, Done, PlaceOrder, Reform, Rejection, RevokeApiKey,
};

fn key(world: &mut World, letter: char, trade: bool) -> ApiKeyId {
    let made = world.run(Body::CreateApiKey(Box::new(CreateApiKey {
        user: ALICE,
        key: letter.to_string().repeat(64),
        label: String::new(),
        credential: Credential::Ed25519 { public: [7; 32] },
        scopes: Scopes { read: true, trade, withdraw: false },
        ranges: Vec::new(),
        reason: "test".into(),
    })));
    let Ok(Done::ApiKeyCreated { id }) = made else { panic!("{made:?}") };
    id
}

fn send(world: &mut World, key: ApiKeyId, body: Body) -> Result<Done, Rejection> {
    let command = Command { actor: Actor::ApiKey(key), ..world.command(body) };
    world.send(&command)
}

/// Goal: a key trades as its user and does nothing else, and not a moment longer than it is there, whatever a node that
/// took the request had heard. Method: a key with the scope and one without, its own and another user, every other kind of
/// command by example, and the same after it is revoked.
#[test]
fn a_key_trades_as_its_user_and_nothing_else() {
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, ONE);
    let (trades, reads) = (key(&mut world, 't', true), key(&mut world, 'r', false));
    let sell = |user, name| {
        let order = limit(name, Side::Sell, 1_000, 100);
        Body::PlaceOrder(Box::new(PlaceOrder { user, market: MARKET, order }))
    };
    assert!(matches!(send(&mut world, trades, sell(ALICE, "mine")), Ok(Done::Traded(_))));
    assert_eq!(send(&mut world, trades, sell(BOB, "his")), Err(Rejection::ApiKeyScope));
    assert_eq!(send(&mut world, reads, sell(ALICE, "more")), Err(Rejection::ApiKeyScope));
    assert_eq!(send(&mut world, ApiKeyId(99), sell(ALICE, "more")), Err(Rejection::ApiKeyUnknown));
    let reform = Reform {
        lineage: 2,
        id: exchequer_domain::NodeId(1),
        restored: false,
        node: crate::tests::world::first_node(),
        reason: "test".into(),
    };
    for other in [
        Body::CreateUsers(CreateUsers { count: 1, kyc_level: 0, fee_tier: 0 }),
        Body::RevokeApiKey(RevokeApiKey { id: reads, reason: "test".into() }),
        Body::Reform(Box::new(reform)),
    ] {
        assert_eq!(send(&mut world, trades, other), Err(Rejection::ApiKeyScope));
    }
    world.run(Body::RevokeApiKey(RevokeApiKey { id: trades, reason: "lost".into() })).unwrap();
    let cancel = Body::CancelOrders(CancelOrders { user: ALICE, market: MARKET, side: None });
    assert_eq!(send(&mut world, trades, cancel), Err(Rejection::ApiKeyUnknown));
    assert_eq!(world.state.markets().open_orders(ALICE, MARKET).count(), 1);
}
