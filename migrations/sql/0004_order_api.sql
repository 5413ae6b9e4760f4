-- Orders placed through our own API: who ordered, what makes a repeated request the same request, and
-- the ways to find an order.

-- Who orders through our API. Personal data: it stands here and in orders.customers, nowhere else.
CREATE TABLE orders.users (
    user_id    text        NOT NULL,
    name       text        NOT NULL,
    email      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pk PRIMARY KEY (user_id)
);
-- An address in other letters is the same address.
CREATE UNIQUE INDEX users_email_unique ON orders.users (lower(email));

-- No foreign key for user_id: a customer is known by its token, registered or not.
ALTER TABLE orders.orders
    ADD COLUMN user_id             text,
    -- SHA-256 of what was asked for and by whom: tells the same order sent again from another one
    -- under its id. Null for orders of a shop.
    ADD COLUMN content_fingerprint bytea;

-- Each filter of the list with the list's own sequence, so that a page is read and not sorted.
CREATE INDEX orders_by_status ON orders.orders (status, created_at DESC, order_id);
CREATE INDEX orders_by_condition ON orders.orders (condition, created_at DESC, order_id)
    WHERE condition IS NOT NULL;
CREATE INDEX orders_by_shop ON orders.orders (shop, created_at DESC, order_id) WHERE shop IS NOT NULL;
CREATE INDEX orders_by_shopify_order ON orders.orders (shopify_order_id) WHERE shopify_order_id IS NOT NULL;
CREATE INDEX orders_by_user ON orders.orders (user_id, created_at DESC, order_id) WHERE user_id IS NOT NULL;
CREATE INDEX customers_by_email ON orders.customers (lower(customer->>'email'));

-- What a request with an Idempotency-Key was answered. Written in the transaction that placed the
-- order: a request that was refused leaves nothing here.
CREATE TABLE orders.idempotency_keys (
    -- Whose key it is: the subject of the caller's token, or empty.
    caller      text        NOT NULL,
    key         text        NOT NULL,
    -- SHA-256 of the content that came with it.
    fingerprint bytea       NOT NULL,
    -- Null only within the transaction that works out the answer.
    status      smallint,
    body        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_by_age ON orders.idempotency_keys (created_at);
