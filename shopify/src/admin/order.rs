//! An order as it is in the shop now, read into what its webhooks' bodies are read into.

mod nodes;

use domain::{AddressSaid, FinancialStatus, LineId, OrderFacts, OrderLine, ShopFulfilment, ShopifyOrderId};
use serde_json::json;

use super::error::ShopifyError;
use super::fulfilments::Fulfilment;
use super::pages::{NO_ORDER, UNREADABLE, number};
use super::{AdminClient, operations};
use crate::gid;
use crate::wire::{Address, Customer, ParsedOrder, shipping};
use nodes::{AddressNode, LineNode, LinesOrder, OrderNode};

/// Fulfilments the document asks for; an order with as many may have more.
const FULFILMENTS_ASKED_FOR: usize = 50;
/// Characters of a text that are kept, as of a webhook's.
const MOST_CHARACTERS: usize = 1_000;

impl AdminClient {
    /// The order as it is now; none if the shop has no such order.
    ///
    /// It differs from a webhook's body where the Admin API differs: nobody says who is to fulfil a
    /// line (its fulfilment orders do) or where the order was processed, and a customer without a
    /// shipping address is named by the billing address, as the customer's account needs a further
    /// access scope.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UnknownOutcome` also for an order that changed while it was read.
    pub async fn read_order(&self, order: ShopifyOrderId) -> Result<Option<ParsedOrder>, ShopifyError> {
        let variables = json!({ "order": gid::of_order(order) });
        let found: Option<OrderNode> = self.transport.call(operations::READ_ORDER, variables.clone()).await?;
        let Some(mut node) = found else {
            return Ok(None);
        };
        let page = |more: Option<LinesOrder>| match more.ok_or(NO_ORDER)? {
            more if more.updated_at == node.updated_at => Ok(more.line_items),
            _ => Err(ShopifyError::unknown("the order changed while it was read")),
        };
        let (first, document) = (&mut node.line_items, operations::READ_ORDER_LINES);
        let lines = self.transport.all_pages(first, document, variables, page).await?;
        let lines = lines
            .into_iter()
            .map(|node_line| line(node_line, &node.currency_code))
            .collect::<Result<_, _>>()?;
        let fulfilments = if node.fulfillments.len() < FULFILMENTS_ASKED_FOR {
            self.whole_fulfilments(std::mem::take(&mut node.fulfillments)).await?
        } else {
            self.fulfilments(order).await?
        };
        let customer = customer(&node);
        Ok(Some(parsed(order, facts(order, node, lines, fulfilments)?, customer)))
    }
}

/// Reads an order as far as one answer has it, for the fuzz targets.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzzed(data: serde_json::Value) -> Option<ParsedOrder> {
    let mut node = super::pages::asked_for::<OrderNode>(data).ok()??;
    let lines = std::mem::take(&mut node.line_items.nodes);
    let lines = lines
        .into_iter()
        .map(|node_line| line(node_line, &node.currency_code))
        .collect::<Result<_, _>>()
        .ok()?;
    let (order, customer) = (ShopifyOrderId(1), customer(&node));
    Some(parsed(order, facts(order, node, lines, Vec::new()).ok()?, customer))
}

/// The one place that makes a parsed order of an answer.
fn parsed(order: ShopifyOrderId, facts: OrderFacts, customer: Customer) -> ParsedOrder {
    // Refunds are read by their webhooks; the facts have counted these in.
    ParsedOrder { shopify_order_id: order, facts, customer, refunds: Vec::new() }
}

fn facts(
    order: ShopifyOrderId,
    node: OrderNode,
    lines: Vec<OrderLine>,
    fulfilments: Vec<Fulfilment>,
) -> Result<OrderFacts, ShopifyError> {
    let methods = node.shipping_lines.nodes.iter();
    Ok(OrderFacts {
        name: said(Some(&node.name)).unwrap_or_else(|| format!("#{order}")),
        total_amount: node.total_price_set.amount_in(&node.currency_code),
        currency: node.currency_code,
        financial_status: FinancialStatus::from(node.display_financial_status.unwrap_or_default()),
        test: node.test,
        cancelled_at: node.cancelled_at,
        updated_at: Some(node.updated_at),
        location_id: None,
        address: if node.shipping_address.is_some() { AddressSaid::Given } else { AddressSaid::Null },
        lines,
        fulfilments: Some(fulfilments.into_iter().map(fulfilment).collect::<Result<_, _>>()?),
        tags: Some(crate::wire::sorted_tags(node.tags.iter().map(String::as_str))),
        refund_ids: node.refunds.iter().map(|refund| refund.number("Refund")).collect::<Result<_, _>>()?,
        shipping_methods: Some(shipping::named(
            methods.flat_map(|method| [said(method.title.as_deref()), said(method.code.as_deref())]),
        )),
    })
}

fn line(node: LineNode, currency: &str) -> Result<OrderLine, ShopifyError> {
    Ok(OrderLine {
        line_id: line_id(number("LineItem", &node.id)?)?,
        sku: said(node.sku.as_deref()),
        product_name: said(Some(&node.name)).unwrap_or_default(),
        quantity: node.quantity,
        // Whether pieces refunded before they left count as unfulfilled is not said; they are not current.
        fulfillable_quantity: node.unfulfilled_quantity.min(node.current_quantity),
        says_fulfillable: true,
        current_quantity: Some(node.current_quantity),
        says_fulfilled: false,
        fulfilment_service: None,
        unit_price: node.original_unit_price_set.amount_in(currency),
        requires_shipping: node.requires_shipping,
    })
}

fn fulfilment(fulfilment: Fulfilment) -> Result<ShopFulfilment, ShopifyError> {
    let stands = fulfilment.stands();
    let lines = fulfilment.lines.iter().map(|line| {
        let line_id = line_id(line.line_item_id)?;
        Ok(domain::LinePieces { line_id, quantity: line.quantity })
    });
    Ok(ShopFulfilment {
        id: fulfilment.id,
        stands,
        lines: lines.collect::<Result<_, ShopifyError>>()?,
        tracking_numbers: fulfilment.tracking_numbers,
        location_id: fulfilment.location_id,
    })
}

fn customer(node: &OrderNode) -> Customer {
    let shipping_address = node.shipping_address.as_ref().map(address);
    let shipping = shipping_address.as_ref();
    let billed = node.billing_address.as_ref().and_then(|address| said(address.name.as_deref()));
    Customer {
        name: shipping.and_then(|address| address.name.clone()).or(billed),
        email: said(node.email.as_deref()),
        phone: said(node.phone.as_deref()).or_else(|| shipping.and_then(|address| address.phone.clone())),
        shipping_address,
    }
}

fn address(node: &AddressNode) -> Address {
    Address {
        name: said(node.name.as_deref()),
        company: said(node.company.as_deref()),
        address1: said(node.address1.as_deref()),
        address2: said(node.address2.as_deref()),
        city: said(node.city.as_deref()),
        province: said(node.province.as_deref()),
        province_code: said(node.province_code.as_deref()),
        zip: said(node.zip.as_deref()),
        country_code: said(node.country_code_v2.as_deref()),
        country: said(node.country.as_deref()),
        phone: said(node.phone.as_deref()),
    }
}

fn line_id(number: i64) -> Result<LineId, ShopifyError> {
    LineId::parse(&number.to_string()).map_err(|_| UNREADABLE)
}

/// A text that says something, as PostgreSQL can keep it.
fn said(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let kept = |character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character };
    Some(text.chars().take(MOST_CHARACTERS).map(kept).collect())
}
