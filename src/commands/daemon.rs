//! `dumpcar` without a command: the daemon, put together.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::choose::require_signer;
use crate::app::App;
use crate::exit::Exit;
use crate::listen::Server;
use crate::model::writers::{InstanceNames, NO_NAME};
use crate::report::page::About;
use crate::report::{Network, Notifier, Outbox, Pings, Reporter, Sink, Work};
use crate::scheduler::Scheduler;
use crate::signals::Listener;
use crate::told;

/// Docker sends SIGKILL 10 s after SIGTERM. What is not cleaned up by then would be cut anyway; this leaves time to
/// say so.
const GRACE: Duration = Duration::from_millis(9_500);

/// So long messages that are under way may take when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The daemon: backs up on schedule until told to stop.
pub async fn daemon(app: App, listener: Listener) -> Exit {
    if let Err(exit) = require_signer(&app) {
        return exit;
    }
    let network = match Network::new(&app.config) {
        Ok(network) => network,
        Err(error) => {
            error!(%error, "cannot read DUMPCAR_S3_CA_FILE");
            return Exit::Failed;
        }
    };
    let (outbox, mut notifier) = (Outbox::new(), None);
    let reporter = Reporter::with(app.config.time_zone.clone(), |board| {
        notifier = Notifier::new(&app.config, board, &network, &outbox);
        let pings = Pings::new(app.config.notify.ping.clone(), board, &network, &outbox);
        let messages = notifier.clone().map(|notifier| Box::new(notifier) as Box<dyn Sink>);
        messages.into_iter().chain([Box::new(pings) as Box<dyn Sink>]).collect()
    });
    if let Err(error) = reporter.health().serve(&app.config.identity()) {
        error!(%error, "another dumpcar daemon runs in this container");
        return Exit::Failed;
    }
    let told = match told::Listener::bind(&app.config.identity()) {
        Ok(told) => told,
        Err(error) => {
            error!(%error, "cannot listen for what is done by hand in this container");
            return Exit::Failed;
        }
    };
    let mut instance = None;
    match app.docker.version().await {
        Ok(version) => {
            info!(engine = %version.engine, api = %version.api, "Docker answers");
            let own = app.identity.holder(&app.docker).await;
            notifier.iter().for_each(|notifier| notifier.set_instance(&own.instance));
            instance = Some(own.instance.to_string());
        }
        // It may be restarting: the scheduler keeps asking, and says so. No permission stays no permission.
        Err(error) if error.is_transient() => debug!(%error, "Docker does not answer yet"),
        Err(error) => {
            error!(%error, "cannot use Docker");
            return Exit::Failed;
        }
    }
    if let Some(settings) = &app.config.listen {
        match Server::bind(settings, about(&app, instance), reporter.clone()).await {
            Ok(server) => {
                info!(address = %settings.address, "serving the probes, the metrics and the status page");
                tokio::spawn(server.serve(listener.stop.clone()));
            }
            Err(error) => {
                let address = settings.address;
                error!(%address, %error, "cannot serve there: set DUMPCAR_LISTEN to another port, or remove it");
                return Exit::Failed;
            }
        }
    }
    info!(
        version = env!("CARGO_PKG_VERSION"), store = %app.store, schedule = %app.config.schedule,
        time_zone = app.config.time_zone.iana_name().unwrap_or("UTC"), credentials = %app.config.credentials,
        "dumpcar started"
    );
    let Listener { stop, requests, .. } = listener;
    let app = Arc::new(app);
    let scheduler = Scheduler::new(app, reporter.clone(), stop.clone());
    let mut work = Box::pin(scheduler.run(requests, told));
    let mut overdue = Box::pin(async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    });
    tokio::select! {
        () = &mut work => {
            notifier.iter().for_each(Notifier::finish);
            tokio::select! {
                () = outbox.close(LAST_WORDS) => {}
                () = &mut overdue => {}
            }
            info!("stopped");
            Exit::Done
        }
        () = &mut overdue => {
            let running: Vec<String> = reporter.board().status().running.iter().map(described).collect();
            warn!(grace = %humantime::format_duration(GRACE), running = running.join("; "), "runs did not clean up in time");
            Exit::Failed
        }
    }
}

/// What the status page says of this daemon. `instance` is `None` where Docker does not answer yet.
fn about(app: &App, instance: Option<String>) -> About {
    let config = &app.config;
    let InstanceNames { set, host } = config.instance.clone();
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: instance.or(set).or(host).unwrap_or_else(|| NO_NAME.to_owned()),
        store: app.store.to_string(),
        time_zone: config.time_zone.clone(),
        schedule: config.schedule.to_string(),
        label_prefix: config.label_prefix.clone(),
        group: config.group.clone(),
        prunes: config.prune,
    }
}

/// A run, and what it is doing.
fn described(work: &Work) -> String {
    format!("{} of {}: {}", work.run.job, work.run.subject(), work.progress.stage())
}
