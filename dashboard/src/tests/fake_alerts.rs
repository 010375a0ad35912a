//! A fake [`AlertAdmin`]: takes note of what it is told.

use engine::component::{AlertAdmin, NotifierRow, Refusal};
use engine::model::{AlertKey, Command, Deploy, NoticeId, Silence};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Decisions that nothing follows from.
pub(super) struct FakeAlerts {
    pub(super) decided: Mutex<Vec<Command>>,
    /// Whether decisions are committed.
    pub(super) durable: AtomicBool,
    /// Whether the engine runs.
    pub(super) running: AtomicBool,
}

impl Default for FakeAlerts {
    fn default() -> Self {
        let yes = || AtomicBool::new(true);
        Self { decided: Mutex::default(), durable: yes(), running: yes() }
    }
}

impl FakeAlerts {
    /// The alert that has ended.
    pub(super) const ENDED: AlertKey = AlertKey(11);

    fn check(&self, alert: AlertKey) -> Result<(), Refusal> {
        match alert {
            AlertKey(9) => Ok(()),
            Self::ENDED => Err(Refusal::Conflict("it has ended already".to_owned())),
            other => Err(Refusal::Unknown(format!("alert `{other}`"))),
        }
    }

    fn durable(&self) -> Result<bool, Refusal> {
        match self.running.load(Ordering::Relaxed) {
            true => Ok(self.durable.load(Ordering::Relaxed)),
            false => Err(Refusal::NotNow("the engine takes no orders now".to_owned())),
        }
    }
}

impl AlertAdmin for FakeAlerts {
    fn decide(&self, command: Command) -> Result<bool, Refusal> {
        match &command {
            Command::Acknowledge { alert, .. }
            | Command::Snooze { alert, .. }
            | Command::Resolve { alert, .. } => self.check(*alert)?,
            Command::Unsilence { id } => {
                let known = self.silences().iter().any(|silence| silence.id == *id);
                let unknown = || Refusal::Unknown(format!("silence `{id}`"));
                known.then_some(()).ok_or_else(unknown)?;
            }
            _ => {}
        }
        let durable = self.durable()?;
        self.decided.lock().unwrap().push(command);
        Ok(durable)
    }

    fn silences(&self) -> Vec<Silence> {
        let decided = self.decided.lock().unwrap();
        let mut silences = Vec::new();
        for command in decided.iter() {
            match command {
                Command::Silence(silence) => silences.push(silence.clone()),
                Command::Unsilence { id } => silences.retain(|silence| silence.id != *id),
                _ => {}
            }
        }
        silences
    }

    fn deploys(&self) -> Vec<Deploy> {
        let decided = self.decided.lock().unwrap();
        let deploys = decided.iter().filter_map(|command| match command {
            Command::Deploy(deploy) => Some(deploy.clone()),
            _ => None,
        });
        deploys.collect()
    }

    fn notifiers(&self) -> Vec<NotifierRow> {
        let trouble = Some("connection refused".to_owned());
        let (id, r#type) = ("pager".to_owned(), "webhook".to_owned());
        vec![NotifierRow { id, r#type, waiting: 1, delivered: 2, dead: 3, trouble }]
    }

    fn resend(&self, notice: NoticeId, notifier: &str) -> Result<bool, Refusal> {
        match (notice, notifier) {
            (NoticeId(3), "pager") => self.durable(),
            (NoticeId(2), "pager") => Err(Refusal::Conflict("it was accepted".to_owned())),
            _ => Err(Refusal::Unknown(format!("notice `{notice}`"))),
        }
    }
}
