//! The console's pages and files, as a browser gets them.

use axum::http::Method;

use super::{World, request};

/// Goal: every address of the console is its page, which is kept by nobody, framed by nobody, and whose policy names the nonce that
/// stands in it, another one each time. Method: two addresses without any sign-in.
#[tokio::test]
async fn every_address_is_the_page() {
    let world = World::new();
    let mut nonces = Vec::new();
    for path in ["/ui/", "/ui/withdrawals/12?tab=x"] {
        let reply = world.send(request(Method::GET, path, None, None)).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let policy = reply.header("content-security-policy").to_owned();
        let (_, rest) = policy.split_once("'nonce-").unwrap();
        let (nonce, _) = rest.split_once('\'').unwrap();
        assert!(reply.text().contains(&format!("nonce=\"{nonce}\"")), "{policy}");
        for directive in ["default-src 'self'", "script-src 'self';", "object-src 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        nonces.push(nonce.to_owned());
    }
    assert_ne!(nonces.first(), nonces.last());
}

/// Goal: whoever asks a node by a browser gets to the console; a file that this release does not have is no page, which would be run as a
/// script. Method: the node's own address, and a file of another release.
#[tokio::test]
async fn files_of_other_releases_are_not_there() {
    let world = World::new();
    for path in ["/", "/ui"] {
        let reply = world.send(request(Method::GET, path, None, None)).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (307, "/ui/"), "{path}");
    }
    let reply = world.send(request(Method::GET, "/ui/assets/index-of-before.js", None, None)).await;
    assert_eq!(reply.status.as_u16(), 404);
    assert!(!reply.text().contains("<html"), "{}", reply.text());
}

/// Goal: the page of a node that is gone can look which other node answers, and read nothing else of it. Method: what says that a
/// node is there may be loaded by pages of other origins; its health and the page may not.
#[tokio::test]
async fn only_that_it_is_there_is_for_pages_of_other_nodes() {
    let world = World::new();
    let policy = "cross-origin-resource-policy";
    let reply = world.send(request(Method::GET, "/livez", None, None)).await;
    assert_eq!((reply.status.as_u16(), reply.header(policy), reply.text().as_str()), (200, "cross-origin", "ok\n"));
    for path in ["/readyz", "/ui/", "/v1/session"] {
        let reply = world.send(request(Method::GET, path, None, None)).await;
        assert_eq!(reply.header(policy), "same-origin", "{path}");
    }
}
