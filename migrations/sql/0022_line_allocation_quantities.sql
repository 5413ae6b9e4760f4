-- How many pieces an allocation of another inventory system holds, so that a line of which some is held and some is short
-- is seen to be short; and whether its order was ours when it was last said, so that only the others are looked through.
ALTER TABLE orders.line_allocations
    ADD COLUMN quantity bigint,
    ADD COLUMN is_ours  boolean NOT NULL DEFAULT false;
CREATE INDEX line_allocations_of_others ON orders.line_allocations (changed_at) WHERE NOT is_ours;
DROP INDEX orders.line_allocations_oldest;
