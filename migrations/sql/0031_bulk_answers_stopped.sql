-- A bulk answer may be stopped by a person, and may approve and refuse as well.
ALTER TABLE orders.bulk_answers
    ADD COLUMN stopped_at  timestamptz,
    ADD COLUMN stopped_by  text,
    ADD COLUMN stop_reason text,
    DROP CONSTRAINT bulk_answers_action_known,
    ADD CONSTRAINT bulk_answers_action_known
        CHECK (action IN ('retry', 'skip', 'compensate', 'approve', 'refuse')),
    ADD CONSTRAINT bulk_answers_stopped_is_finished CHECK (stopped_at IS NULL OR finished_at IS NOT NULL);
