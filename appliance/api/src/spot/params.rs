//! What a request says: pairs of a query string, of a form in the body, or of both.
//!
//! A name may come once in all. What nobody asked for is refused at the end, so that a misspelt option is never taken
//! for an absent one.

use super::door::Endpoint;
use super::error::{Error, too_long};

/// The longest query string or body, in bytes.
pub(crate) const BYTES_MAX: usize = 16 << 10;
/// Most pairs of one request.
const PAIRS_MAX: usize = 64;
/// Longest name.
const NAME_BYTES_MAX: usize = 64;
/// Longest value; a list of symbols is the longest that makes sense.
const VALUE_BYTES_MAX: usize = 8 << 10;

/// The pairs of a request, and which of them were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    read: Vec<bool>,
    /// Whose parameters they are, where they are held to its description.
    of: Option<&'static Endpoint>,
}

impl Params {
    /// The pairs of a query string and of a form.
    ///
    /// # Errors
    /// Too long, too many, a name twice, or what is no UTF-8 in percent encoding.
    pub(crate) fn new(query: &[u8], form: &[u8]) -> Result<Params, Error> {
        if query.len() > BYTES_MAX || form.len() > BYTES_MAX {
            return Err(too_long());
        }
        let mut params = Params::default();
        for pair in [query, form].into_iter().flat_map(|text| text.split(|byte| *byte == b'&')) {
            if pair.is_empty() {
                continue;
            }
            if params.pairs.len() >= PAIRS_MAX {
                return Err(Error::new(-1101, "Too many parameters sent for this endpoint."));
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let illegal = || Error::new(-1100, "Illegal characters found in a parameter.");
            let name = decode(name).filter(|name| name.len() <= NAME_BYTES_MAX).ok_or_else(illegal)?;
            let value = decode(value).ok_or_else(illegal)?;
            if value.len() > VALUE_BYTES_MAX {
                return Err(too_long());
            }
            if params.pairs.iter().any(|(known, _)| *known == name) {
                return Err(Error::new(-1101, "Duplicate values for a parameter detected."));
            }
            params.pairs.push((name, value));
        }
        params.read = vec![false; params.pairs.len()];
        Ok(params)
    }

    /// Pairs that are decoded already.
    ///
    /// # Errors
    /// Too long, too many, or a name twice.
    pub(crate) fn of_pairs(pairs: Vec<(String, String)>) -> Result<Params, Error> {
        if pairs.len() > PAIRS_MAX {
            return Err(Error::new(-1101, "Too many parameters sent for this endpoint."));
        }
        for (at, (name, value)) in pairs.iter().enumerate() {
            if name.len() > NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
                return Err(too_long());
            }
            if pairs.iter().take(at).any(|(known, _)| known == name) {
                return Err(Error::new(-1101, "Duplicate values for a parameter detected."));
            }
        }
        let read = vec![false; pairs.len()];
        Ok(Params { pairs, read, of: None })
    }

    /// Holds them to what the endpoint is said to take: to ask for a name that is not described is a mistake of ours.
    pub(crate) fn of(self, endpoint: &'static Endpoint) -> Params {
        Params { of: Some(endpoint), ..self }
    }

    /// What is signed of pairs without an order of their own: all but the signature, by name.
    pub(crate) fn payload(&self) -> String {
        let mut pairs: Vec<&(String, String)> = self.pairs.iter().filter(|(name, _)| name != "signature").collect();
        pairs.sort_unstable();
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    /// The value of a name, as it is.
    pub(crate) fn raw(&mut self, name: &str) -> Option<&str> {
        debug_assert!(self.of.is_none_or(|endpoint| endpoint.knows(name)), "{name} is not described");
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        if let Some(read) = self.read.get_mut(at) {
            *read = true;
        }
        self.pairs.get(at).map(|(_, value)| value.as_str())
    }

    /// Whether a name was sent; counts as no question.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == name)
    }

    /// The value of a name; empty is refused.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<&str>, Error> {
        match self.raw(name) {
            Some("") => Err(Error::new(-1105, format!("Parameter '{name}' was empty."))),
            value => Ok(value),
        }
    }

    /// The value of a name that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<&str, Error> {
        match self.raw(name) {
            Some("") | None => Err(Error::missing(name)),
            Some(value) => Ok(value),
        }
    }

    /// A whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::illegal(name, "^[0-9]{1,20}$"));
        }
        let number = text.parse();
        number.map(Some).map_err(|_| Error::new(-1108, format!("Parameter '{name}' overflowed.")))
    }

    /// How many are wanted: `unasked` where nothing is said; more than `most` means `most`, as in the dialect.
    pub(crate) fn limit(&mut self, unasked: usize, most: usize) -> Result<usize, Error> {
        match self.number("limit")? {
            None => Ok(unasked),
            Some(0) => Err(Error::invalid("limit")),
            Some(limit) => Ok(usize::try_from(limit).unwrap_or(most).min(most)),
        }
    }

    /// A truth, as the words `true` and `false`.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Error> {
        match self.text(name)? {
            None => Ok(None),
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Error::invalid(name)),
        }
    }

    /// Takes a name as known whose value changes nothing here.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.raw(name);
        }
    }

    /// Refuses what nobody asked for.
    pub(crate) fn end(&self) -> Result<(), Error> {
        let (sent, read) = (self.pairs.len(), self.read.iter().filter(|read| **read).count());
        if read == sent {
            return Ok(());
        }
        let msg = format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.");
        Err(Error::new(-1104, msg))
    }
}

/// What percent encoding stands for; nothing where it is broken or no UTF-8.
fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, form: &str) -> Result<Params, Error> {
        Params::new(query.as_bytes(), form.as_bytes())
    }

    fn code<T>(result: Result<T, Error>) -> i32 {
        result.err().map_or(0, |error| error.code)
    }

    /// Goal: query and form are one set of names, decoded. Method: both at once, with percent encoding.
    #[test]
    fn reads_query_and_form_together() {
        let mut params = of("symbol=BTC%55SDT&x=a+b", "&limit=7&note=%C3%A4").unwrap();
        assert_eq!(params.required("symbol").unwrap(), "BTCUSDT");
        assert_eq!(params.raw("x"), Some("a b"));
        assert_eq!(params.number("limit").unwrap(), Some(7));
        assert_eq!(code(params.end()), -1104);
        assert_eq!(
            params.end().unwrap_err().msg,
            "Not all sent parameters were read; read '3' parameter(s) but was sent '4'."
        );
        assert_eq!(params.raw("note"), Some("ä"));
        params.end().unwrap();
        assert_eq!(params.text("absent").unwrap(), None);
    }

    /// Goal: each way to send something wrong has its code. Method: a table.
    #[test]
    fn refuses_with_the_right_code() {
        assert_eq!(code(of("a=1&a=1", "")), -1101);
        assert_eq!(code(of("a=1", "a=1")), -1101);
        let many: String = (0..65).map(|number| format!("a{number}=1&")).collect();
        assert_eq!(code(of(&many, "")), -1101);
        for broken in ["a=%", "a=%4", "a=%zz", "a=%ff", "%ff=1", "a=%c3"] {
            assert_eq!(code(of(broken, "")), -1100, "{broken}");
        }
        let long = format!("a={}", "1".repeat(BYTES_MAX));
        assert_eq!((code(of(&long, "")), code(of("", &long))), (-1130, -1130));
        assert_eq!(code(of(&format!("a={}", "1".repeat(VALUE_BYTES_MAX + 1)), "")), -1130);
        let mut params = of("e=&n=1x&big=99999999999999999999&neg=-1&limit=0&flag=yes", "").unwrap();
        assert_eq!(code(params.text("e")), -1105);
        assert_eq!(code(params.required("e")), -1102);
        assert_eq!(code(params.required("absent")), -1102);
        assert_eq!((code(params.number("n")), code(params.number("neg"))), (-1100, -1100));
        assert_eq!(code(params.number("big")), -1108);
        assert_eq!(code(params.limit(5, 10)), -1130);
        assert_eq!(code(params.flag("flag")), -1130);
        assert_eq!(of("limit=5001", "").unwrap().limit(100, 5000).unwrap(), 5000);
    }

    /// Goal: no bytes make it panic, and what is accepted is found again. Method: 100,000 random texts of the characters
    /// that mean something, and random bytes.
    #[test]
    fn survives_any_bytes() {
        let seed = 0x5eed_0007_u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut draw = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 24
        };
        let alphabet = b"a=&%+0Ff\xff\xc3\xa4;?#[]";
        let mut accepted = 0;
        for _ in 0..100_000 {
            let length = draw() % 24;
            let bytes: Vec<u8> = (0..length)
                .map(|_| if draw() % 4 == 0 { draw() as u8 } else { alphabet[draw() as usize % alphabet.len()] })
                .collect();
            if let Ok(mut params) = Params::new(&bytes, b"") {
                accepted += 1;
                let names: Vec<String> = params.pairs.iter().map(|(name, _)| name.clone()).collect();
                for name in &names {
                    assert!(params.raw(name).is_some());
                }
                assert_eq!(params.end(), Ok(()), "{bytes:?}");
            }
        }
        assert!(accepted > 1_000, "{accepted}");
    }
}
