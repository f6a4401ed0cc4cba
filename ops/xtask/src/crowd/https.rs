//! A connection to one node: HTTP/1.1 over TLS, one request after the other.
//!
//! No more of HTTP than the nodes answer with: a status, headers, and a body whose length is told. Everything else is an
//! error, after which the connection is not used again.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::net::{AddressFamily, SocketType};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

/// How long a node may be silent. What is asked for takes milliseconds, or a few hundred where a leader was lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);
/// Longer heads and bodies are none of a node's.
const HEAD_BYTES_MAX: usize = 16 << 10;
const BODY_BYTES_MAX: usize = 4 << 20;

/// Whom to believe: the cluster's own authority and nobody else.
#[derive(Debug, Clone)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The authority in a file.
    ///
    /// # Errors
    /// The file holds no certificate.
    pub(crate) fn of(file: &Path) -> Result<Trust> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).with_context(|| file.display().to_string())? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Trust(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// After how many seconds to come again, where that is said.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

/// What requests are sent through, one after the other; after an error it is of no use.
pub(crate) trait Line: Send {
    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// No answer that can be understood; whether the node did what was asked is not known.
    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> io::Result<Response>;

    /// Whether the node has said that it ends this line.
    fn is_over(&self) -> bool;
}

/// What makes a line to a node. Where it fails nothing was sent.
pub(crate) type Opener = Box<dyn FnMut(SocketAddrV4) -> io::Result<Box<dyn Line>> + Send>;

/// A connection over TLS.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    to: SocketAddrV4,
    closes: bool,
}

impl Connection {
    /// What connects to nodes, always from one address.
    pub(crate) fn opener(trust: &Trust, from: Ipv4Addr) -> Opener {
        let trust = trust.clone();
        Box::new(move |to| Ok(Box::new(Connection::open(&trust, from, to)?)))
    }

    /// Connects from an address of this machine, so that the exchange counts what is asked for under that one.
    ///
    /// # Errors
    /// Nobody listens. Nothing was sent.
    pub(crate) fn open(trust: &Trust, from: Ipv4Addr, to: SocketAddrV4) -> io::Result<Connection> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&socket, &SocketAddr::from((from, 0)))?;
        rustix::net::connect(&socket, &SocketAddr::V4(to))?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_LIMIT))?;
        stream.set_write_timeout(Some(SILENCE_LIMIT))?;
        let name = ServerName::from(std::net::IpAddr::V4(*to.ip()));
        let tls = ClientConnection::new(Arc::clone(&trust.0), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(tls, stream);
        // Now, so that a node that does not finish it is known before anything is sent.
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection { stream, to, closes: false })
    }

    fn more(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut part = [0; 4 << 10];
        let count = self.stream.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        Ok(())
    }
}

impl Connection {
    /// Sends a request with a body and waits for its answer.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub(crate) fn send_body(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Response> {
        let length = body.len();
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n", self.to);
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        text += body;
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()?;
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(head) = Head::read(&bytes)? {
                break head;
            }
            self.more(&mut bytes)?;
        };
        let end = head.length + head.body;
        while bytes.len() < end {
            self.more(&mut bytes)?;
        }
        self.closes = head.closes;
        bytes.truncate(end);
        Ok(Response { status: head.status, retry_after: head.retry_after, body: bytes.split_off(head.length) })
    }
}

impl Line for Connection {
    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> io::Result<Response> {
        self.send_body(method, target, headers, "")
    }

    fn is_over(&self) -> bool {
        self.closes
    }
}

/// What stands before a body.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    retry_after: Option<u64>,
    closes: bool,
    /// Its own length, and the body's.
    length: usize,
    body: usize,
}

impl Head {
    /// The head of an answer; none where it is not whole yet.
    fn read(bytes: &[u8]) -> io::Result<Option<Head>> {
        let strange = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if bytes.len() > HEAD_BYTES_MAX { Err(strange("an endless head")) } else { Ok(None) };
        };
        let text =
            std::str::from_utf8(bytes.get(..at).unwrap_or_default()).map_err(|_| strange("a head of no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| strange("no status"))?;
        let (mut body, mut retry_after, mut closes) = (None, None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => body = value.trim().parse().ok(),
                "retry-after" => retry_after = value.trim().parse().ok(),
                "connection" => closes = value.trim().eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let body = body.filter(|body| *body <= BODY_BYTES_MAX).ok_or_else(|| strange("a body of no known length"))?;
        Ok(Some(Head { status, retry_after, closes, length: at + 4, body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: heads are read as soon as they are whole, and what is none is an error rather than an answer. Method: one
    /// head cut at every byte, then broken ones.
    #[test]
    fn heads_are_read() {
        let text =
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        let length = text.len() - 2;
        for cut in 0..length {
            assert_eq!(Head::read(&text.as_bytes()[..cut]).unwrap(), None, "cut at {cut}");
        }
        let head = Head { status: 429, retry_after: Some(7), closes: true, length, body: 2 };
        assert_eq!(Head::read(text.as_bytes()).unwrap(), Some(head));
        for broken in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/2 200\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 2\r\ncontent-length: 0\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(Head::read(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(Head::read(&vec![b'a'; HEAD_BYTES_MAX + 1]).is_err());
    }

    /// Goal: a port where nobody listens is known before anything is sent.
    #[test]
    fn nobody_is_no_connection() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let trust = Trust::of(&file).unwrap();
        assert!(Connection::open(&trust, Ipv4Addr::LOCALHOST, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1)).is_err());
    }
}
