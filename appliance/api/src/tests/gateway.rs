//! The door for programs.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use exchequer_domain::{Code, CommandId, NodeId, Problem};
use exchequer_state::{
    Actor, Body, Command, Done, Outcome, PutScratch, RecordAction, Rejection, RemoveNode, audit::Action,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Status};

use super::World;
use super::memory::TOKEN;
use crate::gateway::gateway_client::GatewayClient;
use crate::gateway::{SubmitReply, SubmitRequest};
use crate::grpc::{COMMANDS_MAX, REQUEST_BYTES_MAX};

fn authorised<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn command(number: u64, body: Body) -> Command {
    Command { id: CommandId(u128::from(number).to_be_bytes()), actor: Actor::Operator, epoch: None, body }
}

fn put(number: u64) -> Command {
    let body = PutScratch { key: number.to_be_bytes().to_vec(), value: b"v".to_vec(), expect: Some(0) };
    command(number, Body::PutScratch(body))
}

fn of(commands: &[Command]) -> SubmitRequest {
    SubmitRequest { commands: commands.iter().map(|command| Bytes::from(command.encode())).collect() }
}

fn client(world: &World) -> GatewayClient<Router> {
    GatewayClient::new(world.router.clone())
}

async fn submit(world: &World, request: SubmitRequest) -> SubmitReply {
    client(world).submit(authorised(request, TOKEN)).await.unwrap().into_inner()
}

/// Goal: commands and outcomes go through as they are. Method: one that takes effect and one that is refused.
#[tokio::test]
async fn outcomes_in_order() {
    let world = World::new();
    let reply = submit(&world, of(&[put(1), Command { id: CommandId([9; 16]), ..put(1) }, put(2)])).await;
    let outcomes: Vec<Outcome> = reply.outcomes.iter().map(|bytes| Outcome::decode(bytes).unwrap()).collect();
    let done = Outcome::Done(Done::ScratchPut { version: 1 });
    let refused = Outcome::Rejected(Rejection::VersionMismatch { present: 1 });
    assert_eq!((outcomes, reply.index, reply.problem), (vec![done.clone(), refused, done], 3, None));
}

/// Goal: what breaks a rule is refused as a whole, with its code, and nothing takes effect. Method: each limit passed
/// by one; bytes that are no command; a command for a node; commands that only nodes may send.
#[tokio::test]
async fn limits_and_forgeries() {
    let world = World::new();
    let large = |number, bytes| {
        let body = PutScratch { key: b"k".to_vec(), value: vec![0; bytes], expect: None };
        command(number, Body::PutScratch(body))
    };
    let many: Vec<Command> = (0..=COMMANDS_MAX as u64).map(put).collect();
    let heavy: Vec<Command> = (0..=REQUEST_BYTES_MAX as u64 / 50_000).map(|number| large(number, 50_000)).collect();
    let for_node = Command { actor: Actor::Node(NodeId(1)), ..put(2) };
    let forged = RecordAction { action: Action::Promote, target: "x".into(), reason: "r".into() };
    let removal = RemoveNode { id: NodeId(1), reason: "r".into() };
    for (request, code) in [
        (of(&[]), Code::BadRequest),
        (of(&many), Code::TooLarge),
        (of(&heavy), Code::TooLarge),
        (of(&[put(1), large(2, 129 << 10)]), Code::TooLarge),
        (SubmitRequest { commands: vec![put(1).encode().into(), Bytes::from_static(b"\x01?")] }, Code::BadRequest),
        (of(&[put(1), for_node]), Code::BadRequest),
        (of(&[put(1), command(2, Body::RecordAction(forged))]), Code::BadRequest),
        (of(&[put(1), command(2, Body::RemoveNode(removal))]), Code::BadRequest),
    ] {
        let reply = submit(&world, request).await;
        assert_eq!(reply.problem.map(|problem| problem.code), Some(code.to_string()));
        assert!(reply.outcomes.is_empty());
    }
    assert_eq!(world.house.knobs.lock().calls, Vec::<String>::new(), "nothing was asked of the node");
    assert_eq!(submit(&world, of(&[put(1)])).await.problem, None);

    world.house.knobs.lock().refuse = Some(Problem::new(Code::OutcomeUnknown, "lost"));
    let problem = submit(&world, of(&[put(3)])).await.problem.unwrap();
    assert_eq!((problem.code.as_str(), problem.message.as_str()), ("EXQ-0305", "lost"));
    let refused = client(&world).submit(authorised(of(&[put(4)]), "exq_wrong")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    assert!(refused.message().starts_with("EXQ-0202"), "{refused}");
}

/// Goal: a stream has many requests under way at once, bounded, and answers them in their order. Method: a backend
/// that holds every request until as many as may be are under way, and lets the last one go first.
#[tokio::test]
async fn streams_pipeline() {
    const REQUESTS: u64 = 64 * 3;
    let world = World::new();
    let pipe = Arc::new(super::pipe::Pipe::new(64));
    *world.house.pipe.lock() = Some(pipe.clone());
    let requests = futures::stream::iter((0..REQUESTS).map(|number| of(&[put(number)])));
    let stream = client(&world).submit_stream(authorised(requests, TOKEN)).await.unwrap().into_inner();
    let answers = tokio::time::timeout(Duration::from_secs(30), stream.collect::<Vec<_>>()).await.unwrap();
    let echoed: Vec<Bytes> = answers.into_iter().map(|answer| answer.unwrap().outcomes.remove(0)).collect();
    assert!(echoed.iter().eq((0..REQUESTS).map(|number| Bytes::from(put(number).encode())).collect::<Vec<_>>().iter()));
    assert_eq!(pipe.most(), 64);
}

/// Goal: a refused request of a stream is answered in its place and the next ones go on.
#[tokio::test]
async fn streams_survive_refusals() {
    let world = World::new();
    let requests = futures::stream::iter([of(&[put(1)]), of(&[]), of(&[put(2)])]);
    let stream = client(&world).submit_stream(authorised(requests, TOKEN)).await.unwrap().into_inner();
    let answers: Vec<SubmitReply> = stream.map(Result::unwrap).collect().await;
    let refused: Vec<bool> = answers.iter().map(|answer| answer.problem.is_some()).collect();
    assert_eq!(refused, [false, true, false]);
}

/// Goal: a stream opened with a token ends soon after that token is replaced. Method: one answer, the rotation, a
/// second and a half, one more request.
#[tokio::test]
async fn streams_end_with_their_token() {
    let world = World::new();
    let (send, receive) = tokio::sync::mpsc::unbounded_channel();
    let requests: Pin<Box<dyn Stream<Item = SubmitRequest> + Send>> =
        Box::pin(futures::stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) }));
    let mut stream = client(&world).submit_stream(authorised(requests, TOKEN)).await.unwrap().into_inner();
    send.send(of(&[put(1)])).unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    world.house.knobs.lock().token = "exq_next";
    let rotated = std::time::Instant::now();
    let mut number = 1;
    let ended: Status = loop {
        number += 1;
        send.send(of(&[put(number)])).unwrap();
        if let Err(status) = stream.next().await.unwrap() {
            break status;
        }
        assert!(rotated.elapsed() < Duration::from_secs(5), "the stream goes on");
    };
    assert_eq!(ended.code(), tonic::Code::Unauthenticated);
}
