//! The DevTools protocol: commands, their answers, and events, as JSON with a zero byte after each.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};

/// No command takes so long, not even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Answer = Result<Value, String>;

/// The way to a browser.
#[derive(Clone)]
pub(super) struct Pipe(Arc<Ends>);

struct Ends {
    commands: Mutex<(u64, ChildStdin)>,
    heard: Mutex<Heard>,
}

/// What came back.
#[derive(Default)]
struct Heard {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    /// By session.
    events: HashMap<String, Vec<Value>>,
    has_ended: bool,
}

impl Pipe {
    pub(super) fn new(commands: ChildStdin, answers: ChildStdout) -> Self {
        let ends = Arc::new(Ends { commands: Mutex::new((0, commands)), heard: Mutex::default() });
        let hearing = Arc::clone(&ends);
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                hearing.hear(&message);
            }
            let mut heard = hearing.heard.lock().unwrap();
            heard.has_ended = true;
            heard.waiting.clear();
        });
        Self(ends)
    }

    /// Asks the browser, or a page of it, to do something.
    pub(super) async fn ask(&self, session: Option<&str>, method: &str, parameters: Value) -> Answer {
        let (told, answer) = oneshot::channel();
        {
            let mut commands = self.0.commands.lock().unwrap();
            commands.0 += 1;
            let mut command = json!({"id": commands.0, "method": method, "params": parameters});
            if let Some(session) = session {
                command["sessionId"] = json!(session);
            }
            let mut heard = self.0.heard.lock().unwrap();
            if heard.has_ended {
                return Err("the browser has ended".to_owned());
            }
            heard.waiting.insert(commands.0, told);
            drop(heard);
            let mut bytes = command.to_string().into_bytes();
            bytes.push(0);
            commands.1.write_all(&bytes).map_err(|error| error.to_string())?;
        }
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("the browser has ended".to_owned()),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }

    /// The events of a page so far.
    pub(super) fn events(&self, session: &str) -> Vec<Value> {
        self.0.heard.lock().unwrap().events.get(session).cloned().unwrap_or_default()
    }
}

impl Ends {
    fn hear(&self, message: &[u8]) {
        let mut message: Value = serde_json::from_slice(message).expect("the browser speaks JSON");
        let mut heard = self.heard.lock().unwrap();
        if let Some(id) = message["id"].as_u64() {
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("an error").to_owned()),
                None => Ok(message["result"].take()),
            };
            if let Some(waiting) = heard.waiting.remove(&id) {
                // Whoever asked may have given up.
                let _ = waiting.send(answer);
            }
        } else if let Some(session) = message["sessionId"].as_str() {
            heard.events.entry(session.to_owned()).or_default().push(message);
        }
    }
}
