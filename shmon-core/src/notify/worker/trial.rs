//! Trying sinks by hand: a test message, and what can be found out without one.

use super::Worker;
use super::desk::Desk;
use crate::log::Lines;
use crate::notify::message::{Group, Message};
use crate::notify::sink::Outcome;
use crate::store::Store;
use crate::store::outbox::{Kind, Payload};
use crate::{Error, ErrorKind, Result, time};

/// What a trial of one sink gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// The sink's name.
    pub sink: String,
    /// The service's id of the message, where it gives one.
    pub message_id: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What was found out about one sink without sending anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examination {
    /// The sink's name.
    pub sink: String,
    /// Why it can't send, and what to do; `None` where nothing is wrong.
    pub problem: Option<String>,
}

impl Worker {
    /// Sends a test message through one sink at once, past the outbox but within its limits.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when no sink of this name is configured and enabled; what the store says.
    pub fn trial(&mut self, store: &mut Store, sink: &str, payload: &Payload) -> Result<Trial> {
        let Some(index) = self.desks.iter().position(|d| d.name == sink) else {
            let names: Vec<&str> = self.desks.iter().map(|d| d.name.as_str()).collect();
            let known = if names.is_empty() {
                "none is configured: add [notify.chatwork] or another sink to config.toml".to_owned()
            } else {
                format!("configured are {}", names.join(", "))
            };
            return Err(Error::new(ErrorKind::Invalid, format!("there is no sink '{sink}': {known}")));
        };
        let mut trial = Trial { sink: sink.to_owned(), message_id: None, error: None };
        let opened = match &self.desks[index].sink {
            Ok(opened) => opened.clone(),
            Err(reason) => {
                trial.error = Some(reason.clone());
                return Ok(trial);
            }
        };
        let now = self.now();
        let allowed = self.desks[index].allowed_at(store)?;
        if allowed > now {
            trial.error =
                Some(format!("its limit is used up until {}: try again then", time::local(allowed)));
            return Ok(trial);
        }
        let scopes: Vec<String> = opened.limits().into_iter().map(|l| l.scope).collect();
        store.note_requests(&scopes, now)?;
        let desk = &self.desks[index];
        let message = Message {
            name: self.name.clone(),
            lang: desk.lang,
            template: desk.template.clone(),
            first: Payload { kind: Kind::Test, ..payload.clone() },
            group: Group::Single,
            shrink: 1,
        };
        let mut lines = Lines::new();
        match opened.send(&message).outcome {
            Outcome::Sent { id, answer } => {
                lines.notified(now, opened.label(), &answer);
                trial.message_id = id;
            }
            Outcome::Unknown(reason) => trial.error = Some(format!("it may have arrived: {reason}")),
            other => trial.error = Some(other.reason()),
        }
        let _ = self.log.append(&lines);
        Ok(trial)
    }

    /// Looks at every sink that takes part: whether its secret can be read and, where `online`, whether the service
    /// answers and takes the secret. Nobody is told anything.
    pub fn examine(&self, online: bool) -> Vec<Examination> {
        let problem = |desk: &Desk| -> std::result::Result<(), String> {
            let sink = desk.sink.as_ref().map_err(Clone::clone)?;
            sink.ready()?;
            match online.then(|| sink.reach().outcome) {
                None | Some(Outcome::Sent { .. }) => Ok(()),
                Some(outcome) => Err(outcome.reason()),
            }
        };
        self.desks
            .iter()
            .map(|desk| Examination { sink: desk.name.clone(), problem: problem(desk).err() })
            .collect()
    }
}
