use super::*;

fn reference(round: u32) -> RequestReference {
    RequestReference::parse(&format!("ORD-20261126-0A0B0C0D-main-{round}")).unwrap()
}

fn request(round: u32, lines: &[(&str, &str, u32)]) -> FulfilmentRequest {
    let lines = lines.iter().map(|(line_id, sku, quantity)| RequestedLine {
        line_id: (*line_id).to_owned(),
        sku: (*sku).to_owned(),
        quantity: *quantity,
    });
    FulfilmentRequest {
        reference: reference(round),
        order_id: OrderId::parse("one").unwrap(),
        warehouse: WarehouseId::main(),
        system: domain::WarehouseSystem::first(),
        status: crate::fulfilment_request::FulfilmentRequestStatus::Accepted,
        pieces: 0,
        lines: lines.collect(),
        ship_to_digest: None,
        was_called: true,
        recall_refused: false,
        recall_wanted: false,
    }
}

/// A parcel that was booked in this second, if it was.
fn parcel(round: u32, id: &str, booked: Option<i64>, lines: &[(&str, u32)]) -> KeptParcel {
    let line = |(sku, quantity): &(&str, u32)| ParcelLine { sku: (*sku).to_owned(), quantity: *quantity };
    KeptParcel {
        reference: reference(round).as_str().to_owned(),
        parcel_id: id.to_owned(),
        order_id: "one".to_owned(),
        warehouse: "main".to_owned(),
        status: domain::ParcelStatus::Shipped,
        lines: lines.iter().map(line).collect(),
        carrier: None,
        tracking_number: None,
        tracking_url: None,
        booked_at: booked.and_then(|second| DateTime::from_timestamp(second, 0)),
        shop_notified_at: None,
        fulfilment_ids: Vec::new(),
    }
}

/// Each parcel with its pieces by line and those that belong to none, in the order of the parcels' ids.
fn seen(requests: &[FulfilmentRequest], parcels: Vec<KeptParcel>) -> Vec<String> {
    let mut seen: Vec<String> = by_lines(requests, parcels)
        .unwrap()
        .iter()
        .map(|parcel| {
            let lines = parcel.lines.iter().map(|line| format!(" {}×{}", line.quantity, line.line_id));
            let besides = parcel.besides.iter().map(|line| format!(" +{}×{}", line.quantity, line.sku));
            format!("{}:{}", parcel.parcel_id, lines.chain(besides).collect::<String>())
        })
        .collect();
    seen.sort();
    seen
}

#[test]
fn what_earlier_parcels_took_of_a_line_is_left_to_no_later_one() {
    let requests = [request(1, &[("1", "A", 1), ("2", "A", 2), ("3", "B", 1)])];
    let parcels = vec![
        parcel(1, "P", Some(10), &[("A", 2)]),
        parcel(1, "Q", Some(20), &[("A", 1), ("B", 1)]),
        parcel(1, "R", Some(30), &[("A", 1)]),
    ];
    assert_eq!(seen(&requests, parcels), ["P: 1×1 1×2", "Q: 1×2 1×3", "R: +1×A"]);
}

#[test]
fn parcels_come_in_the_order_of_their_booking_and_those_that_have_not_left_last() {
    let requests = [request(1, &[("1", "A", 1), ("2", "A", 1), ("3", "A", 1)])];
    let parcels = vec![
        parcel(1, "P", None, &[("A", 1)]),
        parcel(1, "Q", Some(20), &[("A", 1)]),
        parcel(1, "R", Some(10), &[("A", 1)]),
    ];
    assert_eq!(seen(&requests, parcels), ["P: 1×3", "Q: 1×2", "R: 1×1"]);
}

#[test]
fn a_parcel_takes_of_its_own_hand_over_alone() {
    let requests = [request(1, &[("1", "A", 1)]), request(2, &[("1", "A", 2)])];
    let parcels = vec![
        parcel(2, "P", Some(10), &[("A", 1)]),
        parcel(1, "Q", Some(20), &[("A", 2)]),
        parcel(3, "R", Some(30), &[("A", 1)]),
    ];
    assert_eq!(seen(&requests, parcels), ["P: 1×1", "Q: 1×1 +1×A", "R: +1×A"]);
}
