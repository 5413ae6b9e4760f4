//! The GraphQL documents we send, each checked against the schema of version 2026-07.

/// Whether the shop answers.
pub const GREET: &str = "\
query Greet {
  shop { id }
}";

/// An order as it is now. What the schema of 2026-07 calls deprecated is not asked for: who is to
/// fulfil a line and `fulfillableQuantity`.
pub const READ_ORDER: &str = "\
query ReadOrder($order: ID!) {
  order(id: $order) {
    name
    updatedAt
    cancelledAt
    test
    currencyCode
    totalPriceSet { shopMoney { amount } }
    displayFinancialStatus
    tags
    email
    phone
    billingAddress { name }
    shippingAddress { name company address1 address2 city province provinceCode zip countryCodeV2 country phone }
    shippingLines(first: 10) { nodes { title code } }
    lineItems(first: 50) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        name
        sku
        quantity
        currentQuantity
        unfulfilledQuantity
        requiresShipping
        originalUnitPriceSet { shopMoney { amount } }
      }
    }
    fulfillments(first: 50) {
      id
      status
      location { id }
      trackingInfo(first: 10) { number }
      fulfillmentLineItems(first: 50) {
        pageInfo { hasNextPage endCursor }
        nodes { quantity lineItem { id } }
      }
    }
    refunds(first: 250) { id }
  }
}";

/// Further lines of an order, and whether it is still the same.
pub const READ_ORDER_LINES: &str = "\
query ReadOrderLines($order: ID!, $after: String) {
  order(id: $order) {
    updatedAt
    lineItems(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        name
        sku
        quantity
        currentQuantity
        unfulfilledQuantity
        requiresShipping
        originalUnitPriceSet { shopMoney { amount } }
      }
    }
  }
}";

/// An order's fulfilment orders with their lines. Pages are small, as Shopify wants the price of
/// whole pages to be in the bucket before it starts, and few orders need a second page: 71 points
/// by the prices of 2026-04 (an object or a list is 1, a connection is 2 and its node's price times 4
/// for 10 nodes, times 5 for 20).
pub const FULFILMENT_ORDERS: &str = "\
query FulfilmentOrders($order: ID!, $after: String) {
  order(id: $order) {
    fulfillmentOrders(first: 10, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        status
        requestStatus
        fulfillAt
        assignedLocation { name location { id } }
        deliveryMethod { methodType }
        fulfillmentHolds { reason }
        lineItems(first: 20) {
          pageInfo { hasNextPage endCursor }
          nodes { id sku totalQuantity remainingQuantity lineItem { id } }
        }
      }
    }
  }
}";

/// What is said of an order's risk. The schema gives the assessments without pages.
pub const ORDER_RISK: &str = "\
query OrderRisk($order: ID!) {
  order(id: $order) {
    risk {
      assessments { riskLevel facts { description sentiment } }
    }
  }
}";

/// Further lines of one fulfilment order.
pub const FULFILMENT_ORDER_LINES: &str = "\
query FulfilmentOrderLines($fulfilmentOrder: ID!, $after: String) {
  fulfillmentOrder(id: $fulfilmentOrder) {
    lineItems(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { id sku totalQuantity remainingQuantity lineItem { id } }
    }
  }
}";

/// Moves what is unfulfilled of a fulfilment order to another location.
pub const MOVE_FULFILMENT_ORDER: &str = "\
mutation MoveFulfilmentOrder($fulfilmentOrder: ID!, $location: ID!) {
  fulfillmentOrderMove(id: $fulfilmentOrder, newLocationId: $location) {
    movedFulfillmentOrder { id status }
    userErrors { code field message }
  }
}";

/// What became of the pieces of a reverse fulfilment order.
pub const RESTOCKED: &str = "\
query Restocked($reverseFulfilmentOrder: ID!, $after: String) {
  reverseFulfillmentOrder(id: $reverseFulfilmentOrder) {
    order { id }
    lineItems(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        fulfillmentLineItem { lineItem { id } }
        dispositions { id type quantity }
      }
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
      location { id }
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

/// An order's refunds by their notes, which tell ours.
pub const REFUND_NOTES: &str = "\
query RefundNotes($order: ID!) {
  order(id: $order) {
    refunds(first: 250) { id note }
  }
}";

/// What would be given back for pieces of an order, in the customer's currency.
pub const SUGGESTED_REFUND: &str = "\
query SuggestedRefund($order: ID!, $lines: [RefundLineItemInput!]) {
  order(id: $order) {
    suggestedRefund(refundLineItems: $lines) {
      amountSet { presentmentMoney { amount currencyCode } }
      refundLineItems { lineItem { id } location { id } }
      suggestedTransactions {
        gateway
        amountSet { presentmentMoney { amount currencyCode } }
        parentTransaction { id }
      }
    }
  }
}";

/// Refunds pieces of an order. The key is required as of 2026-04.
pub const CREATE_REFUND: &str = "\
mutation CreateRefund($refund: RefundInput!, $key: String!) {
  refundCreate(input: $refund) @idempotent(key: $key) {
    refund { id }
    userErrors { field message }
  }
}";

/// Stock of up to 250 items at one location, found by a search for their ids: 57 to 68 points by the prices of 2026-04
/// (an object or a list is 1, a connection is 2 and its node's price times 9 for 125 nodes, times 11 for 250; a node is 6
/// here).
pub const READ_LEVELS: &str = "\
query ReadLevels($location: ID!, $search: String!, $first: Int!) {
  inventoryItems(first: $first, query: $search) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      tracked
      variants(first: 1) { nodes { requiresComponents } }
      inventoryLevel(locationId: $location) {
        updatedAt
        quantities(names: [\"available\", \"committed\", \"on_hand\", \"reserved\", \"safety_stock\", \"damaged\", \"quality_control\"]) { name quantity }
      }
    }
  }
}";

/// The same of items that a search did not find: a search is an index that lags. What nodes cost is not known but for one,
/// so each is taken to cost the 6 points of an item.
pub const READ_LEVELS_BY_ID: &str = "\
query ReadLevelsById($location: ID!, $items: [ID!]!) {
  nodes(ids: $items) {
    ... on InventoryItem {
      id
      tracked
      variants(first: 1) { nodes { requiresComponents } }
      inventoryLevel(locationId: $location) {
        updatedAt
        quantities(names: [\"available\", \"committed\", \"on_hand\", \"reserved\", \"safety_stock\", \"damaged\", \"quality_control\"]) { name quantity }
      }
    }
  }
}";

/// Sets what is on hand of up to 250 items: 11 points, however many they are. The key is required as of 2026-04.
pub const SET_ON_HAND: &str = "\
mutation SetOnHand($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}";

/// Makes a location stock an item: 12 points. The key is required as of 2026-04.
pub const ACTIVATE_LEVEL: &str = "\
mutation ActivateLevel($item: ID!, $location: ID!, $onHand: Int, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location, onHand: $onHand) @idempotent(key: $key) {
    inventoryLevel {
      updatedAt
      quantities(names: [\"available\", \"committed\", \"on_hand\", \"reserved\", \"safety_stock\", \"damaged\", \"quality_control\"]) { name quantity }
    }
    userErrors { field message }
  }
}";

/// A page of the shop's variants and their items: 24 points.
pub const ITEMS: &str = "\
query Items($after: String) {
  productVariants(first: 250, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { sku requiresComponents inventoryItem { id tracked } }
  }
}";

/// The shop's locations, closed ones too.
pub const LOCATIONS: &str = "\
query Locations($after: String) {
  locations(first: 100, after: $after, includeInactive: true) {
    pageInfo { hasNextPage endCursor }
    nodes { id name isActive }
  }
}";

/// How the app is installed.
pub const INSTALLATION: &str = "\
query Installation {
  currentAppInstallation { accessScopes { handle } }
}";

/// The webhook subscriptions that were made through the API.
pub const SUBSCRIPTIONS: &str = "\
query Subscriptions($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { topic uri apiVersion { handle } }
  }
}";

/// Every document by its operation's name.
pub const ALL: &[(&str, &str)] = &[
    ("Greet", GREET),
    ("ReadOrder", READ_ORDER),
    ("ReadOrderLines", READ_ORDER_LINES),
    ("FulfilmentOrders", FULFILMENT_ORDERS),
    ("OrderRisk", ORDER_RISK),
    ("FulfilmentOrderLines", FULFILMENT_ORDER_LINES),
    ("MoveFulfilmentOrder", MOVE_FULFILMENT_ORDER),
    ("Fulfilments", FULFILMENTS),
    ("FulfilmentLines", FULFILMENT_LINES),
    ("CreateFulfilment", CREATE_FULFILMENT),
    ("Cancellation", CANCELLATION),
    ("CancelOrder", CANCEL_ORDER),
    ("RefundNotes", REFUND_NOTES),
    ("SuggestedRefund", SUGGESTED_REFUND),
    ("CreateRefund", CREATE_REFUND),
    ("Restocked", RESTOCKED),
    ("ReadLevels", READ_LEVELS),
    ("ReadLevelsById", READ_LEVELS_BY_ID),
    ("SetOnHand", SET_ON_HAND),
    ("ActivateLevel", ACTIVATE_LEVEL),
    ("Items", ITEMS),
    ("Locations", LOCATIONS),
    ("Installation", INSTALLATION),
    ("Subscriptions", SUBSCRIPTIONS),
];
