-- A sink may want some events alone; without a list it gets them all.
ALTER TABLE integration.sinks ADD COLUMN event_types text[];

-- Who gets events by signed webhooks. The sink of one is called webhook:ID.
CREATE TABLE integration.webhook_subscriptions (
    subscription_id uuid        NOT NULL CONSTRAINT webhook_subscriptions_pk PRIMARY KEY,
    url             text        NOT NULL,
    secret          text        NOT NULL,
    -- The secret before, by which is signed too until then.
    former_secret   text,
    former_until    timestamptz,
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
