//! What every handler gets.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use exchequer_domain::{Code, NodeId, Problem};
use exchequer_state::State;
use tracing::Instrument as _;

use crate::backend::Backend;
use crate::dto::{NamedNode, NodeRef};
use crate::events::Bus;

/// The backend, shared by all requests.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) backend: Arc<dyn Backend>,
    /// This node's id, which never changes.
    pub(crate) node: u64,
    /// What the spot dialect counts and remembers.
    pub(crate) spot: Arc<crate::spot::Memory>,
    events: Arc<OnceLock<Arc<Bus>>>,
    /// Streams of workers' logs that are open.
    pub(crate) log_streams: crate::spot::Sockets,
    /// What it counts of sign-ins.
    pub(crate) people: Arc<crate::people::People>,
}

impl App {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> App {
        let node = backend.status().node;
        let (spot, events, people) = (Arc::default(), Arc::default(), Arc::default());
        App { backend, node, spot, events, log_streams: crate::spot::Sockets::default(), people }
    }

    /// The event bus, which starts with the first stream.
    pub(crate) fn bus(&self) -> &Arc<Bus> {
        self.events.get_or_init(|| Bus::start(self.backend.clone()))
    }

    /// Runs a change to its end, even when the client goes away meanwhile: half a change is worse than either.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let ended = tokio::spawn(change.in_current_span()).await;
        ended.unwrap_or_else(|_| {
            Err(Problem::new(Code::Internal, "the change ended unexpectedly; look what came of it"))
        })
    }

    /// The node that a request names. The answer may be a moment old; the change itself decides anew.
    pub(crate) fn resolve(&self, node: &NodeRef) -> Result<NamedNode, Problem> {
        let mut found = None;
        self.backend.read(&mut |state, _, _| {
            found = find(state, node);
            Ok(())
        })?;
        found.ok_or_else(|| match node {
            NodeRef::Id(id) => Problem::new(Code::UnknownNode, format!("there is no node {id}")),
            NodeRef::Name(name) => {
                let name: String = name.chars().take(NAME_CHARS_SHOWN_MAX).collect();
                Problem::new(Code::UnknownNode, format!("no node of the cluster is called `{name}`"))
            }
        })
    }
}

/// A wrong name is echoed up to this length.
const NAME_CHARS_SHOWN_MAX: usize = 64;

fn find(state: &State, node: &NodeRef) -> Option<NamedNode> {
    let registry = state.registry();
    let record = match node {
        NodeRef::Id(id) => registry.node(NodeId(*id)),
        // A name may consist of digits; an id must never be taken for a name.
        NodeRef::Name(name) => match name.parse::<NodeId>() {
            Ok(id) => registry.node(id),
            Err(_) => registry.named(name),
        },
    };
    record.map(|record| NamedNode { id: record.id.0, node: record.name.clone() })
}
