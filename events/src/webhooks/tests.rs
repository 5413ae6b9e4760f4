use super::*;

#[test]
fn no_address_is_called_that_the_internet_does_not_reach() {
    for private in [
        "127.0.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fd00::1",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::7f00:1",
        "fec0::1",
    ] {
        assert!(is_private(private.parse().unwrap()), "{private}");
    }
    for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1"] {
        assert!(!is_private(public.parse().unwrap()), "{public}");
    }
    assert_eq!(PRIVATE.len(), 24, "each of them is read");
}

#[test]
fn a_signature_is_that_of_the_specifications_example() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    assert_eq!(signature("no secret", "msg", 0, b""), None);
}

#[test]
fn who_is_away_is_waited_for_and_who_refuses_speaks_against_the_event() {
    let of = |status| meaning(StatusCode::from_u16(status).unwrap());
    assert_eq!([of(200), of(204)], [Ok(()), Ok(())]);
    for away in [408, 429, 502, 503, 504] {
        assert!(matches!(of(away), Err(SinkError::Away(_))), "{away}");
    }
    // A redirect is not followed.
    for refused in [302, 400, 404, 410, 500] {
        assert!(matches!(of(refused), Err(SinkError::Refused(_))), "{refused}");
    }
}
