//! The second dialect: what stands inside an answer of 200, and what an answer says that is none.

use super::*;

async fn serve_fulfilments(answers: &[(u16, Value)]) -> (Stand, WarehouseClient) {
    let (stand, address) = stand(answers).await;
    (
        stand,
        WarehouseClient::new(WarehouseSettings { dialect: Dialect::Fulfilments, ..settings(address) })
            .unwrap(),
    )
}

fn result(reference: &str, outcome: &str, kind: &str) -> Value {
    json!({"externalReference": reference, "outcome": outcome, "problem": {"kind": kind, "text": "because"}})
}

const OURS: &str = "ORD-20261121-6BA0A415-main-1";

#[tokio::test]
async fn a_hand_over_is_what_its_own_result_says_whatever_became_of_others() {
    let others = result("ORD-20261121-6BA0A415-north-1", "rejected", "blocked");
    let taken = json!({"results": [others, {"externalReference": OURS, "outcome": "created"}]});
    let (stand, client) = serve_fulfilments(&[(200, taken)]).await;
    assert!(!client.ensure_request(&hand_over()).await.unwrap().already);
    let asked = stand.asked.lock().unwrap().clone();
    assert_eq!((asked[0].0.as_str(), asked[0].1.as_str()), ("POST", "/fulfilments"));
    let sent = &asked[0].2["fulfilments"][0];
    assert_eq!((&sent["externalReference"], &sent["facility"]), (&json!(OURS), &json!("main")));
    assert_eq!(sent["items"][0], json!({"articleNumber": "A", "amount": 2}));
    assert_eq!(sent["recipient"]["country"], "GB");
}

#[tokio::test]
async fn every_refusal_inside_200_has_its_class() {
    for (kind, expected, permanent) in [
        ("no_such_article", "WMS_UNKNOWN_SKU", true),
        ("undeliverable", "WMS_BAD_ADDRESS", true),
        ("blocked", "WMS_REFUSED", true),
        ("of_next_year", "WMS_REJECTED", true),
    ] {
        let answer = json!({"results": [result(OURS, "rejected", kind)]});
        let (_, client) = serve_fulfilments(&[(200, answer)]).await;
        let error = client.ensure_request(&hand_over()).await.unwrap_err();
        assert_eq!((error.code(), error.is_permanent()), (expected, permanent), "{kind}");
        assert_eq!(error.vendor_text().as_deref(), Some("because"));
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_of_ours_may_mean_that_it_was_taken() {
    for answer in [json!({"results": []}), json!({"results": [result("another", "created", "")]}), json!({})]
    {
        let (_, client) = serve_fulfilments(&[(200, answer)]).await;
        let error = client.ensure_request(&hand_over()).await.unwrap_err();
        assert!(matches!(error, WarehouseError::UnknownOutcome { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn too_many_calls_are_said_by_403_or_429_and_a_wrong_key_by_403_too() {
    let slower =
        |seconds: Value| json!({"problem": {"kind": "too_many_requests", "retryInSeconds": seconds}});
    for (status, body, waits) in [
        (403, slower(json!(7)), Some(7)),
        (429, slower(json!(null)), Some(3)),
        // A proxy's.
        (429, json!("slow down"), Some(3)),
        (403, json!({"problem": {"kind": "key"}}), None),
        (401, json!({}), None),
    ] {
        let (_, client) = serve_fulfilments(&[(status, body)]).await;
        match (client.ensure_request(&hand_over()).await.unwrap_err(), waits) {
            (WarehouseError::RateLimited { retry_after }, Some(seconds)) => {
                assert_eq!(retry_after, Duration::from_secs(seconds));
            }
            (WarehouseError::Unauthorised { .. }, None) => {}
            (other, _) => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn of_a_package_that_cannot_be_read_nothing_is_left_out() {
    let package = |amount: Value| json!({"packageId": "p-1", "revision": 2, "stage": "left", "items": [{"articleNumber": "A", "amount": amount}]});
    let known = |amount: Value| json!({"fulfilments": [{"externalReference": OURS, "items": [], "packages": [package(amount)]}]});
    let (_, client) = serve_fulfilments(&[(200, known(json!(2))), (200, known(json!("some")))]).await;
    let state = client.request(&hand_over().reference).await.unwrap().unwrap();
    assert_eq!(state.parcels[0].lines, [line("A", 2)]);
    let error = client.request(&hand_over().reference).await.unwrap_err();
    assert_eq!(error, WarehouseError::unknown_outcome("unreadable answer"));
}
