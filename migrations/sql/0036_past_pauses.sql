-- How many orders waited for a lane when its pause ended: nobody asks them one by one afterwards.
ALTER TABLE orders.lane_pauses ADD COLUMN waited bigint;
