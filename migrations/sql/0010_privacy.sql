-- The end of personal data. Rows stay for deduplication; what they say of a person goes.

ALTER TABLE orders.orders
    -- Since when somebody wants the order's data forgotten.
    ADD COLUMN redact_wanted_at timestamptz,
    -- When customer, bodies and vendors' words went.
    ADD COLUMN personal_gone_at timestamptz;
CREATE INDEX orders_with_personal_data ON orders.orders (story_ended_at) WHERE personal_gone_at IS NULL;
CREATE INDEX orders_to_redact ON orders.orders (redact_wanted_at)
    WHERE redact_wanted_at IS NOT NULL AND personal_gone_at IS NULL;

-- Who asked to be forgotten: a record of it without any of their data.
CREATE TABLE orders.redactions (
    inbox_id          bigint      CONSTRAINT redactions_pk PRIMARY KEY,
    shop              text        NOT NULL,
    -- Null: every order of the shop.
    shopify_order_ids bigint[],
    asked_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX redactions_by_order ON orders.redactions USING gin (shopify_order_ids);

-- Customers who asked what is known of them. An administrator fetches it.
CREATE TABLE orders.data_requests (
    inbox_id          bigint      CONSTRAINT data_requests_pk PRIMARY KEY,
    shop              text        NOT NULL,
    shopify_order_ids bigint[]    NOT NULL,
    asked_at          timestamptz NOT NULL DEFAULT now(),
    fetched_at        timestamptz
);
