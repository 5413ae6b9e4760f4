-- What people did, as one list. What stands elsewhere with who, when and why is shown from there; the rest is kept here,
-- in the transaction of the act. No personal data of customers.
CREATE TABLE orders.acts (
    act_id   bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT acts_pk PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A name; `customer` for whoever acts on orders of their own.
    acted_by text        NOT NULL,
    kind     text        NOT NULL,
    -- What it was done to: an order's id, a SKU, a lane, the id of a row.
    target   text        NOT NULL,
    -- The order it is about, if it is about one.
    order_id text,
    reason   text,
    detail   text
);
CREATE INDEX acts_at ON orders.acts (at, act_id);
CREATE INDEX acts_of_order ON orders.acts (order_id, at) WHERE order_id IS NOT NULL;
CREATE FUNCTION orders.refuse_change_of_acts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'orders.acts is append only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER acts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON orders.acts
    FOR EACH STATEMENT EXECUTE FUNCTION orders.refuse_change_of_acts();

-- Entries are read newest first, by when and then by their id.
CREATE INDEX edits_made_at ON orders.edits (made_at);
CREATE VIEW orders.audit AS
SELECT 'act-' || act_id AS entry_id, at, acted_by AS actor, kind, target, order_id, reason, detail FROM orders.acts
UNION ALL
SELECT 'edit-' || edit_id, made_at, made_by, 'ORDER_EDITED', order_id, order_id, reason,
       CASE member WHEN 'ADDRESS' THEN 'address' WHEN 'SKU' THEN format('line %s: %s', line_id, value)
                   ELSE format('warehouse: %s', value) END
FROM orders.edits
UNION ALL
SELECT 'pause-' || pause_id, since, paused_by, 'LANE_PAUSED', lane, NULL, reason, NULL
FROM orders.lane_pauses WHERE cause = 'PERSON'
UNION ALL
SELECT 'resume-' || pause_id, until, resumed_by, 'LANE_RESUMED', lane, NULL, resume_reason, NULL
FROM orders.lane_pauses WHERE resumed_by <> 'waybill'
UNION ALL
SELECT 'count-' || count_id, at, counted_by, 'STOCK_COUNTED', sku, NULL, reason,
       format('%s found in %s, %s were on hand', counted, warehouse, on_hand_before)
FROM inventory.counts;
