//! Names of Rust functions without what the compiler adds: hashes, disambiguators, closures, types
//! filled in; a method of a trait and one of its type read alike.

use super::lines::{is_hex, split_outside_angles, without_brackets};

/// Returns the path of a function as a person would write it.
pub(super) fn simple_name(name: &str) -> String {
    let name = without_brackets(name, '[', ']');
    let name = without_brackets(&name, '{', '}');
    // How enumerations are named in debug information for Windows.
    let name = name.replace("enum2$<", "<");
    path_of(name.trim(), 0)
}

/// How deep `<… as …>` may stand in each other.
const DEPTH_MAX: usize = 4;

fn path_of(name: &str, depth: usize) -> String {
    let (first, rest) = match name.strip_prefix('<').and_then(|_| closing(name)) {
        Some(end) if depth < DEPTH_MAX => {
            let inner = &name[1..end];
            (path_of(self_type(inner), depth + 1), &name[end + 1..])
        }
        _ => (String::new(), name),
    };
    let mut parts: Vec<String> = if first.is_empty() { Vec::new() } else { vec![first] };
    for part in split_outside_angles(rest, ':') {
        // What is left of `<…>` is a type filled in, or the block of an `impl`.
        let part = without_brackets(part, '<', '>');
        let part = part.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if !part.is_empty() && !is_hash(part) {
            parts.push(part.to_owned());
        }
    }
    parts.join("::")
}

/// Returns the type in `Type as Trait` or `impl Trait for Type`.
fn self_type(inner: &str) -> &str {
    let inner = inner
        .strip_prefix("impl ")
        .map_or(inner, |rest| rest.rsplit_once(" for ").map_or(rest, |(_, of)| of));
    let of = inner.split_once(" as ").map_or(inner, |(of, _)| of);
    of.trim_start_matches(['&', '*', '(']).trim_start_matches("mut ").trim_start_matches("dyn ")
}

/// Returns where the bracket with which `name` begins is closed.
fn closing(name: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, letter) in name.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if before == '-' => {}
            '>' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        before = letter;
    }
    None
}

/// Returns whether `part` is the hash at the end of a name: `h` and 16 digits.
fn is_hash(part: &str) -> bool {
    part.strip_prefix('h').is_some_and(|digits| digits.len() == 16 && is_hex(digits, 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_function_has_one_name() {
        for name in [
            "shop::cart::Cart::total",
            "shop::cart::Cart::total::h0123456789abcdef",
            "shop[1a2b3c4d5e6f7a8b]::cart::Cart::total",
            "shop::cart::Cart::total::{{closure}}",
            "shop::cart::Cart::total::{closure#0}",
            "<shop::cart::Cart>::total",
            "<shop[1a2b]::cart::Cart as shop::Priced>::total::{async_fn#0}",
            "shop::cart::Cart<T>::total::<i32>",
            "enum2$<shop::cart::Cart<i32> >::total",
            "<shop::cart::Cart<core::option::Option<i32>> as shop::Priced>::total",
        ] {
            assert_eq!(simple_name(name), "shop::cart::Cart::total", "{name}");
        }
    }

    #[test]
    fn odd_names_are_no_trouble() {
        for name in ["", "<", "<<<<", ">", "<a", "::", "{", "<impl for >", "a<b>c<d"] {
            simple_name(name);
        }
        assert_eq!(simple_name("<F as core::ops::FnOnce<()>>::call_once"), "F::call_once");
    }
}
