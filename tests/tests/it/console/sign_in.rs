//! Signing in at an issuer, with OpenID Connect.

use std::time::Duration;

use reqwest::{Response, StatusCode, header, redirect::Policy};
use url::Url;

use super::{
    Browser,
    browser::{Page, Screen},
    entrance::token_cookie,
    issuer::{AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer},
};
use crate::world::{self, Plan, Program, World};

/// A world where people sign in at this issuer.
async fn world_of(issuer: &Issuer) -> World {
    let plan = Plan { env: vec![("API_REQUIRE_TOKEN", "true".to_owned())], ..Plan::default() };
    let world = World::start(plan).await;
    for (name, value) in [
        ("AUTH_HS256_SECRET", ""),
        ("AUTH_JWKS_URL", issuer.url("/keys").as_str()),
        ("AUTH_ISSUER", issuer.url("").as_str()),
        ("AUTH_AUDIENCE", AUDIENCE),
        ("CONSOLE_URL", world.api("/console").as_str()),
        ("CONSOLE_OIDC_CLIENT_ID", CLIENT_ID),
        ("CONSOLE_OIDC_CLIENT_SECRET", CLIENT_SECRET),
        ("CONSOLE_OIDC_PARAMETERS", &format!("audience={AUDIENCE}")),
    ] {
        world.set_environment(name, value);
    }
    world.kill(Program::Api);
    world.start_program(Program::Api);
    world.until_ready().await;
    world
}

/// From the page for signing in, as somebody that the issuer does not know yet.
async fn sign_in_as(page: &Page, who: &str) {
    page.click("#at-issuer").await;
    page.click(&format!("#{who}")).await;
}

#[test]
fn people_sign_in_at_the_issuer_come_back_when_it_ends_and_sign_out_there() {
    world::run(async {
        let issuer = Issuer::start().await;
        let world = world_of(&issuer).await;
        let browser = Browser::start().await;
        let page = browser.page(&world).await;

        // By the button, to the page that was wanted.
        page.open("/orders?status=SHIPPED").await;
        page.until_there("#at-issuer", true).await;
        assert_eq!(page.barriers().await, [""; 0]);
        for (screen, is_dark, name) in [
            (Screen::Desktop, false, "sign-in"),
            (Screen::Desktop, true, "sign-in-dark"),
            (Screen::Phone, false, "sign-in-phone"),
        ] {
            page.screen(screen).await;
            page.prefer(is_dark, true).await;
            page.picture(name).await;
        }
        page.screen(Screen::Desktop).await;
        page.prefer(false, true).await;
        sign_in_as(&page, "brief").await;
        page.until_says(".who", "brief").await;
        assert_eq!(page.path().await, "/console/orders?status=SHIPPED", "what was wanted");
        assert_eq!(page.evaluate("document.cookie").await, "", "no script reads it");
        assert_eq!(page.cookies().await.len(), 1, "nothing of the sign-in is left");

        // When it ends, the next page goes there by itself, and comes back.
        let so_far = issuer.sent_back();
        page.until("the token ends", async || {
            page.open("/stock?search=SHIRT").await;
            (issuer.sent_back() > so_far).then_some(())
        })
        .await;
        page.until_says(".who", "brief").await;
        assert_eq!(page.path().await, "/console/stock?search=SHIRT");

        // Once: who comes back with a token that is good for nothing is not sent there again.
        page.visit(&issuer.url("/session?who=another-audience")).await;
        let so_far = issuer.sent_back();
        page.until("the token ends", async || {
            page.open("/lanes").await;
            (issuer.sent_back() > so_far).then_some(())
        })
        .await;
        let said = page.until_says("[role=alert]", "refused here").await;
        assert!(said.contains(&format!("its aud: {AUDIENCE}")) && said.contains("its roles"), "{said}");
        assert_eq!(token_cookie(&page).await, None);
        assert_eq!(page.barriers().await, [""; 0]);
        page.picture("sign-in-refused").await;
        page.open("/lanes").await;
        page.until_there("#at-issuer", true).await;
        assert_eq!(page.path().await, "/console/sign-in?to=%2Flanes");
        assert_eq!(issuer.sent_back(), so_far + 1);

        // Who has no role here may be somebody else as well.
        page.visit(&issuer.url("/session?who=carl")).await;
        page.open("/lanes").await;
        page.click("#at-issuer").await;
        page.until_says("[role=alert]", "you have no role here").await;
        assert_eq!(token_cookie(&page).await, None);
        page.click("#as-another").await;
        page.click("#vera").await;
        page.until_says(".who", "vera may look, not act").await;
        assert_eq!(page.path().await, "/console/lanes");
        let acting = page.texts("form[method=post]:not([action$=sign-out]) button, .act").await;
        assert_eq!(acting, [""; 0]);

        // Signed out is signed out at the issuer too.
        page.click(".who form button").await;
        page.until_there("#at-issuer", true).await;
        assert_eq!(page.path().await, "/console/sign-in");
        assert_eq!(token_cookie(&page).await, None);
        sign_in_as(&page, "ada").await;
        page.until_says(".who", "ada").await;
        // Pages that are none of the console's have no icon.
        let troubles: Vec<String> =
            page.troubles().into_iter().filter(|trouble| !trouble.contains("/favicon.ico")).collect();
        assert_eq!(troubles, [""; 0]);
    });
}

/// Goes where a browser would, one step at a time and with the cookies it is told.
struct Steps<'a> {
    world: &'a World,
    issuer: &'a Issuer,
    http: reqwest::Client,
}

/// A sign-in that was begun: the cookie that keeps it, and where the issuer leads back to.
struct Begun {
    cookie: String,
    back: Url,
}

impl<'a> Steps<'a> {
    fn new(world: &'a World, issuer: &'a Issuer) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0).build();
        Self { world, issuer, http: http.expect("a client") }
    }

    async fn get(&self, url: &str, cookie: &str) -> Response {
        self.http.get(url).header(header::COOKIE, cookie).send().await.expect("an answer")
    }

    async fn begin(&self, who: &str) -> Begun {
        let start = self.get(&self.world.api("/console/sign-in/start?to=/stock"), "a=b").await;
        assert_eq!(start.status(), StatusCode::SEE_OTHER);
        let cookie = cookies(&start).into_iter().next().expect("a cookie");
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        let authorize = format!("{}&who={who}", location(&start));
        assert!(authorize.starts_with(&self.issuer.url("/authorize?")), "{authorize}");
        let back = location(&self.get(&authorize, "a=b").await);
        Begun { cookie, back: back.parse().expect("a URL") }
    }

    /// What the console says of it; the page is that for signing in, and no token is kept.
    async fn refused(&self, back: &Url, cookie: &str, status: StatusCode) -> String {
        let answer = self.get(back.as_str(), cookie).await;
        assert_eq!(answer.status(), status);
        let kept = cookies(&answer);
        assert!(!kept.iter().any(|cookie| cookie.starts_with("waybill-token=")), "{kept:?}");
        let page = answer.text().await.expect("a page");
        assert!(page.contains("id=\"at-issuer\""), "{page}");
        let (_, said) = page.split_once("<div role=\"alert\">").expect("an alert");
        said.split_once("id=\"at-issuer\"").expect("a way on").0.to_owned()
    }
}

fn location(answer: &Response) -> String {
    answer.headers()[header::LOCATION].to_str().expect("an address").to_owned()
}

fn cookies(answer: &Response) -> Vec<String> {
    let lines = answer.headers().get_all(header::SET_COOKIE).iter();
    lines.map(|line| line.to_str().expect("text").to_owned()).collect()
}

fn with(back: &Url, name: &str, value: &str) -> Url {
    let pairs = back.query_pairs().map(|(known, given)| {
        let value = if known == name { value.to_owned() } else { given.into_owned() };
        (known.into_owned(), value)
    });
    let pairs: Vec<(String, String)> = pairs.filter(|(_, value)| !value.is_empty()).collect();
    let mut changed = back.clone();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed
}

#[test]
fn what_is_not_of_a_sign_in_begun_here_signs_nobody_in() {
    world::run(async {
        let issuer = Issuer::start().await;
        let world = world_of(&issuer).await;
        let steps = Steps::new(&world, &issuer);

        // Who comes back as they went is let in, and once.
        let Begun { cookie, back } = steps.begin("ada").await;
        let answer = steps.get(back.as_str(), &cookie).await;
        assert_eq!((answer.status(), location(&answer).as_str()), (StatusCode::SEE_OTHER, "/console/stock"));
        let kept = cookies(&answer);
        assert!(kept[0].starts_with("waybill-token=ey"), "{kept:?}");
        let name = cookie.split('=').next().expect("a name");
        assert!(kept[1].starts_with(&format!("{name}=; Path=/console/sign-in; Max-Age=0")), "{kept:?}");
        let said = steps.refused(&back, "a=b", StatusCode::BAD_REQUEST).await;
        assert!(said.contains("is over already"), "{said}");
        let said = steps.refused(&back, &cookie, StatusCode::BAD_REQUEST).await;
        assert!(said.contains("it was used already"), "{said}");

        // Another state, another issuer's answer, another verifier; and one without any of them.
        let Begun { cookie, back } = steps.begin("ada").await;
        let state = back.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
        let (others, last) = state.split_at(state.len() - 1);
        let other = format!("{others}{}", if last == "A" { "B" } else { "A" });
        for back in
            [with(&back, "state", &other), with(&back, "state", ""), with(&back, "state", "x; Path=/")]
        {
            let said = steps.refused(&back, &cookie, StatusCode::BAD_REQUEST).await;
            assert!(said.contains("was not begun in this browser"), "{said}");
        }
        for issuer in ["https://evil.example", ""] {
            let said = steps.refused(&with(&back, "iss", issuer), &cookie, StatusCode::BAD_REQUEST).await;
            assert!(said.contains("Another issuer answered"), "{said}");
        }
        let verifier = cookie.split_once("verifier=").expect("a verifier").1;
        let verifier = verifier.split('&').next().expect("a verifier");
        let said =
            steps.refused(&back, &cookie.replace(verifier, &"v".repeat(43)), StatusCode::BAD_REQUEST).await;
        assert!(said.contains("takes this sign-in no more"), "{said}");

        // What the issuer gives has to be of this sign-in, and for us.
        for (who, status, words) in [
            ("another-nonce", StatusCode::BAD_GATEWAY, "not of this sign-in"),
            ("another-audience", StatusCode::BAD_GATEWAY, "refused here"),
            ("opaque", StatusCode::BAD_GATEWAY, "is opaque"),
            ("long", StatusCode::BAD_GATEWAY, "a cookie, which has 4 kB"),
            ("carl", StatusCode::FORBIDDEN, "you have no role here"),
            ("carl-declines", StatusCode::FORBIDDEN, "did not sign you in (access_denied)"),
        ] {
            let Begun { cookie, back } = steps.begin(who).await;
            let said = steps.refused(&back, &cookie, status).await;
            assert!(said.contains(words), "{who}: {said}");
        }

        // Nobody is signed in as somebody else by a link.
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        page.open("/stock").await;
        page.visit(steps.begin("ada").await.back.as_str()).await;
        page.until_says("[role=alert]", "was not begun in this browser").await;
        assert_eq!(token_cookie(&page).await, None);

        // Nobody is led elsewhere, and everybody to the name that the issuer knows.
        let start = steps.get(&world.api("/console/sign-in/start?to=//evil.example/"), "a=b").await;
        let kept = cookies(&start).remove(0);
        assert!(kept.contains("&to=%2F;"), "{kept}");
        let elsewhere = world.api("/console/sign-in/start?to=/stock").replace("127.0.0.1", "localhost");
        let led = location(&steps.get(&elsewhere, "a=b").await);
        assert_eq!(led, world.api("/console/sign-in/start?to=%2Fstock&led=true"));

        // Without its issuer the console says so.
        let Begun { cookie, back } = steps.begin("ada").await;
        issuer.be_away(true);
        let said = steps.refused(&back, &cookie, StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(said.contains("does not answer right now"), "{said}");
        world.kill(Program::Api);
        world.start_program(Program::Api);
        world.until_ready().await;
        page.open("/stock").await;
        page.click("#at-issuer").await;
        page.until_says("[role=alert]", "does not answer right now").await;
        assert_eq!(page.barriers().await, [""; 0]);
        issuer.be_away(false);
        world::until("the issuer is asked again", Duration::from_secs(30), async || {
            let start = steps.get(&world.api("/console/sign-in/start"), "a=b").await;
            (start.status() == StatusCode::SEE_OTHER).then_some(())
        })
        .await;
        for (file, log) in world.logged() {
            let secrets = [CLIENT_SECRET, "code=", "eyJ", back.query().expect("a query")];
            assert!(!secrets.iter().any(|secret| log.contains(secret)), "{file} says what it should not");
        }
    });
}
