//! The SDK's own metrics, on the same page as ours: its meter over the facade that ours are counted by.

use std::{collections::HashMap, sync::Arc, time::Duration};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, with_recorder};
use temporalio_common::telemetry::metrics as sdk;

const METADATA: Metadata<'static> = Metadata::new("temporal", Level::INFO, Some(module_path!()));

/// The meter that the SDK counts by.
#[derive(Debug)]
pub struct Meter;

/// What is counted, before it is known with which labels.
struct Instrument(String);

fn labels(attributes: &sdk::MetricAttributes) -> HashMap<String, String> {
    match attributes {
        sdk::MetricAttributes::NoOp(labels) => HashMap::clone(labels),
        // No other kind is made here.
        _ => HashMap::new(),
    }
}

impl Instrument {
    fn of(parameters: sdk::MetricParameters) -> Arc<Self> {
        Arc::new(Self(parameters.name.into_owned()))
    }

    fn key(&self, attributes: &sdk::MetricAttributes) -> Key {
        let labels: Vec<Label> =
            labels(attributes).into_iter().map(|(name, value)| Label::new(name, value)).collect();
        Key::from_parts(self.0.clone(), labels)
    }
}

impl sdk::CoreMeter for Meter {
    fn new_attributes(&self, attributes: sdk::NewAttributes) -> sdk::MetricAttributes {
        sdk::MetricAttributes::NoOp(Arc::new(attributes.into()))
    }

    fn extend_attributes(
        &self,
        existing: sdk::MetricAttributes,
        attributes: sdk::NewAttributes,
    ) -> sdk::MetricAttributes {
        let mut all = labels(&existing);
        all.extend(HashMap::<String, String>::from(attributes));
        sdk::MetricAttributes::NoOp(Arc::new(all))
    }

    fn counter(&self, parameters: sdk::MetricParameters) -> sdk::Counter {
        sdk::Counter::new(Instrument::of(parameters))
    }

    fn histogram(&self, parameters: sdk::MetricParameters) -> sdk::Histogram {
        sdk::Histogram::new(Instrument::of(parameters))
    }

    fn histogram_f64(&self, parameters: sdk::MetricParameters) -> sdk::HistogramF64 {
        sdk::HistogramF64::new(Instrument::of(parameters))
    }

    /// In seconds, as all of ours.
    fn histogram_duration(&self, parameters: sdk::MetricParameters) -> sdk::HistogramDuration {
        sdk::HistogramDuration::new(Instrument::of(parameters))
    }

    fn gauge(&self, parameters: sdk::MetricParameters) -> sdk::Gauge {
        sdk::Gauge::new(Instrument::of(parameters))
    }

    fn gauge_f64(&self, parameters: sdk::MetricParameters) -> sdk::GaugeF64 {
        sdk::GaugeF64::new(Instrument::of(parameters))
    }

    fn up_down_counter(&self, parameters: sdk::MetricParameters) -> sdk::UpDownCounter {
        sdk::UpDownCounter::new(Instrument::of(parameters))
    }
}

/// Something that counts with its labels.
struct Counted<Of>(Of);

macro_rules! counted_by {
    ($register:ident, $of:ty, $($kind:ident: $count:ident($value:ty) = $how:expr),+) => {$(
        impl sdk::MetricAttributable<Box<dyn sdk::$kind>> for Instrument {
            fn with_attributes(
                &self,
                attributes: &sdk::MetricAttributes,
            ) -> Result<Box<dyn sdk::$kind>, Box<dyn std::error::Error>> {
                let key = self.key(attributes);
                Ok(Box::new(Counted(with_recorder(|recorder| recorder.$register(&key, &METADATA)))))
            }
        }

        impl sdk::$kind for Counted<$of> {
            fn $count(&self, value: $value) {
                let how: fn(&$of, $value) = $how;
                how(&self.0, value);
            }
        }
    )+};
}

counted_by!(register_counter, Counter, CounterBase: adds(u64) = |counter, value| counter.increment(value));
counted_by!(register_histogram, Histogram,
    HistogramBase: records(u64) = |histogram, value| histogram.record(value as f64),
    HistogramF64Base: records(f64) = |histogram, value| histogram.record(value),
    HistogramDurationBase: records(Duration) = |histogram, value| histogram.record(value.as_secs_f64()));
counted_by!(register_gauge, Gauge,
    GaugeBase: records(u64) = |gauge, value| gauge.set(value as f64),
    GaugeF64Base: records(f64) = |gauge, value| gauge.set(value),
    UpDownCounterBase: adds(i64) = |gauge, value| gauge.increment(value as f64));
