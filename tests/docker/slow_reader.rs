use std::thread;
use std::time::Duration;

use super::support::docker::{holds_within, until};
use super::support::garage::Garage;
use super::support::proxy::Proxy;
use super::support::world::World;

/// The parts of an upload: large enough for the store, small enough that a dump has several.
const PART: &str = "5MiB";

fn world(proxy: &Proxy) -> World {
    World::new()
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", PART)
        .set("DUMPCAR_PARALLEL", "16")
        .set("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", proxy.port))
}

/// How much a tool gets rid of while the store takes nothing.
fn bytes_until_the_stall() -> u64 {
    let proxy = Proxy::to(Garage::shared().port);
    let world = world(&proxy);
    // Its process id, and then bytes without end.
    let target = world.custom("t", "exec sh -c 'echo $$ >/tmp/pid; exec cat /dev/zero'");
    proxy.hold_writes();
    let dumpcar = world.start(&["backup"]);
    until("the store is stalled", || proxy.held() > 0);
    let written = || {
        let io = target.exec(&["sh", "-c", "cat /proc/$(cat /tmp/pid)/io"]);
        let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
        line.parse::<u64>().unwrap()
    };
    let mut last = 0;
    until("the tool waits", || {
        let before = std::mem::replace(&mut last, written());
        thread::sleep(Duration::from_millis(500));
        last == before && last > 5 << 20
    });
    proxy.let_go();
    drop(dumpcar);
    last
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_store_that_stalls_at_the_end_of_a_dump_does_not_cut_it() {
    let room = bytes_until_the_stall();
    println!("a tool writes {room} bytes before it waits for a stalled store");
    let content: String = (1..=2_000_000).map(|number| format!("{number}\n")).collect();
    assert!(room < content.len() as u64);

    let proxy = Proxy::to(Garage::shared().port);
    let world = world(&proxy);
    // Ends that lie everywhere in what is still in pipes and sockets when the tool has ended: Docker alone holds 1 MB. How
    // much that is differs from run to run and with the load, so some of the tools may wait for the store to the last.
    let sizes: Vec<u64> = (0..10).map(|n| room - 5_000 - n * 170_000).collect();
    let targets: Vec<_> = sizes
        .iter()
        .map(|size| world.custom(&format!("t{size}"), &format!("seq 1 2000000 | head -c {size}")))
        .collect();
    proxy.hold_writes();
    let dumpcar = world.start(&["backup"]);
    until("every dump waits for the store", || proxy.held() == targets.len());
    let is_over = |target: &&super::support::docker::Container| {
        !target.processes().iter().any(|process| process.starts_with("head -c"))
    };
    // Docker gives up on the rest of an output 2 s after the command ended.
    let over = || targets.iter().filter(is_over).count();
    assert!(
        holds_within(Duration::from_secs(20), || over() >= 3),
        "only {} tools ended: nothing is tested",
        over()
    );
    thread::sleep(Duration::from_millis(3_500));
    proxy.let_go();
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for size in sizes {
        let cat = world.run(&["cat", &format!("t{size}")]);
        let expected = &content.as_bytes()[..usize::try_from(size).unwrap()];
        assert!(cat.stdout == expected, "{size}: {} bytes came back", cat.stdout.len());
    }
}
