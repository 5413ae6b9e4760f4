//! What is promised of orders, as it is configured: cut-offs of the channels, calendars of the warehouses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use domain::{PromiseRules, Promises, TimeOfDay, WarehouseCalendar, WarehouseId};
use serde::Deserialize;

use super::{Problems, Shops};

/// `promise` of a shop, or of orders of our own API.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PromiseEntry {
    cut_off: String,
    express_methods: Vec<String>,
    express_cut_off: Option<String>,
}

/// An entry of `[warehouses]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CalendarEntry {
    time_zone: String,
    working_days: Vec<String>,
    holidays: Vec<String>,
    last_pickup: String,
}

impl Default for CalendarEntry {
    fn default() -> Self {
        let working_days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
        Self {
            time_zone: String::new(),
            working_days: working_days.map(str::to_owned).into(),
            holidays: Vec::new(),
            last_pickup: "24:00".to_owned(),
        }
    }
}

impl PromiseEntry {
    /// `name` says what it is called to whoever set it.
    pub(super) fn check(self, name: &str, problems: &mut Problems) -> Option<PromiseRules> {
        let cut_off = time(&format!("{name}.cut_off"), &self.cut_off, problems);
        let express = self.express_cut_off.as_deref();
        let express_cut_off =
            express.and_then(|text| time(&format!("{name}.express_cut_off"), text, problems));
        if self.express_methods.iter().any(|method| method.trim().is_empty()) {
            problems.add(&format!("{name}.express_methods: each is a method's name or code in the shop"));
        }
        if express.is_some() && self.express_methods.is_empty() {
            problems.add(&format!("{name}.express_methods: is needed where express_cut_off is given"));
        }
        let cut_off = cut_off?;
        let express_cut_off = express_cut_off.unwrap_or(cut_off);
        Some(PromiseRules { cut_off, express_cut_off, express_methods: self.express_methods })
    }
}

impl CalendarEntry {
    fn check(self, name: &str, problems: &mut Problems) -> Option<WarehouseCalendar> {
        let time_zone = self.time_zone.parse::<Tz>().ok();
        if time_zone.is_none() {
            problems.add(&format!("{name}.time_zone: an IANA name, as Europe/Berlin"));
        }
        let (mut working_days, mut holidays) = (Vec::new(), BTreeSet::new());
        for given in &self.working_days {
            match given.parse::<Weekday>() {
                Ok(day) => working_days.push(day),
                Err(_) => {
                    problems.add(&format!("{name}.working_days: {given} is no day of the week, as monday"));
                }
            }
        }
        if self.working_days.is_empty() {
            problems.add(&format!("{name}.working_days: one is needed at least"));
        }
        for given in &self.holidays {
            match given.parse::<NaiveDate>() {
                Ok(day) => {
                    holidays.insert(day);
                }
                Err(_) => problems.add(&format!("{name}.holidays: {given} is no date, as 2026-12-25")),
            }
        }
        let last_pickup = time(&format!("{name}.last_pickup"), &self.last_pickup, problems);
        if last_pickup == Some(TimeOfDay::BEGINNING) {
            problems.add(&format!("{name}.last_pickup: later than 00:00; 24:00 is the end of the day"));
        }
        Some(WarehouseCalendar { time_zone: time_zone?, working_days, holidays, last_pickup: last_pickup? })
    }
}

fn time(name: &str, given: &str, problems: &mut Problems) -> Option<TimeOfDay> {
    problems.parsed(name, given.parse())
}

/// What is promised of every channel. A warehouse that a promising shop ships from needs a calendar.
pub(super) fn check_all(
    api: Option<PromiseEntry>,
    shops: &Shops,
    warehouses: BTreeMap<String, CalendarEntry>,
    problems: &mut Problems,
) -> Promises {
    let mut calendars = HashMap::new();
    for (id, entry) in warehouses {
        let name = format!("warehouses.\"{id}\"");
        let warehouse = problems.parsed(&name, WarehouseId::parse(&id));
        if let (Some(calendar), Some(warehouse)) = (entry.check(&name, problems), warehouse) {
            calendars.insert(warehouse, calendar);
        }
    }
    let api = api.and_then(|entry| entry.check("promise", problems));
    let promising = shops.iter().filter_map(|shop| Some((shop.domain.clone(), shop.promise.clone()?)));
    let promising: HashMap<_, _> = promising.collect();
    if calendars.is_empty() && (api.is_some() || !promising.is_empty()) {
        problems.add("warehouses: a promise needs the calendar of each warehouse, as [warehouses.main]");
    }
    let mut missing = BTreeSet::new();
    for shop in shops.iter().filter(|shop| shop.promise.is_some()) {
        let mapped = shop.locations.values().filter(|warehouse| !calendars.contains_key(warehouse));
        missing
            .extend(mapped.map(|warehouse| (shop.domain.as_str().to_owned(), warehouse.as_str().to_owned())));
    }
    for (shop, warehouse) in missing {
        problems.add(&format!(
            "warehouses.\"{warehouse}\": {shop} ships from it and promises, so it needs a calendar"
        ));
    }
    Promises::new(api, promising, calendars)
}
