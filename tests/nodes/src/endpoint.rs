//! Where a node is asked: an address on the loopback, with faults of its own.

use std::sync::Arc;

use anyhow::Result;

use crate::faults::Faults;
use crate::http::{Answers, Server};

/// An endpoint. Clones are the same one; it is closed when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Endpoint {
    server: Arc<Server>,
    faults: Faults,
}

impl Endpoint {
    pub(crate) async fn start(port: u16, answers: Arc<dyn Answers>, faults: Faults) -> Result<Endpoint> {
        Ok(Endpoint { server: Arc::new(Server::start(port, answers).await?), faults })
    }

    /// Where it listens, also while it is closed: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What goes wrong at it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Closes its port and every connection, as where the process behind it has died. What was asked meanwhile is done, and its
    /// answer lost.
    pub async fn close(&self) {
        self.server.close().await;
    }

    /// Listens again where it did.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn open(&self) -> Result<()> {
        self.server.open().await
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;

    use serde_json::json;

    use super::*;
    use crate::http::{Asked, Reply};
    use crate::rpc::Rpc;

    /// Answers everything alike.
    struct Same;

    impl Answers for Same {
        fn answer(self: Arc<Self>, _: Asked) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
            Box::pin(async { Reply::json(&json!({"jsonrpc": "2.0", "id": 1, "result": 7})) })
        }
    }

    /// Goal: a closed endpoint answers nobody, on connections that were there neither, and another one does all the while; opened
    /// again it answers at the same address. Method: two of them, of which one is closed and opened, each twice.
    #[tokio::test]
    async fn what_is_closed_answers_nobody() {
        let start = async || Endpoint::start(0, Arc::new(Same), Faults::default()).await.unwrap();
        let (one, other) = (start().await, start().await);
        let rpcs = [&one, &other].map(|endpoint| Rpc::new(&endpoint.url()).unwrap());
        let answers = async |rpc: &Rpc| rpc.call("anything", json!([])).await.is_ok_and(|answer| answer == 7);
        for _ in 0..2 {
            assert!(answers(&rpcs[0]).await && answers(&rpcs[1]).await);
            one.close().await;
            one.close().await;
            assert!(!answers(&rpcs[0]).await && answers(&rpcs[1]).await);
            assert!(!answers(&Rpc::new(&one.url()).unwrap()).await);
            one.open().await.unwrap();
            one.open().await.unwrap();
        }
        assert!(answers(&rpcs[0]).await);
    }
}
