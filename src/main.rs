//! The program: settings, log, signals, then one command.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use dumpcar::app::App;
use dumpcar::cli::{Cli, Command};
use dumpcar::config::Config;
use dumpcar::exit::Exit;
use dumpcar::model::helper::COMMAND;
use dumpcar::signals::Listener;
use dumpcar::terminal::Terminal;
use dumpcar::{commands, helper, logging, text};

fn main() -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    // In a helper container there are no settings.
    if let Some((command, args)) = args.split_first()
        && command == COMMAND
    {
        return helper::run(args).into();
    }
    run().into()
}

fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version are no errors, and go to standard output.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            drop(error.print());
            return exit;
        }
    };
    // Whoever makes a key has no settings yet.
    if matches!(cli.command, Some(Command::Keygen)) {
        return commands::keygen();
    }
    let config = match Config::from_pairs(environment(), &|path| std::fs::read_to_string(path)) {
        Ok(config) => config,
        Err(errors) => {
            complain(&format!("these settings are wrong:\n{errors}"));
            return Exit::Usage;
        }
    };
    let variable = |name| environment().find(|(other, _)| other == name).map(|(_, value)| value);
    let terminal = Arc::new(Terminal::new(variable("NO_COLOR").as_deref(), variable("TERM").as_deref()));
    logging::start(&config, Arc::clone(&terminal));
    match &cli.command {
        Some(Command::Config(args)) => return commands::config(&config, args),
        Some(Command::Policy(args)) => return commands::policy(&config, args),
        Some(Command::Healthcheck) => return commands::healthcheck(&config),
        _ => {}
    }
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nothing else has chosen a TLS provider");
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("start the runtime: {error}"));
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(async {
        let listener = match Listener::new() {
            Ok(listener) => listener,
            Err(error) => {
                complain(&format!("listen for signals: {error}"));
                return Exit::Failed;
            }
        };
        let app = match App::new(config) {
            Ok(app) => app,
            Err(error) => {
                tracing::error!("{error}");
                return Exit::Failed;
            }
        };
        // Said at once, and not in the middle of the work.
        if needs_docker(cli.command.as_ref())
            && let Err(error) = app.docker.require_socket()
        {
            tracing::error!("{error}");
            return Exit::Failed;
        }
        Box::pin(execute(cli.command, app, listener, terminal)).await
    });
    // What still runs (the DNS resolver's thread, say) must not hold up the end.
    runtime.shutdown_background();
    exit
}

/// Whether a command looks at containers. The others work with the bucket alone, on any machine.
fn needs_docker(command: Option<&Command>) -> bool {
    match command {
        None | Some(Command::Backup(_) | Command::Restore(_) | Command::Drill(_)) => true,
        Some(Command::Prune(args)) => !args.dry_run,
        Some(
            Command::Status(_)
            | Command::Check(_)
            | Command::List(_)
            | Command::Show(_)
            | Command::Delete(_)
            | Command::Forget(_)
            | Command::Cat(_)
            | Command::Verify(_)
            | Command::Config(_)
            | Command::Policy(_)
            | Command::Notify(_)
            | Command::Keygen
            | Command::Healthcheck,
        ) => false,
    }
}

async fn execute(command: Option<Command>, app: App, listener: Listener, terminal: Arc<Terminal>) -> Exit {
    let Some(command) = command else {
        return Box::pin(commands::daemon(app, listener)).await;
    };
    let stop = listener.stop.clone();
    let stopped = stop.clone();
    let is_restore = matches!(command, Command::Restore(_));
    let job = async {
        match command {
            Command::Check(args) => Box::pin(commands::check(&app, &args, stop)).await,
            Command::Backup(args) => commands::backup(app, args, stop, terminal).await,
            Command::Prune(args) => commands::prune(&app, &args, stop).await,
            Command::Delete(args) => Box::pin(commands::delete(&app, &args, stop)).await,
            Command::Drill(args) => Box::pin(commands::drill(&app, &args, stop, terminal)).await,
            Command::Restore(args) => Box::pin(commands::restore(&app, &args, stop, terminal)).await,
            // These leave nothing behind: they end when told to, wherever they are.
            Command::List(args) => {
                stopped.run_until_cancelled(commands::list(&app, &args)).await.unwrap_or(Exit::Failed)
            }
            Command::Status(args) => stopped
                .run_until_cancelled(Box::pin(commands::status(&app, &args, &terminal)))
                .await
                .unwrap_or(Exit::Failed),
            Command::Forget(args) => {
                stopped.run_until_cancelled(commands::forget(&app, &args)).await.unwrap_or(Exit::Failed)
            }
            Command::Show(args) => stopped
                .run_until_cancelled(Box::pin(commands::show(&app, &args)))
                .await
                .unwrap_or(Exit::Failed),
            Command::Cat(args) => {
                stopped.run_until_cancelled(commands::cat(&app, &args)).await.unwrap_or(Exit::Failed)
            }
            Command::Verify(args) => stopped
                .run_until_cancelled(commands::verify(&app, &args, terminal))
                .await
                .unwrap_or(Exit::Failed),
            Command::Notify(_) => {
                stopped.run_until_cancelled(commands::notify(&app)).await.unwrap_or(Exit::Failed)
            }
            Command::Config(_) | Command::Policy(_) | Command::Healthcheck | Command::Keygen => Exit::Done,
        }
    };
    let exit = job.await;
    // A stop that came too late has stopped nothing: whoever reads the status must not believe the old content is there.
    if is_restore && exit == Exit::Done {
        return exit;
    }
    listener.ended_by().map_or(exit, Exit::Signal)
}

/// The process's environment, read here and nowhere else. What is not UTF-8 cannot be a setting.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Says why there is no log to say it in.
fn complain(message: &str) {
    // Nothing can be done about a closed standard error.
    drop(
        io::stderr().write_all(format!("dumpcar: {}\n", text::escaped_lines(message.trim_end())).as_bytes()),
    );
}
