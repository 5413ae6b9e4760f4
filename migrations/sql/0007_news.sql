-- What changes an order after it came in: newer content, refunds, the shop's fulfilment orders, and what
-- the warehouse says of it.

-- A line may wait in several places: pieces wanted later join at the end of the queue.
ALTER TABLE inventory.waiting DROP CONSTRAINT waiting_once_per_line;
CREATE INDEX waiting_of_reservation ON inventory.waiting (order_id, epoch, line_id);

ALTER TABLE inventory.reservations
    -- Which version of what the order wants it stands for.
    ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- RETURN: pieces that came back from a customer.
ALTER TABLE inventory.movements
    DROP CONSTRAINT movements_reason,
    ADD CONSTRAINT movements_reason CHECK (reason IN (
        'OPENING_STOCK', 'RECEIPT', 'RESERVATION', 'BACKORDER_ALLOCATION', 'RELEASE', 'FULFILMENT',
        'ALLOCATION', 'EXPIRY', 'ADJUSTMENT', 'RETURN'));

ALTER TABLE orders.orders
    -- When the shop sent the newest content: decides between two bodies of one second.
    ADD COLUMN content_triggered_at timestamptz,
    -- A body of the same moment said something else: the shop's own order has to be read.
    ADD COLUMN content_in_doubt boolean NOT NULL DEFAULT false,
    -- Rises with everything that may change what is to be held, handed over or recalled.
    ADD COLUMN wish_version integer NOT NULL DEFAULT 1,
    -- The version that its reservation and hand-overs were last planned for.
    ADD COLUMN planned_version integer NOT NULL DEFAULT 0,
    -- Whether any body said that it was not cancelled, and whether any said that it could be paid.
    ADD COLUMN was_open boolean NOT NULL DEFAULT true,
    ADD COLUMN was_payable boolean NOT NULL DEFAULT true,
    ADD COLUMN address_said text NOT NULL DEFAULT 'ABSENT',
    -- What the newest body lists as fulfilled, by whomever; null where it is silent.
    ADD COLUMN shop_fulfilments jsonb,
    -- The refunds that the newest body counts in.
    ADD COLUMN refund_ids bigint[] NOT NULL DEFAULT '{}',
    -- What was wanted when the shop's fulfilment orders were last looked at, as a digest.
    ADD COLUMN looked_for bytea,
    -- Pieces by line that the shop had been told of by then: its fulfilment orders count them in.
    ADD COLUMN told_at_look jsonb,
    -- Something was said of its fulfilment orders since.
    ADD COLUMN look_wanted boolean NOT NULL DEFAULT false,
    -- Some of it has left, and the rest was called off: nothing more is shipped.
    ADD COLUMN rest_is_called_off boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT orders_address_said_known CHECK (address_said IN ('GIVEN', 'NULL', 'ABSENT'));

ALTER TABLE orders.lines
    ADD COLUMN says_fulfillable boolean NOT NULL DEFAULT true,
    ADD COLUMN current_quantity integer,
    ADD COLUMN says_fulfilled boolean NOT NULL DEFAULT false,
    ADD COLUMN fulfilment_service text;

ALTER TABLE orders.customers
    -- Where the order goes, normalised, as a digest; none where there is no address.
    ADD COLUMN ship_to_digest bytea;

ALTER TABLE orders.hand_overs
    -- Where it was sent to, as a digest: the address itself stands in orders.customers alone.
    ADD COLUMN ship_to_digest bytea,
    -- When the warehouse was first called: until then nobody outside knows of it.
    ADD COLUMN called_at timestamptz,
    -- What was asked for before a recall, where there was one: it may have left by hand all the same.
    ADD COLUMN lines_before_recall jsonb,
    -- The warehouse was asked to stop it and could not: it is not asked again.
    ADD COLUMN recall_refused boolean NOT NULL DEFAULT false;

-- The warehouse may know of every one that is there.
UPDATE orders.hand_overs SET called_at = created_at;

ALTER TABLE orders.shipments
    -- The shop's ids of the fulfilments that report the parcel.
    ADD COLUMN fulfilment_ids bigint[] NOT NULL DEFAULT '{}',
    -- How often we set out to report it: the first time nothing of it can be there yet.
    ADD COLUMN tellings integer NOT NULL DEFAULT 0;

-- An inbox row may wait for a person before any order is known, and an order for several reasons.
ALTER TABLE orders.attention
    ALTER COLUMN order_id DROP NOT NULL,
    ADD COLUMN inbox_id bigint,
    -- What differs, in words without personal data.
    ADD COLUMN detail text,
    ADD CONSTRAINT attention_of_something CHECK (order_id IS NOT NULL OR inbox_id IS NOT NULL);
DROP INDEX orders.attention_one_open;
CREATE UNIQUE INDEX attention_one_open ON orders.attention (order_id, step, reason) WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX attention_one_per_message ON orders.attention (inbox_id) WHERE order_id IS NULL;

-- Pieces that refunds take back, once per line of a refund.
CREATE TABLE orders.refund_lines (
    order_id       text        NOT NULL,
    refund_line_id bigint      NOT NULL,
    refund_id      bigint      NOT NULL,
    line_id        text        NOT NULL,
    quantity       integer     NOT NULL,
    restock        text        NOT NULL,
    -- By the shop's clock.
    refunded_at    timestamptz,
    kept_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refund_lines_pk PRIMARY KEY (order_id, refund_line_id),
    CONSTRAINT refund_lines_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT refund_lines_quantity_positive CHECK (quantity > 0),
    CONSTRAINT refund_lines_restock_known CHECK (restock IN ('cancel', 'return', 'no_restock', 'legacy_restock'))
);

-- Pieces that are announced to come back. What was booked in again is counted here: per piece the first
-- books.
CREATE TABLE orders.returns (
    order_id       text        NOT NULL,
    -- REFUND: a refund's line says so. RETURN: a return that the shop approved.
    source         text        NOT NULL,
    source_line_id bigint      NOT NULL,
    line_id        text        NOT NULL,
    quantity       integer     NOT NULL,
    announced_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT returns_pk PRIMARY KEY (order_id, source, source_line_id),
    CONSTRAINT returns_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT returns_source_known CHECK (source IN ('REFUND', 'RETURN')),
    CONSTRAINT returns_quantity_positive CHECK (quantity > 0)
);

-- Pieces of a line that were booked in again after they had left.
CREATE TABLE orders.restocked (
    order_id    text        NOT NULL,
    line_id     text        NOT NULL,
    -- What booked them, for example a refund's line; once.
    cause       text        NOT NULL,
    quantity    integer     NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT restocked_pk PRIMARY KEY (order_id, line_id, cause),
    CONSTRAINT restocked_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id)
);

-- The shop's fulfilment orders as they were last looked at.
CREATE TABLE orders.fulfilment_orders (
    -- The shop's id, unique over all shops.
    number    bigint      NOT NULL,
    order_id  text        NOT NULL,
    position  integer     NOT NULL,
    content   jsonb       NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fulfilment_orders_pk PRIMARY KEY (number),
    CONSTRAINT fulfilment_orders_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id)
);
CREATE INDEX fulfilment_orders_by_order ON orders.fulfilment_orders (order_id, position);

-- What was said of fulfilment orders that no order of ours is known to have yet.
CREATE TABLE orders.fulfilment_order_news (
    number   bigint      NOT NULL,
    inbox_id bigint      NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fulfilment_order_news_pk PRIMARY KEY (number, inbox_id)
);

ALTER TABLE integration.inbox
    -- Whose order it is about, as far as that can be told at the door: the shop's id of the order, or ours.
    ADD COLUMN subject text;
CREATE INDEX inbox_open_of_subject ON integration.inbox (subject) WHERE settled_at IS NULL AND subject IS NOT NULL;
