-- What another inventory system says of the stock of our orders. An order may be heard of here before it is kept; what
-- becomes the order of nobody is forgotten. Short pieces have no allocation.
CREATE TABLE orders.line_allocations (
    order_id      text        NOT NULL,
    allocation_id text,
    line_id       text,
    sku           text        NOT NULL,
    status        text        NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT line_allocations_unique UNIQUE NULLS NOT DISTINCT (order_id, allocation_id, sku),
    CONSTRAINT line_allocations_status_known
        CHECK (status IN ('BACKORDERED', 'PENDING', 'CONFIRMED', 'FULFILLED', 'CANCELLED')),
    CONSTRAINT line_allocations_of_a_line CHECK ((allocation_id IS NULL) = (line_id IS NULL))
);
CREATE INDEX line_allocations_oldest ON orders.line_allocations (changed_at);
