//! What the synthetic services say: message templates with varying values, and the formats in which
//! each service writes them.

use super::random::Random;
use std::io::Write;

/// How a service writes its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, with a `service` field.
    Json,
    /// `key=value` pairs, with a `service` field.
    Logfmt,
    /// `2026-01-01 00:00:00,000 INFO [thread] logger - message`.
    Log4j,
    /// nginx: access lines in combined format, and error lines.
    Nginx,
    /// syslog as in RFC 3164, from several hosts.
    Syslog,
}

/// One kind of message.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Its level, in lower case.
    pub level: &'static str,
    /// How often it occurs, relative to the service's other templates.
    pub weight: u32,
    /// The message; `{…}` varies, see [`fill`].
    pub text: &'static str,
}

/// A service.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name; also the partition's.
    pub name: &'static str,
    /// How it writes.
    pub format: Format,
    /// Its share of all lines, in percent.
    pub share: u32,
    /// What it says when all is well.
    pub templates: &'static [Template],
}

const fn t(level: &'static str, weight: u32, text: &'static str) -> Template {
    Template { level, weight, text }
}

/// The services, in the order of their partitions.
pub const SERVICES: [Service; 6] = [
    Service {
        name: "api",
        format: Format::Json,
        share: 30,
        templates: &[
            t("info", 400, "request finished method=GET path=/v1/{noun}/{n} status=200 in {ms} ms"),
            t("info", 150, "request finished method=POST path=/v1/{noun} status=201 in {ms} ms"),
            t("info", 80, "user {n} signed in from {ip}"),
            t("debug", 90, "cache hit for key {noun}:{n}"),
            t("debug", 40, "cache miss for key {noun}:{n}, loading"),
            t("info", 20, "session {hex} renewed for {n} seconds"),
            t("warn", 12, "slow request path=/v1/{noun}/{n} took {big} ms"),
            t("warn", 6, "rate limit reached for client {ip}: {n} requests"),
            t("error", 3, "request {hex} failed: upstream worker-{d} closed connection"),
            t("error", 1, "cannot decode body of request {hex}: expected value at line {d}"),
        ],
    },
    Service {
        name: "payments",
        format: Format::Json,
        share: 12,
        templates: &[
            t("info", 300, "payment {hex} authorised: {n} cents"),
            t("info", 200, "payment {hex} captured in {ms} ms"),
            t("info", 30, "refund {hex} created for payment {hex}"),
            t("debug", 60, "checked out connection {d} of pool primary"),
            t("warn", 8, "card declined for payment {hex}: code {d}"),
            t("warn", 3, "provider answered slowly: {big} ms"),
            t("error", 1, "provider rejected payment {hex}: currency not supported"),
        ],
    },
    Service {
        name: "worker",
        format: Format::Logfmt,
        share: 18,
        templates: &[
            t("info", 300, "job {n} started queue={noun}"),
            t("info", 290, "job {n} finished queue={noun} in {ms} ms"),
            t("debug", 60, "heartbeat from worker-{d}, {d} jobs running"),
            t("info", 10, "rotated {d} expired leases"),
            t("warn", 9, "job {n} retried, attempt {d}"),
            t("warn", 4, "lease of job {n} expired after {big} ms"),
            t("error", 2, "job {n} failed: cannot reach object store at {ip}"),
            t("error", 1, "job {n} abandoned after {d} attempts"),
        ],
    },
    Service {
        name: "billing",
        format: Format::Log4j,
        share: 12,
        templates: &[
            t("info", 250, "Invoice {n} created for account {n}"),
            t("info", 200, "Invoice {n} sent to customer {n}"),
            t("debug", 80, "Loaded tariff {d} in {ms} ms"),
            t("info", 15, "Ledger closed with {n} entries"),
            t("warn", 8, "Account {n} has no tax number"),
            t("warn", 3, "Exchange rates are {n} seconds old"),
            t("error", 1, "Could not render invoice {n}: template {d} is missing"),
        ],
    },
    Service {
        name: "web",
        format: Format::Nginx,
        share: 20,
        templates: &[
            t("info", 500, "GET /{noun}/{n} 200"),
            t("info", 120, "GET /static/{hex}.js 304"),
            t("info", 80, "POST /{noun} 302"),
            t("info", 25, "GET /{noun}/{n} 404"),
            t("info", 3, "GET /{noun}/{n} 502"),
            t("warn", 5, "a client request body is buffered to a temporary file /tmp/{n}"),
            t("error", 3, "upstream timed out (110: Connection timed out), client: {ip}"),
            t("error", 2, "open() \"/srv/{noun}/{n}\" failed (2: No such file or directory)"),
        ],
    },
    Service {
        name: "hosts",
        format: Format::Syslog,
        share: 8,
        templates: &[
            t("info", 100, "sshd[{n}]: Accepted publickey for deploy from {ip} port {n} ssh2"),
            t("info", 90, "CRON[{n}]: (root) CMD (run-parts /etc/cron.hourly)"),
            t("info", 70, "systemd[1]: Started Session {n} of user deploy."),
            t("notice", 20, "sudo: deploy : TTY=pts/{d} ; USER=root ; COMMAND=/bin/true"),
            t("warn", 10, "kernel: [{n}.{n}] eth0: link speed changed to {big} Mbit"),
            t(
                "warn",
                8,
                "sshd[{n}]: Failed password for invalid user admin from {ip} port {n} ssh2",
            ),
            t("err", 2, "smartd[{n}]: Device: /dev/sda, {d} unreadable sectors"),
        ],
    },
];

/// Words that stand in for `{noun}`.
const NOUNS: [&str; 8] =
    ["orders", "carts", "users", "invoices", "items", "reports", "exports", "searches"];

/// Appends `text` with its varying parts drawn from `random`: `{n}` a number, `{d}` a digit, `{ms}`
/// and `{big}` durations, `{ip}` an address, `{hex}` an id, `{noun}` a word.
pub fn fill(out: &mut Vec<u8>, text: &str, random: &mut Random) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.extend_from_slice(before.as_bytes());
        // Writing into memory does not fail.
        let _ = match name {
            "n" => write!(out, "{}", 1000 + random.below(90_000)),
            "d" => write!(out, "{}", 1 + random.below(9)),
            "ms" => write!(out, "{}", 1 + random.below(240)),
            "big" => write!(out, "{}", 1000 + random.below(9000)),
            "ip" => {
                write!(out, "10.{}.{}.{}", random.below(4), random.below(250), random.below(250))
            }
            "hex" => write!(out, "{:012x}", random.next() >> 16),
            _ => out.write_all(NOUNS[random.below(NOUNS.len() as u64) as usize].as_bytes()),
        };
        rest = behind;
    }
    out.extend_from_slice(rest.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_templates_are_several_dozen() {
        assert_eq!(SERVICES.iter().map(|service| service.share).sum::<u32>(), 100);
        assert!(SERVICES.iter().map(|service| service.templates.len()).sum::<usize>() >= 45);
    }

    #[test]
    fn varying_parts_are_filled() {
        let mut out = Vec::new();
        fill(&mut out, "job {n} of {noun} from {ip}, {hex}", &mut Random::new(&[1]));
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("job ") && !text.contains('{'), "{text}");
    }
}
