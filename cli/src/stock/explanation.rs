//! Why the planner would choose as it does, as people read it.

use serde::Deserialize;

use crate::output::{Output, Tone, Value, clean, figure, name, plain, text, toned};

/// Which warehouse would serve which line, and why not the others.
#[derive(Deserialize)]
pub(super) struct Explanation {
    complete: bool,
    parcels: u64,
    lines: Vec<Line>,
    #[serde(default)]
    holds: Vec<Holding>,
    #[serde(default)]
    waits: Vec<Holding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    sku: Option<String>,
    requested: u64,
    #[serde(default)]
    unknown_sku: bool,
    missing: u64,
    queue_at: Option<String>,
    warehouses: Vec<Verdict>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    warehouse_id: String,
    available: u64,
    serves: u64,
    why_not: Option<String>,
}

/// Pieces that an order has in a warehouse, or waits for there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Holding {
    sku: String,
    warehouse_id: String,
    quantity: u64,
}

/// Says it.
pub(super) fn show(output: Output, explanation: &Explanation) {
    output.line(&verdict(explanation));
    holdings(output, "It holds", &explanation.holds);
    holdings(output, "It waits for", &explanation.waits);
    if explanation.lines.is_empty() {
        return;
    }
    let open = if explanation.waits.is_empty() { "What is open" } else { "What a newcomer would get" };
    output.headline(open);
    let columns = [name("ITEM"), name("WAREHOUSE"), figure("AVAILABLE"), figure("GIVES"), text("WHY NOT")];
    output.rows(&columns, explanation.lines.iter().flat_map(rows).collect());
}

fn holdings(output: Output, title: &str, holdings: &[Holding]) {
    if holdings.is_empty() {
        return;
    }
    output.headline(title);
    let row = |holding: &Holding| {
        let item = format!("{} × {}", holding.quantity, clean(&holding.sku));
        vec![plain(item), plain(&holding.warehouse_id)]
    };
    output.rows(&[name("ITEM"), name("WAREHOUSE")], holdings.iter().map(row).collect());
}

fn verdict(explanation: &Explanation) -> String {
    if explanation.lines.is_empty() {
        return "Nothing is open: what was ordered is held, has left, or is not to ship.".to_owned();
    }
    let parcels = match explanation.parcels {
        0 => "nothing would ship".to_owned(),
        1 => "1 parcel would ship".to_owned(),
        parcels => format!("{parcels} parcels would ship"),
    };
    let short = explanation.lines.iter().filter(|line| line.missing > 0).count();
    match (explanation.complete, short) {
        (true, _) => format!("Every line would get all it asks for; {parcels}."),
        (false, 1) => format!("1 line would not get all it asks for; {parcels}."),
        (false, short) => format!("{short} lines would not get all they ask for; {parcels}."),
    }
}

fn rows(line: &Line) -> Vec<Vec<Value>> {
    let mut item = format!("{} × {}", line.requested, clean(line.sku.as_deref().unwrap_or("no item named")));
    let mut rows = Vec::new();
    // The item stands in the first of its rows alone.
    let mut row = |warehouse: &str, available: &str, serves: &str, said: Value| {
        let item = plain(std::mem::take(&mut item));
        rows.push(vec![item, plain(warehouse), plain(available), plain(serves), said]);
    };
    if line.unknown_sku {
        row("", "", "", toned("there is no such item", Tone::Alarming));
        return rows;
    }
    for there in &line.warehouses {
        let said = there.why_not.as_deref().map(why_not).unwrap_or_default();
        let pieces = [there.available, there.serves].map(|pieces| pieces.to_string());
        row(&there.warehouse_id, &pieces[0], &pieces[1], plain(said));
    }
    if line.missing > 0 {
        let place = line.queue_at.as_deref().unwrap_or_default();
        row(
            place,
            "",
            "",
            toned(format!("{} missing: it would wait for them here", line.missing), Tone::Alarming),
        );
    }
    rows
}

fn why_not(code: &str) -> &str {
    match code {
        "INACTIVE" => "it takes no new orders",
        "NOT_STOCKED" => "the item is not kept there",
        "OUT_OF_STOCK" => "a newcomer could get none there",
        "GIVEN_TO_OTHER_LINES" => "other lines of the order get it",
        "NOT_ENOUGH" => "it has less than the line gets elsewhere",
        "ANOTHER_SHIPS_FEWER_PARCELS" => "with it there would be more parcels",
        "ANOTHER_SPLITS_FEWER_LINES" => "with it more lines would be split",
        "ANOTHER_IS_PREFERRED" => "another one is preferred",
        "LOWER_PRIORITY" => "others have priority",
        "LATER_NAME" => "as good as another, whose name comes first",
        "OTHERS_GIVE_MORE" => "others give at least as much",
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn explanation(missing: u64) -> Explanation {
        serde_json::from_value(json!({
            "complete": missing == 0, "parcels": 1,
            "lines": [{
                "lineId": "1", "sku": "TEA", "requested": 5, "unknownSku": false, "missing": missing,
                "queueAt": if missing > 0 { json!("main") } else { json!(null) },
                "warehouses": [
                    {"warehouseId": "main", "available": 9, "serves": 5 - missing, "whyNot": null},
                    {"warehouseId": "north", "available": 9, "serves": 0, "whyNot": "LOWER_PRIORITY"},
                ],
            }],
        }))
        .expect("an explanation")
    }

    #[test]
    fn the_verdict_counts_parcels_and_lines_that_fall_short() {
        assert_eq!(verdict(&explanation(0)), "Every line would get all it asks for; 1 parcel would ship.");
        assert_eq!(verdict(&explanation(2)), "1 line would not get all it asks for; 1 parcel would ship.");
        let held = Explanation { lines: Vec::new(), ..explanation(0) };
        assert!(verdict(&held).starts_with("Nothing is open"));
    }

    #[test]
    fn each_warehouse_has_a_row_and_so_has_what_is_missing() {
        assert_eq!(rows(&explanation(0).lines[0]).len(), 2);
        assert_eq!(rows(&explanation(2).lines[0]).len(), 3);
    }
}
