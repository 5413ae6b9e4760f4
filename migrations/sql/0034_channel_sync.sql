-- Stock levels on their way to the shops.

-- Raised with every change of a figure, in its statement: a level is dirty as long as the shop was not found right for
-- the newest one. However often stock moves meanwhile, that is one thing to do.
ALTER TABLE inventory.stock ADD COLUMN version bigint NOT NULL DEFAULT 1;

CREATE SCHEMA channel;

-- A shop's items, as it named them last.
CREATE TABLE channel.items (
    shop       text        NOT NULL,
    item_id    bigint      NOT NULL,
    sku        text,
    tracked    boolean     NOT NULL,
    is_bundle  boolean     NOT NULL,
    learned_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT items_pk PRIMARY KEY (shop, item_id)
);
CREATE INDEX items_by_sku ON channel.items (shop, sku) WHERE sku IS NOT NULL;

-- What a location of a shop is to have of an item of ours.
CREATE TABLE channel.levels (
    shop            text        NOT NULL,
    location_id     bigint      NOT NULL,
    item_id         bigint      NOT NULL,
    sku             text        NOT NULL,
    warehouse       text        NOT NULL,
    -- The version of the stock, and the marks, for which the shop was found right or set.
    settled_version bigint      NOT NULL DEFAULT -1,
    settled_marks   bigint      NOT NULL DEFAULT 0,
    -- Raised by whatever else may change what the shop is to be told, for example its own word.
    marks           bigint      NOT NULL DEFAULT 1,
    -- What the shop had on hand then, and what it could sell.
    on_hand         bigint,
    available       bigint,
    -- Pieces of the shop's orders of which nobody had looked yet where it has them committed.
    unlooked        bigint      NOT NULL DEFAULT 0,
    -- When that was read: whatever may have changed it since happened after.
    read_at         timestamptz,
    settled_at      timestamptz,
    -- Since when it is not as it was left, and nothing explains why.
    drifts_since    timestamptz,
    -- When its location was asked to stock the item, which is done once.
    activated_at    timestamptz,
    -- Failed attempts since.
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Why it is left alone until then, as a code, and the shop's own words.
    skipped         text,
    detail          text,
    CONSTRAINT levels_pk PRIMARY KEY (shop, location_id, item_id),
    CONSTRAINT levels_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT levels_skipped_known CHECK (skipped IN
        ('GONE', 'UNTRACKED', 'BUNDLE', 'NOT_STOCKED', 'NO_LOCATION', 'SKU_TWICE', 'REFUSED'))
);
CREATE INDEX levels_of_stock ON channel.levels (sku, warehouse);
CREATE INDEX levels_unlooked ON channel.levels (shop, location_id) WHERE unlooked > 0;
CREATE INDEX levels_skipped ON channel.levels (shop, skipped) WHERE skipped IS NOT NULL;

-- What was set, kept before the call: one without an outcome may have worked.
CREATE TABLE channel.writes (
    write_id    bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT writes_pk PRIMARY KEY,
    key         uuid        NOT NULL,
    shop        text        NOT NULL,
    location_id bigint      NOT NULL,
    item_id     bigint      NOT NULL,
    sku         text        NOT NULL,
    was         bigint      NOT NULL,
    wanted      bigint      NOT NULL,
    -- What can be sold then.
    available   bigint      NOT NULL,
    sent_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome     text,
    ended_at    timestamptz,
    CONSTRAINT writes_outcome_known CHECK (outcome IN ('SET', 'REFUSED', 'UNKNOWN')),
    CONSTRAINT writes_ended_complete CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX writes_of_level ON channel.writes (shop, location_id, item_id, write_id);
CREATE INDEX writes_sent_at ON channel.writes (sent_at);

-- Who syncs a shop now, and when its items were learned.
CREATE TABLE channel.shops (
    shop         text        NOT NULL CONSTRAINT shops_pk PRIMARY KEY,
    held_by      uuid,
    held_until   timestamptz NOT NULL DEFAULT '-infinity',
    learn_wanted boolean     NOT NULL DEFAULT true,
    learned_at   timestamptz
);

-- Levels that somebody changed who is neither we nor an order, and what was made of it.
CREATE TABLE channel.drifts (
    drift_id    bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT drifts_pk PRIMARY KEY,
    shop        text        NOT NULL,
    location_id bigint      NOT NULL,
    item_id     bigint      NOT NULL,
    sku         text        NOT NULL,
    warehouse   text        NOT NULL,
    -- What was left on hand there, what was found, and by how many pieces that cannot be explained.
    was         bigint      NOT NULL,
    found       bigint      NOT NULL,
    pieces      bigint      NOT NULL,
    -- Whose figure counts at this location.
    policy      text        NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the shop was as we want it again, or the pieces were booked.
    ended_at    timestamptz,
    CONSTRAINT drifts_policy_known CHECK (policy IN ('ours', 'theirs')),
    CONSTRAINT drifts_some_pieces CHECK (pieces <> 0)
);
CREATE UNIQUE INDEX drifts_open ON channel.drifts (shop, location_id, item_id) WHERE ended_at IS NULL;
CREATE INDEX drifts_found_at ON channel.drifts (shop, found_at);

-- FULFILLED_ELSEWHERE: somebody else's fulfilment took it from a warehouse of ours, or gave it back.
ALTER TABLE inventory.movements
    DROP CONSTRAINT movements_reason,
    ADD CONSTRAINT movements_reason CHECK (reason IN (
        'OPENING_STOCK', 'RECEIPT', 'RESERVATION', 'BACKORDER_ALLOCATION', 'RELEASE', 'FULFILMENT',
        'ALLOCATION', 'EXPIRY', 'ADJUSTMENT', 'RETURN', 'COUNT', 'FULFILLED_ELSEWHERE'));

-- What of other people's fulfilments was booked out of a warehouse of ours.
CREATE TABLE orders.fulfilled_elsewhere (
    order_id      text        NOT NULL,
    -- By the shop's id.
    fulfilment_id bigint      NOT NULL,
    line_id       text        NOT NULL,
    sku           text        NOT NULL,
    warehouse     text        NOT NULL,
    -- None once it was cancelled.
    pieces        integer     NOT NULL,
    booked_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fulfilled_elsewhere_pk PRIMARY KEY (order_id, fulfilment_id, line_id),
    CONSTRAINT fulfilled_elsewhere_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT fulfilled_elsewhere_pieces_not_negative CHECK (pieces >= 0)
);
CREATE INDEX fulfilled_elsewhere_of_stock ON orders.fulfilled_elsewhere (sku, warehouse);

-- Where the shop refused to move a fulfilment order to. It is asked once.
ALTER TABLE orders.fulfilment_orders ADD COLUMN move_refused_to bigint;

-- What the shop was notified of since a level was read, and what it is not notified of yet.
CREATE INDEX parcels_notified_at ON orders.parcels (shop_notified_at);
