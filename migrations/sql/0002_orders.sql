-- What is known of each order (schema orders) and what crosses our borders (schema integration).
-- Constraint names are read by the code: they become error messages.

CREATE SCHEMA orders;
CREATE SCHEMA integration;

CREATE TABLE orders.orders (
    order_id           text        NOT NULL,
    order_number       text        NOT NULL,
    workflow_id        text        NOT NULL,
    channel            text        NOT NULL,
    shop               text,
    shopify_order_id   bigint,
    name               text        NOT NULL,
    status             text        NOT NULL DEFAULT 'PENDING',
    condition          text,
    condition_reason   text,
    held_by            text,
    some_has_left      boolean     NOT NULL DEFAULT false,
    currency           text        NOT NULL,
    total_amount       numeric     NOT NULL,
    financial_status   text        NOT NULL,
    test               boolean     NOT NULL DEFAULT false,
    location_id        bigint,
    shop_cancelled_at  timestamptz,
    -- The shop's clock: decides which of two bodies is older. Null for orders of our own API.
    content_updated_at timestamptz,
    hold_until         timestamptz,
    -- Raised when a reservation was given back and the order is to be reserved anew.
    epoch              integer     NOT NULL DEFAULT 1,
    cancelled_by       text,
    cancel_reason      text,
    -- Set by the run that finished everything there was to do. An open order without it and
    -- without a running workflow has lost its run.
    story_ended_at     timestamptz,
    -- When the sweeper last saw that its run is there.
    run_checked_at     timestamptz,
    correlation_id     text        NOT NULL,
    received_at        timestamptz NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_pk PRIMARY KEY (order_id),
    CONSTRAINT orders_order_number_unique UNIQUE (order_number),
    CONSTRAINT orders_workflow_id_unique UNIQUE (workflow_id),
    CONSTRAINT orders_shop_order_unique UNIQUE (shop, shopify_order_id),
    CONSTRAINT orders_channel_known CHECK (channel IN ('SHOPIFY', 'API')),
    CONSTRAINT orders_shop_complete CHECK ((channel = 'SHOPIFY') = (shop IS NOT NULL AND shopify_order_id IS NOT NULL)),
    CONSTRAINT orders_status_known CHECK (status IN ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED', 'DELIVERED', 'CANCELLED')),
    CONSTRAINT orders_condition_known CHECK (condition IN ('ON_HOLD', 'AWAITING_PAYMENT', 'BACKORDERED', 'PARTIALLY_SHIPPED', 'NEEDS_ATTENTION', 'IGNORED')),
    CONSTRAINT orders_held_by_known CHECK (held_by IN ('WINDOW', 'SHOPIFY', 'WAREHOUSE')),
    CONSTRAINT orders_total_not_negative CHECK (total_amount >= 0),
    CONSTRAINT orders_epoch_positive CHECK (epoch >= 1)
);
CREATE INDEX orders_newest ON orders.orders (created_at DESC, order_id);
CREATE INDEX orders_open ON orders.orders (updated_at) WHERE story_ended_at IS NULL;

CREATE TABLE orders.lines (
    order_id             text    NOT NULL,
    position             integer NOT NULL,
    line_id              text    NOT NULL,
    sku                  text,
    product_name         text    NOT NULL,
    quantity             integer NOT NULL,
    fulfillable_quantity integer NOT NULL,
    unit_price           numeric NOT NULL,
    requires_shipping    boolean NOT NULL,
    CONSTRAINT lines_pk PRIMARY KEY (order_id, line_id),
    CONSTRAINT lines_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT lines_quantity_not_negative CHECK (quantity >= 0 AND fulfillable_quantity >= 0),
    CONSTRAINT lines_price_not_negative CHECK (unit_price >= 0)
);

-- Personal data stands here and nowhere else, so that it can be removed in one place.
CREATE TABLE orders.customers (
    order_id text  NOT NULL,
    customer jsonb NOT NULL,
    CONSTRAINT customers_pk PRIMARY KEY (order_id),
    CONSTRAINT customers_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id)
);

-- One row per hand-over to a warehouse. Written before the warehouse is called, so that whatever
-- happens to the call, its reference is known.
CREATE TABLE orders.hand_overs (
    reference   text        NOT NULL,
    order_id    text        NOT NULL,
    warehouse   text        NOT NULL,
    round       integer     NOT NULL,
    status      text        NOT NULL DEFAULT 'REQUESTED',
    lines       jsonb       NOT NULL,
    -- Pieces that are to leave under this reference; fewer than asked for after a recall in part.
    pieces      integer     NOT NULL,
    ask_after   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT hand_overs_pk PRIMARY KEY (reference),
    CONSTRAINT hand_overs_round_unique UNIQUE (order_id, warehouse, round),
    CONSTRAINT hand_overs_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT hand_overs_status_known CHECK (status IN ('REQUESTED', 'ACCEPTED', 'RECALLED', 'CANCELLED', 'SHIPPED')),
    CONSTRAINT hand_overs_pieces_not_negative CHECK (pieces >= 0)
);
CREATE INDEX hand_overs_overdue ON orders.hand_overs (ask_after) WHERE status = 'ACCEPTED';

CREATE TABLE orders.shipments (
    reference       text        NOT NULL,
    shipment_id     text        NOT NULL,
    order_id        text        NOT NULL,
    warehouse       text        NOT NULL,
    status          text        NOT NULL,
    sequence        bigint      NOT NULL,
    lines           jsonb       NOT NULL,
    carrier         text,
    tracking_number text,
    tracking_url    text,
    -- When it was booked as shipped here: stock taken, pieces counted.
    booked_at       timestamptz,
    told_shop_at    timestamptz,
    delivered_at    timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT shipments_pk PRIMARY KEY (reference, shipment_id),
    CONSTRAINT shipments_hand_over_fk FOREIGN KEY (reference) REFERENCES orders.hand_overs (reference),
    CONSTRAINT shipments_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id)
);
CREATE INDEX shipments_by_order ON orders.shipments (order_id);

-- What waits for a person. The vendor's own words may hold personal data, so they stand here and
-- never in a history.
CREATE TABLE orders.attention (
    attention_id  bigint      GENERATED ALWAYS AS IDENTITY,
    order_id      text        NOT NULL,
    step          text        NOT NULL,
    reason        text        NOT NULL,
    vendor_text   text,
    -- False where no workflow waits for the answer (the order shipped long ago, or its run is gone).
    has_run       boolean     NOT NULL DEFAULT true,
    opened_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at   timestamptz,
    resolution    text,
    resolved_by   text,
    resolve_reason text,
    CONSTRAINT attention_pk PRIMARY KEY (attention_id),
    CONSTRAINT attention_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT attention_resolution_complete CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);
CREATE UNIQUE INDEX attention_one_open ON orders.attention (order_id, step) WHERE resolved_at IS NULL;

-- A vendor's words about the newest failed attempt of a step, kept until the step is parked.
CREATE TABLE orders.complaints (
    order_id    text        NOT NULL,
    step        text        NOT NULL,
    code        text        NOT NULL,
    vendor_text text        NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT complaints_pk PRIMARY KEY (order_id, step),
    CONSTRAINT complaints_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id)
);

CREATE TABLE orders.timeline (
    entry_id bigint      GENERATED ALWAYS AS IDENTITY,
    order_id text        NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    event    text        NOT NULL,
    detail   text,
    CONSTRAINT timeline_pk PRIMARY KEY (entry_id),
    CONSTRAINT timeline_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id)
);
CREATE INDEX timeline_by_order ON orders.timeline (order_id, entry_id);

-- Everything that arrives and has an effect on an order: webhooks of shops, callbacks of the
-- warehouse, orders of our own API, stock that came in. Committed before it is acknowledged.
CREATE TABLE integration.inbox (
    inbox_id        bigint      GENERATED ALWAYS AS IDENTITY,
    source          text        NOT NULL,
    -- The shop for Shopify; empty for the others, so that the unique constraint holds for them too.
    shop            text        NOT NULL DEFAULT '',
    message_id      text        NOT NULL,
    topic           text        NOT NULL,
    headers         jsonb       NOT NULL DEFAULT '{}',
    body            bytea       NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now(),
    state           text        NOT NULL DEFAULT 'RECEIVED',
    reason          text,
    order_id        text,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    settled_at      timestamptz,
    CONSTRAINT inbox_pk PRIMARY KEY (inbox_id),
    CONSTRAINT inbox_message_unique UNIQUE (source, shop, message_id),
    CONSTRAINT inbox_source_known CHECK (source IN ('shopify', 'warehouse', 'api', 'inventory')),
    -- RECEIVED: not looked at. WAITING: looked at, cannot be done yet (reason says why).
    -- DONE: in an order. SKIPPED: stale or without effect. STORED: kept, acted on by a later version.
    -- UNREADABLE: signed, but nothing this version can read.
    CONSTRAINT inbox_state_known CHECK (state IN ('RECEIVED', 'WAITING', 'DONE', 'SKIPPED', 'STORED', 'UNREADABLE')),
    CONSTRAINT inbox_settled_complete CHECK ((state IN ('RECEIVED', 'WAITING')) = (settled_at IS NULL))
);
CREATE INDEX inbox_due ON integration.inbox (next_attempt_at) WHERE settled_at IS NULL;

CREATE TABLE integration.outbox (
    outbox_id      bigint      GENERATED ALWAYS AS IDENTITY,
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    correlation_id text        NOT NULL,
    payload        jsonb       NOT NULL,
    occurred_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at   timestamptz,
    CONSTRAINT outbox_pk PRIMARY KEY (outbox_id),
    CONSTRAINT outbox_event_unique UNIQUE (event_id)
);
CREATE INDEX outbox_unpublished ON integration.outbox (outbox_id) WHERE published_at IS NULL;
