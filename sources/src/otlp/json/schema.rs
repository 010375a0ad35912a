//! The messages of OpenTelemetry in JSON, as far as they are read: lists and values stay texts until
//! somebody looks into them.

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use std::fmt;

/// A text that was not looked into yet.
pub type Raw<'b> = Option<&'b RawValue>;

/// A request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'b> {
    #[serde(borrow, default)]
    pub resource_logs: Raw<'b>,
}

/// The logs of one resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLogs<'b> {
    #[serde(borrow, default)]
    pub resource: Raw<'b>,
    #[serde(borrow, default)]
    pub scope_logs: Raw<'b>,
}

/// What wrote them.
#[derive(Deserialize)]
pub struct Resource<'b> {
    #[serde(borrow, default)]
    pub attributes: Raw<'b>,
}

/// The logs of one scope.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopeLogs<'b> {
    #[serde(borrow, default)]
    pub scope: Raw<'b>,
    #[serde(borrow, default)]
    pub log_records: Raw<'b>,
}

/// The part of a program that wrote them.
#[derive(Deserialize)]
pub struct Scope<'b> {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(borrow, default)]
    pub attributes: Raw<'b>,
}

/// One record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord<'b> {
    #[serde(default)]
    pub time_unix_nano: Number,
    #[serde(default)]
    pub observed_time_unix_nano: Number,
    #[serde(default)]
    pub severity_number: Number,
    #[serde(default)]
    pub severity_text: Option<String>,
    #[serde(borrow, default)]
    pub body: Raw<'b>,
    #[serde(borrow, default)]
    pub attributes: Raw<'b>,
    #[serde(default)]
    pub trace_id: Option<String>,
    #[serde(default)]
    pub span_id: Option<String>,
    #[serde(default)]
    pub event_name: Option<String>,
}

/// An attribute.
#[derive(Deserialize)]
pub struct KeyValue<'b> {
    #[serde(default)]
    pub key: Option<String>,
    #[serde(borrow, default)]
    pub value: Raw<'b>,
}

/// A value, of one of these types.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnyValue<'b> {
    #[serde(borrow, default)]
    pub string_value: Raw<'b>,
    #[serde(borrow, default)]
    pub bool_value: Raw<'b>,
    #[serde(borrow, default)]
    pub int_value: Raw<'b>,
    #[serde(borrow, default)]
    pub double_value: Raw<'b>,
    #[serde(borrow, default)]
    pub array_value: Raw<'b>,
    #[serde(borrow, default)]
    pub kvlist_value: Raw<'b>,
    #[serde(borrow, default)]
    pub bytes_value: Raw<'b>,
}

/// The values of a list.
#[derive(Deserialize)]
pub struct Values<'b> {
    #[serde(borrow, default)]
    pub values: Raw<'b>,
}

/// A number of 64 bits, which may be written as a string.
#[derive(Clone, Copy, Default)]
pub struct Number(pub u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number, or one as a string")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                match text {
                    "" => Ok(Number(0)),
                    text => text.parse().map(Number).map_err(E::custom),
                }
            }

            fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
                Ok(Number(0))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}
