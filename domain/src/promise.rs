//! When an order is promised to leave its warehouse: by the cut-off of whoever sold it and the calendar of the
//! warehouse that ships it.

use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
    sync::Arc,
};

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use crate::ids::{Channel, ParseError, ShopDomain, WarehouseId};

const MINUTES_OF_A_DAY: u32 = 24 * 60;
/// The longest a clock was ever put forward: places that changed the side of the date line left a day out.
const LONGEST_GAP_MINUTES: i64 = 25 * 60;

/// A time of the day on the clock of a place, to the minute; `24:00` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    minutes: u32,
}

impl TimeOfDay {
    /// `00:00`.
    pub const BEGINNING: Self = Self { minutes: 0 };
    /// `24:00`.
    pub const END: Self = Self { minutes: MINUTES_OF_A_DAY };
}

impl FromStr for TimeOfDay {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let two_digits = |part: &str| {
            let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u32>().ok().filter(|_| is_number)
        };
        let read = text.split_once(':').and_then(|(hours, minutes)| {
            let minutes = two_digits(minutes).filter(|minutes| *minutes < 60)?;
            Some(two_digits(hours)? * 60 + minutes).filter(|minutes| *minutes <= MINUTES_OF_A_DAY)
        });
        read.map(|minutes| Self { minutes })
            .ok_or_else(|| ParseError::new("time", "a time of the day from 00:00 to 24:00, as 14:00"))
    }
}

/// When a warehouse ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseCalendar {
    /// The clock on its wall.
    pub time_zone: Tz,
    /// The days of the week on which it ships.
    pub working_days: Vec<Weekday>,
    /// Days on which it does not, by their date there.
    pub holidays: BTreeSet<NaiveDate>,
    /// By when the last parcel of a day has left.
    pub last_pickup: TimeOfDay,
}

impl WarehouseCalendar {
    fn ships_on(&self, day: NaiveDate) -> bool {
        self.working_days.contains(&day.weekday()) && !self.holidays.contains(&day)
    }

    /// The moment at which the clock there shows this. Of two the later one: an hour that comes twice is an hour more to
    /// order in. What is left out is over when the clock goes on.
    fn moment(&self, day: NaiveDate, time: TimeOfDay) -> Option<DateTime<Utc>> {
        let shown = day.and_time(NaiveTime::MIN) + Duration::minutes(time.minutes.into());
        let moments = (0..=LONGEST_GAP_MINUTES).map(|later| {
            let shown = shown.checked_add_signed(Duration::minutes(later))?;
            self.time_zone.from_local_datetime(&shown).latest()
        });
        moments.flatten().next().map(|moment| moment.to_utc())
    }
}

/// Until when an order is in time for the day, by its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseRules {
    /// What could be fulfilled before this time of a working day leaves that day.
    pub cut_off: TimeOfDay,
    /// The same for what ships by an express method.
    pub express_cut_off: TimeOfDay,
    /// Express methods, by their names or codes in the channel.
    pub express_methods: Vec<String>,
}

impl PromiseRules {
    /// Whether one of the methods by which an order ships is an express method. Capital letters do not matter.
    #[must_use]
    pub fn is_express(&self, shipping_methods: &[String]) -> bool {
        let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
        shipping_methods.iter().any(|method| self.express_methods.iter().any(|express| same(express, method)))
    }

    /// The day on which an order is promised to leave a warehouse, that could be fulfilled since a moment. None for a
    /// calendar without working days.
    #[must_use]
    pub fn promise(
        &self,
        calendar: &WarehouseCalendar,
        since: DateTime<Utc>,
        is_express: bool,
    ) -> Option<Promise> {
        let cut_off = if is_express { self.express_cut_off } else { self.cut_off };
        // Nothing leaves after the last pickup, however late one may order.
        let cut_off = cut_off.min(calendar.last_pickup);
        let today = since.with_timezone(&calendar.time_zone).date_naive();
        let is_in_time = since < calendar.moment(today, cut_off)?;
        let first = if is_in_time { today } else { today.succ_opt()? };
        // In as many weeks as there are holidays, and one more, there is a working day.
        let most_days = 7 * (calendar.holidays.len() + 1);
        let day = first.iter_days().take(most_days).find(|day| calendar.ships_on(*day))?;
        Some(Promise {
            day_begins_at: calendar.moment(day, TimeOfDay::BEGINNING)?,
            leaves_by: calendar.moment(day, calendar.last_pickup)?,
        })
    }
}

/// A day on which an order is promised to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// When the day begins at the warehouse.
    pub day_begins_at: DateTime<Utc>,
    /// By when the order has left, or is late.
    pub leaves_by: DateTime<Utc>,
}

/// What is promised of the orders of each channel. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Promises(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    api: Option<PromiseRules>,
    shops: HashMap<ShopDomain, PromiseRules>,
    calendars: HashMap<WarehouseId, WarehouseCalendar>,
}

impl Promises {
    /// Of orders of our own API, where something is promised of them, of those of shops, and by these warehouses.
    #[must_use]
    pub fn new(
        api: Option<PromiseRules>,
        shops: HashMap<ShopDomain, PromiseRules>,
        calendars: HashMap<WarehouseId, WarehouseCalendar>,
    ) -> Self {
        Self(Arc::new(Known { api, shops, calendars }))
    }

    /// The rules of a channel; none where nothing is promised.
    #[must_use]
    pub fn rules_of(&self, channel: &Channel) -> Option<&PromiseRules> {
        channel.shop().map_or(self.0.api.as_ref(), |shop| self.0.shops.get(shop))
    }

    /// Whether an order ships by an express method of its channel.
    #[must_use]
    pub fn is_express(&self, channel: &Channel, shipping_methods: &[String]) -> bool {
        self.rules_of(channel).is_some_and(|rules| rules.is_express(shipping_methods))
    }

    /// The promise for an order that leaves these warehouses: an order has left with its last parcel. None if one of
    /// them has no calendar.
    #[must_use]
    pub fn promise<'a>(
        &self,
        channel: &Channel,
        warehouses: impl IntoIterator<Item = &'a WarehouseId>,
        since: DateTime<Utc>,
        shipping_methods: &[String],
    ) -> Option<(&'a WarehouseId, Promise)> {
        let rules = self.rules_of(channel)?;
        let is_express = rules.is_express(shipping_methods);
        let mut promises = Vec::new();
        for warehouse in warehouses {
            let calendar = self.0.calendars.get(warehouse)?;
            promises.push((warehouse, rules.promise(calendar, since, is_express)?));
        }
        promises.into_iter().max_by_key(|(_, promise)| promise.leaves_by)
    }
}

#[cfg(test)]
mod tests;
