//! A question on the terminal before something is lost.

use std::io::{self, IsTerminal, Write};

use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::exit::Exit;

/// What happens where there is no terminal to ask on.
pub(super) enum Unasked {
    GoesOn,
    /// Only `--yes` goes on, because of this.
    Refused(&'static str),
}

/// What whoever was asked wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    GoOn,
    /// And then go on.
    BackUpFirst,
}

enum Answer {
    Yes(Wish),
    No,
    Nobody,
}

/// Asks whether to go on. `nothing` says what did not happen otherwise.
///
/// # Errors
/// The exit status of whoever does not go on; it is logged why. Ctrl-C is an answer as well.
pub(super) async fn go_on(nothing: &str, unasked: Unasked, stop: &CancellationToken) -> Result<(), Exit> {
    wish(false, nothing, unasked, stop).await.map(drop)
}

/// The same, and, where it is `offered`, whether to make a backup first.
///
/// # Errors
/// As those of [`go_on`].
pub(super) async fn wish(
    offered: bool,
    nothing: &str,
    unasked: Unasked,
    stop: &CancellationToken,
) -> Result<Wish, Exit> {
    // On a thread of its own: it waits for a person.
    match stop.run_until_cancelled(tokio::task::spawn_blocking(move || ask(offered))).await {
        Some(Ok(Answer::Yes(wish))) => Ok(wish),
        Some(Ok(Answer::No)) => {
            error!("{nothing}");
            Err(Exit::Failed)
        }
        Some(Ok(Answer::Nobody)) => match unasked {
            Unasked::GoesOn => Ok(Wish::GoOn),
            Unasked::Refused(why) => {
                error!("{nothing}: {why}, and there is no terminal to ask on; pass --yes");
                Err(Exit::Usage)
            }
        },
        Some(Err(_)) | None => Err(Exit::Failed),
    }
}

fn ask(offers_backup: bool) -> Answer {
    if !io::stdin().is_terminal() {
        return Answer::Nobody;
    }
    let question = match offers_backup {
        true => "Go on? [y/N, b: back up what is there now, then go on] ",
        false => "Go on? [y/N] ",
    };
    let mut stderr = io::stderr();
    drop(stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()));
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(_) if matches!(line.trim(), "y" | "Y" | "yes" | "YES") => Answer::Yes(Wish::GoOn),
        Ok(_) if offers_backup && matches!(line.trim(), "b" | "B") => Answer::Yes(Wish::BackUpFirst),
        Ok(_) | Err(_) => Answer::No,
    }
}
