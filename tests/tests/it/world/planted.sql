-- Where the programs built with the feature `faults` look for what is planted.
CREATE SCHEMA faults;
CREATE TABLE faults.planted (
    step             text    NOT NULL,
    moment           text    NOT NULL,
    action           text    NOT NULL,
    order_id         text,
    shopify_order_id bigint,
    times            integer NOT NULL DEFAULT 1
);
