use super::*;

#[test]
fn a_marker_names_its_run_and_is_never_repeated() {
    let run: RunId = "00000000deadbeef".parse().unwrap();
    assert!(marker(Some(&run)).starts_with("dumpcar-00000000deadbeef-"));
    assert_ne!(marker(None), marker(None));
}
