//! Where the story of an order is kept, in our schemas.

/// `$1` is the order, `$2` how many of each at most. Every fact is a name and a text, or null.
pub(super) const ALL: &str = r#"
(SELECT received_at AS at,
        CASE source WHEN 'shopify' THEN 'SHOP' WHEN 'warehouse' THEN 'WAREHOUSE' WHEN 'inventory' THEN 'WAYBILL'
                    ELSE 'PERSON' END AS actor,
        'MESSAGE' AS kind, topic AS code, concat_ws(': ', state, reason) AS detail, NULL AS by, NULL AS reason,
        json_build_array(json_build_array('inboxId', inbox_id::text), json_build_array('source', source),
                         json_build_array('state', state), json_build_array('messageId', message_id)) AS facts,
        CASE WHEN source IN ('api', 'inventory') THEN body END AS command
 FROM integration.inbox WHERE order_id = $1 ORDER BY inbox_id DESC LIMIT $2)
UNION ALL
(SELECT at, CASE WHEN event = 'MESSAGE_REPLAYED' THEN 'PERSON' ELSE 'WAYBILL' END,
        CASE WHEN event = 'MESSAGE_REPLAYED' THEN 'ACT' WHEN event = 'RETURN_CANCELLED' THEN 'RETURN' ELSE 'STEP' END,
        event, detail, NULL, NULL, '[]', NULL
 FROM orders.timeline
 WHERE order_id = $1
   -- These stand below, with more about them.
   AND event NOT IN ('PARKED', 'RESOLVED', 'EDITED', 'RETURN_ANNOUNCED', 'RETURN_RECEIVED')
 ORDER BY entry_id DESC LIMIT $2)
UNION ALL
(SELECT opened_at, 'WAYBILL', 'STEP', 'PARKED', concat_ws(': ', step, reason), NULL, NULL,
        json_build_array(json_build_array('attentionId', attention_id::text), json_build_array('step', step),
                         json_build_array('reason', reason)), NULL
 FROM orders.attention
 -- What is only shown has an entry of the timeline for all that is said of it.
 WHERE order_id = $1 AND NOT (step = 'follow' AND detail IS NOT NULL)
 ORDER BY attention_id DESC LIMIT $2)
UNION ALL
(SELECT resolved_at,
        CASE resolved_by WHEN 'waybill' THEN 'WAYBILL' WHEN 'policy' THEN 'WAYBILL' WHEN 'customer' THEN 'CUSTOMER'
                         WHEN 'shopify' THEN 'SHOP' ELSE 'PERSON' END,
        'ACT', resolution, concat_ws(': ', step, reason),
        CASE WHEN resolved_by NOT IN ('waybill', 'policy', 'customer', 'shopify') THEN resolved_by END,
        resolve_reason,
        json_build_array(json_build_array('attentionId', attention_id::text), json_build_array('step', step),
                         json_build_array('reason', reason)), NULL
 FROM orders.attention
 WHERE order_id = $1 AND resolved_at IS NOT NULL ORDER BY attention_id DESC LIMIT $2)
UNION ALL
(SELECT made_at, 'PERSON', 'ACT', 'EDITED', concat_ws(' ', member, nullif(line_id, ''), '→ ' || value), made_by,
        nullif(reason, ''),
        json_build_array(json_build_array('member', member), json_build_array('lineId', nullif(line_id, '')),
                         json_build_array('value', value), json_build_array('requestId', request_id),
                         json_build_array('supersededAt', to_char(superseded_at AT TIME ZONE 'UTC',
                                                                  'YYYY-MM-DD"T"HH24:MI:SS"Z"'))), NULL
 FROM orders.edits WHERE order_id = $1 ORDER BY edit_id DESC LIMIT $2)
UNION ALL
(SELECT COALESCE(called_at, created_at), 'WAYBILL', 'CALL', status, reference, NULL, NULL,
        json_build_array(json_build_array('reference', reference), json_build_array('warehouse', warehouse),
                         json_build_array('system', system), json_build_array('pieces', pieces::text)), NULL
 FROM orders.fulfilment_requests WHERE order_id = $1 ORDER BY 1 DESC LIMIT $2)
UNION ALL
(SELECT DISTINCT ON (paused.pause_id) greatest(paused.since, waited.since), 'WAYBILL', 'CALL', 'WAITED_FOR_LANE',
        concat_ws(': ', paused.lane, paused.cause), NULL, NULL,
        json_build_array(json_build_array('lane', paused.lane), json_build_array('cause', paused.cause),
                         json_build_array('until', to_char(paused.until AT TIME ZONE 'UTC',
                                                           'YYYY-MM-DD"T"HH24:MI:SS"Z"'))), NULL
 FROM orders.orders o
 CROSS JOIN LATERAL (
     SELECT CASE WHEN r.system = 'wms' THEN 'warehouse' ELSE 'warehouse-' || r.system END AS lane, r.created_at AS since,
            COALESCE((SELECT max(t.at) FROM orders.timeline t WHERE t.order_id = $1 AND t.event = 'HANDED_OVER'),
                     o.story_ended_at, now()) AS until
     FROM orders.fulfilment_requests r WHERE r.order_id = $1
     UNION ALL
     SELECT shop.lane, p.booked_at, COALESCE(p.shop_notified_at, o.story_ended_at, now())
     FROM orders.parcels p CROSS JOIN unnest(ARRAY[o.shop_lane, left('shopify-' || o.shop, 128)]) AS shop (lane)
     WHERE p.order_id = $1 AND p.booked_at IS NOT NULL
 ) AS waited
 JOIN orders.lane_pauses paused ON paused.lane = waited.lane AND paused.since < waited.until
                                AND COALESCE(paused.until, 'infinity') > waited.since
 WHERE o.order_id = $1 ORDER BY paused.pause_id DESC LIMIT $2)
UNION ALL
(SELECT last_failed_at, 'WAYBILL', 'CALL', code, step || ' failed', NULL, NULL,
        json_build_array(json_build_array('step', step), json_build_array('failures', counted::text)), NULL
 FROM orders.call_attempts WHERE order_id = $1 ORDER BY 1 DESC LIMIT $2)
UNION ALL
(SELECT at, 'WAYBILL', 'CALL', code, step || ' failed', NULL, NULL,
        json_build_array(json_build_array('step', step)), NULL
 FROM orders.complaints c
 -- What speaks against an order is kept as one, too; no call failed.
 WHERE order_id = $1 AND code <> 'APPROVAL' AND NOT EXISTS (SELECT FROM orders.call_attempts a WHERE a.order_id = $1 AND a.step = c.step
                                     AND a.code = c.code)
 ORDER BY 1 DESC LIMIT $2)
UNION ALL
(SELECT COALESCE(booked_at, updated_at), 'WAREHOUSE', 'PARCEL', status, concat_ws(' ', carrier, tracking_number), NULL,
        NULL,
        json_build_array(json_build_array('parcelId', parcel_id), json_build_array('reference', reference),
                         json_build_array('warehouse', warehouse), json_build_array('carrier', carrier),
                         json_build_array('trackingNumber', tracking_number)), NULL
 FROM orders.parcels WHERE order_id = $1 ORDER BY 1 DESC LIMIT $2)
UNION ALL
(SELECT created_at, CASE source WHEN 'SHOPIFY' THEN 'SHOP' WHEN 'EVENT' THEN 'WAYBILL' ELSE 'PERSON' END, 'RETURN',
        'RETURN_ANNOUNCED',
        (SELECT string_agg(announced || ' × ' || sku, ', ' ORDER BY line_id) FROM orders.return_lines l
         WHERE l.return_id = r.return_id), NULL, NULL,
        json_build_array(json_build_array('returnId', return_id), json_build_array('state', state),
                         json_build_array('source', source)), NULL
 FROM orders.returns r WHERE order_id = $1 ORDER BY 1 DESC LIMIT $2)
UNION ALL
(SELECT at, CASE receiver WHEN 'HAND' THEN 'PERSON' ELSE 'WAREHOUSE' END, 'RETURN', 'RETURN_RECEIVED',
        (SELECT string_agg(quantity || ' × ' || sku || CASE WHEN sellable THEN '' ELSE ' that cannot be sold' END, ', '
                           ORDER BY line_id, sellable) FROM orders.return_receipt_lines l
         WHERE l.receipt_id = t.receipt_id), NULL, NULL,
        json_build_array(json_build_array('returnId', return_id), json_build_array('receiptId', receipt_id::text)), NULL
 FROM orders.return_receipts t JOIN orders.returns USING (return_id)
 WHERE order_id = $1 ORDER BY receipt_id DESC LIMIT $2)"#;
