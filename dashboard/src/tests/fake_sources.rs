//! A fake [`SourceAdmin`]: a list in memory.

use engine::component::{
    NewSource, SourceActivity, SourceAdmin, SourceChange, SourceOrigin, SourceRefusal, SourceRow,
};
use serde_json::Value as Json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sources that read nothing.
pub(super) struct FakeSources {
    rows: Mutex<Vec<SourceRow>>,
    /// Whether changes are committed.
    pub(super) durable: AtomicBool,
}

impl Default for FakeSources {
    fn default() -> Self {
        let rows = Mutex::new(vec![row("app", "file", SourceOrigin::File, None)]);
        Self { rows, durable: AtomicBool::new(true) }
    }
}

fn row(id: &str, r#type: &str, origin: SourceOrigin, options: Option<Json>) -> SourceRow {
    SourceRow {
        id: id.to_owned(),
        r#type: r#type.to_owned(),
        origin,
        state: SourceActivity::Running,
        message: None,
        restarts: 0,
        options,
    }
}

impl FakeSources {
    fn set(&self, id: &str, state: SourceActivity) -> Result<SourceChange, SourceRefusal> {
        let mut rows = self.rows.lock().unwrap();
        let found = rows.iter_mut().find(|row| row.id == id);
        let row = found.ok_or_else(|| SourceRefusal::Unknown(id.to_owned()))?;
        row.state = state;
        Ok(self.change(Some(row.clone())))
    }

    fn change(&self, source: Option<SourceRow>) -> SourceChange {
        SourceChange { source, durable: self.durable.load(Ordering::Relaxed) }
    }
}

impl SourceAdmin for FakeSources {
    fn list(&self) -> Vec<SourceRow> {
        self.rows.lock().unwrap().clone()
    }

    fn test(&self, new: &NewSource) -> Result<String, SourceRefusal> {
        match new.id.as_str() {
            "away" => Err(SourceRefusal::NotNow("connection refused".to_owned())),
            "bad" => {
                Err(SourceRefusal::Invalid(vec!["no `type`".to_owned(), "no path".to_owned()]))
            }
            _ => Ok("3 files match".to_owned()),
        }
    }

    fn add(&self, new: &NewSource) -> Result<SourceChange, SourceRefusal> {
        self.test(new)?;
        let mut rows = self.rows.lock().unwrap();
        if rows.iter().any(|row| row.id == new.id) {
            return Err(SourceRefusal::Conflict(format!("there is a source `{}` already", new.id)));
        }
        let options = Some(Json::Object(new.options.clone()));
        rows.push(row(&new.id, "file", SourceOrigin::Added, options));
        Ok(self.change(rows.last().cloned()))
    }

    fn pause(&self, id: &str) -> Result<SourceChange, SourceRefusal> {
        self.set(id, SourceActivity::Paused)
    }

    fn resume(&self, id: &str) -> Result<SourceChange, SourceRefusal> {
        self.set(id, SourceActivity::Running)
    }

    fn remove(&self, id: &str) -> Result<SourceChange, SourceRefusal> {
        let mut rows = self.rows.lock().unwrap();
        let at = rows.iter().position(|row| row.id == id);
        let at = at.ok_or_else(|| SourceRefusal::Unknown(id.to_owned()))?;
        if rows[at].origin == SourceOrigin::File {
            return Err(SourceRefusal::Conflict("it is in the graph file".to_owned()));
        }
        rows.remove(at);
        Ok(self.change(None))
    }
}
