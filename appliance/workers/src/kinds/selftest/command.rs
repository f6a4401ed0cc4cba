//! What a selftest worker can be told, in a job's payload or a directive.

use std::time::Duration;

use exchequer_domain::{parse_bytes, parse_duration};

/// Nothing takes longer.
const SPAN_MAX: Duration = Duration::from_secs(3_600);
/// No more is leaked at once.
const LEAK_BYTES_MAX: u64 = 1 << 30;
/// No more is counted or logged at once.
const COUNT_MAX: u64 = 1_000_000;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `count N`: counts to N, and gives it as the result.
    Count(u64),
    /// `echo TEXT`: gives the text as the result.
    Echo(String),
    /// `mark TEXT`: a line of `marks` in its folder, whatever comes; then it waits two seconds.
    Mark(String),
    /// `sleep 2s`: waits.
    Sleep(Duration),
    /// `act 2s`: acts outside for so long, where there is a lease; each deed is a line of `acts` in its folder.
    Act(Duration),
    /// `fail WHY`: fails.
    Fail(String),
    /// `snooze 2s`: cannot be begun before.
    Snooze(Duration),
    /// `leak 64MiB`: takes memory and keeps it.
    Leak(u64),
    /// `burn 2s`: computes without a pause.
    Burn(Duration),
    /// `log N`: writes so many lines of its log.
    Log(u64),
    /// `unwell WHY`: finds itself degraded; without a reason, well again.
    Unwell(String),
    /// `panic`: a bug in its code.
    Panic,
    /// `abort`: the process ends as by a crash.
    Abort,
    /// `exit N`: the process ends with this code.
    Exit(i32),
    /// `hang`: says and hears nothing any more.
    Hang,
    /// `deaf`: passes over the request to drain.
    Deaf,
}

/// Reads a command.
///
/// # Errors
/// Says what it should be.
pub fn parse(text: &str) -> Result<Command, String> {
    let (verb, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let span = || {
        let span = parse_duration(rest).map_err(|error| format!("{verb}: {error}"))?;
        if span > SPAN_MAX { Err(format!("{verb}: at most an hour")) } else { Ok(span) }
    };
    let count = || {
        let count = rest.parse().ok().filter(|count| *count <= COUNT_MAX);
        count.ok_or_else(|| format!("{verb}: a whole number up to {COUNT_MAX}"))
    };
    match verb {
        "count" => count().map(Command::Count),
        "echo" => Ok(Command::Echo(rest.to_owned())),
        "mark" => Ok(Command::Mark(rest.to_owned())),
        "sleep" => span().map(Command::Sleep),
        "act" => span().map(Command::Act),
        "fail" => Ok(Command::Fail(rest.to_owned())),
        "snooze" => span().map(Command::Snooze),
        "leak" => match parse_bytes(rest) {
            Ok(bytes) if bytes <= LEAK_BYTES_MAX => Ok(Command::Leak(bytes)),
            Ok(_) => Err("leak: at most 1GiB".to_owned()),
            Err(error) => Err(format!("leak: {error}")),
        },
        "burn" => span().map(Command::Burn),
        "log" => count().map(Command::Log),
        "unwell" => Ok(Command::Unwell(rest.to_owned())),
        "panic" => Ok(Command::Panic),
        "abort" => Ok(Command::Abort),
        "exit" => rest.parse().map(Command::Exit).map_err(|_| "exit: a whole number".to_owned()),
        "hang" => Ok(Command::Hang),
        "deaf" => Ok(Command::Deaf),
        _ => Err(format!(
            "`{verb}` is none of count, echo, mark, sleep, act, fail, snooze, leak, burn, log, unwell, panic, abort, exit, hang, deaf"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: commands are read as they are meant, and slips are told. Method: one of each sort, and slips.
    #[test]
    fn commands_are_read() {
        assert_eq!(parse("count 5"), Ok(Command::Count(5)));
        assert_eq!(parse(" sleep 20ms "), Ok(Command::Sleep(Duration::from_millis(20))));
        assert_eq!(parse("fail no room left"), Ok(Command::Fail("no room left".to_owned())));
        assert_eq!(parse("leak 64MiB"), Ok(Command::Leak(64 << 20)));
        assert_eq!(parse("exit -1"), Ok(Command::Exit(-1)));
        assert_eq!(parse("unwell"), Ok(Command::Unwell(String::new())));
        for slip in ["", "count", "count -1", "sleep 5", "leak 2GiB", "burn 2h", "exit x", "dance"] {
            assert!(parse(slip).is_err(), "{slip}");
        }
    }
}
