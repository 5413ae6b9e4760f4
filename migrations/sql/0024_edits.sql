-- What people changed of an order, and what the shop said of the same member then: an edit stands until the shop says
-- something else of it. An address stands with the customer alone, so that it goes where personal data go.
CREATE TABLE orders.edits (
    edit_id       bigint      GENERATED ALWAYS AS IDENTITY,
    order_id      text        NOT NULL,
    request_id    text        NOT NULL,
    member        text        NOT NULL,
    line_id       text        NOT NULL DEFAULT '',
    value         text,
    shop_said     text,
    made_by       text        NOT NULL,
    reason        text        NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,
    CONSTRAINT edits_pk PRIMARY KEY (edit_id),
    CONSTRAINT edits_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders,
    CONSTRAINT edits_member_known CHECK (member IN ('ADDRESS', 'SKU', 'WAREHOUSE')),
    CONSTRAINT edits_value_but_of_an_address CHECK ((value IS NULL) = (member = 'ADDRESS')),
    CONSTRAINT edits_line_of_a_sku CHECK ((line_id <> '') = (member = 'SKU')),
    CONSTRAINT edits_once UNIQUE (order_id, request_id, member, line_id)
);
CREATE UNIQUE INDEX edits_that_stand ON orders.edits (order_id, member, line_id) WHERE superseded_at IS NULL;

-- When a person last changed something of it.
ALTER TABLE orders.orders ADD COLUMN edited_at timestamptz;
