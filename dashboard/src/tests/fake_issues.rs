//! A fake [`IssueAdmin`]: takes note of what it is told.

use super::NOW;
use super::fake::issue_id;
use engine::component::{IssueAdmin, Refusal, Said};
use engine::model::{Constraint, Deed, Fingerprint, Grouping, IssueId};
use std::sync::Mutex;

/// Decisions that nothing follows from.
#[derive(Default)]
pub(super) struct FakeIssues {
    pub(super) decided: Mutex<Vec<(Vec<IssueId>, Deed, Said)>>,
    /// What was merged, and what was split.
    pub(super) grouped: Mutex<Vec<Grouping>>,
}

impl FakeIssues {
    fn say(&self, constraint: Constraint, said: Said) -> Vec<Grouping> {
        let Said { by, comment } = said;
        let grouping = Grouping { id: "".into(), constraint, at: NOW, by, comment }.named();
        self.grouped.lock().unwrap().push(grouping.clone());
        vec![grouping]
    }
}

impl IssueAdmin for FakeIssues {
    fn decide(&self, issues: &[IssueId], deed: &Deed, said: Said) -> Result<bool, Refusal> {
        if let Some(unknown) = issues.iter().find(|issue| **issue == IssueId(404)) {
            return Err(Refusal::Unknown(format!("issue `{unknown}`")));
        }
        self.decided.lock().unwrap().push((issues.to_vec(), deed.clone(), said));
        Ok(true)
    }

    fn merge(
        &self,
        issue: IssueId,
        with: &[IssueId],
        said: Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal> {
        match with {
            [other] if *other == issue => Err(Refusal::Conflict("they are one issue".to_owned())),
            [other, ..] => {
                let constraint = Constraint::MustLink { left: issue, right: *other };
                Ok((self.say(constraint, said), true))
            }
            [] => Ok((Vec::new(), true)),
        }
    }

    fn split(
        &self,
        _issue: IssueId,
        _fingerprints: &[Fingerprint],
        said: Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal> {
        Ok((self.say(Constraint::Pin { issue: issue_id(2) }, said), false))
    }

    fn groupings(&self) -> Vec<Grouping> {
        self.grouped.lock().unwrap().clone()
    }

    fn ungroup(&self, id: &str, _said: Said) -> Result<bool, Refusal> {
        let mut grouped = self.grouped.lock().unwrap();
        let before = grouped.len();
        grouped.retain(|grouping| &*grouping.id != id);
        let gone = before > grouped.len();
        gone.then_some(true).ok_or_else(|| Refusal::Unknown("grouping of that id".to_owned()))
    }
}
