//! What is filled in on an order's page, as `/api` takes it; kept, so that a refusal takes nothing away.

use serde::{Deserialize, Serialize};

use super::super::given;
use crate::shown::ShipTo;

/// Any of the forms of the page; what a form does not have is empty.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Filled {
    pub(super) request_id: String,
    pub(super) reason: String,
    /// What is asked for: `address`, `line` or `warehouse`; `cancel`; empty where nothing was filled in.
    pub(super) what: String,
    pub(super) name: String,
    pub(super) company: String,
    pub(super) address1: String,
    pub(super) address2: String,
    pub(super) city: String,
    pub(super) province: String,
    pub(super) zip: String,
    pub(super) country_code: String,
    pub(super) phone: String,
    pub(super) line_id: String,
    pub(super) sku: String,
    pub(super) warehouse_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edit<'a> {
    request_id: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address<'a> {
    name: Option<&'a str>,
    company: Option<&'a str>,
    address1: &'a str,
    address2: Option<&'a str>,
    city: &'a str,
    province: Option<&'a str>,
    zip: Option<&'a str>,
    country_code: &'a str,
    phone: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    line_id: &'a str,
    sku: &'a str,
}

impl Filled {
    pub(super) fn edit(&self) -> Edit<'_> {
        let address = (self.what == "address").then(|| Address {
            name: given(&self.name),
            company: given(&self.company),
            address1: self.address1.trim(),
            address2: given(&self.address2),
            city: self.city.trim(),
            province: given(&self.province),
            zip: given(&self.zip),
            country_code: self.country_code.trim(),
            phone: given(&self.phone),
        });
        let line = (self.what == "line").then(|| Line { line_id: &self.line_id, sku: self.sku.trim() });
        Edit {
            request_id: given(&self.request_id),
            reason: self.reason.trim(),
            address,
            lines: line.into_iter().collect(),
            warehouse_id: (self.what == "warehouse").then(|| self.warehouse_id.trim()),
        }
    }

    /// The address as it was filled in.
    pub(super) fn ship_to(&self) -> ShipTo {
        let kept = |text: &String| Some(text.clone());
        ShipTo {
            name: kept(&self.name),
            company: kept(&self.company),
            address1: kept(&self.address1),
            address2: kept(&self.address2),
            city: kept(&self.city),
            province: kept(&self.province),
            zip: kept(&self.zip),
            country_code: kept(&self.country_code),
            phone: kept(&self.phone),
        }
    }
}
