//! What a token says it is.

use super::*;

#[tokio::test]
async fn a_token_of_another_kind_is_none_for_us() {
    let (verifier, signer) = (of_secret(), Signer::secret(SECRET));
    let of_kind = |kind: Value| signer.token(&json!({"alg": "HS256", "typ": kind}), &claims());
    for kind in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        assert!(is_good(&verifier, &of_kind(json!(kind))).await, "{kind}");
    }
    for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", ""] {
        assert_eq!(refused(&verifier, &of_kind(json!(kind))).await, "another kind of token", "{kind}");
    }
}
