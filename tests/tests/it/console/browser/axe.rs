//! Whether people who cannot see, point or read small print can use a page, as far as a program can tell.

use super::Page;

/// axe-core, as it is published.
const AXE: &str = include_str!("../axe.min.js");

/// What of its findings matters, each in a line.
const RUN: &str = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations
    .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
    .map((violation) => `${violation.impact} ${violation.id}, ${violation.help}: ` + violation.nodes
        .map((node) => `${node.target.join(' ')} (${node.any.concat(node.all, node.none).map((check) => check.message).join('; ')})`)
        .join(', ')))";

impl Page {
    /// What of the page as it stands somebody could not use.
    pub async fn barriers(&self) -> Vec<String> {
        // By the protocol, past the page's policy of what may run in it. A form that was just sent may open another page
        // between the two, which has none.
        for _ in 0..5 {
            let found = self.evaluate(&format!("typeof axe === 'undefined' ? null : {RUN}")).await;
            if let Some(found) = found.as_array() {
                return found.iter().map(|line| line.as_str().expect("a line").to_owned()).collect();
            }
            self.evaluate(&format!("{AXE}; true")).await;
        }
        panic!("axe does not stay on the page");
    }
}
