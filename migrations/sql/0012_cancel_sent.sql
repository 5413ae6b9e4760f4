-- When a cancel was last sent to the order's run by signal: a hand-over that was planned in that moment may
-- not have heard of it.
ALTER TABLE orders.orders ADD COLUMN cancel_sent_at timestamptz;
