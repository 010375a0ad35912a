//! Random stories, told to the model and to the real machine, which agree after every epoch (`oracle_`). How many there
//! are can be said in `SEISMOLOG_CASES`; one that tells them apart is made as short as it gets before it is printed.
//!
//! A story is a list of epochs of a small world: three services, six fingerprints in four issues, what is watched of
//! them (each by itself, issues, services, silences), a clock that mostly ticks and sometimes leaps, and people who
//! decide at random. Most news comes in the order in which `spike` tells it; some does not.

use super::*;

const START: i64 = 1_772_409_600;
const SERVICES: [&str; 3] = ["", "shop", "till"];
const CASES: u64 = 48;
const EPOCHS: usize = 160;

/// What one epoch brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Epoch {
    pub(super) signals: Vec<Signal>,
    pub(super) controls: Vec<Control>,
    /// Whether one of the machines crashes after it.
    crashes: bool,
}

/// Where a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Idle,
    Early,
    Fires,
}

/// What is watched.
#[derive(Clone, Debug)]
struct Watched {
    level: AlertLevel,
    fingerprint: Fingerprint,
    issue: IssueId,
    service: Arc<str>,
    is_silence: bool,
    standing: Standing,
}

/// Makes up a story.
struct Teller {
    seeded: Seeded,
    config: AlertConfig,
    watched: Vec<Watched>,
    now: i64,
    bucket_secs: i64,
    /// The bucket that is open.
    open: i64,
    is_busy: bool,
    is_crowd: bool,
    is_orderly: bool,
    silences: Vec<Arc<str>>,
    told: u64,
}

impl Teller {
    fn new(seed: u64) -> Teller {
        let mut seeded = Seeded::new(seed);
        let secs = |secs: &[u64], seeded: &mut Seeded| HumanDuration::from_secs(one(seeded, secs));
        let config = AlertConfig {
            pending: secs(&[0, 0, 0, 60, 400, 6 * 3600], &mut seeded),
            keep_firing: secs(&[0, 0, 100, 900, 3600, 6 * 3600], &mut seeded),
            reopen: secs(&[0, 300, 3600, 3600, 5 * 3600], &mut seeded),
            reminders: match seeded.below(4) {
                0 => Vec::new(),
                1 => vec![HumanDuration::from_secs(60)],
                2 => [120, 600, 60].map(HumanDuration::from_secs).to_vec(),
                _ => AlertConfig::default().reminders,
            },
        };
        let bucket_secs = one(&mut seeded, &[60, 300, 300, 900]);
        let is_crowd = seeded.one_in(12);
        let watched = watched(if is_crowd { 30 } else { 6 }, is_crowd, &mut seeded);
        let now = START + seeded.below(1_000) as i64;
        let open = now - now.rem_euclid(bucket_secs);
        let is_orderly = !seeded.one_in(3);
        let (is_busy, silences, told) = (is_crowd, Vec::new(), 0);
        Teller {
            seeded,
            config,
            watched,
            now,
            bucket_secs,
            open,
            is_busy,
            is_crowd,
            is_orderly,
            silences,
            told,
        }
    }

    fn story(mut self) -> (AlertConfig, Vec<Epoch>) {
        let mut model = Model::new(self.config.clone());
        let mut epochs = Vec::new();
        // A crowd makes as much in fewer.
        let most = if self.is_crowd { EPOCHS / 6 } else { EPOCHS };
        while epochs.len() < most {
            let alerts: Vec<AlertKey> = model.alerts.keys().copied().collect();
            let epoch = self.epoch(&alerts);
            model.epoch(&epoch);
            epochs.push(epoch);
        }
        (self.config, epochs)
    }

    fn epoch(&mut self, alerts: &[AlertKey]) -> Epoch {
        let before = self.now;
        let mut epoch = Epoch { crashes: self.seeded.one_in(6), ..Epoch::default() };
        let steps = match self.seeded.below(60) {
            0 if self.seeded.one_in(2) => {
                3_600 * (1 + self.seeded.below(if self.is_crowd { 3 } else { 30 }))
            }
            1..5 => self.seeded.below(2_000),
            _ => 10 + self.seeded.below(291),
        };
        self.now += steps as i64;
        let silent = self.seeded.below(12);
        if self.seeded.one_in(4) {
            for _ in 0..1 + self.seeded.below(2) {
                let at = before + self.seeded.below(steps + 1) as i64;
                let command = self.command(at, alerts);
                epoch.controls.push(Control::Command { at: super::at(at), command });
            }
        }
        let now = at(self.now);
        match silent {
            0 => epoch.controls.push(Control::Beat { now, is_behind: true }),
            1 => self.now = before.max(self.now - 1),
            _ => {
                epoch.controls.push(Control::Beat { now, is_behind: false });
                self.listen(&mut epoch.signals);
            }
        }
        epoch.signals.sort();
        epoch.signals.dedup();
        epoch.controls.sort();
        epoch
    }

    /// What is unusual in the buckets that have ended by now, and in the open one.
    fn listen(&mut self, signals: &mut Vec<Signal>) {
        while self.open + self.bucket_secs <= self.now {
            if self.seeded.one_in(12) {
                self.is_busy = !self.is_busy;
            }
            for n in 0..self.watched.len() {
                let news = self.close(n);
                signals.extend(news.map(|news| self.signal(n, news, self.open)));
            }
            self.open += self.bucket_secs;
        }
        for n in 0..self.watched.len() {
            let is_calm = self.watched[n].standing == Standing::Idle && !self.watched[n].is_silence;
            if is_calm && self.seeded.one_in(if self.is_busy { 10 } else { 400 }) {
                self.watched[n].standing = Standing::Early;
                signals.push(self.signal(n, News::Early, self.open));
            }
            if self.seeded.one_in(60) {
                let bucket = self.open - self.bucket_secs * self.seeded.below(12) as i64;
                signals.push(self.signal(n, News::Revised, bucket));
            }
            if !self.is_orderly && self.seeded.one_in(60) {
                let all = [News::Early, News::Fired, News::Holds, News::Resolved, News::Withdrawn];
                let news = one(&mut self.seeded, &all);
                signals.push(self.signal(n, news, self.open));
            }
        }
        if self.seeded.one_in(40) {
            let (to, from) = (self.seeded.below(6), self.seeded.below(6));
            self.watched[to as usize].issue = self.watched[from as usize].issue;
        }
    }

    /// What the end of a bucket says.
    fn close(&mut self, n: usize) -> Option<News> {
        let roll = self.seeded.below(60);
        let begins = roll < if self.is_busy { 8 } else { 1 };
        let (standing, news) = match self.watched[n].standing {
            Standing::Idle if begins => (Standing::Fires, Some(News::Fired)),
            Standing::Idle => (Standing::Idle, None),
            Standing::Early if roll < 40 => (Standing::Fires, Some(News::Fired)),
            Standing::Early => (Standing::Idle, Some(News::Withdrawn)),
            Standing::Fires if roll < 20 => (Standing::Idle, Some(News::Resolved)),
            Standing::Fires if roll < 22 => (Standing::Idle, Some(News::NewNormal)),
            Standing::Fires if self.watched[n].is_silence => (Standing::Fires, None),
            Standing::Fires => (Standing::Fires, Some(News::Holds)),
        };
        self.watched[n].standing = standing;
        news
    }

    fn signal(&mut self, n: usize, news: News, bucket: i64) -> Signal {
        let watched = self.watched[n].clone();
        let kinds = [
            AlertKind::Spike,
            AlertKind::Spike,
            AlertKind::NewBurst,
            AlertKind::FirstSeen,
            AlertKind::Regression,
            AlertKind::Step,
        ];
        let kind = one(&mut self.seeded, &kinds);
        let kind = if watched.is_silence { AlertKind::GoneQuiet } else { kind };
        let (bucket, events) = (Bucket(bucket), self.seeded.below(40) as i64);
        let expected = if watched.is_silence { 60_000 } else { 6_000 };
        let verdict = Verdict {
            bucket,
            observed: events,
            expected_milli: self.seeded.below(expected) as i64,
            surprise_milli: 1_000 * self.seeded.below(12) as i64,
        };
        self.told += 1;
        let test = format!("signal {}", self.told).into();
        let events = if news == News::Revised { events - 20 } else { events };
        Signal {
            bucket,
            fingerprint: watched.fingerprint,
            level: watched.level,
            news,
            kind,
            issue: watched.issue,
            service: watched.service,
            events,
            verdict,
            explanation: Explanation { test, ..Explanation::default() },
            bucket_secs: self.bucket_secs as u32,
        }
    }

    fn command(&mut self, at: i64, alerts: &[AlertKey]) -> Command {
        let by: Arc<str> = one(&mut self.seeded, &["ann", "bob"]).into();
        let comment: Arc<str> = one(&mut self.seeded, &["", "known"]).into();
        let late = self.seeded.below(alerts.len().max(1) as u64) as usize;
        let alert = alerts.get(late).copied().unwrap_or_default();
        let until = super::at(at + one(&mut self.seeded, &[0, 60, 700, 4 * HOUR, 2 * DAY]));
        match self.seeded.below(12) {
            0..3 => Command::Acknowledge { alert, by, comment },
            3..6 => Command::Snooze { alert, until, by, comment },
            6 => Command::Resolve { alert, by, comment },
            7..9 => self.silence(at, until),
            9 if !self.silences.is_empty() => {
                let id = one(&mut self.seeded, &self.silences.clone());
                Command::Unsilence { id }
            }
            _ => {
                let service = one(&mut self.seeded, &SERVICES).into();
                let back = one(&mut self.seeded, &[0, 0, 300, 23 * HOUR, 25 * HOUR]);
                let version = format!("v{}", self.seeded.below(1_000)).into();
                Command::Deploy(Deploy { service, version, at: super::at(at - back) })
            }
        }
    }

    fn silence(&mut self, at: i64, until: EventTime) -> Command {
        let watched = one(&mut self.seeded, &self.watched.clone());
        let kinds = [AlertKind::Spike, AlertKind::GoneQuiet];
        let about = match self.seeded.below(4) {
            0 => Some(watched.issue.to_string().into()),
            1 => Some(watched.fingerprint.to_string().into()),
            _ => None,
        };
        let silence = Silence {
            service: self.seeded.one_in(2).then_some(watched.service),
            about,
            kind: self.seeded.one_in(4).then(|| one(&mut self.seeded, &kinds)),
            from: super::at(at + one(&mut self.seeded, &[0, 0, 300])),
            until,
            ..Silence::default()
        };
        let silence = silence.named();
        self.silences.push(silence.id.clone());
        Command::Silence(silence)
    }
}

fn one<T: Clone>(seeded: &mut Seeded, all: &[T]) -> T {
    all[seeded.below(all.len() as u64) as usize].clone()
}

/// Everything that is watched of so many fingerprints; those of a crowd are of one service, each its own issue.
fn watched(fingerprints: u128, is_crowd: bool, seeded: &mut Seeded) -> Vec<Watched> {
    let mut all = Vec::new();
    for n in 0..fingerprints {
        let issue = if is_crowd { n } else { [0, 0, 0, 1, 1, 2][n as usize] };
        let service = SERVICES[if is_crowd { 1 } else { [1, 1, 2, 2, 0, 1][n as usize] }];
        let mut watch = |level, is_silence| {
            let (fingerprint, issue, service) = (Fingerprint(n), IssueId(issue), service.into());
            let standing = Standing::Idle;
            all.push(Watched { level, fingerprint, issue, service, is_silence, standing });
        };
        watch(AlertLevel::Fingerprint, false);
        if n < 6 {
            watch(AlertLevel::Fingerprint, true);
        }
        if [0, 3].contains(&n) && seeded.one_in(2) {
            watch(AlertLevel::Issue, false);
        }
        if [1, 2].contains(&n) && seeded.one_in(2) {
            watch(AlertLevel::Service, false);
            watch(AlertLevel::Service, true);
        }
    }
    all
}

/// The real machine, and what it stored.
struct Real {
    config: AlertConfig,
    book: Book,
    state: BTreeMap<StateKey, Arc<[u8]>>,
    alerts: BTreeMap<AlertKey, Alert>,
}

impl Real {
    fn new(config: &AlertConfig) -> Real {
        let (book, config) = (Book::new(config.clone()), config.clone());
        Real { config, book, state: BTreeMap::new(), alerts: BTreeMap::new() }
    }

    fn crash(&mut self) {
        let recovered = Recovered { state: self.state.clone(), ..Recovered::default() };
        self.book = Book::recovered(self.config.clone(), "alerts", &recovered);
    }

    fn epoch(&mut self, epoch: &Epoch) -> Vec<Notice> {
        for signal in &epoch.signals {
            self.book.change(Row::Signal(Box::new(signal.clone())), 1);
        }
        for control in &epoch.controls {
            self.book.change(Row::Control(control.clone()), 1);
        }
        let mut notices = Vec::new();
        for (told, n) in self.book.tell() {
            assert_eq!(n, 1);
            match told {
                Told::Alert(alert) => drop(self.alerts.insert(alert.key, *alert)),
                Told::Notice(notice) => notices.push(*notice),
                Told::State(key, Some(value)) => {
                    self.state.insert(("alerts".into(), key), value.into());
                }
                Told::State(key, None) => drop(self.state.remove(&("alerts".into(), key))),
            }
        }
        notices
    }
}

/// What stories reached.
#[derive(Debug, Default)]
struct Reached {
    epochs: usize,
    crashes: usize,
    alerts: usize,
    states: BTreeMap<AlertState, usize>,
    transitions: BTreeMap<String, usize>,
    news: BTreeMap<News, usize>,
    levels: BTreeMap<(AlertLevel, AlertKind), usize>,
    silenced: usize,
    deploys: usize,
    crowded: usize,
}

impl Reached {
    fn note(&mut self, epoch: &Epoch, model: &Model, notices: &[Notice]) {
        self.epochs += 1;
        for signal in &epoch.signals {
            *self.news.entry(signal.news).or_default() += 1;
        }
        for notice in notices {
            *self.transitions.entry(format!("{:?}", notice.transition)).or_default() += 1;
            self.crowded += usize::from(notice.more > 0);
        }
        for alert in model.groups.values().flat_map(|group| group.alerts.values()) {
            *self.states.entry(alert.state()).or_default() += 1;
            self.silenced += usize::from(alert.silence.is_some());
        }
    }

    fn end(&mut self, model: &Model) {
        for alert in model.alerts.values() {
            self.alerts += 1;
            self.deploys += usize::from(alert.details.deploy.is_some());
            *self.levels.entry((alert.details.level, alert.details.kind)).or_default() += 1;
        }
    }
}

/// Tells a story to all; returns what differs after which epoch.
fn differs(
    config: &AlertConfig,
    epochs: &[Epoch],
    reached: &mut Reached,
) -> Option<(usize, String)> {
    let mut model = Model::new(config.clone());
    let (mut calm, mut crashing) = (Real::new(config), Real::new(config));
    for (n, epoch) in epochs.iter().enumerate() {
        let expected = model.epoch(epoch);
        reached.note(epoch, &model, &expected);
        let told = calm.epoch(epoch);
        for (key, alert) in &calm.alerts {
            if model.alerts.get(key) != Some(alert) {
                return Some((
                    n,
                    format!("model {:?}\nreal  {:?}", model.alerts.get(key), Some(alert)),
                ));
            }
        }
        if let Some(alert) = model.alerts.values().find(|it| !calm.alerts.contains_key(&it.key)) {
            return Some((n, format!("only the model has {alert:#?}")));
        }
        if told != expected {
            return Some((n, format!("model {expected:?}\nreal  {told:?}")));
        }
        if crashing.epoch(epoch) != told || crashing.alerts != calm.alerts {
            return Some((n, "a crash changed something".to_owned()));
        }
        if crashing.state != calm.state {
            return Some((n, "a crash changed what is stored".to_owned()));
        }
        if epoch.crashes {
            crashing.crash();
            reached.crashes += 1;
        }
    }
    reached.end(&model);
    None
}

/// Leaves out of a story all that does not make the difference.
fn shrink(config: &AlertConfig, mut epochs: Vec<Epoch>) -> Vec<Epoch> {
    let is_beat = |control: &Control| matches!(control, Control::Beat { is_behind: false, .. });
    let still = |epochs: &[Epoch]| {
        // What is unusual is told at beats.
        let is_told = |it: &Epoch| it.signals.is_empty() || it.controls.iter().any(is_beat);
        epochs.iter().all(is_told) && differs(config, epochs, &mut Reached::default()).is_some()
    };
    loop {
        let before =
            epochs.iter().map(|it| 1 + it.signals.len() + it.controls.len()).sum::<usize>();
        for n in (0..epochs.len()).rev() {
            let mut fewer = epochs.clone();
            fewer.remove(n);
            if still(&fewer) {
                epochs = fewer;
                continue;
            }
            for of in (0..epochs[n].signals.len()).rev() {
                let mut fewer = epochs.clone();
                fewer[n].signals.remove(of);
                epochs = if still(&fewer) { fewer } else { epochs };
            }
            for of in (0..epochs[n].controls.len()).rev() {
                let mut fewer = epochs.clone();
                fewer[n].controls.remove(of);
                epochs = if still(&fewer) { fewer } else { epochs };
            }
        }
        let now = epochs.iter().map(|it| 1 + it.signals.len() + it.controls.len()).sum::<usize>();
        if now == before {
            return epochs;
        }
    }
}

/// A story as a person can read it.
fn told(epochs: &[Epoch]) -> String {
    let signal = |signal: &Signal| {
        let Signal { bucket, news, kind, level, events, service, .. } = signal;
        let (fingerprint, issue, verdict) = (signal.fingerprint.0, signal.issue.0, signal.verdict);
        format!(
            "  {news:?} {kind:?} {level:?} f{fingerprint} i{issue} {service:?} at {} events {events} \
             of {} expected {} surprise {}\n",
            bucket.0, verdict.observed, verdict.expected_milli, verdict.surprise_milli
        )
    };
    let epoch = |(n, epoch): (usize, &Epoch)| {
        let signals: String = epoch.signals.iter().map(signal).collect();
        let controls = epoch.controls.iter().map(|control| format!("  {control:?}\n"));
        let end = if epoch.crashes { "  crash\n" } else { "" };
        format!("epoch {n}\n{signals}{}{end}", controls.collect::<String>())
    };
    epochs.iter().enumerate().map(epoch).collect()
}

#[test]
fn oracle_random_stories_are_told_as_the_rules_say() {
    let mut reached = Reached::default();
    let cases = cases();
    for seed in 0..cases {
        let (config, epochs) = Teller::new(seed).story();
        let Some((n, _)) = differs(&config, &epochs, &mut reached) else { continue };
        let epochs = shrink(&config, epochs[..=n].to_vec());
        let (n, what) = differs(&config, &epochs, &mut Reached::default()).unwrap();
        panic!("seed {seed}, epoch {n}, {config:?}\n{}\n{what}", told(&epochs));
    }
    println!("{reached:#?}");
    if cases < CASES {
        return;
    }
    assert_eq!(reached.states.len(), AlertState::ALL.len(), "{reached:#?}");
    assert_eq!(reached.transitions.len(), 8, "{reached:#?}");
    assert_eq!(reached.news.len(), 7, "{reached:#?}");
    // The five kinds of what comes on three levels, and silences of fingerprints and services.
    assert_eq!(reached.levels.len(), 3 * 5 + 2, "{reached:#?}");
    assert!(reached.silenced > 0 && reached.deploys > 0 && reached.crowded > 0, "{reached:#?}");
}

#[allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]
fn cases() -> u64 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES)
}
