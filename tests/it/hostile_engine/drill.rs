use serde_json::{Value, json};

use super::path;
use crate::support::docker::{IMAGE_ID, id_of};
use crate::support::hostile::lies::{diversions, excerpt, floods};
use crate::support::hostile::verdicts::Verdicts;
use crate::support::hostile::{NASTY, Siege};
use crate::support::witness::{Heard, Lie, Witness};

/// What a drill is told of images and of the container it makes.
#[tokio::test]
async fn a_drill_that_is_lied_to_asks_for_nothing_else() {
    let (honest, mut verdicts) = (Siege::quiet().await, Verdicts::default());
    let (_, base) = verdicts.run_watched(&honest, &["drill", "pg"], "json", &[0]).await;
    let image = |value: Value| Lie::answer(200, value.to_string());
    let of_the_image = [
        image(json!({ "Id": "red-img:1" })),
        image(json!({ "Id": "../images/get?names=x" })),
        image(json!({ "Id": NASTY })),
        image(
            json!({ "Id": IMAGE_ID, "Config": { "Volumes": { "/../../etc": {}, NASTY: {}, "x": {}, "/": {} } } }),
        ),
        image(json!({})),
    ];
    let of_the_container = [
        Lie::answer(201, json!({ "Id": "../victim" }).to_string()),
        Lie::answer(201, json!({ "Id": format!("{}/kill?x=", id_of("victim")) }).to_string()),
        Lie::answer(201, json!({ "Id": "" }).to_string()),
        Lie::answer(201, json!({ "Id": NASTY }).to_string()),
        Lie::answer(201, json!({}).to_string()),
    ];
    let is_of_image = |heard: &Heard| heard.target.contains("/images/");
    let is_creation = |heard: &Heard| path(heard).ends_with("/containers/create");
    let lies = of_the_image.map(|lie| (is_of_image as fn(&Heard) -> bool, lie)).into_iter();
    let lies = lies.chain(of_the_container.map(|lie| (is_creation as fn(&Heard) -> bool, lie)));
    let more = diversions().into_iter().chain(floods()).map(|(_, lie)| lie);
    for (is_it, lie) in lies
        .chain(more.flat_map(|lie| [(is_of_image as fn(&Heard) -> bool, lie.clone()), (is_creation, lie)]))
    {
        let what = format!("{:?}", excerpt(&lie));
        let mut siege = Siege::quiet().await;
        siege.witness =
            Witness::lying(siege.world.docker.socket(), move |heard, _| is_it(heard).then(|| lie.clone()));
        let world = siege.world.set("DOCKER_HOST", &siege.witness.host());
        let (ended, most) = world.run_watched(&["drill", "pg"], "json").await;
        let ended = verdicts.ended(&what, ended);
        verdicts.harmless(&what, &ended, true);
        verdicts.expect(&what, [0, 1].contains(&ended.status), || format!("status {}", ended.status));
        let strangers = siege.witness.strangers(&[]);
        verdicts.expect(&what, strangers.is_empty(), || format!("{strangers:?}"));
        verdicts.cheap(&what, base, most);
        for heard in siege.witness.heard().iter().filter(|heard| is_creation(heard)) {
            let body: Value = serde_json::from_slice(&heard.body).unwrap();
            verdicts.expect(&what, body["Image"] == IMAGE_ID, || format!("the image is {}", body["Image"]));
            let folders: Vec<&String> = body["HostConfig"]["Tmpfs"].as_object().unwrap().keys().collect();
            let is_plain = |path: &&String| {
                path.starts_with('/') && !path.contains("..") && !path.contains(char::is_control)
            };
            verdicts.expect(&what, folders.iter().all(is_plain), || format!("{folders:?}"));
        }
    }
    verdicts.end();
}
