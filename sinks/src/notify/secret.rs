//! Secrets of notifiers: tokens, keys and the addresses of webhooks, which are secrets too.
//!
//! *Promises:* a secret stands in no message and in no debug output. Files are read again for every
//! attempt, so that a secret may change while the engine runs.
//! *Limits:* [`SECRET_BYTES_MAX`], [`CERTIFICATES_BYTES_MAX`].

use engine::component::DeliveryError;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longest secret that is read from a file, in bytes.
pub(super) const SECRET_BYTES_MAX: u64 = 4096;

/// Largest file of certificates, in bytes.
const CERTIFICATES_BYTES_MAX: u64 = 1024 * 1024;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    /// Returns `text` as a secret.
    #[cfg(test)]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads a file that holds the secret and nothing else; white space around it is dropped. A file may
    /// be put there, or put right, later: the notice is kept.
    pub fn read(path: &Path) -> Result<Self, DeliveryError> {
        let text = read(path).map_err(|error| DeliveryError::Later {
            reason: format!(
                "could not read {}: {error}; put a file there that the engine may read",
                path.display()
            ),
            after: None,
        })?;
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[allow(clippy::disallowed_methods, reason = "take(SECRET_BYTES_MAX + 1) bounds it")]
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {SECRET_BYTES_MAX} bytes")));
    }
    match text.trim() {
        "" => Err(io::Error::other("it is empty")),
        secret => Ok(secret.to_owned()),
    }
}

/// Reads a file of certificates (PEM), which may be put right later.
pub(super) fn read_pem(path: &Path) -> Result<Vec<u8>, DeliveryError> {
    let later = |what: &dyn fmt::Display| DeliveryError::Later {
        reason: format!("could not read certificates from {}: {what}", path.display()),
        after: None,
    };
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| later(&error))?;
    #[allow(clippy::disallowed_methods, reason = "take(CERTIFICATES_BYTES_MAX) bounds it")]
    file.take(CERTIFICATES_BYTES_MAX).read_to_end(&mut pem).map_err(|error| later(&error))?;
    let begins = b"-----BEGIN CERTIFICATE-----";
    if pem.windows(begins.len()).any(|part| part == begins) {
        Ok(pem)
    } else {
        Err(later(&"there is none in it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &[u8]) -> Result<Secret, DeliveryError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Secret::read(file.path())
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some(***)");
    }

    #[test]
    fn white_space_around_a_secret_is_dropped() {
        assert_eq!(read_back(b" hunter2\r\n").unwrap(), Secret::new("hunter2"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_its_text_is_not() {
        for text in [&b"\n"[..], b"hunter2\xff"] {
            let error = read_back(text).unwrap_err();
            assert!(matches!(error, DeliveryError::Later { .. }));
            let reason = error.to_string();
            assert!(reason.contains("could not read /") && !reason.contains("hunter2"), "{reason}");
        }
        let missing = Secret::read(Path::new("/nowhere/token")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/token"), "{missing}");
    }

    #[test]
    fn limit_a_long_file_is_no_secret() {
        assert!(read_back(&vec![b'a'; SECRET_BYTES_MAX as usize]).is_ok());
        let reason = read_back(&vec![b'a'; SECRET_BYTES_MAX as usize + 1]).unwrap_err().to_string();
        assert!(reason.contains("longer than 4096 bytes"), "{reason}");
    }
}
