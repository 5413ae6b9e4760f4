//! Orders that the shop places of its own: invented people, plausible fields.

use serde::Deserialize;
use serde_json::{Value, json};

use super::orders::gid;
use super::{moments, money};

/// Ids of invented orders and lines lie above this: beyond 2^53, where a float rounds them.
const ID_FLOOR: i64 = 820_000_000_000_000_000;
const CURRENCY: &str = "EUR";
const SHIPPING_CENTS: i64 = 490;
const UNIT_PRICE_CENTS: i64 = 1_990;

/// First name, last name, street, city, postcode, country, country code.
const PEOPLE: &[[&str; 7]] = &[
    ["Ada", "Berger", "Lindenallee 12", "Leipzig", "04109", "Germany", "DE"],
    ["Jonas", "Vermeer", "Keizersgracht 88", "Amsterdam", "1015 CV", "Netherlands", "NL"],
    ["Clara", "Moreau", "14 rue des Tanneurs", "Lyon", "69002", "France", "FR"],
    ["Nils", "Ekholm", "Storgatan 5", "Uppsala", "753 20", "Sweden", "SE"],
    ["Marta", "Silva", "Rua das Flores 31", "Porto", "4050-262", "Portugal", "PT"],
];

/// What is ordered, from the query string.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    /// One SKU, or several with commas between; the lines take turns.
    sku: Option<String>,
    quantity: Option<u32>,
    lines: Option<usize>,
    financial_status: Option<String>,
    /// The postcode to ship to, where it matters.
    zip: Option<String>,
}

/// An order with this number, as orders/create carries it.
pub(super) fn invent(wish: &Wish, number: u64) -> Value {
    let id = random_id();
    let skus = wish.sku.as_deref().unwrap_or("TEA-GREEN-100");
    let skus: Vec<&str> = skus.split(',').map(str::trim).collect();
    let quantity = wish.quantity.map_or(1, i64::from);
    let financial_status = wish.financial_status.as_deref().unwrap_or("paid");
    let in_turn = skus.iter().cycle().take(wish.lines.unwrap_or(1).max(skus.len()));
    let lines: Vec<Value> = in_turn.map(|sku| line(sku, quantity)).collect();
    let subtotal = lines.iter().map(|_| UNIT_PRICE_CENTS * quantity).sum();
    let person = PEOPLE[rand::random_range(0..PEOPLE.len())];
    let address = address(&person, wish.zip.as_deref());
    let email = format!("{}.{}@example.com", person[0], person[1]).to_lowercase();
    let placed_at = moments::now();
    let mut order = json!({
        "id": id,
        "admin_graphql_api_id": gid("Order", id),
        "name": format!("#{number}"),
        "number": number - 1_000,
        "order_number": number,
        "test": false,
        "confirmed": true,
        "created_at": placed_at,
        "updated_at": placed_at,
        "processed_at": placed_at,
        "closed_at": null,
        "cancelled_at": null,
        "cancel_reason": null,
        "financial_status": financial_status,
        "fulfillment_status": null,
        "payment_gateway_names": ["bogus"],
        "source_name": "web",
        "location_id": null,
        "email": email,
        "contact_email": email,
        "phone": null,
        "note": null,
        "note_attributes": [],
        "tags": "",
        "billing_address": address,
        "shipping_address": address,
        "customer": {
            "id": random_id(),
            "email": email,
            "first_name": person[0],
            "last_name": person[1],
            "phone": null,
            "currency": CURRENCY,
        },
        "fulfillments": [],
        "refunds": [],
        "line_items": lines,
    });
    for (member, price) in prices(subtotal, financial_status == "paid").as_object().into_iter().flatten() {
        order[member] = price.clone();
    }
    order
}

fn prices(subtotal: i64, paid: bool) -> Value {
    let total = subtotal + SHIPPING_CENTS;
    json!({
        "currency": CURRENCY,
        "presentment_currency": CURRENCY,
        "taxes_included": true,
        "subtotal_price": money::written(subtotal),
        "subtotal_price_set": money::set(subtotal, &json!(CURRENCY)),
        "total_line_items_price": money::written(subtotal),
        "total_shipping_price_set": money::set(SHIPPING_CENTS, &json!(CURRENCY)),
        "total_discounts": money::written(0),
        "total_tax": money::written(0),
        "total_price": money::written(total),
        "total_price_set": money::set(total, &json!(CURRENCY)),
        "current_total_price": money::written(total),
        "total_outstanding": money::written(if paid { 0 } else { total }),
        "shipping_lines": [{
            "id": random_id(),
            "code": "Standard",
            "title": "Standard",
            "price": money::written(SHIPPING_CENTS),
            "price_set": money::set(SHIPPING_CENTS, &json!(CURRENCY)),
        }],
    })
}

/// A line of an order.
pub(super) fn line(sku: &str, quantity: i64) -> Value {
    let id = random_id();
    let title = sku.replace('-', " ").to_lowercase();
    json!({
        "id": id,
        "admin_graphql_api_id": gid("LineItem", id),
        "sku": sku,
        "title": title,
        "name": title,
        "quantity": quantity,
        "current_quantity": quantity,
        "fulfillable_quantity": quantity,
        "fulfillment_service": "manual",
        "fulfillment_status": null,
        "requires_shipping": true,
        "gift_card": false,
        "grams": 250,
        "price": money::written(UNIT_PRICE_CENTS),
        "price_set": money::set(UNIT_PRICE_CENTS, &json!(CURRENCY)),
        "total_discount": money::written(0),
        "taxable": true,
        "product_exists": true,
        "product_id": random_id(),
        "variant_id": random_id(),
        "variant_inventory_management": "shopify",
        "variant_title": null,
        "vendor": null,
        "properties": [],
        "tax_lines": [],
    })
}

fn address(person: &[&str; 7], zip: Option<&str>) -> Value {
    let [first_name, last_name, street, city, postcode, country, country_code] = person;
    json!({
        "first_name": first_name,
        "last_name": last_name,
        "name": format!("{first_name} {last_name}"),
        "company": null,
        "address1": street,
        "address2": null,
        "city": city,
        "zip": zip.unwrap_or(postcode),
        "province": null,
        "province_code": null,
        "country": country,
        "country_code": country_code,
        "phone": null,
    })
}

fn random_id() -> i64 {
    ID_FLOOR + rand::random_range(0..1_000_000_000_000_000)
}
