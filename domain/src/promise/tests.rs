use chrono::TimeDelta;
use proptest::{
    prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest},
    sample,
};

use super::*;

fn time(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn calendar(time_zone: &str, last_pickup: &str, holidays: &[&str]) -> WarehouseCalendar {
    WarehouseCalendar {
        time_zone: time_zone.parse().unwrap(),
        working_days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
        holidays: holidays.iter().map(|text| day(text)).collect(),
        last_pickup: time(last_pickup),
    }
}

fn rules(cut_off: &str, express_cut_off: &str) -> PromiseRules {
    PromiseRules {
        cut_off: time(cut_off),
        express_cut_off: time(express_cut_off),
        express_methods: vec!["Express".to_owned(), "dhl_express".to_owned()],
    }
}

fn leaves_by(
    rules: &PromiseRules,
    calendar: &WarehouseCalendar,
    since: DateTime<Utc>,
    is_express: bool,
) -> Option<DateTime<Utc>> {
    rules.promise(calendar, since, is_express).map(|promise| promise.leaves_by)
}

/// What is promised at each moment.
fn holds(cut_off: &str, calendar: &WarehouseCalendar, promises: &[(&str, &str)]) {
    for (since, promised) in promises {
        let found = leaves_by(&rules(cut_off, cut_off), calendar, moment(since), false);
        assert_eq!(found, Some(moment(promised)), "since {since}");
    }
}

#[test]
fn what_comes_before_the_cut_off_of_a_working_day_leaves_that_day() {
    // Berlin is an hour ahead of UTC in winter. The 25th is a Friday.
    let berlin = calendar("Europe/Berlin", "18:00", &[]);
    holds(
        "14:00",
        &berlin,
        &[
            ("2026-11-25T12:59:59.999Z", "2026-11-25T17:00:00Z"),
            ("2026-11-25T13:00:00Z", "2026-11-26T17:00:00Z"),
            ("2026-11-24T23:00:00Z", "2026-11-25T17:00:00Z"),
            ("2026-11-27T12:00:00Z", "2026-11-27T17:00:00Z"),
            ("2026-11-27T14:00:00Z", "2026-11-30T17:00:00Z"),
            ("2026-11-28T09:00:00Z", "2026-11-30T17:00:00Z"),
        ],
    );
}

#[test]
fn holidays_in_a_row_are_passed_over_with_the_weekend_between_them() {
    let holidays = ["2026-12-24", "2026-12-25", "2026-12-28", "2026-12-29"];
    let berlin = calendar("Europe/Berlin", "24:00", &holidays);
    holds("14:00", &berlin, &[("2026-12-23T14:00:00Z", "2026-12-30T23:00:00Z")]);
}

#[test]
fn a_calendar_of_holidays_alone_promises_the_first_day_after_them() {
    let year: Vec<String> = day("2026-01-01").iter_days().take(365).map(|day| day.to_string()).collect();
    let year: Vec<&str> = year.iter().map(String::as_str).collect();
    let closed = calendar("UTC", "12:00", &year);
    holds("10:00", &closed, &[("2026-01-01T09:00:00Z", "2027-01-01T12:00:00Z")]);
    let never = WarehouseCalendar { working_days: Vec::new(), ..closed };
    assert_eq!(leaves_by(&rules("10:00", "10:00"), &never, moment("2026-01-01T09:00:00Z"), false), None);
}

#[test]
fn at_midnight_the_next_day_begins() {
    let berlin = calendar("Europe/Berlin", "24:00", &[]);
    holds(
        "24:00",
        &berlin,
        &[
            ("2026-11-25T22:59:59Z", "2026-11-25T23:00:00Z"),
            ("2026-11-25T23:00:00Z", "2026-11-26T23:00:00Z"),
            ("2026-11-27T22:59:59Z", "2026-11-27T23:00:00Z"),
        ],
    );
    // Nothing leaves on the day it comes.
    holds("00:00", &berlin, &[("2026-11-24T23:00:00Z", "2026-11-26T23:00:00Z")]);
}

#[test]
fn the_clock_on_the_wall_counts_on_days_on_which_it_is_changed() {
    // In 2026 it goes from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October, both Sundays.
    let mut berlin = calendar("Europe/Berlin", "20:00", &[]);
    berlin.working_days.push(Weekday::Sun);
    holds(
        "14:00",
        &berlin,
        &[
            ("2026-03-29T11:59:59Z", "2026-03-29T18:00:00Z"),
            ("2026-03-29T12:00:00Z", "2026-03-30T18:00:00Z"),
            ("2026-10-25T12:59:59Z", "2026-10-25T19:00:00Z"),
            ("2026-10-25T13:00:00Z", "2026-10-26T19:00:00Z"),
        ],
    );
    // A time that is left out is over when the clock goes on; of one that comes twice the second counts.
    holds(
        "02:30",
        &berlin,
        &[
            ("2026-03-29T00:59:59Z", "2026-03-29T18:00:00Z"),
            ("2026-03-29T01:00:00Z", "2026-03-30T18:00:00Z"),
            ("2026-10-25T01:29:59Z", "2026-10-25T19:00:00Z"),
            ("2026-10-25T01:30:00Z", "2026-10-26T19:00:00Z"),
        ],
    );
}

#[test]
fn a_day_without_a_midnight_ends_when_the_clock_goes_on() {
    // In Cairo the clock goes from 00:00 to 01:00 on Friday, 24 April 2026.
    let cairo = calendar("Africa/Cairo", "24:00", &[]);
    holds("24:00", &cairo, &[("2026-04-23T21:59:59Z", "2026-04-23T22:00:00Z")]);
    // What is left out of the day that begins then is over with its beginning.
    let early = calendar("Africa/Cairo", "00:30", &[]);
    let promise = rules("00:00", "00:00").promise(&early, moment("2026-04-23T12:00:00Z"), false).unwrap();
    assert_eq!(promise.day_begins_at, promise.leaves_by);
}

#[test]
fn the_date_is_that_of_the_warehouse_however_far_east_it_is() {
    // On Kiritimati, 14 hours ahead, Monday begins on Sunday at 10:00 UTC.
    let kiritimati = calendar("Pacific/Kiritimati", "17:00", &[]);
    holds(
        "14:00",
        &kiritimati,
        &[
            ("2026-11-22T09:59:59Z", "2026-11-23T03:00:00Z"),
            ("2026-11-22T23:59:59Z", "2026-11-23T03:00:00Z"),
            ("2026-11-23T00:00:00Z", "2026-11-24T03:00:00Z"),
            ("2026-11-27T00:00:00Z", "2026-11-30T03:00:00Z"),
        ],
    );
}

#[test]
fn nothing_is_promised_for_the_day_after_the_last_pickup() {
    let berlin = calendar("Europe/Berlin", "12:00", &[]);
    holds("14:00", &berlin, &[("2026-11-25T11:30:00Z", "2026-11-26T11:00:00Z")]);
}

#[test]
fn express_methods_have_a_cut_off_of_their_own() {
    let berlin = calendar("Europe/Berlin", "18:00", &[]);
    let rules = rules("12:00", "16:00");
    let since = moment("2026-11-25T14:00:00Z");
    assert_eq!(leaves_by(&rules, &berlin, since, true), Some(moment("2026-11-25T17:00:00Z")));
    assert_eq!(leaves_by(&rules, &berlin, since, false), Some(moment("2026-11-26T17:00:00Z")));
    let is_express =
        |methods: &[&str]| rules.is_express(&methods.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
    assert!(is_express(&["Standard", " EXPRESS "]));
    assert!(is_express(&["DHL_Express"]));
    assert!(!is_express(&["Express saver"]));
    assert!(!is_express(&[]));
}

#[test]
fn the_day_of_a_promise_begins_at_midnight_there() {
    let berlin = calendar("Europe/Berlin", "18:00", &[]);
    let promise = rules("14:00", "14:00").promise(&berlin, moment("2026-11-25T12:00:00Z"), false).unwrap();
    assert_eq!(promise.day_begins_at, moment("2026-11-24T23:00:00Z"));
}

#[test]
fn an_order_of_several_warehouses_is_promised_for_the_last_of_them() {
    let [berlin, tokyo, nowhere] = ["berlin", "tokyo", "nowhere"].map(|id| WarehouseId::parse(id).unwrap());
    let calendars = [
        (berlin.clone(), calendar("Europe/Berlin", "18:00", &[])),
        (tokyo.clone(), calendar("Asia/Tokyo", "18:00", &[])),
    ];
    let promises = Promises::new(Some(rules("14:00", "16:00")), HashMap::new(), calendars.into());
    // 13:00 in Berlin, 21:00 in Tokyo.
    let since = moment("2026-11-25T12:00:00Z");
    let of = |warehouses: &[&WarehouseId]| {
        let promised = promises.promise(&Channel::Api, warehouses.iter().copied(), since, &[]);
        promised.map(|(warehouse, promise)| (warehouse.to_string(), promise.leaves_by))
    };
    assert_eq!(of(&[&berlin]), Some(("berlin".to_owned(), moment("2026-11-25T17:00:00Z"))));
    assert_eq!(of(&[&berlin, &tokyo]), Some(("tokyo".to_owned(), moment("2026-11-26T09:00:00Z"))));
    assert_eq!(of(&[&berlin, &nowhere]), None);
    assert_eq!(of(&[]), None);
    let shop = ShopDomain::parse("a.myshopify.com").unwrap();
    let of_a_shop = Channel::Shopify { shop, shopify_order_id: crate::ShopifyOrderId(1) };
    assert_eq!(promises.promise(&of_a_shop, [&berlin], since, &[]), None);
}

#[test]
fn a_time_of_the_day_is_two_and_two_digits() {
    assert_eq!(time("24:00"), TimeOfDay::END);
    assert_eq!(time("00:00"), TimeOfDay::BEGINNING);
    for refused in ["24:01", "25:00", "12:60", "2:00", "12:5", "12", "", "+1:00", "12:00:00", "noon"] {
        assert!(refused.parse::<TimeOfDay>().is_err(), "{refused:?}");
    }
}

/// Any zone, any of the next ten years, any working days and holidays.
fn calendars() -> impl Strategy<Value = WarehouseCalendar> {
    let week = vec![
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ];
    let zones = sample::select(chrono_tz::TZ_VARIANTS.to_vec());
    let holidays = proptest::collection::btree_set(0_i64..3660, 0..40);
    let day = |number: i64| NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + TimeDelta::days(number);
    (zones, sample::subsequence(week, 1..=7), holidays, 1_u32..=MINUTES_OF_A_DAY).prop_map(
        move |(time_zone, working_days, holidays, minutes)| WarehouseCalendar {
            time_zone,
            working_days,
            holidays: holidays.into_iter().map(day).collect(),
            last_pickup: TimeOfDay { minutes },
        },
    )
}

fn moments() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..3650 * 86_400).prop_map(|seconds| moment("2026-01-01T00:00:00Z") + TimeDelta::seconds(seconds))
}

proptest! {
    #[test]
    fn a_promise_is_later_than_the_order_and_at_the_end_of_a_working_day(
        calendar in calendars(), since in moments(), minutes in 0..=MINUTES_OF_A_DAY,
    ) {
        let cut_off = TimeOfDay { minutes };
        let rules = PromiseRules { cut_off, express_cut_off: cut_off, express_methods: Vec::new() };
        let promised = leaves_by(&rules, &calendar, since, false).unwrap();
        prop_assert!(promised > since);
        prop_assert!(rules.promise(&calendar, since, false).unwrap().day_begins_at <= promised);
        // The end of the day belongs to the day.
        let there = (promised - TimeDelta::seconds(1)).with_timezone(&calendar.time_zone);
        prop_assert!(calendar.ships_on(there.date_naive()), "{there}");
    }

    #[test]
    fn whoever_orders_later_is_promised_nothing_earlier(
        calendar in calendars(), since in moments(), later in 0_i64..40 * 86_400, minutes in 0..=MINUTES_OF_A_DAY,
    ) {
        let cut_off = TimeOfDay { minutes };
        let rules = PromiseRules { cut_off, express_cut_off: cut_off, express_methods: Vec::new() };
        let first = leaves_by(&rules, &calendar, since, false);
        prop_assert!(first <= leaves_by(&rules, &calendar, since + TimeDelta::seconds(later), false));
    }

    #[test]
    fn no_working_day_whose_cut_off_is_to_come_is_passed_over(
        calendar in calendars(), since in moments(), minutes in 0..=MINUTES_OF_A_DAY,
    ) {
        let cut_off = TimeOfDay { minutes };
        let rules = PromiseRules { cut_off, express_cut_off: cut_off, express_methods: Vec::new() };
        let promised = leaves_by(&rules, &calendar, since, false).unwrap();
        let today = since.with_timezone(&calendar.time_zone).date_naive();
        let open = today.iter_days().find(|day| {
            let closes = calendar.moment(*day, cut_off.min(calendar.last_pickup)).unwrap();
            calendar.ships_on(*day) && (*day > today || since < closes)
        });
        prop_assert_eq!(Some(promised), open.and_then(|day| calendar.moment(day, calendar.last_pickup)));
    }

    #[test]
    fn a_time_of_the_day_reads_as_it_is_written(hours in 0_u32..24, minutes in 0_u32..60, text in any::<String>()) {
        prop_assert_eq!(time(&format!("{hours:02}:{minutes:02}")).minutes, hours * 60 + minutes);
        // Whatever is written, it is read or refused.
        let _ = text.parse::<TimeOfDay>();
    }
}
