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

enum Answer {
    Yes,
    No,
    Nobody,
}

/// Asks whether to go on. `nothing` says what did not happen otherwise.
///
/// # Errors
/// The exit status of whoever does not go on; it is logged why. Ctrl-C is an answer as well.
pub(super) async fn go_on(nothing: &str, unasked: Unasked, stop: &CancellationToken) -> Result<(), Exit> {
    // On a thread of its own: it waits for a person.
    match stop.run_until_cancelled(tokio::task::spawn_blocking(ask)).await {
        Some(Ok(Answer::Yes)) => Ok(()),
        Some(Ok(Answer::No)) => {
            error!("{nothing}");
            Err(Exit::Failed)
        }
        Some(Ok(Answer::Nobody)) => match unasked {
            Unasked::GoesOn => Ok(()),
            Unasked::Refused(why) => {
                error!("{nothing}: {why}, and there is no terminal to ask on; pass --yes");
                Err(Exit::Usage)
            }
        },
        Some(Err(_)) | None => Err(Exit::Failed),
    }
}

fn ask() -> Answer {
    if !io::stdin().is_terminal() {
        return Answer::Nobody;
    }
    let mut stderr = io::stderr();
    drop(stderr.write_all(b"Go on? [y/N] ").and_then(|()| stderr.flush()));
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(_) if matches!(line.trim(), "y" | "Y" | "yes" | "YES") => Answer::Yes,
        Ok(_) | Err(_) => Answer::No,
    }
}
