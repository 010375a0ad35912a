//! From lines to identified events, by the crate's own parser and explanation.

use super::interleave::{Row, STREAMS};
use engine::model::{
    Chunk, EventRef, EventTime, Extra, ExtraIndex, Offset, PartitionId, SourceIndex, Span, Template,
};
use operators::fingerprint::{IdentityRules, explain_event};
use operators::parse::{Format, Parsed, Parser};
use operators::trace::FrameRules;
use std::sync::Arc;

/// An event that was put together and identified.
pub struct Assembled {
    /// Its lines.
    pub record: String,
    /// Its identity.
    pub template: Template,
    /// What that is made of.
    pub skeleton: String,
}

/// Returns the events of one stream that is read in these pieces.
pub fn assemble<'t>(
    pieces: impl IntoIterator<Item = &'t str>,
    rules: &FrameRules,
) -> Vec<Assembled> {
    let (mut parser, service) = (Parser::utc(Format::Auto), Arc::from("shop"));
    let mut events = Vec::new();
    let mut epoch = 1;
    for piece in pieces {
        add(&mut events, &parser.parse_at(&service, &chunk(piece), epoch), rules);
        epoch += 1;
        add(&mut events, &parser.release(SourceIndex(0), &service, epoch).0, rules);
    }
    add(&mut events, &parser.release(SourceIndex(0), &service, u64::MAX).0, rules);
    events
}

/// Returns the event of a record that is known to have these lines.
pub fn identify(lines: &[String], rules: &FrameRules) -> Assembled {
    let (mut parser, service) = (Parser::utc(Format::Auto), Arc::from("shop"));
    let mut batch = parser.parse(&service, &chunk(&lines[0])).batch;
    let (trace, mut scratch) = (lines[1..].join("\n"), batch.scratch.as_ref().clone());
    let start = scratch.len();
    scratch.extend_from_slice(trace.as_bytes());
    batch.extras = vec![Extra { trace: Span::scratch(start, scratch.len()), ..Extra::default() }];
    batch.scratch = Arc::new(scratch);
    let event = EventRef { extra: ExtraIndex::new(0), ..batch.events[0] };
    let explained = explain_event(&batch, &event, &of_frames(rules));
    let skeleton = explained.skeleton.join(" ");
    Assembled { record: lines.join("\n"), template: explained.template, skeleton }
}

fn of_frames(rules: &FrameRules) -> IdentityRules {
    IdentityRules { frames: rules.clone(), ..IdentityRules::default() }
}

fn add(events: &mut Vec<Assembled>, parsed: &Parsed, rules: &FrameRules) {
    let batch = &parsed.batch;
    for event in &batch.events {
        let record = String::from_utf8_lossy(batch.text(event.record)).into_owned();
        if event.change < 0 {
            let at = events.iter().rposition(|earlier| earlier.record == record).unwrap();
            events.remove(at);
            continue;
        }
        let explained = explain_event(batch, event, &of_frames(rules));
        let skeleton = explained.skeleton.join(" ");
        events.push(Assembled { record, template: explained.template, skeleton });
    }
}

fn chunk(text: &str) -> Chunk {
    Chunk {
        source: SourceIndex(0),
        partition: PartitionId(Arc::from("stream")),
        bytes: Arc::new(format!("{text}\n").into_bytes()),
        end: Some(Offset::default()),
        received: EventTime::from_secs(1_719_792_000),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}

fn text_of(rows: &[Row]) -> String {
    rows.iter().map(|row| row.line.as_str()).collect::<Vec<_>>().join("\n")
}

/// Returns for each row the event that it was put into, and that event's identity. Every turn of a
/// stream is read as a chunk of its own.
pub fn events_of_rows(rows: &[Row], rules: &FrameRules) -> Vec<(usize, Template)> {
    let mut found = vec![(usize::MAX, Template::default()); rows.len()];
    let mut number = 0;
    for stream in 0..STREAMS {
        let pieces = rows.chunk_by(|left, right| left.stream == right.stream);
        let pieces = pieces.filter(|piece| piece[0].stream == stream);
        let texts: Vec<String> = pieces.map(text_of).collect();
        let events = assemble(texts.iter().map(String::as_str), rules);
        // Records of one stream may overlap: a row belongs to the first one that waits for it.
        let mut waiting: Vec<Vec<&str>> =
            events.iter().map(|event| event.record.lines().rev().collect()).collect();
        for at in (0..rows.len()).filter(|at| rows[*at].stream == stream) {
            let line = rows[at].line.as_str();
            let is_next = |left: &Vec<&str>| left.last().is_some_and(|next| *next == line);
            let Some(event) = waiting.iter().position(is_next) else { continue };
            waiting[event].pop();
            found[at] = (number + event, events[event].template);
        }
        number += events.len();
    }
    // Blank lines at the end of a record are no part of it, and of no other either.
    for at in 1..rows.len() {
        if found[at].0 == usize::MAX && rows[at].line.trim().is_empty() {
            let earlier = rows[..at].iter().rposition(|row| row.stream == rows[at].stream);
            found[at] = earlier.map_or(found[at], |before| found[before]);
        }
    }
    found
}
