//! Prints `line<TAB>template id<TAB>template` for every line of a file of bare messages.
#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock and its own input")]

use std::io::{BufWriter, Write};

fn main() -> std::io::Result<()> {
    let Some(path) = std::env::args_os().nth(1) else {
        return Err(std::io::Error::other("usage: fingerprint_templates FILE"));
    };
    let bytes = std::fs::read(path)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes).split(|&byte| byte == b'\n');
    for (index, line) in lines.enumerate() {
        let template = operators::skeleton::template(line);
        let text = operators::mask::render(line);
        writeln!(out, "{}\t{template}\t{text}", index + 1)?;
    }
    out.flush()
}
