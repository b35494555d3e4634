use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::*;

const MARKER: &str = "dumpcar-0123456789abcdef0123456789abcdef";
const MINUTE: Duration = Duration::from_secs(60);
/// What `DUMPCAR_STALL_TIMEOUT` is by default.
const STALL: Duration = Duration::from_secs(15 * 60);

/// What a tool does.
#[derive(Debug, Clone, Copy)]
enum Does {
    Prints(&'static str),
    Complains(&'static str),
    Nothing(Duration),
    EndsWell,
}

/// A tool that does all this; its stream then stays open.
///
/// Nobody is at the other end of the connection: Docker's own word on the exit code never comes.
fn exec(tool: Vec<Does>) -> Exec {
    let frames = stream::iter(tool).filter_map(async |does| match does {
        Does::Prints(text) => Some(LogOutput::StdOut { message: text.into() }),
        Does::Complains(text) => Some(LogOutput::StdErr { message: text.into() }),
        Does::EndsWell => Some(LogOutput::StdOut { message: format!("\n{MARKER} 0\n").into() }),
        Does::Nothing(time) => {
            sleep(time).await;
            None
        }
    });
    Exec {
        docker: Docker::new("tcp://127.0.0.1:9", None).unwrap(),
        id: "0".repeat(64).parse().unwrap(),
        output: Box::pin(frames.map(Ok).chain(stream::pending())),
        input: Box::pin(tokio::io::sink()),
        opening: Opening::Known(Arrives::Plain),
        trailer: TrailerStripper::new(MARKER),
        stderr: StderrTail::default(),
        ready: VecDeque::new(),
        beginning: Vec::new(),
        finished: false,
        end: End { is_seen: true, unseen: Arc::default() },
    }
}

async fn read(exec: &mut Exec) -> Result<Vec<u8>, ExecError> {
    let mut all = Vec::new();
    while let Some(piece) = exec.next(STALL).await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

#[tokio::test(start_paused = true)]
async fn fourteen_minutes_of_silence_are_no_stall() {
    let silence = Does::Nothing(14 * MINUTE);
    let tool = vec![silence, Does::Prints("a"), silence, Does::Prints("b"), silence, Does::EndsWell];
    assert_eq!(read(&mut exec(tool)).await.unwrap(), b"ab");
}

#[tokio::test(start_paused = true)]
async fn fifteen_minutes_of_silence_are_a_stall() {
    let begun = Instant::now();
    let tool = vec![Does::Prints("a"), Does::Nothing(16 * MINUTE), Does::Prints("b"), Does::EndsWell];
    let error = read(&mut exec(tool)).await.unwrap_err();
    assert!(matches!(error, ExecError::Stalled(STALL)), "{error:?}");
    assert_eq!(error.to_string(), "no output for 15m");
    assert!((STALL..STALL + MINUTE).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_reports_its_progress_on_standard_error_is_not_silent() {
    let mut tool = vec![Does::Prints("a")];
    tool.extend([Does::Nothing(10 * MINUTE), Does::Complains("90 %\n")].repeat(6));
    tool.extend([Does::Prints("b"), Does::EndsWell]);
    assert_eq!(read(&mut exec(tool)).await.unwrap(), b"ab");
}

#[tokio::test(start_paused = true)]
async fn only_the_time_somebody_waits_for_the_tool_counts() {
    // More than is held back for fear of a trailer.
    let first = Does::Prints(include_str!("../wrapper.sh"));
    let mut exec = exec(vec![first, Does::Nothing(14 * MINUTE), Does::Prints("b"), Does::EndsWell]);
    assert!(exec.next(STALL).await.unwrap().is_some());
    // The store takes nothing for an hour.
    sleep(60 * MINUTE).await;
    read(&mut exec).await.unwrap();
}

/// A child that the tool left behind holds its output open. The trailer said that the tool itself is done.
#[tokio::test(start_paused = true)]
async fn a_stream_that_stays_open_behind_the_trailer_is_not_waited_for_for_long() {
    let begun = Instant::now();
    assert_eq!(read(&mut exec(vec![Does::Prints("a"), Does::EndsWell])).await.unwrap(), b"a");
    assert!(begun.elapsed() <= 2 * END_LIMIT, "{:?}", begun.elapsed());
}
