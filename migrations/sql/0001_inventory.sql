-- Stock, and who holds it.
--
-- Locks are taken in one order everywhere: first the stock rows, by SKU and warehouse, then the
-- reservations, by order and epoch. Whoever holds the stock row of a SKU in a warehouse may change
-- its allocations and its queue; nobody else may.

CREATE SCHEMA inventory;

CREATE TABLE inventory.warehouses (
    warehouse_id TEXT CONSTRAINT warehouses_pk PRIMARY KEY,
    -- The lower, the sooner the planner takes from there.
    priority INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO inventory.warehouses (warehouse_id, priority) VALUES ('main', 0);

CREATE TABLE inventory.items (
    sku TEXT CONSTRAINT items_pk PRIMARY KEY,
    name TEXT NOT NULL,
    unit_price NUMERIC CONSTRAINT items_unit_price_not_negative CHECK (unit_price >= 0),
    currency TEXT NOT NULL DEFAULT 'EUR' CONSTRAINT items_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE inventory.stock (
    sku TEXT NOT NULL CONSTRAINT stock_item_fk REFERENCES inventory.items,
    warehouse TEXT NOT NULL CONSTRAINT stock_warehouse_fk REFERENCES inventory.warehouses,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL DEFAULT 0,
    -- Kept equal to the sum of the waiting rows, so that one guarded UPDATE can respect the queue.
    queued BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT stock_pk PRIMARY KEY (sku, warehouse),
    CONSTRAINT stock_reserved_within_on_hand CHECK (reserved BETWEEN 0 AND on_hand),
    CONSTRAINT stock_queued_not_negative CHECK (queued >= 0)
)
-- Few rows, updated all day: room on each page keeps the new versions beside the old ones.
WITH (fillfactor = 50);

CREATE TABLE inventory.movements (
    movement_id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT movements_pk PRIMARY KEY,
    sku TEXT NOT NULL,
    warehouse TEXT NOT NULL,
    on_hand_change BIGINT NOT NULL,
    reserved_change BIGINT NOT NULL,
    reason TEXT NOT NULL CONSTRAINT movements_reason CHECK (reason IN (
        'OPENING_STOCK', 'RECEIPT', 'RESERVATION', 'BACKORDER_ALLOCATION', 'RELEASE', 'FULFILMENT')),
    order_id TEXT,
    reference TEXT,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT movements_stock_fk FOREIGN KEY (sku, warehouse) REFERENCES inventory.stock
);

CREATE FUNCTION inventory.refuse_change_of_movements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'inventory.movements is append only' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inventory.movements
    FOR EACH STATEMENT EXECUTE FUNCTION inventory.refuse_change_of_movements();

CREATE TABLE inventory.reservations (
    order_id TEXT NOT NULL,
    -- Counts an order's reservations: it is reserved anew when it is routed anew.
    epoch BIGINT NOT NULL CONSTRAINT reservations_epoch_not_negative CHECK (epoch >= 0),
    status TEXT NOT NULL CONSTRAINT reservations_status
        CHECK (status IN ('COMPLETE', 'WAITING', 'RELEASED', 'FULFILLED')),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT reservations_pk PRIMARY KEY (order_id, epoch)
);

CREATE TABLE inventory.allocations (
    allocation_id TEXT CONSTRAINT allocations_pk PRIMARY KEY
        CONSTRAINT allocations_id_form CHECK (allocation_id ~ '^alloc_[0-9a-f]{32}$'),
    order_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    line_id TEXT NOT NULL,
    sku TEXT NOT NULL,
    warehouse TEXT NOT NULL,
    quantity BIGINT NOT NULL CONSTRAINT allocations_quantity_positive CHECK (quantity > 0),
    fulfilled_quantity BIGINT NOT NULL DEFAULT 0,
    status TEXT NOT NULL CONSTRAINT allocations_status
        CHECK (status IN ('PENDING', 'CONFIRMED', 'FULFILLED', 'CANCELLED')),
    -- Why it was cancelled.
    cause TEXT,
    -- ORDER: an order of ours; SERVICE: another service that asked for it.
    owner TEXT NOT NULL CONSTRAINT allocations_owner CHECK (owner IN ('ORDER', 'SERVICE')),
    expires_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT allocations_reservation_fk FOREIGN KEY (order_id, epoch) REFERENCES inventory.reservations,
    CONSTRAINT allocations_stock_fk FOREIGN KEY (sku, warehouse) REFERENCES inventory.stock,
    CONSTRAINT allocations_fulfilled_within_quantity CHECK (fulfilled_quantity BETWEEN 0 AND quantity),
    CONSTRAINT allocations_fulfilled_in_whole CHECK (status <> 'FULFILLED' OR fulfilled_quantity = quantity),
    CONSTRAINT allocations_of_orders_never_expire CHECK (owner <> 'ORDER' OR expires_at IS NULL)
);

CREATE UNIQUE INDEX allocations_one_active_per_line
    ON inventory.allocations (order_id, line_id, warehouse, epoch) WHERE status IN ('PENDING', 'CONFIRMED');
CREATE INDEX allocations_of_reservation ON inventory.allocations (order_id, epoch);
CREATE INDEX allocations_active_of_stock
    ON inventory.allocations (sku, warehouse) WHERE status IN ('PENDING', 'CONFIRMED');

CREATE TABLE inventory.waiting (
    -- Drawn while the stock row is locked, so its order is the order of the queue.
    waiting_id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT waiting_pk PRIMARY KEY,
    order_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    line_id TEXT NOT NULL,
    sku TEXT NOT NULL,
    warehouse TEXT NOT NULL,
    quantity BIGINT NOT NULL CONSTRAINT waiting_quantity_positive CHECK (quantity > 0),
    since TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT waiting_once_per_line UNIQUE (order_id, epoch, line_id),
    CONSTRAINT waiting_reservation_fk FOREIGN KEY (order_id, epoch) REFERENCES inventory.reservations,
    CONSTRAINT waiting_stock_fk FOREIGN KEY (sku, warehouse) REFERENCES inventory.stock
);

CREATE INDEX waiting_queue ON inventory.waiting (sku, warehouse, waiting_id);

-- What has left the house, by the warehouse's id of the shipment: booked once, however often it is told.
CREATE TABLE inventory.fulfilments (
    order_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    warehouse TEXT NOT NULL CONSTRAINT fulfilments_warehouse_fk REFERENCES inventory.warehouses,
    shipment_id TEXT NOT NULL,
    lines JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT fulfilments_pk PRIMARY KEY (order_id, warehouse, shipment_id),
    CONSTRAINT fulfilments_reservation_fk FOREIGN KEY (order_id, epoch) REFERENCES inventory.reservations
);
