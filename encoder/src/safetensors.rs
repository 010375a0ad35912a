//! Reads a safetensors file from front to back, one tensor at a time, so that the file and its copy are
//! never in memory together.
//!
//! ```text
//! 8 bytes: length of the header │ header: JSON, name → type, shape, where │ numbers, little-endian
//! ```
//! *Limits:* the header has at most [`HEADER_BYTES_MAX`] bytes; a tensor that nobody asked for is
//! skipped through a buffer of [`PIECE_BYTES`].

use crate::error::EncoderError;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// A longer header is refused.
pub const HEADER_BYTES_MAX: u64 = 1 << 20;
/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that may wait to be hashed.
const PIECES_MAX: usize = 4;
/// The only type that is read.
const FLOAT: &str = "F32";

/// A tensor as the header describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// A safetensors file whose header has been read.
pub struct SafeTensors<R> {
    input: Counted<R>,
    entries: BTreeMap<String, Entry>,
}

impl<R: Read> SafeTensors<R> {
    /// Reads the header.
    pub fn open(input: R) -> Result<SafeTensors<R>, EncoderError> {
        let mut input = Counted { input, bytes: 0, digest: Hashing::start()? };
        let mut length = [0; 8];
        input.fill(&mut length, "the length of the header")?;
        input.digest.add(length.to_vec());
        let length = u64::from_le_bytes(length);
        if length > HEADER_BYTES_MAX {
            let reason = format!("its header would have {length} bytes");
            return Err(EncoderError::Format { reason });
        }
        let mut header = vec![0; length as usize];
        input.fill(&mut header, "the header")?;
        input.digest.add(header.clone());
        let broken = |error: serde_json::Error| EncoderError::Format {
            reason: format!("its header cannot be read: {error}"),
        };
        let mut all: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&header).map_err(broken)?;
        all.remove("__metadata__");
        let entries =
            all.into_iter().map(|(name, entry)| Ok((name, serde_json::from_value(entry)?)));
        let entries = entries.collect::<Result<_, _>>().map_err(broken)?;
        Ok(SafeTensors { input, entries })
    }

    /// Checks that a tensor is there and has this shape.
    pub fn require(&self, name: &str, shape: &[usize]) -> Result<(), EncoderError> {
        let Some(entry) = self.entries.get(name) else {
            return Err(EncoderError::MissingTensor { name: name.to_owned() });
        };
        if entry.dtype == FLOAT && entry.shape == shape {
            return Ok(());
        }
        Err(EncoderError::OtherShape {
            name: name.to_owned(),
            found: format!("{} {:?}", entry.dtype, entry.shape),
            expected: format!("{FLOAT} {shape:?}"),
        })
    }

    /// Reads all numbers in the file's order; hands each tensor of floats that `wanted` accepts to
    /// `take`. Returns the digest of the whole file.
    pub fn read_all(
        mut self,
        wanted: impl Fn(&str) -> bool,
        mut take: impl FnMut(&str, Vec<f32>),
    ) -> Result<String, EncoderError> {
        let mut order: Vec<(&String, &Entry)> = self.entries.iter().collect();
        order.sort_by_key(|(_, entry)| entry.data_offsets);
        let mut at = 0;
        for (name, entry) in order {
            let (start, end) = entry.data_offsets;
            let wanted = wanted(name);
            let fits = entry.shape.iter().try_fold(4, |bytes: u64, &n| bytes.checked_mul(n as u64));
            if start != at || end < start || (wanted && fits != Some(end - start)) {
                let reason = format!("tensor {name:?} is not where it should be");
                return Err(EncoderError::Format { reason });
            }
            let mut floats = Vec::new();
            if wanted {
                floats.reserve_exact((end - start) as usize / 4);
            }
            self.input.pieces(end - start, name, |piece| {
                if wanted {
                    let (numbers, _) = piece.as_chunks::<4>();
                    floats.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                }
            })?;
            if wanted {
                take(name, floats);
            }
            at = end;
        }
        self.input.expect_end()?;
        Ok(self.input.digest.finish())
    }
}

/// Returns the digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest that another thread works out while the bytes are read and laid out.
struct Hashing {
    pieces: SyncSender<Vec<u8>>,
    spares: Receiver<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

impl Hashing {
    fn start() -> Result<Hashing, EncoderError> {
        let (pieces, wanted) = sync_channel::<Vec<u8>>(PIECES_MAX);
        let (done, spares) = sync_channel(PIECES_MAX + 1);
        let hash = move || {
            let mut digest = Sha256::new();
            for piece in wanted {
                digest.update(&piece);
                // Without room for it, it is simply not used again.
                let _ = done.try_send(piece);
            }
            digest
        };
        let thread = thread::Builder::new().name("digest".to_owned()).spawn(hash);
        Ok(Hashing { pieces, spares, thread: thread.map_err(EncoderError::Read)? })
    }

    /// Returns a buffer, one that was used before if there is one.
    fn spare(&self) -> Vec<u8> {
        self.spares.try_recv().unwrap_or_default()
    }

    fn add(&self, piece: Vec<u8>) {
        // The thread ends only after us.
        let _ = self.pieces.send(piece);
    }

    fn finish(self) -> String {
        drop(self.pieces);
        let digest = self.thread.join().unwrap_or_default();
        hexadecimal(&digest.finalize())
    }
}

/// An input whose bytes are counted; who fills a buffer has it hashed.
struct Counted<R> {
    input: R,
    bytes: u64,
    digest: Hashing,
}

impl<R: Read> Counted<R> {
    /// Fills `buffer`; `part` says what it is.
    fn fill(&mut self, buffer: &mut [u8], part: &str) -> Result<(), EncoderError> {
        match self.input.read_exact(buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(EncoderError::Truncated { part: part.to_owned(), bytes: self.bytes });
            }
            Err(error) => return Err(EncoderError::Read(error)),
        }
        self.bytes += buffer.len() as u64;
        Ok(())
    }

    /// Reads `bytes` bytes and hands them on in pieces whose length is a multiple of 4 where possible.
    fn pieces(
        &mut self,
        bytes: u64,
        part: &str,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), EncoderError> {
        let mut left = bytes;
        while left > 0 {
            let mut piece = self.digest.spare();
            piece.resize(left.min(PIECE_BYTES as u64) as usize, 0);
            self.fill(&mut piece, part)?;
            take(&piece);
            left -= piece.len() as u64;
            self.digest.add(piece);
        }
        Ok(())
    }

    fn expect_end(&mut self) -> Result<(), EncoderError> {
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => {
                Err(EncoderError::Format { reason: "it goes on behind its tensors".to_owned() })
            }
            Err(error) => Err(EncoderError::Read(error)),
        }
    }
}
