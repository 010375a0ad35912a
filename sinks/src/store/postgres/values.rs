//! How values travel to Postgres and back: bytes, texts with any character, vectors, and columns of them.
//!
//! *Promises:* a text comes back as it was written, whatever it holds, and texts sort like the originals:
//! see [`escape`]. The numbers of a vector come back bit by bit.

use crate::store::sql::{Bound, Failure, Row};
use bytes::{BufMut, BytesMut};
use std::borrow::Cow;
use std::error::Error;
use std::ops::Range;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// The name of pgvector's type.
const VECTOR: &str = "vector";
/// What begins the replacement of a character that a text cannot hold, or that begins one itself.
const ESCAPE: char = '\u{1}';

type Wrong = Box<dyn Error + Sync + Send>;

/// Returns `text` without U+0000, which Postgres refuses: it is written U+0001 U+0001, and U+0001 is
/// written U+0001 U+0002. No two texts become the same, and their order stays.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte <= 1) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(ESCAPE, "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
}

/// Returns the text that [`escape`] wrote.
fn unescape(stored: &str) -> Cow<'_, str> {
    if !stored.contains(ESCAPE) {
        return Cow::Borrowed(stored);
    }
    Cow::Owned(stored.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}"))
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        match *self {
            Bound::Integer(number) => out.put_i64(number),
            Bound::Text(text) => out.put_slice(escape(text).as_bytes()),
            Bound::Blob(bytes) => out.put_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A 128-bit id, stored as 16 bytes that sort like the number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) u128);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        out.put_u128(self.0);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::BYTEA
    }

    to_sql_checked!();
}

/// A text of any characters.
#[derive(Clone, Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<T: AsRef<str> + std::fmt::Debug> ToSql for Text<T> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        out.put_slice(escape(self.0.as_ref()).as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT
    }

    to_sql_checked!();
}

/// The numbers of a vector, four bytes each, lowest byte first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    /// Returns the numbers if a vector can hold them: all of them, each finite.
    pub(super) fn of(bytes: &'a [u8], dimensions: usize) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let whole = rest.is_empty() && numbers.len() == dimensions;
        let finite = numbers.iter().all(|four| f32::from_le_bytes(*four).is_finite());
        (whole && finite).then_some(Self(bytes))
    }
}

impl ToSql for Numbers<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        let (numbers, _) = self.0.as_chunks::<4>();
        out.put_u16(u16::try_from(numbers.len())?);
        out.put_u16(0);
        numbers.iter().for_each(|four| out.put_u32(u32::from_le_bytes(*four)));
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == VECTOR
    }

    to_sql_checked!();
}

/// Bytes out of a column of bytes or of vectors.
struct AnyBytes<'a>(Cow<'a, [u8]>);

impl<'a> FromSql<'a> for AnyBytes<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        if *ty == Type::BYTEA {
            return Ok(Self(Cow::Borrowed(raw)));
        }
        let numbers = raw.get(4..).ok_or("a vector has no head")?.as_chunks::<4>().0;
        let lowest_first = |four: &[u8; 4]| u32::from_be_bytes(*four).to_le_bytes();
        Ok(Self(Cow::Owned(numbers.iter().flat_map(lowest_first).collect())))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::BYTEA || ty.name() == VECTOR
    }
}

impl Row for tokio_postgres::Row {
    fn find_integer(&self, column: usize) -> Result<Option<i64>, Failure> {
        Ok(self.try_get(column)?)
    }

    fn find_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Failure> {
        Ok(self.try_get::<_, Option<&str>>(column)?.map(unescape))
    }

    fn find_blob(&self, column: usize) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        Ok(self.try_get::<_, Option<AnyBytes<'_>>>(column)?.map(|AnyBytes(bytes)| bytes))
    }
}

/// One column of the rows that a statement writes.
pub(super) enum Column<'a> {
    Integers(Vec<i64>),
    SomeIntegers(Vec<Option<i64>>),
    Texts(Vec<Text<Cow<'a, str>>>),
    SomeTexts(Vec<Option<Text<&'a str>>>),
    Blobs(Vec<Cow<'a, [u8]>>),
    Ids(Vec<Id>),
    Vectors(Vec<Numbers<'a>>),
}

impl<'a> Column<'a> {
    /// Returns a column of numbers.
    pub(super) fn integers(numbers: impl IntoIterator<Item = i64>) -> Self {
        Column::Integers(numbers.into_iter().collect())
    }

    /// Returns a column of ids.
    pub(super) fn ids(ids: impl IntoIterator<Item = u128>) -> Self {
        Column::Ids(ids.into_iter().map(Id).collect())
    }

    /// Returns a column of texts.
    pub(super) fn texts(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::names(texts.into_iter().map(Cow::Borrowed))
    }

    /// Returns a column of texts, some of which were made for it.
    pub(super) fn names(texts: impl IntoIterator<Item = Cow<'a, str>>) -> Self {
        Column::Texts(texts.into_iter().map(Text).collect())
    }

    /// Returns a column of texts, some of which are missing.
    pub(super) fn some_texts(texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Column::SomeTexts(texts.into_iter().map(|text| text.map(Text)).collect())
    }

    /// Returns a column of bytes.
    pub(super) fn blobs(blobs: impl IntoIterator<Item = Cow<'a, [u8]>>) -> Self {
        Column::Blobs(blobs.into_iter().collect())
    }

    /// Returns how many rows the column has.
    pub(super) fn rows(&self) -> usize {
        match self {
            Column::Integers(column) => column.len(),
            Column::SomeIntegers(column) => column.len(),
            Column::Texts(column) => column.len(),
            Column::SomeTexts(column) => column.len(),
            Column::Blobs(column) => column.len(),
            Column::Ids(column) => column.len(),
            Column::Vectors(column) => column.len(),
        }
    }

    /// Returns some of the rows as a parameter.
    pub(super) fn part(&self, rows: Range<usize>) -> Box<dyn ToSql + Sync + '_> {
        match self {
            Column::Integers(column) => Box::new(&column[rows]),
            Column::SomeIntegers(column) => Box::new(&column[rows]),
            Column::Texts(column) => Box::new(&column[rows]),
            Column::SomeTexts(column) => Box::new(&column[rows]),
            Column::Blobs(column) => Box::new(&column[rows]),
            Column::Ids(column) => Box::new(&column[rows]),
            Column::Vectors(column) => Box::new(&column[rows]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_the_order_of_texts_stays() {
        let mut texts = vec!["", "a", "\0", "\u{1}", "\u{1}\0", "\0\u{1}\0\0", "a\0b", "a\u{2}"];
        texts.extend(["\u{1}\u{1}", "\u{1}\u{2}", "\u{2}", "é\0", "ab"]);
        for text in &texts {
            let stored = escape(text);
            assert!(!stored.contains('\0'));
            assert_eq!(unescape(&stored), *text);
        }
        texts.sort_unstable();
        assert!(texts.iter().map(|text| escape(text)).is_sorted());
        assert!(matches!(escape("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_vector_holds_only_finite_numbers_of_its_length() {
        let bytes =
            |numbers: &[f32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
        assert!(Numbers::of(&bytes(&[1.0, -0.0]), 2).is_some());
        assert!(Numbers::of(&bytes(&[1.0]), 2).is_none());
        assert!(Numbers::of(&bytes(&[1.0, f32::NAN]), 2).is_none());
        assert!(Numbers::of(&bytes(&[1.0, 2.0])[1..], 2).is_none());
    }
}
