//! Gas in the golden script.

use exchequer_domain::{Network, WorkerId, WorkerKind};

use crate::gas::Refusal;
use crate::{Actor, Body, Done, NoteGas, Rejection};

/// Who sends what, as the gas worker.
pub(crate) fn script() -> Vec<(Actor, Body)> {
    let network = Network::Tron;
    let worker = Actor::Worker(WorkerId { kind: WorkerKind::Gas, network: Some(network), instance: 1 });
    vec![(
        worker,
        Body::NoteGas(NoteGas { network, fee: 300, stations: Vec::new(), loans: Vec::new(), strays: Vec::new() }),
    )]
}

pub(crate) fn done() -> Vec<Done> {
    vec![Done::GasNoted]
}

pub(crate) fn rejected() -> Vec<Rejection> {
    vec![Rejection::Gas(Refusal::Budget { left_usd_micros: 300 })]
}
