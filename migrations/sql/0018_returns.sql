-- A return: pieces of an order that are to come back, as one thing with an id, and what of them came.

-- What the shop says of single pieces (by refunds, returns and dispositions) keeps its rows, under a name of its own.
ALTER TABLE orders.returns RENAME TO announced_pieces;
ALTER TABLE orders.announced_pieces RENAME CONSTRAINT returns_pk TO announced_pieces_pk;
ALTER TABLE orders.announced_pieces RENAME CONSTRAINT returns_order_fk TO announced_pieces_order_fk;
ALTER TABLE orders.announced_pieces RENAME CONSTRAINT returns_source_known TO announced_pieces_source_known;
ALTER TABLE orders.announced_pieces RENAME CONSTRAINT returns_quantity_positive TO announced_pieces_quantity_positive;

CREATE TABLE orders.returns (
    return_id   text        NOT NULL
        CONSTRAINT returns_id_form CHECK (return_id ~ '^ret_[0-9a-f]{32}$'),
    order_id    text        NOT NULL,
    state       text        NOT NULL DEFAULT 'ANNOUNCED',
    -- Who announced it.
    source      text        NOT NULL,
    -- The announcer's own id of it: announced again it is the same return.
    external_id text,
    -- In the announcer's words; it may name a person.
    reason      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT returns_pk PRIMARY KEY (return_id),
    CONSTRAINT returns_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders (order_id),
    CONSTRAINT returns_announced_once UNIQUE (source, external_id),
    CONSTRAINT returns_state_known CHECK (state IN ('ANNOUNCED', 'PARTLY_RECEIVED', 'RECEIVED', 'CANCELLED')),
    CONSTRAINT returns_source_known CHECK (source IN ('SHOPIFY', 'EVENT', 'API'))
);
CREATE INDEX returns_by_order ON orders.returns (order_id);
-- An id begins with the moment it was drawn, so the newest is the largest.
CREATE INDEX returns_by_state ON orders.returns (state, return_id);

CREATE TABLE orders.return_lines (
    return_id           text    NOT NULL,
    line_id             text    NOT NULL,
    -- As what it left, and from where the first of it.
    sku                 text    NOT NULL,
    warehouse           text    NOT NULL,
    announced           integer NOT NULL,
    received_sellable   integer NOT NULL DEFAULT 0,
    received_unsellable integer NOT NULL DEFAULT 0,
    CONSTRAINT return_lines_pk PRIMARY KEY (return_id, line_id),
    CONSTRAINT return_lines_return_fk FOREIGN KEY (return_id) REFERENCES orders.returns (return_id),
    CONSTRAINT return_lines_announced_positive CHECK (announced > 0),
    CONSTRAINT return_lines_received_not_negative CHECK (received_sellable >= 0 AND received_unsellable >= 0),
    -- A piece is received once.
    CONSTRAINT return_lines_received_within_announced CHECK (received_sellable + received_unsellable <= announced)
);

-- What came, each time some did.
CREATE TABLE orders.return_receipts (
    receipt_id bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT return_receipts_pk PRIMARY KEY,
    return_id  text        NOT NULL,
    -- HAND: a person counted it. WAREHOUSE: a warehouse system says so.
    receiver   text        NOT NULL,
    -- The receiver's own id of the receipt; sent again it is the same one.
    key        text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT return_receipts_return_fk FOREIGN KEY (return_id) REFERENCES orders.returns (return_id),
    CONSTRAINT return_receipts_once UNIQUE (return_id, receiver, key),
    CONSTRAINT return_receipts_receiver_known CHECK (receiver IN ('HAND', 'WAREHOUSE'))
);

CREATE TABLE orders.return_receipt_lines (
    receipt_id     bigint  NOT NULL,
    line_id        text    NOT NULL,
    sku            text    NOT NULL,
    warehouse      text    NOT NULL,
    sellable       boolean NOT NULL,
    quantity       integer NOT NULL,
    -- Pieces of them that a refund, a return or a disposition of the shop had put on hand before.
    on_hand_before integer NOT NULL,
    -- Pieces of them that this receipt put on hand: none where stock is kept by a service of its own.
    booked         integer NOT NULL,
    CONSTRAINT return_receipt_lines_pk PRIMARY KEY (receipt_id, line_id, sellable),
    CONSTRAINT return_receipt_lines_receipt_fk
        FOREIGN KEY (receipt_id) REFERENCES orders.return_receipts (receipt_id),
    CONSTRAINT return_receipt_lines_quantity_positive CHECK (quantity > 0),
    -- Per piece the first books, and what cannot be sold is never booked.
    CONSTRAINT return_receipt_lines_booked_once
        CHECK (on_hand_before >= 0 AND booked >= 0 AND on_hand_before + booked <= quantity
               AND (sellable OR booked = 0))
);

CREATE FUNCTION orders.refuse_change_of_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipts of returns are append only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER return_receipts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON orders.return_receipts
    FOR EACH STATEMENT EXECUTE FUNCTION orders.refuse_change_of_receipts();
CREATE TRIGGER return_receipt_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON orders.return_receipt_lines
    FOR EACH STATEMENT EXECUTE FUNCTION orders.refuse_change_of_receipts();
