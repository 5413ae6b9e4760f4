//! A page in a browser: what a person does with it and sees of it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::pipe::Pipe;
use crate::world::until;

/// How long something may take to be seen. Pages hear of changes within two seconds, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(45);

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// 1280 by 900.
    Desktop,
    /// 390 by 844, touched and not pointed at.
    Phone,
}

/// A page that is open.
pub struct Page {
    pipe: Pipe,
    session: String,
    console: String,
}

impl Page {
    pub(super) async fn new(pipe: Pipe, session: String, console: String) -> Self {
        let page = Self { pipe, session, console };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.ask(&format!("{domain}.enable"), json!({})).await;
        }
        page.ask("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
        page.screen(Screen::Desktop).await;
        page
    }

    async fn ask(&self, method: &str, parameters: Value) -> Value {
        let answer = self.pipe.ask(Some(&self.session), method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    // What is opened, and on what.

    /// Opens a page of the console, by its path after `/console`.
    pub async fn open(&self, path: &str) {
        self.visit(&format!("{}{path}", self.console)).await;
    }

    /// Opens any page, and waits until it is there.
    pub async fn visit(&self, address: &str) {
        let answer = self.ask("Page.navigate", json!({"url": address})).await;
        assert_eq!(answer["errorText"], Value::Null, "{address} opens");
        self.until("it is loaded", async || {
            (self.look("document.readyState").await? == "complete").then_some(())
        })
        .await;
    }

    /// The path of what is open now.
    pub async fn path(&self) -> String {
        let path = self.evaluate("location.pathname + location.search").await;
        path.as_str().expect("a path").to_owned()
    }

    /// Shows it on another screen.
    pub async fn screen(&self, screen: Screen) {
        let (width, height, mobile) = match screen {
            Screen::Desktop => (1280, 900, false),
            Screen::Phone => (390, 844, true),
        };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.ask("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Whether the reader prefers dark pages, and pages that do not move.
    pub async fn prefer(&self, dark: bool, still: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let motion = if still { "reduce" } else { "no-preference" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme},
                              {"name": "prefers-reduced-motion", "value": motion}]);
        self.ask("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Where the reader is.
    pub async fn time_zone(&self, name: &str) {
        self.ask("Emulation.setTimezoneOverride", json!({"timezoneId": name})).await;
    }

    /// Loses all cookies, as when a browser is told to forget.
    pub async fn forget(&self) {
        self.ask("Network.clearBrowserCookies", json!({})).await;
    }

    /// From now on no script of a page runs.
    pub async fn without_script(&self) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    /// What is downloaded from now on is kept in a folder.
    pub async fn downloads_to(&self, folder: &Path) {
        let wanted = json!({"behavior": "allow", "downloadPath": folder.display().to_string()});
        self.ask("Page.setDownloadBehavior", wanted).await;
    }

    /// The cookies of the console, and only those.
    pub async fn cookies(&self) -> Vec<Value> {
        let answer = self.ask("Network.getCookies", json!({"urls": [format!("{}/", self.console)]})).await;
        answer["cookies"].as_array().expect("a list").clone()
    }

    // What is seen.

    /// What an expression comes to; a promise is waited for.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let answer = self.try_to_evaluate(expression).await;
        answer.unwrap_or_else(|error| panic!("{error}, by {}", expression.get(..200).unwrap_or(expression)))
    }

    async fn try_to_evaluate(&self, expression: &str) -> Result<Value, String> {
        let is_promise = expression.contains(".then(");
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": is_promise});
        let mut answer = self.pipe.ask(Some(&self.session), "Runtime.evaluate", asked).await?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// The same while another page may be on its way.
    async fn look(&self, expression: &str) -> Option<Value> {
        self.try_to_evaluate(expression).await.ok().filter(|value| !value.is_null())
    }

    /// Looks again and again; where it fails, says what the page shows.
    pub async fn until<T>(&self, what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
        match tokio::time::timeout(PATIENCE, until(what, PATIENCE * 2, ask)).await {
            Ok(found) => found,
            Err(_) => {
                let shown = self.look("`${location.href}\\n${document.body.innerText}`").await;
                panic!(
                    "{what}: not within {PATIENCE:?} on\n{}",
                    shown.unwrap_or_default().as_str().unwrap_or("?")
                )
            }
        }
    }

    /// The text of what a selector finds first, as it is shown; none if there is nothing.
    pub async fn text(&self, selector: &str) -> Option<String> {
        let text =
            format!("document.querySelector({})?.innerText.replace(/\\s+/g, ' ').trim()", json!(selector));
        self.look(&text).await?.as_str().map(str::to_owned)
    }

    /// The texts of all that a selector finds.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let all = format!(
            "Array.from(document.querySelectorAll({}), (one) => one.innerText.replace(/\\s+/g, ' ').trim())",
            json!(selector)
        );
        let found = self.look(&all).await.unwrap_or_default();
        found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Waits until something is there and says this among other things; all that it says.
    pub async fn until_says(&self, selector: &str, words: &str) -> String {
        let says = async || self.text(selector).await.filter(|text| text.contains(words));
        self.until(&format!("{selector} says {words:?}"), says).await
    }

    /// Waits until a selector finds something, or nothing.
    pub async fn until_there(&self, selector: &str, is_there: bool) {
        let expression = format!("document.querySelector({}) !== null", json!(selector));
        let is_so = async || (self.look(&expression).await? == is_there).then_some(());
        self.until(&format!("{selector} is there: {is_there}"), is_so).await;
    }

    /// How many a selector finds.
    pub async fn count(&self, selector: &str) -> usize {
        self.texts(selector).await.len()
    }

    /// What a person was told that became of what they did; waits for it.
    pub async fn until_told(&self, words: &str) -> String {
        self.until_says("#said", words).await
    }

    /// A picture, if somebody wants to look (`TEST_SCREENSHOTS` names a folder).
    pub async fn picture(&self, name: &str) {
        let Ok(folder) = std::env::var("TEST_SCREENSHOTS") else { return };
        let shot =
            self.ask("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true})).await;
        let png = STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64");
        std::fs::create_dir_all(&folder).expect("the folder is made");
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), png).expect("the picture is kept");
    }

    // What is done.

    /// Presses the mouse on what a selector finds, where it is shown, as often as `times` says.
    async fn press_mouse(&self, selector: &str, times: u32) {
        let place = format!(
            "(() => {{ const one = document.querySelector({}); if (!one) return null;
               one.scrollIntoView({{block: 'center', behavior: 'instant'}});
               const box = one.getBoundingClientRect();
               if (box.width === 0 || box.height === 0) return null;
               const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
               const hit = document.elementFromPoint(x, y);
               return hit && (one.contains(hit) || hit.contains(one)) ? [x, y] : null; }})()",
            json!(selector)
        );
        let place = self.until(&format!("{selector} can be pressed"), async || self.look(&place).await).await;
        let mut event = json!({"x": place[0], "y": place[1], "button": "none", "type": "mouseMoved"});
        self.ask("Input.dispatchMouseEvent", event.clone()).await;
        event["button"] = json!("left");
        for click in 1..=times {
            event["clickCount"] = json!(click);
            for kind in ["mousePressed", "mouseReleased"] {
                event["type"] = json!(kind);
                self.ask("Input.dispatchMouseEvent", event.clone()).await;
            }
        }
    }

    /// Clicks.
    pub async fn click(&self, selector: &str) {
        self.press_mouse(selector, 1).await;
    }

    /// Clicks twice, fast.
    pub async fn double_click(&self, selector: &str) {
        self.press_mouse(selector, 2).await;
    }

    /// Writes into a field, over what is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.evaluate("document.activeElement.select?.()").await;
        self.type_text(text).await;
    }

    /// Writes where the cursor is.
    pub async fn type_text(&self, text: &str) {
        self.ask("Input.insertText", json!({"text": text})).await;
    }

    /// Presses a key: a letter, or one of those with a name.
    pub async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            letter => (u32::from(letter.to_uppercase().as_bytes()[0]), letter),
        };
        let mut event = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text});
        self.ask("Input.dispatchKeyEvent", event.clone()).await;
        event["type"] = json!("keyUp");
        event["text"] = json!("");
        self.ask("Input.dispatchKeyEvent", event).await;
    }

    /// Marks the page that is open now, so that it can be told from a newly loaded one.
    pub async fn mark(&self) {
        self.evaluate("window.isTheSame = true").await;
    }

    /// Whether it is the page that was marked, and was not loaded again.
    pub async fn is_marked(&self) -> bool {
        self.evaluate("window.isTheSame === true").await == true
    }

    // What went wrong.

    /// The forms that were sent.
    pub fn posts(&self) -> usize {
        let events = self.pipe.events(&self.session);
        let sent = events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter(|event| event["params"]["request"]["method"] == "POST").count()
    }

    /// What the browser complained of: errors of scripts, resources that were refused, words on its console. A page
    /// that is itself refused is not meant.
    pub fn troubles(&self) -> Vec<String> {
        let events = self.pipe.events(&self.session);
        let is_a_page = |address: &Value| {
            events.iter().any(|event| {
                event["method"] == "Network.responseReceived"
                    && event["params"]["type"] == "Document"
                    && event["params"]["response"]["url"] == *address
            })
        };
        let trouble = |event: &Value| {
            let said = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(said["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" => Some(said["args"].to_string()),
                "Log.entryAdded" => {
                    let entry = &said["entry"];
                    let is_bad = entry["level"] == "error" || entry["level"] == "warning";
                    let is_own = entry["source"] == "network" && is_a_page(&entry["url"]);
                    (is_bad && !is_own).then(|| entry.to_string())
                }
                // Leaving a page ends what it was loading.
                "Network.loadingFailed"
                    if said["canceled"] != true && said["errorText"] != "net::ERR_ABORTED" =>
                {
                    Some(said.to_string())
                }
                _ => None,
            }
        };
        events.iter().filter_map(trouble).collect()
    }
}
