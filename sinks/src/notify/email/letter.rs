//! A message as a letter. Pure.
//!
//! The id of the letter is that of the notice, so a repeat is the same letter; every letter answers the
//! incident's own id, under one subject, so mail programs put them into one thread.

use super::super::words::Words;
use engine::component::{DeliveryError, Message};
use lettre::Message as Letter;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use std::time::{Duration, UNIX_EPOCH};

/// Who writes to whom.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// Who the letter is from.
    pub from: Mailbox,
    /// Whom it goes to.
    pub to: Vec<Mailbox>,
}

/// Returns the letter of a message.
pub(super) fn render(message: &Message, envelope: &Envelope) -> Result<Letter, DeliveryError> {
    let (notice, words) = (&message.notice, Words::of(message));
    let domain = envelope.from.email.domain();
    let thread = format!("<{}@{domain}>", notice.incident);
    let again = if notice.number > 1 { "Re: " } else { "" };
    let secs = u64::try_from(notice.at.secs()).unwrap_or(0);
    let mut builder = Letter::builder()
        .date(UNIX_EPOCH + Duration::from_secs(secs))
        .message_id(Some(format!("<{}@{domain}>", notice.id)))
        .in_reply_to(thread.clone())
        .references(thread)
        .from(envelope.from.clone())
        .subject(format!("{again}[Seismolog] {}", words.title))
        .header(ContentType::TEXT_PLAIN);
    for to in &envelope.to {
        builder = builder.to(to.clone());
    }
    let mut letter = builder.body(body(&words)).map_err(|error| DeliveryError::Never {
        reason: format!("cannot write the letter: {error}"),
    })?;
    // So that no absence assistant answers.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    letter.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
    Ok(letter)
}

fn body(words: &Words) -> String {
    let mut parts = vec![words.headline()];
    let facts = words.facts.iter().map(|(label, line)| format!("{label}: {line}"));
    let others = words.others.iter().map(|line| format!("- {line}"));
    let joined = |lines: Vec<String>| lines.join("\n");
    parts.push(words.summary.clone());
    parts.push(joined(facts.collect()));
    parts.push(joined(others.collect()));
    parts.extend(words.link.clone());
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}
