//! How a verb names a node: by id or by name.

use std::convert::Infallible;

use exchequer_api::dto::{NodeRef, Peer, Peers};
use exchequer_domain::{Code, Problem};

/// Reads a node argument. Digits alone are an id, as the API has it; everything else is a name.
///
/// # Errors
/// There is none: whether there is such a node is the cluster's to say.
pub(crate) fn parse_node(text: &str) -> Result<NodeRef, Infallible> {
    Ok(text.parse().map_or_else(|_| NodeRef::Name(text.to_owned()), NodeRef::Id))
}

/// The member that is meant.
///
/// # Errors
/// `UnknownNode`.
pub(crate) fn find<'a>(peers: &'a Peers, node: &NodeRef) -> Result<&'a Peer, Problem> {
    let (found, text) = match node {
        NodeRef::Id(id) => (peers.peers.iter().find(|peer| peer.id == *id), format!("id {id}")),
        NodeRef::Name(name) => (peers.peers.iter().find(|peer| peer.node == *name), format!("the name `{name}`")),
    };
    found.ok_or_else(|| Problem::new(Code::UnknownNode, format!("no member has {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::peers;

    /// Goal: an operator may name a node by what the table shows first or second. Method: names, ids, odd texts.
    #[test]
    fn a_node_is_named_by_id_or_name() {
        for (text, expected) in [
            ("7", NodeRef::Id(7)),
            ("n1", NodeRef::Name("n1".into())),
            ("rack-7", NodeRef::Name("rack-7".into())),
            // Larger than any id: it can only be a name.
            ("99999999999999999999", NodeRef::Name("99999999999999999999".into())),
        ] {
            assert_eq!(parse_node(text), Ok(expected), "{text}");
        }
        let peers = peers();
        assert_eq!(find(&peers, &NodeRef::Name("n2".into())).unwrap().id, 12);
        assert_eq!(find(&peers, &NodeRef::Id(12)).unwrap().node, "n2");
        assert_eq!(find(&peers, &NodeRef::Id(2)).unwrap_err().code, Code::UnknownNode);
    }
}
