//! A small HTTP/1.1 server that can also answer wrongly: cut a body, break off, never answer, close without a word.
//!
//! Written on hyper and not on a framework of routes, because there a connection can only be closed by an answer.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};

use crate::ports::free_port;

/// What one request may hold.
const REQUEST_BYTES: usize = 16 << 20;
const WORKERS: usize = 2;

/// What is answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) retry_after_s: Option<u32>,
    pub(crate) body: Vec<u8>,
    pub(crate) ending: Ending,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it should.
    Whole,
    /// In its middle, as if that were all.
    Truncated,
    /// In its middle, with the connection.
    BrokenOff,
    /// It never begins.
    Never,
    /// The connection is closed before it begins.
    Closed,
}

impl Reply {
    /// JSON with status 200.
    pub(crate) fn json(value: &serde_json::Value) -> Reply {
        Reply::new(200, "application/json", value.to_string().into_bytes())
    }

    /// Any body.
    pub(crate) fn new(status: u16, kind: &'static str, body: Vec<u8>) -> Reply {
        Reply { status, kind, retry_after_s: None, body, ending: Ending::Whole }
    }

    /// No answer.
    pub(crate) fn none(ending: Ending) -> Reply {
        Reply { ending, ..Reply::new(200, "text/plain", Vec::new()) }
    }
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Bytes,
}

/// Whoever answers.
pub(crate) trait Answers: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Reply> + Send>>;
}

/// A server. Dropping it closes its port and every connection.
pub(crate) struct Server {
    at: SocketAddr,
    answers: Arc<dyn Answers>,
    /// None while it is closed.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.get_mut().take().into_iter().for_each(|task| task.abort());
    }
}

/// Servers outlive the runtime of the test that starts them, and answer while that one is blocked.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let make =
        || Builder::new_multi_thread().worker_threads(WORKERS).thread_name("test-node").enable_all().build().ok();
    RUNTIME.get_or_init(make).as_ref().context("no threads can be started")
}

impl Server {
    /// Listens on a free port, or on `port` where it is not 0.
    pub(crate) async fn start(port: u16, answers: Arc<dyn Answers>) -> Result<Server> {
        // Never one that the kernel hands out for outgoing connections: it could be taken while this is closed.
        let port = if port == 0 { free_port()? } else { port };
        let listener = listen(port).await?;
        let at = listener.local_addr()?;
        let task = runtime()?.spawn(accept(listener, answers.clone()));
        Ok(Server { at, answers, task: Mutex::new(Some(task)) })
    }

    /// Closes its port, as a process that died would, and every connection.
    pub(crate) async fn close(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            // It says that it was ended.
            let _ended = task.await;
        }
    }

    /// Listens again, on the same port. One that is open stays as it is.
    pub(crate) async fn open(&self) -> Result<()> {
        if self.task.lock().is_none() {
            let listener = listen(self.at.port()).await?;
            let task = runtime()?.spawn(accept(listener, self.answers.clone()));
            // Somebody else may have opened it meanwhile.
            self.task.lock().replace(task).into_iter().for_each(|other| other.abort());
        }
        Ok(())
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }
}

async fn listen(port: u16) -> Result<TcpListener> {
    let bound = runtime()?.spawn(TcpListener::bind((Ipv4Addr::LOCALHOST, port))).await?;
    bound.with_context(|| format!("127.0.0.1:{port} cannot be listened on"))
}

async fn accept(listener: TcpListener, answers: Arc<dyn Answers>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it was there is the client's matter.
                let Ok((socket, _)) = accepted else { continue };
                let answers = answers.clone();
                connections.spawn(async move {
                    let service = service_fn(|request| serve(request, answers.clone()));
                    // Ends with an error where the answer was to break off.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn serve(request: Request<Incoming>, answers: Arc<dyn Answers>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, REQUEST_BYTES).collect().await else {
        return respond(Reply::new(413, "text/plain", b"request too large".to_vec()));
    };
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: body.to_bytes(),
    };
    let reply = answers.answer(asked).await;
    match reply.ending {
        Ending::Never => pending().await,
        Ending::Closed => Err(io::Error::other("closed without an answer")),
        Ending::Whole | Ending::Truncated | Ending::BrokenOff => respond(reply),
    }
}

fn respond(mut reply: Reply) -> io::Result<Response<Body>> {
    let length = reply.body.len();
    let mut response = Response::builder().status(reply.status).header(header::CONTENT_TYPE, reply.kind);
    if let Some(seconds) = reply.retry_after_s {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    let body: Body = match reply.ending {
        Ending::BrokenOff => {
            response = response.header(header::CONTENT_LENGTH, length.max(2));
            reply.body.truncate(length / 2);
            let parts = [Ok(Frame::data(Bytes::from(reply.body))), Err(io::Error::other("broken off"))];
            StreamBody::new(stream::iter(parts)).boxed_unsync()
        }
        ending => {
            if ending == Ending::Truncated {
                reply.body.truncate(length / 2);
            }
            let infallible = |never: Infallible| match never {};
            Full::new(Bytes::from(reply.body)).map_err(infallible).boxed_unsync()
        }
    };
    response.body(body).map_err(io::Error::other)
}
