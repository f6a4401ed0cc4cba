//! Nothing that is said or written has a secret in it.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use exchequer_chains::{KeyPurpose, NetworkParams};
use exchequer_domain::Network;

use super::rig::*;
use crate::policy::{Code, Intent};
use crate::sealed::{self, Opener};

/// Whether this is the process that the test starts.
const CHILD: &str = "EXCHEQUER_TEST_SECRETS_CHILD";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn files(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.file_name().is_none_or(|name| name != "key") {
            into.extend(std::fs::read(&path).unwrap());
        }
    }
}

/// Every secret of the vault: as bytes, hexadecimal in both cases, and base64 at each of its three alignments.
fn secrets(path: &Path, key: &Path) -> Vec<(String, Vec<u8>)> {
    use bitcoin::base64::Engine as _;
    let vault = sealed::open(path, &Opener::KeyFile(key)).unwrap();
    let seed = vault.seed(0).unwrap();
    let mut raw = vec![("seed".to_owned(), seed.to_vec()), ("vault key".to_owned(), vault.key().bytes().to_vec())];
    let key_file = std::fs::read_to_string(key).unwrap();
    raw.push(("key file".to_owned(), hex::decode(key_file.trim()).unwrap()));
    raw.push(("entropy".to_owned(), bip39::Mnemonic::parse(WORDS).unwrap().to_entropy()));
    let curve = bitcoin::secp256k1::Secp256k1::new();
    let master = bitcoin::bip32::Xpriv::new_master(bitcoin::NetworkKind::Main, seed.as_slice()).unwrap();
    for network in [Network::Bitcoin, Network::Ethereum, Network::Tron] {
        let params = NetworkParams::mainnet(network);
        for (purpose, scheme) in [KeyPurpose::Deposit, KeyPurpose::Hot, KeyPurpose::Gas]
            .into_iter()
            .flat_map(|purpose| crate::keys::schemes(network.family()).iter().map(move |scheme| (purpose, *scheme)))
        {
            let path = at(purpose, 0).path(&params, scheme).unwrap();
            // The master key, each one on the way, and the child.
            for depth in 0..=5 {
                let path: Vec<_> = path.into_iter().take(depth).copied().collect();
                let path = bitcoin::bip32::DerivationPath::from(path);
                let key = master.derive_priv(&curve, &path).unwrap();
                raw.push((format!("key {network} m/{path}"), key.private_key.secret_bytes().to_vec()));
                raw.push((format!("chain code {network} m/{path}"), key.chain_code.to_bytes().to_vec()));
                raw.push((format!("xprv {network} m/{path}"), key.to_string().into_bytes()));
            }
        }
    }
    let mut all = vec![("words".to_owned(), b"test test".to_vec()), ("last words".to_owned(), b"test junk".to_vec())];
    for (name, bytes) in raw {
        all.push((format!("{name}, hex"), hex::encode(&bytes).into_bytes()));
        all.push((format!("{name}, HEX"), hex::encode_upper(&bytes).into_bytes()));
        all.push((format!("{name}, list"), format!("{bytes:?}").into_bytes()));
        for shift in 0..3 {
            let text = bitcoin::base64::engine::general_purpose::STANDARD_NO_PAD
                .encode(&bytes[shift..bytes.len() / 3 * 3 - 3 + shift]);
            all.push((format!("{name}, base64 from {shift}"), text.into_bytes()));
        }
        all.push((name, bytes));
    }
    all
}

/// Goal: neither logs nor answers, errors or files of a whole conversation have anything secret in them. Method: all levels of
/// tracing captured, every answer and refusal printed in both ways, every file but the key file read; then searched for seed,
/// words and keys in every usual form. That the search can find something is seen with the seed put in on purpose. This test runs
/// once more as a process of its own: which places of the code tracing listens to is decided in a process once, by whoever
/// comes first, and other tests do not listen.
#[test]
fn a_whole_conversation_tells_no_secret() {
    const NAME: &str = "signer::tests::secrets::a_whole_conversation_tells_no_secret";
    if std::env::var_os(CHILD).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", NAME, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let rig = tracing::subscriber::with_default(subscriber, || {
        let rig = Rig::new();
        let mut said = captured.clone();
        let unsigned = rig.evm(1, STRANGER, 100);
        let given = rig.signed(&unsigned, withdrawal(1));
        let coins = rig.bitcoin(&[(1, 100_000_000)], &[(BITCOIN_STRANGER, 1_000_000)]);
        let also = rig.signed(&coins, withdrawal(2));
        write!(said, "{given:?} {also:?} {:?}", rig.core.xpubs().unwrap()).unwrap();
        for (code, intent) in [(Code::Kind, Intent::Noop), (Code::NonceTaken, withdrawal(3))] {
            let other = rig.evm(1, STRANGER, 200);
            let verdict = rig.ask(&other, &rig.request(&other, intent)).unwrap_err();
            assert_eq!(verdict.code, code);
            write!(said, "{verdict} {verdict:?}").unwrap();
        }
        for wrong in [Opener::Passphrase("test test test test"), Opener::KeyFile(&rig.path())] {
            if let Err(error) = sealed::open(&rig.path(), &wrong) {
                write!(said, "{error} {error:?}").unwrap();
            }
        }
        let address = rig.core.address(Network::Tron, 0, DEPOSIT, exchequer_chains::Scheme::Keccak);
        write!(said, "{address:?} {:?} {:?}", rig.core.standing(), sealed::status(&rig.path())).unwrap();
        rig.core.seal();
        let verdict = rig.core.unseal(Some(&Opener::Passphrase("test test test test junk")));
        write!(said, "{verdict:?}").unwrap();
        rig.restart()
    });
    let mut told = captured.0.lock().unwrap().clone();
    assert!(String::from_utf8_lossy(&told).contains("refused"), "tracing was captured");
    files(&rig.path(), &mut told);
    let secrets = secrets(&rig.path(), &rig.folder.path().join("key"));
    let finds = |told: &[u8]| {
        // What begins like a secret is few: only there the whole is compared.
        let begins: HashSet<&[u8]> = told.windows(8).collect();
        let within =
            |secret: &[u8]| begins.contains(&secret[..8]) && told.windows(secret.len()).any(|window| window == secret);
        secrets.iter().filter(|(_, secret)| within(secret)).map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(finds(&told), Vec::<String>::new());
    let planted = secrets.iter().find(|(name, _)| name == "seed, hex").unwrap();
    told.extend(&planted.1);
    assert_eq!(finds(&told), ["seed, hex"]);
}
