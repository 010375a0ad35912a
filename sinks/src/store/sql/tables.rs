//! The tables that make up a store, column by column: the same in every store, so that rows can be copied
//! from one to another. A table that is not listed here is not in a backup; a test compares. A column that
//! joins a table later stands behind those that were there before: backups of earlier versions lack it.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Numbers; some may be missing.
    Integer,
    /// Texts; some may be missing.
    Text,
    /// Bytes.
    Blob,
    /// The numbers of vectors.
    Vector,
}

/// A table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Holds)],
}

impl Table {
    /// Returns the names of the columns, as they stand in a statement.
    pub(crate) fn column_list(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

use Holds::{Blob, Integer, Text, Vector};

/// Every table, in the order in which they are copied.
pub(crate) const TABLES: &[Table] = &[
    Table { name: "sources", columns: &[("id", Integer), ("name", Text), ("rank", Integer)] },
    Table {
        name: "fingerprints",
        columns: &[
            ("id", Integer),
            ("fingerprint", Blob),
            ("template", Blob),
            ("class", Integer),
            ("severity", Integer),
            ("first_time", Integer),
            ("first_hash", Integer),
            ("source_id", Integer),
            ("service", Text),
            ("text", Text),
            ("skeleton", Text),
            ("own_issue", Blob),
        ],
    },
    Table {
        name: "totals",
        columns: &[("fingerprint_id", Integer), ("total", Integer), ("last_seen", Integer)],
    },
    Table {
        name: "minutes",
        columns: &[("bucket_start", Integer), ("fingerprint_id", Integer), ("n", Integer)],
    },
    Table {
        name: "hours",
        columns: &[("bucket_start", Integer), ("fingerprint_id", Integer), ("n", Integer)],
    },
    Table { name: "sample_days", columns: &[("key", Integer), ("samples", Blob)] },
    Table {
        name: "accounts",
        columns: &[("source_id", Integer), ("counter", Text), ("n", Integer)],
    },
    Table {
        name: "rejected",
        columns: &[("source_id", Integer), ("reason", Text), ("hash", Integer), ("record", Text)],
    },
    Table {
        name: "partitions",
        columns: &[
            ("source_id", Integer),
            ("partition", Text),
            ("resume_offset", Text),
            ("lag_bytes", Integer),
            ("received", Integer),
        ],
    },
    Table { name: "operator_state", columns: &[("node", Text), ("key", Text), ("value", Blob)] },
    Table { name: "vectors", columns: &[("text", Blob), ("kernel", Integer), ("numbers", Vector)] },
    Table {
        name: "issues",
        columns: &[
            ("issue", Blob),
            ("class", Integer),
            ("template", Blob),
            ("text", Text),
            ("skeleton", Text),
        ],
    },
    Table { name: "members", columns: &[("issue", Blob), ("fingerprint_id", Integer)] },
    Table {
        name: "parts",
        columns: &[("issue", Blob), ("pattern", Blob), ("text", Text), ("embedded", Blob)],
    },
    Table {
        name: "tags",
        columns: &[
            ("issue", Blob),
            ("name", Text),
            ("score", Integer),
            ("reason_kind", Integer),
            ("reason", Text),
        ],
    },
    Table {
        name: "alerts",
        columns: &[
            ("alert_key", Blob),
            ("issue", Blob),
            ("start_bucket", Integer),
            ("last_bucket", Integer),
            ("bucket_secs", Integer),
            ("observed", Integer),
            ("peak_bucket", Integer),
            ("peak_observed", Integer),
            ("peak_expected_milli", Integer),
            ("peak_surprise_milli", Integer),
            ("state", Text),
            ("service", Text),
            ("details", Text),
        ],
    },
    Table {
        name: "standings",
        columns: &[
            ("issue", Blob),
            ("state", Text),
            ("changed_at", Integer),
            ("changed_by", Text),
            ("until", Integer),
            ("assignee", Text),
        ],
    },
    Table {
        name: "activity",
        columns: &[("number", Integer), ("issue", Blob), ("at", Integer), ("body", Text)],
    },
    Table {
        name: "outbox",
        columns: &[
            ("notice_id", Blob),
            ("notifier", Text),
            ("incident", Blob),
            ("at", Integer),
            ("state", Text),
            ("settled_at", Integer),
            ("reason", Text),
            ("body", Text),
        ],
    },
    Table {
        name: "horizons",
        columns: &[("kind", Text), ("before", Integer), ("forgotten", Integer)],
    },
    // Last: a copy that is cut off has no epoch.
    Table {
        name: "checkpoint",
        columns: &[
            ("only_row", Integer),
            ("epoch", Integer),
            ("incarnation", Integer),
            ("identity", Text),
        ],
    },
];
