//! What cold wallets sign: `vault cold unsigned` and `signed`, with a wallet that others wrote.

use std::path::Path;

use serde_json::{Value, json};

use super::verbs::{Ran, run_at};
use crate::cli::exit::Exit;
use crate::cli::fixtures::{Realm, Reply, status};

/// Account 44'/60'/3' of the words "legal winner thank year wave sausage worth useful legal winner thank yellow", its first address, and
/// what ethers.js signs with that address's key: 1 ether to the hot wallet, and what differs from it in one thing.
const XPUB: &str =
    "xpub6Bh6Cg7bvjFddVd7gtHZroaYHwdUqXDF19rcPBTptnBb9aVhZCSuuGU2T8hKxUvMWSvTZmhMUXGLYb94yfrkD5HdFdsvkP8iKeGRQwctQnK";
const FROM: &str = "0x6F5b0f4398DDaC8a3502F67D09242fFe6eb2DED7";
const HOT: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
const STRANGER: &str = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc";
const SIGNED: &str = "0x02f87683aa36a704843b9aca008506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c080a06279d5ff3f4326fab35219ff9d54e2a00d94e1a1e171524ebbe4ad735bdcce40a00b2f2d84a9859386c1862a82790e2649fd32b5353ae40779d8df99a789ddc718";
const TX: &str = "aba4634499a4f84938bf31d1f587dd55849ca39eeacc5a3722eccbeab48011f1";
#[rustfmt::skip]
const OTHERS: [(&str, &str); 10] = [
    (
        "another amount",
        "0x02f87683aa36a704843b9aca008506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000180c080a05f41ff908a0fa8a06325e518e9107df9d5d45499b54cb6f4387f94e52c7daa0ea03eda92cd252a7a8f439a636485704cf4e673f6a94cca3d24177fe53172326d68",
    ),
    (
        "another receiver",
        "0x02f87683aa36a704843b9aca008506fc23ac00825208949965507d1a55bcc2695c58ba16fb37d819b0a4dc880de0b6b3a764000080c080a09e0c921d6e8431f78050dd66856c4ae2519c3bcaebb25a7b3daea99ee22eca1fa0474f100418387a66dc89380a68296ace830e177d92e1bb1f7da742cb1d29bda7",
    ),
    (
        "another nonce",
        "0x02f87683aa36a705843b9aca008506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c001a032a129a3dbcbfd2a352802523c67369fc30dadeadc3a6b62a1f954ed64b4d3efa0097e29b1016a302c95c830295804d64067efd73616fcde7b55c4d86b7590058e",
    ),
    (
        "another limit of gas",
        "0x02f87683aa36a704843b9aca008506fc23ac008252099415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c080a0dff10c06777c9309c5146d692918c5f5a7bd99176bbdd487bfe239d75947d803a02a8ef4a606b24d7bad37559f240f34dd509ad0c48c00f5a061f4967a045f0d1b",
    ),
    (
        "another price of gas",
        "0x02f87683aa36a704843b9aca008506fc23ac018252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c080a01847f45b34db27a7b4dedf010ec6a428d70732008c024bbd3bdb0522d52ee5caa00566495cb5210b8195bf53c6151c8bbd5e2ac77e5105dc8e8d822db8501db4b6",
    ),
    (
        "another tip",
        "0x02f87683aa36a704843b9aca018506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c080a04b7e838356235a24441cd4b436a635f97b9f9baa1670b9c0f751285ff240590ba0231df4dfb0bf1ac8ae9a7d0e492b153865fe773986b37b0781915a3c08623fb4",
    ),
    (
        "another network",
        "0x02f8730104843b9aca008506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c001a0c3800597d98e92652cb9fa3a9e806d5198223e2e5ec2c2605866d87722e024eaa0663aff13cafb2378eca71e26f78d810cbaa27fba0396eda1af4650bdbf9741ec",
    ),
    (
        "a call",
        "0x02f87683aa36a704843b9aca008506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000000c080a09d36855c288967bccb0cafa49dff9470161c1555d520516cd93780474657c458a00fb72f2abdd54da2b9282daf86071b5dc2b2298a04d020961e80451ba8ccff4e",
    ),
    (
        "an older kind of transaction",
        "0xf870048506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a7640000808401546d71a06e4a6f2dc12ff113e276afe73fc7235f5b6435ccb09583d067b147780844d72ca0672f2651ffd31bf5d5352194c19d989af414bd05f075a0f6cc51397dad11a788",
    ),
    (
        "another key",
        "0x02f87683aa36a704843b9aca008506fc23ac008252089415d34aaf54267db7d7c367839aaf71a00a2c6a65880de0b6b3a764000080c080a07f0bdf58451f5b7f311170e16edfc566657206e6ab0cdddc12259499dfd80271a006b94456baf22aab143f572495dcf5c20f5e78a1f05b4a1aa6a35fd8f3f4cf08",
    ),
];

/// The exchange's wallets, the hot one's in this state.
fn wallets(hot: Value) -> Value {
    let wallet = |number: u32, role: &str, xpub: &str, address: &str| {
        json!({
            "wallet": number, "name": format!("{role}-1"), "role": role, "family": "evm", "network": null, "xpub": xpub,
            "addresses": [{ "address": address, "change": false, "index": 0 }], "pinned": true,
            "registered_at": "2026-11-23T12:00:00.000Z", "retired_at": null,
        })
    };
    let mut used = wallet(4, "hot", "", HOT);
    for (name, value) in hot.as_object().unwrap() {
        used[name] = value.clone();
    }
    json!({ "wallets": [used, wallet(9, "cold", XPUB, FROM)] })
}

/// Runs a verb against a node with these wallets.
async fn ran(hot: Value, words: &[&str]) -> Ran {
    let status = serde_json::to_string(&status()).unwrap();
    let answers = vec![("GET /v1/status", status), ("GET /v1/wallets", wallets(hot).to_string())];
    let words: Vec<&str> = ["vault", "cold"].iter().chain(words).copied().collect();
    run_at(&Realm::new(), Reply::Each(answers), &words).await
}

fn unsigned<'a>(file: &'a str, to: &'a str) -> Vec<&'a str> {
    let mut words = vec!["unsigned", file, "--to", to];
    words.extend("--network ethereum --wallet 9 --amount 1000000000000000000 --nonce 4 --gas 21000".split(' '));
    words.extend("--max-fee 30000000000 --tip 1000000000".split(' '));
    words
}

/// Goal: what a cold wallet signed is handed on only where it is what went out, to the byte: whatever else differs in one thing is
/// refused with its reason, and no file is left that could be broadcast. Method: a payment to the hot wallet, signed by a wallet
/// that others wrote; ten that differ; the file changed on its way, by amount, receiver and transaction; a hot wallet that is out
/// of use or not pinned by then; texts that are nothing; a file that is there already.
#[tokio::test]
async fn a_signed_transaction_that_differs_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (out, text, raw) = (at("out.json"), at("signed"), at("raw.hex"));
    let as_is = || json!({});
    for (hot, to) in
        [(as_is(), STRANGER), (as_is(), FROM), (json!({ "pinned": false }), HOT), (json!({ "role": "gas" }), HOT)]
    {
        let refused = ran(hot, &unsigned(&out, to)).await;
        assert_eq!(refused.exit, Exit::Failed, "{}", refused.out);
        assert!(refused.err.contains("is no address of a pinned hot wallet of ethereum"), "{}", refused.err);
        assert!(!Path::new(&out).exists());
    }
    let written = ran(as_is(), &unsigned(&out, HOT)).await;
    assert_eq!(written.exit, Exit::Good, "{}", written.err);

    let signed = async |hot: Value, file: &str, content: &str| {
        std::fs::write(&text, content).unwrap();
        ran(hot, &["signed", file, &text, "--raw", &raw]).await
    };
    for (what, other) in OTHERS {
        let refused = signed(as_is(), &out, other).await;
        assert_eq!(refused.exit, Exit::Failed, "{what}: {}", refused.out);
        assert!(refused.err.contains("EXQ-0108"), "{what}: {}", refused.err);
        assert!(!Path::new(&raw).exists(), "{what}");
    }
    for nothing in ["", "0x", "%%%", "0x02", &SIGNED[..SIGNED.len() - 2], &format!("{SIGNED}00")] {
        let refused = signed(as_is(), &out, nothing).await;
        assert!(refused.exit == Exit::Failed && !Path::new(&raw).exists(), "{nothing}: {}", refused.out);
    }
    let export: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    let changed = at("changed.json");
    let (to, elsewhere) = (HOT[2..].to_lowercase(), STRANGER[2..].to_lowercase());
    for (what, from, into) in [
        ("the amount that is shown", "1000000000000000000", "1000000000000000001"),
        ("the receiver that is shown", HOT, STRANGER),
        ("the transaction itself", to.as_str(), elsewhere.as_str()),
        ("the format", "\"format\":1", "\"format\":2"),
        ("the network", "\"network\":\"Ethereum\",\"psbt\"", "\"network\":\"Polygon\",\"psbt\""),
    ] {
        let other = export.to_string().replace(from, into);
        assert_ne!(other, export.to_string(), "{what}");
        std::fs::write(&changed, other).unwrap();
        let refused = signed(as_is(), &changed, SIGNED).await;
        assert!(refused.exit == Exit::Failed && !Path::new(&raw).exists(), "{what}: {}", refused.out);
    }
    for hot in [json!({ "pinned": false }), json!({ "retired_at": "2026-11-23T13:00:00.000Z" })] {
        let refused = signed(hot.clone(), &out, SIGNED).await;
        assert!(refused.err.contains("is no address of a pinned hot wallet"), "{hot}: {}", refused.err);
    }

    let good = signed(as_is(), &out, &format!("{SIGNED}\n")).await;
    assert_eq!(good.exit, Exit::Good, "{}", good.err);
    assert!(good.out.contains(TX) && good.out.contains(HOT), "{}", good.out);
    assert_eq!(std::fs::read_to_string(&raw).unwrap(), SIGNED[2..]);
    let again = signed(as_is(), &out, SIGNED).await;
    assert!(again.exit == Exit::Failed && again.err.contains("cannot be written"), "{}", again.err);
}
