//! Who sent a request: its signature over query string and body, its moment, how far both may be from ours, and what
//! makes it the same request when it comes again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_domain::CommandId;
use exchequer_state::api_keys::ApiKeyId;
use ring::{digest, hmac, signature};

use super::error::Error;
use super::params::Params;

/// How long a request is good where it does not say, in milliseconds.
const WINDOW_MS: u64 = 5_000;
/// The longest it may be good.
const WINDOW_MS_MAX: u64 = 60_000;
/// How far a client's clock may be ahead of ours.
const AHEAD_MS_MAX: u64 = 1_000;
/// A signature of either kind is shorter than this as text.
const SIGNATURE_BYTES_MAX: usize = 256;

/// What a key proves itself with, ready for use.
#[derive(Clone)]
pub(crate) enum Proof {
    /// HMAC-SHA256 with the unsealed secret.
    Hmac(hmac::Key),
    /// Ed25519 with this public key.
    Ed25519([u8; 32]),
}

impl Proof {
    /// Whether `text` is this key's signature of `payload`. Takes the same time whatever the right one is.
    pub(crate) fn verify(&self, payload: &[u8], text: &str) -> Result<(), Error> {
        let wrong = || Error::new(-1022, "Signature for this request is not valid.");
        if text.len() > SIGNATURE_BYTES_MAX {
            return Err(wrong());
        }
        match self {
            Proof::Hmac(key) => {
                let bytes = hex::decode(text).map_err(|_| wrong())?;
                hmac::verify(key, payload, &bytes).map_err(|_| wrong())
            }
            Proof::Ed25519(public) => {
                let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
                let public = signature::UnparsedPublicKey::new(&signature::ED25519, public);
                public.verify(payload, &bytes).map_err(|_| wrong())
            }
        }
    }
}

/// What makes a signed request the one that it is: the key and what it signed, hashed. The ids of its commands and the
/// names of its orders follow from it, so that the same request, sent again to whichever node, is the same commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Imprint([u8; 32]);

impl Imprint {
    /// Of a request that `key` has signed. How the bytes were split over query and body makes no difference, and neither
    /// does how the signature was written.
    pub(crate) fn of(key: ApiKeyId, payload: &[u8]) -> Imprint {
        Imprint(hash(&[b"exchequer signed request", &key.0.to_be_bytes(), payload]))
    }

    /// Of a request that is not signed: another one each time.
    pub(crate) fn drawn(id: CommandId) -> Imprint {
        Imprint(hash(&[b"exchequer unsigned request", &id.0]))
    }

    /// The id of its command with this number.
    pub(crate) fn command(self, number: u8) -> CommandId {
        self.part(b"command", number)
    }

    /// The name of its order with this number, where its client gave it none.
    pub(crate) fn name(self, number: u8) -> String {
        self.part(b"name", number).to_string()
    }

    fn part(self, label: &[u8], number: u8) -> CommandId {
        let hash = hash(&[&self.0, label, &[number]]);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        CommandId(id)
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// What is signed: the query string and the body as they were sent, one after the other, without the signature.
pub(crate) fn payload(query: &[u8], form: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(query.len() + form.len());
    for text in [query, form] {
        let mut first = true;
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.starts_with(b"signature=")) {
            if !first {
                payload.push(b'&');
            }
            first = false;
            payload.extend_from_slice(pair);
        }
    }
    payload
}

/// Whether a request's moment is near enough to `now_ms`.
///
/// # Errors
/// -1021 where it is not, -1102 and -11xx where it is none.
pub(crate) fn check_time(params: &mut Params, now_ms: u64) -> Result<(), Error> {
    let window = match params.raw("recvWindow").map(str::to_owned) {
        None => WINDOW_MS,
        Some(text) => whole_ms(&text).ok_or_else(|| Error::illegal("recvWindow", "^[0-9]{1,5}(\\.[0-9]{1,3})?$"))?,
    };
    if window > WINDOW_MS_MAX {
        return Err(Error::new(-1131, "recvWindow must be less than 60000"));
    }
    let text = params.required("timestamp")?;
    if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::illegal("timestamp", "^[0-9]{1,20}$"));
    }
    let sent = text.parse::<u64>().map_err(|_| Error::illegal("timestamp", "^[0-9]{1,20}$"))?;
    // Microseconds are known by their length.
    let sent = if text.len() >= 16 { sent / 1_000 } else { sent };
    if sent > now_ms.saturating_add(AHEAD_MS_MAX) {
        return Err(Error::new(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if now_ms.saturating_sub(sent) > window {
        return Err(Error::new(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(())
}

/// Milliseconds from text that may have up to three decimals, which are dropped.
fn whole_ms(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole, 10) && digits(part, 3)).then(|| whole.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use ring::signature::KeyPair as _;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn time(query: &str) -> i32 {
        let mut params = Params::new(query.as_bytes(), b"").unwrap();
        check_time(&mut params, NOW).err().map_or(0, |error| error.code)
    }

    /// Goal: the HMAC is the one that every client library computes. Method: the example of the dialect's documentation,
    /// as query, as body and as both.
    #[test]
    fn the_documented_example_verifies() {
        let secret = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        let text = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let right = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        let proof = Proof::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret));
        let signed = format!("{text}&signature={right}");
        for (query, form) in [(signed.as_str(), ""), ("", signed.as_str())] {
            proof.verify(&payload(query.as_bytes(), form.as_bytes()), right).unwrap();
            proof.verify(&payload(query.as_bytes(), form.as_bytes()), &right.to_uppercase()).unwrap();
        }
        let split = payload(b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC", b"quantity=1&price=0.1&signature=x");
        assert_eq!(split, b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1");
        for wrong in ["", "00", "zz", &right[1..], &format!("{right}00"), &"a".repeat(1000)] {
            assert_eq!(proof.verify(text.as_bytes(), wrong).unwrap_err().code, -1022, "{wrong}");
        }
        assert_eq!(proof.verify(b"symbol=LTCBTC", right).unwrap_err().code, -1022);
    }

    /// Goal: an Ed25519 signature in base64 is taken, and no other. Method: a key pair of a fixed seed.
    #[test]
    fn ed25519_verifies() {
        let pair = signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        let proof = Proof::Ed25519(public);
        let text = STANDARD.encode(pair.sign(b"a=1"));
        proof.verify(b"a=1", &text).unwrap();
        assert_eq!(proof.verify(b"a=2", &text).unwrap_err().code, -1022);
        assert_eq!(proof.verify(b"a=1", &hex::encode(pair.sign(b"a=1"))).unwrap_err().code, -1022);
    }

    /// Goal: the same request is the same however it is put, and any other one is another. Method: the payload split in other
    /// places, the signature moved and written otherwise; then another key, another byte, another number and another use.
    #[test]
    fn a_request_is_known_again() {
        let of = |key, query: &[u8], form: &[u8]| Imprint::of(ApiKeyId(key), &payload(query, form));
        let one = of(1, b"a=1&timestamp=5&signature=ab", b"");
        for (query, form) in
            [("a=1&signature=AB&timestamp=5", ""), ("", "signature=ab&a=1&timestamp=5"), ("a=1&time", "stamp=5")]
        {
            assert_eq!(of(1, query.as_bytes(), form.as_bytes()), one, "{query} {form}");
        }
        let others =
            [of(2, b"a=1&timestamp=5", b""), of(1, b"a=1&timestamp=6", b""), Imprint::drawn(CommandId([1; 16]))];
        let mut ids: Vec<String> =
            others.into_iter().chain([one]).map(|imprint| imprint.command(0).to_string()).collect();
        ids.extend([one.command(1).to_string(), one.name(0), one.name(1)]);
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    /// Goal: a request is good from a second ahead of our clock to the end of its window. Method: both edges.
    #[test]
    fn the_moment_must_be_near() {
        for (query, code) in [
            (format!("timestamp={NOW}"), 0),
            (format!("timestamp={}", NOW + 1_000), 0),
            (format!("timestamp={}", NOW + 1_001), -1021),
            (format!("timestamp={}", NOW - 5_000), 0),
            (format!("timestamp={}", NOW - 5_001), -1021),
            (format!("timestamp={}&recvWindow=60000", NOW - 60_000), 0),
            (format!("timestamp={}&recvWindow=10000.5", NOW - 10_000), 0),
            (format!("timestamp={NOW}&recvWindow=60001"), -1131),
            (format!("timestamp={NOW}&recvWindow=x"), -1100),
            (format!("timestamp={}", NOW * 1_000), 0),
            ("recvWindow=5".into(), -1102),
            ("timestamp=".into(), -1102),
            ("timestamp=now".into(), -1100),
            ("timestamp=99999999999999999999".into(), -1100),
        ] {
            assert_eq!(time(&query), code, "{query}");
        }
    }

    /// Goal: no payload and no signature make it panic. Method: random bytes.
    #[test]
    fn survives_any_bytes() {
        let seed = 0x5eed_0009_u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut draw = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 16
        };
        let proofs = [Proof::Hmac(hmac::Key::new(hmac::HMAC_SHA256, b"k")), Proof::Ed25519([9; 32])];
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..draw() % 64).map(|_| draw() as u8).collect();
            let text: String = (0..draw() % 90).map(|_| char::from(draw() as u8 & 0x7f)).collect();
            for proof in &proofs {
                assert!(proof.verify(&payload(&bytes, &bytes), &text).is_err(), "{bytes:?} {text:?}");
            }
        }
    }
}
