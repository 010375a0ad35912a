//! Body: reads what a client sends, as slowly as it may, and unpacks it.
//!
//! *Promises:* nothing is allocated ahead of what arrived; the limit holds for what arrives and for
//! what it unpacks to. *State and limits:* the body limit, the budget of the source, [`STALL_MAX`]
//! between two pieces, [`BODY_TIME_MAX`] in all.

use super::budget::Share;
use super::refusal::Refusal;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::Read;
use std::time::Duration;
use tokio::time::timeout;

/// How long a client may send nothing.
pub const STALL_MAX: Duration = Duration::from_secs(10);
/// How long a client may take for a whole body.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(120);
/// Largest window of zstd that is kept: what level 19 uses.
const ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes unpacked at a time.
const STEP_BYTES: usize = 64 * 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip, one or more members.
    Gzip,
    /// zstd, one or more frames.
    Zstd,
}

impl Packing {
    /// Returns how a request says that its body is packed.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut named = headers.get_all(CONTENT_ENCODING).iter();
        let (first, more) = (named.next(), named.next());
        let Some(first) = first else { return Ok(Packing::None) };
        let name = first.as_bytes().trim_ascii().to_ascii_lowercase();
        match (name.as_slice(), more) {
            (b"" | b"identity", None) => Ok(Packing::None),
            (b"gzip" | b"x-gzip", None) => Ok(Packing::Gzip),
            (b"zstd", None) => Ok(Packing::Zstd),
            _ => {
                let detail = "the content encoding is none of `gzip`, `zstd` and `identity`";
                Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
            }
        }
    }
}

/// How slowly a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest time without a byte.
    pub stall: Duration,
    /// Longest time for a body.
    pub body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: STALL_MAX, body: BODY_TIME_MAX }
    }
}

/// Reads a body as it was sent.
pub async fn read<B>(
    headers: &HeaderMap,
    body: B,
    bytes_max: usize,
    patience: Patience,
    share: &mut Share,
) -> Result<Vec<u8>, Refusal>
where
    B: Body<Data = bytes::Bytes> + Unpin,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|n| n > bytes_max as u64) {
        return Err(Refusal::too_large(bytes_max));
    }
    match timeout(patience.body, read_pieces(body, bytes_max, patience.stall, share)).await {
        Ok(read) => read,
        Err(_) => Err(too_slow()),
    }
}

async fn read_pieces<B>(
    mut body: B,
    bytes_max: usize,
    stall: Duration,
    share: &mut Share,
) -> Result<Vec<u8>, Refusal>
where
    B: Body<Data = bytes::Bytes> + Unpin,
{
    let mut bytes = Vec::new();
    loop {
        let frame = match timeout(stall, body.frame()).await {
            Err(_) => return Err(too_slow()),
            Ok(None) => return Ok(bytes),
            Ok(Some(Err(_))) => return Err(Refusal::malformed("the body ends too early")),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() + piece.len() > bytes_max {
            return Err(Refusal::too_large(bytes_max));
        }
        share.cover(bytes.len() + piece.len())?;
        bytes.extend_from_slice(&piece);
    }
}

fn too_slow() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body arrives too slowly")
}

/// Returns the body unpacked.
pub fn unpack(
    packing: Packing,
    body: Vec<u8>,
    bytes_max: usize,
    share: &mut Share,
) -> Result<Vec<u8>, Refusal> {
    match packing {
        Packing::None => Ok(body),
        Packing::Gzip => {
            let mut unpacked = Vec::new();
            let reader = flate2::read::MultiGzDecoder::new(body.as_slice());
            append(reader, "gzip", bytes_max, body.len(), share, &mut unpacked)?;
            Ok(unpacked)
        }
        Packing::Zstd => unpack_zstd(&body, bytes_max, share),
    }
}

fn unpack_zstd(body: &[u8], bytes_max: usize, share: &mut Share) -> Result<Vec<u8>, Refusal> {
    let mut unpacked = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
        match StreamingDecoder::new_with_decoder(&mut rest, decoder) {
            Ok(reader) => append(reader, "zstd", bytes_max, body.len(), share, &mut unpacked)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => rest = rest.get(length as usize..).unwrap_or_default(),
            Err(error) => return Err(damaged("zstd", &error)),
        }
    }
    Ok(unpacked)
}

/// Appends all that `reader` yields, up to the limit.
fn append(
    mut reader: impl Read,
    name: &str,
    bytes_max: usize,
    packed: usize,
    share: &mut Share,
    unpacked: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let mut step = vec![0; STEP_BYTES];
    loop {
        let count = match reader.read(&mut step) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) => return Err(damaged(name, &error)),
        };
        if unpacked.len() + count > bytes_max {
            return Err(Refusal::too_large(bytes_max));
        }
        share.cover(packed + unpacked.len() + count)?;
        unpacked.extend_from_slice(&step[..count]);
    }
}

fn damaged(name: &str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::malformed(format!("the body cannot be unpacked as {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn unpacked(packing: Packing, body: &[u8], max: usize) -> Result<Vec<u8>, u16> {
        let mut share = Budget::new(1 << 30).share();
        unpack(packing, body.to_vec(), max, &mut share).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn packed_bodies_are_unpacked_whole() {
        let text = b"a line that repeats itself\n".repeat(10_000);
        let several = |pack: fn(&[u8]) -> Vec<u8>| [pack(&text), pack(b"end\n")].concat();
        let expected = [text.as_slice(), b"end\n"].concat();
        assert_eq!(unpacked(Packing::Gzip, &several(gzip), 1 << 20), Ok(expected.clone()));
        assert_eq!(unpacked(Packing::Zstd, &several(zstd), 1 << 20), Ok(expected));
        // A frame to be skipped, of four bytes.
        let skipped = [b"\x50\x2a\x4d\x18\x04\0\0\0abcd", zstd(b"x").as_slice()].concat();
        assert_eq!(unpacked(Packing::Zstd, &skipped, 10), Ok(b"x".to_vec()));
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for (packing, pack) in
            [(Packing::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Packing::Zstd, zstd)]
        {
            let whole = pack(&b"0123456789".repeat(100));
            assert_eq!(unpacked(packing, b"not packed at all", 1 << 20), Err(400));
            assert_eq!(unpacked(packing, &whole[..whole.len() - 3], 1 << 20), Err(400));
        }
    }

    #[test]
    fn limit_a_small_body_that_unpacks_to_a_large_one_is_refused() {
        let bomb = vec![0; 4 << 20];
        for (packing, packed) in [(Packing::Gzip, gzip(&bomb)), (Packing::Zstd, zstd(&bomb))] {
            assert!(packed.len() < 100_000);
            assert_eq!(unpacked(packing, &packed, 1 << 20), Err(413));
            let mut share = Budget::new(1 << 20).share();
            let refusal = unpack(packing, packed, 8 << 20, &mut share).unwrap_err();
            assert_eq!(refusal.status.as_u16(), 503, "the budget is smaller than the limit");
        }
    }

    #[test]
    fn limit_a_frame_that_asks_for_a_large_window_is_refused() {
        // Magic number, no flags, a window of 2 GiB, a raw last block of one byte.
        let frame = b"\x28\xb5\x2f\xfd\x00\xa8\x09\x00\x00x";
        assert_eq!(unpacked(Packing::Zstd, frame, 1 << 20), Err(400));
    }

    #[test]
    fn only_known_encodings_are_taken() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            });
            Packing::of(&headers).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(of(&[]), Ok(Packing::None));
        assert_eq!(of(&["GZIP"]), Ok(Packing::Gzip));
        assert_eq!(of(&["zstd"]), Ok(Packing::Zstd));
        assert_eq!(of(&["identity"]), Ok(Packing::None));
        for wrong in [&["br"][..], &["gzip, gzip"], &["gzip", "zstd"]] {
            assert_eq!(of(wrong), Err(415));
        }
    }
}
