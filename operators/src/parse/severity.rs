//! Severity from what loggers write: words, single letters, numbers on the common scales. What is
//! not recognised is `None`, never a guess.

use engine::model::Severity;

/// The longest severity word.
const WORD_BYTES_MAX: usize = 13;

/// Returns the severity that a word names, in any case.
pub(super) fn of_word(word: &[u8]) -> Option<Severity> {
    if word.len() < 2 || word.len() > WORD_BYTES_MAX || !word[0].is_ascii_alphabetic() {
        return None;
    }
    let mut lower = [0u8; WORD_BYTES_MAX];
    for (to, from) in lower.iter_mut().zip(word) {
        *to = from.to_ascii_lowercase();
    }
    Some(match &lower[..word.len()] {
        b"trace" | b"trac" | b"trc" | b"verbose" | b"vrb" | b"finest" | b"finer" | b"silly" => {
            Severity::Trace
        }
        b"debug" | b"debu" | b"dbg" | b"debg" | b"dbug" | b"fine" => Severity::Debug,
        b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"note" | b"config"
        | b"log" | b"success" | b"hint" => Severity::Info,
        b"warn" | b"warning" | b"wrn" => Severity::Warn,
        b"error" | b"erro" | b"err" | b"eror" | b"severe" | b"failure" | b"fail" => Severity::Error,
        b"fatal" | b"fata" | b"ftl" | b"critical" | b"crit" | b"crt" | b"alert" | b"emerg"
        | b"emergency" | b"panic" | b"pani" | b"dpanic" => Severity::Fatal,
        _ => return None,
    })
}

/// Returns whether a severity word also opens ordinary messages, so that only its position or its
/// spelling can tell.
pub(super) fn is_ambiguous(word: &[u8]) -> bool {
    let words: [&[u8]; 9] =
        [b"log", b"note", b"hint", b"fail", b"failure", b"success", b"config", b"alert", b"fine"];
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Returns the severity of a single letter in the position of a level.
pub(super) fn of_letter(letter: u8) -> Option<Severity> {
    Some(match letter {
        b'V' | b'T' => Severity::Trace,
        b'D' => Severity::Debug,
        b'I' | b'N' => Severity::Info,
        b'W' => Severity::Warn,
        b'E' => Severity::Error,
        b'F' | b'C' | b'A' => Severity::Fatal,
        _ => return None,
    })
}

/// Returns the severity of a syslog priority: the low three bits, 0 the worst.
pub(super) fn of_syslog(priority: u64) -> Severity {
    match priority & 7 {
        0..=2 => Severity::Fatal,
        3 => Severity::Error,
        4 => Severity::Warn,
        5 | 6 => Severity::Info,
        _ => Severity::Debug,
    }
}

/// Returns the severity of a numeric `level`: 0 to 7 as in syslog, else tens as in bunyan and pino.
pub(super) fn of_level_number(level: u64) -> Option<Severity> {
    Some(match level {
        0..=7 => of_syslog(level),
        10..=19 => Severity::Trace,
        20..=29 => Severity::Debug,
        30..=39 => Severity::Info,
        40..=49 => Severity::Warn,
        50..=59 => Severity::Error,
        60..=69 => Severity::Fatal,
        _ => return None,
    })
}

/// Returns the severity of a numeric level on the scale of Python's logging.
pub(super) fn of_python_number(level: u64) -> Option<Severity> {
    Some(match level {
        1..=9 => Severity::Trace,
        10..=19 => Severity::Debug,
        20..=29 => Severity::Info,
        30..=39 => Severity::Warn,
        40..=49 => Severity::Error,
        50..=59 => Severity::Fatal,
        _ => return None,
    })
}

/// Returns the severity of an OpenTelemetry severity number.
pub(super) fn of_otel_number(number: u64) -> Option<Severity> {
    Some(match number {
        1..=4 => Severity::Trace,
        5..=8 => Severity::Debug,
        9..=12 => Severity::Info,
        13..=16 => Severity::Warn,
        17..=20 => Severity::Error,
        21..=24 => Severity::Fatal,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_strangers_are_not_guessed() {
        assert_eq!(of_word(b"Warning"), Some(Severity::Warn));
        assert_eq!(of_word(b"SEVERE"), Some(Severity::Error));
        assert_eq!(of_word(b"informational"), Some(Severity::Info));
        assert_eq!(of_word(b"informationals"), None);
        assert_eq!(of_word(b"errors"), None);
        assert_eq!(of_word(b""), None);
    }

    #[test]
    fn numbers_are_read_on_their_own_scale() {
        assert_eq!(of_level_number(50), Some(Severity::Error));
        assert_eq!(of_level_number(3), Some(Severity::Error));
        assert_eq!(of_level_number(99), None);
        assert_eq!(of_python_number(50), Some(Severity::Fatal));
        assert_eq!(of_otel_number(17), Some(Severity::Error));
        assert_eq!(of_otel_number(0), None);
        assert_eq!(of_syslog(165), Severity::Info);
    }
}
