//! Tests of the export format: a recorded stream, in pieces of any size, damaged, too long.

use super::*;
use engine::testing::fuzz::{Shape, coarse, fuzz};

/// Three entries, the second with a text of several lines.
pub const RECORDED: &[u8] = include_bytes!("recorded.export");

fn entries(bytes: &[u8], bytes_max: usize, size: usize) -> Vec<Entry> {
    let mut reader = Reader::new(bytes_max);
    let mut entries = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        reader.push(piece, |entry| entries.push(entry));
    }
    entries.extend(reader.finish());
    entries
}

fn lines(entries: &[Entry]) -> Vec<String> {
    let lines = entries.iter().filter_map(|entry| entry.line.clone());
    lines.map(|line| String::from_utf8(line).unwrap()).collect()
}

#[test]
fn golden_a_recorded_stream_becomes_json_lines() {
    let found = entries(RECORDED, 1 << 20, usize::MAX);
    assert_eq!(
        lines(&found),
        [
            r#"{"MESSAGE":"Started web shop.","__REALTIME_TIMESTAMP":"1772366400123456","PRIORITY":"6","SYSLOG_IDENTIFIER":"systemd","_PID":"1","_TRANSPORT":"journal","_HOSTNAME":"host-a","UNIT":"shop.service"}"#,
            r#"{"MESSAGE":"Traceback (most recent call last):\n  File \"shop.py\", line 7, in pay\nValueError: amount=-3","__REALTIME_TIMESTAMP":"1772366401000000","PRIORITY":"3","SYSLOG_IDENTIFIER":"shop","_PID":"812","_SYSTEMD_UNIT":"shop.service","_TRANSPORT":"stdout"}"#,
            r#"{"MESSAGE":"connection to db refused","__REALTIME_TIMESTAMP":"1772366402000000","PRIORITY":"4","SYSLOG_IDENTIFIER":"shop","_SYSTEMD_UNIT":"shop.service"}"#,
        ]
    );
    let cursors: Vec<_> = found.iter().filter_map(|entry| entry.cursor.as_deref()).collect();
    assert_eq!(cursors, ["s=aa;i=1", "s=aa;i=2", "s=aa;i=3"]);
    assert!(found.iter().all(|entry| !entry.is_cut));
}

#[test]
fn pieces_of_any_size_are_the_same_entries() {
    let expected = entries(RECORDED, 1 << 20, usize::MAX);
    for size in 1..100 {
        assert_eq!(entries(RECORDED, 1 << 20, size), expected, "pieces of {size}");
    }
}

#[test]
fn what_is_no_field_is_skipped_and_counted_as_cut() {
    let bytes = b"not a field\nMESSAGE=still here\nlower=x\n\nMESSAGE=next\n\n";
    let found = entries(bytes, 1 << 20, 7);
    assert_eq!(lines(&found), [r#"{"MESSAGE":"still here"}"#, r#"{"MESSAGE":"next"}"#]);
    assert_eq!(found.iter().map(|entry| entry.is_cut).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn an_entry_that_ends_in_the_middle_is_given_out_as_cut() {
    let half = [&b"MESSAGE=here\nMORE\n"[..], &100u64.to_le_bytes(), b"only this"].concat();
    let found = entries(&half, 1 << 20, 1);
    assert_eq!(lines(&found), [r#"{"MESSAGE":"here"}"#]);
    assert!(found[0].is_cut);
    assert_eq!(entries(b"\n\n\n", 1 << 20, 1), []);
}

#[test]
fn limit_long_values_are_cut_and_the_line_stays_json() {
    let long = "\"é\u{1}".repeat(10_000);
    let text = format!("MESSAGE={long}\nPRIORITY=3\nOTHER={long}\n\nMESSAGE=next\n\n");
    let size = (long.len() as u64).to_le_bytes();
    let binary =
        [b"MESSAGE\n", &size[..], long.as_bytes(), b"\nPRIORITY=3\n\nMESSAGE=next\n\n"].concat();
    for bytes in [text.as_bytes(), &binary] {
        for max in [64, 500, 10_000] {
            let found = entries(bytes, max, 100);
            assert_eq!(found.len(), 2);
            let line = found[0].line.clone().unwrap();
            assert!(line.len() <= max, "{} of {max}", line.len());
            let value: Value = serde_json::from_slice(&line).unwrap();
            assert!(max == 64 || value["PRIORITY"] == "3", "{value}");
            assert_eq!((found[0].is_cut, found[1].is_cut), (true, false));
        }
    }
}

#[test]
fn limit_an_entry_has_so_many_fields() {
    let many: String = (0..1_000).map(|n| format!("FIELD_{n}=x\n")).collect();
    let found = entries(format!("MESSAGE=m\n{many}\n").as_bytes(), 1 << 20, 64);
    let value: Value = serde_json::from_slice(found[0].line.as_deref().unwrap()).unwrap();
    assert_eq!(value.as_object().unwrap().len(), FIELDS_MAX);
    assert!(found[0].is_cut);
}

#[test]
fn fuzz_any_bytes_in_any_pieces_are_the_same_entries() {
    let corpus = [RECORDED.to_vec(), b"A\n\xff\xff\xff\xff\xff\xff\xff\xffx".to_vec()];
    fuzz("journal export", &corpus, 3_000, |bytes| {
        let max = 200 + bytes.len() % 7;
        let whole = entries(bytes, max, usize::MAX);
        for size in [1, 5, 64] {
            assert_eq!(entries(bytes, max, size), whole, "pieces of {size}");
        }
        for line in whole.iter().filter_map(|entry| entry.line.as_ref()) {
            assert!(line.len() <= max && serde_json::from_slice::<Value>(line).is_ok());
        }
        Shape::of((coarse(whole.len()), whole.iter().filter(|entry| entry.is_cut).count().min(3)))
    });
}
