//! What is asked of the server, as text. Pure.
//!
//! Values never become part of it: they are parameters, written as text and read by the server as the
//! type that it expects there, so every type that can be ordered can be a key. Names from the options
//! are quoted; the user's own query stands in parentheses.

use super::config::ColumnOptions;

/// Rows of one page are taken until they are this long together, in bytes.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Asks for the oldest transaction that runs.
pub const OLDEST: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
/// Asks for the transactions that run and have written something, in the low 32 bits of their ids.
pub const RUNNING: &str = "SELECT transactionid::text::bigint FROM pg_locks \
     WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted";
/// Asks for the transaction behind the last one that has ended.
pub const ENDED: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

/// Where rows come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A table, its name quoted.
    Table(String),
    /// A query whose first parameter is the cursor.
    Query(String),
}

impl Origin {
    /// Returns the table of this name, perhaps with its schema.
    pub fn table(name: &str) -> Self {
        Origin::Table(name.split('.').map(quoted).collect::<Vec<_>>().join("."))
    }

    /// Returns the query with its cursor as parameter.
    pub fn query(text: &str) -> Self {
        Origin::Query(text.trim().trim_end_matches(';').replace(":cursor", "$1"))
    }
}

/// The statements of one source.
#[derive(Clone, Debug)]
pub struct Sql {
    origin: Origin,
    key: Vec<String>,
    line: String,
    page: u32,
    /// Whether rows from the future wait for their time.
    until_now: bool,
}

/// How many values of each parameter a page is asked with; none if there is no such key yet.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// Of the key behind which the page begins; fewer than there are columns compare only those.
    pub behind: usize,
    /// Of the key up to which rows are settled.
    pub settled: usize,
    /// Of the highest key read.
    pub high: usize,
}

impl Sql {
    /// Returns the statements for these columns and limits.
    pub fn new(
        origin: Origin,
        key: &[String],
        columns: Option<&ColumnOptions>,
        page: u32,
        line_max: usize,
    ) -> Self {
        let key = key.iter().map(|column| format!("r.{}", quoted(column))).collect();
        // One more than fits, so that it is seen to be too long.
        let chars = line_max + 1;
        let line = match columns {
            None => format!("left(row_to_json(r)::text, {chars})"),
            Some(columns) => {
                let pair = |name: &str, column: &Option<String>| {
                    column.as_ref().map(|column| format!("'{name}', r.{}", quoted(column)))
                };
                let message =
                    format!("'message', left(r.{}::text, {chars})", quoted(&columns.message));
                let pairs = [
                    pair("time", &columns.time),
                    pair("level", &columns.level),
                    pair("service", &columns.service),
                    Some(message),
                ];
                let pairs = pairs.into_iter().flatten().collect::<Vec<_>>().join(", ");
                format!("json_build_object({pairs})::text")
            }
        };
        Self { origin, key, line, page, until_now: false }
    }

    /// Returns the same statements for a key that is an instant: rows from the future wait for their
    /// time, so that a clock that runs ahead cannot drag the floor with it.
    pub fn until_now(mut self) -> Self {
        self.until_now = true;
        self
    }

    /// Returns how many columns the key has.
    pub fn key_columns(&self) -> usize {
        self.key.len()
    }

    /// Returns how many rows a page holds.
    pub fn page_rows(&self) -> u32 {
        self.page
    }

    /// Returns the rows, restricted to those behind a key of `values` values, the first parameters.
    fn rows(&self, values: usize) -> String {
        let known = self.key.iter().map(|column| format!("{column} IS NOT NULL"));
        let past = self.until_now.then(|| format!("{} <= now()", self.key[0]));
        let known = known.chain(past).collect::<Vec<_>>().join(" AND ");
        match &self.origin {
            Origin::Table(table) if values == 0 => format!("{table} AS r WHERE {known}"),
            Origin::Table(table) => {
                format!("{table} AS r WHERE {known} AND {}", self.compared(">", 0, values))
            }
            Origin::Query(query) => format!("({query}) AS r WHERE {known}"),
        }
    }

    /// Returns the comparison of the key with the parameters after the first `before` ones.
    fn compared(&self, how: &str, before: usize, values: usize) -> String {
        let columns = self.key[..values.min(self.key.len())].join(", ");
        let parameters = (1..=values).map(|n| format!("${}", before + n));
        format!("({columns}) {how} ({})", parameters.collect::<Vec<_>>().join(", "))
    }

    /// Asks for the type of the key's first column.
    pub fn key_type(&self, behind: usize) -> String {
        format!("SELECT {} FROM {} LIMIT 0", self.key[0], self.rows(behind))
    }

    /// Asks for the highest key.
    pub fn highest(&self, behind: usize) -> String {
        let descending = self.key.iter().map(|column| format!("{column} DESC"));
        format!(
            "SELECT {} FROM {} ORDER BY {} LIMIT 1",
            self.key_text(),
            self.rows(behind),
            descending.collect::<Vec<_>>().join(", ")
        )
    }

    fn key_text(&self) -> String {
        let texts = self.key.iter().map(|column| format!("{column}::text"));
        format!("ARRAY[{}]", texts.collect::<Vec<_>>().join(", "))
    }

    /// Asks for a page: key, line, whether it is settled, whether it is beyond the highest key, and how
    /// many rows there were before those that are too many bytes were left away.
    pub fn page(&self, given: Given) -> String {
        let settled = match given.settled {
            0 => "false".to_owned(),
            values => self.compared("<=", given.behind, values),
        };
        let beyond = match given.high {
            0 => "true".to_owned(),
            values => self.compared(">", given.behind + given.settled, values),
        };
        let named = self.key.iter().enumerate().map(|(n, column)| format!("{column} AS key_{n}"));
        let order = (0..self.key.len()).map(|n| format!("key_{n}")).collect::<Vec<_>>().join(", ");
        format!(
            "SELECT key, line, settled, beyond, found FROM (\
             SELECT p.*, count(*) OVER () AS found, \
             sum(octet_length(line)) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) \
             - octet_length(line) AS before FROM (\
             SELECT {named}, {key} AS key, {line} AS line, {settled} AS settled, \
             {beyond} AS beyond FROM {rows} ORDER BY {columns} LIMIT {page}) AS p) AS q \
             WHERE before < {PAGE_BYTES_MAX} ORDER BY {order}",
            named = named.collect::<Vec<_>>().join(", "),
            key = self.key_text(),
            line = self.line,
            rows = self.rows(given.behind),
            columns = self.key.join(", "),
            page = self.page,
        )
    }
}

/// Returns a name in quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_values_are_parameters() {
        let key = ["at".to_owned(), "i\"d".to_owned()];
        let sql = Sql::new(Origin::table("app.logs"), &key, None, 7, 100);
        let page = sql.page(Given { behind: 2, settled: 2, high: 0 });
        assert!(page.contains("\"app\".\"logs\" AS r WHERE"), "{page}");
        assert!(page.contains("(r.\"at\", r.\"i\"\"d\") > ($1, $2)"), "{page}");
        assert!(page.contains("(r.\"at\", r.\"i\"\"d\") <= ($3, $4) AS settled"), "{page}");
        assert!(page.contains("true AS beyond") && page.contains("LIMIT 7"), "{page}");
    }

    #[test]
    fn a_query_takes_the_cursor_as_its_first_parameter() {
        let origin = Origin::query("select * from a where id > :cursor;\n");
        let sql = Sql::new(origin, &["id".to_owned()], None, 7, 100);
        let highest = sql.highest(1);
        assert!(highest.contains("FROM (select * from a where id > $1) AS r"), "{highest}");
    }
}
