-- Allocations that other services ask for, and stock that is counted down.

-- ALLOCATION: taken hold of by another service. EXPIRY: not confirmed in time, and given back.
-- ADJUSTMENT: found missing, broken or given away.
ALTER TABLE inventory.movements
    DROP CONSTRAINT movements_reason,
    ADD CONSTRAINT movements_reason CHECK (reason IN (
        'OPENING_STOCK', 'RECEIPT', 'RESERVATION', 'BACKORDER_ALLOCATION', 'RELEASE', 'FULFILMENT',
        'ALLOCATION', 'EXPIRY', 'ADJUSTMENT'));

-- What expires next. What is confirmed or over has left this index.
CREATE INDEX allocations_due ON inventory.allocations (expires_at)
    WHERE status = 'PENDING' AND expires_at IS NOT NULL;

-- An order's allocations as they are listed, oldest first.
CREATE INDEX allocations_by_order ON inventory.allocations (order_id, created_at, allocation_id);

-- One that another service asked for always ends by itself unless it is confirmed.
ALTER TABLE inventory.allocations
    ADD CONSTRAINT allocations_of_services_expire CHECK (owner <> 'SERVICE' OR expires_at IS NOT NULL);
