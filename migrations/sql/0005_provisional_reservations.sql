-- Where inventory runs as a service of its own, an order and its reservation are two databases: the
-- reservation is made first and is provisional until it is known that the order is kept.

ALTER TABLE inventory.reservations
    -- When it is given back if nobody has confirmed it by then; none once it is for good.
    ADD COLUMN provisional_until TIMESTAMPTZ;

CREATE INDEX reservations_provisional
    ON inventory.reservations (provisional_until) WHERE provisional_until IS NOT NULL;

-- Which orders that waited were served, for another process that asks again and again.
CREATE INDEX movements_served
    ON inventory.movements (at, movement_id) WHERE reason = 'BACKORDER_ALLOCATION';
