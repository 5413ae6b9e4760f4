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

    /// Plants a failure for as long as it takes until the order is parked by it; [`mend`](Self::mend) ends it.
    /// An attempt whose worker died counts for nothing.
    pub async fn break_down(&self, order: &Placed, step: Step) {
        self.plant(order, step, "before", "fail_for_good", i32::MAX).await;
    }

    /// What was broken down goes again.
    pub async fn mend(&self, order: &Placed, step: Step) {
        sqlx::query(
            "DELETE FROM faults.planted WHERE step = $1 AND shopify_order_id = $2 AND times > 1000000",
        )
        .bind(step.as_str())
        .bind(order.id)
        .execute(&self.pool)
        .await
        .expect("it is mended");
    }

    /// Has every attempt at the step of an order hang at this moment of it, until it is [mended](Self::mend).
    pub async fn hold_up(&self, order: &Placed, step: Step, moment: &str) {
        self.plant(order, step, moment, "hang", i32::MAX).await;
    }

    /// Whether an attempt has come to what is planted for the step for as long as it takes, by now.
    pub async fn has_struck(&self, order: &Placed, step: Step) -> bool {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM faults.planted
                            WHERE step = $1 AND shopify_order_id = $2 AND times BETWEEN 1000001 AND $3 - 1)",
        )
        .bind(step.as_str())
        .bind(order.id)
        .bind(i32::MAX)
        .fetch_one(&self.pool)
        .await
        .expect("what is planted is read")
    }

    /// Failures of this kind that no attempt came to, by step and moment.
    pub async fn still_planted(&self, action: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT step || ' ' || moment FROM faults.planted WHERE action = $1 AND times > 0")
            .bind(action)
            .fetch_all(&self.pool)
            .await
            .expect("what is planted is read")
    }

    /// Has every attempt at a step of an order hang, until it is [let go](Self::let_go).
    pub async fn hang(&self, order_id: &str, step: Step) {
        sqlx::query(
            "INSERT INTO faults.planted (step, moment, action, order_id, times) VALUES ($1, 'before', 'hang', $2, $3)",
        )
        .bind(step.as_str())
        .bind(order_id)
        .bind(i32::MAX)
        .execute(&self.pool)
        .await
        .expect("the failure is planted");
    }

    /// Whether an attempt at the step hangs, or has hung.
    pub async fn has_hung(&self, order_id: &str) -> bool {
        sqlx::query_scalar("SELECT times < $2 FROM faults.planted WHERE order_id = $1")
            .bind(order_id)
            .bind(i32::MAX)
            .fetch_one(&self.pool)
            .await
            .expect("something is planted")
    }

    /// The step is done at the next attempt.
    pub async fn let_go(&self, order_id: &str) {
        sqlx::query("DELETE FROM faults.planted WHERE order_id = $1")
            .bind(order_id)
            .execute(&self.pool)
            .await
            .expect("it is let go");
    }

    /// Starts a program anew with a fault of the whole product planted; an empty name is none.
    pub fn restart_with(&self, program: Program, fault: &str) {
        self.kill(program);
        self.set_environment("WAYBILL_PLANTED", fault);
        self.start_program(program);
    }

    /// Temporal is out of everybody's reach: the API asks where nobody listens, the worker is gone.
    pub async fn take_temporal_away(&self, dead_address: &str) {
        self.kill(Program::Worker);
        self.kill(Program::Api);
        self.set_environment("TEMPORAL_ADDRESS", dead_address);
        self.start_program(Program::Api);
        self.until_listening().await;
    }

    /// Temporal can be reached again.
    pub async fn bring_temporal_back(&self) {
        self.kill(Program::Api);
        let address = std::env::var("TEST_TEMPORAL_ADDRESS").expect("`make test` starts Temporal");
        self.set_environment("TEMPORAL_ADDRESS", &address);
        self.start_program(Program::Api);
        self.start_program(Program::Worker);
        self.until_ready().await;
    }

    /// Has a stage hand of a stand-in do something: pay, cancel, ship, release.
    pub async fn stage(&self, address: String) {
        self.stage_with(address, serde_json::Value::Null).await;
    }

    /// The same, with words about it: what is edited, held, split, moved or refunded.
    pub async fn stage_with(&self, address: String, words: serde_json::Value) {
        let request = self.http.post(&address);
        let request = if words.is_null() { request } else { request.json(&words) };
        let answer = request.send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{address}: {}", answer.text().await.unwrap_or_default());
    }
}
