use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Gives one token after another, each for a while, or fails.
#[derive(Default)]
struct Source {
    asked: AtomicU32,
    is_away: Mutex<bool>,
}

const LIFETIME: Duration = Duration::from_secs(60);

impl TokenSource for Source {
    fn renew<'a>(&'a self, _refused: Option<&'a AccessToken>) -> RenewedFuture<'a> {
        Box::pin(async {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            if *self.is_away.lock() {
                return Err(ShopifyError::Unreachable);
            }
            Ok(Renewed { token: AccessToken::new(number.to_string()), left: LIFETIME, lifetime: LIFETIME })
        })
    }
}

fn token() -> Arc<RenewingToken<Source>> {
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    Arc::new(RenewingToken::new(shop, Source::default()))
}

impl RenewingToken<Source> {
    fn asked(&self) -> u32 {
        self.source.asked.load(Ordering::SeqCst)
    }

    /// So much time passes.
    async fn pass(&self, time: Duration) {
        if let Some(kept) = &mut *self.kept.lock() {
            kept.renew_at -= time;
            kept.ends_at -= time;
            kept.replaced_at = kept.replaced_at.map(|at| at - time);
        }
        if let Some(failed) = &mut *self.turn.lock().await {
            failed.until -= time;
        }
    }

    async fn revealed(&self) -> String {
        self.token().await.unwrap().reveal().to_owned()
    }
}

/// What a crowd of callers is given.
async fn crowd(token: &Arc<RenewingToken<Source>>) -> Vec<String> {
    let one = || {
        let token = Arc::clone(token);
        tokio::spawn(async move { token.revealed().await })
    };
    let mut given = Vec::new();
    for task in (0..100).map(|_| one()).collect::<Vec<_>>() {
        given.push(task.await.unwrap());
    }
    given.sort();
    given.dedup();
    given
}

#[tokio::test]
async fn a_crowd_makes_one_renewal_and_a_token_that_is_good_none() {
    let token = token();
    assert_eq!(crowd(&token).await, ["1"]);
    assert_eq!(crowd(&token).await, ["1"]);
    assert_eq!(token.asked(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_while_others_use_the_old_one() {
    let token = token();
    assert_eq!(token.revealed().await, "1");
    token.pass(Duration::from_secs(44)).await;
    assert_eq!(token.revealed().await, "1");
    token.pass(Duration::from_secs(2)).await;
    let given = crowd(&token).await;
    assert_eq!(given, ["1", "2"], "one renews, the others go on");
    assert_eq!(token.asked(), 2);
    assert_eq!(crowd(&token).await, ["2"]);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_token_as_long_as_it_is_good() {
    let token = token();
    assert_eq!(token.revealed().await, "1");
    *token.source.is_away.lock() = true;
    token.pass(Duration::from_secs(46)).await;
    assert_eq!(crowd(&token).await, ["1"]);
    assert_eq!(token.asked(), 2, "nobody tries again at once");
    token.pass(Duration::from_secs(15)).await;
    assert_eq!(token.token().await.unwrap_err(), ShopifyError::Unreachable);
    assert_eq!(token.token().await.unwrap_err(), ShopifyError::Unreachable);
    assert_eq!(token.asked(), 3);
    *token.source.is_away.lock() = false;
    token.pass(WAIT_AFTER_FAILURE).await;
    assert_eq!(token.revealed().await, "4");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let token = token();
    let first = token.token().await.unwrap();
    let second = token.instead_of(&first).await.unwrap().unwrap();
    assert_eq!(second.reveal(), "2");
    assert_eq!(token.instead_of(&first).await.unwrap(), Some(second.clone()), "others get the same");
    assert_eq!(token.asked(), 2);
    assert_eq!(token.instead_of(&second).await.unwrap(), None, "another would not be taken either");
    assert_eq!(token.asked(), 2);
    token.pass(ONE_REPLACEMENT_WITHIN).await;
    assert_eq!(token.instead_of(&second).await.unwrap().unwrap().reveal(), "3");
}
