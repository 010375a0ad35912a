//! Job: one request on its way from the listener to the source's thread, and what comes back.

use super::records::Records;
use super::refusal::Refusal;
use engine::model::PartitionId;
use http::HeaderMap;
use tokio::sync::oneshot;

/// Longest idempotency key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;
/// What the partitions of keyed requests begin with.
pub const KEY_PREFIX: &str = "key:";
/// Hexadecimal digits of a digest that are kept: 128 bits.
const DIGITS: usize = 32;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its records are durable.
    Durable,
    /// Its key came with another body before.
    OtherBody,
    /// Too many requests wait for their commit.
    Busy,
}

/// A request to be counted.
#[derive(Debug)]
pub struct Job {
    /// Its records, at least one.
    pub records: Records,
    /// Its key, if it has one.
    pub key: Option<Key>,
    /// Where to say what became of it.
    pub answer: oneshot::Sender<Outcome>,
}

/// The idempotency key of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The partition of its own that the request is.
    pub partition: PartitionId,
    /// The digest of its unpacked body.
    pub body: String,
}

impl Key {
    /// Returns the key as the request names it.
    pub fn text(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
        let mut named = headers.get_all("idempotency-key").iter();
        let (first, more) = (named.next(), named.next());
        let Some(first) = first else { return Ok(None) };
        match (first.to_str(), more) {
            (Ok(key), None) if (1..=KEY_BYTES_MAX).contains(&key.len()) => Ok(Some(key)),
            _ => {
                let detail = format!("an `Idempotency-Key` is one, of 1 to {KEY_BYTES_MAX} bytes");
                Err(Refusal::malformed(detail))
            }
        }
    }

    /// Returns the key of a request with this unpacked body.
    pub fn new(text: &str, body: &[u8]) -> Self {
        let digest = |bytes: &[u8]| blake3::hash(bytes).to_hex()[..DIGITS].to_owned();
        let partition = PartitionId(format!("{KEY_PREFIX}{}", digest(text.as_bytes())).into());
        Self { partition, body: digest(body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn text(values: &[&str]) -> Result<Option<String>, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", HeaderValue::from_str(value).unwrap());
        }
        let text = Key::text(&headers);
        text.map(|key| key.map(str::to_owned)).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn limit_a_key_is_one_and_short() {
        assert_eq!(text(&[]), Ok(None));
        let longest = "k".repeat(KEY_BYTES_MAX);
        assert_eq!(text(&[&longest]), Ok(Some(longest.clone())));
        let too_long = format!("{longest}k");
        for wrong in [&[""][..], &["a", "a"], &[&too_long], &["é"]] {
            assert_eq!(text(wrong), Err(400), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_names_a_partition_and_the_body_it_came_with() {
        let key = Key::new("k", b"body");
        assert_eq!(key, Key::new("k", b"body"));
        assert_eq!(key.partition, Key::new("k", b"other").partition);
        assert_ne!(key.body, Key::new("k", b"other").body);
        assert_ne!(key.partition, Key::new("K", b"body").partition);
        assert_eq!(key.partition.0.len(), KEY_PREFIX.len() + DIGITS);
    }
}
