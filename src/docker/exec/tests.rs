use super::*;

#[test]
fn only_the_end_of_standard_error_is_kept() {
    let mut tail = StderrTail::default();
    for line in 0..10_000 {
        tail.push(format!("line {line}\n").as_bytes());
    }
    tail.push(&[b'x'; 3 * STDERR_TAIL]);
    tail.push(b" end\n");
    assert_eq!(tail.bytes.len(), STDERR_TAIL);
    assert!(tail.text().ends_with("xx end"));
}

#[test]
fn what_is_quoted_begins_with_a_whole_line() {
    let mut tail = StderrTail::default();
    tail.push(b"first\nsecond\n");
    assert_eq!(tail.text(), "first\nsecond");
    let mut tail = StderrTail::default();
    for line in 0..2000 {
        tail.push(format!("password-{line:05}\n").as_bytes());
        assert!(tail.text().lines().all(|line| line.len() == 14), "{}", tail.text());
    }
    // Also of one piece that is too long by itself.
    let mut tail = StderrTail::default();
    tail.push("password-00000\n".repeat(1000).as_bytes());
    assert!(tail.text().lines().all(|line| line.len() == 14), "{}", tail.text());
}

#[test]
fn a_marker_names_its_run_and_is_never_repeated() {
    let run: RunId = "00000000deadbeef".parse().unwrap();
    assert!(marker(Some(&run)).starts_with("dumpcar-00000000deadbeef-"));
    assert_ne!(marker(None), marker(None));
}
