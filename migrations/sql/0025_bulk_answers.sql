-- One answer to many parked steps: what was asked for, and what became of each row.
CREATE TABLE orders.bulk_answers (
    bulk_id     text        NOT NULL,
    action      text        NOT NULL,
    asked_by    text        NOT NULL,
    reason      text        NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT bulk_answers_pk PRIMARY KEY (bulk_id),
    CONSTRAINT bulk_answers_action_known CHECK (action IN ('retry', 'skip', 'compensate'))
);
CREATE INDEX bulk_answers_open ON orders.bulk_answers (asked_at) WHERE finished_at IS NULL;

CREATE TABLE orders.bulk_answer_rows (
    bulk_id      text        NOT NULL,
    attention_id bigint      NOT NULL,
    order_id     text        NOT NULL,
    -- When it was asked, and the message that asks; none where somebody had answered before.
    sent_at      timestamptz,
    inbox_id     bigint,
    CONSTRAINT bulk_answer_rows_pk PRIMARY KEY (bulk_id, attention_id),
    CONSTRAINT bulk_answer_rows_bulk_fk FOREIGN KEY (bulk_id) REFERENCES orders.bulk_answers
);
CREATE INDEX bulk_answer_rows_left ON orders.bulk_answer_rows (bulk_id, attention_id) WHERE sent_at IS NULL;
