//! Runs the engine's own committer against a store that is in trouble, and a sequential model beside it.
//!
//! ```text
//! seeded facts ─┬─► Committer (folds what waits, settles lost answers) ─► the store in trouble
//!               └─► folded and committed one by one ────────────────────► memory
//!                                       in the end both must answer everything alike
//! ```

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::component::{
    Commit, Contents, Incarnation, SourceDefaults, SourceTable, Store, StoreError,
};
use engine::model::{Epoch, Fact, IssueId, Member, Standing};
use engine::runtime::{Committer, CompletedEpoch, Fold, Observer};
use engine::testing::answers::answers;
use engine::testing::generate::{Commits, SOURCE_IDS, fingerprint_of, issue_of};
use sinks::store::MemoryStore;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Who commits.
const OWNER: Incarnation = Incarnation(42);
/// Fingerprints in the generated world; each is in an issue from the first epoch on.
const FINGERPRINTS: u64 = 9;
/// When a test gives up on its own: far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the store complained of, sent on.
struct Complaints(Sender<String>);

impl Observer for Complaints {
    fn store(&self, trouble: Option<&str>) {
        if let Some(trouble) = trouble {
            let _ = self.0.try_send(trouble.to_owned());
        }
    }
}

/// A committer at work.
pub struct Committing {
    epochs: Option<Sender<CompletedEpoch>>,
    complaints: Receiver<String>,
    durable: Receiver<()>,
    thread: JoinHandle<Result<(), StoreError>>,
    generated: Commits,
    model: MemoryStore,
    last: Option<Epoch>,
}

impl Committing {
    /// Loads and claims `store`, and starts to commit to it.
    pub fn start(mut store: Box<dyn Store>, seed: u64) -> Committing {
        let recovered = store.load().unwrap();
        assert_eq!(recovered.epoch, None, "the store is empty");
        store.claim(OWNER, &[]).unwrap();
        let mut model = MemoryStore::default();
        model.claim(OWNER, &[]).unwrap();
        let (epochs, completed) = bounded(8);
        let (complain, complaints) = bounded(64);
        let (wake, durable) = bounded(1_000);
        let source = |id: &str| SourceDefaults {
            id: id.to_owned(),
            service: "".into(),
            timezone: "UTC".to_owned(),
        };
        let committer = Committer::beside_a_test(
            store,
            OWNER,
            SourceTable::new(SOURCE_IDS.map(source)),
            Arc::new(Complaints(complain)),
            Box::new(move || wake.try_send(()).unwrap_or_default()),
        );
        let thread = std::thread::spawn(move || committer.run(&completed));
        let generated = Commits::new(seed, FINGERPRINTS);
        let (epochs, last) = (Some(epochs), None);
        let mut committing =
            Committing { epochs, complaints, durable, thread, generated, model, last };
        let member = |n| Member { fingerprint: fingerprint_of(n), issue: issue_of(n).id };
        let issues = (0..FINGERPRINTS).map(|n| Fact::Issue(issue_of(n), 1));
        let members = (0..FINGERPRINTS).map(|n| Fact::Member(member(n), 1));
        committing.send_facts(issues.chain(members).collect());
        committing.wait_until_durable();
        committing
    }

    /// Completes one epoch of random facts.
    pub fn send(&mut self) {
        let facts = facts_of(self.generated.contents());
        self.send_facts(facts);
    }

    /// Completes one epoch of these facts.
    pub fn send_facts(&mut self, facts: Vec<Fact>) {
        let predecessor = self.last;
        let epoch = Epoch(predecessor.map_or(1, |Epoch(last)| last + 1));
        let mut fold = Fold::default();
        facts.iter().cloned().for_each(|fact| fold.add(fact));
        let source_ids = SOURCE_IDS.map(str::to_owned).to_vec().into();
        let contents = fold.finish();
        let commit = Commit { incarnation: OWNER, predecessor, epoch, source_ids, contents };
        self.model.commit(&commit).unwrap();
        self.last = Some(epoch);
        let epochs = self.epochs.as_ref().unwrap();
        epochs.send_timeout(CompletedEpoch { epoch, facts }, PATIENCE).unwrap();
    }

    /// Waits until one more transaction is durable.
    pub fn wait_until_durable(&self) {
        if self.durable.recv_timeout(PATIENCE).is_err() {
            let said: Vec<String> = self.complaints.try_iter().collect();
            panic!("nothing was committed: {said:?}");
        }
    }

    /// Waits until the store complains, and returns the words.
    pub fn next_complaint(&self) -> String {
        self.complaints.recv_timeout(PATIENCE).expect("the store complains")
    }

    /// Waits until the store complains with all of these words; what it says at first may be of the
    /// session that ended.
    pub fn wait_for_complaint(&self, words: &[&str]) {
        let mut complaints = Vec::new();
        while complaints.len() < 10 {
            let complaint = self.next_complaint();
            if words.iter().all(|words| complaint.contains(words)) {
                return;
            }
            complaints.push(complaint);
        }
        panic!("{words:?} are not in {complaints:?}");
    }

    /// Forgets what the store complained of so far.
    pub fn forget_complaints(&self) {
        self.complaints.try_iter().for_each(drop);
    }

    /// Ends the committer and compares everything that is stored, asked through `store`, with the model.
    pub fn assert_exact(mut self, mut store: Box<dyn Store>) {
        self.epochs = None;
        self.thread.join().unwrap().unwrap();
        assert_eq!(store.committed().unwrap(), (self.last, Some(OWNER)));
        assert_eq!(answers(&mut *store), answers(&mut self.model));
    }
}

/// Returns what an operator would have said to bring these contents about; rows that come and go are left
/// out, since random ones do not go where they came from.
fn facts_of(contents: Contents) -> Vec<Fact> {
    let counts = contents.counts.into_iter();
    let counts = counts.map(|(fingerprint, bucket, n)| Fact::Count { fingerprint, bucket, n });
    let sightings = contents.sightings.into_iter().map(|seen| Fact::Sighting(Box::new(seen)));
    let vectors = contents.vectors.into_iter().map(|row| Fact::Vector(Box::new(row)));
    let alerts = contents.alerts.into_iter().map(|alert| Fact::Alert(Box::new(alert)));
    let standing = |(issue, standing): (IssueId, Option<Standing>)| {
        Fact::Standing(issue, standing.map(Box::new))
    };
    let standings = contents.standings.into_iter().map(standing);
    let activity = contents.activity.into_iter().map(|entry| Fact::Activity(Box::new(entry)));
    let outbox = contents.outbox.into_iter().map(|row| Fact::Outbox(Box::new(row)));
    counts
        .chain(sightings)
        .chain(vectors)
        .chain(alerts)
        .chain(standings)
        .chain(activity)
        .chain(outbox)
        .chain(contents.accounts.into_iter().map(Fact::Account))
        .chain(contents.rejected.into_iter().map(Fact::Rejected))
        .chain(contents.progress.into_iter().map(Fact::Progress))
        .chain(contents.state.into_iter().map(Fact::State))
        .collect()
}
