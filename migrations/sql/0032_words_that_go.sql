-- What people did stays as it is, but for the words about an order whose customer is to be forgotten.
CREATE OR REPLACE FUNCTION orders.refuse_change_of_acts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' AND TG_OP = 'UPDATE' AND NEW.reason IS NULL AND OLD.order_id IS NOT NULL
       AND to_jsonb(NEW) - 'reason' = to_jsonb(OLD) - 'reason' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'orders.acts is append only' USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER acts_append_only ON orders.acts;
CREATE TRIGGER acts_append_only BEFORE UPDATE OR DELETE ON orders.acts
    FOR EACH ROW EXECUTE FUNCTION orders.refuse_change_of_acts();
CREATE TRIGGER acts_never_emptied BEFORE TRUNCATE ON orders.acts
    FOR EACH STATEMENT EXECUTE FUNCTION orders.refuse_change_of_acts();
CREATE INDEX acts_with_words ON orders.acts (order_id) WHERE reason IS NOT NULL AND order_id IS NOT NULL;

-- Which a bulk answer is for, so that its id stands for no other one.
ALTER TABLE orders.bulk_answers ADD COLUMN meant text;
