-- Pieces that the shop's people put on the shelf again came back, whether or not a return was announced.
ALTER TABLE orders.returns DROP CONSTRAINT returns_source_known;
ALTER TABLE orders.returns
    ADD CONSTRAINT returns_source_known CHECK (source IN ('REFUND', 'RETURN', 'DISPOSITION'));

-- When the newest look was asked for: one that began before is not enough.
ALTER TABLE orders.orders ADD COLUMN look_wanted_at timestamptz;
