//! An analyst that says what it was asked, and finds a fixed set of issues by meaning.

use super::fake::issue_id;
use engine::component::{
    Analyst, AskedRecord, Found, Hit, IssueMeaning, KeptSamples, PartMeaning, PartState,
    SimilarIssue, StoreError, TopValue, Variable, Variables,
};
use engine::model::{IssueId, PatternId, Similarity};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says what it was asked, and finds what it was told to.
#[derive(Default)]
pub(super) struct FakeAnalyst {
    pub(super) asked: Mutex<Vec<(String, usize)>>,
    pub(super) without_model: AtomicBool,
    pub(super) unavailable: AtomicBool,
}

impl Analyst for FakeAnalyst {
    fn explain(&self, record: &AskedRecord<'_>) -> serde_json::Value {
        serde_json::json!({ "message": record.text, "source": record.source })
    }

    fn variables(&self, kept: &KeptSamples) -> Variables {
        let top = vec![TopValue { value: "10.0.0.1".to_owned(), count: 3 }];
        let variable = Variable {
            position: 0,
            placeholder: Some(0),
            name: "ip".to_owned(),
            kind: "ip",
            distinct: 1,
            top,
            samples: 3,
        };
        Variables { samples: kept.kept - 1, variables: vec![variable] }
    }

    /// Finds the third, the first, and one that is gone.
    fn search(&self, query: &str, limit: usize) -> Result<Found, StoreError> {
        self.answers()?;
        self.asked.lock().unwrap().push((query.to_owned(), limit));
        let with_model = !self.without_model.load(Ordering::Relaxed);
        let hit = |n: usize, score: f64, words: &[&str], millionths: i32| Hit {
            issue: issue_id(n),
            text: "connection to <ip> refused".into(),
            score,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            similarity: with_model.then(|| Similarity::from_millionths(millionths)),
        };
        let hits = vec![
            hit(2, 1.5, &["Refused"], 400_000),
            hit(77, 1.0, &[], 1),
            hit(0, 0.5, &[], 312_500),
        ];
        let why = "there is no model; `seismolog model fetch` gets it";
        let without_meaning = (!with_model).then(|| why.to_owned());
        Ok(Found { hits: hits.into_iter().take(limit).collect(), without_meaning })
    }

    /// Knows the first issue.
    fn meaning(&self, issue: IssueId, limit: usize) -> Result<Option<IssueMeaning>, StoreError> {
        self.answers()?;
        self.asked.lock().unwrap().push((issue.to_string(), limit));
        if issue != issue_id(0) {
            return Ok(None);
        }
        let part = |pattern: u128, state, millionths: Option<i32>| PartMeaning {
            pattern: PatternId(pattern),
            text: "connection to <ip> refused".into(),
            state,
            similarity: millionths.map(Similarity::from_millionths),
        };
        let similar = [(2, 625_000), (77, 500_000)].map(|(n, millionths)| SimilarIssue {
            issue: issue_id(n),
            text: "no route to <ip>".into(),
            similarity: Similarity::from_millionths(millionths),
        });
        Ok(Some(IssueMeaning {
            issue: issue_id(0),
            same_issue: Similarity::from_millionths(550_000),
            related: Similarity::from_millionths(300_000),
            parts_in_all: 203,
            parts: vec![
                part(1, PartState::Embedded, Some(750_000)),
                part(2, PartState::Pending, None),
                part(3, PartState::NotEmbedded, None),
            ],
            similar: similar.into_iter().take(limit).collect(),
        }))
    }
}

impl FakeAnalyst {
    fn answers(&self) -> Result<(), StoreError> {
        match self.unavailable.load(Ordering::Relaxed) {
            true => {
                Err(StoreError::Unavailable { what: "asking the fake".to_owned(), cause: None })
            }
            false => Ok(()),
        }
    }
}
