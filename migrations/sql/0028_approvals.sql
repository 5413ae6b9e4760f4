-- What a rule of the policy goes by that wants a person to approve an order before it is handed over: the shop's tags, and
-- what the shop said of its risk when it was last looked at.
ALTER TABLE orders.orders
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT orders_held_by_known,
    ADD CONSTRAINT orders_held_by_known CHECK (held_by IN ('WINDOW', 'SHOPIFY', 'WAREHOUSE', 'RISK'));

CREATE TABLE orders.risks (
    order_id   text        NOT NULL,
    -- The highest of the assessments that are made; none where there is none.
    level      text,
    is_pending boolean     NOT NULL,
    read_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT risks_pk PRIMARY KEY (order_id),
    CONSTRAINT risks_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders,
    CONSTRAINT risks_level_known CHECK (level IN ('none', 'low', 'medium', 'high'))
);

-- What a person was asked to approve, and what became of it. An approval stands for the rules that held and for the total
-- that was seen, whichever run asks.
CREATE TABLE orders.approvals (
    approval_id  bigint      GENERATED ALWAYS AS IDENTITY,
    order_id     text        NOT NULL,
    rules        text[]      NOT NULL,
    total_amount numeric     NOT NULL,
    currency     text        NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT now(),
    decision     text,
    decided_by   text,
    decided_at   timestamptz,
    reason       text,
    CONSTRAINT approvals_pk PRIMARY KEY (approval_id),
    CONSTRAINT approvals_order_fk FOREIGN KEY (order_id) REFERENCES orders.orders,
    CONSTRAINT approvals_decision_known CHECK (decision IN ('APPROVED', 'REFUSED')),
    CONSTRAINT approvals_decision_complete
        CHECK ((decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL)),
    CONSTRAINT approvals_of_some_rule CHECK (cardinality(rules) > 0)
);
CREATE UNIQUE INDEX approvals_asked_once ON orders.approvals (order_id) WHERE decided_at IS NULL;
CREATE INDEX approvals_by_order ON orders.approvals (order_id);
