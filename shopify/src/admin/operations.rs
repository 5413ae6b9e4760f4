//! The GraphQL documents we send, each checked against the schema of version 2026-07.

/// An order's fulfilment orders with their lines. Pages are small, as Shopify wants the price of
/// whole pages to be in the bucket before it starts, and few orders need a second page.
pub const FULFILMENT_ORDERS: &str = "\
query FulfilmentOrders($order: ID!, $after: String) {
  order(id: $order) {
    fulfillmentOrders(first: 20, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        status
        lineItems(first: 50) {
          pageInfo { hasNextPage endCursor }
          nodes { id sku remainingQuantity lineItem { id } }
        }
      }
    }
  }
}";

/// Further lines of one fulfilment order.
pub const FULFILMENT_ORDER_LINES: &str = "\
query FulfilmentOrderLines($fulfilmentOrder: ID!, $after: String) {
  fulfillmentOrder(id: $fulfilmentOrder) {
    lineItems(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { id sku remainingQuantity lineItem { id } }
    }
  }
}";

/// An order's fulfilments, which come without a cursor.
pub const FULFILMENTS: &str = "\
query Fulfilments($order: ID!, $first: Int!) {
  order(id: $order) {
    fulfillments(first: $first) {
      id
      status
      trackingInfo(first: 10) { number }
      fulfillmentLineItems(first: 50) {
        pageInfo { hasNextPage endCursor }
        nodes { quantity lineItem { id } }
      }
    }
  }
}";

/// Further lines of one fulfilment.
pub const FULFILMENT_LINES: &str = "\
query FulfilmentLines($fulfilment: ID!, $after: String) {
  fulfillment(id: $fulfilment) {
    fulfillmentLineItems(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { quantity lineItem { id } }
    }
  }
}";

/// Says that a parcel has left. Not idempotent.
pub const CREATE_FULFILMENT: &str = "\
mutation CreateFulfilment($fulfilment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfilment) {
    fulfillment { id status }
    userErrors { field message }
  }
}";

/// Whether an order is cancelled and how far its fulfilment is.
pub const CANCELLATION: &str = "\
query Cancellation($order: ID!) {
  order(id: $order) {
    cancelledAt
    displayFulfillmentStatus
  }
}";

/// Cancels an order. Not idempotent; Shopify does the work in a job of its own.
pub const CANCEL_ORDER: &str = "\
mutation CancelOrder(
  $order: ID!
  $reason: OrderCancelReason!
  $restock: Boolean!
  $refundMethod: OrderCancelRefundMethodInput!
  $notifyCustomer: Boolean!
  $staffNote: String
) {
  orderCancel(
    orderId: $order
    reason: $reason
    restock: $restock
    refundMethod: $refundMethod
    notifyCustomer: $notifyCustomer
    staffNote: $staffNote
  ) {
    job { id }
    orderCancelUserErrors { code field message }
  }
}";

/// Every document by its operation's name.
pub const ALL: &[(&str, &str)] = &[
    ("FulfilmentOrders", FULFILMENT_ORDERS),
    ("FulfilmentOrderLines", FULFILMENT_ORDER_LINES),
    ("Fulfilments", FULFILMENTS),
    ("FulfilmentLines", FULFILMENT_LINES),
    ("CreateFulfilment", CREATE_FULFILMENT),
    ("Cancellation", CANCELLATION),
    ("CancelOrder", CANCEL_ORDER),
];
