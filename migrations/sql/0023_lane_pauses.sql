-- When which lane was paused, why and by whom. A pause without an end is on. Where several shops share a lane, one of
-- them is paused under the name that its own lane would have.
CREATE TABLE orders.lane_pauses (
    pause_id   bigint      GENERATED ALWAYS AS IDENTITY,
    lane       text        NOT NULL,
    cause      text        NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),
    paused_by  text        NOT NULL,
    reason     text        NOT NULL,
    until      timestamptz,
    resumed_by text,
    resume_reason text,
    CONSTRAINT lane_pauses_pk PRIMARY KEY (pause_id),
    CONSTRAINT lane_pauses_cause_known CHECK (cause IN ('PERSON', 'DOWN', 'TOKEN_REFUSED')),
    CONSTRAINT lane_pauses_ended_by_somebody CHECK ((until IS NULL) = (resumed_by IS NULL)),
    CONSTRAINT lane_pauses_in_order CHECK (until >= since)
);
CREATE UNIQUE INDEX lane_pauses_on ON orders.lane_pauses (lane, cause) WHERE until IS NULL;
CREATE INDEX lane_pauses_of ON orders.lane_pauses (lane, until);

-- What the latest calls said of whoever was called: the last three that say it is down, and the latest that was done.
CREATE TABLE orders.lane_health (
    lane            text        NOT NULL,
    failures        jsonb       NOT NULL DEFAULT '[]',
    failing_since   timestamptz,
    succeeded_order text,
    succeeded_at    timestamptz,
    -- When a probe last ended a pause, the pause before the next probe, and who is at it.
    resumed_at      timestamptz,
    wait_ms         bigint      NOT NULL DEFAULT 0,
    probe_after     timestamptz,
    probing_until   timestamptz,
    CONSTRAINT lane_health_pk PRIMARY KEY (lane),
    CONSTRAINT lane_health_last_three CHECK (jsonb_array_length(failures) <= 3)
);

-- Attempts at a call that failed, for as long as it is repeated.
CREATE TABLE orders.call_attempts (
    call            text        NOT NULL,
    order_id        text        NOT NULL,
    step            text        NOT NULL,
    code            text        NOT NULL,
    -- Those that are the order's own fault as far as anybody can tell.
    counted         integer     NOT NULL,
    first_failed_at timestamptz NOT NULL DEFAULT now(),
    last_failed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT call_attempts_pk PRIMARY KEY (call)
);
CREATE INDEX call_attempts_old ON orders.call_attempts (last_failed_at);

-- The lanes of the next calls of open orders that nobody has parked: of the system of a hand-over that was planned and
-- not taken, or that is to be planned anew; of its shop if the order is to be planned, or if the shop has not heard of
-- a parcel.
CREATE VIEW orders.needed_lanes AS
SELECT o.order_id, needed.lane
FROM orders.orders AS o
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.system = 'wms' THEN 'warehouse' ELSE 'warehouse-' || r.system END AS lane
    FROM orders.fulfilment_requests AS r
    WHERE r.order_id = o.order_id
      AND (r.status = 'REQUESTED' OR (r.status = 'ACCEPTED' AND o.planned_version < o.wish_version))
    UNION
    SELECT unnest(ARRAY[o.shop_lane, left('shopify-' || o.shop, 128)])
    WHERE o.shop IS NOT NULL
      AND ((o.planned_version < o.wish_version AND o.condition IS DISTINCT FROM 'ON_HOLD')
           OR EXISTS (SELECT FROM orders.parcels AS p WHERE p.order_id = o.order_id AND p.shop_notified_at IS NULL))
) AS needed
WHERE o.story_ended_at IS NULL AND o.condition IS DISTINCT FROM 'NEEDS_ATTENTION';
