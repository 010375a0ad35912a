//! Where an open record stands, and whether a line goes on from there.

use super::frame;
use super::mark::{Language, Mark, mark};
use super::name;
use super::{BLANKS_MAX, MESSAGE_LINES_MAX};
use memchr::memmem::{self, Finder};
use std::sync::LazyLock;

/// Words of a message behind which a trace may be expected.
static EXCEPTION_WORDS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| ["Exception", "Error", "panic"].map(Finder::new));

/// Words of a message that a trace may follow although its severity says that nothing is wrong.
static TROUBLE_WORDS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| ["exception", "error", "failed"].map(Finder::new));

/// A line that may continue a record.
#[derive(Clone, Copy, Debug)]
pub struct Line<'t> {
    /// Its text, header and envelope off, indentation kept.
    pub text: &'t [u8],
    /// What it looks like.
    pub mark: Mark,
    /// Blank lines directly before it.
    pub blanks: u8,
    /// Whether the record is the newest one of the line's stream: on doubt a line goes on there.
    pub newest: bool,
    /// Whether lines of the stream have headers, so that one without is unusual.
    pub headers: bool,
}

/// What has been read of a record, as far as it decides what may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    phase: Phase,
    language: Option<Language>,
    /// Whether the first line has a header.
    headed: bool,
    /// Whether a trace that begins at the margin may belong to it.
    receptive: bool,
    /// Whether its first line speaks of an exception.
    expects: bool,
    /// How many more lines may join only because of their place.
    message_lines: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// An ordinary record.
    Text,
    /// An ordinary record with indented lines.
    Block,
    /// An exception was named.
    Head,
    /// Among the frames.
    Frames,
    /// After a call whose source line follows, or a position.
    Source,
    /// The trace has its last line; another may be chained to it.
    Final,
    /// A phrase announced a further trace.
    Linked,
    /// Nothing more belongs to it.
    Done,
}

const PHASES: [Phase; 8] = [
    Phase::Text,
    Phase::Block,
    Phase::Head,
    Phase::Frames,
    Phase::Source,
    Phase::Final,
    Phase::Linked,
    Phase::Done,
];

const LANGUAGES: [Language; 8] = [
    Language::Jvm,
    Language::Python,
    Language::Go,
    Language::Rust,
    Language::Node,
    Language::DotNet,
    Language::Ruby,
    Language::Php,
];

impl State {
    /// The state after an ordinary first line.
    pub const TEXT: State = State::new(false, false);
    /// The bytes of [`State::encoded`].
    pub const ENCODED_BYTES: usize = 4;

    /// Returns the state after a first line without header: `text`, which looks like `mark`.
    pub fn bare(text: &[u8], mark: Mark) -> State {
        State::new(false, false).begun(text, mark)
    }

    /// Returns the state after a first line with a header, whose message is `message`. `receptive`:
    /// it is bad enough for a trace to follow that does not say so itself.
    pub fn headed(message: &[u8], receptive: bool) -> State {
        let speaks = |word: &Finder<'_>| word.find(message).is_some();
        let expects = EXCEPTION_WORDS.iter().any(speaks);
        let receptive = receptive || expects || TROUBLE_WORDS.iter().any(speaks);
        let state = State::new(true, receptive).begun(message, mark(message));
        State { expects, ..state }
    }

    const fn new(headed: bool, receptive: bool) -> State {
        State {
            phase: Phase::Text,
            language: None,
            headed,
            receptive,
            expects: false,
            message_lines: MESSAGE_LINES_MAX,
        }
    }

    fn begun(self, text: &[u8], mark: Mark) -> State {
        match mark {
            Mark::Start(language) => self.started(language, text),
            Mark::Typed => self.at(Phase::Head),
            Mark::Frame(language) if is_strong(language) => self.of(language, Phase::Frames),
            Mark::Frame(Language::Go) if text.starts_with(b"goroutine ") => {
                self.of(Language::Go, Phase::Frames)
            }
            Mark::Call(language) => self.of(language, Phase::Source),
            _ => self,
        }
    }

    /// Returns whether the record is a trace that is not finished.
    pub fn is_trace(self) -> bool {
        !matches!(self.phase, Phase::Text | Phase::Block | Phase::Done)
    }

    /// Returns whether frames that stand behind this record are rather its own than those of an
    /// earlier one.
    pub fn expects_frames(self) -> bool {
        self.is_trace() || self.expects || self.phase == Phase::Block
    }

    /// Returns the state in four bytes.
    pub fn encoded(self) -> [u8; Self::ENCODED_BYTES] {
        let flags =
            u8::from(self.headed) | u8::from(self.receptive) << 1 | u8::from(self.expects) << 2;
        [self.phase as u8, self.language.map_or(0, |l| l as u8), flags, self.message_lines]
    }

    /// Returns the state that was encoded as `bytes`.
    pub fn decoded(bytes: [u8; Self::ENCODED_BYTES]) -> Option<State> {
        let [phase, language, flags, message_lines] = bytes;
        Some(State {
            phase: *PHASES.get(usize::from(phase))?,
            language: match language {
                0 => None,
                number => Some(*LANGUAGES.get(usize::from(number) - 1)?),
            },
            headed: flags & 1 != 0,
            receptive: flags & 2 != 0,
            expects: flags & 4 != 0,
            message_lines: message_lines.min(MESSAGE_LINES_MAX),
        })
    }

    /// Returns the state after `line` if the line goes on from here.
    pub fn step(self, line: &Line<'_>) -> Option<State> {
        if line.blanks > BLANKS_MAX || self.phase == Phase::Done && !self.is_ended_by(line.mark) {
            return None;
        }
        match line.mark {
            Mark::Frame(language) => self.frame(language, line),
            Mark::Call(language) => self.frame(language, line).map(|s| s.at(Phase::Source)),
            Mark::Link(language) => self.link(language, line),
            Mark::Start(language) => self.start(language, line),
            Mark::End(language) => self.suits(language, line).then(|| self.at(Phase::Done)),
            Mark::Typed => self.typed(line),
            Mark::Indented => self.indented(line),
            Mark::Closer => {
                let closes = !matches!(self.phase, Phase::Text | Phase::Linked);
                (closes && line.newest && line.blanks == 0).then_some(self)
            }
            Mark::Plain => self.plain(line),
        }
    }

    fn at(self, phase: Phase) -> State {
        State { phase, message_lines: MESSAGE_LINES_MAX, ..self }
    }

    fn of(self, language: Language, phase: Phase) -> State {
        State { language: Some(language), ..self.at(phase) }
    }

    /// Several closing lines may follow each other: `exit status 2`.
    fn is_ended_by(self, mark: Mark) -> bool {
        matches!(mark, Mark::End(language) if self.language == Some(language))
    }

    /// Returns whether the record is an ordinary one so far. No ordinary line at the margin goes on
    /// from there.
    pub fn is_text(self) -> bool {
        matches!(self.phase, Phase::Text | Phase::Block)
    }

    /// Whether a line of `language` fits the record. Calls of related languages look alike, so the
    /// newest record takes any of them.
    fn suits(self, language: Language, line: &Line<'_>) -> bool {
        let related =
            |language| matches!(language, Language::Jvm | Language::Node | Language::DotNet);
        !self.is_text()
            && match self.language {
                None => line.newest || self.phase == Phase::Head && line.blanks == 0,
                Some(own) => own == language || line.newest && related(own) && related(language),
            }
    }

    fn frame(self, language: Language, line: &Line<'_>) -> Option<State> {
        if self.is_text() {
            // Calls behind an ordinary line: nobody else can have written them.
            let adopts = line.newest && (self.headed || is_strong(language));
            return adopts.then(|| self.of(language, Phase::Frames));
        }
        if !self.suits(language, line) {
            return None;
        }
        // Numbered lines are not Rust's alone, so they do not say whose trace it is.
        let named = Some(language).filter(|language| *language != Language::Rust);
        // The margins of exception groups hold whole traces.
        let phase = match language {
            Language::Python => Phase::Final,
            _ => Phase::Frames,
        };
        Some(State { language: self.language.or(named), ..self.at(phase) })
    }

    fn link(self, language: Language, line: &Line<'_>) -> Option<State> {
        let next = if language == Language::Python { Phase::Linked } else { Phase::Head };
        if self.is_text() {
            let begins = !matches!(language, Language::Python | Language::Php);
            let adopts = line.newest && self.headed && begins;
            return adopts.then(|| self.of(language, next));
        }
        self.suits(language, line).then(|| self.of(language, next))
    }

    fn start(self, language: Language, line: &Line<'_>) -> Option<State> {
        let receives = line.newest && self.headed && self.receptive && self.is_text();
        let goes_on = match language {
            Language::Python => {
                receives
                    || self.language == Some(Language::Python)
                        && (self.phase == Phase::Linked || line.text.starts_with(b" "))
            }
            // Older interpreters write the call that raised last; a cause follows the calls.
            Language::Ruby => {
                receives
                    || self.phase == Phase::Frames
                        && (self.language == Some(Language::Python)
                            || self.language == Some(language) && line.newest && line.blanks == 0)
            }
            // "panic: a [recovered]", "panic: b".
            Language::Go if self.language == Some(language) => self.phase == Phase::Head,
            // A handler has said that something panicked.
            Language::Go | Language::Rust => receives && self.expects,
            Language::Node => {
                line.newest
                    && self.is_text()
                    && self.receptive
                    && line.text.starts_with(b"Uncaught")
            }
            _ => false,
        };
        goes_on.then(|| self.started(language, line.text))
    }

    fn started(self, language: Language, text: &[u8]) -> State {
        match language {
            Language::Python => self.of(language, Phase::Frames),
            Language::Node if !text.starts_with(b"Uncaught") => self.of(language, Phase::Source),
            // The message of a panic stands behind it or on the next line.
            Language::Rust if !text.ends_with(b":") => self.of(language, Phase::Frames),
            _ => self.of(language, Phase::Head),
        }
    }

    fn typed(self, line: &Line<'_>) -> Option<State> {
        match (self.phase, self.language) {
            (Phase::Frames | Phase::Source, Some(Language::Python)) => Some(self.at(Phase::Final)),
            (Phase::Source, Some(Language::Node)) => Some(self.at(Phase::Head)),
            (Phase::Text | Phase::Block, _) => {
                let receives = line.newest && self.headed && self.receptive;
                receives.then(|| self.at(Phase::Head))
            }
            (Phase::Head, Some(Language::Rust)) if line.newest => Some(self.at(Phase::Frames)),
            _ => None,
        }
    }

    fn indented(self, line: &Line<'_>) -> Option<State> {
        match (self.phase, self.language) {
            // The source line of a call belongs to the call even if something came between.
            (Phase::Source, Some(Language::Python)) => Some(self.at(Phase::Frames)),
            _ if !line.newest => None,
            (Phase::Text | Phase::Block, _) => {
                let joins = (self.headed || line.headers) && line.blanks == 0;
                joins.then(|| self.at(Phase::Block))
            }
            (Phase::Linked, _) => None,
            _ => Some(self),
        }
    }

    /// A line that says nothing by itself.
    fn plain(self, line: &Line<'_>) -> Option<State> {
        let ends_python = line.newest
            && self.language == Some(Language::Python)
            && matches!(self.phase, Phase::Frames | Phase::Source)
            && name::may_name_exception(line.text);
        if ends_python {
            return Some(self.at(Phase::Final));
        }
        if !line.newest {
            return None;
        }
        match (self.phase, self.language) {
            // The source line above the caret.
            (Phase::Source, Some(Language::Node)) => self.message(line),
            (Phase::Head, Some(Language::Rust)) => Some(self.at(Phase::Frames)),
            (Phase::Head, Some(Language::Go | Language::Php)) if line.blanks == 0 => {
                self.message(line)
            }
            (Phase::Frames, Some(Language::Go)) => {
                (frame::is_register(line.text) && line.blanks <= 1).then_some(self)
            }
            (Phase::Frames | Phase::Head, Some(Language::Php))
                if memmem::find(line.text, b"[object]").is_some() =>
            {
                Some(self)
            }
            (Phase::Final, Some(Language::Python)) => {
                let opens = line.text.first().is_some_and(|b| matches!(b, b'[' | b'('));
                match opens || (self.headed || line.headers) && line.blanks == 0 {
                    true => self.message(line),
                    false => None,
                }
            }
            (Phase::Head, _) if (self.headed || line.headers) && line.blanks == 0 => {
                self.message(line)
            }
            _ => None,
        }
    }

    /// Joins a line that only its place connects, while there may be more of them.
    fn message(self, line: &Line<'_>) -> Option<State> {
        let left = self.message_lines.checked_sub(1)?;
        line.newest.then_some(State { message_lines: left, ..self })
    }
}

/// Languages whose frames nothing else looks like.
fn is_strong(language: Language) -> bool {
    matches!(language, Language::Jvm | Language::Node | Language::DotNet | Language::Ruby)
}
