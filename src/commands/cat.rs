//! `dumpcar cat`: a dump on standard output.

use tracing::error;

use super::choose::find_backup;
use crate::app::App;
use crate::causes::chain;
use crate::cli::CatArgs;
use crate::exit::Exit;
use crate::jobs::cat::{self, CatError, Wanted};
use crate::pipeline::Form;

/// `dumpcar cat`.
pub async fn cat(app: &App, args: &CatArgs) -> Exit {
    let (key, manifest) = match find_backup(app, &args.target, args.at).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let wanted = match (&args.database, args.globals) {
        (Some(name), _) => Wanted::Database(name.clone()),
        (None, true) => Wanted::Globals,
        (None, false) => Wanted::Only,
    };
    let object = match cat::choose(&manifest, &wanted) {
        Ok(object) => object,
        Err(problem) => {
            error!(backup = %key, "{problem}");
            return Exit::Nothing;
        }
    };
    let form = if args.stored { Form::Stored } else { Form::Plain };
    match cat::cat(&app.store, &key, object, form).await {
        Ok(()) | Err(CatError::Closed) => Exit::Done,
        Err(error) => {
            error!(backup = %key, object = object.name, error = %chain(&error), "cannot read the dump");
            Exit::Failed
        }
    }
}
