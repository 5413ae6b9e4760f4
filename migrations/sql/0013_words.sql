-- The trade's words: what is asked of a warehouse is a fulfilment request, what leaves it a parcel, and a shop is
-- notified.
ALTER TABLE orders.hand_overs RENAME TO fulfilment_requests;
ALTER TABLE orders.fulfilment_requests RENAME CONSTRAINT hand_overs_pk TO fulfilment_requests_pk;
ALTER TABLE orders.fulfilment_requests RENAME CONSTRAINT hand_overs_round_unique TO fulfilment_requests_round_unique;
ALTER TABLE orders.fulfilment_requests RENAME CONSTRAINT hand_overs_order_fk TO fulfilment_requests_order_fk;
ALTER TABLE orders.fulfilment_requests
    RENAME CONSTRAINT hand_overs_status_known TO fulfilment_requests_status_known;
ALTER TABLE orders.fulfilment_requests
    RENAME CONSTRAINT hand_overs_pieces_not_negative TO fulfilment_requests_pieces_not_negative;
ALTER INDEX orders.hand_overs_overdue RENAME TO fulfilment_requests_overdue;

ALTER TABLE orders.shipments RENAME TO parcels;
ALTER TABLE orders.parcels RENAME COLUMN shipment_id TO parcel_id;
ALTER TABLE orders.parcels RENAME COLUMN told_shop_at TO shop_notified_at;
ALTER TABLE orders.parcels RENAME COLUMN tellings TO notifications;
ALTER TABLE orders.parcels RENAME CONSTRAINT shipments_pk TO parcels_pk;
ALTER TABLE orders.parcels RENAME CONSTRAINT shipments_hand_over_fk TO parcels_fulfilment_request_fk;
ALTER TABLE orders.parcels RENAME CONSTRAINT shipments_order_fk TO parcels_order_fk;
ALTER INDEX orders.shipments_by_order RENAME TO parcels_by_order;

ALTER TABLE orders.orders RENAME COLUMN told_at_look TO notified_at_look;
ALTER TABLE orders.orders RENAME COLUMN rest_is_called_off TO rest_is_cancelled;
ALTER TABLE inventory.fulfilments RENAME COLUMN shipment_id TO parcel_id;
ALTER TABLE orders.fulfilment_order_news RENAME TO fulfilment_order_updates;
ALTER TABLE orders.fulfilment_order_updates
    RENAME CONSTRAINT fulfilment_order_news_pk TO fulfilment_order_updates_pk;

UPDATE orders.timeline SET event = 'SHOP_NOTIFIED' WHERE event = 'SHOP_TOLD';
UPDATE orders.timeline SET event = 'SHOP_NOT_NOTIFIED' WHERE event = 'SHOP_NOT_TOLD';
