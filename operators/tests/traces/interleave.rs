//! The corpus as two streams of lines that a reader gets mixed: which row belongs to which event is
//! known, so that the borders that assembly finds can be scored.

use super::{Sample, corpus};

/// One line as it is read.
pub struct Row {
    /// Which stream it is of.
    pub stream: usize,
    /// The line.
    pub line: String,
    /// Which event it truly belongs to.
    pub event: usize,
    /// Which sample of the corpus that is; `None` for a plain line.
    pub sample: Option<usize>,
}

/// How many streams there are.
pub const STREAMS: usize = 2;
/// How many lines of one stream come before the other's turn.
const TURN_LINES: usize = 3;

/// Returns `samples`, dealt out to the streams in turns, with plain lines between them, as rows in
/// the order in which they are read.
pub fn interleave(samples: &[Sample]) -> Vec<Row> {
    let mut streams: [Vec<Row>; STREAMS] = std::array::from_fn(|_| Vec::new());
    let mut event = 0;
    for (at, sample) in samples.iter().enumerate() {
        let stream = at % STREAMS;
        for number in 0..=at % 3 {
            streams[stream].push(Row { stream, line: plain_line(at, number), event, sample: None });
            event += 1;
        }
        let lines = sample.lines.iter();
        let rows = lines.map(|line| Row { stream, line: line.clone(), event, sample: Some(at) });
        streams[stream].extend(rows);
        event += 1;
    }
    let mut turns = streams.map(|rows| rows.into_iter());
    let mut rows = Vec::new();
    loop {
        let before = rows.len();
        for turn in &mut turns {
            rows.extend(turn.by_ref().take(TURN_LINES));
        }
        if rows.len() == before {
            return rows;
        }
    }
}

fn plain_line(at: usize, number: usize) -> String {
    let (minute, second) = (at % 60, number * 7 % 60);
    format!(
        "2024-05-06 09:{minute:02}:{second:02},{at:03} INFO [worker-{number}] shop.Audit - basket {at} checked in {number} ms"
    )
}

/// Returns the share of event borders found, and of found ones that are true, as one figure. A
/// border is a row that begins an event; `found` names the event of every row.
pub fn boundary_f1(rows: &[Row], found: &[usize]) -> f64 {
    let begins = |events: &dyn Fn(usize) -> usize, at: usize| {
        let earlier = rows[..at].iter().rposition(|row| row.stream == rows[at].stream);
        earlier.is_none_or(|before| events(before) != events(at))
    };
    let (mut hits, mut true_borders, mut found_borders) = (0.0, 0.0, 0.0);
    for at in 0..rows.len() {
        let is_true = begins(&|row| rows[row].event, at);
        let is_found = begins(&|row| found[row], at);
        hits += f64::from(is_true && is_found);
        true_borders += f64::from(is_true);
        found_borders += f64::from(is_found);
    }
    2.0 * hits / (true_borders + found_borders)
}

#[test]
fn rows_keep_the_order_of_their_stream_and_the_borders_of_their_events() {
    let rows = interleave(&corpus());
    let truth: Vec<usize> = rows.iter().map(|row| row.event).collect();
    assert!((boundary_f1(&rows, &truth) - 1.0).abs() < 1e-9);
    let all_apart: Vec<usize> = (0..rows.len()).collect();
    assert!(boundary_f1(&rows, &all_apart) < 0.7);
    for stream in 0..STREAMS {
        let events = rows.iter().filter(|row| row.stream == stream).map(|row| row.event);
        assert!(events.is_sorted());
    }
}
