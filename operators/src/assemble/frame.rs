//! Lines that only stack traces have: calls with their places, told apart by language.

use super::mark::Language;
use memchr::memmem;

/// Returns the language of `at …`, given what follows `at ` and how far the line is indented; `None`
/// if it is no call.
pub(super) fn at(call: &[u8], indent: usize) -> Option<Language> {
    let call = call.trim_ascii();
    if after_position(call, &[b".rs"]).is_some() {
        return Some(Language::Rust);
    }
    if is_node_place(call) {
        return Some(Language::Node);
    }
    if memmem::find(call, b":line ").is_some() && memmem::find(call, b" in ").is_some() {
        return Some(Language::DotNet);
    }
    let open = memchr::memchr(b'(', call)?;
    let name = &call[..open];
    let dotted = memchr::memchr(b'.', name).is_some();
    if name.is_empty() || !dotted && indent == 0 {
        return None;
    }
    if memchr::memchr(b' ', name).is_some() {
        // "at new Cart (…)", "at async Promise.all (index 0)".
        return (indent >= 2 && name.ends_with(b" ")).then_some(Language::Node);
    }
    let inside = &call[open + 1..];
    let close = memchr::memchr(b')', inside)?;
    let place = &inside[..close];
    let jvm = memmem::find(place, b".java").is_some()
        || memmem::find(place, b".kt").is_some()
        || memmem::find(place, b".scala").is_some()
        || memmem::find(place, b".groovy").is_some()
        || place == b"Native Method"
        || place == b"Unknown Source"
        || place.starts_with(b"<generated>");
    if !jvm && (indent == 3 || memchr::memchr(b' ', place).is_some() || place.is_empty()) {
        return Some(Language::DotNet);
    }
    (jvm || indent > 0).then_some(Language::Jvm)
}

/// `… (file:1:2)`, `file:1:2`, `… (<anonymous>)`, `… (native)`.
fn is_node_place(call: &[u8]) -> bool {
    let inner = call.strip_suffix(b" {").unwrap_or(call);
    let inner = inner.strip_suffix(b")").unwrap_or(inner);
    ends_with_position(inner)
        || inner.ends_with(b"(<anonymous>")
        || inner.ends_with(b"(native")
        || inner.ends_with(b"<anonymous>") && !inner.ends_with(b"(<anonymous>")
}

/// Returns whether `text` ends with `:1:2`.
pub(super) fn ends_with_position(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let column = digits(text);
    let Some(rest) = text[..text.len() - column].strip_suffix(b":") else { return false };
    let line = digits(rest);
    column > 0 && line > 0 && rest[..rest.len() - line].ends_with(b":")
}

/// Returns what stands behind `file.EXT:LINE` at the start of `text`, if the file has one of these
/// extensions and a line number.
pub(super) fn after_position<'t>(text: &'t [u8], extensions: &[&[u8]]) -> Option<&'t [u8]> {
    extensions.iter().find_map(|extension| {
        let mut searched = 0;
        // The first occurrence decides, and the next one if no number follows.
        for _ in 0..2 {
            let found = searched + memmem::find(&text[searched..], extension)?;
            let rest = &text[found + extension.len()..];
            if found > 0 && rest.first() == Some(&b':') {
                let number = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
                if number > 0 {
                    return Some(&rest[1 + number..]);
                }
            }
            searched = found + extension.len();
        }
        None
    })
}

/// A line of Ruby: `cart.rb:12:in 'total'`, alone or with a message.
pub(super) enum Ruby {
    /// Only a call.
    Call,
    /// A call and `: message (Type)`.
    Raised,
}

/// Recognises a Ruby position at the start of `text`.
pub(super) fn ruby(text: &[u8]) -> Option<Ruby> {
    let rest =
        after_position(text, &[b".rb", b".erb", b".rake", b".ru", b".haml", b".slim", b">"])?;
    let call = rest.strip_prefix(b":in ")?;
    let quoted = call.first().is_some_and(|quote| matches!(quote, b'`' | b'\''));
    let close = memchr::memchr(b'\'', call.get(1..)?)? + 2;
    quoted.then(|| match call[close..].starts_with(b": ") {
        true => Ruby::Raised,
        false => Ruby::Call,
    })
}

/// `main.f(0x1, {0x2, 0x3})`, `pkg/path.(*T).Method(...)`, given whole.
pub(super) fn is_go_call(text: &[u8]) -> bool {
    let Some(inner) = text.strip_suffix(b")") else { return false };
    let Some(open) = memchr::memrchr(b'(', inner) else { return false };
    let (name, arguments) = inner.split_at(open);
    let is_argument = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'x' | b',' | b' ' | b'.' | b'{' | b'}' | b'?' | b'_');
    let named = (name == b"panic" || memchr::memchr(b'.', name).is_some_and(|dot| dot > 0))
        && memchr::memchr(b' ', name).is_none()
        && memchr::memchr(b'=', name).is_none();
    named && arguments[1..].iter().all(is_argument) && !name.ends_with(b".")
}

/// A register or state line of a crash: `rax    0x0`.
pub(super) fn is_register(text: &[u8]) -> bool {
    let name = text.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let rest = text[name..].trim_ascii_start();
    (2..=6).contains(&name) && rest.len() < text.len() - name && rest.starts_with(b"0x")
}

/// `name@https://host/app.js:1:2`, as some browsers write calls.
pub(super) fn is_browser_call(text: &[u8]) -> bool {
    ends_with_position(text)
        && memchr::memchr(b'@', text).is_some_and(|at| {
            let place = &text[at + 1..];
            memchr::memchr(b' ', &text[..at]).is_none()
                && (memmem::find(place, b"://").is_some() || place.starts_with(b"/"))
        })
}

/// `/app/cart.js:12` alone on its line: what Node prints above the source line of what was thrown.
pub(super) fn is_node_origin(text: &[u8]) -> bool {
    let extensions: [&[u8]; 5] = [b".js", b".ts", b".mjs", b".cjs", b".jsx"];
    let numbered = text.len() - text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    if numbered == text.len() || text[..numbered].last() != Some(&b':') {
        return false;
    }
    text.starts_with(b"node:internal/")
        || memchr::memchr(b' ', text).is_none()
            && after_position(text, &extensions).is_some_and(<[u8]>::is_empty)
}

/// Returns what follows `#7 ` or `7: `, whose number stands between `open` and `close`.
pub(super) fn numbered<'t>(text: &'t [u8], open: &[u8], close: &[u8]) -> Option<&'t [u8]> {
    let text = text.strip_prefix(open)?;
    let digits = text.iter().take(6).take_while(|b| b.is_ascii_digit()).count();
    (digits > 0).then_some(())?;
    text[digits..].strip_prefix(close)
}
