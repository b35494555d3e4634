use std::collections::BTreeMap;
use std::sync::Arc;

use dumpcar::app::App;
use dumpcar::config::Config;
use dumpcar::discovery::Readiness;
use dumpcar::engine::{Command, Facts, Survey};

use super::{TARGET_ENV, add_targets, assert_clean, tools, with_every_secret};
use crate::support::world::World;

/// The next best thing to a panic in each line: what a panic's message could hold.
#[tokio::test]
async fn nothing_that_a_panic_could_print_shows_a_secret() {
    // Another test's provider is the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let world = with_every_secret(World::new(tools).await);
    add_targets(&world);
    let config =
        Config::from_pairs(world.env().to_vec(), &|_| unreachable!("no variable names a file")).unwrap();
    let show = |what: &str, thing: &dyn std::fmt::Debug| assert_clean(what, &format!("{thing:?} {thing:#?}"));
    show("Config", &config);
    show("S3Settings", &config.s3);
    show("the settings as shown", &config.redacted());
    let app = Arc::new(App::new(config).unwrap());
    show("App", &app);
    show("Store", &app.store);
    show("Place", app.store.place());
    let found = app.discover().await.unwrap();
    assert_eq!(found.len(), 4);
    show("Found", &found);
    let survey = Survey { reads_accounts: true, ..Survey::default() };
    for one in &found {
        let Readiness::Ready(target) = &one.state else { panic!("{one:?}") };
        show("Target", target);
        show("Container", &target.container);
        assert_eq!(target.container.env.len(), TARGET_ENV.len(), "the secrets are there");
        let facts = target.facts();
        show("Facts", &facts);
        show("Login", &target.engine.login(&facts));
        let commands: Vec<Command> = [
            target.engine.survey(&facts),
            Some(target.engine.dump(&facts, &survey, "app")),
            target.engine.globals(&facts, &survey),
        ]
        .into_iter()
        .flatten()
        .collect();
        for command in &commands {
            show("Command", command);
            let Command { script, is_request, args, env, exec_user } = command;
            show("all of a command", &(script, is_request, args, env, exec_user));
        }
        let exec = app.docker.exec(&target.container.id, commands.last().unwrap()).await.unwrap();
        show("Exec", &exec);
        exec.cancel().await;
    }
    let env = BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "c4n4ry-postgres".to_owned())]);
    show("Facts without labels", &Facts::new("postgres", &env));
}

/// The one way to a secret's text, [`dumpcar::secret::Secret::expose`], is taken where it is needed and nowhere else.
#[test]
fn secrets_are_read_by_the_s3_client_the_settings_and_who_makes_them_only() {
    let mut found = Vec::new();
    crate::architecture::sources().into_iter().for_each(|(file, source)| {
        let code = source.split("#[cfg(test)]").next().unwrap();
        if !file.contains("tests") && code.contains(".expose()") {
            found.push(file);
        }
    });
    assert!(!found.is_empty());
    for file in found {
        assert!(
            [
                "config",
                "store",
                "commands/keygen.rs",
                "listen/login.rs",
                "web.rs",
                "report/notify",
                "report/outgoing",
                "report/ping.rs"
            ]
            .iter()
            .any(|owner| file.starts_with(owner)),
            "{file} reads a secret"
        );
    }
}
