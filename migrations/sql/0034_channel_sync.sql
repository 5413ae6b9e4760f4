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
    settled_at      timestamptz,
    -- Failed attempts since.
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Why it is left alone until then, as a code, and the shop's own words.
    skipped         text,
    detail          text,
    CONSTRAINT levels_pk PRIMARY KEY (shop, location_id, item_id),
    CONSTRAINT levels_attempts_not_negative CHECK (attempts >= 0)
);
CREATE INDEX levels_of_stock ON channel.levels (sku, warehouse);
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
