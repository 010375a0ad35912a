//! `oracle_`: random histories of a log file against an exact model of what must be delivered.
//!
//! The model keeps the content of every life of the file (from creation or truncation on). A line of
//! a life that is still on disk must be delivered exactly once; one whose only copy was deleted or
//! truncated, at most once; no line ever twice, and each life's lines in their order. Deliveries
//! after the last commit before a crash do not count.

use super::stage::Stage;
use proptest::prelude::*;
use std::collections::HashMap;

const ROTATED_MAX: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Append(u8),
    AppendHalf,
    AppendMuch,
    Rename,
    LateWrite,
    CopyTruncate,
    /// A line is written, and perhaps read, between the copy and the truncation.
    RacyCopyTruncate(bool),
    Truncate,
    Recreate,
    Compress,
    Poll,
    PollForLong,
    /// Crash with this share of the deliveries committed, in percent.
    Crash(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (1..5u8).prop_map(Op::Append),
        2 => Just(Op::AppendHalf),
        1 => Just(Op::AppendMuch),
        2 => Just(Op::Rename),
        2 => Just(Op::LateWrite),
        2 => Just(Op::CopyTruncate),
        1 => any::<bool>().prop_map(Op::RacyCopyTruncate),
        1 => Just(Op::Truncate),
        1 => Just(Op::Recreate),
        1 => Just(Op::Compress),
        6 => Just(Op::Poll),
        1 => Just(Op::PollForLong),
        2 => (0..=100u8).prop_map(Op::Crash),
    ];
    prop::collection::vec(op, 1..40)
}

/// One life of the file.
#[derive(Debug, Default)]
struct Life {
    content: String,
    on_disk: bool,
    /// It is the copy that copytruncate made: no program has it open.
    copied: bool,
}

struct World {
    stage: Stage,
    banner: String,
    lives: Vec<Life>,
    /// The life at `app.log`, then those at `app.log.1` and so on.
    places: Vec<usize>,
    next_line: usize,
    committed: Vec<String>,
}

impl World {
    fn new(banner: bool) -> Self {
        let banner =
            if banner { "=== banner of the program ===\n".repeat(60) } else { String::new() };
        let mut world = Self {
            stage: Stage::new("app.log*"),
            banner,
            lives: Vec::new(),
            places: Vec::new(),
            next_line: 0,
            committed: Vec::new(),
        };
        world.begin_life();
        world.stage.write("app.log", "");
        world
    }

    fn begin_life(&mut self) {
        self.lives.push(Life { on_disk: true, ..Life::default() });
        let life = self.lives.len() - 1;
        if self.places.is_empty() { self.places.push(life) } else { self.places[0] = life }
    }

    fn name(place: usize) -> String {
        if place == 0 { "app.log".into() } else { format!("app.log.{place}") }
    }

    fn write(&mut self, place: usize, text: &str) {
        let life = &mut self.lives[self.places[place]];
        let text =
            if life.content.is_empty() { format!("{}{text}", self.banner) } else { text.into() };
        life.content.push_str(&text);
        self.stage.write(&Self::name(place), text);
    }

    fn line(&mut self) -> String {
        self.next_line += 1;
        format!("line {:06} {}", self.next_line, "x".repeat(self.next_line * 7 % 90))
    }

    /// Makes room at `app.log.1`; the oldest file goes.
    fn shift(&mut self) {
        if self.places.len() > ROTATED_MAX {
            let oldest = self.places.len() - 1;
            self.stage.remove(&Self::name(oldest));
            self.forget(oldest);
        }
        for place in (1..self.places.len()).rev() {
            self.stage.rename(&Self::name(place), &Self::name(place + 1));
        }
    }

    fn forget(&mut self, place: usize) {
        let life = self.places.remove(place);
        self.lives[life].on_disk = false;
    }

    fn copy_truncate(&mut self, between: Option<bool>) {
        self.shift();
        let life = self.places[0];
        self.stage.copy("app.log", "app.log.1");
        self.places.insert(1, life);
        self.lives[life].copied = true;
        if let Some(poll) = between {
            // The copy does not have this line: it is lost unless it is read now.
            let line = self.line();
            self.stage.write("app.log", format!("\n{line}\n"));
            if poll {
                self.stage.poll();
            }
        }
        self.stage.truncate("app.log");
        self.begin_life();
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Append(lines) => {
                for _ in 0..lines {
                    let line = self.line();
                    self.write(0, &format!("{line}\n"));
                }
            }
            Op::AppendHalf => {
                // A position exactly behind the banner fits every file; see `rotation_`.
                if self.lives[self.places[0]].content.is_empty() {
                    self.apply(Op::Append(1));
                }
                let line = self.line();
                self.write(0, &line);
            }
            Op::AppendMuch => {
                let lines: String = (0..200).map(|_| self.line() + "\n").collect();
                self.write(0, &lines);
            }
            Op::Rename => {
                self.shift();
                self.stage.rename("app.log", "app.log.1");
                self.places.insert(0, 0);
                self.begin_life();
                self.stage.write("app.log", "");
            }
            Op::LateWrite if self.places.len() > 1 && !self.lives[self.places[1]].copied => {
                // A line end first: whether the unfinished line was already given up or not.
                let line = self.line();
                self.write(1, &format!("\n{line}\n"));
            }
            Op::CopyTruncate => self.copy_truncate(None),
            Op::RacyCopyTruncate(poll) => self.copy_truncate(Some(poll)),
            Op::Truncate => {
                self.lives[self.places[0]].on_disk = false;
                self.stage.truncate("app.log");
                self.begin_life();
            }
            Op::Recreate => {
                self.lives[self.places[0]].on_disk = false;
                self.stage.remove("app.log");
                self.stage.write("app.log", "");
                self.begin_life();
            }
            Op::Compress if self.places.len() > 1 => {
                let oldest = self.places.len() - 1;
                let name = Self::name(oldest);
                self.stage.write(&format!("{name}.gz"), [0x1F, 0x8B, 8, 0]);
                self.stage.remove(&name);
                self.forget(oldest);
            }
            Op::LateWrite | Op::Compress => {}
            Op::Poll => {
                self.stage.poll();
            }
            Op::PollForLong => self.stage.poll_for_long(),
            Op::Crash(share) => self.crash(share),
        }
    }

    fn crash(&mut self, share: u8) {
        let sent = self.stage.intake.deliveries().len();
        let committed = sent * usize::from(share) / 100;
        self.committed.extend(self.stage.intake.lines_before(committed));
        self.stage.crash(committed);
    }

    fn check(mut self) {
        self.stage.poll();
        self.stage.poll_for_long();
        self.crash(100);
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, line) in self.committed.iter().enumerate() {
            places.entry(line).or_default().push(at);
        }
        let count = |line: &str| places.get(line).map_or(0, Vec::len);
        for (index, life) in self.lives.iter().enumerate() {
            let is_current = self.places[0] == index;
            let complete = life.content.rfind('\n').map_or(0, |end| end + 1);
            let (whole, rest) = life.content.split_at(complete);
            let mut last = None;
            for line in whole.lines().chain([rest]).filter(|line| line.starts_with("line")) {
                let times = count(line);
                assert!(times <= 1, "{line:?} was delivered {times} times");
                let at = places.get(line).map(|found| found[0]);
                assert!(at.is_none() || at > last, "{line:?} is out of order");
                last = at.or(last);
                let unfinished = line == rest && is_current;
                if life.on_disk && !unfinished {
                    assert_eq!(times, 1, "{line:?} is on disk and was not delivered");
                }
                assert!(!unfinished || times == 0, "{line:?} is not finished");
            }
        }
        self.check_banners(count("=== banner of the program ==="));
    }

    fn check_banners(&self, delivered: usize) {
        let in_lives = |on_disk_only: bool| -> usize {
            let counted = self.lives.iter().filter(|life| life.on_disk || !on_disk_only);
            counted.map(|life| life.content.matches("=== banner").count()).sum()
        };
        assert!(delivered >= in_lives(true), "{delivered} banner lines are too few");
        assert!(delivered <= in_lives(false), "{delivered} banner lines are too many");
    }
}

fn cases() -> u32 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn oracle_every_line_is_delivered_once_whatever_happens_to_its_file(ops in ops()) {
        let mut world = World::new(false);
        ops.into_iter().for_each(|op| world.apply(op));
        world.check();
    }

    #[test]
    fn oracle_the_same_holds_when_every_file_begins_alike(ops in ops()) {
        let mut world = World::new(true);
        ops.into_iter().for_each(|op| world.apply(op));
        world.check();
    }
}
