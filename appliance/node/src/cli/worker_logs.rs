//! `exchequer worker logs`: what a worker logged on the node where it runs.

use std::time::Duration;

use clap::Args;
use exchequer_api::dto::{Refusal, WorkerLog, WorkerLogGap, WorkerLogLine};
use exchequer_domain::{Problem, WorkerId};

use super::args::ClientArgs;
use super::client::Client;
use super::exit::Stop;
use super::output::Printer;

/// How long a stream may be silent: the node sends a sign of life every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// A longer event is none of ours.
const EVENT_BYTES_MAX: usize = 64 << 10;

/// `exchequer worker logs`.
#[derive(Debug, Clone, Args)]
pub struct WorkerLogsArgs {
    /// Which worker, such as `selftest/1`.
    #[arg(value_name = "WORKER")]
    pub worker: WorkerId,
    /// Go on as it logs more, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
    /// The latest lines to begin with; with `--from` those of it and later, or those before it where `--follow` goes on.
    #[arg(long, short = 'n', value_name = "LINES", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub lines: u64,
    /// Begin at this moment, in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Whom to ask: the leader has what is logged now.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(client: Client, args: &WorkerLogsArgs, printer: &mut Printer) -> Result<(), Stop> {
    let worker = args.worker.to_string();
    let mut limit = vec![("limit", args.lines.to_string())];
    limit.extend(args.from.clone().map(|from| ("from", from)));
    if !args.follow {
        let log: WorkerLog = client.get(&["workers", &worker, "logs"], &limit).await?;
        printer.answer(&log, text)?;
        return Ok(());
    }
    let path = ["workers", &worker, "logs", "stream"];
    let mut response = client.fetch(&path, &limit, SILENCE_MAX).await?;
    let client = client.patient(SILENCE_MAX);
    let mut events = Events::default();
    while let Some(chunk) = client.chunk(&mut response).await? {
        for event in events.feed(chunk.as_ref()) {
            match event {
                Event::Line(line) => printer.line(&line, line_text)?,
                Event::Gap(gap) => printer.line(&gap, gap_text)?,
                Event::End(problem) => return Err(problem.into()),
            }
        }
    }
    Ok(())
}

fn text(log: &WorkerLog) -> String {
    log.lines.iter().map(line_text).collect::<Vec<_>>().join("\n")
}

fn line_text(line: &WorkerLogLine) -> String {
    let dropped =
        if line.dropped > 0 { format!(" ({} lines before it were dropped)", line.dropped) } else { String::new() };
    let trace = if line.trace.is_empty() { String::new() } else { format!(" [{}]", line.trace) };
    format!("{} {:5}{trace} {}{dropped}", line.time, line.level, line.text)
}

fn gap_text(gap: &WorkerLogGap) -> String {
    format!("--- lines between {} and {} are not kept any more ---", gap.after, gap.until)
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Line(WorkerLogLine),
    Gap(WorkerLogGap),
    /// The node ends the stream.
    End(Problem),
}

/// Takes server-sent events out of pieces that end anywhere.
#[derive(Debug, Default)]
struct Events {
    rest: Vec<u8>,
}

impl Events {
    fn feed(&mut self, chunk: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(chunk);
        let mut found = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            found.extend(read(&String::from_utf8_lossy(&event)));
        }
        if self.rest.len() > EVENT_BYTES_MAX {
            self.rest.clear();
        }
        found
    }
}

fn read(event: &str) -> Option<Event> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ")?;
    match field("event: ")? {
        "line" => serde_json::from_str(data).ok().map(Event::Line),
        "gap" => serde_json::from_str(data).ok().map(Event::Gap),
        "end" => serde_json::from_str(data).ok().map(|Refusal { error }| Event::End(error)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Code;

    use super::*;

    /// Goal: events are read however the stream is cut, and what is no event of ours is passed over. Method: a stream cut
    /// after every byte.
    #[test]
    fn events_are_read_from_pieces() {
        let line = WorkerLogLine {
            number: 7,
            previous: 3,
            time: "2026-11-23T12:00:00Z".into(),
            level: "info".into(),
            text: "übel".into(),
            trace: String::new(),
            dropped: 2,
        };
        let gap = WorkerLogGap { after: 1, until: 3 };
        let end = Refusal { error: Problem::new(Code::SessionUnknown, "it is over") };
        let stream = format!(
            ": connected\n\nevent: gap\ndata: {}\n\nevent: line\nid: 7\ndata: {}\n\nevent: new\ndata: {{}}\n\n\
             event: end\ndata: {}\n\n",
            serde_json::to_string(&gap).unwrap(),
            serde_json::to_string(&line).unwrap(),
            serde_json::to_string(&end).unwrap()
        );
        for cut in 0..stream.len() {
            let (first, second) = stream.as_bytes().split_at(cut);
            let mut events = Events::default();
            let mut found = events.feed(first);
            found.extend(events.feed(second));
            let all = [Event::Gap(gap.clone()), Event::Line(line.clone()), Event::End(end.error.clone())];
            assert_eq!(found, all, "cut at {cut}");
        }
        assert_eq!(line_text(&line), "2026-11-23T12:00:00Z info  übel (2 lines before it were dropped)");
    }
}
