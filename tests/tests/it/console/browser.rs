//! A real browser for tests: headless Chromium, driven by the DevTools protocol over a pipe.
//!
//! A pipe and not a port: nobody else can connect, and the browser ends by itself when the tests do.

mod axe;
mod page;
mod pipe;

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use serde_json::{Value, json};

use super::super::world::World;
pub use page::{Page, Screen};
use pipe::Pipe;

/// What nobody needs in a test, or would ask others on the network.
const FLAGS: [&str; 14] = [
    "--headless=new",
    // Pages of ours alone are opened, and the sandbox needs what root and containers do not have.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--hide-scrollbars",
];

/// A browser with a profile of its own; it ends with this value.
pub struct Browser {
    pipe: Pipe,
    process: Child,
    said: Option<JoinHandle<String>>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Self {
        let program = std::env::var("TEST_CHROMIUM").expect("`make test` finds a Chromium");
        let profile = tempfile::tempdir().expect("a folder is made");
        // It reads commands from its third descriptor and answers on its fourth, which a shell can arrange.
        let mut process = Command::new("/bin/sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", &program])
            .args(FLAGS)
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            // Sessions of a desktop are none of its business.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let mut errors = process.stderr.take().expect("standard error");
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            // It ends when the browser does.
            let _ = errors.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let pipe = Pipe::new(
            process.stdin.take().expect("standard input"),
            process.stdout.take().expect("standard output"),
        );
        let mut browser = Self { pipe, process, said: Some(said), _profile: profile };
        if let Err(error) = browser.pipe.ask(None, "Browser.getVersion", json!({})).await {
            browser.end();
            let said = browser.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
            panic!("the browser does not answer ({error}); it said:\n{said}");
        }
        browser
    }

    /// An empty page that shares no cookies with others, for the console of a world.
    pub async fn page(&self, world: &World) -> Page {
        let context = self.ask("Target.createBrowserContext", json!({})).await;
        let target = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = self.ask("Target.createTarget", target).await;
        let session = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask("Target.attachToTarget", session).await;
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        Page::new(self.pipe.clone(), session, world.api("/console")).await
    }

    async fn ask(&self, method: &str, parameters: Value) -> Value {
        self.pipe.ask(None, method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.end();
    }
}
