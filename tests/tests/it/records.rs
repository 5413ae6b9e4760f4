//! The records of orders on a real PostgreSQL: which body counts, what is in a parcel, what waits for a person,
//! what waits in the inbox.
#![allow(clippy::unwrap_used)]

mod arriving;
mod lanes;
mod parcels;
mod waiting;

use chrono::{DateTime, Utc};
use domain::{
    AddressSaid, FinancialStatus, LaneName, LineId, OrderFacts, OrderId, OrderLine, ShopDomain,
    ShopifyOrderId,
};
use orders::{
    Order,
    record::{self, Arrival, ArrivalOutcome, Authority},
};
use sqlx::PgPool;

/// A moment of the shop's clock.
fn at(second: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_790_000_000 + second, 0)
}

/// Two pieces of a SKU in line 1, paid, as the shop's body of this second has them.
fn facts(second: i64) -> OrderFacts {
    let line = OrderLine {
        line_id: LineId::parse("1").unwrap(),
        sku: Some("TEA".to_owned()),
        product_name: "Tea".to_owned(),
        quantity: 2,
        fulfillable_quantity: 2,
        says_fulfillable: true,
        current_quantity: None,
        says_fulfilled: false,
        fulfilment_service: None,
        unit_price: "29.90".parse().unwrap(),
        requires_shipping: true,
    };
    OrderFacts {
        name: "#1".to_owned(),
        currency: "EUR".to_owned(),
        total_amount: "59.80".parse().unwrap(),
        financial_status: FinancialStatus::Paid,
        test: false,
        cancelled_at: None,
        updated_at: at(second),
        location_id: None,
        address: AddressSaid::Given,
        lines: vec![line],
        fulfilments: None,
        tags: None,
        refund_ids: Vec::new(),
        shipping_methods: None,
    }
}

/// How a body of the one order reaches us.
struct Said {
    facts: OrderFacts,
    triggered_at: Option<DateTime<Utc>>,
    authority: Authority,
    address: [u8; 32],
}

impl Said {
    /// By a message that does not say when it was sent.
    fn by_message(facts: OrderFacts) -> Self {
        Self { facts, triggered_at: None, authority: Authority::Message, address: [1; 32] }
    }

    /// It arrives.
    async fn arrives(self, pool: &PgPool) -> (Order, ArrivalOutcome) {
        let id = uuid::Uuid::now_v7().to_string();
        let shop = ShopDomain::parse("records.myshopify.com").unwrap();
        let arrival = Arrival {
            order_id: OrderId::parse(&id).unwrap(),
            shop: &shop,
            lane: &LaneName::of_shop(&shop),
            shopify_order_id: ShopifyOrderId(1),
            facts: &self.facts,
            triggered_at: self.triggered_at,
            authority: self.authority,
            customer: Some(serde_json::json!({"name": "Grace Secretname"})),
            ship_to_digest: Some(self.address),
            our_services: &[],
            approval: &domain::ApprovalRules::default(),
            received_at: Utc::now(),
            hold_until: None,
            correlation_id: &id,
        };
        let mut transaction = pool.begin().await.unwrap();
        let arrived = record::arrive(&mut transaction, &arrival).await.unwrap();
        transaction.commit().await.unwrap();
        arrived
    }
}
