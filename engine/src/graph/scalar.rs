//! What plain scalars mean by the core schema of YAML 1.2: `true`, `12`, `0x1f`, `1.5`, `null`; but
//! `yes`, `no`, `on`, `off` are text.

use super::yaml::Scalar;
use serde_json::{Number, Value as Json};

impl Scalar {
    /// Returns whether there is no value: nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Returns the boolean it stands for.
    pub fn as_bool(&self) -> Option<bool> {
        match self.text.as_str() {
            "true" | "True" | "TRUE" if self.plain => Some(true),
            "false" | "False" | "FALSE" if self.plain => Some(false),
            _ => None,
        }
    }

    /// Returns the whole number it stands for.
    pub fn as_integer(&self) -> Option<i128> {
        if !self.plain {
            return None;
        }
        let (radix, digits) = match self.text.as_bytes() {
            [b'0', b'x', ..] => (16, &self.text[2..]),
            [b'0', b'o', ..] => (8, &self.text[2..]),
            _ => (10, self.text.as_str()),
        };
        let signless = if radix == 10 { digits.trim_start_matches(['+', '-']) } else { digits };
        let all_digits = signless.chars().all(|digit| digit.is_digit(radix));
        if !all_digits { None } else { i128::from_str_radix(digits, radix).ok() }
    }

    /// Returns the finite number it stands for.
    pub fn as_number(&self) -> Option<f64> {
        if let Some(integer) = self.as_integer() {
            return Some(integer as f64);
        }
        let numeric = self.text.bytes().any(|byte| byte.is_ascii_digit())
            && self
                .text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        let number = if self.plain && numeric { self.text.parse::<f64>().ok() } else { None };
        number.filter(|number| number.is_finite())
    }

    /// Returns the value it stands for where no option says what it should be.
    pub fn resolve(&self) -> Json {
        if self.is_null() {
            return Json::Null;
        }
        if let Some(boolean) = self.as_bool() {
            return Json::Bool(boolean);
        }
        if let Some(number) = self.as_integer().and_then(Number::from_i128) {
            return Json::Number(number);
        }
        match self.as_number().and_then(Number::from_f64) {
            Some(number) => Json::Number(number),
            None => Json::String(self.text.clone()),
        }
    }

    /// Returns it as it can be written inside a list.
    pub fn written(&self) -> String {
        if self.plain { self.text.clone() } else { format!("{:?}", self.text) }
    }

    /// Returns what it is, for messages.
    pub fn describe(&self) -> String {
        /// Longer scalars are cut in messages.
        const SHOWN_CHARS_MAX: usize = 60;
        if self.is_null() {
            return "nothing".to_owned();
        }
        let shown: String = self.text.chars().take(SHOWN_CHARS_MAX).collect();
        let more = if shown.len() < self.text.len() { "…" } else { "" };
        format!("`{}{more}`", shown.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(text: &str) -> Json {
        Scalar { text: text.to_owned(), plain: true }.resolve()
    }

    #[test]
    fn plain_scalars_follow_the_core_schema_of_yaml_1_2() {
        for text in ["yes", "no", "on", "off", "y", "1_000", "0b1", "12:30", "1e", "--1", ".", "-"]
        {
            assert_eq!(plain(text), json!(text));
        }
        assert_eq!(plain("0x1F"), json!(31));
        assert_eq!(plain("0o17"), json!(15));
        assert_eq!(plain("-7"), json!(-7));
        assert_eq!(plain("1.5"), json!(1.5));
        assert_eq!(plain("1e3"), json!(1000.0));
        assert_eq!(plain("True"), json!(true));
        assert_eq!(plain("~"), Json::Null);
    }

    #[test]
    fn quoted_scalars_are_text() {
        let quoted = Scalar { text: "1".to_owned(), plain: false };
        assert_eq!(quoted.resolve(), json!("1"));
        assert_eq!(quoted.as_integer(), None);
    }
}
