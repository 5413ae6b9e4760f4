//! Failures planted into the programs built with the feature `faults`, and the stage hands' doors of
//! the stand-ins.

use domain::Step;

use super::{Placed, Program, World};

impl World {
    /// Plants a failure for the next `times` times this order comes to the step. Moments are `before`,
    /// `twice` and `after`; actions `database`, `fail`, `fail_for_good`, `hang` and `die`.
    pub async fn plant(&self, order: &Placed, step: Step, moment: &str, action: &str, times: i32) {
        sqlx::query(
            "INSERT INTO faults.planted (step, moment, action, shopify_order_id, times) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(step.as_str())
        .bind(moment)
        .bind(action)
        .bind(order.id)
        .bind(times)
        .execute(&self.pool)
        .await
        .expect("the failure is planted");
    }

    /// Starts a program anew with a fault of the whole product planted; an empty name is none.
    pub fn restart_with(&self, program: Program, fault: &str) {
        self.kill(program);
        self.set_environment("WAYBILL_PLANTED", fault);
        self.start_program(program);
    }

    /// Has a stage hand of a stand-in do something: pay, cancel, ship, release.
    pub async fn stage(&self, address: String) {
        let answer = self.http.post(&address).send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{address}: {}", answer.text().await.unwrap_or_default());
    }
}
