use super::*;
use crate::directory::read_dir;
use crate::reader::tests::{header, record, record_killed, step};
use crate::recorder::{Limits, Recorder};
use crate::schema::Boot;
use serde_json::json;
use tempfile::TempDir;

fn lines(dir: &TempDir) -> (Vec<Value>, Result<(), CatError>) {
    let mut out = Vec::new();
    let done = cat(read_dir(dir.path()).unwrap(), &mut out);
    let text = String::from_utf8(out).expect("JSON is text");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is an object"));
    (lines.collect(), done)
}

#[test]
fn cat_prints_a_line_for_each_record_and_one_for_each_header() {
    let dir = TempDir::new().unwrap();
    record(dir.path(), 2);
    let (lines, done) = lines(&dir);
    done.unwrap();
    assert_eq!(lines.len(), 1 + 1 + 2 * 2 + 2);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    let expected = [
        "header", "boot", "input", "effects", "input", "effects", "mark", "end",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(lines[2]["seq"], json!(1));
    assert_eq!(
        lines[2]["record"]["input"]["Message"]["message"]["Proposal"]["zxid"],
        json!("0x100000001")
    );
}

#[test]
fn cat_says_where_an_open_trace_ends() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 1);
    let (lines, done) = lines(&dir);
    done.unwrap();
    let last = lines.last().unwrap();
    assert_eq!(last["kind"], json!("open"));
    assert_eq!(last["records"], json!(3));
    assert_eq!(last["torn"], json!(false));
}

#[test]
fn cat_and_stat_say_what_is_damaged_and_show_the_rest() {
    let dir = TempDir::new().unwrap();
    record(dir.path(), 2);
    record(dir.path(), 2);
    let found = read_dir(dir.path()).unwrap();
    let file = found.boots[0].files().next().unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(file, bytes).unwrap();

    let summary = stat(&found);
    assert_ne!(summary.boots[0].end, "clean");
    assert_eq!(summary.boots[1].end, "clean");
    let (lines, done) = lines(&dir);
    assert!(matches!(done, Err(CatError::Trace(_))), "{done:?}");
    assert_eq!(
        lines.iter().filter(|line| line["kind"] == json!("fault")).count(),
        1
    );
    assert_eq!(lines.last().unwrap()["kind"], json!("end"));
}

#[test]
fn stat_counts_records_by_kind() {
    let dir = TempDir::new().unwrap();
    record(dir.path(), 5);
    let summary = stat(&read_dir(dir.path()).unwrap());
    let boot = &summary.boots[0];
    assert_eq!(
        (boot.records, boot.kinds["input"], boot.kinds["effects"]),
        (13, 5, 5)
    );
    assert_eq!((boot.end.as_str(), boot.lost, boot.first), ("clean", 0, 0));
    let text = summary.to_string();
    assert!(text.contains("server 2 boot 1: test"), "{text}");
    assert!(text.contains("end: clean"), "{text}");
}

#[test]
fn stat_says_where_a_trace_is_cut() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 3);
    let whole = stat(&read_dir(dir.path()).unwrap());
    assert!(whole.is_whole(), "a killed server's trace is whole: {whole}");
    let file = read_dir(dir.path()).unwrap().boots[0].segments[0].path.clone();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let cut = stat(&read_dir(dir.path()).unwrap());
    assert!(!cut.is_whole(), "{cut}");
    let shown = cut.to_string();
    assert!(
        shown.contains("CUT: after 6 records comes a part of a frame"),
        "{shown}"
    );
    assert!(shown.contains(&file.display().to_string()), "{shown}");
}

#[test]
fn stat_says_that_the_next_boot_found_more() {
    let dir = TempDir::new().unwrap();
    let mut recorder = Recorder::create(dir.path(), Limits::default(), header(), Boot::default()).unwrap();
    step(&mut recorder, 1);
    let file = read_dir(dir.path()).unwrap().boots[0].segments[0].path.clone();
    let beginning = std::fs::read(&file).unwrap();
    step(&mut recorder, 2);
    drop(recorder);
    record(dir.path(), 1);
    let whole = stat(&read_dir(dir.path()).unwrap());
    assert!(whole.is_whole(), "{whole}");
    assert_eq!(whole.boots[0].ends_at, None, "the next boot found as much");
    for file in read_dir(dir.path()).unwrap().boots[0].files() {
        std::fs::remove_file(file).unwrap();
    }
    std::fs::write(&file, beginning).unwrap();
    let cut = stat(&read_dir(dir.path()).unwrap()).to_string();
    assert!(
        cut.contains("CUT: there are 3 records, and the next boot found 5"),
        "{cut}"
    );
}

#[test]
fn nothing_recorded_is_not_a_whole_trace() {
    let dir = TempDir::new().unwrap();
    let summary = stat(&read_dir(dir.path()).unwrap());
    assert!(!summary.is_whole());
    assert!(summary.to_string().contains("no trace is here"), "{summary}");
}
