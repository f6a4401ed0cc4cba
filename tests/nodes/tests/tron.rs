//! The rules of the simulated chain, with transactions that are signed here.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

use exchequer_test_nodes::shim::address;
use exchequer_test_nodes::tron::{Address, Refusal};
use exchequer_test_nodes::tron::{
    Again, AnyMessage, Behaviour, Code, Contract, ENERGY_FRESH, Fields, Held, Kind, Parameters, Raw, Ret, TRX,
    Transaction, Tron, sha256, signer, transfer_data,
};
use k256::ecdsa::SigningKey;
use prost::Message as _;

/// Whoever has a key, made from a word.
struct Someone {
    key: SigningKey,
    address: Address,
}

fn someone(word: &str) -> Someone {
    let key = SigningKey::from_slice(&sha256(word.as_bytes())).unwrap();
    let address = Address(address(key.verifying_key()));
    Someone { key, address }
}

/// A transaction that lives so long, signed by `by`.
fn signed(
    tron: &Tron,
    by: &Someone,
    kind: &str,
    fields: Vec<(u32, Held)>,
    fee_limit: i64,
    life_ms: i64,
) -> Transaction {
    let kind = Kind::by_name(kind).unwrap();
    let parameter = AnyMessage { type_url: kind.type_url(), value: Fields(fields).encode() };
    let raw = tron.chain(|chain| {
        let solid = chain.block(chain.solid()).unwrap();
        Raw {
            ref_block_bytes: solid.number().to_be_bytes()[6..].to_vec(),
            ref_block_hash: solid.id[8..16].to_vec(),
            expiration: chain.now_ms() + life_ms,
            data: Vec::new(),
            contract: vec![Contract { kind: kind.number, parameter: Some(parameter), permission: 0 }],
            timestamp: chain.now_ms(),
            fee_limit,
        }
    });
    let mut transaction = Transaction { raw: raw.encode_to_vec(), signatures: Vec::new() };
    let (signature, parity) = by.key.sign_prehash_recoverable(&transaction.id()).unwrap();
    transaction.signatures.push([signature.to_bytes().as_slice(), &[parity.to_byte()]].concat());
    transaction
}

fn pay(tron: &Tron, from: &Someone, to: Address, sun: i64) -> Transaction {
    let fields = vec![(1, Held::Bytes(from.address.bytes())), (2, Held::Bytes(to.bytes())), (3, Held::Int(sun))];
    signed(tron, from, "TransferContract", fields, 0, 600_000)
}

fn send(tron: &Tron, transaction: &Transaction) -> Result<[u8; 32], Refusal> {
    tron.chain(|chain| chain.broadcast(&transaction.encode_to_vec(), true))
}

fn balance(tron: &Tron, of: Address) -> i64 {
    tron.chain(|chain| chain.state().accounts.get(&of).map_or(0, |account| account.balance))
}

async fn funded(word: &str, sun: i64) -> (Tron, Someone) {
    let (tron, ann) = (Tron::start().await.unwrap(), someone(word));
    tron.mine(30);
    tron.fund(ann.address, sun);
    (tron, ann)
}

/// Goal: keys give the published addresses, and a signature its signer. Method: two keys whose addresses two other
/// libraries have confirmed.
#[test]
fn keys_give_the_known_addresses() {
    assert_eq!(someone("test key one").address.to_string(), "TR6fZjCQMT2ecGCTrDT47ccCRY83MK5jUv");
    assert_eq!(someone("test key two").address.to_string(), "TAdPhL67oBXwwNVvFQuMzNh9yWHmiptf8H");
    let ann = someone("test key one");
    let (signature, parity) = ann.key.sign_prehash_recoverable(&[7; 32]).unwrap();
    for v in [0, 27, 31] {
        let bytes = [signature.to_bytes().as_slice(), &[parity.to_byte() + v]].concat();
        assert_eq!(signer(&[7; 32], &bytes), Some(ann.address));
    }
    assert_eq!(signer(&[7; 32], &[1; 64]), None);
}

/// Goal: bytes are paid as the public network's: 267 and 345 for the two transfers, free first, then 1000 sun each; a new
/// account costs 1.1 TRX and is never free. Method: transfers until the free bytes are used up.
#[tokio::test]
async fn bytes_and_accounts_are_paid() {
    let (tron, ann) = funded("ann", 100 * TRX).await;
    let bob = someone("bob").address;
    send(&tron, &pay(&tron, &ann, bob, 1_500_000)).unwrap();
    tron.mine(1);
    assert_eq!(balance(&tron, ann.address), 100 * TRX - 1_500_000 - 1_100_000);
    let mut fees = Vec::new();
    for amount in 1_500_001..1_500_004 {
        let id = send(&tron, &pay(&tron, &ann, bob, amount)).unwrap();
        tron.mine(1);
        fees.push(
            tron.chain(|chain| chain.find(&id).map(|(_, mined)| (mined.info.net_usage, mined.info.fee))).unwrap(),
        );
    }
    assert_eq!(fees, [(267, 0), (267, 0), (0, 267_000)]);
    let supply = 100 * TRX - 1_100_000 - 267_000;
    assert_eq!(balance(&tron, ann.address) + balance(&tron, bob), supply);
}

/// Goal: a node refuses with the protocol's codes. Method: one transaction for each.
#[tokio::test]
async fn refusals_have_their_codes() {
    let (tron, ann) = funded("ann", 100 * TRX).await;
    let bob = someone("bob");
    let code = |transaction: &Transaction| send(&tron, transaction).map_err(|refusal| refusal.code).unwrap_err();
    let right = pay(&tron, &ann, bob.address, 5);
    let stolen = Transaction { raw: right.raw.clone(), signatures: pay(&tron, &bob, ann.address, 5).signatures };
    assert_eq!(code(&stolen), Code::SigError);
    assert_eq!(code(&Transaction { raw: right.raw.clone(), signatures: Vec::new() }), Code::SigError);
    send(&tron, &right).unwrap();
    assert_eq!(code(&right), Code::DupTransactionError);
    tron.mine(1);
    assert_eq!(code(&right), Code::DupTransactionError);
    assert_eq!(code(&pay(&tron, &ann, bob.address, 1_000 * TRX)), Code::ContractValidateError);
    assert_eq!(code(&pay(&tron, &ann, ann.address, 1)), Code::ContractValidateError);
    let fields =
        || vec![(1, Held::Bytes(ann.address.bytes())), (2, Held::Bytes(bob.address.bytes())), (3, Held::Int(9))];
    for life_ms in [0, -1, 86_400_001] {
        let late = signed(&tron, &ann, "TransferContract", fields(), 0, life_ms);
        assert_eq!(code(&late), Code::TransactionExpirationError);
    }
    let other = funded("ann", TRX).await.0;
    // Even where both began in the same moment, the blocks have other names from here on.
    other.chain(|chain| chain.fork(25, &Again::None, true)).unwrap();
    assert_eq!(code(&pay(&other, &ann, bob.address, 9)), Code::TaposError);
    let poor = someone("carol");
    tron.fund(poor.address, 1);
    assert_eq!(code(&pay(&tron, &poor, someone("dave").address, 1)), Code::BandwithError);
}

/// Goal: energy is burned within the limit, what does not reach is lost, and nothing moves then. Method: limits around
/// the need; stake does not lift the limit.
#[tokio::test]
async fn energy_is_bounded_by_the_limit() {
    let (tron, ann) = funded("ann", 1_000 * TRX).await;
    let bob = someone("bob").address;
    let token = tron.token(Behaviour::Token, "USDT", 6);
    tron.issue(token, ann.address, 1_000).unwrap();
    let call = |fee_limit: i64| {
        let fields = vec![
            (1, Held::Bytes(ann.address.bytes())),
            (2, Held::Bytes(token.bytes())),
            (4, Held::Bytes(transfer_data(bob, 10))),
        ];
        let transaction = signed(&tron, &ann, "TriggerSmartContract", fields, fee_limit, 600_000);
        let id = send(&tron, &transaction).unwrap();
        tron.mine(1);
        tron.chain(|chain| chain.find(&id).unwrap().1.info.clone())
    };
    let fee = Parameters::default().energy_fee;
    let short = call(ENERGY_FRESH * fee - 1);
    assert_eq!((short.ret, short.energy_fee, short.logs), (Ret::OutOfEnergy, (ENERGY_FRESH - 1) * fee, Vec::new()));
    tron.chain(|chain| {
        chain.change(|world| {
            if let Some(account) = world.accounts.get_mut(&ann.address) {
                account.energy.frozen = 1_000_000_000 * TRX;
            }
        });
    });
    assert_eq!(call(ENERGY_FRESH * fee - 100).ret, Ret::OutOfEnergy);
    let enough = call(ENERGY_FRESH * fee);
    assert_eq!(
        (enough.ret, enough.energy_usage, enough.energy_fee, enough.logs.len()),
        (Ret::Success, ENERGY_FRESH, 0, 1)
    );
    assert_eq!(tron.chain(|chain| chain.state().tokens[&token].balance(bob)), 10);
}

/// Goal: a block is solid when 19 of 27 makers have built on it, later where some are silent, and a fork gives back what
/// it takes. Method: heights; the same transaction in two forks; the sum of money.
#[tokio::test]
async fn blocks_become_solid_and_forks_give_back() {
    let (tron, ann) = funded("ann", 100 * TRX).await;
    let bob = someone("bob").address;
    assert_eq!(tron.chain(|chain| (chain.head(), chain.solid())), (30, 12));
    let id = send(&tron, &pay(&tron, &ann, bob, 5 * TRX)).unwrap();
    tron.mine(3);
    let place = |tron: &Tron| tron.chain(|chain| chain.find(&id).map(|(block, _)| block.number()));
    assert_eq!(place(&tron), Some(31));
    tron.fork(3, &Again::All).unwrap();
    assert_eq!((place(&tron), balance(&tron, bob)), (Some(32), 5 * TRX));
    tron.fork(4, &Again::None).unwrap();
    assert_eq!((place(&tron), balance(&tron, bob), balance(&tron, ann.address)), (None, 0, 100 * TRX));
    assert!(tron.fork(30, &Again::None).is_err());
    tron.chain(|chain| chain.silent = (0..9).collect());
    tron.mine(200);
    assert!(tron.chain(|chain| chain.head() - chain.solid()) > 18);
}

/// Goal: what is swallowed is never mined, and what is late is dropped. Method: a transaction that waits past its end.
#[tokio::test]
async fn what_is_late_is_dropped() {
    let (tron, ann) = funded("ann", 100 * TRX).await;
    let transaction = pay(&tron, &ann, someone("bob").address, 7);
    tron.chain(|chain| chain.held = true);
    let id = send(&tron, &transaction).unwrap();
    tron.mine(199);
    assert_eq!(tron.chain(|chain| chain.waiting().len()), 1);
    tron.mine(2);
    tron.chain(|chain| chain.held = false);
    tron.mine(1);
    assert_eq!(tron.chain(|chain| (chain.waiting().len(), chain.find(&id).is_some())), (0, false));
}
