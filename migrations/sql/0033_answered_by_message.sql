-- Which message of the inbox answered a row: whoever asks again by the same message hears that it was done.
ALTER TABLE orders.attention ADD COLUMN resolved_by_message bigint;
CREATE INDEX attention_by_message ON orders.attention (resolved_by_message) WHERE resolved_by_message IS NOT NULL;
