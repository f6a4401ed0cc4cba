//! The console as files of the binary: what `npm run build` made in `ui/dist`, found when this crate is compiled.
//!
//! Whoever builds without it gets a binary whose console is one page that says so; a release cannot be built so
//! (`EXCHEQUER_REQUIRE_UI`). This crate knows nothing of HTTP: the API's doors serve what is here.

/// The files of `ui/dist` by name, in the order of their names; made by `build.rs`.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page that is shown where the console was not built.
const STUB: &str = include_str!("stub.html");
/// What stands in the page in the place of a load's nonce.
const NONCE_PLACE: &str = "nonce=\"\"";

/// A file, as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its content, compressed as `encoding` says.
    pub bytes: &'static [u8],
    /// Its media type.
    pub media_type: &'static str,
    /// `br` or `gzip`; none where it is not compressed.
    pub encoding: Option<&'static str>,
    /// Whether its name changes with its content, so that it can be kept for ever.
    pub is_immutable: bool,
}

fn file(name: &str) -> Option<&'static [u8]> {
    let at = FILES.binary_search_by_key(&name, |(name, _)| name).ok()?;
    FILES.get(at).map(|(_, bytes)| *bytes)
}

/// Whether the binary carries the console.
#[must_use]
pub fn is_built() -> bool {
    file("index.html").is_some()
}

/// The page, whose styles that scripts put in carry `nonce`. The same page for every address of the console.
///
/// `nonce` must be text that needs no escaping in an attribute: letters, digits, `+`, `/`, `=`.
#[must_use]
pub fn page(nonce: &str) -> String {
    let page = file("index.html").and_then(|bytes| std::str::from_utf8(bytes).ok());
    page.unwrap_or(STUB).replace(NONCE_PLACE, &format!("nonce=\"{nonce}\""))
}

/// The file below `/ui/` with this name, in the best of the encodings that are accepted (the text of `Accept-Encoding`).
#[must_use]
pub fn asset(name: &str, accepted: &str) -> Option<Asset> {
    // The page itself has a nonce of its own each time, compressed copies are no files of their own, and the list of files
    // is the build's.
    if name == "index.html" || name.starts_with('.') || name.ends_with(".br") || name.ends_with(".gz") {
        return None;
    }
    let plain = file(name)?;
    let accepts =
        |one: &str| accepted.split(',').any(|part| part.split(';').next().is_some_and(|word| word.trim() == one));
    let compressed = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(encoding, suffix)| {
        let bytes = accepts(encoding).then(|| file(&format!("{name}.{suffix}"))).flatten()?;
        Some((bytes, Some(encoding)))
    });
    let (bytes, encoding) = compressed.unwrap_or((plain, None));
    Some(Asset { bytes, media_type: media_type(name), encoding, is_immutable: name.starts_with("assets/") })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: each load has a nonce of its own in the page, built or not. Method: two pages.
    #[test]
    fn pages_carry_their_nonce() {
        let page = page("bm9uY2U=");
        assert!(page.contains("nonce=\"bm9uY2U=\""), "{page}");
        assert!(!page.contains(NONCE_PLACE), "{page}");
    }

    /// Goal: what is no file of its own is not served as one. Method: names that could reach it.
    #[test]
    fn only_files_are_files() {
        for name in
            ["index.html", ".vite/manifest.json", "assets/x.js.br", "favicon.svg.gz", "../Cargo.toml", "", "assets"]
        {
            assert_eq!(asset(name, "br, gzip"), None, "{name}");
        }
    }

    /// Goal: a file is sent in the best encoding that is accepted. Method: the built icon, where there is a build.
    #[test]
    fn the_best_encoding_is_taken() {
        if !is_built() {
            eprintln!("SKIPPED the_best_encoding_is_taken: the console is not built (cargo xtask ui)");
            return;
        }
        let (script, _) = FILES.iter().find(|(name, _)| name.ends_with(".js")).unwrap();
        for (accepted, encoding) in [("gzip, deflate, br", Some("br")), ("gzip;q=1.0", Some("gzip")), ("", None)] {
            let asset = asset(script, accepted).unwrap();
            assert_eq!(asset.encoding, encoding);
            assert_eq!(asset.media_type, "text/javascript; charset=utf-8");
            assert!(asset.is_immutable);
        }
    }
}
