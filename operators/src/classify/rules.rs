//! The rules: general words of operating systems, networks, databases, TLS and programs that name what
//! went wrong. No rule knows a product.
//!
//! A rule sees a text as lower-case words with single spaces, codes in words, numbers left out (see
//! `meaning`). The certainty says how surely the words mean the tag: `no space left` means the disk
//! whatever else is said; `query` is said of much that is no fault of the database.

use regex::{Regex, RegexSet};
use std::sync::LazyLock;

/// Words that mean a tag.
pub(super) struct Rule {
    pub(super) tag: &'static str,
    /// In hundredths.
    pub(super) certainty: u8,
    /// The words, as a regular expression.
    words: &'static str,
}

const fn rule(tag: &'static str, certainty: u8, words: &'static str) -> Rule {
    Rule { tag, certainty, words }
}

/// The most certain rule first.
pub(super) const RULES: [Rule; 44] = [
    rule(
        "tls",
        97,
        "certificates?|certs?|x509|ssl|tls(v\\d*)?|pkix|tls handshake|during (the )?handshake|handshake (failed|failure)|unknown ca|trust ?store|cipher suites?|untrusted ca",
    ),
    rule(
        "dns",
        96,
        "name resolution|resolve host( ?name)?|resolve (the )?name|no such host|unknown host|host not found",
    ),
    rule(
        "dns",
        96,
        "name or service not known|nodename nor servname|nxdomain|servfail|dns|name ?servers?|unresolved host",
    ),
    rule(
        "memory",
        95,
        "out of memory|(cannot|could not|unable to|failed to) allocate|allocation failed|heap (space|limit|exhausted)",
    ),
    rule(
        "memory",
        95,
        "memory (error|limit|exhausted|allocation|pressure)|gc overhead|garbage collect(or|ion)|low on memory",
    ),
    rule(
        "disk",
        95,
        "no space left|disk (is )?(full|quota|space|failure)|quota exceeded on (device|volume)|read only file ?system",
    ),
    rule(
        "rate-limit",
        94,
        "rate limit(s|ed|ing|er)?|rate exceeded|too many requests|throttl(ed|ing)|(api|request) quota",
    ),
    rule(
        "rate-limit",
        94,
        "quota (was |is |has been )?(exhausted|exceeded|used up)|(calls|requests) per (second|minute|hour|day)|slow down",
    ),
    rule(
        "concurrency",
        93,
        "dead ?lock(s|ed)?|live ?lock|race condition|concurrent(ly)? (modif|updat|access|writ|chang)\\w*|(modified|changed|updated) concurrently",
    ),
    rule(
        "concurrency",
        93,
        "optimistic lock(ing)?|stale (data|object|state|version)|version (conflict|mismatch)|lock (wait|timeout|contention)",
    ),
    rule(
        "concurrency",
        93,
        "(obtain|acquire|get|take) (the |a )?lock|could not serialize|serialization failure|(modified|changed|updated|deleted) by another",
    ),
    rule(
        "concurrency",
        92,
        "(thread|worker) pool (is )?(exhausted|full)|rejected execution|semaphore|mutex",
    ),
    rule(
        "validation",
        92,
        "must not be (null|empty|blank)|must be (a|an|one of|between|greater|less|positive)|validation( error)?s?|failed validation",
    ),
    rule(
        "null-pointer",
        91,
        "null pointer|nil (pointer|map|value|class)|null reference|none ?type|null value|because \\w+ is null|of (null|undefined)|is (undefined|not a function)",
    ),
    rule(
        "null-pointer",
        91,
        "has no attribute|no such (method|property)|undefined (method|variable|index)|unbound local|class cast|invalid memory address",
    ),
    rule(
        "null-pointer",
        91,
        "index out of (range|bounds)|out of (range|bounds)|division by zero|divide by zero|segmentation fault|type ?error|assertion failed",
    ),
    rule(
        "configuration",
        90,
        "environment variables?|env var|placeholder|improperly configured|misconfigur(ed|ation)|(mandatory|missing|unknown|invalid) (setting|option)s?",
    ),
    rule(
        "dependency",
        90,
        "no module named|(cannot|could not|failed to) (find|import|load) (module|name|class|library|package)|module not found|class not found",
    ),
    rule(
        "dependency",
        90,
        "class not found|no class def(inition)? found|import ?error|shared (object|library)|missing (dependency|library|package|module)",
    ),
    rule("rate-limit", 89, "throttl\\w+|backing off|retry after"),
    rule(
        "queue",
        88,
        "(message )?brokers?|message (queue|bus)|amqp|mqtt|(consumer|producer)( group)?s?|topics?|dead letter|queues?|offset commit",
    ),
    rule(
        "auth",
        87,
        "authenticat(e|ion|ed)|unauthori[sz]ed|unauthenticated|forbidden|access denied|not authori[sz]ed|authori[sz]ation",
    ),
    rule(
        "auth",
        87,
        "(wrong|bad|invalid|incorrect|rejected) (password|credentials?|token|user ?name|user|api key|login|signature)|credentials?|passwords?",
    ),
    rule(
        "auth",
        87,
        "(token|session|signature|json web token) (is |has |was )?(expired|invalid|revoked|rejected)|expired (token|signature|session)|log ?in",
    ),
    rule(
        "timeout",
        84,
        "time(d)? ?outs?|deadline (was )?exceeded|took too long|(did|does) not (answer|respond|reply)|no (answer|response|reply) (within|after)",
    ),
    rule(
        "timeout",
        84,
        "(maximum|max) (statement )?execution time|(ran|run|running|waited) (for )?longer than|exceeded the limit of seconds|gave up after|giving up",
    ),
    rule(
        "timeout",
        84,
        "not (finished|completed|ready) (within|in time)|time limit|hung|stuck|unresponsive|liveness|watchdog",
    ),
    rule(
        "disk",
        83,
        "no such file|file not found|(could|can) ?not (open|write|read|extend|create) (the )?(file|directory)|too many open files|input output error",
    ),
    rule(
        "disk",
        83,
        "not a directory|is a directory|file exists|file ?system|volume|inodes?|disks?|block device|sectors?",
    ),
    rule(
        "validation",
        82,
        "invalid (request|input|body|value|format|argument|parameter|payload|json|date|type|length)|(request|body|payload|input) (is )?invalid",
    ),
    rule(
        "validation",
        82,
        "(is |are )?required( property| field)?|missing (required )?(field|parameter|property|argument|value)|(field|property|parameter)( \\w+)? (is )?(missing|required)",
    ),
    rule(
        "validation",
        82,
        "malformed|bad request|unprocessable|schema violation|does not match( the)? (schema|pattern|format)|payload too large|body exceeds|(cannot|could not|failed to|can not) (be )?(parse|parsed|unmarshal|decode|deserialize)|unexpected (token|character|end of)",
    ),
    rule(
        "configuration",
        81,
        "config(uration)?s?|settings?|address already in use|port (is )?already in use|not (set|configured)|feature flag",
    ),
    rule(
        "dependency",
        79,
        "bad gateway|service unavailable|gateway timeout|upstream|third party|circuit breaker|external (service|api)|provider",
    ),
    rule(
        "auth",
        78,
        "permission denied|operation not permitted|not permitted|insufficient (privileges?|permissions?)|access (is )?(not allowed|refused)",
    ),
    rule(
        "network",
        75,
        "connection (was )?(refused|reset|aborted|closed|lost|forced)|connection forced|refused (the )?connection|broken pipe|no route to host",
    ),
    rule(
        "network",
        75,
        "(network|host) (is )?(unreachable|down)|unreachable|socket|packets?|unexpected eof|(could|can) ?not connect|(failed|unable) to connect|connect failed",
    ),
    rule(
        "database",
        70,
        "databases?|sql|relation|(duplicate|foreign|primary) key|duplicate entry|constraint (violation|violated|failed)|violates",
    ),
    rule(
        "database",
        70,
        "(no such|unknown) (table|column)|(table|column|view|schema) \\w+ (does not|doesn't) exist|rolled back|rollback|transactions?",
    ),
    rule(
        "database",
        65,
        "quer(y|ies)|statements?|connection pool|cursor|replica(tion)?|shards?|migrations?",
    ),
    rule("network", 60, "network|connect(ion)?s?|dial|tcp|udp|peer|proxy"),
    rule("memory", 60, "memory|heap|swap"),
    rule(
        "validation",
        55,
        "invalid|illegal argument|unsupported|not allowed|too (long|large|short)",
    ),
    rule("dependency", 55, "internal server|returned status|answered with"),
];

/// All rules as one automaton: one pass over a text says which apply.
static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = RULES.iter().map(|rule| pattern(rule.words));
    RegexSet::new(patterns).expect("the rules compile")
});
/// Each rule for itself, to say where it applies.
static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let each = RULES.iter().map(|rule| Regex::new(&pattern(rule.words)));
    each.collect::<Result<_, _>>().expect("the rules compile")
});

fn pattern(words: &str) -> String {
    format!(r"(?-u:\b)(?:{words})(?-u:\b)")
}

/// Returns the rules that apply to a text, the most certain first, each with the words that it found.
pub(super) fn rules_of(words: &str) -> Vec<(&'static Rule, &str)> {
    let apply = SET.matches(words).into_iter();
    apply.filter_map(|index| Some((&RULES[index], EACH[index].find(words)?.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_certain_rule_comes_first() {
        assert!(RULES.is_sorted_by(|left, right| left.certainty >= right.certainty));
    }

    #[test]
    fn a_rule_finds_whole_words_only_and_says_which() {
        let rules = rules_of("the diskette is happy but the disk is full");
        assert_eq!((rules[0].0.tag, rules[0].1), ("disk", "disk is full"));
        assert!(rules_of("diskette").is_empty());
    }
}
